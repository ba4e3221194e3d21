package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch/internal/config"
)

const schemaHelp = `Print the JSON Schema of a kind of file: config, rules or tests. Editors that
know YAML then complete keys and mark what is wrong while you type; put this on
the file's first line:

  # yaml-language-server: $schema=rules.schema.json

A schema knows the form. What a condition means only "billwatch check" knows.`

func newSchema(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:       "schema " + strings.Join(config.Schemas(), "|"),
		Short:     "Print the JSON Schema of a kind of file",
		Long:      schemaHelp,
		Args:      oneArgument("what to print the schema of: " + strings.Join(config.Schemas(), ", ")),
		ValidArgs: config.Schemas(),
		Example:   "  billwatch schema rules > rules.schema.json",
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := config.Schema(args[0], kinds())
			if err != nil {
				return misused(err)
			}
			if _, err := fmt.Fprint(g.stdout, string(text)); err != nil {
				return found(err)
			}
			return nil
		},
	}
}
