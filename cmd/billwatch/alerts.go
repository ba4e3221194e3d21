package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
)

const alertsHelp = `Show the alerts that are pending or fire in a running billwatch, with what keeps
them from being told. History shows when one moved, and why.

User and password are in the address, or in BILLWATCH_USER and
BILLWATCH_PASSWORD; the address may be in BILLWATCH_URL.`

// alert is one as a running billwatch shows it.
type alert struct {
	Fingerprint string               `json:"fingerprint"`
	Rule        string               `json:"rule"`
	Source      string               `json:"source"`
	Account     string               `json:"account"`
	Name        string               `json:"account_name"`
	State       billwatch.AlertState `json:"state"`
	PendingFrom time.Time            `json:"pending_from"`
	StartsAt    time.Time            `json:"starts_at"`
	EndsAt      time.Time            `json:"ends_at"`
	Value       *float64             `json:"value"`
	Labels      billwatch.Labels     `json:"labels"`
	Annotations map[string]string    `json:"annotations"`
	Muted       billwatch.Mute       `json:"muted"`
	Transitions []struct {
		At     time.Time            `json:"at"`
		From   billwatch.AlertState `json:"from"`
		To     billwatch.AlertState `json:"to"`
		Reason string               `json:"reason"`
		Value  *float64             `json:"value"`
	} `json:"transitions"`
}

func newAlerts(g *globals) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "alerts",
		Short:   "Show what is pending and what fires",
		Long:    alertsHelp,
		Example: "  billwatch alerts\n  billwatch alerts history 3c1f9a0b7d2e4f65",
		Args:    unknownCommand,
	}
	cmd.SuggestionsMinimumDistance = 2
	address := urlFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := tableOrJSON(output); err != nil {
			return err
		}
		path := "api/v1/alerts"
		if output == "json" { // as Alertmanager's tools know it
			path = "api/v2/alerts"
		}
		return show(cmd, asking{*address, path, output}, g.stdout, printAlerts)
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	cmd.AddCommand(newAlertsHistory(g, address))
	return cmd
}

func newAlertsHistory(g *globals, address *string) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "history FINGERPRINT",
		Short:   "Show when an alert moved, and why",
		Long:    "Show when an alert moved, and why, the newest move first. Its fingerprint is\nwhat alerts shows first, and what the links in messages end in.",
		Args:    oneArgument("an alert's fingerprint"),
		Example: "  billwatch alerts history 3c1f9a0b7d2e4f65",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := tableOrJSON(output); err != nil {
				return err
			}
			return show(cmd, asking{*address, "api/v1/alerts/" + url.PathEscape(args[0]), output}, g.stdout, printHistory)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// asking is what a running billwatch is asked for.
type asking struct{ address, path, output string }

// show prints what a running billwatch has, as it sends it or in words.
func show(cmd *cobra.Command, what asking, w io.Writer, words func(io.Writer, json.RawMessage) error) error {
	c, err := newClient(what.address)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := c.get(cmd.Context(), what.path, nil, &raw); err != nil {
		return err
	}
	if what.output == "json" {
		fmt.Fprintf(w, "%s\n", raw)
		return nil
	}
	if err := words(w, raw); err != nil {
		return found(fmt.Errorf("the answer is not billwatch's: %w", err))
	}
	return nil
}

const second = "2006-01-02 15:04:05Z"

// printAlerts prints two or three lines for each, of which none is over 80
// columns.
func printAlerts(w io.Writer, raw json.RawMessage) error {
	var list struct {
		Alerts []alert `json:"alerts"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list.Alerts) == 0 {
		fmt.Fprintln(w, "nothing fires")
	}
	for _, a := range list.Alerts {
		a.print(w)
	}
	return nil
}

func (a alert) print(w io.Writer) {
	at := a.StartsAt
	if a.State == billwatch.Pending {
		at = a.PendingFrom
	}
	fmt.Fprintf(w, "%s  %-8s  since %s  %s\n", shortened(plain(a.Fingerprint), 16), a.State, at.UTC().Format(second),
		shortened(plain(a.Labels[billwatch.LabelSeverity]), 20))
	account := a.Source
	if a.Account != "" {
		account += "/" + a.Account
	}
	if a.Name != "" {
		account = a.Name + " (" + account + ")"
	}
	fmt.Fprintf(w, "  %s\n", shortened(plain(a.Rule+", "+account), 78))
	if summary := a.Annotations["summary"]; summary != "" {
		fmt.Fprintf(w, "  %s\n", shortened(plain(summary), 78))
	}
	if why := inWords(a.Muted); why != "" {
		fmt.Fprintf(w, "  %s\n", shortened(plain(why), 78))
	}
}

// inWords says what keeps an alert from being told.
func inWords(m billwatch.Mute) string {
	until := ""
	if !m.Until.IsZero() {
		until = " until " + m.Until.UTC().Format("2006-01-02 15:04Z")
	}
	switch m.Why {
	case "":
		return ""
	case billwatch.MutedSilenced:
		return "not told: silence " + m.By + until
	case billwatch.MutedInhibited:
		return "not told: alert " + m.By + " says enough"
	case billwatch.MutedGone:
		return "not told: the account is gone"
	}
	return "not told: time interval " + m.By + until
}

// printHistory prints an alert and its moves.
func printHistory(w io.Writer, raw json.RawMessage) error {
	var a alert
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	a.print(w)
	fmt.Fprintln(w)
	var rows [][]string
	for _, m := range a.Transitions {
		value := ""
		if m.Value != nil {
			value = strconv.FormatFloat(*m.Value, 'g', 6, 64)
		}
		to := string(m.To)
		if m.To == billwatch.Inactive {
			to = "inactive"
		}
		rows = append(rows, []string{m.At.UTC().Format(second), to, shortened(value, 12), shortened(m.Reason, 32)})
	}
	return table(w, []string{"TIME", "BECAME", "VALUE", "WHY"}, rows)
}
