package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch/notify"
)

const (
	maxAnswer  = 2 << 10                // bytes of an answer's body that are read
	answerWait = 100 * time.Millisecond // for the body: the status is what counts, and what is delivered must be noted soon
)

// readAnswer returns the status and the beginning of the body, in words.
func readAnswer(response *http.Response, cancel context.CancelFunc) string {
	timer := time.AfterFunc(answerWait, cancel)
	defer timer.Stop()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // what came until an error is enough
	said := strings.TrimSpace(string(body))
	if said == "" {
		return status(response.StatusCode)
	}
	return status(response.StatusCode) + ": " + said
}

// status names a status by our own words, not by the server's.
func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// judge says what an answer means.
func (n *Notifier) judge(response *http.Response, s *secrets) error {
	code := response.StatusCode
	err := fmt.Errorf("%s answered %s", s.url.Hostname(), status(code))
	switch {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests:
		return notify.Throttled(err, notify.RetryAfter(response.Header, time.Now()), s.url.Host)
	case code == http.StatusGatewayTimeout:
		return err // the gateway gave up waiting; who is behind it may have taken the message
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		if after := notify.RetryAfter(response.Header, time.Now()); after > 0 {
			return notify.Throttled(err, after, s.url.Host)
		}
		return notify.Refused(err)
	case code >= 300 && code < 400:
		return notify.Permanent(errors.Join(err, errors.New("only 307 and 308 on the same host are followed")))
	case (code == http.StatusUnauthorized || code == http.StatusForbidden) && n.secrets.Renewed(s):
		return notify.Refused(fmt.Errorf("%w; the secret has changed since", err))
	}
	return notify.Permanent(err)
}
