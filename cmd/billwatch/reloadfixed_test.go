package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatAReloadCannotChangeIsNamed(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db"))
	p := w.start(t)
	until(t, p, "being ready", func() bool { status, _ := get(t, p, "/-/ready"); return status == http.StatusOK })
	as := func(host string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.address()+"/api/v1/sources", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		return reply.StatusCode
	}
	loads := 0
	for _, c := range []struct {
		old, now string
		said     []string // keys that cannot change while the service runs
	}{
		{"builtin_rules:", "log: { level: info, format: auto }\nbuiltin_rules:", nil}, // as it was, in words
		{"level: info", "level: debug", []string{"log"}},
		{"level: debug", "level: info", nil},
		{"format: auto", "format: text", []string{"log"}},
		{"state: \"sqlite:", "state: \"sqlite:/var/", []string{"log", "state"}},
		{"listen: 127.0.0.1:0", "allowed_hosts: [bills.example.com]\nexternal_url: https://www.example.com\nlisten: 127.0.0.1:1", []string{"log", "state", "listen"}},
	} {
		before := map[string]int{}
		keys := []string{"log", "state", "listen", "allowed_hosts", "external_url"}
		for _, key := range keys {
			before[key] = counted(p, `"key":"`+key+`"`)
		}
		w.change(t, c.old, c.now)
		loads++
		wantLoaded(t, p, loads)
		for _, key := range keys {
			want := 0
			if strings.Contains(strings.Join(c.said, " "), key) {
				want = 1
			}
			if said := counted(p, `"key":"`+key+`"`) - before[key]; said != want {
				t.Errorf("%q instead of %q: %s is named %d times, want %d", c.now, c.old, key, said, want)
			}
		}
	}
	for host, want := range map[string]int{"bills.example.com": 200, "www.example.com": 200, "example.com": 421} {
		if status := as(host); status != want {
			t.Errorf("asked as %s it answers %d, want %d", host, status, want)
		}
	}
	if status := p.stop(t); status != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0:\n%s", status, p.out)
	}
	w.checkSecrets(t, p)
}
