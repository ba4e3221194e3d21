package httpjson

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

const (
	typeName    = "http-json"
	defaultKind = "account"
)

// HTTPJSON is the provider type.
func HTTPJSON() poller.Type {
	return poller.Type{Name: typeName, Settings: func() poller.Settings {
		return &Config{AuthHeader: "Authorization", Kind: defaultKind}
	}}
}

// Config is the settings of a source.
type Config struct {
	poller.Connection `yaml:",inline"`

	Token      billwatch.Secret            `yaml:"token"`
	TokenFile  string                      `yaml:"token_file"`
	AuthHeader string                      `yaml:"auth_header"` // that carries the token
	AuthPrefix *string                     `yaml:"auth_prefix"` // before the token; "Bearer " in Authorization, else nothing
	Headers    map[string]billwatch.Secret `yaml:"headers"`     // sent with each request

	Kind    string   `yaml:"kind"` // of all accounts
	Unit    string   `yaml:"unit"` // of all amounts
	List    List     `yaml:"list"`
	Detail  *Detail  `yaml:"detail"`
	History *History `yaml:"history"`
	Fields  Fields   `yaml:"fields"`
}

// List is the request that lists the accounts.
type List struct {
	Path          string `yaml:"path"`  // below base_url, with its query
	Items         Expr   `yaml:"items"` // the array of accounts; the answer itself is the one account where it is empty
	ID            Expr   `yaml:"id"`
	Name          Expr   `yaml:"name"`
	Role          Expr   `yaml:"role"`
	Next          Expr   `yaml:"next"`           // the next page: a link, or what the parameter takes
	NextParameter string `yaml:"next_parameter"` // of the query
}

// Detail is the request about one account.
type Detail struct {
	Path         string `yaml:"path"` // with {id}
	ID           Expr   `yaml:"id"`   // must be the account's that was asked for
	Suspended403 Expr   `yaml:"suspended_403"`
}

// History is the request for one account's balance records.
type History struct {
	Path      string `yaml:"path"`  // with {id} and {since}
	Since     string `yaml:"since"` // how {since} is written: rfc3339, date or unix
	Items     Expr   `yaml:"items"`
	Period    Expr   `yaml:"period"`
	Remaining Expr   `yaml:"remaining"`
	Used      Expr   `yaml:"used"`
}

// New checks the settings and makes the provider; one with a history is a
// poller.Historian, too.
func (c *Config) New(common poller.Common) (poller.Provider, error) {
	headers, headersErr := c.headers()
	client, err := poller.NewClient(poller.ClientConfig{
		Common:     common,
		Connection: c.Connection,
		Token:      poller.Token{Field: "token", Value: c.Token, File: c.TokenFile},
		Header:     c.AuthHeader,
		Prefix:     c.prefix(),
		Headers:    headers,
	})
	plan, planErr := c.plan(common.Source)
	if err := errors.Join(err, headersErr, planErr, c.shown()); err != nil {
		return nil, err
	}
	p := &provider{Client: client, plan: plan}
	if plan.history != nil {
		return &historian{p}, nil
	}
	return p, nil
}

func (c *Config) prefix() string {
	switch {
	case c.AuthPrefix != nil:
		return *c.AuthPrefix
	case strings.EqualFold(c.AuthHeader, "Authorization") || c.AuthHeader == "":
		return "Bearer "
	}
	return ""
}

// shown refuses secrets in the paths, which stand in logs and in messages.
func (c *Config) shown() error {
	paths := [][2]string{{"list.path", c.List.Path}}
	if c.Detail != nil {
		paths = append(paths, [2]string{"detail.path", c.Detail.Path})
	}
	if c.History != nil {
		paths = append(paths, [2]string{"history.path", c.History.Path})
	}
	const telling = 8 // shorter ones may be there by chance
	secret := c.Token.Reveal()
	var errs []error
	for _, p := range paths {
		if len(secret) >= telling && (strings.Contains(p[1], secret) || strings.Contains(p[1], url.QueryEscape(secret))) {
			errs = append(errs, &billwatch.FieldError{Field: p[0], Err: errors.New("holds the token"),
				Hint: "addresses end up in logs; a header carries it: see auth_header"})
		}
	}
	return errors.Join(errs...)
}

// ours are the headers that a request has anyhow, or that say what a body or a
// connection is.
func ours() []string {
	return []string{
		"Authorization", "Proxy-Authorization", "Cookie", "Host", "Accept-Encoding", "Content-Length", "Content-Type",
		"Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer", "Upgrade", "Range",
	}
}

func (c *Config) headers() (http.Header, error) {
	var errs []error
	wrong := func(field, what, hint string) {
		errs = append(errs, &billwatch.FieldError{Field: field, Err: errors.New(what), Hint: hint})
	}
	if c.AuthHeader != "" && !isHeader(c.AuthHeader) || slices.Contains(ours()[2:], textproto.CanonicalMIMEHeaderKey(c.AuthHeader)) {
		wrong("auth_header", fmt.Sprintf("%q cannot carry the token", c.AuthHeader), "such as X-API-Key")
	}
	if strings.ContainsFunc(c.prefix(), unicode.IsControl) {
		wrong("auth_prefix", "holds a control character", "")
	}
	headers := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		value, key := c.Headers[name].Reveal(), textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !isHeader(name):
			wrong("headers."+name, "is not a header's name", "")
		case slices.Contains(ours(), key) || strings.EqualFold(name, c.AuthHeader):
			wrong("headers."+name, "is set by billwatch itself", "the credential is the token's")
		case strings.ContainsFunc(value, unicode.IsControl):
			wrong("headers."+name, "holds a control character", "")
		default:
			headers[key] = []string{value}
		}
	}
	return headers, errors.Join(errs...)
}

func isHeader(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
	return name != "" && strings.Trim(name, letters) == ""
}
