package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch/internal/document"
)

// Inputs is what a configuration was read from. A configuration with errors has
// them too: it changes when one of them is mended.
type Inputs struct {
	paths []string // of files, and patterns that name some
}

// maxInput bounds how much of a file counts; none that can be loaded is longer.
const maxInput = 4 << 20

// Sum returns a hash of all that the inputs hold now, and of which there are.
func (in Inputs) Sum() string {
	sum := sha256.New()
	for _, path := range in.paths {
		names := []string{path}
		if isPattern(path) {
			names, _ = filepath.Glob(path) // of a bad pattern nothing can be said
		}
		for _, name := range names {
			fmt.Fprintf(sum, "%q ", name)
			sumFile(sum, name)
		}
		fmt.Fprintln(sum)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// sumFile adds a file's content; one that cannot be read counts as its error.
func sumFile(sum io.Writer, name string) {
	info, err := os.Stat(name) // before opening, which would wait at a named pipe
	if err == nil && !info.Mode().IsRegular() {
		err = os.ErrInvalid
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(name)
	}
	if err != nil {
		fmt.Fprintf(sum, "%q ", err.Error())
		return
	}
	defer f.Close()
	content := sha256.New()
	n, err := io.Copy(content, io.LimitReader(f, maxInput))
	fmt.Fprintf(sum, "%d %x %v ", n, content.Sum(nil), err)
}

// Path returns where the configuration itself is; empty where there is none.
func (in Inputs) Path() string {
	if len(in.paths) == 0 {
		return ""
	}
	return in.paths[0]
}

// Equal says whether two configurations rest on the same files and patterns.
func (in Inputs) Equal(other Inputs) bool {
	a, b := slices.Sorted(slices.Values(in.paths)), slices.Sorted(slices.Values(other.paths))
	return slices.Equal(a, b)
}

// Folders returns where a change of the inputs shows: the folders that name
// them, and those that the names lead to by a link.
func (in Inputs) Folders() []string {
	var folders []string
	add := func(name string) {
		if folder := filepath.Dir(name); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	for _, path := range in.paths {
		names := []string{path}
		if isPattern(path) {
			names, _ = filepath.Glob(path)
			if !isPattern(filepath.Dir(path)) {
				add(path)
			}
		}
		for _, name := range names {
			add(name)
			if target, err := filepath.EvalSymlinks(name); err == nil {
				add(target)
			}
		}
	}
	return folders
}

func isPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// input notes that the configuration rests on what a path or a pattern names.
func (l *loader) input(path string) {
	if path != "" && !slices.Contains(l.inputs.paths, path) {
		l.inputs.paths = append(l.inputs.paths, path)
	}
}

// secretFiles notes the files that settings name.
func (l *loader) secretFiles(root *yaml.Node) {
	for _, key := range []string{"sources", "receivers"} {
		walkFiles(document.Get(root, key), map[*yaml.Node]bool{}, func(name string) { l.input(l.path(name)) })
	}
}

// walkFiles calls f with what stands below n under a key that ends in _file.
func walkFiles(n *yaml.Node, seen map[*yaml.Node]bool, f func(name string)) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			walkFiles(c, seen, f)
		}
		return
	}
	for k, v := range document.Pairs(n) {
		if v.Kind == yaml.ScalarNode && strings.HasSuffix(k.Value, "_file") {
			f(v.Value)
			continue
		}
		walkFiles(v, seen, f)
	}
}
