package alertmanager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// feed is one Alertmanager.
type feed struct {
	url       *url.URL
	config    Config
	userAgent string
	client    *http.Client
}

// Name implements notify.Feed.
func (f *feed) Name() string { return f.url.Host + strings.TrimSuffix(f.url.Path, path) }

// String is the name; the settings hold secrets.
func (f *feed) String() string { return f.Name() }

// GoString does the same for %#v.
func (f *feed) GoString() string { return f.Name() }

// Push implements notify.Feed.
func (f *feed) Push(ctx context.Context, s notify.Standing) error {
	_, err := f.post(ctx, s)
	return err
}

// post posts once, and returns what the Alertmanager said.
func (f *feed) post(ctx context.Context, s notify.Standing) (string, error) {
	body, err := encode(s.Alerts, s.At, page(s.ExternalURL))
	if err != nil {
		return "", notify.Permanent(fmt.Errorf("encode alerts: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, f.config.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url.String(), bytes.NewReader(body))
	if err != nil {
		return "", notify.Permanent(err)
	}
	for name, value := range f.config.Headers {
		request.Header.Set(name, value.Reveal())
	}
	request.Header.Set("Content-Type", "application/json")
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", f.userAgent)
	}
	return f.send(request, cancel)
}

// send sends a request whose end is its context's.
func (f *feed) send(request *http.Request, cancel context.CancelFunc) (string, error) {
	var sent notify.LeaseWatch
	if err := sent.Over(request); err != nil {
		return "", notify.Permanent(err)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return "", f.unanswered(err, sent.Began())
	}
	defer response.Body.Close()
	if err := sent.Unsent(); err != nil {
		return "", f.unanswered(err, false)
	}
	said := notify.Redact(notify.ReadAnswer(response, cancel), f.secrets()...)
	err = notify.Answered(response, f.Name())
	if notify.IsPermanent(err) { // which alerts it does not take, and why, it says in words
		err = notify.Permanent(fmt.Errorf("%s answered %s", f.Name(), said))
	}
	return said, err
}

// unanswered says what an attempt without an answer means.
func (f *feed) unanswered(err error, began bool) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err // the outer text repeats the URL
	}
	text := fmt.Errorf("post to %s: %s", f.Name(), notify.Redact(err.Error(), f.secrets()...))
	if errors.Is(err, context.DeadlineExceeded) {
		text = fmt.Errorf("post to %s: no answer in time: %w", f.Name(), context.DeadlineExceeded)
	}
	if !began {
		return notify.Refused(text)
	}
	return text
}

// secrets are what an answer might echo: a header's value, and the token in
// "Bearer token".
func (f *feed) secrets() []billwatch.Secret {
	const least = 8 // a shorter value, "1" or "prod", is no secret and would hide half of an answer
	all := []billwatch.Secret{f.config.ProxyURL}
	for _, value := range f.config.Headers {
		for _, text := range append(strings.Fields(value.Reveal()), value.Reveal()) {
			if len(text) >= least {
				all = append(all, billwatch.Secret(text))
			}
		}
	}
	return all
}
