// Package notifytest is what every notifier promises, as a suite of tests, and
// the notifications to test with.
//
// A notifier's own test starts a real server, says how that server takes a
// message, refuses one or goes silent, and hands both to Run. A notifier that
// speaks HTTP needs less: HTTP starts the server itself.
//
//	func TestConformance(t *testing.T) {
//		notifytest.HTTP(t, notifytest.Site{
//			New: func(url string) (notify.Notifier, error) {
//				c := webhook.Defaults()
//				c.URL, c.AllowPrivate = billwatch.Secret(url), true
//				return webhook.New(c, notify.Common{})
//			},
//		})
//	}
package notifytest
