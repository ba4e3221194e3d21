package httpjson

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// The places in a path that are filled in.
const (
	placeID    = "{id}"
	placeSince = "{since}"
)

// How {since} is written.
const (
	sinceRFC3339 = "rfc3339"
	sinceDate    = "date"
	sinceUnix    = "unix"
)

// address is a path below the base URL, with its query, and places in it.
type address struct {
	route string // how errors name it: without the query
	path  string
	query string
}

var inBraces = regexp.MustCompile(`\{[^{}]*\}`)

func parseAddress(field, text string, places []string) (*address, error) {
	wrong := func(what, hint string) (*address, error) {
		return nil, &billwatch.FieldError{Field: field, Err: errors.New(what), Hint: hint}
	}
	for _, place := range inBraces.FindAllString(text, -1) {
		if !slices.Contains(places, place) {
			hint := "there is nothing to be filled in"
			if len(places) > 0 {
				hint = "there is " + strings.Join(places, " and ")
			}
			return wrong("unknown place "+place, hint)
		}
	}
	path, query, _ := strings.Cut(text, "?")
	plain := inBraces.ReplaceAllString(text, "x")
	u, err := url.Parse(plain)
	segments := strings.Split(path, "/")
	switch {
	case text == "":
		return wrong("is missing", "")
	case !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//"):
		return wrong("must begin with one /", "it comes after base_url, such as /v2/accounts?per_page=100")
	case err != nil || strings.ContainsAny(plain, " {}\\"):
		return wrong("is not a valid path", "")
	case u.Fragment != "" || strings.Contains(plain, "#"):
		return wrong("must not hold #", "")
	case slices.Contains(segments, ".") || slices.Contains(segments, ".."):
		return wrong("must not hold . or .. as a segment", "")
	}
	if _, err := url.ParseQuery(inBraces.ReplaceAllString(query, "x")); err != nil {
		return wrong("has a query that is not valid", "")
	}
	return &address{route: path, path: path, query: query}, nil
}

// fill returns the address below a base URL, with id and time in their places.
// An id is one segment, whatever it holds.
func (a *address) fill(base *url.URL, id, since string) (string, error) {
	if strings.Contains(a.path, placeID) && (id == "" || id == "." || id == "..") {
		return "", fmt.Errorf("%q cannot stand in a path", id)
	}
	into := func(text string, escape func(string) string) string {
		return strings.NewReplacer(placeID, escape(id), placeSince, escape(since)).Replace(text)
	}
	full := strings.TrimRight(base.EscapedPath(), "/") + into(a.path, url.PathEscape)
	if a.query != "" {
		full += "?" + into(a.query, url.QueryEscape)
	}
	return full, nil
}

func sinceText(form string, t time.Time) string {
	switch form {
	case sinceUnix:
		return strconv.FormatInt(t.Unix(), 10)
	case sinceDate:
		return t.UTC().Format(time.DateOnly)
	}
	return t.UTC().Format(time.RFC3339)
}
