package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// usage is what follows a command's text in its help; the example comes last,
// where the eye stays.
const usage = `{{ if .Runnable }}Usage:
  {{ .UseLine }}

{{ end }}{{ if .HasAvailableSubCommands }}Commands:{{ range .Commands }}{{ if .IsAvailableCommand }}
  {{ rpad .Name .NamePadding }}  {{ .Short }}{{ end }}{{ end }}

{{ end }}{{ with .LocalFlags.FlagUsages | trimTrailingWhitespaces }}Flags:
{{ . }}
{{ end }}{{ with .InheritedFlags.FlagUsages | trimTrailingWhitespaces }}
Flags of every command:
{{ . }}
{{ end }}{{ if .HasExample }}
Example:
{{ .Example }}
{{ end }}`

// noArguments refuses arguments to a command that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments: %q\n  hint: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

// oneArgument refuses all but one argument.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one argument, %s, not %d\n  hint: %s --help", cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}
