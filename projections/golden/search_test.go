package golden_test

import (
	"fmt"
	"slices"
	"testing"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
)

func search(t testing.TB, r projections.Reader, q string) []golden.Hit {
	t.Helper()
	hits, err := golden.Search(t.Context(), r, q, 10)
	if err != nil {
		t.Fatalf("search %q: %v", q, err)
	}
	return hits
}

func searchable(t testing.TB) projections.Snapshot {
	var n serial
	return folded(t,
		n.recorded("C-001", at(0), `"names":[{"given":"María José","family":"Núñez","family2":"García"}],"phones":[{"value":"+502 5512 3456"}],
			"emails":[{"value":"mj@example.com"}],"documents":[{"kind":"dpi","number":"2365 48710 0101","country":"GT"}]`),
		n.recorded("C-002", at(0), `"names":[{"given":"Josefa","family":"Jiménez"}],"phones":[{"value":"+502 4499 8877"}],"handles":[{"handle":"@pepa.j","network":"x"}]`),
		n.recorded("C-003", at(0), `"names":[{"given":"Juan","family":"García"}]`),
		n.recorded("C-003", at(1), `"names":[{"given":"Juan","family":"Pérez"}]`),
		n.recorded("C-004", at(0), `"names":[{"given":"Maria","family":"Nuñez"}],"phones":[{"value":"+50255123456"}]`),
		n.resolved(at(2), events.IdentityResolved{}, []string{"C-001", "C-004"}),
	)
}

func TestSearch(t *testing.T) {
	snap := searchable(t)
	for _, c := range []struct {
		q, first string
		found    golden.Found
	}{
		{"María José Núñez García", "C-001", golden.FoundName},
		{"maria jose nunez garcia", "C-001", golden.FoundName},
		{"García Núñez, María", "C-001", golden.FoundName},
		{"jimenez josefa", "C-002", golden.FoundName},
		{"Josefa Jim", "C-002", golden.FoundName},
		{"gimenes yosefa", "", ""},
		{"josefa gimenez", "C-002", golden.FoundSound},
		{"juan garcia", "C-003", golden.FoundName}, // a name of old
		{"juan perez", "C-003", golden.FoundName},
		{"juan antonio perez", "C-003", golden.FoundName}, // one word more than is known
		{"+502 5512 3456", "C-001", golden.FoundPhone},
		{"5512-3456", "C-001", golden.FoundPhone},
		{"99 88", "C-002", golden.FoundPhone},
		{"9988", "C-002", golden.FoundPhone},
		{"4998", "C-002", golden.FoundPhone},
		{"8877", "C-002", golden.FoundPhone},
		{"887", "", ""},
		{"mj@example.com", "C-001", golden.FoundEmail},
		{"MJ@exam", "C-001", golden.FoundEmail},
		{"@pepa.j", "C-002", golden.FoundHandle},
		{"2365487100101", "C-001", golden.FoundDocument},
		{"2365 48710", "C-001", golden.FoundDocument},
		{"c-002", "C-002", golden.FoundID},
		{id("C-003").String(), "C-003", golden.FoundID},
		{id("C-004").String(), "C-001", golden.FoundID}, // an id that is redirected
		{"nobody at all", "", ""},
		{"", "", ""},
		{"   ", "", ""},
	} {
		hits := search(t, snap, c.q)
		switch {
		case c.first == "" && len(hits) > 0:
			t.Errorf("%q: found %+v, want nothing", c.q, hits)
		case c.first != "" && (len(hits) == 0 || hits[0].ID != id(c.first) || hits[0].Found != c.found):
			t.Errorf("%q: found %+v, want %s by %s first", c.q, hits, c.first, c.found)
		}
	}
}

func TestSearchGivesEachCustomerOnceBestFirst(t *testing.T) {
	hits := search(t, searchable(t), "maria nunez")
	if len(hits) != 1 || hits[0].ID != id("C-001") || hits[0].DisplayName != "María José Núñez García" || !hits[0].Live {
		t.Errorf("hits %+v", hits)
	}
	hits = search(t, searchable(t), "garcia")
	if len(hits) != 2 || !slices.IsSortedFunc(hits, func(a, b golden.Hit) int { return b.Score - a.Score }) {
		t.Errorf("hits %+v", hits)
	}
}

// Every fragment of at least four digits finds the number.
func TestEveryFragmentOfANumberIsFound(t *testing.T) {
	var n serial
	for _, number := range []string{"50255123456", "525512345678", "34600111222", "5512"} {
		snap := folded(t, n.recorded("x", at(0), fmt.Sprintf(`"phones":[{"value":%q}]`, "+"+number)))
		for i := range number {
			for j := i + 4; j <= len(number); j++ {
				if hits := search(t, snap, number[i:j]); len(hits) != 1 || hits[0].Found != golden.FoundPhone {
					t.Errorf("%s in %s: %+v", number[i:j], number, hits)
				}
			}
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range []string{"María", "5512", "@x", "a@b", "\x00", "d\xff", "00000000-0000-0000-0000-000000000000"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		snap := searchable(t)
		a, b := search(t, snap, q), search(t, snap, q)
		if !slices.Equal(a, b) {
			t.Errorf("%q: %+v, then %+v", q, a, b)
		}
	})
}

// However many people are called nearly so, the one who is called so is found.
func TestExactNameAmongManyNearOnes(t *testing.T) {
	var n serial
	var evs []events.Envelope
	for i := range 1200 {
		evs = append(evs, n.recorded(fmt.Sprint(i), at(0), fmt.Sprintf(`"names":[{"given":"María","family":"García","family2":"X%d"}]`, i)))
	}
	evs = append(evs, n.recorded("her", at(0), `"names":[{"given":"María","family":"García","family2":"Núñez"}]`))
	for _, q := range []string{"maria garcia nunez", "nunez maria garcia", "garcia nunes maria"} {
		if hits := search(t, folded(t, evs...), q); len(hits) == 0 || hits[0].ID != id("her") {
			t.Errorf("%q: first of %d is not her", q, len(hits))
		}
	}
}
