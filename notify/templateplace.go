package notify

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
)

// maxExcerpt bounds the line of a template that is shown with an error.
const maxExcerpt = 200

var (
	quotedWord  = regexp.MustCompile(`"((?:[^"\\]|\\.)+)"|<([^>]+)>`)
	goesOn      = regexp.MustCompile(`template: \S+:\d+: `)
	executing   = regexp.MustCompile(`^executing "(?:[^"\\]|\\.)*" at (<.*?>: )?(.*)$`)
	placeInside = regexp.MustCompile(`^:(\d+):(?:(\d+):)? (?s:(.*))$`)
)

// wrong is where in a template something is wrong, and what.
type wrong struct {
	line, column int // from 1; the column in characters
	message      string
}

// wrongIn reads an error of a template of that name and source. Parsing says no
// column: it is that of the word which the message quotes, else of the line's
// first action. An error in another template is none of this source's.
func wrongIn(err error, name, source string) (wrong, bool) {
	text := err.Error()
	for _, prefix := range []string{"template: ", "html/template:"} {
		rest, ok := strings.CutPrefix(text, prefix+name)
		if !ok {
			continue
		}
		m := placeInside.FindStringSubmatch(rest)
		if m == nil {
			continue
		}
		w := wrong{column: 1, message: strings.ReplaceAll(m[3], name, "this file")}
		w.line, _ = strconv.Atoi(m[1])
		line := lineOf(source, w.line)
		if m[2] != "" {
			at, _ := strconv.Atoi(m[2])
			w.column = utf8.RuneCountInString(line[:min(at, len(line))]) + 1
			if e := executing.FindStringSubmatch(w.message); e != nil {
				w.message = e[2]
			}
			w.message = goesOn.ReplaceAllString(w.message, "")
			return w, true
		}
		w.column = columnOf(line, w.message)
		return w, true
	}
	return wrong{}, false
}

func lineOf(source string, n int) string {
	for line := range strings.Lines(source) {
		if n--; n == 0 {
			return strings.TrimRight(line, "\r\n")
		}
	}
	return ""
}

func columnOf(line, message string) int {
	action := max(strings.Index(line, "{{"), 0)
	at := action
	if m := quotedWord.FindStringSubmatch(message); m != nil {
		if i := strings.Index(line[action:], m[1]+m[2]); i >= 0 {
			at += i
		}
	}
	return utf8.RuneCountInString(line[:at]) + 1
}

// problem is a mistake in a template file.
func (w wrong) problem(file, source string) billwatch.Problem {
	p := billwatch.Problem{File: file, Line: w.line, Column: w.column, Severity: billwatch.SeverityError, Message: "template: " + w.message}
	if w.column <= maxExcerpt {
		p.Excerpt = excerpt(lineOf(source, w.line))
	}
	return p
}

// excerpt shows one printable character for each of the line's.
func excerpt(line string) string {
	runes := []rune(line)
	for i, r := range runes {
		switch {
		case r == '\t':
			runes[i] = ' '
		case !unicode.IsPrint(r):
			runes[i] = '\ufffd'
		}
	}
	return string(runes[:min(len(runes), maxExcerpt)])
}

// offset is where in the source a place is, in characters from 0.
func (w wrong) offset(source string) int {
	at := w.column - 1
	n := 0
	for line := range strings.Lines(source) {
		if n++; n >= w.line {
			break
		}
		at += utf8.RuneCountInString(line)
	}
	return at
}
