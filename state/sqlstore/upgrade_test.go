package sqlstore_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// past is a database as a program of an older schema knew it.
type past struct {
	*testing.T
	dsn     string // for Open
	db      *sql.DB
	dialect goose.Dialect
	steps   *goose.Provider
}

// onBothPasts runs a story on an empty database of each kind.
func onBothPasts(t *testing.T, story func(p *past)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "billwatch.db")
		p := newPast(t, goose.DialectSQLite3, "sqlite:"+path, "sqlite", path)
		if _, err := p.db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA application_id = %d", 0x42696C6C)); err != nil {
			t.Fatal(err)
		}
		story(p)
	})
	t.Run("Postgres", func(t *testing.T) {
		dsn := pgtest.URL(t)
		story(newPast(t, goose.DialectPostgres, dsn, "pgx", dsn))
	})
}

func newPast(t *testing.T, dialect goose.Dialect, dsn, driver, address string) *past {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	steps, err := goose.NewProvider(dialect, db, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	return &past{T: t, dsn: dsn, db: db, dialect: dialect, steps: steps}
}

// at brings the schema to a version.
func (p *past) at(version int64) {
	p.Helper()
	if _, err := p.steps.UpTo(p.Context(), version); err != nil {
		p.Fatal(err)
	}
}

// says runs sentences of a file.
func (p *past) says(file string) {
	p.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		p.Fatal(err)
	}
	if _, err := p.db.ExecContext(p.Context(), string(text)); err != nil {
		p.Fatalf("%s: %v", file, err)
	}
}

// column is what both databases know of a column; bare says that a row that
// leaves it out is refused.
type column struct {
	kind string
	bare bool
}

// columns returns every column of ours, by table and name.
func (p *past) columns() map[string]column {
	p.Helper()
	sentence := `SELECT m.name || '.' || c.name, c.type, c."notnull" = 1 AND c.dflt_value IS NULL
		FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`
	if p.dialect == goose.DialectPostgres {
		sentence = `SELECT table_name || '.' || column_name, data_type, is_nullable = 'NO' AND column_default IS NULL
			FROM information_schema.columns WHERE table_schema = 'public'`
	}
	rows, err := p.db.QueryContext(p.Context(), sentence)
	if err != nil {
		p.Fatal(err)
	}
	defer rows.Close()
	found := map[string]column{}
	for rows.Next() {
		var name string
		var c column
		if err := rows.Scan(&name, &c.kind, &c.bare); err != nil {
			p.Fatal(err)
		}
		found[name] = c
	}
	if err := rows.Err(); err != nil {
		p.Fatal(err)
	}
	return found
}

// A number that is left out can never be used again: where the later ones were
// applied, goose refuses it.
func TestMigrationsHaveNoGap(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	for i, file := range files {
		if want := fmt.Sprintf("%05d_", i+1); !strings.HasPrefix(filepath.Base(file), want) {
			t.Errorf("%s: want the number %s", file, want)
		}
	}
}

// What a program of an older schema reads stays, and what it leaves out of a row
// has a default.
func TestMigrationsOnlyAdd(t *testing.T) {
	onBothPasts(t, func(p *past) {
		before := map[string]column{}
		for version := int64(1); version <= newest(p.T); version++ {
			p.at(version)
			after := p.columns()
			if len(after) == 0 {
				p.Fatalf("schema %d has no columns", version)
			}
			for name, was := range before {
				if now, ok := after[name]; !ok || now != was {
					p.Errorf("schema %d: %s was %v, is %v", version, name, was, now)
				}
			}
			for name, is := range after {
				table, _, _ := strings.Cut(name, ".")
				if _, old := before[name]; !old && is.bare && knows(before, table) {
					p.Errorf("schema %d: %s has no default, so that an older program cannot write %s", version, name, table)
				}
			}
			before = after
		}
	})
}

func knows(columns map[string]column, table string) bool {
	for name := range columns {
		if strings.HasPrefix(name, table+".") {
			return true
		}
	}
	return false
}

// A program that is killed between two migrations leaves such a schema, too.
func TestEverySchemaBecomesTheNewest(t *testing.T) {
	for version := int64(1); version < newest(t); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			onBothPasts(t, func(p *past) {
				p.at(version)
				open(p.T, sqlstore.Config{DSN: p.dsn}).Close()
				has, err := p.steps.GetDBVersion(p.Context())
				if err != nil || has != newest(p.T) {
					p.Errorf("schema %d became %d, %v", version, has, err)
				}
			})
		})
	}
}

// The state is what a program of schema 2 left behind when it was killed.
func TestAnUpgradeTellsWhatIsOwedAndNothingTwice(t *testing.T) {
	onBothPasts(t, func(p *past) {
		p.at(2)
		p.says("testdata/schema00002.sql")
		w := &outboxWorld{T: p.T, store: open(p.T, sqlstore.Config{DSN: p.dsn}), now: time.Date(2026, 11, 24, 13, 27, 30, 0, time.UTC)}
		w.must(w.store.Renew(w.Context(), "a", w.now, w.now.Add(time.Hour)))
		r := &road{outboxWorld: w, ears: map[string]*ear{}}
		all := map[string][]notify.Integration{}
		for _, name := range []string{"one", "two", "three"} {
			r.ears[name] = &ear{}
			all[name] = []notify.Integration{{Name: name + "/webhook/0", Receiver: name, Type: "webhook", SendResolved: true,
				RetryFor: time.Hour, StormLimit: 20, Notifier: r.ears[name]}}
		}
		r.open("one", "one", all)

		w.must(w.store.Configured(w.Context(), map[string]string{"one/webhook/0": "1", "two/webhook/0": "2", "three/webhook/0": "3"}, w.now))
		r.pass(time.Second)
		r.wants("at once", "one", "")
		r.wants("before its next attempt", "two", "")
		r.wants("before its group has waited", "three", "")
		r.pass(time.Hour)
		r.wants("what was told is not told again", "one", "")
		r.wants("what was owed", "two", "first Owed")
		r.wants("what waited", "three", "first Waits")
		if id := r.ears["two"].took[0].ID; id != "ntf_01m86vtnmx863n8chcew7mjcyn" {
			p.Errorf("the owed message arrived as %s", id)
		}
		if text := r.ears["two"].took[0].Message.Title; text != "CRITICAL a1: Owed" {
			p.Errorf("the owed message arrived as %q", text)
		}
		r.keeps(map[string]string{
			"AccountGone": "firing 13:27:18", "Low": "firing 13:27:22", "Owed": "firing 13:27:22", "Waits": "firing 13:27:22",
			"Held": "pending 13:27:22",
		})
		low, moves, err := r.store.History(r.Context(), "c065620fe89c3cee", 10)
		if err != nil || low.Key.Rule != "Low" || len(moves) != 1 || moves[0].To != billwatch.Firing {
			p.Errorf("the history of Low: %v, %v, %v", low, moves, err)
		}
		r.ends("Low", "Owed")
		r.pass(time.Hour)
		r.wants("its end", "one", "all_resolved Low")
		r.wants("its end", "two", "first Owed, all_resolved Owed")
	})
}

// keeps fails where other alerts stand than these, or since another time.
func (r *road) keeps(want map[string]string) {
	r.Helper()
	standing, err := r.store.Alerts(r.Context())
	r.must(err)
	if len(standing) != len(want) {
		r.Errorf("%d alerts stand, want %d", len(standing), len(want))
	}
	for _, a := range standing {
		if got := fmt.Sprintf("%s %s", a.State, a.PendingFrom.Format(time.TimeOnly)); got != want[a.Key.Rule] {
			r.Errorf("%s is %s, want %s", a.Key.Rule, got, want[a.Key.Rule])
		}
	}
}

// ends commits that alerts of these rules end.
func (r *road) ends(rules ...string) {
	r.Helper()
	r.must(r.store.Renew(r.Context(), "a", r.now, r.now.Add(time.Hour)))
	slot, err := r.store.ClaimSlot(r.Context(), billwatch.SlotClaim{Source: "pumps", Holder: "a", Slot: r.now.Unix(), Now: r.now})
	r.must(err)
	if !slot.Taken {
		r.Fatal("the source is not to be had")
	}
	standing, err := r.store.Alerts(r.Context())
	r.must(err)
	b := billwatch.Batch{Lease: slot.Lease, Now: r.now}
	for _, a := range standing {
		if !slices.Contains(rules, a.Key.Rule) {
			continue
		}
		a.State, a.EndsAt = billwatch.Resolved, r.now
		b.Alerts = append(b.Alerts, a)
		b.Transitions = append(b.Transitions, billwatch.Transition{Alert: a, From: billwatch.Firing, To: billwatch.Resolved, At: r.now})
		b.Due = append(b.Due, r.router.Due(a, r.now)...)
	}
	r.must(r.store.Commit(r.Context(), b))
}

// A program of schema 2 ends the alerts of every source that it does not know,
// once it has taken the source.
func TestAnOlderProgramCannotTakeWhatHasNoSource(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		w.after(time.Minute)
		claim := billwatch.SlotClaim{Source: "", Holder: "a", Slot: w.now.Unix() + 1, Now: w.now}
		for _, source := range []string{"removed", ""} {
			claim.Source = source
			slot, err := w.store.ClaimSlot(t.Context(), claim)
			if err != nil || slot.Taken != (source != "") {
				t.Errorf("the claim of source %q: %v, %v", source, slot.Taken, err)
			}
		}
		rows, err := w.store.Sources(t.Context())
		if err != nil || slices.ContainsFunc(rows, func(r sqlstore.SourceRow) bool { return r.Source == "" }) {
			t.Errorf("sources that are shown: %v, %v", rows, err)
		}
	})
}
