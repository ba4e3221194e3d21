package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spf13/cobra"
)

const forecastHelp = `Tell from balance records how long each account's balance lasts.

FILE is a provider's answer with a balance history (JSON), or CSV with the
columns series_id, day, period, remaining_event_capacity and
total_event_capacity_used, sorted by series and day; either may be gzipped, and
"-" is standard input. In CSV use counts from the account's beginning, unless
--daily says that each record has its own.

With --each-day it prints, for every record from the third day on, the days left
as they looked on that day: series_id,day,p10,p50,p90.`

// forecastOptions are what the command's flags say.
type forecastOptions struct {
	output  string
	unit    string
	daily   bool
	eachDay bool
	alert   bool
	limit   float64
}

func newForecast(g *globals) *cobra.Command {
	var o forecastOptions
	cmd := &cobra.Command{
		Use:     "forecast FILE…",
		Short:   "Tell from balance records how long a balance lasts",
		Long:    forecastHelp,
		Example: "  billwatch forecast --each-day history.csv.gz > forecasts.csv",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s needs a file of balance records, or - for standard input\n  hint: %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd.Flags().Changed); err != nil {
				return misused(err)
			}
			return forecastFiles(cmd.Context(), cmd.InOrStdin(), g.stdout, args, o)
		},
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table or json")
	cmd.Flags().StringVar(&o.unit, "unit", "events", "what the balance counts")
	cmd.Flags().BoolVar(&o.daily, "daily", false, "in CSV each record has its own use")
	cmd.Flags().BoolVar(&o.eachDay, "each-day", false, "print the days left as of every record, as CSV")
	cmd.Flags().BoolVar(&o.alert, "alert", false, "with --each-day: is an alert at 7 days on, at 14?")
	cmd.Flags().Float64Var(&o.limit, "cap", 60, "with --each-day: print at most so many `DAYS`")
	return cmd
}

func (o forecastOptions) check(given func(flag string) bool) error {
	switch {
	case o.output != "table" && o.output != "json":
		return fmt.Errorf("--output: %q is not table or json", o.output)
	case o.eachDay && given("output"):
		return errors.New("--each-day prints CSV; leave --output out")
	case !o.eachDay && o.alert:
		return errors.New("--alert goes with --each-day")
	case !o.eachDay && given("cap"):
		return errors.New("--cap goes with --each-day")
	case !(o.limit > 0) || math.IsInf(o.limit, 1):
		return errors.New("--cap: must be a number above zero")
	}
	return nil
}

// printer shows what is expected of each account.
type printer interface {
	account(b *balances) error
	end() error
}

func forecastFiles(ctx context.Context, stdin io.Reader, stdout io.Writer, files []string, o forecastOptions) error {
	out := bufio.NewWriterSize(stdout, 1<<16)
	now := time.Now().UTC()
	var p printer
	switch {
	case o.eachDay:
		p = newDayPrinter(out, o)
	case o.output == "json":
		p = &outlookJSON{out: out, now: now, unit: o.unit}
	default:
		p = &outlookTable{out: out, now: now, unit: o.unit}
	}
	r := &balanceReader{ctx: ctx, stdin: stdin, daily: o.daily, each: p.account, seen: map[string]string{}}
	for _, file := range files {
		if err := r.read(file); err != nil {
			return errors.Join(out.Flush(), forecastFailure(ctx, err))
		}
	}
	if err := errors.Join(p.end(), out.Flush()); err != nil {
		return found(err)
	}
	return nil
}

// forecastFailure says what kind of failure ended the reading.
func forecastFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return found(errors.New("interrupted"))
	}
	var known *statusError
	if errors.As(err, &known) { // the output failed, not the input
		return err
	}
	return misused(err)
}
