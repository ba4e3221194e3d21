package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/billwatch/billwatch/notify"
)

// hostOf is the host as all who go there spell it.
func hostOf(u *url.URL) string { return strings.ToLower(u.Host) }

// judge says what an answer means.
func (n *Notifier) judge(response *http.Response, s *secrets) error {
	err := notify.Answered(response, hostOf(s.url))
	switch code := response.StatusCode; {
	case code >= 300 && code < 400:
		return notify.Permanent(errors.Join(err, errors.New("only 307 and 308 on the same host are followed")))
	case (code == http.StatusUnauthorized || code == http.StatusForbidden) && n.secrets.Renewed(s):
		return notify.Refused(fmt.Errorf("%s answered %s; the secret has changed since", s.url.Host, notify.StatusText(code)))
	}
	return err
}
