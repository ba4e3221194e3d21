package httpjson

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// linkTo is one address of a Link header, and its parameters.
var linkTo = regexp.MustCompile(`<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)`)

// isNext finds the parameter that says that the address is the next page's.
var isNext = regexp.MustCompile(`(?i);\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?:[\s;]|$))`)

// linked returns the next page's address out of the Link header, where the
// pages are not mapped: accounts of pages that nobody asks for would be missed
// without a word. An answer that is the one account has no pages.
func (p *provider) linked(link string, header http.Header) (string, error) {
	if p.list.items == nil {
		return "", nil
	}
	for _, found := range linkTo.FindAllStringSubmatch(strings.Join(header.Values("Link"), ", "), -1) {
		if !isNext.MatchString(found[2]) {
			continue
		}
		from, err := p.base.Parse(link)
		if err != nil {
			return "", errNoAddress
		}
		to, err := from.Parse(found[1])
		if err != nil {
			return "", p.badNext(errNoAddress)
		}
		to.Fragment = ""
		return to.String(), nil
	}
	return "", nil
}

// badNext says what is wrong with the next page, and who named it.
func (p *provider) badNext(err error) error {
	if p.list.next == nil {
		return fmt.Errorf("next page of the Link header: %w", err)
	}
	return p.list.next.fails(err)
}
