package config

import (
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/billwatch/billwatch/internal/document"
)

// Kind is what a file is, by its keys.
type Kind string

// The kinds of file.
const (
	Configuration Kind = "configuration"
	RuleFile      Kind = "rule file"
	TestFile      Kind = "test file"
)

// KindOf tells a file's kind: a configuration has any of sources, receivers,
// state and listen; a test file has tests, and may have a route as well; what
// else has a route is a configuration; the rest are rule files.
func KindOf(d *document.Document) Kind {
	kind := RuleFile
	for key := range document.Pairs(d.Root()) {
		switch {
		case slices.Contains([]string{"sources", "receivers", "state", "listen"}, key.Value):
			return Configuration
		case key.Value == "tests":
			kind = TestFile
		case key.Value == "route" && kind == RuleFile:
			kind = Configuration
		}
	}
	return kind
}

// places where a configuration is looked for.
func places() []string { return []string{"billwatch.yaml", "/etc/billwatch/billwatch.yaml"} }

// Find returns the path of the configuration: the given one, or where it is
// empty the first that exists.
func Find(path string) (string, error) {
	if path != "" {
		return path, nil
	}
	for _, p := range places() {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no configuration: neither ./billwatch.yaml nor /etc/billwatch/billwatch.yaml: %w", fs.ErrNotExist)
}
