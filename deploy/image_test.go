package deploy

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	root    = ".."
	maxSize = 40 << 20
)

// instructions are the lines of the Dockerfile, comments left out.
func instructions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

// The command is the one of the Dockerfile, and it sees the files that
// .dockerignore lets through.
func TestTheImagesBuildGivesOneStaticFile(t *testing.T) {
	var build string
	for _, line := range instructions(t) {
		if command, ok := strings.CutPrefix(line, "RUN "); ok && strings.Contains(command, "go build") {
			build = command
		}
	}
	if build == "" {
		t.Fatal("the Dockerfile builds nothing")
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(build, "/out/", out+"/"))
	cmd.Dir = sent(t)
	cmd.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH=amd64", "VERSION=v1.2.3-of-this-test")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, said)
	}
	program := filepath.Join(out, "billwatch")
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > maxSize {
		t.Errorf("size: got %d bytes, want at most %d", len(text), maxSize)
	}
	if !bytes.Contains(text, []byte("v1.2.3-of-this-test")) {
		t.Error("the program does not know its version")
	}
	parsed, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parsed.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program is linked dynamically, and the image has nothing to link with")
		}
	}
}

func TestTheImageHoldsNothingElseAndIsNotRoot(t *testing.T) {
	lines := instructions(t)
	last := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "FROM ") {
			last = i
		}
	}
	final := strings.Join(lines[last:], "\n")
	for what, pattern := range map[string]string{
		"it starts from nothing":      `(?m)^FROM scratch$`,
		"its user is a number, not 0": `(?m)^USER [1-9]\d*:[1-9]\d*$`,
		"it trusts certificates":      `(?m)^COPY --from=build \S+/ca-certificates\.crt /etc/ssl/certs/ca-certificates\.crt$`,
		"it has zone data":            `(?m)^COPY --from=build \S+/zoneinfo\.zip (\S+)\n(.*\n)*ENV ZONEINFO=\S+zoneinfo\.zip$`,
		"it runs the program":         `(?m)^ENTRYPOINT \["/billwatch"\]$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(final) {
			t.Errorf("not so: %s\n%s", what, final)
		}
	}
	if n := strings.Count(final, "COPY "); n != 3 {
		t.Errorf("files from the build: got %d, want the certificates, the zones and the program", n)
	}
}

// sent is a folder with what docker would send to the build.
func sent(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git":
			return fs.SkipDir
		case d.IsDir() || ignored(string(text), name):
			return nil
		}
		file, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(to, path.Dir(name)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), file, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// ignored says whether .dockerignore's patterns leave a file out: the last one
// that fits it, or a folder that it lies in, decides.
func ignored(patterns, name string) bool {
	out := false
	for pattern := range strings.Lines(patterns) {
		pattern = strings.TrimSpace(pattern)
		if pattern == "" || pattern[0] == '#' {
			continue
		}
		pattern, back := strings.CutPrefix(pattern, "!")
		for part := name; part != "."; part = path.Dir(part) {
			if matches(pattern, part) {
				out = !back
				break
			}
		}
	}
	return out
}

func matches(pattern, name string) bool {
	if below, ok := strings.CutPrefix(pattern, "**/"); ok {
		pattern, name = below, path.Base(name)
	}
	fits, err := path.Match(pattern, name)
	return err == nil && fits
}

func TestNothingPrivateIsSentToTheBuild(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		".git/config": true, ".env": true, "billwatch.yaml": true, "secrets/token": true, "billwatch.db": true,
		"state/x.db": true, "poller/testdata/reply.json": true, "labels_test.go": true, "deploy/kubernetes/secret.yaml": true,
		"go.mod": false, "labels.go": false, "cmd/billwatch/main.go": false, "internal/web/page.html": false,
		"state/sqlstore/migrations/1.sql": false,
	} {
		if got := ignored(string(text), name); got != want {
			t.Errorf("%s is left out: got %v, want %v", name, got, want)
		}
	}
}
