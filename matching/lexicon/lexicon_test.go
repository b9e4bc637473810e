package lexicon

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
	"testing"

	"ficha/internal/text"
)

func load(t *testing.T) *Lexicon {
	t.Helper()
	x, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestRarity(t *testing.T) {
	x := load(t)
	garcia, ok := x.FamilyRarity("garcia")
	zapata, ok2 := x.FamilyRarity("zapata")
	if !ok || !ok2 || garcia < 3000 || garcia >= zapata {
		t.Errorf("garcia %d, zapata %d: want the common name to weigh less", garcia, zapata)
	}
	if _, ok := x.FamilyRarity("zzyzx"); ok {
		t.Error("an unlisted surname is known")
	}
	if maria, ok := x.GivenRarity("maria"); !ok || maria > 5000 {
		t.Errorf("maria %d %v", maria, ok)
	}
}

func TestShortForms(t *testing.T) {
	x := load(t)
	share := func(a, b string) bool {
		p, q := x.Formals(a), x.Formals(b)
		return p != nil && q != nil && slices.ContainsFunc(*p, func(id uint16) bool { return slices.Contains(*q, id) })
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"paco", "francisco", true}, {"paco", "pancho", true}, {"bill", "william", true}, {"bob", "robert", true},
		{"pat", "patrick", true}, {"pat", "patricia", true}, {"patrick", "patricia", false},
		{"chris", "christopher", true}, {"maria", "jose", false},
	} {
		if share(c.a, c.b) != c.want || share(c.b, c.a) != c.want {
			t.Errorf("%s and %s share a formal name: want %v", c.a, c.b, c.want)
		}
	}
	id, ok := x.Compound("maria", "teresa")
	if !ok || x.Formal(id) != "maria teresa" || !slices.Contains(*x.Formals("maite"), id) {
		t.Error("Maite is not María Teresa")
	}
	if !strings.Contains(x.Initials("robert"), "b") {
		t.Error("B. may be Bob")
	}
	if first := (*x.Formals("robert"))[0]; x.Formal(first) != "robert" {
		t.Errorf("Robert is first of all %s", x.Formal(first))
	}
}

func TestLegalForms(t *testing.T) {
	x := load(t)
	for _, c := range []struct{ in, rest, kind string }{
		{"comercial lopez s a de c v", "comercial lopez", "jsc"},
		{"quixtan s l", "quixtan", "llc"},
		{"quixtan ltda", "quixtan", "llc"},
		{"muller gmbh", "muller", "llc"},
		{"sociedad anonima quixtan", "quixtan", "jsc"},
		{"sa", "sa", ""},
		{"panaderia la espiga", "panaderia la espiga", ""},
	} {
		rest, kind := x.LegalForm(strings.Fields(c.in))
		if got := strings.Join(rest, " "); got != c.rest || (c.kind != "") != (kind != "") {
			t.Errorf("%q: %q, %q; want %q, %q", c.in, got, kind, c.rest, c.kind)
		}
	}
}

func TestWords(t *testing.T) {
	x := load(t)
	for _, c := range []struct {
		name string
		ok   bool
	}{
		{"title", x.IsTitle("lic")}, {"particle", x.IsParticle("del")}, {"no particle", !x.IsParticle("garcia")},
		{"unit", x.IsUnit("depto")}, {"number", x.IsNumberWord("nro")}, {"direction", x.IsDirection("norte")},
		{"junior", x.Generation("jr") == 2 && x.Generation("hijo") == 2}, {"no generation", x.Generation("ana") == 0},
		{"short", x.Spelled("hdz") == "hernandez" && x.Spelled("ana") == "ana"}, {"ordinary", x.Ordinary("grupo")},
		{"desk", x.SharedMailbox("ventas")}, {"no desk", !x.SharedMailbox("mgarcia")},
		{"filler", x.Filler("name", "sin nombre") && x.Filler("document", "00000000")}, {"repeated", x.Filler("name", "x x x")},
		{"no filler", !x.Filler("name", "ana") && !x.Filler("name", "")},
	} {
		if !c.ok {
			t.Error(c.name)
		}
	}
	if c, ok := x.City("d f"); ok {
		t.Errorf("d f is %s", c)
	}
	if c, ok := x.City("cdmx"); !ok || c != "mexico" {
		t.Errorf("cdmx is %q", c)
	}
	if s, ok := x.StreetType("avda"); !ok || s != "avenida" {
		t.Errorf("avda is %q", s)
	}
}

// Every word of every table is in folded form: another one would never be found.
func TestTablesAreFolded(t *testing.T) {
	for _, file := range []string{"nicknames.txt", "given.txt", "surnames.txt", "streets.txt", "legalforms.txt", "ranks.txt", "words.txt"} {
		raw, err := files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(bytes.NewReader(raw))
		for n := 1; s.Scan(); n++ {
			line := s.Text()
			if strings.HasPrefix(line, "#") {
				continue
			}
			for w := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(" :|", r) }) {
				if text.Fold(w) != w {
					t.Errorf("%s line %d: %q is not folded", file, n, w)
				}
			}
		}
	}
}

func TestMalformedTables(t *testing.T) {
	x := &Lexicon{family: map[string]int32{}, given: map[string]int32{}}
	for name, err := range map[string]error{
		"surname": x.readSurname("garcia many"), "ranks": x.readRanks("family xx: a b"), "nicknames": x.readNicknames("francisco paco"),
		"form": x.readForm("sa"), "words": x.readWords("title sr"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
