package notifytest

import "github.com/billwatch/billwatch/notify"

// Class is what an attempt's error means to the dispatcher, in a word:
// "delivered", "permanent", "throttled", "refused" or "unclear".
func Class(err error) string {
	_, _, throttled := notify.Throttle(err)
	switch {
	case err == nil:
		return "delivered"
	case notify.IsPermanent(err):
		return "permanent"
	case throttled:
		return "throttled"
	case notify.IsRefused(err):
		return "refused"
	}
	return "unclear"
}
