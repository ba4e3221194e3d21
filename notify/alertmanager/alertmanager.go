package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// Notifier stands for some Alertmanagers, each of which is told on its own.
type Notifier struct {
	common notify.Common
	feeds  []*feed
}

// New checks the settings.
func New(c Config, common notify.Common) (*Notifier, error) {
	urls, urlErr := c.addresses()
	transport, transportErr := notify.NewTransport(c.CAFile, c.ProxyURL)
	if err := errors.Join(c.check(), urlErr, transportErr); err != nil {
		return nil, err
	}
	n := &Notifier{common: common}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a redirect may turn the POST into a GET, and would carry headers elsewhere
	}}
	for _, u := range urls {
		n.feeds = append(n.feeds, &feed{url: u, config: c, userAgent: common.UserAgent, client: client})
	}
	return n, nil
}

// String names the integration; the settings hold secrets.
func (n *Notifier) String() string { return "alertmanager " + n.common.Integration }

// GoString does the same for %#v.
func (n *Notifier) GoString() string { return n.String() }

// Feeds implements notify.Fed.
func (n *Notifier) Feeds() []notify.Feed {
	all := make([]notify.Feed, len(n.feeds))
	for i, f := range n.feeds {
		all[i] = f
	}
	return all
}

// Notify posts the alerts of a test, as they stood when it was written, to all
// Alertmanagers that have not taken them yet. The receipt's Done names those that
// have.
func (n *Notifier) Notify(ctx context.Context, told billwatch.Notification, prior billwatch.Receipt) (billwatch.Receipt, error) {
	stand := notify.Standing{Alerts: told.Alerts, At: told.FrozenAt, ExternalURL: told.ExternalURL}
	var mu sync.Mutex
	answers, failed := map[string]string{}, map[string]error{}
	var wg sync.WaitGroup
	for _, f := range n.feeds {
		if slices.Contains(prior.Done, f.Name()) {
			continue
		}
		wg.Go(func() {
			answer, err := f.post(ctx, stand)
			mu.Lock()
			defer mu.Unlock()
			answers[f.Name()] = answer
			if err != nil {
				failed[f.Name()] = err
			}
		})
	}
	wg.Wait()
	receipt := billwatch.Receipt{Done: slices.Clone(prior.Done)}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		if failed[name] == nil {
			receipt.Done = append(receipt.Done, name)
		}
		if answers[name] != "" {
			said = append(said, name+" answered "+answers[name])
		}
	}
	receipt.Answer = strings.Join(said, "; ")
	return receipt, together(failed)
}

// together is one error for those of several Alertmanagers. It claims no more
// than holds for each: that none took it, that none ever will.
func together(failed map[string]error) error {
	if len(failed) == 0 {
		return nil
	}
	var texts []string
	var throttled error
	refused, permanent := true, true
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		err := failed[name]
		texts = append(texts, err.Error())
		refused = refused && notify.IsRefused(err)
		permanent = permanent && notify.IsPermanent(err)
		if _, _, ok := notify.Throttle(err); ok {
			throttled = err
		}
	}
	err := errors.New(strings.Join(texts, "; "))
	switch {
	case permanent:
		return notify.Permanent(err)
	case !refused:
		return err
	case throttled != nil:
		after, where, _ := notify.Throttle(throttled)
		return notify.Throttled(err, after, where)
	}
	return notify.Refused(err)
}

// page returns where an alert is shown, "" where there are no pages.
func page(external string) func(billwatch.Alert) string {
	return func(a billwatch.Alert) string {
		if external == "" || a.Fingerprint == "" {
			return ""
		}
		return fmt.Sprintf("%s/alerts/%s", strings.TrimSuffix(external, "/"), a.Fingerprint)
	}
}
