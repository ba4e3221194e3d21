package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
)

const checkHelp = `Check configuration, rule and test files, without touching the network: every
mistake at once, each with its place and, where there is one, a way to mend it.

Without FILE it checks billwatch.yaml and the rule files that it names.`

func newCheck(g *globals) *cobra.Command {
	var strict bool
	var output string
	cmd := &cobra.Command{
		Use:     "check [FILE…]",
		Short:   "Check configuration and rule files",
		Long:    checkHelp,
		Example: "  billwatch check billwatch.yaml rules/*.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return misused(fmt.Errorf("--output: %q is not table or json", output))
			}
			if len(args) == 0 && g.config != "" {
				args = []string{g.config}
			}
			problems, err := config.Check(args, os.Environ(), kinds())
			if err != nil {
				return misused(err)
			}
			if err := printProblems(g, problems, output); err != nil {
				return found(err)
			}
			if problems.Errors() > 0 || strict && len(problems) > 0 {
				return found(nil)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings fail, too")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func printProblems(g *globals, problems billwatch.Problems, output string) error {
	if output == "json" {
		if problems == nil {
			problems = billwatch.Problems{}
		}
		encoder := json.NewEncoder(g.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			Version  string             `json:"version"`
			Problems billwatch.Problems `json:"problems"`
		}{"1", problems})
	}
	for _, p := range problems {
		fmt.Fprintln(g.stdout, p)
	}
	switch n := problems.Errors(); {
	case len(problems) == 0:
		fmt.Fprintln(g.stdout, "ok")
	case n == 0:
		fmt.Fprintf(g.stderr, "%s\n", plural(len(problems), "warning"))
	default:
		fmt.Fprintf(g.stderr, "%s, %s\n", plural(n, "error"), plural(len(problems)-n, "warning"))
	}
	return nil
}
