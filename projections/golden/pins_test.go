package golden_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

// pinWorld has two records that state different birth dates and names.
func pinWorld(n *serial) []events.Envelope {
	return []events.Envelope{
		n.recorded("1", at(0), `"names":[{"given":"Ana","family":"Ruiz"}],"birth_date":"1980-02-11","tier":"blue"`),
		n.recorded("2", at(1), `"names":[{"given":"Anita","family":"Ruiz"}],"birth_date":"1980-11-02"`),
	}
}

func TestPinOutranksRulesAndIsShown(t *testing.T) {
	var n serial
	snap := folded(t, append(pinWorld(&n), n.resolved(at(2), events.IdentityResolved{}, []string{"1", "2"}),
		n.pinned("2", at(3), "birth_date", `"1981-05-06"`), n.pinned("1", at(3), "names", `{"given":"Ana María","family":"Ruiz","family2":"Paz"}`),
		n.pinned("2", at(4), "tier", `"blue"`))...)
	c := get(t, snap, "1")
	b := c.BirthDate
	if b == nil || b.Value != "1981-05-06" || b.Rule != golden.RulePinned || b.Record != key("2") || b.PinNote == nil ||
		b.PinnedBy != "rosa" || !b.PinnedAt.Equal(at(3)) || b.PinReason != "seen the card" || len(b.Also) != 2 {
		t.Errorf("birth date %+v", b)
	}
	if c.DisplayName != "Ana María Ruiz Paz" || c.Names[0].Rule != golden.RulePinned || len(c.Names) != 3 || c.Names[1].Rule == golden.RulePinned || c.Names[1].PinNote != nil {
		t.Errorf("names %+v", c.Names)
	}
	if c.Tier.Rule != golden.RulePinned || c.Tier.Record != key("2") || len(c.Tier.Also) != 1 || c.Tier.Also[0].Record != key("1") {
		t.Errorf("tier %+v", c.Tier)
	}
	doc, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(doc), `"pinned_by":"rosa"`) || strings.Count(string(doc), "pinned_at") != 3 {
		t.Errorf("document %s, %v", doc, err)
	}
	pins, err := golden.Pins(t.Context(), snap, id("2"))
	if err != nil || len(pins) != 3 || pins[0].Attribute != "names" || pins[1].Record != key("2") || pins[2].At != at(4) {
		t.Errorf("pins %+v, %v", pins, err)
	}
}

func TestPinFollowsItsRecord(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	born := func() [2]string {
		snap := snapshot(t, store)
		return [2]string{get(t, snap, "1").BirthDate.Value, get(t, snap, "2").BirthDate.Value}
	}
	projectionstest.Fold(t, store, folds(), pinWorld(&n)...)
	for _, step := range []struct {
		name string
		e    events.Envelope
		want [2]string
	}{
		{"pinned", n.pinned("2", at(2), "birth_date", `"1999-01-01"`), [2]string{"1980-02-11", "1999-01-01"}},
		{"merged", n.resolved(at(3), events.IdentityResolved{}, []string{"1", "2"}), [2]string{"1999-01-01", "1999-01-01"}},
		{"stated again", n.recorded("2", at(5), `"birth_date":"1970-01-01"`), [2]string{"1999-01-01", "1999-01-01"}},
		{"a later pin on the other record", n.pinned("1", at(4), "birth_date", `"1998-01-01"`), [2]string{"1998-01-01", "1998-01-01"}},
		{"a later one on the first record", n.pinned("2", at(5), "birth_date", `"1996-01-01"`), [2]string{"1996-01-01", "1996-01-01"}},
		{"which is taken back", n.unpinned("2", at(6), "birth_date"), [2]string{"1998-01-01", "1998-01-01"}},
		{"pinned there again", n.pinned("2", at(7), "birth_date", `"1997-01-01"`), [2]string{"1997-01-01", "1997-01-01"}},
		{"and on the other one", n.pinned("1", at(8), "birth_date", `"1998-01-01"`), [2]string{"1998-01-01", "1998-01-01"}},
		{"an earlier word arrives late", n.pinned("2", at(2), "birth_date", `"1997-01-01"`), [2]string{"1998-01-01", "1998-01-01"}},
		{"its record is withdrawn", n.withdrawn("1", at(9)), [2]string{"1998-01-01", "1998-01-01"}},
		{"taken back", n.unpinned("1", at(9), "birth_date"), [2]string{"1997-01-01", "1997-01-01"}},
		{"back again", n.recorded("1", at(10), `"birth_date":"1980-02-11"`), [2]string{"1997-01-01", "1997-01-01"}},
		{"split", n.resolved(at(9), events.IdentityResolved{}, []string{"1"}, []string{"2"}), [2]string{"1980-02-11", "1997-01-01"}},
		{"an earlier unpin does nothing", n.unpinned("2", at(1), "birth_date"), [2]string{"1980-02-11", "1997-01-01"}},
		{"unpinned", n.unpinned("2", at(9), "birth_date"), [2]string{"1980-02-11", "1970-01-01"}},
	} {
		projectionstest.Fold(t, store, folds(), step.e)
		if got := born(); got != step.want {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
}

func TestPinsOfThen(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	before := projectionstest.Fold(t, store, folds(), pinWorld(&n)...)
	pinned := projectionstest.Fold(t, store, folds(), n.pinned("1", at(10), "tier", `"gold"`))
	projectionstest.Fold(t, store, folds(), n.unpinned("1", at(20), "tier"))
	snap := snapshot(t, store)
	for _, c := range []struct {
		then golden.AsOf
		want string
	}{
		{golden.AsOf{KnownAt: before}, "blue"}, {golden.AsOf{KnownAt: pinned}, "gold"}, {golden.AsOf{KnownAt: pinned + 1}, "blue"},
		{golden.AsOf{At: at(9)}, "blue"}, {golden.AsOf{At: at(15)}, "gold"}, {golden.AsOf{At: at(25)}, "blue"}, {golden.AsOf{}, "blue"},
	} {
		then, err := golden.GetAt(t.Context(), snap, id("1"), c.then)
		if err != nil || then.Tier.Value != c.want {
			t.Errorf("as of %+v: %+v, %v; want %s", c.then, then.Tier, err, c.want)
		}
	}
}

func TestPinnedValuesAreFound(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), append([]events.Envelope{
		n.pinned("1", at(3), "emails", `{"value":"Ana.Ruiz@example.org"}`)}, append(pinWorld(&n), // pinned before it is seen
		n.pinned("1", at(3), "names", `{"given":"Berta","family":"Quixabaj"}`), n.pinned("1", at(3), "phones", `{"value":"+502 4411 2233"}`),
		n.pinned("1", at(3), "documents", `{"kind":"passport","number":"XK 99172","country":"GT"}`))...)...)
	phone, _ := contactpoint.Phone("+50244112233", "")
	snap := snapshot(t, store)
	for q, by := range map[string]golden.Found{"quixabaj berta": golden.FoundName, "4411 2233": golden.FoundPhone, "411223": golden.FoundPhone,
		"ana.ruiz@example.org": golden.FoundEmail, "ana.ruiz@ex": golden.FoundEmail, "XK99172": golden.FoundDocument} {
		if hits := search(t, snap, q); len(hits) == 0 || hits[0].ID != id("1") || hits[0].Found != by {
			t.Errorf("search %q: %+v", q, hits)
		}
	}
	requireHolders(t, store, phone, true)
	if ids, err := golden.RecordsByDocument(t.Context(), snap, "", "xk99172", ""); err != nil || len(ids) != 1 {
		t.Errorf("by document: %v, %v", ids, err)
	}
	if ids, err := golden.HoldersAt(t.Context(), snap, phone, at(4)); err != nil || len(ids) != 0 {
		t.Errorf("a pin says since when the number was held: %v, %v", ids, err)
	}
	if r, err := golden.Reach(t.Context(), snap, id("1")); err != nil || len(r.Phones) != 1 || len(r.Emails) != 1 {
		t.Errorf("reach %+v, %v", r, err)
	}
	projectionstest.Fold(t, store, folds(), n.unpinned("1", at(4), "phones"))
	requireHolders(t, store, phone, false)
}

func requireHolders(t *testing.T, store *projectionstest.Memory, p contactpoint.Point, held bool) {
	t.Helper()
	ids, err := golden.RecordsByPoint(t.Context(), snapshot(t, store), p)
	if err != nil || (len(ids) == 1) != held {
		t.Errorf("records by point: %v, %v; want held %v", ids, err, held)
	}
}

// A number that the record states and that is pinned too stays its own when the
// pin goes.
func TestUnpinningLeavesWhatTheRecordStates(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), n.recorded("1", at(0), `"phones":[{"value":"+502 4411 2233"}]`),
		n.pinned("1", at(1), "phones", `{"value":"+502 4411 2233"}`), n.unpinned("1", at(2), "phones"))
	phone, _ := contactpoint.Phone("+50244112233", "")
	requireHolders(t, store, phone, true)
	if ids, err := golden.HoldersAt(t.Context(), snapshot(t, store), phone, at(4)); err != nil || len(ids) != 1 {
		t.Errorf("held at: %v, %v", ids, err)
	}
	// The source drops the number, a steward knows better, and then does not.
	projectionstest.Fold(t, store, folds(), n.recorded("1", at(5), `"phones":[]`))
	requireHolders(t, store, phone, false)
	projectionstest.Fold(t, store, folds(), n.pinned("1", at(6), "phones", `{"value":"+502 4411 2233"}`))
	requireHolders(t, store, phone, true)
	if ids, err := golden.HoldersAt(t.Context(), snapshot(t, store), phone, at(4)); err != nil || len(ids) != 1 {
		t.Errorf("held while it was stated: %v, %v", ids, err)
	}
	projectionstest.Fold(t, store, folds(), n.unpinned("1", at(7), "phones"))
	requireHolders(t, store, phone, false)
}

func TestWrongPinsAreDeadLetters(t *testing.T) {
	for attribute, values := range map[string][]string{
		"birth_date": {`"hello"`, `19800211`, `"1980-02-31"`, `""`, `["1980"]`}, "gender": {`"f"`}, "lifecycle": {`"dead"`}, "vip": {`"yes"`},
		"names": {`{}`, `[{"given":"Ana"}]`, `"Ana"`, `{"given":"Ana","age":3}`}, "phones": {`{"value":"none"}`, `"+50255123456"`}, "emails": {`{"value":"x"}`},
		"handles": {`{"handle":"","network":"x"}`}, "addresses": {`{}`, `{"street":" "}`}, "documents": {`{"kind":"dpi","number":" "}`},
		"preferences": {`[]`, `"x"`}, "attributes.x": {`{"a":1}`, `null`}, "attributes.": {`1`}, "tags": {`"x"`}, "records": {`1`}, "segment": {`3`},
	} {
		for _, v := range values {
			var n serial
			store := projectionstest.NewMemory()
			_, refused := projectionstest.TryFold(t, store, folds(), append(pinWorld(&n), n.pinned("1", at(3), attribute, v))...)
			if len(refused) != 1 || !errors.Is(refused[0].Err, events.ErrInvalid) {
				t.Errorf("%s = %s: %v", attribute, v, refused)
			} else if strings.Contains(refused[0].Err.Error(), "Ana") || strings.Contains(refused[0].Err.Error(), "hello") {
				t.Errorf("%s: the reason quotes the value: %v", attribute, refused[0].Err)
			}
			if c := get(t, snapshot(t, store), "1"); c.Version != 1 {
				t.Errorf("%s = %s changed the customer", attribute, v)
			}
		}
	}
}

// Preview is what the records would be as one customer.
func TestPreviewIsWhatAMergeMakes(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), append(pinWorld(&n), n.pinned("2", at(2), "tier", `"gold"`))...)
	got, err := golden.Preview(t.Context(), snapshot(t, store), []uuid.UUID{id("2"), id("1")})
	if err != nil {
		t.Fatal(err)
	}
	projectionstest.Fold(t, store, folds(), n.resolved(at(3), events.IdentityResolved{}, []string{"1", "2"}))
	want := get(t, snapshot(t, store), "1")
	want.Version, want.Position = 0, 0
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) || got.Tier.Value != "gold" {
		t.Errorf("foreseen %s\nmade %s", a, b)
	}
	if _, err := golden.Preview(t.Context(), snapshot(t, store), []uuid.UUID{id("7")}); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("unknown record: %v", err)
	}
}
