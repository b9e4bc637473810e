package matching

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// townRecord makes up a customer of a town that has people people: names by their
// frequency, some values missing, some mistyped.
func townRecord(rng *rand.Rand, person, copyOf int) Record {
	own := rand.New(rand.NewPCG(uint64(person), 7))
	pick := func(s string) string {
		words := strings.Fields(s)
		return words[min(own.IntN(len(words)), own.IntN(len(words)))]
	}
	typo := func(s string) string {
		if len(s) > 3 && rng.IntN(12) == 0 {
			i := rng.IntN(len(s) - 1)
			return s[:i] + s[i+1:]
		}
		return s
	}
	given, family, family2 := pick(townGiven), pick(townFamily), pick(townFamily)
	birth := fmt.Sprintf("%d-%02d-%02d", 1940+own.IntN(65), 1+own.IntN(12), 1+own.IntN(28))
	r := Record{
		ID:    recordID(fmt.Sprint(person, "/", copyOf)),
		Names: []Name{{Given: typo(given), Family: typo(family), Family2: typo(family2)}},
		Addresses: []Address{{Street: fmt.Sprintf("Calle %s %d", pick(townFamily), 1+own.IntN(900)), Locality: pick("guatemala mixco antigua coban escuintla"),
			PostalCode: fmt.Sprintf("%05d", 1000+own.IntN(400)), Country: "GT"}},
	}
	phone, mail, doc := fmt.Sprintf("5%07d", own.IntN(1e7)), given+"."+family+fmt.Sprint(own.IntN(1000))+"@gmail.com", fmt.Sprint(1e12+own.Int64N(8e12))
	if rng.IntN(3) > 0 {
		r.BirthDate = birth
	}
	if rng.IntN(4) > 0 {
		r.Phones = []Phone{{typo(phone), "GT"}}
	}
	if rng.IntN(3) > 0 {
		r.Emails = []string{typo(mail)}
	}
	if rng.IntN(2) > 0 {
		r.Documents = []Document{{"dpi", doc, "GT"}}
	}
	return r
}

const (
	townGiven  = "maria jose juan carmen luis antonio ana francisco manuel carlos jesus guadalupe javier pedro miguel rosa angel isabel pilar fernando teresa alejandro rafael david daniel jorge dolores ramon martin margarita alberto pablo eduardo sergio roberto andrea laura marta patricia elena lucia cristina"
	townFamily = "garcia rodriguez gonzalez hernandez lopez martinez perez sanchez ramirez gomez torres flores diaz ruiz jimenez moreno alvarez romero gutierrez vazquez morales reyes cruz ortiz ramos castillo mendoza rivera chavez alonso navarro dominguez gil serrano molina blanco suarez castro ortega delgado quixtan ixcot tzoc chun ajanel batz caal"
)

func town(people, copies int) []Record {
	rng := rand.New(rand.NewPCG(1, 2))
	var out []Record
	for p := range people {
		for c := range copies {
			out = append(out, townRecord(rng, p, c))
		}
	}
	return out
}

// BenchmarkScore compares pairs that blocking would offer: candidates of each
// other, few of which are one person.
func BenchmarkScore(b *testing.B) {
	e := newEngine(b)
	x := NewIndex(e)
	rows := town(3000, 2)
	for _, r := range rows {
		x.Put(e.Prepare(r))
	}
	type pair struct{ a, b *Prepared }
	var pairs []pair
	for _, r := range rows {
		p, _ := x.Get(r.ID)
		s := x.scratch()
		x.collect(p, s)
		for _, c := range s.candidates {
			pairs = append(pairs, pair{p, x.slots[c]})
		}
		x.pool.Put(s)
	}
	c, sh := &e.models.Person.c, sharing{x, false}
	var s pairScore
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.score(sh, pairs[i].a, pairs[i].b, &s)
		if i++; i == len(pairs) {
			i = 0
		}
	}
}

func BenchmarkPrepare(b *testing.B) {
	e := newEngine(b)
	rows := town(1000, 1)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e.Prepare(rows[i])
		if i++; i == len(rows) {
			i = 0
		}
	}
}

// BenchmarkPutEdges is what one new record costs a resident town.
func BenchmarkPutEdges(b *testing.B) {
	e := newEngine(b)
	x := NewIndex(e)
	rows := town(30_000, 2)
	var ps []*Prepared
	for _, r := range rows {
		ps = append(ps, e.Prepare(r))
		x.Put(ps[len(ps)-1])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p := ps[i]
		x.Remove(p.id)
		x.Put(p)
		x.Edges(p.id)
		if i++; i == len(ps) {
			i = 0
		}
	}
}
