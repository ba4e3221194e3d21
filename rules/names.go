package rules

import (
	"strings"
)

// unknownName reports a name that is no variable's, as helpfully as it can.
func (c *compiler) unknownName(path string, at, last int) node {
	current := strings.TrimPrefix(path, "previous.")
	group, field, dotted := strings.Cut(current, ".")
	switch {
	case path == "previous":
		return c.fail(at, "previous is a whole poll", "compare it with nil, or name a field: previous.balance")
	case functionNamed(path) != nil:
		return c.fail(at, path+" is a function", "call it: "+functionNamed(path).Example)
	case current == "vars" || current == "account.labels":
		return c.fail(at, current+" is a group of values", "name one: "+current+".floor")
	case !dotted && len(groupOf(group)) > 0:
		return c.fail(at, current+" is a group of values", "name one: "+strings.Join(groupOf(group), ", "))
	case dotted && len(groupOf(group)) > 0:
		return c.fail(last, group+" has no field "+field, suggest(current, groupOf(group), "it has "+strings.Join(groupOf(group), ", ")))
	case dotted && variables[group] != nil:
		return c.fail(last, group+" has no fields", "")
	}
	return c.fail(at, "unknown name "+path, suggest(path, allNames(), ""))
}

// groupOf returns the variables below a name.
func groupOf(group string) []string {
	var names []string
	for _, v := range snapshotVariables {
		if strings.HasPrefix(v.name, group+".") {
			names = append(names, v.name)
		}
	}
	return names
}

func allNames() []string {
	names := []string{"now", "previous"}
	for _, v := range snapshotVariables {
		names = append(names, v.name)
	}
	for _, f := range functions() {
		names = append(names, f.Name)
	}
	return names
}
