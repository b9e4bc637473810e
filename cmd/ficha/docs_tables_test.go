package main

import (
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"ficha/events"
	"ficha/events/connect"
	"ficha/events/natslog"
	"ficha/internal/contactpoint"
	"ficha/internal/testneeds"
	"ficha/projections"
	"ficha/projections/contact"
)

// TestDocsImportRules compares the two tables of architecture.md with archtest.
func TestDocsImportRules(t *testing.T) {
	file := filepath.Join(testneeds.RepoRoot(t), "internal/archtest/arch_test.go")
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := page(t, "architecture.md")
	for name, header := range map[string][]string{"allowed": {"package", "may import"}, "confined": {"module", "only in"}} {
		rules := stringLists(t, f, name)
		var documented []string
		for _, row := range d.table(t, header...) {
			key, want := codes(row[0])[0], codes(row[1])
			documented = append(documented, key)
			if row[1] == "everything" {
				want = []string{"*"}
			}
			if got := rules[key]; !slices.Equal(got, want) && len(got)+len(want) > 0 {
				t.Errorf("%s: %s: archtest says %v, the documentation %v", name, key, got, want)
			}
		}
		sameWords(t, name, documented, keysOf(rules))
	}
}

// stringLists reads a variable of type map[string][]string out of a file.
func stringLists(t *testing.T, f *ast.File, name string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != name || len(spec.Values) != 1 {
			return true
		}
		for _, entry := range spec.Values[0].(*ast.CompositeLit).Elts {
			kv := entry.(*ast.KeyValueExpr)
			list := []string{}
			for _, e := range kv.Value.(*ast.CompositeLit).Elts {
				list = append(list, unquoted(t, e))
			}
			out[unquoted(t, kv.Key)] = list
		}
		return false
	})
	if len(out) == 0 {
		t.Fatalf("no variable %s", name)
	}
	return out
}

func unquoted(t *testing.T, e ast.Expr) string {
	t.Helper()
	s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keysOf[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// TestDocsSettings compares the table of settings with the flags of serve.
func TestDocsSettings(t *testing.T) {
	t.Setenv("FICHA_DATA", "") // defaults of flags
	t.Setenv("FICHA_CONFIG", "")
	serve, _, err := newRoot(streams{}).Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	documented := []string{}
	d := page(t, "operations.md")
	for _, row := range d.table(t, "flag", "environment", "YAML", "default", "") {
		name := strings.TrimPrefix(codes(row[0])[0], "--")
		documented = append(documented, name)
		flag := serve.Flag(name)
		if flag == nil {
			continue // sameWords says so
		}
		variable := "FICHA_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if !slices.Equal(codes(row[1]), []string{variable}) {
			t.Errorf("--%s: environment %s, want %s", name, row[1], variable)
		}
		if inFile := slices.Contains(settingNames(), name); inFile != slices.Equal(codes(row[2]), []string{name}) {
			t.Errorf("--%s: YAML %q, but is it a setting of the file? %v", name, row[2], inFile)
		}
		if got := strings.Join(codes(row[3]), ""); got != flag.DefValue {
			t.Errorf("--%s: default %q, want %q", name, got, flag.DefValue)
		}
	}
	sameWords(t, "settings", slices.DeleteFunc(documented, func(n string) bool { return n == "config" }), settingNames())
	for _, block := range d.blocks("yaml") {
		var file map[string]any
		if err := yaml.Unmarshal([]byte(block), &file); err != nil {
			t.Fatal(err)
		}
		for name := range file {
			if !slices.Contains(settingNames(), name) {
				t.Errorf("the YAML example has %s, which is no setting", name)
			}
		}
	}
}

// TestDocsFormats holds formats.md to the names and bytes of the program.
func TestDocsFormats(t *testing.T) {
	d := page(t, "formats.md")
	var files []string
	for _, row := range d.table(t, "name", "holds", "if it is lost") {
		files = append(files, strings.TrimSuffix(codes(row[0])[0], "/"))
	}
	sameWords(t, "data directory", files, []string{dirLog, fileTail, dirStore, secretFile, addressFile})
	var infos []string
	for _, row := range d.table(t, "info", "key for") {
		infos = append(infos, codes(row[0])[0])
	}
	sameWords(t, "derived keys", infos, []string{forContent, forAPIKeys, forDecisions, forDesk, forDenies, forRows, forWebhooks})

	tables := map[string]bool{}
	declared := regexp.MustCompile(`projections\.Table\s*=\s*"(\w+)"`)
	eachSource(t, "projections", func(path, text string) {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
			return
		}
		for _, m := range declared.FindAllStringSubmatch(text, -1) {
			tables[m[1]] = true
		}
	})
	var documented []string
	for _, row := range d.table(t, "table", "key", "value") {
		documented = append(documented, codes(row[0])...)
	}
	sameWords(t, "tables", documented, keysOf(tables))

	rows := d.table(t, "projection", "version", "tables")
	all := append(folds(), projections.Fold(contact.NewFold()))
	if len(rows) != len(all) {
		t.Errorf("%d projections are documented, there are %d", len(rows), len(all))
	}
	for _, row := range rows {
		i := slices.IndexFunc(all, func(f projections.Fold) bool { return f.Name() == codes(row[0])[0] })
		if i < 0 || strconv.Itoa(all[i].Version()) != row[1] {
			t.Errorf("projection %s, version %s is documented, but not there", row[0], row[1])
			continue
		}
		var names []string
		for _, table := range all[i].Tables() {
			names = append(names, string(table))
		}
		sameWords(t, "tables of "+row[0], codes(row[2]), names)
	}
}

// TestDocsFrozenValues computes what formats.md says for ever.
func TestDocsFrozenValues(t *testing.T) {
	d := page(t, "formats.md")
	values := map[string]string{}
	for _, row := range d.table(t, "of", "is") {
		values[row[0]] = codes(row[1])[0]
	}
	phone := func(s string) string { p, _ := contactpoint.Phone(s, ""); return p.Class() }
	mail, _ := contactpoint.Email("Ana.Perez+news@googlemail.com")
	hash := events.HashID("/crm/bank", "no-1")
	for what, want := range map[string]string{
		"record `/crm/bank`, `customer`, `1`":      events.RecordKey{Source: "/crm/bank", ID: "1"}.UUID().String(),
		"folio of event `no-1` of `/crm/bank`":     events.StatementID("/crm/bank", "no-1"),
		"id hash of event `no-1` of `/crm/bank`":   hex.EncodeToString(hash[:]),
		"inbox subject of `/crm/bank`":             "ficha.inbox." + natslog.SourceToken("/crm/bank"),
		"class of `+5215512345678`":                phone("+5215512345678"),
		"class of `+5491123456789`":                phone("+5491123456789"),
		"class of `+5511987654321`":                phone("+5511987654321"),
		"class of `Ana.Perez+news@googlemail.com`": mail.Class(),
	} {
		if values[what] != want {
			t.Errorf("%s: documented %q, is %q", what, values[what], want)
		}
		delete(values, what)
	}
	if len(values) > 0 {
		t.Errorf("not compared: %v", values)
	}
	namespace := codes(d.table(t, "what", "value")[0][1])[0]
	key := "\x00\x00\x00\x09/crm/bank\x00\x00\x00\x08customer\x00\x00\x00\x011"
	if got := uuid.NewSHA1(uuid.MustParse(namespace), []byte(key)); got != (events.RecordKey{Source: "/crm/bank", ID: "1"}).UUID() {
		t.Errorf("the namespace %s and the form give %s", namespace, got)
	}
	if want := "table `" + contactpoint.TableVersion + "`"; !strings.Contains(d.text, want) {
		t.Errorf("the documentation does not name %s", want)
	}
}

// TestDocsContactReasons compares the table of reasons with the catalogue.
func TestDocsContactReasons(t *testing.T) {
	catalogue, err := contact.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	var documented, there []string
	for _, row := range page(t, "http.md").table(t, "code", "effect", "español", "English") {
		code := codes(row[0])[0]
		documented = append(documented, code)
		if words := catalogue[contact.Code(code)]; row[2] != words.ES || row[3] != words.EN {
			t.Errorf("%s: documented %q, %q; the catalogue has %q, %q", code, row[2], row[3], words.ES, words.EN)
		}
	}
	for _, code := range contact.Codes() {
		there = append(there, string(code))
	}
	sameWords(t, "reasons", documented, there)
}

// TestDocsPurposes: a deny about a class denies each purpose that is documented
// under it, and a note is what it makes of an obligatory one.
func TestDocsPurposes(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	point, _ := contactpoint.Phone("+50255123456", "")
	for _, row := range page(t, "http.md").table(t, "class", "purposes (and common other names of them)") {
		class := codes(row[0])[0]
		deny := &contact.Statement{Folio: "x", Choice: events.Deny, StatedAt: now.Add(-time.Hour), Recorded: now.Add(-time.Hour),
			Scope: events.Scope{Purposes: []string{class}}, Points: []contactpoint.Point{point}}
		facts := &contact.Facts{Points: []contact.PointFact{{Point: point, Asked: true}},
			Bounds: []contact.Bound{{Statement: deny, Reach: contact.ReachPoint, Exact: true}}}
		for _, purpose := range codes(row[1]) {
			answer := contact.Decide(facts, &contact.Request{Purpose: purpose}, now)
			codes := []contact.Code{}
			for _, r := range answer.Reasons {
				codes = append(codes, r.Code)
			}
			obligatory := class == string(contact.ClassObligatory)
			if slices.Contains(codes, contact.UnknownPurpose) || !slices.Contains(codes, contact.ContactPointDenied) ||
				slices.Contains(codes, contact.ObligatoryPurpose) != obligatory || (answer.Decision == contact.DecisionAllow) != obligatory {
				t.Errorf("%s is documented under %s; a check gives %s for %v", purpose, class, answer.Decision, codes)
			}
		}
	}
}

// TestDocsImportColumns imports a header line for each documented column.
func TestDocsImportColumns(t *testing.T) {
	d := page(t, "import.md")
	columns := 0
	for _, row := range d.table(t, "target", "recognised by, among others") {
		target := codes(row[0])[0]
		for _, column := range codes(row[1]) {
			columns++
			if got := mappedTo(t, column, connect.Mapping{}); got != target {
				t.Errorf("%s is documented under %s, it becomes %q", column, target, got)
			}
		}
	}
	if columns < 150 {
		t.Errorf("only %d columns are documented", columns)
	}
	blocks := d.blocks("yaml")
	if len(blocks) != 1 {
		t.Fatalf("%d mapping files are documented, want 1", len(blocks))
	}
	mapping, err := connect.ReadMapping(strings.NewReader(blocks[0]))
	if err != nil {
		t.Fatal(err)
	}
	if got := mappedTo(t, "Dirección fiscal", mapping); !strings.HasPrefix(got, "addresses.billing") {
		t.Errorf("the documented mapping makes %q of a column", got)
	}
}

// mappedTo says what becomes of a column.
func mappedTo(t *testing.T, column string, mapping connect.Mapping) string {
	t.Helper()
	other := "vip"
	if column == other {
		other = "nombre"
	}
	sum, err := connect.Import(t.Context(), connect.Config{
		Source: "/docs", Key: make([]byte, 16), Time: time.Unix(1e9, 0), Clock: time.Now, DryRun: true,
		Sink: connect.Print(io.Discard), Format: connect.CSV, Mapping: mapping,
	}, strings.NewReader(column+","+other+"\n"))
	if err != nil {
		t.Fatalf("import column %s: %v", column, err)
	}
	return sum.Mapped[column]
}

// TestDocsProblemCodes compares the codes of events.md and import.md with those
// that the packages write.
func TestDocsProblemCodes(t *testing.T) {
	var documented []string
	d := page(t, "events.md")
	for _, row := range append(d.table(t, "code", "means", "remedy"), d.table(t, "warning", "means")...) {
		documented = append(documented, codes(row[0])...)
	}
	written := codesWritten(t, "events/gateway", `Code:\s*"(\w+)"`, `Code, .*= "(\w+)"`, `bodyProblem\("(\w+)"`, `(?m)return "(\w+_\w+)"$`, `code := "(\w+)"`)
	written = append(written, codesWritten(t, "internal/strictjson", `Code = "(\w+)"`)...)
	written = slices.DeleteFunc(written, func(c string) bool { return c == "not_an_array" }) // said as invalid_json
	written = append(written, "unknown_type", string(events.OutcomeReused))
	sameWords(t, "problems of events", documented, distinct(written))

	documented = nil
	for _, row := range page(t, "import.md").table(t, "code", "result", "means") {
		documented = append(documented, codes(row[0])...)
	}
	written = codesWritten(t, "events/connect", `note\([^,]*, "(\w+)"`, `Code:\s*"(\w+)"`, `code, detail = "(\w+)"`, `line\("(\w+)"`, `return [^\n]*, "([a-z]+_[a-z_]+)"`)
	sameWords(t, "problems of imports", documented, distinct(written))
}

// codesWritten finds the codes that a package's sources write in one of some ways.
func codesWritten(t *testing.T, folder string, ways ...string) []string {
	t.Helper()
	var all []string
	eachSource(t, folder, func(path, text string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, way := range ways {
			found := regexp.MustCompile(way).FindAllStringSubmatch(text, -1)
			for _, m := range found {
				all = append(all, m[1])
			}
		}
	})
	return all
}

func distinct(words []string) []string { return slices.Compact(slices.Sorted(slices.Values(words))) }

// globbed lists files by a pattern; none is a mistake in the test.
func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return paths
}
