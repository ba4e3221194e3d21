// Package document reads one YAML file that a person wrote, bounded, and knows
// the place of everything in it, so that whoever finds a mistake can say where
// it is and show the line with a caret under it, secrets hidden.
//
// The tree below Root holds no aliases and no merge keys: Parse follows them,
// after having counted what they expand to.
package document

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// What one file may hold.
const (
	maxBytes  = 1 << 20
	maxLine   = 128 << 10
	maxLines  = 50_000
	maxCommas = 50_000
	maxDepth  = 100
	maxNodes  = 10_000 // aliases and merge keys followed
)

// Document is one parsed file.
type Document struct {
	file     string
	lines    [][]rune
	root     *yaml.Node
	hidden   map[int][]span   // by line, what excerpts do not show
	secret   map[place]bool   // scalars that are never quoted
	replaced map[place]string // what stood in the file where Replace changed it
	origins  []string         // of grafted nodes; their Line is -1 - index
}

// place is a line and a column in characters, both from 1.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// Parse reads one YAML document. Where the text is YAML at all the Document is
// there even when there are problems, so that more of them can be found.
func Parse(file string, data []byte) (*Document, billwatch.Problems) {
	d := &Document{file: file, secret: map[place]bool{}, replaced: map[place]string{}}
	if len(data) > maxBytes {
		return nil, billwatch.Problems{tooLarge(file)}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	d.lines = splitLines(data)
	if p := d.badBytes(data); p != nil {
		return nil, billwatch.Problems{*p}
	}
	if p := d.tooDear(data); p != nil {
		return nil, billwatch.Problems{*p}
	}
	root, problems := d.load(data)
	if problems != nil {
		return nil, problems
	}
	if problems := d.checkBounds(root); problems != nil {
		return nil, problems
	}
	d.root = root
	problems = d.checkTree(root)
	resolve(root, map[*yaml.Node]bool{})
	d.hideSecrets(root)
	for i := range problems { // they were made before the secrets were known
		problems[i].Excerpt = d.excerpt(place{problems[i].Line, problems[i].Column})
	}
	return d, problems
}

// Read parses a file. The error is billwatch.Problems or a *fs.PathError; with
// Problems the Document may be there nonetheless, see Parse.
func Read(path string) (*Document, error) {
	info, err := os.Stat(path) // before opening, which would wait at a named pipe
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrInvalid}
	}
	if info.Size() > maxBytes {
		return nil, billwatch.Problems{tooLarge(path)}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	d, problems := Parse(path, data)
	if len(problems) > 0 {
		return d, problems
	}
	return d, nil
}

// Root returns the document's node; a null scalar where the file is empty.
func (d *Document) Root() *yaml.Node { return d.root }

// File returns the file's name, as it was given.
func (d *Document) File() string { return d.file }

func tooLarge(file string) billwatch.Problem {
	return billwatch.Problem{File: file, Severity: billwatch.SeverityError, Message: "file is larger than 1 MiB"}
}

// tooDear refuses what is sure to be too much before it is parsed: the parser's
// time grows with the items, in brackets with their square.
func (d *Document) tooDear(data []byte) *billwatch.Problem {
	for i, line := range d.lines {
		if len(line) > maxLine {
			p := d.unparsed(place{i + 1, 1}, "line is longer than 128 Ki characters", "")
			return &p
		}
	}
	if len(d.lines) > maxLines {
		p := d.Error(nil, fmt.Sprintf("more than %d lines", maxLines), "split the file")
		return &p
	}
	if bytes.Count(data, []byte(",")) > maxCommas {
		p := d.Error(nil, fmt.Sprintf("more than %d commas", maxCommas), "split the file")
		return &p
	}
	return nil
}

// load composes the tree, without following aliases.
func (d *Document) load(data []byte) (*yaml.Node, billwatch.Problems) {
	limits := yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth)))
	loader, err := yaml.NewLoader(bytes.NewReader(data), limits)
	if err != nil {
		return nil, d.syntax(err)
	}
	var first, second yaml.Node
	if err := loader.Load(&first); err != nil {
		if isEOF(err) {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1, Column: 1}, nil
		}
		return nil, d.syntax(err)
	}
	switch err := loader.Load(&second); {
	case err == nil:
		return nil, billwatch.Problems{d.unparsed(placeOf(&second), "second document in the file", "one file holds one document; remove the --- line or split the file")}
	case !isEOF(err):
		return nil, d.syntax(err)
	}
	return first.Content[0], nil
}

// splitLines breaks at what YAML takes for a line break, so that lines and
// columns are those of the nodes.
func splitLines(data []byte) [][]rune {
	var lines [][]rune
	var line []rune
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		i += size
		switch r {
		case '\r':
			if i < len(data) && data[i] == '\n' {
				i++
			}
			lines, line = append(lines, line), nil
		case '\n', '\u0085', '\u2028', '\u2029':
			lines, line = append(lines, line), nil
		default:
			line = append(line, r)
		}
	}
	if len(line) > 0 || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}
