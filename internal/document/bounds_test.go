package document_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// bomb doubles an alias so often.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := range levels {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	return b.String()
}

func TestABombIsRefusedAtOnce(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"100 kB of brackets", strings.Repeat("[", 100_000), "nested deeper than 100 levels"},
		{"100 kB of dashes", strings.Repeat("- ", 50_000) + "a", "nested deeper than 100 levels"},
		{"100 kB of braces", strings.Repeat("{a: ", 25_000), "nested deeper than 100 levels"},
		{"101 closed brackets", strings.Repeat("[", 101) + strings.Repeat("]", 101), "nested deeper than 100 levels"},
		{"depth by aliases", "a: &a " + nest(60) + "\nb: " + strings.Repeat("[", 60) + "*a" + strings.Repeat("]", 60), "f.yaml:2:64: nested deeper than 100 levels"},
		{"aliases that double", bomb(60), "more than 10000 nodes, aliases followed"},
		{"many small nodes", "[" + strings.Repeat("a, a,\n", 40_000) + "]", "more than 50000 commas"},
		{"many small nodes on a line", "[" + strings.Repeat("a,", 49_000) + "]", "more than 10000 nodes"},
		{"a long line", "[" + strings.Repeat("a,", 500_000) + "]", "f.yaml:1:1: line is longer than 128 Ki characters"},
		{"many small pairs", strings.Repeat("? a\n", 49_000), "more than 10000 nodes"},
		{"merge keys that double", "a: &a {<<: *b}\nb: &b {<<: *a}", "not defined above"},
		{"more than 1 MiB", strings.Repeat("#", 1<<20+1), "f.yaml: file is larger than 1 MiB"},
		{"1 MiB of one key", strings.Repeat("a: \n", 1<<18), "more than 50000 lines"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, problems := document.Parse("f.yaml", []byte(tt.text))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if len(problems) != 1 || !strings.Contains(problems[0].String(), tt.want) {
				t.Errorf("got %d problems, the first: %.300s; want %s", len(problems), problems.Error(), tt.want)
			}
			if took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 500<<20 {
				t.Errorf("allocated %d MiB", used>>20)
			}
		})
	}
}

func nest(depth int) string { return strings.Repeat("[", depth) + "x" + strings.Repeat("]", depth) }

func TestWhatIsJustWithinTheBounds(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"9,998 items", "a: [" + strings.Repeat("a,", 9_996) + "]"},
		{"aliases up to the bound", bomb(9)},
		{"nothing", ""},
		{"a comment", "# nothing\n"},
		{"a document's marks", "---\na: 1\n...\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d, problems := document.Parse("f.yaml", []byte(tt.text)); len(problems) > 0 || d.Root() == nil {
				t.Errorf("problems: %.300s", problems.Error())
			}
		})
	}
}

func TestReadLooksBeforeItOpens(t *testing.T) {
	dir := t.TempDir()
	huge, pipe := filepath.Join(dir, "huge.yaml"), filepath.Join(dir, "pipe.yaml")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 1<<30); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var problems billwatch.Problems
	if _, err := document.Read(huge); !errors.As(err, &problems) || problems[0].Message != "file is larger than 1 MiB" {
		t.Errorf("a file of 1 GiB: %v", err)
	}
	for _, path := range []string{pipe, dir, filepath.Join(dir, "missing.yaml")} {
		var wrong *fs.PathError
		if _, err := document.Read(path); !errors.As(err, &wrong) || wrong.Path != path {
			t.Errorf("Read(%s): %v, want a path error", path, err)
		}
	}
	sound := filepath.Join(dir, "sound.yaml")
	if err := os.WriteFile(sound, []byte("a: b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := document.Read(sound); err != nil || document.Get(d.Root(), "a").Value != "b" {
		t.Errorf("a sound file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: |\n  b\n", "a: >2\n    b\n\n   c", "\"a\\u00e9\": 'b''c'", "a: &x [b]\nc: *x\n<<: {d: e}", bomb(3), "\ta", "{", "a: b\n\n  c", "token: abc\n - \"x\n", "\u2028a: \u0085b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, problems := document.Parse("f.yaml", data)
		if d == nil && len(problems) == 0 {
			t.Fatal("neither a document nor a problem")
		}
		for _, p := range problems {
			if !strings.HasPrefix(p.String(), "f.yaml") || strings.Count(p.String(), "\n") > 3 {
				t.Fatalf("odd problem: %q", p.String())
			}
		}
		if d != nil {
			everyPlaceIsInTheFile(t, d, data)
		}
	})
}

func everyPlaceIsInTheFile(t *testing.T, d *document.Document, data []byte) {
	for _, value := range document.Pairs(d.Root()) {
		length := len([]rune(value.Value))
		for i := range length + 1 {
			p := d.ErrorAt(value, i, "here", "")
			if p.Line < 1 || p.Column < 1 || p.Line > len(data)+1 {
				t.Fatalf("character %d of %q is at %d:%d", i, value.Value, p.Line, p.Column)
			}
		}
	}
	var anything any
	if problems := d.Decode(d.Root(), &anything); len(problems) > 0 {
		t.Fatal(problems)
	}
}
