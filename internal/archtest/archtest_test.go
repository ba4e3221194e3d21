package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func TestTheHouseKeepsItsLaw(t *testing.T) {
	breaches, err := Check(os.DirFS("../.."), "github.com/billwatch/billwatch")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range breaches {
		t.Error(b)
	}
}

// Each file in testdata is a small house with breaches planted in it; what it
// opens with are the breaches that must be found, and no others.
func TestPlantedBreachesAreFound(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("houses in testdata: %d, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			house, err := txtar.FS(archive)
			if err != nil {
				t.Fatal(err)
			}
			breaches, err := Check(house, "example.com/house")
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, b := range breaches {
				got.WriteString(b.String() + "\n")
			}
			if diff := cmp.Diff(string(archive.Comment), got.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestCosts(t *testing.T) {
	tests := []struct {
		name string
		text string
		want string
	}{
		{"a file of 500 lines is let through", lines(500), ""},
		{"a file of 501 lines is not", lines(501), "f.go:2: 501 lines; a file has at most 500"},
		{"a function of 80 lines is let through", function(80), ""},
		{"a function of 81 lines is not", function(81), "f.go:4: f has 81 lines; a function has at most 80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			house, err := txtar.FS(&txtar.Archive{Files: []txtar.File{{Name: "f.go", Data: []byte(tt.text)}}})
			if err != nil {
				t.Fatal(err)
			}
			breaches, err := Check(house, "example.com/house")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range breaches {
				got = append(got, b.String())
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

const head = "// Package house is a house.\npackage house\n\n"

func lines(n int) string { return head + strings.Repeat("// a line\n", n-3) }

func function(n int) string {
	return head + "func f() {\n" + strings.Repeat("\tf()\n", n-2) + "}\n"
}
