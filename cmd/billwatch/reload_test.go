package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/billwatch/billwatch/internal/pgtest"
)

const reloadGauge = "billwatch_config_last_reload_successful"

// reloaded waits until the metric says how the last reading went.
func reloaded(t *testing.T, p *process, well string) {
	t.Helper()
	until(t, p, reloadGauge+" "+well, func() bool {
		_, body := get(t, p, "/metrics")
		return strings.Contains(body, "\n"+reloadGauge+" "+well+"\n")
	})
}

// counted is how often the process has said something.
func counted(p *process, what string) int { return strings.Count(p.out.String(), what) }

// wantLoaded waits until the configuration was read so often, at most 5 seconds.
func wantLoaded(t *testing.T, p *process, times int) {
	t.Helper()
	begun := time.Now()
	until(t, p, "the new configuration", func() bool { return counted(p, "configuration loaded") >= times })
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("a change was followed after %s, want at most 5s", took)
	}
}

func TestABrokenConfigurationChangesNothingAndTheNextGoodOneIsFollowed(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	file := filepath.Join(w.dir, "billwatch.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := w.start(t)
	until(t, p, "being ready", func() bool { status, _ := get(t, p, "/-/ready"); return status == http.StatusOK })
	for i, broken := range []struct {
		what string
		do   func() error
	}{
		{"an unknown key", func() error { return os.WriteFile(file, append(good, "\nsorces: {}\n"...), 0o600) }},
		{"half of the file", func() error { return os.WriteFile(file, good[:len(good)/2], 0o600) }},
		{"an empty file", func() error { return os.WriteFile(file, nil, 0o600) }},
		{"a folder", func() error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Mkdir(file, 0o700)
		}},
		{"a link to nothing", func() error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Symlink("nowhere.yaml", file)
		}},
		{"no file", func() error { return os.Remove(file) }},
	} {
		if err := broken.do(); err != nil {
			t.Fatal(broken.what, err)
		}
		reloaded(t, p, "0")
		if status, _ := get(t, p, "/-/ready"); status != http.StatusOK {
			t.Errorf("%s: ready answers %d", broken.what, status)
		}
		_ = os.RemoveAll(file)
		if err := os.WriteFile(file, append(good, fmt.Sprintf("\n# %d\n", i)...), 0o600); err != nil {
			t.Fatal(err)
		}
		reloaded(t, p, "1")
	}
	w.notehub.suspend(true)
	until(t, p, "the suspension", w.everybodyWasTold("firing"))
	if status := p.stop(t); status != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0:\n%s", status, p.out)
	}
	w.checkSecrets(t, p)
}

func TestReloadIsAskedForBySignalAndByRequest(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	w.notehub.suspend(true)
	p := w.start(t)
	until(t, p, "the suspension", w.everybodyWasTold("firing"))
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	wantLoaded(t, p, 1)
	ask := func(change func(*http.Request)) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address()+"/-/reload", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		body, _ := io.ReadAll(reply.Body)
		return reply.StatusCode, string(body)
	}
	plain := func(*http.Request) {}
	if status, body := ask(plain); status != http.StatusOK || body != "ok\n" {
		t.Errorf("POST /-/reload: %d %q", status, body)
	}
	if status, _ := ask(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); status != http.StatusForbidden {
		t.Errorf("POST /-/reload of another site's page: %d, want 403", status)
	}
	if status, _ := get(t, p, "/-/reload"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /-/reload: %d, want 405", status)
	}
	w.change(t, "interval: 1s", "intervall: 1s, token: "+token)
	if status, body := ask(plain); status != http.StatusInternalServerError || !strings.Contains(body, "intervall") || !strings.Contains(body, "billwatch.yaml:5:") || strings.Contains(body, token) {
		t.Errorf("POST /-/reload of a broken file: %d %q, want 500, what is wrong and where", status, body)
	}
	w.change(t, "intervall: 1s, token: "+token, "interval: 1s")
	w.change(t, "listen: 127.0.0.1:0", "listen: 127.0.0.1:1")
	if status, body := ask(plain); status != http.StatusOK {
		t.Errorf("POST /-/reload: %d %q", status, body)
	}
	if !strings.Contains(p.out.String(), `"key":"listen"`) {
		t.Errorf("nothing is said of listen, which cannot change:\n%s", p.out)
	}
	w.notehub.suspend(false)
	until(t, p, "the lift", w.everybodyWasTold("resolved"))
	p.stop(t)
	w.checkTold(t, false)
	w.checkSecrets(t, p)
}

// A ConfigMap is a folder ..data, which is a link that is swapped; the files are
// links into it and never change themselves.
func TestASwappedConfigMapIsFollowed(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	mount := filepath.Join(w.dir, "mount")
	files := map[string]string{}
	for _, name := range []string{"billwatch.yaml", "notehub-token", "slack-token"} {
		text, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	version := 0
	swap := func() {
		t.Helper()
		version++
		folder := filepath.Join(mount, fmt.Sprintf("..%d", version))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		next := filepath.Join(mount, "..data_tmp")
		if err := os.Symlink(filepath.Base(folder), next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
		if version > 1 {
			_ = os.RemoveAll(filepath.Join(mount, fmt.Sprintf("..%d", version-1)))
		}
	}
	swap()
	for name := range files {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(mount, name)); err != nil {
			t.Fatal(err)
		}
	}
	p := w.start(t, "--config", filepath.Join(mount, "billwatch.yaml"))
	w.notehub.suspend(true)
	until(t, p, "the suspension", w.everybodyWasTold("firing"))
	files["billwatch.yaml"] = strings.Replace(files["billwatch.yaml"], "- alert: OrganizationSuspended", "- alert: Stopped", 1)
	swap()
	wantLoaded(t, p, 1)
	until(t, p, "the end of the rule that is no longer there", func() bool { return w.hooked("resolved", "OrganizationSuspended") > 0 })
	until(t, p, "the new rule", func() bool { return w.hooked("firing", "Stopped") > 0 })
	files["slack-token"] = "xoxb-other-secret-4712" // a secret alone, in a file of its own
	swap()
	wantLoaded(t, p, 2)
	p.stop(t)
}

// hooked is in how many messages the webhook was told of a rule. One that was on
// its way when its process was killed may come twice, with one id.
func (w *world) hooked(status, rule string) int {
	ids := map[string]bool{}
	for _, m := range w.boxes["hook"].all() {
		if m.status == status && strings.Contains(m.text, rule) {
			ids[m.id] = true
		}
	}
	return len(ids)
}

func TestOfTwoReplicasTheOneWithTheOldConfigurationWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pgtest.URL(t))
	text, err := os.ReadFile(filepath.Join(w.dir, "billwatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "new.yaml", strings.Replace(string(text), "- alert: OrganizationSuspended", "- alert: Stopped", 1))
	ready := func(p *process) bool { status, _ := get(t, p, "/-/ready"); return status == http.StatusOK }
	w.notehub.suspend(true)
	before := w.start(t)
	until(t, before, "the suspension", func() bool { return w.hooked("firing", "OrganizationSuspended") > 0 })
	after := w.start(t, "--config", "new.yaml")
	until(t, before, "waiting", func() bool { return !ready(before) })
	if _, body := get(t, before, "/-/ready"); !strings.Contains(body, "configuration") {
		t.Errorf("ready says %q, want that another configuration is in force", body)
	}
	until(t, after, "the end of the rule that the new one has not", func() bool { return w.hooked("resolved", "OrganizationSuspended") > 0 })
	until(t, after, "its own rule", func() bool { return w.hooked("firing", "Stopped") > 0 })
	if !ready(after) {
		t.Error("who has the configuration in force is not ready")
	}
	after.kill() // the only one with the new configuration
	<-after.done
	until(t, before, "going on", func() bool { return ready(before) })
	until(t, before, "the rule of the old configuration", func() bool { return w.hooked("firing", "OrganizationSuspended") > 1 })
	until(t, before, "the end of the rule that it has not", func() bool { return w.hooked("resolved", "Stopped") > 0 })
	if status := before.stop(t); status != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0:\n%s", status, before.out)
	}
	for what, want := range map[string]int{"firing OrganizationSuspended": 2, "resolved OrganizationSuspended": 1, "firing Stopped": 1, "resolved Stopped": 1} {
		status, rule, _ := strings.Cut(what, " ")
		if got := w.hooked(status, rule); got != want {
			t.Errorf("%s was told %d times, want %d", what, got, want)
		}
	}
}
