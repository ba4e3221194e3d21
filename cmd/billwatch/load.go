package main

import (
	"fmt"
	"io"
	"os"

	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/daemon"
	notifiers "github.com/billwatch/billwatch/notify/builtin"
	providers "github.com/billwatch/billwatch/poller/builtin"
)

// loaded is a configuration that checked out.
type loaded struct{ *config.Config }

func kinds() config.Kinds {
	return config.Kinds{Sources: providers.Types(), Integrations: notifiers.Types(), UserAgent: "billwatch/" + version, Tests: checkTests}
}

// load reads the configuration; its problems are printed, and end the command
// when one of them is an error.
func load(g *globals) (loaded, error) {
	c, problems, err := config.Load(g.config, os.Environ(), kinds())
	if err != nil {
		return loaded{}, misused(err)
	}
	for _, p := range problems {
		fmt.Fprintln(g.stderr, p)
	}
	if c == nil {
		return loaded{}, misused(fmt.Errorf("%s in the configuration", plural(problems.Errors(), "error")))
	}
	return loaded{c}, nil
}

// daemon returns what the service is made from.
func (l loaded) daemon(logs io.Writer) (daemon.Config, error) {
	log := newLog(logs, l.Log.Level, l.Log.Format)
	clock := daemon.RealClock()
	plan, err := daemon.PlanOf(l.Config, clock.Now, log)
	if err != nil {
		return daemon.Config{}, misused(err)
	}
	return daemon.Config{
		Plan: plan, Version: version, State: l.State.Reveal(), Retention: l.Retention, Listen: l.Listen, Hosts: l.Hosts,
		Clock: clock, Log: log,
	}, nil
}
