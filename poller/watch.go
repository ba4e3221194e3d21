package poller

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// watched is one exchange as it goes on, for whoever watches; nil where nobody
// does, and then nothing is kept of it.
type watched struct {
	tell    func(Exchange)
	seen    Exchange
	body    bytes.Buffer
	secrets []string
	began   time.Time
}

// watch begins to look on at a request, as soon as it is let go.
func (c *Client) watch(r Request, secret string) *watched {
	if c.watcher == nil {
		return nil
	}
	w := &watched{tell: c.watcher, secrets: c.secrets(secret), began: time.Now()}
	w.seen.Route = r.Route
	return w
}

// asks notes the address that is asked for.
func (w *watched) asks(u *url.URL) {
	if w != nil {
		w.seen.Path = hideAll(u.RequestURI(), w.secrets)
	}
}

// answers notes an answer, and looks on at its body from then on.
func (w *watched) answers(resp *http.Response) {
	if w == nil {
		return
	}
	w.seen.Status = resp.StatusCode
	w.seen.Header = maps.Clone(resp.Header)
	w.seen.Header.Del("Set-Cookie") // is a credential, too
	for name, values := range w.seen.Header {
		shown := slices.Clone(values)
		for i, v := range shown {
			shown[i] = hideAll(v, w.secrets)
		}
		w.seen.Header[name] = shown
	}
	resp.Body = &watchedBody{resp.Body, w}
}

// ends tells of the exchange.
func (w *watched) ends(err error) {
	if w == nil {
		return
	}
	w.seen.Took = time.Since(w.began)
	w.seen.Err = err
	text := hideAll(w.body.String(), w.secrets)
	text = withoutHalf(text, w.secrets) // where it was cut
	w.seen.Cut = w.seen.Bytes > int64(w.body.Len()) || len(text) > MaxDetail
	w.seen.Body = []byte(text[:min(len(text), MaxDetail)])
	w.tell(w.seen)
}

// watchedBody is a body of which a part is kept as it is read.
type watchedBody struct {
	io.ReadCloser
	by *watched
}

// Read reads on, and keeps what the watcher is told.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.by.seen.Bytes += int64(n)
	if left := MaxDetail - b.by.body.Len(); left > 0 {
		b.by.body.Write(p[:min(n, left)])
	}
	return n, err
}

// spellings returns the ways in which a secret may come back, the longest
// first.
func spellings(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	for _, escapeHTML := range []bool{true, false} {
		var quoted bytes.Buffer
		encoder := json.NewEncoder(&quoted)
		encoder.SetEscapeHTML(escapeHTML)
		if encoder.Encode(secret) == nil {
			inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(quoted.String()), `"`), `"`)
			all = append(all, inner, strings.ReplaceAll(inner, "/", `\/`))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(slices.DeleteFunc(all, func(s string) bool { return s == "" }))
}

func hideAll(text string, secrets []string) string {
	for _, s := range secrets {
		text = hide(text, s)
	}
	return text
}

// withoutHalf cuts off a secret's beginning with which a text ends: half a
// secret is one, too.
func withoutHalf(text string, secrets []string) string {
	const telling = 4
	for _, s := range secrets {
		for n := len(s) - 1; n >= telling; n-- {
			if strings.HasSuffix(text, s[:n]) {
				return text[:len(text)-n]
			}
		}
	}
	return text
}
