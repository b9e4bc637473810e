package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ficha/internal/testneeds"
)

const module = "ficha"

// source is what one Go package of the module looks like.
type source struct {
	imports map[string][]string // import path → files, test files left out
	files   map[string]*ast.File
	tests   map[string]*ast.File
}

// allowed says which packages of the module a package may import, by folder. A
// folder covers what is below it unless that has an entry of its own. Everybody
// may import internal/ helpers of one idea; those import nothing but each other.
var allowed = map[string][]string{
	"schemas":                 {},
	"events":                  {},
	"events/record":           {"events"},
	"events/gateway":          {"events", "schemas"},
	"events/natslog":          {"events"},
	"events/connect":          {"events"},
	"events/eventstest":       {"events"},
	"matching":                {"matching/lexicon"},
	"matching/lexicon":        {},
	"matching/resolver":       {"matching", "events", "events/record"},
	"projections":             {"events"},
	"projections/golden":      {"projections", "events", "events/record"},
	"projections/rowcodec":    {"events"},
	"projections/timeline":    {"projections", "projections/rowcodec", "events", "events/record", "projections/golden"},
	"projections/contact":     {"projections", "events", "projections/golden"},
	"projections/correlation": {"projections", "events"},
	"projections/review":      {"projections", "events", "projections/golden"},
	"projections/changes":     {"projections", "events", "projections/golden", "projections/contact"},
	"projections/holdings":    {"projections", "projections/rowcodec", "events", "events/record", "projections/golden"},
	"projections/insight":     {"projections", "projections/rowcodec", "events", "events/record", "projections/golden"},
	"projections/letters":     {"projections", "events"},
	"projections/witness":     {"projections", "events"},
	"projections/runner":      {"projections", "events"},
	"projections/switchable":  {"projections"},
	"projections/rebuild":     {"projections", "events", "projections/runner", "projections/switchable"},
	"projections/pebblestore": {"projections", "events", "matching/resolver"},
	"town":                    {"events"},
	"api":                     {"api", "projections", "events", "matching"},
	"cmd":                     {"*"},
	"internal":                {},
}

// confined says where a third party may be imported.
var confined = map[string][]string{
	"github.com/jackc/pgx":                  {"projections/pgstore"},
	"github.com/cockroachdb/pebble":         {"projections/pebblestore"},
	"github.com/nats-io/nats-server":        {"events/natslog"},
	"github.com/nats-io/nats.go":            {"events/natslog", "api/natsapi"},
	"github.com/synadia-io/orbit.go":        {"events/natslog"},
	"github.com/santhosh-tekuri/jsonschema": {"schemas"},
	"github.com/sourcegraph/conc":           {"projections/runner", "matching/resolver", "events/connect"},
	"github.com/danielgtaylor/huma":         {"api"},
	"github.com/spf13/cobra":                {"cmd/ficha"},
	"github.com/prometheus/client_golang":   {"api", "cmd/ficha"},
	"github.com/nyaruka/phonenumbers":       {"internal/contactpoint"},
	"github.com/xuri/excelize":              {"api/steward/sheet"},
	"github.com/standard-webhooks":          {"api/webhook"},
}

func TestImportsGoOneWay(t *testing.T) {
	for dir, src := range packages(t) {
		if strings.HasSuffix(dir, "test") {
			continue // test support may import what it supports; see TestTestSupportStaysOut
		}
		rule, may := ruleFor(dir)
		if rule == "" {
			t.Errorf("package %s has no rule: say in archtest what it may import", dir)
			continue
		}
		for imp, files := range src.imports {
			target, own := strings.CutPrefix(imp, module+"/")
			if !own || mayImport(dir, rule, may, target) {
				continue
			}
			t.Errorf("%s (%s) imports %s; it may import %v", dir, files[0], target, may)
		}
	}
}

func mayImport(dir, rule string, may []string, target string) bool {
	if rule == "internal" {
		return strings.HasPrefix(target, "internal/")
	}
	if strings.HasPrefix(target, "internal/") || target == dir || strings.HasPrefix(target, rule+"/") && rule != "events" && rule != "matching" && rule != "projections" {
		return true
	}
	for _, m := range may {
		if m == "*" || target == m || (rule == "api" && strings.HasPrefix(target, m+"/") && !strings.HasSuffix(target, "store")) {
			return true
		}
	}
	return false
}

func ruleFor(dir string) (string, []string) {
	for d := dir; d != "."; d = path.Dir(d) {
		if may, ok := allowed[d]; ok {
			return d, may
		}
	}
	return "", nil
}

func TestThirdPartiesAreConfined(t *testing.T) {
	for dir, src := range packages(t) {
		for imp, files := range src.imports {
			for party, homes := range confined {
				if strings.HasPrefix(imp, party) && !inside(dir, homes) {
					t.Errorf("%s (%s) imports %s, which is confined to %v", dir, files[0], imp, homes)
				}
			}
		}
	}
}

func inside(dir string, homes []string) bool {
	return slices.ContainsFunc(homes, func(h string) bool {
		return dir == h || strings.HasPrefix(dir, h+"/") || dir == h+"test"
	})
}

func TestTestSupportStaysOut(t *testing.T) {
	for dir, src := range packages(t) {
		if strings.HasSuffix(dir, "test") {
			continue
		}
		for imp, files := range src.imports {
			if imp == "testing" || strings.HasPrefix(imp, module+"/") && strings.HasSuffix(imp, "test") {
				t.Errorf("%s (%s) imports %s: test support lives in test files and …test packages", dir, files[0], imp)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for dir, src := range packages(t) {
		documented := false
		for _, f := range src.files {
			if f.Doc != nil && len(strings.Fields(f.Doc.Text())) >= 8 {
				documented = true
			}
		}
		if !documented && len(src.files) > 0 {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for dir, src := range packages(t) {
		for name, f := range src.files {
			for _, decl := range f.Decls {
				for _, missing := range undocumented(decl) {
					t.Errorf("%s/%s: exported %s has no comment", dir, name, missing)
				}
			}
		}
	}
}

func undocumented(decl ast.Decl) []string {
	var out []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !wellKnown[d.Name.Name] {
			out = append(out, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					out = append(out, s.Name.Name)
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					out = append(out, s.Names[0].Name)
				}
			}
		}
	}
	return out
}

// wellKnown methods say by their interface what they do.
var wellKnown = map[string]bool{"String": true, "Error": true, "Is": true, "Unwrap": true, "Len": true, "Less": true,
	"Swap": true, "MarshalJSON": true, "UnmarshalJSON": true, "ServeHTTP": true, "Close": true}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	e := d.Recv.List[0].Type
	if s, ok := e.(*ast.StarExpr); ok {
		e = s.X
	}
	if g, ok := e.(*ast.IndexExpr); ok {
		e = g.X
	}
	id, ok := e.(*ast.Ident)
	return ok && id.IsExported()
}

func TestNoInitFunctions(t *testing.T) {
	for dir, src := range packages(t) {
		for name, f := range src.files {
			for _, decl := range f.Decls {
				if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s/%s has init(): construct explicitly", dir, name)
				}
			}
		}
	}
}

func TestFunctionsCanBeReadAtAGlance(t *testing.T) {
	const limit = 100
	root := testneeds.RepoRoot(t)
	fset := token.NewFileSet()
	walkGo(t, root, func(dir, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, dir, file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok {
				lines := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1
				if lines > limit {
					t.Errorf("%s/%s: %s has %d lines, more than %d", dir, file, d.Name.Name, lines, limit)
				}
			}
		}
	})
}

func TestPackageNamesHoldOneIdea(t *testing.T) {
	for dir := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "models", "types", "helpers", "misc"}, path.Base(dir)) {
			t.Errorf("package %s: name it after its one idea", dir)
		}
	}
}

// packages parses the module's packages by folder.
func packages(t *testing.T) map[string]*source {
	t.Helper()
	root := testneeds.RepoRoot(t)
	out := map[string]*source{}
	fset := token.NewFileSet()
	walkGo(t, root, func(dir, file string) {
		f, err := parser.ParseFile(fset, filepath.Join(root, dir, file), nil, parser.ParseComments)
		if err != nil {
			t.Fatalf("parse %s/%s: %v", dir, file, err)
		}
		src := out[dir]
		if src == nil {
			src = &source{imports: map[string][]string{}, files: map[string]*ast.File{}, tests: map[string]*ast.File{}}
			out[dir] = src
		}
		if strings.HasSuffix(file, "_test.go") {
			src.tests[file] = f
			return
		}
		src.files[file] = f
		for _, imp := range f.Imports {
			p := strings.Trim(imp.Path.Value, `"`)
			src.imports[p] = append(src.imports[p], file)
		}
	})
	return out
}

func walkGo(t *testing.T, root string, visit func(dir, file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); p != root && (strings.HasPrefix(n, ".") || n == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(p, ".go") {
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(filepath.Dir(rel)), filepath.Base(rel))
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}
