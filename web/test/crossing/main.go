// Crossing prints, as JSON, what the modules' Go sources say of what crosses to
// JavaScript and back: for each method the options that it reads and the members
// of what it answers, and the events with the members of theirs. crossing.test.mjs
// holds web/src/index.d.ts to it.
//
// It follows the calls within wasm/* from each module's main, with the constants
// that they pass, and knows package call: how Args are read and a Record is
// written. A member inside another is "outer.inner", whether there is one or a
// list of them; a name that is not known before it runs is "*".
//
// The one argument is the checkout to read; -overlay is as in go build.
package main

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// packages are the sources that are followed, each after those that it imports.
// Where a module is built in two ways it is read as the larger, with TLS of our own.
var packages = []string{"call", "resolver", "mail", "irc", "dns", "dnssec", "trust"}

const callPath = "kaiwire/wasm/call"

type names map[string]bool

func (n names) MarshalJSON() ([]byte, error) {
	list := make([]string, 0, len(n))
	for name := range n {
		list = append(list, name)
	}
	sort.Strings(list)
	return json.Marshal(list)
}

type method struct {
	Args   names `json:"args"`
	Result names `json:"result"`
}

type module struct {
	Methods map[string]*method `json:"methods"`
	Events  map[string]names   `json:"events"`
}

func main() {
	log.SetFlags(0)
	overlay := flag.String("overlay", "", "JSON `file` of sources to read in place of others, as go build has it")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	r := load(flag.Arg(0), *overlay)
	all := map[string]*module{}
	for _, name := range packages {
		begin := r.function(name, "main")
		if begin == nil {
			continue
		}
		m := &module{Methods: map[string]*method{}, Events: map[string]names{}}
		all[name] = m
		w := &walk{sources: r, module: m}
		w.tables(r.packages[name])
		w.inline(begin, nil, nil)
		w.callbacks(r.packages[name])
	}
	// Every handle ends with the event "close".
	common := &module{Methods: map[string]*method{}, Events: map[string]names{}}
	all["call"] = common
	(&walk{sources: r, module: common}).inline(r.function("call", "Ended"), nil, nil)
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		log.Fatal(err)
	}
}

// sources are the packages with their types.
type sources struct {
	fset      *token.FileSet
	info      types.Info
	packages  map[string][]*ast.File
	functions map[types.Object]*ast.FuncDecl
	values    map[types.Object]ast.Expr // of variables of packages
}

func load(root, overlay string) *sources {
	r := &sources{fset: token.NewFileSet(), packages: map[string][]*ast.File{}, functions: map[types.Object]*ast.FuncDecl{},
		values: map[types.Object]ast.Expr{}, info: types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
			Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}}
	replaced := map[string]string{}
	if overlay != "" {
		var file struct{ Replace map[string]string }
		text, err := os.ReadFile(overlay)
		if err == nil {
			err = json.Unmarshal(text, &file)
		}
		if err != nil {
			log.Fatal(err)
		}
		replaced = file.Replace
	}
	list := func(args ...string) string {
		cmd := exec.Command("go", append([]string{"list", "-tags=owntls"}, args...)...)
		cmd.Dir, cmd.Stderr = root, os.Stderr
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
		out, err := cmd.Output()
		if err != nil {
			log.Fatal(err)
		}
		return string(out)
	}
	exports := map[string]string{}
	for line := range strings.Lines(list("-deps", "-export", "-f", "{{if .Export}}{{.ImportPath}}\t{{.Export}}{{end}}", "./wasm/...")) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			exports[path] = file
		}
	}
	compiled := importer.ForCompiler(r.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	checked := map[string]*types.Package{}
	config := types.Config{Importer: importFunc(func(path string) (*types.Package, error) {
		if p := checked[path]; p != nil {
			return p, nil
		}
		return compiled.Import(path)
	})}
	for _, name := range packages {
		folder := filepath.Join(root, "wasm", name)
		var files []*ast.File
		for _, file := range strings.Fields(list("-f", `{{join .GoFiles " "}}`, "./wasm/"+name)) {
			file = filepath.Join(folder, file)
			if other, ok := replaced[file]; ok {
				file = other
			}
			f, err := parser.ParseFile(r.fset, file, nil, parser.SkipObjectResolution)
			if err != nil {
				log.Fatal(err)
			}
			files = append(files, f)
		}
		p, err := config.Check("kaiwire/wasm/"+name, r.fset, files, &r.info)
		if err != nil {
			log.Fatal(err)
		}
		checked[p.Path()], r.packages[name] = p, files
		r.remember(files)
	}
	return r
}

type importFunc func(path string) (*types.Package, error)

func (f importFunc) Import(path string) (*types.Package, error) { return f(path) }

func (r *sources) remember(files []*ast.File) {
	for _, f := range files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				r.functions[r.info.Defs[d.Name]] = d
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
						for i, name := range v.Names {
							r.values[r.info.Defs[name]] = v.Values[i]
						}
					}
				}
			}
		}
	}
}

func (r *sources) function(pkg, name string) *ast.FuncDecl {
	for _, f := range r.packages[pkg] {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name == name {
				return d
			}
		}
	}
	return nil
}

// is tells whether an expression is a value of package call's type, or a
// pointer to one.
func (r *sources) is(e ast.Expr, name string) bool {
	t := r.info.TypeOf(e)
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := t.(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == callPath
}

// value is what is known of an expression.
type value struct {
	texts   []string          // the constants that it may be
	options *string           // Args: which of the call's they are, "" for the call's own
	literal *ast.CompositeLit // a list that is written down, or a row of one
	lit     *ast.FuncLit
	decl    *ast.FuncDecl
	scope   *scope // of lit
}

type scope struct {
	outer  *scope
	values map[types.Object]value
}

func (s *scope) find(o types.Object) (value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[o]; ok {
			return v, true
		}
	}
	return value{}, false
}

func (s *scope) set(o types.Object, v value) {
	for at := s; at != nil; at = at.outer {
		if old, ok := at.values[o]; ok {
			v.texts = append(slices.Clone(old.texts), v.texts...)
			at.values[o] = v
			return
		}
	}
	s.values[o] = v
}

// walk goes through a function as it would run, every branch of it.
type walk struct {
	*sources
	module *module
	now    *method  // whose body it is
	record names    // what is being written: now's result, or an event
	prefix string   // the object that is being written
	keys   []string // the members whose value comes next: several where one of several names it is
	stack  []ast.Node
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// inline goes through a function that is called with args.
func (w *walk) inline(f ast.Node, outer *scope, args []value) {
	if slices.Contains(w.stack, f) || len(w.stack) > 100 {
		return
	}
	w.stack = append(w.stack, f)
	defer func() { w.stack = w.stack[:len(w.stack)-1] }()
	s := &scope{outer: outer, values: map[types.Object]value{}}
	var parameters []*ast.Ident
	var body *ast.BlockStmt
	collect := func(list *ast.FieldList) {
		if list != nil {
			for _, field := range list.List {
				parameters = append(parameters, field.Names...)
			}
		}
	}
	switch f := f.(type) {
	case *ast.FuncDecl:
		collect(f.Recv)
		collect(f.Type.Params)
		body = f.Body
	case *ast.FuncLit:
		collect(f.Type.Params)
		body = f.Body
	}
	for i, p := range parameters {
		if i < len(args) && w.info.Defs[p] != nil {
			s.values[w.info.Defs[p]] = args[i]
		}
	}
	w.node(body, s)
}

func (w *walk) node(n ast.Node, s *scope) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			w.inline(n, s, nil)
		case *ast.AssignStmt:
			w.assign(n, s)
		case *ast.RangeStmt:
			w.each(n, s)
		case *ast.CallExpr:
			w.call(n, s)
		case *ast.IfStmt:
			w.branch(n, s)
		case *ast.CaseClause:
			keys := w.keys
			for _, part := range n.Body {
				w.node(part, s)
			}
			w.keys = keys
		case *ast.CompositeLit:
			return !w.table(n, s)
		default:
			return true
		}
		return false
	})
}

// branch goes through both sides: each may write the value that comes next.
func (w *walk) branch(n *ast.IfStmt, s *scope) {
	if n.Init != nil {
		w.node(n.Init, s)
	}
	w.node(n.Cond, s)
	before := w.keys
	w.node(n.Body, s)
	after := w.keys
	_, leaves := n.Body.List[len(n.Body.List)-1].(*ast.ReturnStmt)
	if n.Else != nil || leaves {
		w.keys = before
	}
	if n.Else != nil {
		w.node(n.Else, s)
		if !leaves {
			w.keys = after
		}
	}
}

func (w *walk) object(e ast.Expr) types.Object {
	id, ok := e.(*ast.Ident)
	if !ok {
		return nil
	}
	if o := w.info.Defs[id]; o != nil {
		return o
	}
	return w.info.Uses[id]
}

func (w *walk) assign(n *ast.AssignStmt, s *scope) {
	for i, right := range n.Rhs {
		lit, isFunc := right.(*ast.FuncLit)
		if isFunc && len(n.Lhs) == len(n.Rhs) {
			if o := w.object(n.Lhs[i]); o != nil { // gone through where it is called
				s.set(o, value{lit: lit, scope: s})
				continue
			}
		}
		w.node(right, s)
		if len(n.Lhs) == len(n.Rhs) {
			if o := w.object(n.Lhs[i]); o != nil {
				s.set(o, w.eval(right, s))
			}
		}
	}
}

func (w *walk) each(n *ast.RangeStmt, s *scope) {
	w.node(n.X, s)
	list := w.eval(n.X, s)
	inner := &scope{outer: s, values: map[types.Object]value{}}
	if n.Value != nil {
		if o := w.object(n.Value); o != nil {
			inner.values[o] = list
			if list.literal != nil {
				if texts, all := w.texts(list.literal.Elts); all {
					inner.values[o] = value{texts: texts}
				}
			}
		}
	}
	w.node(n.Body, inner)
}

// texts are the constants of a list.
func (w *walk) texts(list []ast.Expr) (texts []string, all bool) {
	for _, e := range list {
		text, ok := w.constant(e)
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

func (w *walk) constant(e ast.Expr) (string, bool) {
	v := w.info.Types[e].Value
	if v == nil || v.Kind() != constant.String {
		return "", false
	}
	return constant.StringVal(v), true
}

func (w *walk) eval(e ast.Expr, s *scope) value {
	if text, ok := w.constant(e); ok {
		return value{texts: []string{text}}
	}
	switch e := e.(type) {
	case *ast.Ident:
		o := w.object(e)
		if v, ok := s.find(o); ok {
			return v
		}
		if f := w.functions[o]; f != nil {
			return value{decl: f}
		}
		if v := w.values[o]; v != nil {
			return w.eval(v, nil)
		}
	case *ast.CompositeLit:
		return value{literal: e}
	case *ast.FuncLit:
		return value{lit: e, scope: s}
	case *ast.ParenExpr:
		return w.eval(e.X, s)
	case *ast.IndexExpr:
		return w.eval(e.X, s)
	case *ast.UnaryExpr:
		return w.eval(e.X, s)
	case *ast.SelectorExpr:
		if w.is(e.X, "Call") && e.Sel.Name == "Args" {
			own := ""
			return value{options: &own}
		}
		if f := w.functions[w.info.Uses[e.Sel]]; f != nil && f.Recv == nil {
			return value{decl: f}
		}
		if row := w.eval(e.X, s); row.literal != nil {
			return w.column(row.literal, e.Sel.Name)
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && w.is(f.X, "Args") && (f.Sel.Name == "Object" || f.Sel.Name == "Objects") {
			path := join(w.options(f.X, s), w.name(e.Args[0], s)[0])
			return value{options: &path}
		}
	}
	return value{}
}

// column is a field of all the rows of a list that is written down.
func (w *walk) column(list *ast.CompositeLit, name string) (v value) {
	for _, row := range list.Elts {
		row, ok := row.(*ast.CompositeLit)
		if !ok {
			return value{}
		}
		fields, ok := w.info.TypeOf(row).Underlying().(*types.Struct)
		if !ok {
			return value{}
		}
		for i, e := range row.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				if pair.Key.(*ast.Ident).Name != name {
					continue
				}
				e = pair.Value
			} else if fields.Field(i).Name() != name {
				continue
			}
			if text, ok := w.constant(e); ok {
				v.texts = append(v.texts, text)
			}
		}
	}
	return v
}

// name is what an expression that names an option or a member may be.
func (w *walk) name(e ast.Expr, s *scope) []string {
	if texts := w.eval(e, s).texts; len(texts) > 0 {
		return texts
	}
	return []string{"*"}
}

func (w *walk) options(e ast.Expr, s *scope) string {
	v := w.eval(e, s)
	if v.options == nil {
		log.Fatalf("%s: which options these are can't be followed", w.fset.Position(e.Pos()))
	}
	return *v.options
}

// readers are the methods of Args that read an option; each is told its name.
var readers = names{"String": true, "Required": true, "Int": true, "Bool": true, "Strings": true, "Ints": true, "StringsOrTrue": true, "Object": true,
	"Objects": true, "Time": true, "Has": true, "IsNull": true}

// composed are the methods of Args and Record that are made of their others.
var composed = names{"Server": true, "Auth": true, "Error": true}

func (w *walk) call(n *ast.CallExpr, s *scope) {
	selector, _ := n.Fun.(*ast.SelectorExpr)
	switch {
	case selector == nil:
	case w.is(selector.X, "Record") && w.writes(selector, n, s):
		return
	case w.is(selector.X, "Handle") && strings.EqualFold(selector.Sel.Name, "emit"):
		w.emit(n, s)
		return
	case w.is(selector.X, "Args"):
		w.node(selector.X, s)
		if name := selector.Sel.Name; readers[name] && w.now != nil {
			for _, option := range w.name(n.Args[0], s) {
				w.now.Args[join(w.options(selector.X, s), option)] = true
			}
		} else if name == "Each" && w.now != nil {
			w.now.Args[join(w.options(selector.X, s), "*")] = true
		}
	}
	f := w.eval(n.Fun, s)
	var receiver []value
	if f.decl == nil && selector != nil && composed[selector.Sel.Name] && (w.is(selector.X, "Args") || w.is(selector.X, "Record")) {
		f.decl, receiver = w.functions[w.info.Uses[selector.Sel]], []value{w.eval(selector.X, s)}
	}
	followed := f.decl != nil && f.decl.Body != nil || f.lit != nil
	args := receiver
	for _, arg := range n.Args {
		if _, ok := arg.(*ast.FuncLit); !ok || !followed {
			w.node(arg, s)
		}
		args = append(args, w.eval(arg, s))
	}
	switch {
	case f.lit != nil:
		w.inline(f.lit, f.scope, args)
	case f.decl != nil && f.decl.Name.Name == "described":
	case f.decl != nil && f.decl.Name.Name == "write" && w.now != nil:
		w.record[join(w.prefix, "(event)")] = true
	case followed:
		w.inline(f.decl, nil, args)
	default:
		if _, ok := n.Fun.(*ast.FuncLit); !ok {
			w.node(n.Fun, s)
		}
	}
}

// writes goes through a call of a method of Record.
func (w *walk) writes(f *ast.SelectorExpr, n *ast.CallExpr, s *scope) bool {
	if _, ok := f.X.(*ast.CallExpr); ok {
		w.node(f.X, s)
	}
	switch f.Sel.Name {
	case "Key":
		w.keys = nil
		for _, name := range w.name(n.Args[0], s) {
			if name != "" {
				w.keys = append(w.keys, join(w.prefix, name))
			}
		}
		for _, path := range w.keys {
			w.add(path)
		}
	case "Object", "Array":
		prefix, keys, inner := w.prefix, w.keys, w.eval(n.Args[0], s)
		if keys == nil {
			keys = []string{prefix}
		}
		for _, path := range keys {
			w.prefix, w.keys = path, nil
			w.inline(inner.lit, inner.scope, nil)
		}
		w.prefix, w.keys = prefix, nil
	case "String", "Strings", "Int", "Bool", "Null", "Time", "Milliseconds", "Raw":
		for _, arg := range n.Args {
			w.node(arg, s)
		}
		w.keys = nil
	default:
		return false
	}
	return true
}

func (w *walk) add(path string) {
	if w.record == nil {
		log.Fatalf("%s is written outside a method and an event", path)
	}
	w.record[path] = true
}

// event begins to write an event, and returns what goes back to what was
// written before.
func (w *walk) event(name string) (done func()) {
	record, prefix, keys, now := w.record, w.prefix, w.keys, w.now
	if w.module.Events[name] == nil {
		w.module.Events[name] = names{}
	}
	w.record, w.prefix, w.keys, w.now = w.module.Events[name], "", nil, nil
	return func() { w.record, w.prefix, w.keys, w.now = record, prefix, keys, now }
}

func (w *walk) emit(n *ast.CallExpr, s *scope) {
	write := w.eval(n.Args[1], s)
	for _, name := range w.name(n.Args[0], s) {
		if name == "*" {
			w.described()
			continue
		}
		done := w.event(name)
		w.inline(write.lit, write.scope, nil)
		done()
	}
}

// described goes through the events that have a table of their own: irc's, each
// a return of described with its name, whether it has what a line says of
// itself, its texts, and what writes the rest.
func (w *walk) described() {
	table := w.sources.function("irc", "described")
	about := w.sources.function("irc", "about")
	ast.Inspect(table.Body, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		r, ok := n.(*ast.ReturnStmt)
		if !ok {
			return true
		}
		name, _ := w.constant(r.Results[0])
		done := w.event(name)
		defer done()
		if !w.info.Types[r.Results[1]].IsNil() {
			w.inline(about, nil, nil)
		}
		for i, text := range w.list(r.Results[2]) {
			if i%2 == 0 {
				field, _ := w.constant(text)
				w.add(strings.TrimPrefix(field, "?"))
			}
		}
		w.node(r.Results[3], &scope{values: map[types.Object]value{}})
		return false
	})
}

// list is a list of texts that is written down, or returned by a function.
func (w *walk) list(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.CompositeLit:
		return e.Elts
	case *ast.CallExpr:
		f := w.eval(e.Fun, nil).decl
		last := f.Body.List[len(f.Body.List)-1].(*ast.ReturnStmt)
		return w.list(last.Results[0])
	}
	return nil
}

// tables are those of variables of a package.
func (w *walk) tables(files []*ast.File) {
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
				w.node(d, &scope{values: map[types.Object]value{}})
			}
		}
	}
}

// callbacks goes through the methods of a package's own types, which libraries
// call.
func (w *walk) callbacks(files []*ast.File) {
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv != nil {
				w.inline(d, nil, nil)
			}
		}
	}
}

// table takes the methods out of a list that is written down: name and function
// as key and value, or as the first two fields of its rows. It returns false for
// a list of anything else.
func (w *walk) table(list *ast.CompositeLit, s *scope) bool {
	found := false
	for _, e := range list.Elts {
		var name, f ast.Expr
		switch e := e.(type) {
		case *ast.KeyValueExpr:
			name, f = e.Key, e.Value
		case *ast.CompositeLit:
			if len(e.Elts) == 2 {
				name, f = e.Elts[0], e.Elts[1]
			}
		}
		if f == nil || !takesCall(w.info.TypeOf(f)) {
			return found
		}
		text, ok := w.constant(name)
		if !ok {
			return found
		}
		found = true
		m := &method{Args: names{}, Result: names{}}
		w.module.Methods[text] = m
		w.now, w.record = m, m.Result
		own := ""
		if v := w.eval(f, s); v.decl != nil {
			w.inline(v.decl, nil, []value{{}, {options: &own}})
		} else {
			w.node(f, s)
		}
		w.now, w.record, w.prefix, w.keys = nil, nil, "", nil
	}
	return found
}

// takesCall reports whether a function has a *call.Call as its second parameter.
func takesCall(t types.Type) bool {
	if t == nil {
		return false
	}
	f, ok := t.Underlying().(*types.Signature)
	if !ok || f.Params().Len() < 2 {
		return false
	}
	return f.Params().At(1).Type().String() == "*"+callPath+".Call"
}
