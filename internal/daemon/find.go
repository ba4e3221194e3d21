package daemon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// KnownRule refuses the name of a rule that is not among those known, with the
// nearest.
func KnownRule(name string, known []string) error {
	if slices.Contains(known, name) {
		return nil
	}
	return fmt.Errorf("there is no rule %q%s", name, near(name, known, 20))
}

// FindAccount finds an account by its id, its name or source/id.
func FindAccount(accounts []billwatch.Account, name string) (int, error) {
	var hits []int
	var known []string
	for i, a := range accounts {
		if a.ID == name || a.Name == name || a.Key().String() == name {
			hits = append(hits, i)
		}
		known = append(known, a.Title())
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return 0, fmt.Errorf("there is no account %q%s", name, near(name, known, 12))
	}
	text := fmt.Sprintf("%q is the name of %d accounts; say which", name, len(hits))
	for _, i := range hits {
		text += "\n  " + accounts[i].Key().String()
	}
	return 0, errors.New(text)
}

// near is a hint at the nearest name, or at all where they are few.
func near(name string, known []string, few int) string {
	if nearest := document.Suggest(name, known); nearest != "" {
		return "\n  hint: did you mean " + nearest + "?"
	}
	if len(known) > 0 && len(known) <= few {
		return "\n  hint: known: " + strings.Join(known, ", ")
	}
	return ""
}
