package matching

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ficha/internal/text"
)

// words writes a name as "given+given family/family!": ! marks a husband's name, ?
// a role that was guessed.
func (n name) describe() string {
	var b strings.Builder
	for i, w := range n.words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if w.role == givenRole {
			b.WriteString("g:")
		} else {
			b.WriteString("f:")
		}
		b.WriteString(w.text)
		if w.flags&flagMarried != 0 {
			b.WriteByte('!')
		}
		if !w.sure() {
			b.WriteByte('?')
		}
	}
	if n.generation != 0 {
		fmt.Fprintf(&b, " #%d", n.generation)
	}
	return b.String()
}

func TestNames(t *testing.T) {
	cases := []struct {
		in   Name
		want string
	}{
		{Name{Given: "María José", Family: "García", Family2: "de la Cruz"}, "g:maria g:jose f:garcia f:cruz"},
		{Name{Given: "Mª Ángeles", Family: "Núñez-Iglesias"}, "g:maria g:angeles f:nunez f:iglesias"},
		{Name{Given: "Ma. del Carmen", Family: "Hdz.", Family2: "Mtz"}, "g:maria g:carmen f:hernandez f:martinez"},
		{Name{Given: "Ana", Family: "López", Family2: "de Garrido"}, "g:ana f:lopez f:garrido!"},
		{Name{Given: "Ana", Family: "de León"}, "g:ana f:leon"},
		{Name{Given: "Ben", Family: "Al"}, "g:ben f:al"},
		{Name{Given: "ANA", Family: "DELACRUZ"}, "g:ana f:cruz"},
		{Name{Given: "Sinéad", Family: "O’Connor"}, "g:sinead f:oconnor"},
		{Name{Given: "Robert E", Family: "Smith Sr"}, "g:robert g:e f:smith #1"},
		{Name{Given: "David", Family: "Dobbins", Suffix: "Jr."}, "g:david f:dobbins #2"},
		{Name{Given: "George", Family: "King", Suffix: "III"}, "g:george f:king #3"},
		{Name{Full: "Lic. Pedro García López"}, "g:pedro? f:garcia? f:lopez?"},
		{Name{Full: "GARCIA LOPEZ, JUAN CARLOS"}, "f:garcia f:lopez g:juan g:carlos"},
		{Name{Full: "Juan Carlos García"}, "g:juan? g:carlos? f:garcia?"},
		{Name{Full: "Quixtan Ixcot María"}, "f:quixtan? f:ixcot? g:maria?"},
		{Name{Full: "John Smith, Jr"}, "g:john? f:smith? #2"},
		{Name{Given: "Thomas", Family: "Chudleigh", Full: "Thomas Clifford, 1st Baron Clifford of Chudleigh"}, "g:thomas f:chudleigh g:clifford? f:baron? g:clifford?"},
		{Name{Full: "GarcÃ­a"}, "f:garcia?"},
		{Name{Full: "王杰"}, "g:wang? f:jie?"},
		{Name{Given: "Unknown", Family: "Unknown"}, ""},
		{Name{Given: "Baby Girl"}, ""},
		{Name{Given: "xxx", Family: "----"}, ""},
	}
	e := newEngine(t)
	for _, c := range cases {
		got := ""
		if names := e.names([]Name{c.in}); len(names) > 0 {
			got = names[0].describe()
		}
		if got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	cases := []struct{ in, want string }{
		{"1980-02-13", "1980-02-13"},
		{"19800213", "1980-02-13"},
		{"1980/13/02", "1980-02-13"},
		{"13/02/1980", "1980-02-13"},
		{"02/13/1980", "1980-02-13"},
		{"03/04/1980", "1980-04-03 d/m"},
		{"3.4.80", "1980-04-03 d/m yy"},
		{"24-May-11", "2011-05-24 yy"},
		{"Mar 1 1970", "1970-03-01"},
		{"1 de enero de 1982", "1982-01-01 year"},
		{"1982-01-01", "1982-01-01 year"},
		{"1980-02-13T05:06:07Z", "1980-02-13"},
		{"13/02/1980 00:00", "1980-02-13"},
		{"1980", "1980-00-00"},
		{"1980-05", "1980-05-00"},
		{"05/1980", "1980-05-00"},
		{"198005", "1980-05-00"},
		{"19740164", "1974-01-00"},
		{"19131416", "1913-00-00"},
		{"5/24/11", "2011-05-24 yy"},
		{"2/30", ""}, {"", ""}, {"unknown", ""}, {"1900-01-01", ""}, {"1899-12-31", ""},
		{"9999-12-31", ""}, {"0001-01-01", ""}, {"1970-01-01", ""}, {"19X65-09-01", ""}, {"31/31/1980", ""},
	}
	for _, c := range cases {
		d := parseDate(c.in)
		got := ""
		if d.known() {
			got = fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
		}
		for flag, word := range []string{" d/m", " yy", " year"} {
			if d.loose&(1<<flag) != 0 {
				got += word
			}
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestBirthLevels(t *testing.T) {
	cases := []struct{ a, b, want string }{
		{"1980-02-13", "13/02/1980", "same"},
		{"1980-04-03", "03/04/1980", "same"},
		{"1980-04-03", "04/03/1980", "same"}, // either reading of the second is possible
		{"1980-04-03", "1980-03-04", "swapped"},
		{"1980-04-13", "1980-04-18", "close"},
		{"1980-04-13", "1980-04-31", "close"},
		{"1980-04-13", "1908-04-13", "close"},
		{"1980-04-13", "1985-04-13", "close"},
		{"1980-04-13", "1969-04-13", "near"},
		{"1980-04-13", "1980-04-29", "near"},
		{"1980-04-13", "1980-11-27", "about"},
		{"1980-04-13", "1979-05-27", "about"},
		{"1980-04-13", "1980", "year"},
		{"1980-04-13", "1980-01-01", "year"},
		{"1980-04-13", "1980-04", "year"},
		{"1980-04-13", "1980-05", "about"},
		{"1980-04-13", "1955-11-27", "generation"},
		{"1980-04-13", "1972-11-27", "different"},
		{"1911-05-24", "24-May-11", "same"},
		{"", "1980", ""},
	}
	c := &newEngine(t).models.Person.c
	for _, k := range cases {
		for _, p := range [][2]string{{k.a, k.b}, {k.b, k.a}} {
			got := ""
			if o := compareBirth(c, parseDate(p[0]), parseDate(p[1])); o.level != absent {
				got = birthNames[o.level]
			}
			if got != k.want {
				t.Errorf("%s and %s: %q, want %q", p[0], p[1], got, k.want)
			}
		}
	}
}

// nameLevel compares two names, best level of each part.
func TestNameLevels(t *testing.T) {
	full := func(s string) Name { return Name{Full: s} }
	cases := []struct {
		a, b Name
		want string
	}{
		{Name{Given: "Francisco", Family: "García"}, Name{Given: "Paco", Family: "Garcia"}, "given nickname, surname same"},
		{Name{Given: "María Teresa", Family: "Soto"}, Name{Given: "Maite", Family: "Soto"}, "given nickname, surname same, one left out"},
		{Name{Given: "Patrick", Family: "Smith"}, Name{Given: "Patricia", Family: "Smith"}, "given distinct, surname same"},
		{Name{Given: "Jiménez", Family: "Ana"}, Name{Given: "Ana", Family: "Jimenez"}, "same, swapped"},
		{Name{Given: "Ana", Family: "Ximenes"}, Name{Given: "Ana", Family: "Jimenez"}, "given same, surname far"},
		{Name{Given: "Ana", Family: "Gimenes"}, Name{Given: "Ana", Family: "Jimenez"}, "given same, surname sound"},
		{Name{Given: "Ana", Family: "Lopez", Family2: "Vega"}, Name{Given: "Ana", Family: "Lopez"}, "same, one left out"},
		{Name{Given: "Ana", Family: "Lopez", Family2: "Vega"}, Name{Given: "Ana", Family: "Vega", Family2: "Lopez"}, "same, swapped"},
		{Name{Given: "Ana", Family: "Lopez", Family2: "Vega"}, Name{Given: "Ana", Family: "Lopez", Family2: "Ortiz"}, "given same, surname part"},
		{Name{Given: "Ana", Family: "Lopez", Family2: "de Vega"}, Name{Given: "Ana", Family: "Lopez", Family2: "Ortiz"}, "same, one left out"},
		{Name{Given: "Ryan", Family: "Law-rence"}, Name{Given: "Ryan", Family: "Lawrence"}, "same"},
		{full("Garcialopez Ana"), Name{Given: "Ana", Family: "Garcia", Family2: "Lopez"}, "same"},
		{Name{Given: "J.", Family: "Quixtan"}, Name{Given: "Jorge", Family: "Quixtan"}, "given initial, surname same"},
		{Name{Given: "B", Family: "Smith"}, Name{Given: "Robert", Family: "Smith"}, "given initial, surname same"},
		{Name{Given: "Jorge J.", Family: "Costa"}, Name{Given: "Jeannette", Family: "Costa"}, "given part, surname same"},
		{Name{Given: "Mario", Family: "Costa"}, Name{Given: "Maria", Family: "Costa"}, "given lookalike, surname same"},
		{Name{Given: "Adriian", Family: "Costa"}, Name{Given: "Adrian", Family: "Costa"}, "given sound, surname same"},
		{Name{Given: "Adrixan", Family: "Costa"}, Name{Given: "Adrian", Family: "Costa"}, "given close, surname same"},
		{Name{Given: "María José", Family: "Costa"}, Name{Given: "María Teresa", Family: "Costa"}, "given part, surname same"},
		{Name{Family: "Costa"}, Name{Given: "María", Family: "Costa"}, "surname same"},
		{full("Ana Lopez Vega"), full("LOPEZ VEGA, ANA"), "same"},
		{Name{Given: "Juan", Family: "Martin"}, Name{Given: "Martin", Family: "Lopez"}, "given same, surname distinct, swapped"},
	}
	e := newEngine(t)
	for _, k := range cases {
		for _, p := range [][2]Name{{k.a, k.b}, {k.b, k.a}} {
			o := compareNames(&e.models.Person.c, e.names(p[:1]), e.names(p[1:]))
			if got := o.String(); got != k.want {
				t.Errorf("%v and %v: %q, want %q", p[0], p[1], got, k.want)
			}
		}
	}
}

func TestGenerationsExclude(t *testing.T) {
	e := newEngine(t)
	names := func(suffix string) []name { return e.names([]Name{{Given: "John", Family: "King", Suffix: suffix}}) }
	for _, c := range []struct {
		a, b string
		want bool
	}{{"Jr", "Sr", true}, {"II", "Jr", false}, {"Jr", "", false}, {"III", "IV", true}, {"hijo", "padre", true}} {
		if got := compareNames(&e.models.Person.c, names(c.a), names(c.b)).generations; got != c.want {
			t.Errorf("%s against %s: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func (p place) describe() string {
	var words []string
	for _, w := range p.street {
		words = append(words, w.text)
	}
	town := ""
	for _, w := range p.town {
		town += " " + w.text
	}
	unit := ""
	if p.unit != 0 {
		unit = " unit"
	}
	return strings.TrimSpace(fmt.Sprintf("%s|%s%s|%s|%s", strings.Join(words, " "), p.house, unit, p.code, strings.TrimSpace(town)))
}

func TestPlaces(t *testing.T) {
	cases := []struct {
		in   Address
		want string
	}{
		{Address{Street: "C/ Mayor, 5 2º B", Locality: "Madrid", PostalCode: "28001"}, "mayor|5 unit|28001|madrid"},
		{Address{Street: "Avda. de la Constitución No. 375 Depto 4", Locality: "CDMX"}, "constitucion|375 unit||mexico"},
		{Address{Street: "Calle 5 de Mayo 667"}, "5 mayo|667||"},
		{Address{Street: "Carrera 7 # 12-34", Locality: "Bogotá D.C."}, "7|12 unit||bogota"},
		{Address{Street: "10a Calle 5-43 zona 1"}, "10a|5 unit||zona"},
		{Address{Lines: []string{"123 Main Street, Las Vegas NV 89132"}}, "main|123|89132|vegas"},
		{Address{Lines: []string{"1515 Adela Lane"}, Locality: "Las Vegas", PostalCode: "89111-1234"}, "adela|1515|89111|lasvegas"},
		{Address{Street: "Larpent Street", Number: "3", Locality: "Ormond", PostalCode: "02101"}, "larpent|3|02101|ormond"},
		{Address{Street: "sin dirección"}, "||"},
		{Address{Locality: "B/quilla"}, "|||barranquilla"},
		{Address{PostalCode: "00000"}, "||"},
	}
	e := newEngine(t)
	for _, c := range cases {
		if got := strings.TrimRight(e.place(c.in).describe(), "|"); got != strings.TrimRight(c.want, "|") {
			t.Errorf("%+v: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestPlaceLevels(t *testing.T) {
	home := Address{Street: "Calle Mayor 5 2 B", Locality: "Madrid", PostalCode: "28001"}
	cases := []struct {
		a    Address
		want string
	}{
		{Address{Street: "C. MAYOR, 5", Locality: "MADRID", PostalCode: "28001"}, "home"},
		{Address{Street: "C. Mayor 5 3 C", Locality: "Madrid", PostalCode: "28001"}, "building"},
		{Address{Street: "C. Mayro 5", Locality: "Madrid"}, "almost"},
		{Address{Street: "C. Mayor 6", Locality: "Madrid", PostalCode: "28001"}, "postal"},
		{Address{Street: "C. Mayor", Locality: "Madrid", PostalCode: "28001"}, "street"},
		{Address{PostalCode: "28001"}, "postal"},
		{Address{Street: "C. Luna 8", PostalCode: "28001"}, "neighbour"},
		{Address{Locality: "Madrid capital"}, "locality"},
		{Address{Street: "C. Luna 8", Locality: "Madrid"}, "town"},
		{Address{Street: "C. Luna 8", Locality: "Sevilla"}, "different"},
		{Address{}, ""},
	}
	e := newEngine(t)
	for _, c := range cases {
		got := ""
		if o := comparePlaces(&e.models.Person.c, e.places([]Address{home}), e.places([]Address{c.a})); o.level != absent {
			got = placeNames[o.level]
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.a, got, c.want)
		}
	}
}

func TestOrganisationNames(t *testing.T) {
	cases := []struct{ a, b, want string }{
		{"Siemens AG", "Siemens Aktiengesellschaft", "same"},
		{"Comercial Quixtan, S.A.", "COMERCIAL QUIXTAN SA DE CV", "same"},
		{"Quixtan S.L.", "Quixtan", "same"},
		{"Quixtan Ltda.", "Quixtan S.A.", "form"},
		{"SiemensAG", "Siemens AG", "most"},
		{"Arts Delicatessen", "Art's Deli", "most"},
		{"Hotel Bel-Air", "Bel-Air Hotel", "same"},
		{"Volkswagen AG", "Siemens AG", "different"},
	}
	e := newEngine(t)
	for _, c := range cases {
		o := compareTitles(&e.models.Organization.c, e.titles([]Name{{Full: c.a}}, ""), e.titles([]Name{{Full: c.b}}, ""))
		if got := orgNames[o.level]; got != c.want {
			t.Errorf("%s and %s: %s, want %s", c.a, c.b, got, c.want)
		}
	}
}

// FuzzPrepare: no input makes the normaliser fail or hang, and normalising what
// came out gives the same again.
func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"María José García de la Cruz", "O'Brien, Seán Jr.", "13/02/1980", "+34 600 000 001", "a@b.example", "C/ Mayor 5, 2º B", "GarcÃ­a", "王杰", "\x00\xff", strings.Repeat("de la ", 50)} {
		f.Add(s, s, s)
	}
	e, err := DefaultModels()
	if err != nil {
		f.Fatal(err)
	}
	engine := NewEngine(e)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		r := Record{ID: uuid.UUID{1}, Names: []Name{{Given: a, Family: b, Full: c}, {Full: a}}, BirthDate: b, Gender: c,
			Documents: []Document{{a, b, c}}, Phones: []Phone{{a, b}}, Emails: []string{b}, Handles: []Handle{{a, b}},
			Addresses: []Address{{Street: a, Locality: b, PostalCode: c, Lines: []string{c, b}}}, Organization: a}
		p := engine.Prepare(r)
		r.Kind = Organization
		o := engine.Prepare(r)
		x := NewIndex(engine)
		x.Put(p)
		r.Kind, r.ID = Person, uuid.UUID{2}
		x.Put(engine.Prepare(r))
		if s, again := x.Score(p.id, r.ID), x.Score(r.ID, p.id); s.Weight != again.Weight {
			t.Fatalf("score is not symmetric: %d and %d", s.Weight, again.Weight)
		}
		for _, n := range p.names {
			for _, w := range n.words {
				if text.Fold(w.text) != w.text || w.text == "" {
					t.Fatalf("word %q is not in normal form", w.text)
				}
				if again := engine.withoutArticle(w.text); again != w.text {
					t.Fatalf("word %q becomes %q when normalised again", w.text, again)
				}
			}
		}
		if n, m := len(engine.keys(p, nil)), len(engine.keys(o, nil)); n > maxKeys || m > maxKeys {
			t.Fatalf("%d and %d keys", n, m)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"1980-02-13", "13/02/80", "24-May-11", "Mar 1 1970", "1 de enero de 1982", "99999999", "--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := parseDate(s)
		if !d.known() {
			return
		}
		if d.month > 12 || d.day > 31 || d.day != 0 && d.month == 0 {
			t.Fatalf("%q is read as %+v", s, d)
		}
		if d.loose&(dayOrMonth|century) == 0 && d.full() {
			if again := parseDate(fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)); again != d {
				t.Fatalf("%q is read as %+v, and that as %+v", s, d, again)
			}
		}
	})
}

// Long values take no time: every field is cut before it is read.
func TestLongValues(t *testing.T) {
	e := newEngine(t)
	for _, s := range []string{strings.Repeat("a", 100_000), strings.Repeat("de la ", 20_000), strings.Repeat("1-", 50_000), strings.Repeat("Ã", 50_000)} {
		r := Record{Names: []Name{{Full: s, Given: s}}, BirthDate: s, Emails: []string{s}, Phones: []Phone{{s, "GT"}}, Documents: []Document{{"dni", s, "ES"}}, Addresses: []Address{{Street: s, Lines: []string{s}}}}
		if n := len(e.keys(e.Prepare(r), nil)); n > maxKeys {
			t.Errorf("%d keys", n)
		}
	}
}
