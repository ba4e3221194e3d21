package main_test

import (
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite"
)

// address returns where a process said that it listens.
func (p *process) address() string {
	found := regexp.MustCompile(`"address":"([^"]+)"`).FindStringSubmatch(p.out.String())
	if found == nil {
		return ""
	}
	return found[1]
}

// get asks the process for a page.
func get(t *testing.T, p *process, path string) (status int, body string) {
	t.Helper()
	until(t, p, "its address", func() bool { return p.address() != "" })
	reply, err := http.Get("http://" + p.address() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

func TestASecondProcessOnOneFileWaitsAndNamesTheFirst(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	w.notehub.suspend(true)
	first := w.start(t)
	until(t, first, "the suspension", w.everybodyWasTold("firing"))
	second := w.start(t)
	holder := "process " + strconv.Itoa(first.cmd.Process.Pid)
	until(t, second, "the holder's pid", func() bool { return strings.Contains(second.out.String(), holder) })
	if status, body := get(t, second, "/-/healthy"); status != http.StatusOK {
		t.Errorf("healthy answers %d %s, want 200: waiting is no illness", status, body)
	}
	if status, body := get(t, second, "/-/ready"); status != http.StatusServiceUnavailable || !strings.Contains(body, holder) {
		t.Errorf("ready answers %d %q, want 503 and %s", status, body, holder)
	}
	if status := first.stop(t); status != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", status)
	}
	until(t, second, "taking over", func() bool { status, _ := get(t, second, "/-/ready"); return status == http.StatusOK })
	w.notehub.suspend(false)
	until(t, second, "the lift", w.everybodyWasTold("resolved"))
	w.checkTold(t, false)
}

func TestAStateThatIsTooNewIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "billwatch.db")
	w := newWorld(t, "sqlite:"+file)
	p := w.start(t)
	until(t, p, "being ready", func() bool { status, _ := get(t, p, "/-/ready"); return status == http.StatusOK })
	p.stop(t)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	makeTooNew(t, db)
	old := w.start(t)
	<-old.done
	if status := old.cmd.ProcessState.ExitCode(); status != 2 || !strings.Contains(old.out.String(), "use a newer billwatch") {
		t.Errorf("exit status %d, want 2 and what to do:\n%s", status, old.out)
	}
}

func TestMetricsAndADumpHoldNoSecret(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	w.notehub.suspend(true)
	p := w.start(t)
	until(t, p, "the suspension", w.everybodyWasTold("firing"))
	_, metrics := get(t, p, "/metrics")
	for _, want := range []string{
		`billwatch_suspended{account="` + jane + `",source="blues"} 1`,
		`billwatch_balance{account="` + acme + `",source="blues"} 2.75e+06`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(metrics, "Jane") || strings.Contains(metrics, "example.com") {
		t.Error("metrics hold a name or an address")
	}
	p.cmd.Process.Signal(syscall.SIGQUIT)
	<-p.done
	if !strings.Contains(p.out.String(), "goroutine ") {
		t.Errorf("no dump after SIGQUIT:\n%s", p.out)
	}
	w.checkSecrets(t, p)
}

func TestARejectedTokenIsSaidWithoutTheToken(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	const planted = "planted-token-4713"
	w.write(t, "notehub-token", planted)
	p := w.start(t)
	until(t, p, "the refusal", func() bool { return strings.Contains(p.out.String(), "401") })
	if strings.Contains(p.out.String(), planted) {
		t.Errorf("the process printed its token:\n%s", p.out)
	}
	w.write(t, "notehub-token", token)
	w.notehub.suspend(true)
	until(t, p, "the new token to be read", w.everybodyWasTold("firing"))
}

// makeTooNew does what a migration of a far newer program would have done.
func makeTooNew(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, sentence := range []string{
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, 1)`,
		`INSERT INTO schema_oldest (version) VALUES (900)`,
	} {
		if _, err := db.Exec(sentence); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnceTellsAndEndsForCron(t *testing.T) {
	databases(t, func(t *testing.T, state string) {
		w := newWorld(t, state)
		w.notehub.suspend(true)
		for _, run := range []struct{ what, order string }{
			{"the first run tells", "firing"},
			{"the second has nothing new", "firing"},
		} {
			p := w.start(t, "--once", "--deadline", "60s")
			<-p.done
			if status := p.cmd.ProcessState.ExitCode(); status != 0 {
				t.Fatalf("%s: exit status %d, want 0:\n%s", run.what, status, p.out)
			}
			w.wantOrder(t, run.what, run.order)
		}
		w.notehub.suspend(false)
		p := w.start(t, "--once", "--deadline", "60s")
		<-p.done
		w.wantOrder(t, "the lift is told by the third", "firing resolved")
	})
}

// wantOrder wants each receiver to have been told just that.
func (w *world) wantOrder(t *testing.T, what, want string) {
	t.Helper()
	for name, box := range w.boxes {
		var order []string
		for _, m := range box.all() {
			order = append(order, m.status)
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("%s: %s was told %q, want %q", what, name, got, want)
		}
	}
}

func TestNoNotifyDoesAllButSend(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	w.notehub.suspend(true)
	p := w.start(t, "--no-notify")
	until(t, p, "the alert", func() bool { return strings.Contains(p.out.String(), `"to":"firing"`) })
	if status := p.stop(t); status != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", status)
	}
	w.wantOrder(t, "without sending", "")
	again := w.start(t)
	until(t, again, "what was owed", w.everybodyWasTold("firing"))
}

func TestAnOutageIsNoGoodNews(t *testing.T) {
	databases(t, func(t *testing.T, state string) {
		w := newWorld(t, state)
		w.notehub.suspend(true)
		p := w.start(t)
		until(t, p, "the suspension", w.everybodyWasTold("firing"))
		w.notehub.breakDown(true)
		w.notehub.suspend(false)
		until(t, p, "three failed rounds", func() bool { return w.notehub.failures() >= 3 })
		w.wantOrder(t, "during the outage", "firing")
		w.notehub.breakDown(false)
		until(t, p, "the lift", w.everybodyWasTold("resolved"))
		w.checkTold(t, false)
	})
}

func TestOnceSaysWhatIsStillOwed(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	w.notehub.suspend(true)
	w.hook.Close()
	p := w.start(t, "--once", "--deadline", "5s")
	<-p.done
	if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.out.String(), "still owed") {
		t.Errorf("exit status %d, want 1 and what is owed:\n%s", status, p.out)
	}
}

func TestAnAccountThatIsNoLongerSelectedEndsItsAlerts(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	w.notehub.suspend(true)
	first := w.start(t)
	until(t, first, "the suspension", w.everybodyWasTold("firing"))
	first.stop(t)
	w.change(t, "timeout: 5s", `timeout: 5s, select: 'account.name startsWith "Acme"'`)
	second := w.start(t)
	until(t, second, "the end", w.everybodyWasTold("resolved"))
	w.checkTold(t, false)
}

func TestARemovedSourceEndsItsAlerts(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	w.notehub.suspend(true)
	first := w.start(t)
	until(t, first, "the suspension", w.everybodyWasTold("firing"))
	first.stop(t)
	w.notehub.suspend(false)
	w.change(t, "blues:", "other:")
	second := w.start(t)
	until(t, second, "the end", w.everybodyWasTold("resolved"))
}
