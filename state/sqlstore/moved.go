package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// removedMark ends the name under which what is owed to a removed integration
// waits to be dropped, where another one has its name now.
const removedMark = " (removed)"

// Moved says which integrations have another name now: those whose settings are
// found under another place in the list of their receiver and type, and only
// there. Each is known by a text that changes with its settings. One whose name
// another takes, and that is found nowhere itself, is as good as removed, and
// gets a name that no integration has. All others keep their names.
func Moved(before, now map[string]string) map[string]string {
	moved := map[string]string{}
	for _, name := range inOrder(now) {
		if now[name] == "" || before[name] == now[name] {
			continue
		}
		for _, was := range inOrder(before) {
			if moved[was] == "" && kindOf(was) == kindOf(name) && before[was] == now[name] && now[was] != before[was] {
				moved[was] = name
				break
			}
		}
	}
	for _, name := range slices.Collect(maps.Values(moved)) {
		if moved[name] == "" {
			moved[name] = name + removedMark
		}
	}
	return moved
}

// kindOf is what the name of an integration has before its place in the list.
func kindOf(integration string) string {
	return integration[:strings.LastIndexByte(integration, '/')+1]
}

// inOrder returns the names as they are in their lists, of which the tenth comes
// after the second.
func inOrder(integrations map[string]string) []string {
	return slices.SortedFunc(maps.Keys(integrations), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
}

// move lets everything that is owed to integrations, and known of them, follow
// them to the names that they have by the configuration that comes into force.
func (t *tx) move(ctx context.Context, settings map[string]string, now time.Time) error {
	before := map[string]string{}
	if err := t.each(ctx, func(rows *sql.Rows) error {
		var name, was string
		err := rows.Scan(&name, &was)
		before[name] = was
		return err
	}, `SELECT integration, settings FROM integrations`); err != nil {
		return err
	}
	moved := Moved(before, settings)
	if len(moved) == 0 {
		return nil
	}
	t.woken = true
	all := slices.Sorted(maps.Keys(moved))
	for _, was := range all { // a name may be free only once its owner has left it
		if err := t.leaves(ctx, was, aside(moved[was]), now); err != nil {
			return fmt.Errorf("%s moves to %s: %w", was, moved[was], err)
		}
	}
	for _, was := range all {
		name := moved[was]
		if err := t.vacate(ctx, name); err != nil {
			return fmt.Errorf("%s moves to %s: %w", was, name, err)
		}
		if err := t.rename(ctx, aside(name), name); err != nil {
			return fmt.Errorf("%s moves to %s: %w", was, name, err)
		}
	}
	return nil
}

// aside is a name that nothing has but what is about to get that name.
func aside(name string) string { return name + " (moving)" }

// leaves takes an integration away from its name. That it is down is known by
// that name, and ends: where it still is, the next attempt says so, and what it
// refused for good is tried again by that.
func (t *tx) leaves(ctx context.Context, was, name string, now time.Time) error {
	n, err := t.exec(ctx, `UPDATE alerts SET state = state WHERE source = '' AND account = $1 AND rule = '`+billwatch.RuleReceiverDown+`'`, was)
	if err != nil {
		return err
	}
	if err := t.rose(ctx, was, "it has another place in the configuration", now); err != nil {
		return err
	}
	// Whoever looks at a group now knows it by the old name: the claim is void.
	if _, err := t.exec(ctx, `UPDATE alert_groups SET due_at = 1, claim = '' WHERE integration = $1 AND claim <> ''`, was); err != nil {
		return err
	}
	if err := t.rename(ctx, was, name); err != nil || n == 0 {
		return err
	}
	return t.reconsider(ctx, name)
}

// ofIntegration are the tables that know integrations by their names, beside
// the outbox.
func ofIntegration() []string {
	return []string{"members", "alert_groups", "storms", "tallies", "destinations", "integrations"}
}

func (t *tx) rename(ctx context.Context, was, name string) error {
	for _, table := range append(ofIntegration(), "notifications") {
		if _, err := t.exec(ctx, `UPDATE `+table+` SET integration = $2 WHERE integration = $1`, was, name); err != nil {
			return err
		}
	}
	return nil
}

// vacate removes what is left under a name that nobody has: of one that was
// removed before and not dropped yet, or never known.
func (t *tx) vacate(ctx context.Context, name string) error {
	for _, table := range ofIntegration() {
		if _, err := t.exec(ctx, `DELETE FROM `+table+` WHERE integration = $1`, name); err != nil {
			return err
		}
	}
	return nil
}
