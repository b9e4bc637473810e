package town

import (
	"testing"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/internal/document"
)

// The shares of errors that damage.go states are really in the values: each
// record is written again by a careful pen and compared.
func TestTypoShare(t *testing.T) {
	town := generate(t, Config{People: 2000})
	values, wrong := 0, 0
	for no := range town.households {
		u := town.unit(no)
		for i := range u.records {
			dirty, n := town.values(u, i, u.records[i].at, false)
			clean, _ := town.values(u, i, u.records[i].at, true)
			values += n
			a, b := flat(dirty), flat(clean)
			for j := range a {
				if a[j] != b[j] {
					wrong++
				}
			}
		}
	}
	// A full name is one value of up to three words, so a little fewer differ.
	if share := wrong * 1000 / values; share < 70 || share > 85 {
		t.Errorf("typing errors in %d of %d values, %d ‰: want about 80 ‰", wrong, values, share)
	}
}

func flat(c events.CustomerRecorded) []string {
	n := first(c.Names)
	return []string{n.Given, n.Family, n.Family2, n.Full, c.BirthDate, first(c.Documents).Number, first(c.Phones).Value, first(c.Emails).Value, first(c.Addresses).Street}
}

// Who shares what, of the people themselves.
func TestShares(t *testing.T) {
	town := generate(t, Config{People: 6000})
	phones, people, namesakes, twins, moved := map[string]int{}, 0, 0, 0, 0
	for no := range town.households {
		u := town.unit(no)
		if u.movedAt != never {
			moved++
		}
		for i, p := range u.people {
			people++
			phones[p.phone.e164()]++
			for _, o := range u.people[:i] {
				if o.given == p.given && o.family == p.family && o.born != p.born {
					namesakes++
				}
				if o.born == p.born && o.family == p.family {
					twins++
				}
			}
		}
	}
	shared := 0
	for _, n := range phones {
		if n > 1 {
			shared++
		}
	}
	t.Logf("people %d, shared phones %d, namesakes %d, twins %d, moved %d of %d", people, shared, namesakes, twins, moved, town.households)
	within(t, "shared phones in ‰", shared*1000/people, 20, 40)
	within(t, "fathers and sons of one name", namesakes, 10, 120)
	within(t, "twins", twins, 10, 120)
	within(t, "moves in ‰", moved*1000/int(town.households), 100, 140)
}

// Every document has a right check digit before anybody mistypes it, and every
// number can be read in its region.
func TestDocumentsAndPhonesAreWellFormed(t *testing.T) {
	town := generate(t, Config{People: 4000})
	checked, documents, numbers := 0, map[string]string{}, map[string]string{}
	unique := func(seen map[string]string, value, owner string) {
		if was, ok := seen[value]; ok && was != owner {
			t.Errorf("%s and %s share a value that must be one's own", was, owner)
		}
		seen[value] = owner
	}
	look := func(id string, d events.Document, n number, c *country) {
		doc, ok := document.Normalise(d.Kind, d.Number, d.Country)
		if !ok || doc.Check == document.CheckWrong || doc.Kind != d.Kind {
			t.Errorf("%s of %s: %q read as %+v", d.Kind, d.Country, d.Number, doc)
		}
		if doc.Check == document.CheckValid {
			checked++
		}
		unique(documents, doc.Key(), id)
		for i := range uint64(10) {
			w := n.write(&dice{state: i})
			region := w.Region
			p, ok := contactpoint.Phone(w.Value, region)
			want := contactpoint.Point{Kind: contactpoint.KindPhone, Value: n.e164(), Readable: true}
			if !ok || p.Class() != want.Class() {
				t.Errorf("phone of %s written %q (%s): read as %+v", c.code, w.Value, region, p)
			}
		}
	}
	for no := range town.units() {
		u := town.unit(no)
		for i, p := range u.people {
			look(p.id, p.document, p.phone, u.country)
			if p.phone == (number{}) || i > 0 && p.phone == u.people[0].phone {
				continue
			}
			unique(numbers, p.phone.e164(), p.id)
		}
		if c := u.company; c != nil {
			look(c.id, c.document, c.phone, u.country)
			unique(numbers, c.phone.e164(), c.id)
		}
	}
	if checked < town.cfg.People*6/10 {
		t.Errorf("only %d documents with a check digit", checked)
	}
}
