package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// house is a module's source, read without being compiled.
type house struct {
	module string
	fset   *token.FileSet
	pkgs   map[string]*pkg
}

// pkg is one folder with Go files.
type pkg struct {
	dir   string // "." for the words
	files []*file
}

// file is one source file.
type file struct {
	name    string
	test    bool // a _test.go file
	support bool // what tests are made with: it imports testing
	bubbles bool // its time passes at once: it imports testing/synctest
	lines   int
	syntax  *ast.File
	imports []imported
}

type imported struct {
	path string
	line int
}

// Check reads the module of that name in root and returns every breach, sorted
// by place.
func Check(root fs.FS, module string) ([]Breach, error) {
	h := &house{module: module, fset: token.NewFileSet(), pkgs: map[string]*pkg{}}
	if err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && ignored(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return h.read(root, name)
	}); err != nil {
		return nil, fmt.Errorf("read the house: %w", err)
	}
	var breaches []Breach
	for _, dir := range slices.Sorted(maps.Keys(h.pkgs)) {
		p := h.pkgs[dir]
		breaches = append(breaches, h.imports(p)...)
		breaches = append(breaches, h.budgets(p)...)
		breaches = append(breaches, h.manners(p)...)
	}
	slices.SortStableFunc(breaches, func(a, b Breach) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return breaches, nil
}

// ignored folders are those that the go tool leaves alone.
func ignored(name string) bool {
	return name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_'
}

// read adds one file to its package.
func (h *house) read(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(h.fset, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	f := &file{
		name: name, syntax: syntax,
		test:  strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(text, []byte("\n")),
	}
	for _, spec := range syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		f.imports = append(f.imports, imported{p, h.line(spec)})
		f.support = f.support || p == "testing"
		f.bubbles = f.bubbles || p == "testing/synctest"
	}
	dir := path.Dir(name)
	if h.pkgs[dir] == nil {
		h.pkgs[dir] = &pkg{dir: dir}
	}
	h.pkgs[dir].files = append(h.pkgs[dir].files, f)
	return nil
}

func (h *house) line(n ast.Node) int { return h.fset.Position(n.Pos()).Line }

// at is a breach at a node of a file.
func (h *house) at(f *file, n ast.Node, format string, args ...any) Breach {
	return Breach{f.name, h.line(n), fmt.Sprintf(format, args...)}
}
