package archtest

import (
	"go/ast"
	"go/token"
	"slices"
)

// The most that one thing may cost. They are bounds for what was not looked at,
// not aims.
const (
	maxFile       = 500 // lines
	maxFunction   = 80  // lines
	maxParameters = 5
	maxMethods    = 4 // of an interface
)

// budgets checks what the files of a package cost, and that what they export is
// documented.
func (h *house) budgets(p *pkg) []Breach {
	var breaches []Breach
	code := slices.DeleteFunc(slices.Clone(p.files), func(f *file) bool { return f.test })
	for _, f := range p.files {
		if f.lines > maxFile {
			breaches = append(breaches, h.at(f, f.syntax, "%d lines; a file has at most %d", f.lines, maxFile))
		}
	}
	for _, f := range code {
		for _, d := range f.syntax.Decls {
			breaches = append(breaches, h.declaration(f, d)...)
		}
	}
	documented := func(f *file) bool { return f.syntax.Doc != nil }
	if len(code) > 0 && !slices.ContainsFunc(code, documented) {
		breaches = append(breaches, h.at(code[0], code[0].syntax, "package %s is not documented", code[0].syntax.Name.Name))
	}
	return breaches
}

func (h *house) declaration(f *file, d ast.Decl) []Breach {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return h.function(f, d)
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return nil
		}
		var breaches []Breach
		for _, s := range d.Specs {
			breaches = append(breaches, h.spec(f, d, s)...)
		}
		return breaches
	}
	return nil
}

func (h *house) function(f *file, d *ast.FuncDecl) []Breach {
	var breaches []Breach
	name := d.Name.Name
	if n := h.fset.Position(d.End()).Line - h.line(d) + 1; n > maxFunction {
		breaches = append(breaches, h.at(f, d, "%s has %d lines; a function has at most %d", name, n, maxFunction))
	}
	if n := d.Type.Params.NumFields(); n > maxParameters {
		breaches = append(breaches, h.at(f, d, "%s has %d parameters; a function has at most %d", name, n, maxParameters))
	}
	if d.Doc == nil && ast.IsExported(name) && exportedReceiver(d.Recv) {
		breaches = append(breaches, h.at(f, d, "%s is not documented", name))
	}
	return breaches
}

// exportedReceiver says whether a method is seen from outside: its type has an
// exported name, or it is no method.
func exportedReceiver(recv *ast.FieldList) bool {
	if recv == nil {
		return true
	}
	t := recv.List[0].Type
	for {
		switch u := t.(type) {
		case *ast.StarExpr:
			t = u.X
		case *ast.IndexExpr:
			t = u.X
		case *ast.IndexListExpr:
			t = u.X
		case *ast.Ident:
			return u.IsExported()
		default:
			return false
		}
	}
}

// spec checks a type, a constant or a variable. A group's comment documents what
// stands in it.
func (h *house) spec(f *file, d *ast.GenDecl, s ast.Spec) []Breach {
	var breaches []Breach
	var names []*ast.Ident
	documented := d.Doc != nil
	switch s := s.(type) {
	case *ast.TypeSpec:
		names = []*ast.Ident{s.Name}
		documented = documented || s.Doc != nil || s.Comment != nil
		if n := methods(s.Type); n > maxMethods {
			breaches = append(breaches, h.at(f, s, "%s has %d methods; an interface has at most %d", s.Name.Name, n, maxMethods))
		}
	case *ast.ValueSpec:
		names = s.Names
		documented = documented || s.Doc != nil || s.Comment != nil
	}
	for _, n := range names {
		if n.IsExported() && !documented {
			breaches = append(breaches, h.at(f, n, "%s is not documented", n.Name))
		}
	}
	return breaches
}

// methods counts what an interface asks for itself; one that only joins others
// is read by their names.
func methods(t ast.Expr) int {
	i, ok := t.(*ast.InterfaceType)
	if !ok {
		return 0
	}
	n := 0
	for _, m := range i.Methods.List {
		n += len(m.Names)
	}
	return n
}
