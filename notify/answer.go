package notify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	answerRead = 2 << 10                // bytes of an answer's body that are read
	answerWait = 100 * time.Millisecond // for the body: the status is what counts, and what is delivered must be noted soon
)

// ReadAnswer returns an HTTP answer's status and the beginning of its body, in
// words. It calls cancel where the body does not come to its end soon.
func ReadAnswer(response *http.Response, cancel context.CancelFunc) string {
	timer := time.AfterFunc(answerWait, cancel)
	defer timer.Stop()
	body, _ := io.ReadAll(io.LimitReader(response.Body, answerRead)) // what came until an error is enough
	said := strings.TrimSpace(string(body))
	if said == "" {
		return StatusText(response.StatusCode)
	}
	return StatusText(response.StatusCode) + ": " + said
}

// StatusText names a status by our own words, not by the server's.
func StatusText(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// Answered says what an HTTP answer of a host means for the message: nil where
// it was taken.
func Answered(response *http.Response, host string) error {
	code := response.StatusCode
	err := fmt.Errorf("%s answered %s", host, StatusText(code))
	switch {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests:
		return Throttled(err, RetryAfter(response.Header, time.Now()), host)
	case code == http.StatusGatewayTimeout:
		return err // the gateway gave up waiting; who is behind it may have taken the message
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		if after := RetryAfter(response.Header, time.Now()); after > 0 {
			return Throttled(err, after, host)
		}
		return Refused(err)
	}
	return Permanent(err)
}
