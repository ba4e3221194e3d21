// Package archtest holds the law of the house as a test: which package may
// import which, what each may cost in lines, and what no package does.
//
// A new package gets its place by one row in the table below. Whoever wants to
// change the law changes the row, in the same commit, with the reason beside it.
package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	words      = "."
	document   = "internal/document"
	expression = "internal/expression"
)

// rooms turn one noun of the road into the next; they never see each other.
var rooms = [...]string{"poller", "rules", "state", "notify"}

// row is a package's place: what it may import of ours, as patterns of
// path.Match, where "." is the words.
type row struct {
	pkg     string
	imports []string
}

// law is read from the top; the first row that fits a package holds for it.
var law = [...]row{
	// Floor 0. The document stands beside the words: each room decodes its part
	// of a file that a person wrote, and places in it must mean the same
	// everywhere; a room above it would have to be imported by all others.
	{words, nil},
	{document, []string{words}},
	{"docs", nil},     // what the guides say of keys, editors show, too
	{expression, nil}, // one language, read within the same bounds by rules and by mappings

	// Floor 2, next to the room that it belongs to.
	{"poller/builtin", []string{words, "poller", "poller/*"}},
	{"notify/slack/slacktest", nil},
	{"notify/builtin", []string{words, "notify", "notify/*"}},
	{"state/sqlstore", []string{words, "state"}},

	// Floor 1: the rooms, and what stands in them.
	{"rules", []string{words, document, expression, "rules/forecast"}},
	{"rules/forecast", []string{words}},
	{"rules/ruletest", []string{words, document, "rules"}},
	{"poller/httpjson", []string{words, document, expression, "poller"}}, // what a person mistyped in a mapping is guessed as anywhere else
	{"poller/*", []string{words, "poller"}},
	{"state/*", []string{words, "state"}},
	{"notify/*", []string{words, "notify"}},
	{"poller", []string{words, document}},
	{"state", []string{words, document}},
	{"notify", []string{words, document}},

	// Floor 2: the file, the pages, the simulated vendors.
	{"internal/config", []string{words, document, "docs", "poller", "rules", "notify"}},
	{"internal/web", []string{words, document, "rules", "rules/forecast", "state", "notify"}},
	{"internal/simulate", []string{words, document}},

	// Beside the road: what an answer looks like, with nothing of it shown. What
	// is the API's and what is somebody's it is told, so it needs to know nobody.
	{"internal/shape", nil},

	// Floor 3: the only package that sees all rooms.
	{"internal/daemon", []string{
		words, document, "poller", "poller/builtin", "rules", "rules/*", "state", "state/*",
		"notify", "notify/builtin", "notify/chart", "internal/config", "internal/web", "internal/simulate",
	}},

	// Floor 4: flags in, exit status out. A command may speak of the one room
	// that it is about; all of them together are the daemon's.
	{"cmd/billwatch", []string{
		words, document, "internal/config", "internal/daemon", "internal/shape", "internal/simulate",
		"poller", "poller/builtin", "notify", "notify/builtin", "rules", "rules/*", "state/sqlstore",
	}},

	// Tools of the house itself: they stand outside, and only tests import them.
	{"internal/archtest", nil},
	{"internal/testrun", []string{"internal/pgserver"}},
	{"internal/pgserver", nil},
	{"internal/pgtest", nil},
}

// homes are the libraries that one package wraps, so that no other one depends
// on how they work. A folder's name covers what is below it.
var homes = map[string][]string{
	"github.com/slack-go/slack":                      {"notify/slack"},
	"github.com/wneessen/go-mail":                    {"notify/email"},
	"github.com/standard-webhooks/standard-webhooks": {"notify/webhook"},
	"github.com/expr-lang/expr":                      {expression, "rules", "poller/httpjson"}, // both compile one language, each by its own meaning: floats there, what JSON says here
	"github.com/go-co-op/gocron/v2":                  {"poller"},
	"github.com/pressly/goose/v3":                    {"state/sqlstore"},
	"modernc.org/sqlite":                             {"state/sqlstore"},
	"github.com/prometheus/client_golang":            {"internal"},
	"github.com/spf13/cobra":                         {"cmd/billwatch"},
	"charm.land/lipgloss/v2":                         {"cmd/billwatch"},
}

// outside are standard packages through which a pure package would reach the
// world: what it decides must follow from its arguments.
var outside = [...]string{"database/sql", "net", "net/http", "os", "os/exec", "syscall"}

// pure packages take what they need as arguments, the time included.
var pure = [...]string{words, "rules", "rules/forecast", "state"}

// Breach is one thing that the law or a budget forbids, with its place.
type Breach struct {
	File    string
	Line    int
	Message string
}

// String returns the breach as compilers write theirs.
func (b Breach) String() string { return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Message) }

// imports checks what a package imports.
func (h *house) imports(p *pkg) []Breach {
	if !slices.ContainsFunc(p.files, func(f *file) bool { return !f.test }) {
		return nil // tests of what is no Go, such as manifests
	}
	i := slices.IndexFunc(law[:], func(r row) bool { return fits(r.pkg, p.dir) })
	if i < 0 {
		return []Breach{{p.files[0].name, 1, fmt.Sprintf("package %s has no place: give it a row in the law", p.dir)}}
	}
	var breaches []Breach
	seen := map[string]bool{}
	for _, f := range p.files {
		if f.test {
			continue
		}
		for _, im := range f.imports {
			seen[h.own(im.path)] = true
			if message := h.forbidden(p.dir, im.path, law[i].imports); message != "" {
				breaches = append(breaches, Breach{f.name, im.line, message})
			}
		}
	}
	all := !slices.ContainsFunc(rooms[:], func(r string) bool { return !seen[r] })
	if all && p.dir != "internal/daemon" {
		breaches = append(breaches, Breach{p.files[0].name, 1, "only internal/daemon sees all rooms"})
	}
	return breaches
}

// forbidden is why the package in dir may not import this path, or empty.
func (h *house) forbidden(dir, imported string, allowed []string) string {
	own := h.own(imported)
	switch {
	case own != "" && owner(own) == owner(dir):
		return "" // a folder and what it keeps to itself
	case own != "" && slices.ContainsFunc(allowed, func(pattern string) bool { return fits(pattern, own) }):
		return ""
	case own != "":
		return fmt.Sprintf("%s may not import %s", dir, own)
	case imported == "testing" && !strings.HasSuffix(dir, "test"):
		return fmt.Sprintf("%s is no part of tests and may not import testing", dir)
	case slices.Contains(pure[:], dir) && slices.Contains(outside[:], imported):
		return fmt.Sprintf("%s is pure and may not import %s", dir, imported)
	case standard(imported):
		return ""
	case dir == words:
		return fmt.Sprintf("the words import the standard library only, not %s", imported)
	}
	for library, home := range homes {
		if below(imported, library) && !slices.ContainsFunc(home, func(h string) bool { return below(dir, h) }) {
			return fmt.Sprintf("%s belongs to %s; %s may not import it", library, strings.Join(home, " and "), dir)
		}
	}
	return ""
}

// own is the folder of a package of ours, or empty.
func (h *house) own(imported string) string {
	if imported == h.module {
		return words
	}
	if rest, ok := strings.CutPrefix(imported, h.module+"/"); ok {
		return rest
	}
	return ""
}

// owner is the folder that keeps a package to itself below its internal/; for
// most packages it is the package's own.
func owner(dir string) string {
	folder, _, _ := strings.Cut(dir, "/internal/")
	return folder
}

// fits says whether a folder, or its owner, fits a pattern.
func fits(pattern, dir string) bool {
	ok, err := path.Match(pattern, owner(dir))
	return ok && err == nil
}

func below(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// standard says whether an import path is the standard library's: only its first
// element has no dot.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}
