package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(g *globals) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the program's version",
		Args:    noArguments,
		Example: "  billwatch version --output json",
		RunE: func(*cobra.Command, []string) error {
			revision := sourceRevision()
			switch output {
			case "json":
				return json.NewEncoder(g.stdout).Encode(map[string]string{
					"version": version, "revision": revision, "go": runtime.Version(),
				})
			case "table":
				_, err := fmt.Fprintf(g.stdout, "billwatch %s (revision %s, %s)\n", version, revision, runtime.Version())
				return err
			}
			return misused(fmt.Errorf("--output: %q is not table or json", output))
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// sourceRevision returns the commit that the program was built from.
func sourceRevision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "unknown"
}
