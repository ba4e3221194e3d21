package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// probed runs probe on the only source of a configuration.
func probed(t *testing.T, kind, base string, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	key := "token"
	if kind == "cudo" {
		key = "api_key"
	}
	text := fmt.Sprintf("sources:\n  it: { type: %s, base_url: %q, %s: %s }\n", kind, base, key, vendorToken)
	path := filepath.Join(dir, "billwatch.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"probe", "--config", path}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("probe %v: %v\n%s", args, err, out)
	}
	return out
}

// kept serves a directory of fixtures, as its index says.
func kept(t *testing.T, dir string) string {
	t.Helper()
	var index struct {
		Replies []struct {
			File, Path string
			Status     int
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, reply := range index.Replies {
			u, err := url.Parse(reply.Path)
			if err == nil && u.Path == r.URL.Path && u.Query().Get("pageToken") == r.URL.Query().Get("pageToken") {
				body, err := os.ReadFile(filepath.Join(dir, reply.File))
				if err != nil {
					t.Error(err)
				}
				w.WriteHeader(reply.Status)
				_, _ = w.Write(body)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestWhatWasRecordedIsReadAsItWas records both vendors, looks for what may not
// be left, and probes what was kept.
func TestWhatWasRecordedIsReadAsItWas(t *testing.T) {
	notehub, cudo := vendors(t)
	for kind, base := range map[string]string{"notehub": notehub, "cudo": cudo} {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "kept")
			probed(t, kind, base, "record", "it", "--redact", dir)
			var all strings.Builder
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(files) < 4 {
				t.Fatalf("%v, %v", files, err)
			}
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(data)
			}
			for _, secret := range originals(t, kind, base) {
				if strings.Contains(all.String(), secret) {
					t.Errorf("%q is left", secret)
				}
			}
			again := kept(t, dir)
			if diff := cmp.Diff(seen(t, kind, base), seen(t, kind, again)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// originals returns the identities, names and addresses that a vendor serves,
// and its longer amounts.
func originals(t *testing.T, kind, base string) []string {
	t.Helper()
	var accounts struct {
		Accounts []struct{ ID, Name string }
	}
	if err := json.Unmarshal(probed(t, kind, base, "it", "--accounts", "--output", "json"), &accounts); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Understood []struct{ Name, State, Value string }
	}
	if err := json.Unmarshal(probed(t, kind, base, "it", "--show-values", "--output", "json"), &report); err != nil {
		t.Fatal(err)
	}
	all := []string{vendorToken, base}
	for _, a := range accounts.Accounts {
		all = append(all, a.ID, a.Name)
	}
	private := regexp.MustCompile(`^(id|name|owner|email|balance|plan.capacity|spend.monthly)$`)
	for _, f := range report.Understood {
		if private.MatchString(f.Name) && len(f.Value) >= 5 {
			all = append(all, f.Value)
		}
	}
	if len(all) < 12 {
		t.Fatalf("only %q", all)
	}
	return all
}

// seen is what a probe says that must be alike before and after, times and
// sizes left out.
func seen(t *testing.T, kind, base string) any {
	t.Helper()
	var report struct {
		Calls []struct {
			Name     string
			Requests []struct{ Route, Body string }
			Answers  []struct {
				Route  string
				Status int
				Fields []struct {
					Path  string
					Seen  int
					Of    int
					Read  *bool
					Words []string
				}
			}
		}
		Accounts   map[string]int
		Understood []struct{ Name, State string }
		Rules      int
	}
	if err := json.Unmarshal(probed(t, kind, base, "it", "--output", "json"), &report); err != nil {
		t.Fatal(err)
	}
	return report
}
