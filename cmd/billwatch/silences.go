package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

const silencesHelp = `Show, make and end silences: while one is active, nobody is told of the alerts
that all its matchers match. A matcher is written as in a route: account="a1",
severity!="critical", alertname=~"Balance.*".

User and password are in the address, or in BILLWATCH_USER and
BILLWATCH_PASSWORD; the address may be in BILLWATCH_URL.`

// silence is one as a running billwatch shows it, in Alertmanager's words.
type silence struct {
	ID     string `json:"id,omitempty"`
	Status struct {
		State billwatch.SilenceState `json:"state"`
	} `json:"status,omitzero"`
	StartsAt      time.Time        `json:"startsAt"`
	EndsAt        time.Time        `json:"endsAt"`
	CreatedBy     string           `json:"createdBy"`
	Comment       string           `json:"comment"`
	Matchers      []silenceMatcher `json:"matchers"`
	UntilResolved bool             `json:"untilResolved,omitempty"`
}

type silenceMatcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

func (m silenceMatcher) String() string {
	operator := map[[2]bool]string{{true, false}: "=", {false, false}: "!=", {true, true}: "=~", {false, true}: "!~"}[[2]bool{m.IsEqual, m.IsRegex}]
	return fmt.Sprintf("%s%s%q", m.Name, operator, m.Value)
}

func newSilences(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "silences",
		Short:   "Show, make and end silences",
		Long:    silencesHelp,
		Example: "  billwatch silences add account=\"a1\" --duration 2h --comment \"top-up ordered\"\n  billwatch silences",
		Args:    unknownCommand,
	}
	cmd.SuggestionsMinimumDistance = 2
	address := urlFlag(cmd)
	list := newSilencesList(g, address)
	cmd.RunE = list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, newSilencesAdd(g, address), newSilencesExpire(g, address))
	return cmd
}

func newSilencesList(g *globals, address *string) *cobra.Command {
	var expired bool
	var output string
	cmd := &cobra.Command{
		Use:     "list [MATCHER...]",
		Short:   "Show silences",
		Long:    "Show the silences that are active or will be; of them those that have all the\ngiven matchers.",
		Example: "  billwatch silences list --expired",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := tableOrJSON(output); err != nil {
				return err
			}
			c, err := newClient(*address)
			if err != nil {
				return err
			}
			query := url.Values{"filter": args}
			if !expired {
				query.Set("expired", "false")
			}
			var raw json.RawMessage
			if err := c.get(cmd.Context(), "api/v2/silences", query, &raw); err != nil {
				return err
			}
			if output == "json" {
				fmt.Fprintf(g.stdout, "%s\n", raw)
				return nil
			}
			return printSilences(g.stdout, raw)
		},
	}
	cmd.Flags().BoolVar(&expired, "expired", false, "those that are over, too")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func tableOrJSON(output string) error {
	if output != "table" && output != "json" {
		return misused(fmt.Errorf("--output: %q is not table or json", output))
	}
	return nil
}

// printSilences prints some lines for each, of which none is over 80 columns.
func printSilences(w io.Writer, raw json.RawMessage) error {
	var all []silence
	if err := json.Unmarshal(raw, &all); err != nil {
		return found(fmt.Errorf("the answer is not billwatch's: %w", err))
	}
	if len(all) == 0 {
		fmt.Fprintln(w, "nothing is silenced")
		return nil
	}
	for _, s := range all {
		fmt.Fprintf(w, "%s  %s  %s\n", shortened(plain(s.ID), 36), s.Status.State, s.when())
		var matchers []string
		for _, m := range s.Matchers {
			matchers = append(matchers, shortened(plain(m.String()), 78))
		}
		fmt.Fprintln(w, wrapped("  "+strings.Join(matchers, " "), columns, "  "))
		said := plain(s.CreatedBy)
		if s.Comment != "" {
			said += ": " + plain(s.Comment)
		}
		fmt.Fprintf(w, "  %s\n", shortened(said, 78))
	}
	return nil
}

// when says in 34 characters when the silence begins or ends.
func (s silence) when() string {
	const minute = "2006-01-02 15:04Z"
	switch {
	case s.Status.State == billwatch.SilencePending:
		return "from " + s.StartsAt.UTC().Format(minute)
	case s.Status.State == billwatch.SilenceExpired:
		return "ended " + s.EndsAt.UTC().Format(minute)
	case s.UntilResolved:
		return "resolved, or " + s.EndsAt.UTC().Format(minute)
	}
	return "until " + s.EndsAt.UTC().Format(minute)
}

const silencesAddHelp = `Silence the alerts that all these matchers match, and print the silence's id.
With --until-resolved it also ends once its alerts resolved; then it lasts 30
days at most, unless --duration says less.`

func newSilencesAdd(g *globals, address *string) *cobra.Command {
	var wanted silence
	var duration string
	cmd := &cobra.Command{
		Use:     "add MATCHER...",
		Short:   "Make a silence",
		Long:    silencesAddHelp,
		Example: "  billwatch silences add account=\"a1\" --duration 2h --comment \"top-up ordered\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			length, err := silenceLength(duration, wanted.UntilResolved)
			if err == nil {
				wanted.Matchers, err = matchersOf(args)
			}
			if err == nil && wanted.Comment == "" {
				err = errors.New("--comment: say why, for whoever wonders why it is quiet")
			}
			if err != nil {
				return misused(err)
			}
			wanted.CreatedBy = cmp.Or(wanted.CreatedBy, whoami())
			wanted.StartsAt = time.Now().UTC()
			wanted.EndsAt = wanted.StartsAt.Add(length)
			c, err := newClient(*address)
			if err != nil {
				return err
			}
			var made struct {
				ID string `json:"silenceID"`
			}
			if err := c.post(cmd.Context(), "api/v2/silences", wanted, &made); err != nil {
				return err
			}
			fmt.Fprintln(g.stdout, plain(made.ID))
			return nil
		},
	}
	cmd.Flags().StringVar(&duration, "duration", "", "how `LONG` it lasts, such as 90m or 3d (default 1h)")
	cmd.Flags().BoolVar(&wanted.UntilResolved, "until-resolved", false, "end it sooner, once its alerts resolved")
	cmd.Flags().StringVar(&wanted.Comment, "comment", "", "`WHY` it is made")
	cmd.Flags().StringVar(&wanted.CreatedBy, "author", "", "`WHO` makes it (default this machine's user)")
	return cmd
}

func silenceLength(text string, untilResolved bool) (time.Duration, error) {
	if text == "" && untilResolved {
		return notify.LongestUntilResolved, nil
	}
	length, err := document.ParseDuration(cmp.Or(text, "1h"))
	if err == nil && length <= 0 {
		err = errors.New("must be more than zero")
	}
	if err != nil {
		return 0, fmt.Errorf("--duration: %w", err)
	}
	return length, nil
}

func matchersOf(args []string) ([]silenceMatcher, error) {
	if len(args) == 0 {
		return nil, errors.New("what is to be silenced? at least one matcher is needed, such as account=\"a1\"\n  hint: billwatch silences add --help")
	}
	parsed, err := notify.MatchersOf(args)
	if err != nil {
		return nil, fmt.Errorf("%w\n  hint: a matcher is written account=\"a1\", severity!=\"critical\" or alertname=~\"Balance.*\"", err)
	}
	var matchers []silenceMatcher
	for _, m := range parsed {
		matchers = append(matchers, silenceMatcher{Name: m.Name, Value: m.Value, IsRegex: m.IsRegex, IsEqual: m.IsEqual})
	}
	return matchers, nil
}

// whoami is the name of whoever types this.
func whoami() string {
	if who, err := user.Current(); err == nil && who.Username != "" {
		return who.Username
	}
	return cmp.Or(os.Getenv("USER"), "somebody")
}

func newSilencesExpire(g *globals, address *string) *cobra.Command {
	return &cobra.Command{
		Use:     "expire ID...",
		Short:   "End silences now",
		Long:    "End silences now. Alerts that still fire are told again.",
		Example: "  billwatch silences expire 6b1f2c1e-5d0e-4c0b-9f60-2f6f3a0c9d11",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("which silence? its id is needed\n  hint: billwatch silences shows them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(*address)
			if err != nil {
				return err
			}
			var failed []error
			for _, id := range args {
				if err := c.delete(cmd.Context(), "api/v2/silence/"+url.PathEscape(id)); err != nil {
					failed = append(failed, silenceError(id, err))
					continue
				}
				fmt.Fprintf(g.stdout, "%s is over\n", plain(id))
			}
			if len(failed) > 0 {
				return found(errors.Join(failed...))
			}
			return nil
		},
	}
}

// silenceError says in our words that there is no such silence.
func silenceError(id string, err error) error {
	refused, ok := errors.AsType[*refusedError](err)
	if ok && (refused.status == 404 || refused.status == 422) {
		return fmt.Errorf("there is no silence %q\n  hint: billwatch silences shows them", plain(id))
	}
	return err
}
