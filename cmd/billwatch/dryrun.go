package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/daemon"
)

const dryRunHelp = `Poll every source once, judge every rule, and show what would fire and the
messages that would be sent, as they would be sent. Nothing is sent, nothing is
written.

With --snapshots the accounts come from JSON files instead: snapshots as
"dry-run --output json" prints them, or a provider's own answers.`

func newDryRun(g *globals) *cobra.Command {
	var snapshots []string
	var output, failOn string
	cmd := &cobra.Command{
		Use:     "dry-run",
		Short:   "Show what would be told to whom, and send nothing",
		Long:    dryRunHelp,
		Args:    noArguments,
		Example: "  billwatch dry-run --snapshots accounts.json --fail-on firing",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return misused(fmt.Errorf("--output: %q is not table or json", output))
			}
			if failOn != "" && failOn != "firing" {
				return misused(fmt.Errorf("--fail-on: %q is not firing", failOn))
			}
			loaded, err := load(g)
			if err != nil {
				return err
			}
			c, err := loaded.daemon(g.stderr)
			if err != nil {
				return err
			}
			var run daemon.DryRun
			if len(snapshots) > 0 {
				polls, previous, err := readSnapshots(snapshots, c.Plan.Sources, time.Now().UTC())
				if err != nil {
					return misused(err)
				}
				run = daemon.Judge(c.Plan, polls, previous, time.Now().UTC())
			} else {
				run, err = lookFrom(cmd.Context(), c)
				if err != nil {
					return found(err)
				}
			}
			return reportDryRun(g, run, output, failOn)
		},
	}
	cmd.Flags().StringArrayVar(&snapshots, "snapshots", nil, "read snapshots from this JSON `FILE` (may be repeated)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	cmd.Flags().StringVar(&failOn, "fail-on", "", "firing: end with 1 when a rule would fire")
	return cmd
}

// lookFrom takes the state along where there is one, so that what must hold for
// a while, and what was told already, counts.
func lookFrom(ctx context.Context, c daemon.Config) (daemon.DryRun, error) {
	store, err := readState(ctx, c.State)
	if err != nil {
		return daemon.DryRun{}, err
	}
	if store != nil {
		defer store.Close()
	}
	return daemon.Look(ctx, c.Plan, store, c.Clock.Now)
}

func reportDryRun(g *globals, run daemon.DryRun, output, failOn string) error {
	show := printDryRun
	if output == "json" {
		show = printDryRunJSON
	}
	if err := show(g.stdout, run); err != nil {
		return found(err)
	}
	if run.Failed() {
		return found(errors.New("some accounts could not be read"))
	}
	if failOn == "firing" {
		for _, e := range run.Evaluations {
			if e.Outcome == billwatch.True {
				return found(nil)
			}
		}
	}
	return nil
}
