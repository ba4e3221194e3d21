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

// loaded is a configuration that checked out, and what it was read from.
type loaded struct {
	*config.Config
	inputs config.Inputs
}

func kinds() config.Kinds {
	return config.Kinds{Sources: providers.Types(), Integrations: notifiers.Types(), UserAgent: "billwatch/" + version, Tests: checkTests}
}

// load reads the configuration; its problems are printed, and end the command
// when one of them is an error.
func load(g *globals) (loaded, error) {
	c, inputs, problems, err := config.LoadWatched(g.config, os.Environ(), kinds())
	if err != nil {
		return loaded{}, misused(err)
	}
	for _, p := range problems {
		fmt.Fprintln(g.stderr, p)
	}
	if c == nil {
		return loaded{}, misused(fmt.Errorf("%s in the configuration", plural(problems.Errors(), "error")))
	}
	return loaded{c, inputs}, nil
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
		Plan: plan, Version: version, State: l.State.Reveal(), Listen: l.Listen, LogAs: l.Log,
		Clock: clock, Log: log, Inputs: l.inputs,
	}, nil
}

// again returns how the service reads its configuration while it runs: from
// the same file, by the same environment.
func (l loaded) again(path string, c daemon.Config) func() (daemon.Fresh, error) {
	return func() (daemon.Fresh, error) {
		next, inputs, problems, err := config.LoadWatched(path, os.Environ(), kinds())
		fresh := daemon.Fresh{Inputs: inputs}
		switch {
		case err != nil:
			return fresh, err
		case next == nil:
			return fresh, problems
		}
		for _, p := range problems {
			c.Log.Warn("configuration", "file", p.File, "line", p.Line, "column", p.Column, "message", p.Message, "hint", p.Hint)
		}
		fresh.State, fresh.Listen, fresh.LogAs = next.State.Reveal(), next.Listen, next.Log
		fresh.Plan, err = daemon.PlanOf(next, c.Clock.Now, c.Log)
		return fresh, err
	}
}
