package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const accountsHelp = `Show the accounts that a running billwatch watches, as they were read last.
Forget has one that is gone forgotten: all its alerts end.

User and password are in the address, or in BILLWATCH_USER and
BILLWATCH_PASSWORD; the address may be in BILLWATCH_URL.`

func newAccounts(g *globals) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "accounts",
		Short:   "Show accounts, or forget one that is gone",
		Long:    accountsHelp,
		Example: "  billwatch accounts\n  billwatch accounts forget blues/app:2606f411-dea6-44a0-9743-1130f57d77d8",
		Args:    unknownCommand,
	}
	cmd.SuggestionsMinimumDistance = 2
	address := urlFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := tableOrJSON(output); err != nil {
			return err
		}
		return show(cmd, asking{*address, "api/v1/accounts", output}, g.stdout, printKnown)
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	cmd.AddCommand(newAccountsForget(g, address))
	return cmd
}

func newAccountsForget(g *globals, address *string) *cobra.Command {
	return &cobra.Command{
		Use:     "forget SOURCE/ID",
		Short:   "Forget an account that is gone",
		Long:    "Forget an account that is gone: all its alerts end, and whoever was told of them\nis told that. Should it return, it is new.",
		Args:    oneArgument("an account as SOURCE/ID"),
		Example: "  billwatch accounts forget blues/app:2606f411-dea6-44a0-9743-1130f57d77d8",
		RunE: func(cmd *cobra.Command, args []string) error {
			source, id, ok := strings.Cut(args[0], "/")
			if !ok || source == "" || id == "" {
				return misused(fmt.Errorf("%q is not an account as SOURCE/ID\n  hint: billwatch accounts shows them", plain(args[0])))
			}
			c, err := newClient(*address)
			if err != nil {
				return err
			}
			var done struct {
				State string `json:"state"`
			}
			if err := c.post(cmd.Context(), "api/v1/accounts/"+url.PathEscape(source)+"/"+url.PathEscape(id)+"/forget", nil, &done); err != nil {
				return err
			}
			if done.State == "forgotten" {
				fmt.Fprintf(g.stdout, "%s is forgotten\n", plain(args[0]))
				return nil
			}
			fmt.Fprintf(g.stdout, "%s will be forgotten within a minute or so\n", plain(args[0]))
			return nil
		},
	}
}

// printKnown prints two lines for each, of which none is over 80 columns.
func printKnown(w io.Writer, raw json.RawMessage) error {
	var list struct {
		Accounts []struct {
			Source  string    `json:"source"`
			ID      string    `json:"id"`
			Name    string    `json:"name"`
			State   string    `json:"state"`
			Balance *string   `json:"balance"`
			Unit    string    `json:"unit"`
			ReadAt  time.Time `json:"read_at"`
			Alerts  []string  `json:"alerts"`
		} `json:"accounts"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list.Accounts) == 0 {
		fmt.Fprintln(w, "no account was read yet")
		return nil
	}
	for _, a := range list.Accounts {
		balance := "-"
		if a.Balance != nil {
			balance = *a.Balance + " " + a.Unit
		}
		read := "never read"
		if !a.ReadAt.IsZero() {
			read = "read " + a.ReadAt.UTC().Format("15:04Z 2 Jan")
		}
		fmt.Fprintf(w, "%s  %s\n", shortened(plain(a.Source+"/"+a.ID), 60), shortened(plain(a.Name), 18))
		line := fmt.Sprintf("  %-10s  %22s  %s", shortened(plain(a.State), 10), shortened(plain(balance), 22), read)
		if n := len(a.Alerts); n > 0 {
			rest := ""
			if n > 1 {
				rest = " +" + strconv.Itoa(n-1)
			}
			line += "  " + shortened(plain(a.Alerts[0]), 22-len(rest)) + rest
		}
		fmt.Fprintln(w, shortened(line, columns))
	}
	return nil
}
