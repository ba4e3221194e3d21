package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch/internal/config"
)

const probeHelp = `Ask each endpoint of a source, read-only and within its request budget, and show
what came back without showing what is in it: status, time, size, limits, each
field with its type, what billwatch reads of it, and which rules stay blind.

No name, identity or amount is shown, so that the result can be passed on: the
exceptions are --accounts and --show-values. "probe record" keeps the answers.`

const recordHelp = `Ask each endpoint of a source as "probe" does, and keep the answers in a
directory, as fixtures for tests or for a report. Identities, names and amounts
are replaced, the same by the same; structure, types, dates, zeros, booleans and
words such as states are kept. Unredacted answers are never written.

Keys of objects are kept unless they look like data: look before you share.`

// probeFlags is how a probe was called.
type probeFlags struct {
	account    string
	accounts   bool
	showValues bool
	output     string
	redact     string
	force      bool
}

func newProbe(g *globals) *cobra.Command {
	f := &probeFlags{}
	cmd := &cobra.Command{
		Use:     "probe SOURCE",
		Short:   "Show what a source's API answers, with values hidden",
		Long:    probeHelp,
		Args:    probeArguments,
		Example: "  billwatch probe blues",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 || f.redact != "" || f.force {
				return record(cmd.Context(), g, args[0], f)
			}
			return probe(cmd.Context(), g, args[0], f)
		},
	}
	cmd.Flags().BoolVar(&f.accounts, "accounts", false, "list what the source sees, names and identities included")
	cmd.Flags().BoolVar(&f.showValues, "show-values", false, "show what was understood, amounts included")
	cmd.Flags().StringVarP(&f.output, "output", "o", "table", "table or json")
	cmd.Flags().StringVar(&f.account, "account", "", "the account to read, by `ID` or name (default: the first)")
	cmd.Flags().StringVar(&f.redact, "redact", "", "keep the answers in this `DIR`, redacted")
	cmd.Flags().BoolVar(&f.force, "force", false, "write into a directory that is not empty")
	for _, name := range []string{"redact", "force"} {
		cmd.Flags().Lookup(name).Hidden = true // they belong to probe record
	}
	cmd.AddCommand(newRecord(g))
	return cmd
}

func newRecord(g *globals) *cobra.Command {
	f := &probeFlags{}
	cmd := &cobra.Command{
		Use:     "record SOURCE --redact DIR",
		Short:   "Keep what a source's API answers, redacted",
		Long:    recordHelp,
		Args:    oneArgument("a source's name"),
		Example: "  billwatch probe record blues --redact fixtures",
		RunE: func(cmd *cobra.Command, args []string) error {
			return record(cmd.Context(), g, args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.redact, "redact", "", "the `DIR` to write to, made where it is not there")
	cmd.Flags().StringVar(&f.account, "account", "", "the account to read, by `ID` or name (default: the first)")
	cmd.Flags().BoolVar(&f.force, "force", false, "write into a directory that is not empty")
	return cmd
}

// probeArguments takes a source's name, and "record" on either side of it.
func probeArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 2 && args[1] == "record" {
		return nil
	}
	return oneArgument("a source's name")(cmd, args)
}

// probe asks and reports.
func probe(ctx context.Context, g *globals, source string, f *probeFlags) error {
	if f.output != "table" && f.output != "json" {
		return misused(fmt.Errorf("--output: %q is not table or json", f.output))
	}
	seen, err := lookAt(ctx, g, source, f)
	if err != nil {
		return err
	}
	if f.accounts {
		err = printSeen(g.stdout, seen, f.output)
	} else {
		err = printProbe(g.stdout, reportOf(seen, f.showValues), f.output)
	}
	if err != nil {
		return found(err)
	}
	return seen.verdict()
}

// lookAt loads the one source and asks it.
func lookAt(ctx context.Context, g *globals, name string, f *probeFlags) (*look, error) {
	c, problems, err := config.LoadSource(g.config, os.Environ(), kinds(), name)
	if err != nil {
		return nil, misused(err)
	}
	for _, p := range problems {
		if c == nil {
			fmt.Fprintln(g.stderr, p) // warnings are for check to say
		}
	}
	if c == nil {
		return nil, misused(fmt.Errorf("%s in the configuration", plural(problems.Errors(), "error")))
	}
	seen := &look{config: c, of: c.Sources[0], now: time.Now, began: time.Now()}
	if isTerminal(g.stderr) {
		seen.progress = g.stderr
	}
	if seen.source, err = seen.of.OpenWatched(seen.now, slog.New(slog.DiscardHandler), seen.watch); err != nil {
		return nil, misused(err)
	}
	if err := seen.ask(ctx, f.account, f.accounts); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, found(errors.New("interrupted"))
	}
	return seen, nil
}
