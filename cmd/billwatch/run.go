package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch/internal/daemon"
)

const runHelp = `Run the service: poll, judge, remember and tell, until it is stopped.

SIGTERM or Ctrl-C ends it in order within 25 seconds; a second one at once.
SIGHUP, or a change of one of its files, lets it read its configuration again.
With --once it polls every source, delivers what is due and ends: for cron.`

func newRun(g *globals) *cobra.Command {
	var once, noNotify, noMigrate bool
	var deadline time.Duration
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run the service",
		Long:    runHelp,
		Args:    noArguments,
		Example: "  billwatch run --config /etc/billwatch/billwatch.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := load(g)
			if err != nil {
				return err
			}
			c, err := loaded.daemon(g.stderr)
			if err != nil {
				return err
			}
			c.NoNotify, c.NoMigrate = noNotify, noMigrate
			if !once {
				c.Load = loaded.again(c.Inputs.Path(), c)
			}
			c.Serving = func(address string) { c.Log.Info("listening", "address", address) }
			service := daemon.New(c)
			if once {
				return ended(service.Once(cmd.Context(), deadline))
			}
			defer onHangUp(service)()
			return ended(service.Run(cmd.Context()))
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "poll once, deliver what is due, end with 0 or 1")
	cmd.Flags().DurationVar(&deadline, "deadline", time.Minute, "with --once: how long to deliver")
	cmd.Flags().BoolVar(&noNotify, "no-notify", false, "do all but send")
	cmd.Flags().BoolVar(&noMigrate, "no-migrate", false, "refuse a state that needs a migration")
	return cmd
}

// onHangUp lets SIGHUP read the configuration again, until what it returns is
// called.
func onHangUp(service *daemon.Daemon) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range signals {
			_ = service.Reload("SIGHUP") // it says so itself
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-ended
	}
}

// ended turns how the service ended into an exit status.
func ended(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*daemon.StartError](err); ok {
		return misused(fmt.Errorf("billwatch: %w%s", err, remedy(err)))
	}
	return found(fmt.Errorf("billwatch: %w", err))
}

// remedy is a hint at what to do where a start was refused by the machine.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "\n  hint: another program has the port, perhaps another billwatch; choose one with listen:, or --listen of the demo"
	case errors.Is(err, fs.ErrPermission):
		return "\n  hint: state: and listen: must be a file and an address that this user may use"
	}
	return ""
}
