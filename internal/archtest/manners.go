package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// manners checks for what no package does, whatever it is for.
func (h *house) manners(p *pkg) []Breach {
	vars := packageVariables(p)
	exits := 0
	var breaches []Breach
	for _, f := range p.files {
		breaches = append(breaches, h.unfinished(f)...)
		for _, d := range f.syntax.Decls {
			v := &visitor{house: h, file: f, vars: vars}
			v.declaration(d)
			exits += v.exits
			if v.exits > 0 && exits > 1 {
				v.breach(d, "os.Exit stands once in a program")
			}
			breaches = append(breaches, v.breaches...)
		}
	}
	return breaches
}

// visitor looks at each node of one declaration.
type visitor struct {
	house    *house
	file     *file
	vars     map[string]bool
	main     bool // it is the main function of a program
	exits    int
	breaches []Breach
}

func (v *visitor) declaration(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.Name == "init" {
			v.breach(d, "init() runs before anybody asked; call it by name")
		}
		v.main = v.file.syntax.Name.Name == "main" && d.Name.Name == "main"
	case *ast.GenDecl:
		if d.Tok == token.VAR && !v.file.test {
			v.variables(d)
		}
	}
	ast.Inspect(d, v.visit)
}

var leftToDo = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

// unfinished finds comments that put something off.
func (h *house) unfinished(f *file) []Breach {
	var breaches []Breach
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			if leftToDo.MatchString(c.Text) {
				breaches = append(breaches, h.at(f, c, "what is left to do stands in an issue, not in the code"))
			}
		}
	}
	return breaches
}

// packageVariables are the names of the variables that a package declares in
// its non-test files.
func packageVariables(p *pkg) map[string]bool {
	names := map[string]bool{}
	for _, f := range p.files {
		for _, d := range f.syntax.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR && !f.test {
				for _, s := range d.Specs {
					for _, n := range s.(*ast.ValueSpec).Names {
						names[n.Name] = n.Name != "_"
					}
				}
			}
		}
	}
	return names
}

// variables finds package variables that can only be meant to change: those
// without a value. What the compiler embeds has its value in the comment.
func (v *visitor) variables(d *ast.GenDecl) {
	for _, s := range d.Specs {
		s := s.(*ast.ValueSpec)
		if len(s.Values) == 0 && !embeds(d.Doc) && !embeds(s.Doc) {
			v.breach(s, "%s is a mutable package variable; make it a field", s.Names[0].Name)
		}
	}
}

func embeds(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

func (v *visitor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		v.call(n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, left := range n.Lhs {
				v.assigned(left)
			}
		}
	case *ast.IncDecStmt:
		v.assigned(n.X)
	}
	return true
}

// never are the calls that one kind of file does not make, and what to do
// instead.
var never = map[string]struct {
	inTests bool // forbidden in tests, or in what is no test
	instead string
}{
	"os.Exit":            {false, "only main ends the program, by os.Exit"},
	"log.Fatal":          {false, "only main ends the program, by os.Exit"},
	"log.Fatalf":         {false, "only main ends the program, by os.Exit"},
	"log.Fatalln":        {false, "only main ends the program, by os.Exit"},
	"context.Background": {false, "take the caller's context"},
	"context.TODO":       {false, "take the caller's context"},
	"panic":              {false, "a bug returns an error too"},
	"time.Sleep":         {true, "sleep in a bubble of testing/synctest, or wait for what is waited for"},
}

func (v *visitor) call(n *ast.CallExpr) {
	name := called(n.Fun)
	rule, found := never[name]
	switch {
	case !found || rule.inTests != (v.file.test || v.file.support):
	case name == "time.Sleep" && v.file.bubbles:
	case v.main && name == "os.Exit":
		v.exits++
	case v.main && name == "context.Background":
	default:
		v.breach(n, "%s: %s", name, rule.instead)
	}
}

// called is the name of a called function as it is written, empty where the name
// is a variable's or a parameter's.
func called(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		if f.Obj == nil {
			return f.Name
		}
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && x.Obj == nil {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// assigned notes a package variable that a function changes, itself or what it
// holds.
func (v *visitor) assigned(left ast.Expr) {
	for {
		switch e := left.(type) {
		case *ast.IndexExpr:
			left = e.X
		case *ast.SelectorExpr:
			left = e.X
		case *ast.StarExpr:
			left = e.X
		case *ast.ParenExpr:
			left = e.X
		case *ast.Ident:
			if v.vars[e.Name] && v.global(e) && !v.file.test {
				v.breach(e, "%s is a package variable and may not change", e.Name)
			}
			return
		default:
			return
		}
	}
}

// global says whether a name is declared outside of any function: in another
// file of the package, or at the top of this one.
func (v *visitor) global(id *ast.Ident) bool {
	return id.Obj == nil || v.file.syntax.Scope.Lookup(id.Name) == id.Obj
}

func (v *visitor) breach(n ast.Node, format string, args ...any) {
	v.breaches = append(v.breaches, v.house.at(v.file, n, format, args...))
}
