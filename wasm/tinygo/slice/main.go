// Command slice writes a part of a package of the Go toolchain: the named
// declarations and those that they need, and no others. TinyGo builds with such
// parts where the whole would bring along what a phone has no use for.
//
//	go run ./wasm/tinygo/slice -package net -overlay wasm/tinygo/overlay/net -o out Conn ParseIP …
//
// What the overlay's files declare stands in the place of the toolchain's
// declarations of the same names; they are copied whole. A method comes with
// its type where it is exported, and else where something calls a method of
// that name.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("slice: ")
	name := flag.String("package", "", "`path` of the package")
	overlay := flag.String("overlay", "", "`folder` of our own files")
	out := flag.String("o", "", "`folder` to write to; it has to be there")
	flag.Parse()
	if err := run(*name, *overlay, *out, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(path, overlay, out string, roots []string) error {
	s := slicer{
		fset:    token.NewFileSet(),
		decls:   map[string]*decl{},
		methods: map[string][]*decl{},
		called:  map[string]bool{},
	}
	ours, err := filepath.Glob(filepath.Join(overlay, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range ours {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := s.parse(name, true); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, filepath.Base(name)), text, 0o666); err != nil {
			return err
		}
	}
	js := build.Default
	js.GOOS, js.GOARCH, js.CgoEnabled = "js", "wasm", false
	theirs, err := js.Import(path, "", 0)
	if err != nil {
		return err
	}
	for _, name := range theirs.GoFiles {
		if err := s.parse(filepath.Join(theirs.Dir, name), false); err != nil {
			return err
		}
	}
	for _, name := range roots {
		if s.decls[name] == nil {
			return fmt.Errorf("package %s declares no %s", path, name)
		}
		s.take(s.decls[name])
	}
	for len(s.queue) > 0 {
		d := s.queue[0]
		s.queue = s.queue[1:]
		s.follow(d)
	}
	return s.write(theirs, out)
}

// decl is one declaration of the package: a function, a method, a type, a
// variable, or a group of constants, which can't be taken apart for its iota.
type decl struct {
	file  *file
	pos   token.Pos
	node  ast.Node
	taken bool
}

type file struct {
	name    string
	ours    bool
	imports map[string]*ast.ImportSpec // by the name that the file uses
}

type slicer struct {
	fset    *token.FileSet
	decls   map[string]*decl
	methods map[string][]*decl // by type
	called  map[string]bool    // names after a dot, in what has been taken
	queue   []*decl
}

func (s *slicer) parse(name string, ours bool) error {
	tree, err := parser.ParseFile(s.fset, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	f := &file{name: filepath.Base(name), ours: ours, imports: map[string]*ast.ImportSpec{}}
	for _, spec := range tree.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		short := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			short = spec.Name.Name
		}
		f.imports[short] = spec
	}
	for _, d := range tree.Decls {
		s.declare(f, d)
	}
	return nil
}

func (s *slicer) declare(f *file, d ast.Decl) {
	add := func(node ast.Node, names ...*ast.Ident) {
		entry := &decl{file: f, pos: node.Pos(), node: node}
		for _, name := range names {
			if name.Name != "_" && s.decls[name.Name] == nil {
				s.decls[name.Name] = entry
			}
		}
		if f.ours {
			s.take(entry)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		d.Doc = nil
		if d.Recv == nil {
			if d.Name.Name != "init" {
				add(d, d.Name)
			}
			return
		}
		name := receiver(d)
		if owner := s.decls[name]; owner != nil && owner.file.ours && !f.ours {
			return
		}
		entry := &decl{file: f, pos: d.Pos(), node: d}
		s.methods[name] = append(s.methods[name], entry)
	case *ast.GenDecl:
		d.Doc = nil
		switch d.Tok {
		case token.CONST:
			var names []*ast.Ident
			for _, spec := range d.Specs {
				names = append(names, spec.(*ast.ValueSpec).Names...)
			}
			add(d, names...)
		case token.VAR:
			for _, spec := range d.Specs {
				spec := spec.(*ast.ValueSpec)
				add(&ast.GenDecl{TokPos: spec.Pos(), Tok: token.VAR, Specs: []ast.Spec{spec}}, spec.Names...)
			}
		case token.TYPE:
			for _, spec := range d.Specs {
				spec := spec.(*ast.TypeSpec)
				add(&ast.GenDecl{TokPos: spec.Pos(), Tok: token.TYPE, Specs: []ast.Spec{spec}}, spec.Name)
			}
		}
	}
}

func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	return t.(*ast.Ident).Name
}

func (s *slicer) take(d *decl) {
	if !d.taken {
		d.taken = true
		s.queue = append(s.queue, d)
	}
}

// follow takes what d names. A local variable, a field or a parameter with the
// name of a declaration takes that as well: one too many, never one too few.
func (s *slicer) follow(d *decl) {
	ast.Inspect(d.node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if !s.called[n.Sel.Name] {
				s.called[n.Sel.Name] = true
				s.takeMethods()
			}
			ast.Inspect(n.X, func(n ast.Node) bool { return s.name(n) })
			return false
		case *ast.KeyValueExpr:
			// The key of a struct is a field, and those of maps and arrays here are no names of the package.
			ast.Inspect(n.Value, func(n ast.Node) bool { return s.name(n) })
			return true
		}
		return s.name(n)
	})
	s.takeMethods()
}

func (s *slicer) name(n ast.Node) bool {
	if id, ok := n.(*ast.Ident); ok {
		if d := s.decls[id.Name]; d != nil {
			s.take(d)
		}
	}
	return true
}

func (s *slicer) takeMethods() {
	for owner, list := range s.methods {
		if d := s.decls[owner]; d == nil || !d.taken {
			continue
		}
		for _, m := range list {
			name := m.node.(*ast.FuncDecl).Name
			if name.IsExported() || s.called[name.Name] {
				s.take(m)
			}
		}
	}
}

// write makes one file of what has been taken of each of the toolchain's.
func (s *slicer) write(from *build.Package, out string) error {
	byFile := map[*file][]*decl{}
	seen := map[*decl]bool{}
	add := func(d *decl) {
		if d.taken && !d.file.ours && !seen[d] {
			seen[d] = true
			byFile[d.file] = append(byFile[d.file], d)
		}
	}
	for _, d := range s.decls {
		add(d)
	}
	for _, list := range s.methods {
		for _, d := range list {
			add(d)
		}
	}
	for f, list := range byFile {
		sort.Slice(list, func(i, j int) bool { return list[i].pos < list[j].pos })
		var body bytes.Buffer
		used := map[string]bool{}
		for _, d := range list {
			ast.Inspect(d.node, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if id, ok := sel.X.(*ast.Ident); ok && f.imports[id.Name] != nil {
						used[id.Name] = true
					}
				}
				return true
			})
			if err := printer.Fprint(&body, s.fset, d.node); err != nil {
				return err
			}
			body.WriteString("\n\n")
		}
		var text bytes.Buffer
		fmt.Fprintf(&text, "// Code generated by slice from %s/%s of the Go toolchain. DO NOT EDIT.\n\npackage %s\n\n", from.ImportPath, f.name, from.Name)
		var names []string
		for name := range used {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			spec := f.imports[name]
			if spec.Name != nil {
				fmt.Fprintf(&text, "import %s %s\n", spec.Name.Name, spec.Path.Value)
			} else {
				fmt.Fprintf(&text, "import %s\n", spec.Path.Value)
			}
		}
		text.WriteString("\n")
		text.Write(body.Bytes())
		if err := os.WriteFile(filepath.Join(out, f.name), text.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}
