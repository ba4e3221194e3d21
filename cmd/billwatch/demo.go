package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/daemon"
	"github.com/billwatch/billwatch/internal/simulate"
)

//go:embed demo.yaml
var demoConfig []byte

const demoHelp = `Run the whole thing with nothing to set up: a simulated Notehub with a dozen
organizations, a simulated Cudo with eight customers who rent GPUs, rules, and
an inbox in memory instead of Slack. Time runs 600 times as fast as real time:
ten minutes a second.`

// demoOptions is how a demo is wanted.
type demoOptions struct {
	length time.Duration // 0 until it is stopped
	speed  float64
	listen string
}

func newDemo(g *globals) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "See it work, with nothing to set up",
		Long:    demoHelp,
		Args:    noArguments,
		Example: "  billwatch demo --for 30s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.speed < 1 || o.speed > 10_000:
				return misused(fmt.Errorf("--speed: must be from 1 to 10000, not %v", o.speed))
			case o.length < 0:
				return misused(errors.New("--for: must not be negative"))
			}
			return demo(cmd.Context(), g, o)
		},
	}
	cmd.Flags().DurationVar(&o.length, "for", 0, "end by itself after this real time (0: until Ctrl-C)")
	cmd.Flags().Float64Var(&o.speed, "speed", 600, "how many times as fast as real time")
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:9595", "serve metrics at `ADDRESS`")
	return cmd
}

// demo runs the service on simulated accounts in a folder of its own, which is
// gone afterwards.
func demo(ctx context.Context, g *globals, o demoOptions) error {
	dir, err := os.MkdirTemp("", "billwatch-demo-")
	if err != nil {
		return found(err)
	}
	defer os.RemoveAll(dir)
	if o.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.length)
		defer cancel()
	}
	start := time.Now().UTC()
	clock := daemon.NewClock(start, o.speed)
	diary := newDiary(g.stdout, clock.Now)
	inbox := &simulate.Inbox{OnMessage: diary.message}
	world := simulate.Config{Now: clock.Now, Start: start, Token: "demo", Seed: 1}
	servers, err := serve(ctx, simulate.NewNotehub(world), simulate.NewCudo(world), inbox)
	if err != nil {
		return found(err)
	}
	defer servers.close()
	c, err := demoDaemon(g, dir, o, servers, clock)
	if err != nil {
		return err
	}
	c.Observer = diary.observer()
	diary.open(o)
	if err := daemon.New(c).Run(ctx); err != nil {
		return ended(err)
	}
	diary.close(inbox)
	return nil
}

// demoDaemon loads the demo's configuration as any other is loaded.
func demoDaemon(g *globals, dir string, o demoOptions, s servers, clock *daemon.Clock) (daemon.Config, error) {
	path := filepath.Join(dir, "demo.yaml")
	if err := os.WriteFile(path, demoConfig, 0o600); err != nil {
		return daemon.Config{}, found(err)
	}
	env := []string{"DEMO_DIR=" + dir, "DEMO_LISTEN=" + o.listen, "DEMO_NOTEHUB=" + s.urls[0], "DEMO_CUDO=" + s.urls[1], "DEMO_INBOX=" + s.urls[2]}
	loaded, problems, err := config.Load(path, env, kinds())
	if err != nil {
		return daemon.Config{}, found(err)
	}
	if loaded == nil {
		return daemon.Config{}, found(problems)
	}
	log := newLog(g.stderr, slog.LevelError, "")
	plan, err := daemon.PlanOf(loaded, clock.Now, log)
	if err != nil {
		return daemon.Config{}, found(err)
	}
	return daemon.Config{
		Plan: plan, Version: version, State: loaded.State.Reveal(),
		Listen: loaded.Listen, Clock: clock, Log: log,
	}, nil
}

// servers are the demo's own, on addresses that only this machine reaches.
type servers struct {
	urls []string
	all  []io.Closer
}

func (s servers) close() {
	for _, one := range s.all {
		one.Close()
	}
}

func serve(ctx context.Context, handlers ...http.Handler) (servers, error) {
	var s servers
	for _, handler := range handlers {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			s.close()
			return servers{}, err
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		go server.Serve(listener) //nolint:errcheck // it ends when it is closed
		s.urls = append(s.urls, "http://"+listener.Addr().String())
		s.all = append(s.all, server)
	}
	return s, nil
}
