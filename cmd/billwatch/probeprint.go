package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
)

func printProbe(w io.Writer, r probeReport, output string) error {
	if output == "json" {
		return printJSON(w, r)
	}
	var out strings.Builder
	for _, c := range r.Calls {
		printCall(&out, c)
	}
	if r.Accounts != nil {
		fmt.Fprintf(&out, "%s: %d polled, %d left out by select\n%s\n", plural(r.Accounts.Listed, "account"), r.Accounts.Polled, r.Accounts.LeftOut, sentence(r.Requests))
	}
	printUnderstood(&out, r)
	printMappings(&out, r.Mappings)
	printBlind(&out, r)
	_, err := io.WriteString(w, out.String())
	return err
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// sentence begins a text with a capital.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func printCall(w io.Writer, c callReport) {
	if c.Skipped != "" {
		fmt.Fprintf(w, "%s: %s\n\n", c.Name, c.Skipped)
		return
	}
	for _, r := range c.Requests {
		fmt.Fprintf(w, "%s: GET %s\n  %s\n", c.Name, plain(r.Route), statusLine(r))
		for _, name := range sortedKeys(r.Headers) {
			fmt.Fprintf(w, "  %s: %s\n", name, plain(r.Headers[name]))
		}
		if r.Body != "" {
			fmt.Fprintf(w, "  the body %s\n", r.Body)
		}
	}
	if c.Name != "mappings" { // which asks again for what was seen
		for _, a := range c.Answers {
			printFields(w, a)
		}
	}
	if c.Suspended {
		fmt.Fprintln(w, "  which says that the account is suspended: news, no failure")
	}
	if c.Error != "" {
		printWrapped(w, "", c.Name+" could not be read: "+strings.ReplaceAll(c.Error, "\n", "; "))
		printWrapped(w, "  ", "hint: "+c.Hint)
	}
	fmt.Fprintln(w)
}

// printWrapped prints words in lines of less than 80 columns.
func printWrapped(w io.Writer, indent, text string) {
	line := indent
	for i, word := range strings.Fields(plain(text)) {
		if i > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > 79 {
			fmt.Fprintln(w, line)
			line = indent + "  " + word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}

func statusLine(r requestReport) string {
	if r.Status == 0 {
		return fmt.Sprintf("no answer after %d ms", r.Millis)
	}
	return fmt.Sprintf("%d %s, %d ms, %s bytes", r.Status, http.StatusText(r.Status), r.Millis, grouped(fmt.Sprint(r.Bytes)))
}

// printFields prints the fields as a tree: a name alone, below what it is in.
func printFields(w io.Writer, a answerReport) {
	header := []string{"  FIELD", "TYPE"}
	if len(a.Fields) > 0 && a.Fields[0].Read != nil {
		header = append(header, "READ")
	}
	types := map[string]string{}
	for _, f := range a.Fields {
		types[f.Path] = strings.Join(f.Types, ", ")
	}
	var rows [][]string
	for _, f := range a.Fields {
		if strings.HasSuffix(f.Path, "[]") && !strings.HasSuffix(f.Path, "[][]") && f.Path != "[]" {
			continue // told with the array
		}
		kind := types[f.Path]
		if inner := types[f.Path+"[]"]; inner != "" {
			kind += " of " + inner
		}
		row := []string{"  " + indented(f.Path), shortened(kind, 34), readMark(f)}
		rows = append(rows, row[:len(header)])
	}
	if len(rows) > 0 {
		_ = table(w, header, rows) // into a builder
	}
	for _, f := range a.Fields {
		if len(f.Words) > 0 {
			printWrapped(w, "  ", "words in "+strings.TrimSpace(indented(f.Path))+": "+strings.Join(f.Words, ", "))
		}
	}
	if len(a.Missing) > 0 {
		printWrapped(w, "  ", "read where it is sent, but not there: "+strings.Join(a.Missing, ", "))
	}
}

func indented(path string) string {
	if path == "" {
		return "(the answer)"
	}
	last := path[strings.LastIndexByte(path, '.')+1:]
	return strings.Repeat("  ", strings.Count(path, ".")) + last
}

func readMark(f fieldReport) string {
	mark := ""
	switch {
	case f.Read == nil:
	case *f.Read:
		mark = "yes"
	default:
		mark = "no"
	}
	if f.Seen < f.Of {
		mark = strings.TrimSpace(fmt.Sprintf("%s, in %d of %d", mark, f.Seen, f.Of))
	}
	return strings.TrimPrefix(mark, ", ")
}

func printUnderstood(w io.Writer, r probeReport) {
	if len(r.Understood) == 0 {
		return
	}
	fmt.Fprintln(w, "\nUnderstood of one account:")
	for _, state := range []string{"known", "not sent", "not applicable"} {
		var names []string
		for _, f := range r.Understood {
			switch {
			case f.State != state:
			case r.values && f.Value != "":
				fmt.Fprintf(w, "  %-24s %s\n", f.Name, plain(f.Value))
			default:
				names = append(names, f.Name)
			}
		}
		if len(names) > 0 {
			printList(w, state, names)
		}
	}
	if h := r.History; h != nil {
		fmt.Fprintf(w, "  %-15s %s, the first %s old, the last %s,\n", "history", plural(h.Records, "record"), h.Oldest, h.Newest)
		fmt.Fprintf(w, "  %-15s at most %s apart, %d without use, starting at %s\n", "", h.Longest, h.Unused, h.Clock)
	}
}

// printList prints names behind a heading, in lines of less than 80 columns.
func printList(w io.Writer, heading string, names []string) {
	line := fmt.Sprintf("  %-15s", heading)
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		if len(line)+1+len(name) > 79 {
			fmt.Fprintln(w, line)
			line = fmt.Sprintf("  %-15s", "")
		}
		line += " " + name
	}
	fmt.Fprintln(w, line)
}

func printMappings(w io.Writer, all []mappingShown) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w)
	rows := make([][]string, len(all))
	for i, m := range all {
		gave := m.Gave
		if m.Error != "" {
			gave = "error: " + m.Error
		}
		rows[i] = []string{m.Field, shortened(m.Expr, 32), shortened(gave, 60)}
	}
	_ = table(w, []string{"MAPPING", "EXPRESSION", "GAVE"}, rows) // into a builder
}

func printBlind(w io.Writer, r probeReport) {
	if r.Rules == 0 {
		fmt.Fprintln(w, "No account was read, so every rule is blind.")
		return
	}
	withheld := false
	groups := []struct {
		title string
		is    func(blindRules) bool
	}{
		{"Blind rules, which neither fire nor resolve:", func(b blindRules) bool { return b.Reason != billwatch.ReasonNotApplicable }},
		{"Rules that do not apply:", func(b blindRules) bool { return b.Reason == billwatch.ReasonNotApplicable }},
	}
	fmt.Fprintf(w, "\n%s judged.\n", plural(r.Rules, "rule"))
	for _, g := range groups {
		title := g.title
		for _, b := range r.Blind {
			if !g.is(b) {
				continue
			}
			if title != "" {
				fmt.Fprintln(w, title)
				title = ""
			}
			withheld = withheld || r.withheld(b)
			printWrapped(w, "  ", strings.Join(b.Rules, ", ")+": "+blindFor(b)+" ("+plural(b.Accounts, "account")+")")
		}
		if title != "" && g.title == groups[0].title {
			fmt.Fprintln(w, "No rule is blind.")
		}
	}
	if withheld && r.Role != "" {
		printWrapped(w, "", "The role of this credential is "+r.Role+"; another one may be sent more.")
	}
}

// withheld says whether rules are blind because the API left out a field, which
// it may do for lack of rights.
func (r probeReport) withheld(b blindRules) bool {
	return b.Reason == billwatch.ReasonNotSent && slices.ContainsFunc(r.Understood, func(f fact) bool {
		return f.State == "not sent" && strings.Contains(b.Detail, f.Name)
	})
}

// blindFor is why rules are blind, in words.
func blindFor(b blindRules) string {
	if b.Detail == "" {
		return strings.ReplaceAll(b.Reason, "_", " ")
	}
	return b.Detail
}
