package config

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// Load reads the configuration at path, or where that is empty the one that is
// found, with the environment laid over it. The error is that the file cannot
// be read; all else are Problems, warnings included, and the Config is nil
// where one of them is an error.
func Load(path string, env []string, k Kinds) (*Config, billwatch.Problems, error) {
	c, _, problems, err := load(path, env, k, "")
	return c, problems, err
}

// LoadWatched is Load with what the configuration rests on, whether or not it
// can be loaded.
func LoadWatched(path string, env []string, k Kinds) (*Config, Inputs, billwatch.Problems, error) {
	return load(path, env, k, "")
}

// load reads a configuration, of all sources or of one only.
func load(path string, env []string, k Kinds, only string) (*Config, Inputs, billwatch.Problems, error) {
	path, err := Find(path)
	if err != nil {
		return nil, Inputs{}, nil, err
	}
	inputs := Inputs{paths: []string{path}}
	doc, err := document.Read(path)
	var problems billwatch.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, inputs, nil, err
	}
	if doc == nil {
		return nil, inputs, problems, nil
	}
	l := &loader{inputs: inputs, doc: doc, dir: filepath.Dir(path), kinds: k, only: only, problems: problems, joined: map[*yaml.Node]bool{}}
	l.config = &Config{Files: []string{path}}
	l.load(env)
	l.finish()
	if l.problems.Errors() > 0 {
		return nil, l.inputs, l.problems, nil
	}
	l.config.Hash = l.hash()
	return l.config, l.inputs, l.problems, nil
}

// loader gathers what one configuration says, and all its problems.
type loader struct {
	doc      *document.Document
	dir      string // of the file
	kinds    Kinds
	only     string   // the name of the one source that is looked at; empty for all
	names    []string // of all sources, where one only is looked at
	settings settings
	config   *Config
	problems billwatch.Problems
	joined   map[*yaml.Node]bool // paths that are already relative to the file
	unset    []*yaml.Node        // texts with a variable that is not there
	inputs   Inputs

	ruleDocs      []*document.Document // the rule files
	templateTexts []string
}

func (l *loader) load(env []string) {
	root := l.doc.Root()
	switch {
	case document.IsNull(root):
		l.fail(nil, "configuration is empty", "it needs at least sources: and receivers:")
		return
	case root.Kind != yaml.MappingNode:
		l.fail(root, "configuration must be a mapping of keys to values", "")
		return
	case KindOf(l.doc) != Configuration:
		l.fail(nil, "is a "+string(KindOf(l.doc))+", not a configuration", "a configuration has sources: and receivers:")
		return
	}
	if root = l.narrowed(root); l.only != "" && l.problems.Errors() > 0 {
		return // that the rest is strange, too, is no news
	}
	variables := newVariables(env)
	l.expand(root, variables)
	l.override(root, variables)
	l.secretFiles(root)
	known := len(l.problems)
	defer func() { l.forgetUnset(known) }()
	l.general(root)
	l.sources(l.settings.Sources)
	l.accounts(l.settings.Accounts)
	l.rules()
	l.templates(l.settings.Templates)
	if l.only == "" {
		receivers := l.receivers(l.settings.Receivers)
		l.fallback(receivers)
		l.route(receivers)
	}
}

// forgetUnset drops what was said of values that lack a variable: that they
// are wrong is no news.
func (l *loader) forgetUnset(from int) {
	for _, n := range l.unset {
		here := l.doc.Error(n, "", "")
		later := slices.DeleteFunc(l.problems[from:], func(p billwatch.Problem) bool {
			return p.File == here.File && p.Line == here.Line && p.Column == here.Column
		})
		l.problems = l.problems[:from+len(later)]
	}
}

// finish puts the problems into the order of the files, and hides whatever
// secret somebody quoted.
func (l *loader) finish() {
	order := map[string]int{}
	for i, file := range l.config.Files {
		order[file] = i + 1 // and variables, which are in no file, before all
	}
	slices.SortStableFunc(l.problems, func(a, b billwatch.Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	l.doc.Redact(l.problems)
}

func (l *loader) fail(n *yaml.Node, message, hint string) {
	l.problems = append(l.problems, l.doc.Error(n, message, hint))
}

func (l *loader) warn(n *yaml.Node, message, hint string) {
	l.problems = append(l.problems, l.doc.Warn(n, message, hint))
}

func (l *loader) add(problems billwatch.Problems) { l.problems = append(l.problems, problems...) }

// path returns a path that is relative to the file.
func (l *loader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(l.dir, p)
}

// mapping says whether a node is a mapping; nothing at all is none, without a
// problem.
func (l *loader) mapping(n *yaml.Node, what string) bool {
	if document.IsNull(n) {
		return false
	}
	if n.Kind != yaml.MappingNode {
		l.fail(n, what+" must be a mapping", "")
		return false
	}
	return true
}

// suggest returns a hint at the nearest known name, else at all of them.
func suggest(name string, known []string) string {
	if near := document.Suggest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}
