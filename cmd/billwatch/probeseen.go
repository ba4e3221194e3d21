package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
)

// printSeen lists what the source sees.
func printSeen(w io.Writer, l *look, output string) error {
	type seenAccount struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Role   string `json:"role,omitempty"`
		State  string `json:"state,omitempty"`
		Polled bool   `json:"polled"`
	}
	all := struct {
		Version  string        `json:"version"`
		Source   string        `json:"source"`
		Error    string        `json:"error,omitempty"`
		Accounts []seenAccount `json:"accounts"`
	}{Version: "1", Source: l.of.Name, Accounts: []seenAccount{}}
	if err := l.calls[0].err; err != nil {
		all.Error = told(err, true)
	}
	if l.listing != nil {
		for _, row := range l.listing.Rows {
			all.Accounts = append(all.Accounts, seenAccount{row.Account.ID, row.Account.Name, row.Account.Role, stateOf(row.Snapshot), l.polled(row.Account)})
		}
	}
	if output == "json" {
		return printJSON(w, all)
	}
	if all.Error != "" {
		printWrapped(w, "", "list could not be read: "+strings.ReplaceAll(all.Error, "\n", "; "))
		printWrapped(w, "  ", "hint: "+hintAt(l.calls[0].err, fieldsOf(l.source.Provider) == nil))
	}
	if l.listing == nil {
		return nil
	}
	rows := [][]string{{"ID", "NAME", "ROLE", "STATE", "POLLED"}}
	for _, a := range all.Accounts {
		rows = append(rows, []string{a.ID, a.Name, a.Role, a.State, map[bool]string{true: "yes", false: "no"}[a.Polled]})
	}
	rows = fitting(rows, 1)
	if err := table(w, rows[0], rows[1:]); err != nil {
		return err
	}
	if l.source.Select != nil {
		fmt.Fprintln(w, "What is not polled is left out by select.")
	}
	return nil
}

// fitting drops the columns in which there is nothing, and shortens one so that
// a line fits 80 columns if it can.
func fitting(rows [][]string, column int) [][]string {
	widths := make([]int, len(rows[0]))
	used := make([]bool, len(rows[0]))
	for n, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			used[i] = used[i] || n > 0 && cell != ""
		}
	}
	others := 0
	for i, width := range widths {
		if used[i] && i != column {
			others += width + 2
		}
	}
	fit := make([][]string, len(rows))
	for n, row := range rows {
		for i, cell := range row {
			if i == column {
				cell = shortened(cell, max(80-others, 12))
			}
			if used[i] || i == column {
				fit[n] = append(fit[n], cell)
			}
		}
	}
	return fit
}

func stateOf(s *billwatch.Snapshot) string {
	if s == nil {
		return ""
	}
	return s.State.String()
}
