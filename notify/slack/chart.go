package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/billwatch/billwatch"
)

// chart uploads the chart into the message's thread. The message has arrived: a
// chart that fails is told in the answer, and no more is made of it.
func (t *telling) chart(ctx context.Context) {
	at, ok := placeOf(t.receipt.Ref)
	if !t.notifier.config.Chart || len(t.told.Chart) == 0 || !ok || t.isDone(stepChart) {
		return
	}
	answer := t.receipt.Answer
	err := t.upload(ctx, at)
	t.receipt.Answer = answer
	if err != nil {
		t.receipt.Answer += "; without its chart: " + err.Error()
		return
	}
	t.done(stepChart)
}

// upload takes Slack's three steps: ask where to, send the bytes there, and
// share what was sent.
func (t *telling) upload(ctx context.Context, at place) error {
	name := chartName(t.told)
	r, err := t.ask(ctx, func(api *slackgo.Client) error {
		_, err := api.GetUploadURLExternalContext(ctx, slackgo.GetUploadURLExternalParameters{
			FileName: "balance.png", FileSize: len(t.told.Chart), AltTxt: "Chart: " + name,
		})
		return err
	})
	if err != nil {
		return err
	}
	var to struct {
		URL  string `json:"upload_url"`
		File string `json:"file_id"`
	}
	if err := json.Unmarshal(r.body, &to); err != nil || to.File == "" {
		return errors.New("where to upload to was not said")
	}
	if err := t.put(ctx, to.URL); err != nil {
		return err
	}
	_, err = t.ask(ctx, func(api *slackgo.Client) error {
		_, err := api.CompleteUploadExternalContext(ctx, slackgo.CompleteUploadExternalParameters{
			Files: []slackgo.FileSummary{{ID: to.File, Title: name}}, Channel: at.channel, ThreadTimestamp: at.ts,
		})
		return err
	})
	return err
}

// put sends the bytes. The address is a secret of its own, and needs no token.
func (t *telling) put(ctx context.Context, address string) error {
	if !t.mayUpload(address) {
		return errors.New("the address named is not one to upload to")
	}
	a := t.notifier.attempt(t.secret)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(t.told.Chart))
	if err != nil {
		return errors.New("the address named is none")
	}
	request.Header.Set("Content-Type", "image/png")
	response, err := a.exchange.Do(request)
	if err != nil {
		return a.unanswered(err)
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if a.exchange.status != http.StatusOK {
		return fmt.Errorf("the upload was answered with %d", a.exchange.status)
	}
	return nil
}

// mayUpload says whether an address is a place for the chart: encrypted, or
// where the methods are too.
func (t *telling) mayUpload(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	api, err := url.Parse(t.notifier.config.APIURL)
	return u.Scheme == "https" || err == nil && u.Scheme == api.Scheme && u.Host == api.Host
}

// chartName names the chart by the account that it shows. Whether Slack looks for
// marks in a file's title is not said, so there are none in it.
func chartName(told billwatch.Notification) string {
	if len(told.Alerts) == 0 || told.Alerts[0].Snapshot == nil {
		return "balance"
	}
	name := strings.NewReplacer("<", "‹", ">", "›").Replace(oneLine(told.Alerts[0].Snapshot.Account.Title()))
	return "balance of " + shortened(name, 100)
}
