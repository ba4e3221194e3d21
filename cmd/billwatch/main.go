// Command billwatch tells people, in time, that a prepaid account is running
// low, burning too fast or has been suspended.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones are known where the machine has none

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	statusWell  = 0
	statusFound = 1 // found wrong, or failed
	statusUsage = 2 // called or configured wrongly
)

// version is set by the linker.
var version = "dev"

func main() {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of one write, not the end of the process
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command and returns its exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return statusWell
	}
	var ended *statusError
	if !errors.As(err, &ended) {
		ended = &statusError{statusUsage, err} // cobra's own: flags, arguments, unknown commands
	}
	if ended.err != nil {
		fmt.Fprintln(stderr, ended.err)
	}
	return ended.status
}

// statusError ends a command with a status; without an error nothing more is
// said.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

// found is a failure that is no misuse.
func found(err error) error { return &statusError{statusFound, err} }

// misused is a wrong call or a broken configuration.
func misused(err error) error { return &statusError{statusUsage, err} }

const rootHelp = `billwatch tells people, in time and without crying wolf, that a prepaid account
is running low, burning too fast or has been suspended.

Start with demo, then check, dry-run and run.
`

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "billwatch",
		Short:         "Watch prepaid accounts and tell people in time",
		Long:          rootHelp,
		Example:       "  billwatch demo --for 30s",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetUsageTemplate(usage)
	g := &globals{stdout: stdout, stderr: stderr}
	root.PersistentFlags().StringVarP(&g.config, "config", "c", "", "configuration `FILE` (default: here, else in /etc/billwatch)")
	root.AddCommand(newRun(g), newDemo(g), newCheck(g), newTest(g), newDryRun(g), newBacktest(g), newExplain(g),
		newForecast(g), newRender(g), newRoutes(g), newProbe(g), newSendTest(g), newNotifications(g), newSilences(g), newAlerts(g), newAccounts(g), newSchema(g), newVersion(g))
	return root
}

// unknownCommand refuses what is no command, with the nearest one that is.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	for _, near := range cmd.SuggestionsFor(args[0]) {
		text += "\n  hint: did you mean " + near + "?"
	}
	return errors.New(text)
}

// globals is what every command shares.
type globals struct {
	config         string
	stdout, stderr io.Writer
}
