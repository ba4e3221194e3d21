package billwatch

import (
	"fmt"
	"strings"
)

// Severities of a Problem.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// Problem is a mistake in a file that a person wrote, with its place and, where
// there is one, a way to mend it.
type Problem struct {
	File     string `json:"file"`
	Line     int    `json:"line"`   // from 1; 0 for the whole file
	Column   int    `json:"column"` // in characters, from 1
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
	Excerpt  string `json:"-"` // the line itself, secrets hidden
}

// String returns the problem as it is shown to a person, without a final
// newline.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Severity == SeverityWarning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	if p.Excerpt != "" && p.Line > 0 {
		fmt.Fprintf(&b, "\n  | %s\n  | %s^", p.Excerpt, strings.Repeat(" ", max(0, p.Column-1)))
	}
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

// Problems are all mistakes found at once; it is an error when one of them is.
type Problems []Problem

// Error returns the problems, one after another.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Errors counts the problems that are errors.
func (ps Problems) Errors() int {
	n := 0
	for _, p := range ps {
		if p.Severity != SeverityWarning {
			n++
		}
	}
	return n
}
