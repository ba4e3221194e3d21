package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/daemon"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

const renderHelp = `Write a message without sending it: by the templates of the configuration where
there is one, about a built-in sample, about what fires over snapshots, or about
an alert of a running billwatch.

TEMPLATE is the name of one template, or a file; without it the whole message is
written, title and text. A template that fails ends with status 1 and its place.
docs/templates.md says what templates see.`

func newRender(g *globals) *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use:     "render [TEMPLATE]",
		Short:   "Try message templates",
		Long:    renderHelp,
		Example: "  billwatch render ./finance.tmpl --sample money",
		Args:    cobra.MaximumNArgs(1),
	}
	address := urlFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return o.run(cmd.Context(), g, *address, args)
	}
	cmd.Flags().StringVar(&o.sample, "sample", "", "the `SAMPLE` that the message is about (default low)")
	cmd.Flags().StringArrayVar(&o.snapshots, "snapshots", nil, "what fires over snapshots from this `FILE`, repeatable")
	cmd.Flags().StringVar(&o.alert, "alert", "", "an alert of a running billwatch, by its `FINGERPRINT`")
	cmd.Flags().StringVar(&o.receiver, "receiver", "", "as this `RECEIVER` gets it, by its own templates")
	cmd.Flags().BoolVar(&o.html, "html", false, "the HTML of an e-mail instead of the text")
	cmd.Flags().BoolVar(&o.list, "list", false, "list the templates and the samples")
	return cmd
}

type renderOptions struct {
	sample, receiver, alert string
	snapshots               []string
	html, list              bool
}

// rendered is a message that is to be written, and by whose templates.
type rendered struct {
	to        string // the integration; empty for nobody's own
	n         billwatch.Notification
	overrides notify.Overrides
}

func (o renderOptions) run(ctx context.Context, g *globals, address string, args []string) error {
	if o.sample != "" && len(o.snapshots) > 0 || o.alert != "" && (o.sample != "" || len(o.snapshots) > 0) {
		return misused(errors.New("--sample, --snapshots and --alert: one of them"))
	}
	l, err := loadOrNone(g)
	if err != nil {
		return err
	}
	if o.list {
		return listTemplates(g.stdout, l.Templates)
	}
	messages, err := o.messages(ctx, g, address, l)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return o.writeAll(g, l.Templates, messages)
	}
	name, templates, err := fromFile(args[0], l.Templates)
	switch {
	case err != nil:
		return misused(err)
	case name == "":
		return o.writeAll(g, templates, messages)
	}
	return o.writeOne(g, templates, name, messages)
}

// loadOrNone reads the configuration; where there is none at all the default
// templates stand alone.
func loadOrNone(g *globals) (loaded, error) {
	if _, err := config.Find(g.config); g.config != "" || !errors.Is(err, fs.ErrNotExist) {
		return load(g)
	}
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	return loaded{Config: &config.Config{Templates: templates}}, err
}

// fromFile returns the templates with a file's where the argument is one, and
// the name of what is to be written: none where that is the whole message,
// since the file defines a part of it anew.
func fromFile(arg string, templates *notify.Templates) (string, *notify.Templates, error) {
	if slices.Contains(templates.Defined(), arg) {
		return arg, templates, nil
	}
	source, err := config.ReadTemplate(arg)
	if errors.Is(err, fs.ErrNotExist) {
		hint := "\n  hint: billwatch render --list"
		if near := document.Suggest(arg, templates.Defined()); near != "" {
			hint = "\n  hint: did you mean " + near + "?"
		}
		return "", nil, fmt.Errorf("there is no template and no file %q%s", arg, hint)
	}
	if err != nil {
		return "", nil, err
	}
	with, err := templates.With(arg, source)
	if err != nil {
		return "", nil, err
	}
	if with.Redefines(arg) {
		return "", with, nil
	}
	return arg, with, nil
}

// messages returns what is to be written: to each integration of a receiver, or
// once by nobody's own templates.
func (o renderOptions) messages(ctx context.Context, g *globals, address string, l loaded) ([]rendered, error) {
	switch {
	case len(o.snapshots) > 0:
		return o.told(g, l)
	case o.alert != "":
		n, err := live(ctx, address, o.alert)
		if err != nil {
			return nil, err
		}
		return o.addressed(n, l)
	}
	name := cmp.Or(o.sample, "low")
	samples := notify.Samples()
	i := slices.IndexFunc(samples, func(s notify.Sample) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, s := range samples {
			names = append(names, s.Name)
		}
		hint := "known: " + strings.Join(names, ", ")
		if near := document.Suggest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, misused(fmt.Errorf("--sample: there is no sample %q\n  hint: %s", name, hint))
	}
	return o.addressed(samples[i].Notification, l)
}

// addressed is the message as each integration of the wanted receiver gets it.
func (o renderOptions) addressed(n billwatch.Notification, l loaded) ([]rendered, error) {
	if o.receiver == "" {
		return []rendered{{n: n}}, nil
	}
	if l.Router == nil {
		return nil, misused(errors.New("--receiver: there is no configuration\n  hint: --config"))
	}
	var all []rendered
	for _, in := range l.Router.Integrations() {
		if in.Receiver == o.receiver {
			n.Receiver, n.Integration = in.Receiver, in.Name
			all = append(all, rendered{in.Name, n, in.Overrides})
		}
	}
	if len(all) == 0 {
		return nil, misused(fmt.Errorf("--receiver: no receiver %q in the configuration%s", o.receiver, near(o.receiver, l.Router.Integrations())))
	}
	return all, nil
}

// told is what would be told of snapshots, as dry-run has it.
func (o renderOptions) told(g *globals, l loaded) ([]rendered, error) {
	if l.Router == nil {
		return nil, misused(errors.New("--snapshots: there is no configuration, so there are no rules\n  hint: --config"))
	}
	c, err := l.daemon(g.stderr)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	polls, previous, err := readSnapshots(o.snapshots, c.Plan.Sources, now)
	if err != nil {
		return nil, misused(err)
	}
	var all []rendered
	for _, n := range daemon.Judge(c.Plan, polls, previous, now).Notifications {
		if in, ok := l.Router.Integration(n.Integration); ok && (o.receiver == "" || o.receiver == in.Receiver) {
			all = append(all, rendered{n.Integration, n, in.Overrides})
		}
	}
	if len(all) == 0 {
		return nil, found(errors.New("nobody would be told anything of these snapshots"))
	}
	return all, nil
}

func (o renderOptions) writeAll(g *globals, templates *notify.Templates, messages []rendered) error {
	var failed error
	for i, r := range messages {
		m, err := templates.Try(r.n, r.overrides)
		failed = errors.Join(failed, err)
		heading(g.stdout, i, r.to)
		if o.html {
			fmt.Fprintln(g.stdout, plainLines(m.HTML))
			continue
		}
		fmt.Fprintf(g.stdout, "%s\n\n%s\n", plain(m.Title), plainLines(m.Text))
	}
	if failed != nil {
		return found(failed)
	}
	return nil
}

func (o renderOptions) writeOne(g *globals, templates *notify.Templates, name string, messages []rendered) error {
	for i, r := range messages {
		text, err := templates.Execute(name, r.n, o.html)
		if err != nil {
			return found(err)
		}
		heading(g.stdout, i, r.to)
		fmt.Fprintln(g.stdout, plainLines(strings.Trim(text, "\n")))
	}
	return nil
}

func heading(w io.Writer, i int, to string) {
	if i > 0 {
		fmt.Fprintln(w)
	}
	if to != "" {
		fmt.Fprintf(w, "--- to %s\n", to)
	}
}

// plainLines is plain with the line breaks kept.
func plainLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

func listTemplates(w io.Writer, templates *notify.Templates) error {
	var rows [][]string
	for _, name := range templates.Defined() {
		rows = append(rows, []string{name, templates.Origin(name)})
	}
	if err := table(w, []string{"TEMPLATE", "DEFINED IN"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	rows = nil
	for _, s := range notify.Samples() {
		rows = append(rows, []string{s.Name, s.About})
	}
	return table(w, []string{"SAMPLE", "IS"}, rows)
}
