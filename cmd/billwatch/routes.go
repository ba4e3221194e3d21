package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func newRoutes(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "routes",
		Short:   "Ask the routing tree who would be told",
		Example: "  billwatch routes test alertname=BalanceLow severity=critical",
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(newRoutesTest(g))
	return cmd
}

const routesTestHelp = `Print the receivers of an alert with these labels, in the order of the tree and
separated by commas.

With --verify.receivers it ends with status 1 where they are others, for CI. It
reads the configuration and nothing else.`

func newRoutesTest(g *globals) *cobra.Command {
	var o routesOptions
	cmd := &cobra.Command{
		Use:     "test LABEL=VALUE…",
		Short:   "Print the receivers of an alert",
		Long:    routesTestHelp,
		Example: "  billwatch routes test severity=critical --verify.receivers finance,ops",
		RunE: func(_ *cobra.Command, args []string) error {
			if o.output != "table" && o.output != "json" {
				return misused(fmt.Errorf("--output: %q is not table or json", o.output))
			}
			labels, err := labelsOf(args)
			if err != nil {
				return misused(err)
			}
			loaded, err := load(g)
			if err != nil {
				return err
			}
			return o.test(g, loaded.Router, labels)
		},
	}
	cmd.Flags().BoolVar(&o.tree, "tree", false, "show the tree, with what takes the alert")
	cmd.Flags().StringVar(&o.verify, "verify.receivers", "", "the `RECEIVERS` that are wanted, separated by commas")
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

type routesOptions struct {
	tree   bool
	verify string
	output string
}

func (o routesOptions) test(g *globals, router *notify.Router, labels billwatch.Labels) error {
	receivers := router.Match(labels)
	if err := o.print(g.stdout, router.Tree(labels), receivers); err != nil {
		return found(err)
	}
	if o.verify == "" {
		return nil
	}
	wanted := strings.Split(o.verify, ",")
	for i := range wanted {
		wanted[i] = strings.TrimSpace(wanted[i])
	}
	if !slices.Equal(wanted, receivers) {
		return found(fmt.Errorf("receivers are %s, not %s", strings.Join(receivers, ","), strings.Join(wanted, ",")))
	}
	return nil
}

func (o routesOptions) print(w io.Writer, tree []notify.Branch, receivers []string) error {
	if o.output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			Version   string   `json:"version"`
			Receivers []string `json:"receivers"`
		}{"1", receivers})
	}
	if o.tree {
		for _, b := range tree {
			fmt.Fprintln(w, branchInWords(b))
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(receivers, ","))
	return err
}

// branchInWords is a line of the tree; an asterisk marks what takes the alert.
func branchInWords(b notify.Branch) string {
	mark := "  "
	if b.Takes {
		mark = "* "
	}
	line := mark + strings.Repeat("  ", b.Depth)
	if b.Matchers != "" {
		line += b.Matchers + " "
	}
	line += "-> " + b.Receiver
	if b.Continue {
		line += ", continue"
	}
	if len(b.Mute) > 0 {
		line += ", not in " + strings.Join(b.Mute, ", ")
	}
	if len(b.Active) > 0 {
		line += ", only in " + strings.Join(b.Active, ", ")
	}
	return plain(line)
}

func labelsOf(args []string) (billwatch.Labels, error) {
	if len(args) == 0 {
		return nil, errors.New("which alert? give its labels: severity=critical")
	}
	labels := billwatch.Labels{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" || strings.ContainsAny(name[len(name)-1:], "!~") || strings.HasPrefix(value, "~") {
			return nil, fmt.Errorf("%q is not LABEL=VALUE", arg)
		}
		labels[name] = value
	}
	return labels, nil
}
