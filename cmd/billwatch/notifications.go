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

const notificationsHelp = `Show what a running billwatch told, when, to whom, why, and what became of it,
newest first. What failed for good can be tried again with retry.

User and password are in the address, or in BILLWATCH_USER and
BILLWATCH_PASSWORD; the address may be in BILLWATCH_URL.`

// delivery is a notification as a running billwatch shows it.
type delivery struct {
	ID          string     `json:"id"`
	Integration string     `json:"integration"`
	Reason      string     `json:"reason"`
	State       string     `json:"state"`
	Title       string     `json:"title"`
	At          time.Time  `json:"at"`
	Attempts    int        `json:"attempts"`
	Sending     bool       `json:"sending"`
	Ambiguous   bool       `json:"ambiguous"`
	NextAt      *time.Time `json:"next_at"`
	Answer      string     `json:"answer"`
	Error       string     `json:"error"`
}

func newNotifications(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "notifications",
		Short:   "Show what was told to whom, or try it again",
		Long:    notificationsHelp,
		Example: "  billwatch notifications list --state failed\n  billwatch notifications retry ntf_01jd2m8k3w0000000000000000",
		Args:    unknownCommand,
	}
	cmd.SuggestionsMinimumDistance = 2
	address := urlFlag(cmd)
	list := newNotificationsList(g, address)
	cmd.RunE = list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, newNotificationsRetry(g, address))
	return cmd
}

func newNotificationsList(g *globals, address *string) *cobra.Command {
	var state, receiver, output string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show what was told to whom",
		Long:    notificationsHelp,
		Args:    noArguments,
		Example: "  billwatch notifications list --state failed",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return misused(fmt.Errorf("--output: %q is not table or json", output))
			}
			c, err := newClient(*address)
			if err != nil {
				return err
			}
			query := url.Values{"limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"state": state, "receiver": receiver} {
				if value != "" {
					query.Set(name, value)
				}
			}
			var raw json.RawMessage
			if err := c.get(cmd.Context(), "api/v1/notifications", query, &raw); err != nil {
				return err
			}
			if output == "json" {
				fmt.Fprintf(g.stdout, "%s\n", raw)
				return nil
			}
			return printNotifications(g.stdout, raw)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only those in this `STATE`, such as failed or pending")
	cmd.Flags().StringVar(&receiver, "receiver", "", "only those of this receiver, by its `NAME`")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many, at most 1000")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func newNotificationsRetry(g *globals, address *string) *cobra.Command {
	return &cobra.Command{
		Use:     "retry ID",
		Short:   "Try a failed notification again",
		Long:    "Try what failed for good again: the same message, under the same id.",
		Args:    oneArgument("a notification's id"),
		Example: "  billwatch notifications retry ntf_01jd2m8k3w0000000000000000",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(*address)
			if err != nil {
				return err
			}
			if err := c.post(cmd.Context(), "api/v1/notifications/"+url.PathEscape(args[0])+"/retry", nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(g.stdout, "%s is tried again\n", plain(args[0]))
			return nil
		},
	}
}

// printNotifications prints two lines for each: what fits 80 columns, and what
// the other side said where it was no success.
func printNotifications(w io.Writer, raw json.RawMessage) error {
	var list struct {
		Notifications []delivery `json:"notifications"`
		Next          string     `json:"next_cursor"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return found(fmt.Errorf("the answer is not billwatch's: %w", err))
	}
	if len(list.Notifications) == 0 {
		fmt.Fprintln(w, "nothing was told")
		return nil
	}
	for _, n := range list.Notifications {
		fmt.Fprintf(w, "%s  %-10s  %-14s  %s\n", n.At.UTC().Format("2006-01-02 15:04:05Z"),
			n.State, shortened(plain(n.Reason), 14), shortened(plain(n.Integration), 28))
		fmt.Fprintf(w, "  %s\n  %s\n", shortened(plain(n.Title), 78), shortened(plain(n.ID)+", "+n.became(), 78))
		if said := n.said(); said != "" {
			fmt.Fprintf(w, "  %s\n", shortened(plain(said), 78))
		}
	}
	if list.Next != "" {
		fmt.Fprintln(w, "and older ones: --limit shows more")
	}
	return nil
}

// became says how far a notification got.
func (n delivery) became() string {
	text := plural(n.Attempts, "attempt")
	switch {
	case n.Sending:
		text += ", one of them under way"
	case n.State == billwatch.OutboxPending && n.NextAt != nil:
		text += ", next at " + n.NextAt.UTC().Format("15:04:05Z")
	}
	if n.Ambiguous {
		text += ", may have arrived"
	}
	return text
}

func (n delivery) said() string {
	if n.Error != "" && n.State != billwatch.OutboxDelivered {
		return n.Error
	}
	return ""
}
