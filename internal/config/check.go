package config

import (
	"errors"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
)

// Check returns all problems of the named files: configurations with all that
// they name, rule files, which may then name any source and variable, and files
// of rule tests. The error is that a file cannot be read. Without paths it checks the
// configuration that is found.
func Check(paths []string, env []string, k Kinds) (billwatch.Problems, error) {
	if len(paths) == 0 {
		paths = []string{""}
	}
	var problems billwatch.Problems
	var ruleFiles []*document.Document
	for _, path := range paths {
		path, err := Find(path)
		if err != nil {
			return nil, err
		}
		doc, err := document.Read(path)
		var broken billwatch.Problems
		switch {
		case errors.As(err, &broken):
			problems = append(problems, broken...)
			continue
		case err != nil:
			return nil, err
		}
		switch KindOf(doc) {
		case RuleFile:
			if !document.IsNull(doc.Root()) {
				ruleFiles = append(ruleFiles, doc)
			}
		case TestFile:
			if k.Tests != nil {
				problems = append(problems, k.Tests(doc)...)
				break
			}
			problems = append(problems, doc.Error(nil, "is a test file, not a configuration or a rule file", "run it: billwatch test "+path))
		default:
			_, more, err := Load(path, env, k)
			if err != nil {
				return nil, err
			}
			problems = append(problems, more...)
		}
	}
	if len(ruleFiles) > 0 {
		_, more := rules.Load(ruleFiles, rules.Options{})
		problems = append(problems, more...)
	}
	return problems, nil
}
