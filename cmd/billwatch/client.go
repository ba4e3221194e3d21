package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const (
	defaultURL    = "http://127.0.0.1:9595"
	clientTimeout = 30 * time.Second
	mostAnswer    = 64 << 20
)

// Variables that say where the running billwatch is, and who asks.
const (
	envURL      = "BILLWATCH_URL"
	envUser     = "BILLWATCH_USER"
	envPassword = "BILLWATCH_PASSWORD"
)

// client asks a running billwatch.
type client struct {
	base *url.URL // without user and password, so that it can be shown
	user *url.Userinfo
	http *http.Client
}

// urlFlag adds the flag that says where the running billwatch is.
func urlFlag(cmd *cobra.Command) *string {
	return cmd.PersistentFlags().String("url", "", "`ADDRESS` of billwatch (default "+defaultURL+")")
}

// newClient returns a client of the billwatch at an address; where it is empty
// the environment says it, or it is this machine's.
func newClient(address string) (*client, error) {
	address = cmp.Or(address, os.Getenv(envURL), defaultURL)
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, misused(errors.New("--url: not an address such as " + defaultURL)) // what was typed may hold a password
	}
	user := base.User
	if name, password := os.Getenv(envUser), os.Getenv(envPassword); user == nil && name != "" {
		user = url.UserPassword(name, password)
	}
	base.User = nil
	return &client{base: base, user: user, http: &http.Client{
		Timeout: clientTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { // to anywhere else the password must not go
			return http.ErrUseLastResponse
		},
	}}, nil
}

// get asks for what is at a path, whose elements are escaped already.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	at := c.base.JoinPath(path)
	at.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return misused(err)
	}
	return c.do(request, into)
}

// post has something done; body may be nil.
func (c *client) post(ctx context.Context, path string, body, into any) error {
	var sent io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return found(err)
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), sent)
	if err != nil {
		return misused(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.do(request, into)
}

// delete has something ended.
func (c *client) delete(ctx context.Context, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.base.JoinPath(path).String(), http.NoBody)
	if err != nil {
		return misused(err)
	}
	return c.do(request, nil)
}

// do sends a request and decodes the answer unless into is nil.
func (c *client) do(request *http.Request, into any) error {
	request.Header.Set("User-Agent", "billwatch/"+version)
	if c.user != nil {
		password, _ := c.user.Password()
		request.SetBasicAuth(c.user.Username(), password)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return found(c.unreachable(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return found(c.unreachable(err))
	}
	if response.StatusCode/100 != 2 {
		return found(c.refused(response.StatusCode, text))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return found(fmt.Errorf("%s: the answer is not billwatch's: %w\n  hint: --url", c.base, err))
	}
	return nil
}

// unreachable says that nobody, or nobody in time, answered.
func (c *client) unreachable(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		if wrapped.Timeout() {
			return fmt.Errorf("%s: no answer in time", c.base)
		}
		err = wrapped.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s: connection refused\n  hint: is billwatch running there? --url says where it is", c.base)
	}
	return fmt.Errorf("%s: %w", c.base, err)
}

// refused says what the other side said against a request.
func (c *client) refused(status int, text []byte) error {
	what, detailed := said(text)
	if !detailed {
		what = http.StatusText(status)
	}
	hint := ""
	switch {
	case status == http.StatusUnauthorized:
		hint = "\n  hint: " + envUser + " and " + envPassword + ", or --url http://USER:PASSWORD@HOST:9595"
	case status == http.StatusNotFound && !detailed:
		hint = "\n  hint: is that a billwatch of this version? --url says where it is"
	case status/100 == 3:
		hint = "\n  hint: it leads elsewhere; name that address with --url"
	}
	return &refusedError{status, fmt.Sprintf("%s: %d: %s%s", c.base, status, strings.TrimSuffix(what, "."), hint)}
}

// said returns the text of an answer that refuses: a problem's, or as
// Alertmanager words it.
func said(text []byte) (string, bool) {
	var problem struct {
		Detail  string `json:"detail"`
		Message string `json:"message"`
	}
	var detail string
	if json.Unmarshal(text, &problem) == nil {
		detail = cmp.Or(problem.Detail, problem.Message)
	} else if json.Unmarshal(text, &detail) != nil {
		return "", false
	}
	lines := strings.Split(detail, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n"), detail != ""
}

// refusedError is what the other side said against a request.
type refusedError struct {
	status int
	text   string
}

func (e *refusedError) Error() string { return e.text }
