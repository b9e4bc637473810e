package record_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/events/record"
)

// statement is a random statement as an oracle understands it.
type statement struct {
	env    events.Envelope
	stamp  events.Stamp
	full   bool
	gone   bool
	fields map[string]json.RawMessage
}

func drawStatement(t *rapid.T, i int) statement {
	when := at(rapid.IntRange(0, 6).Draw(t, "hour"))
	id := fmt.Sprintf("e%02d", i)
	if rapid.IntRange(0, 5).Draw(t, "withdraw") == 0 {
		e := withdrawn(id, when)
		return statement{env: e, stamp: events.StampOf(e, nil), gone: true}
	}
	st := statement{full: rapid.IntRange(0, 3).Draw(t, "full") == 0, fields: map[string]json.RawMessage{"kind": json.RawMessage(`"person"`)}}
	maybe := func(field string, values ...string) {
		if i := rapid.IntRange(-1, len(values)-1).Draw(t, field); i >= 0 {
			st.fields[field] = json.RawMessage(values[i])
		}
	}
	maybe("tier", `"a"`, `"b<&>"`, `null`)
	maybe("birth_date", `"1980-02-11"`, `null`)
	maybe("phones", `[{"value":"+50255123456"}]`, `[{"value":"5512 3456"},{"value":"+50255999999"}]`, `[]`, `null`)
	maybe("emails", `[{"value":"a@example.com"}]`, `null`)
	maybe("nationality", `"GT"`, `"ES"`)
	maybe("attributes", `{"a":1}`, `{"a":null,"b":2}`, `{"b":3,"c":{"x":null}}`, `{}`, `null`)
	maybe("ext", `{"k":"v"}`, `{"k":null}`)
	maybe("created_at", `"2025-01-01T00:00:00Z"`, `"2026-03-01"`)
	rec := `{"source":"/crm","id":"1"}`
	var rev *int64
	if n := rapid.Int64Range(-1, 2).Draw(t, "revision"); n >= 0 {
		rev, rec = &n, fmt.Sprintf(`{"source":"/crm","id":"1","revision":%d}`, n)
	}
	members := []string{`"record":` + rec}
	if st.full {
		members = append(members, `"mode":"full"`)
	}
	for _, f := range slices.Sorted(maps.Keys(st.fields)) {
		members = append(members, fmt.Sprintf("%q:%s", f, st.fields[f]))
	}
	st.env = events.Envelope{ID: id, Source: "/crm", Type: events.CustomerRecordedV1, Time: when,
		Data: json.RawMessage("{" + strings.Join(members, ",") + "}")}
	st.stamp = events.StampOf(st.env, rev)
	return st
}

// foldNaively sorts the statements and sets field after field.
func foldNaively(sts []statement) (fields map[string]json.RawMessage, live bool) {
	sts = slices.Clone(sts)
	slices.SortFunc(sts, func(a, b statement) int { return a.stamp.Compare(b.stamp) })
	fields = map[string]json.RawMessage{}
	for _, st := range sts {
		if live = !st.gone; st.gone {
			continue
		}
		if st.full {
			clear(fields)
		}
		for f, v := range st.fields {
			if (f == "attributes" || f == "ext") && string(v) != "null" {
				v = mergeNaively(fields[f], v)
			}
			fields[f] = v
			if string(v) == "null" {
				delete(fields, f)
			}
		}
	}
	return fields, live
}

func mergeNaively(old, fresh json.RawMessage) json.RawMessage {
	merged := map[string]json.RawMessage{}
	for _, raw := range []json.RawMessage{old, fresh} {
		if raw == nil {
			continue
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			panic(err)
		}
		maps.Copy(merged, m)
	}
	maps.DeleteFunc(merged, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	b, err := json.Marshal(merged)
	if err != nil {
		panic(err)
	}
	return b
}

func drawStatements(t *rapid.T) []statement {
	sts := make([]statement, rapid.IntRange(1, 12).Draw(t, "n"))
	for i := range sts {
		sts[i] = drawStatement(t, i)
	}
	return sts
}

func TestAnyOrderIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sts := drawStatements(t)
		want := canonical(t, applyStatements(t, sts))
		again := append(rapid.Permutation(sts).Draw(t, "order"), sts[0]) // and one twice
		if got := canonical(t, applyStatements(t, again)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func applyStatements(t *rapid.T, sts []statement) *record.State {
	s := new(record.State)
	for _, st := range sts {
		if _, err := record.Apply(s, st.env); err != nil {
			t.Fatalf("apply: %v", err)
		}
		s = reload(t, s)
	}
	return s
}

// reload takes s through the encoding that some callers store it in.
func reload(t *rapid.T, s *record.State) *record.State {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatalf("encode state: %v", err)
	}
	loaded := new(record.State)
	if err := json.Unmarshal(b, loaded); err != nil {
		t.Fatalf("decode state: %v", err)
	}
	return loaded
}

func TestStateAgreesWithNaiveFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sts := drawStatements(t)
		s := applyStatements(t, sts)
		fields, live := foldNaively(sts)
		if s.Live() != live {
			t.Fatalf("live = %v, want %v", s.Live(), live)
		}
		b, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		var want events.CustomerRecorded
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		want.Record.RecordKey = events.RecordKey{Source: "/crm", Stream: "customer", ID: "1"}
		requireSame(t, want, s.Customer())
	})
}

func TestHoldingsAgreeWithNaiveReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sts := drawStatements(t)
		s := applyStatements(t, sts)
		v := s.Values()
		region := record.Region(&v.CustomerRecorded)
		holdings := s.Holdings(&v)
		for hour := -1; hour < 8; hour++ {
			when := at(hour).Add(30 * time.Minute)
			var got []string
			for _, h := range holdings {
				if slices.ContainsFunc(h.Spans, func(s record.Span) bool { return s.Holds(when) }) {
					got = append(got, h.Point.Key())
				}
			}
			if want := heldNaively(t, sts, when, region); fmt.Sprint(want) != fmt.Sprint(got) {
				t.Fatalf("at %v: got %v, want %v", when, got, want)
			}
		}
	})
}

// heldNaively folds what was stated by a moment and reads the points of that.
func heldNaively(t *rapid.T, sts []statement, when time.Time, region string) []string {
	var first *statement
	for i := range sts {
		if !sts[i].gone && (first == nil || sts[i].stamp.Compare(first.stamp) < 0) {
			first = &sts[i]
		}
	}
	var known []statement
	for _, st := range sts {
		from := st.stamp.Time
		if first != nil && st.env.ID == first.env.ID {
			from = createdNaively(st, from)
		}
		if !from.After(when) {
			known = append(known, st)
		}
	}
	fields, live := foldNaively(known)
	if !live {
		return nil
	}
	b, _ := json.Marshal(map[string]json.RawMessage{"phones": or(fields["phones"]), "emails": or(fields["emails"])})
	var c events.CustomerRecorded
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	c.Nationality = region
	var keys []string
	for _, p := range record.Points(&c) {
		keys = append(keys, p.Key())
	}
	return keys
}

func or(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

func createdNaively(st statement, t time.Time) time.Time {
	switch string(st.fields["created_at"]) {
	case `"2025-01-01T00:00:00Z"`:
		return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	case `"2026-03-01"`:
		return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

func TestLongPastIsBoundedAndOrderFree(t *testing.T) {
	var evs []events.Envelope
	for i := range 300 {
		members := fmt.Sprintf(`"tier":"%d"`, i)
		if i%7 == 0 {
			members += fmt.Sprintf(`,"phones":[{"value":"+502551200%02d"}]`, i%50)
		}
		e := recorded(fmt.Sprintf("e%03d", i), at(i), members)
		if i%41 == 40 {
			e = withdrawn(fmt.Sprintf("e%03d", i), at(i))
		}
		evs = append(evs, e)
	}
	want := canonical(t, applyAll(t, evs...))
	slices.Reverse(evs)
	if got := canonical(t, applyAll(t, evs...)); got != want {
		t.Errorf("order matters:\n%s\n%s", want, got)
	}
	evs = slices.Concat(evs[1:150:150], evs[200:], evs[:1], evs[150:200])
	s := applyAll(t, append(evs, evs[3], evs[290])...)
	if got := canonical(t, s); got != want {
		t.Errorf("order matters:\n%s\n%s", want, got)
	}
	if n := len(s.Past.Moments); n != 128 {
		t.Errorf("%d moments kept, want 128", n)
	}
	v := s.Values()
	held := 0
	for _, h := range s.Holdings(&v) {
		if h.Now() {
			held++
			if p := h.Point.Value; p != "+50255120044" { // 294 is the last multiple of 7
				t.Errorf("holds %s now", p)
			}
		}
	}
	if held != 1 {
		t.Errorf("%d points held now, want 1", held)
	}
}

func FuzzApply(f *testing.F) {
	f.Add([]byte(`{"record":{"source":"/crm","id":"1"},"kind":"person","phones":[{"value":"1"}],"attributes":{"a":null}}`), []byte(`{"record":{"source":"/crm","id":"1"},"mode":"full","ext":{}}`))
	f.Add([]byte(`{"record":{"source":"","id":"1"},"created_at":"x"}`), []byte(`[]`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		ea := events.Envelope{ID: "a", Type: events.CustomerRecordedV1, Time: at(0), Data: a}
		eb := events.Envelope{ID: "b", Type: events.CustomerRecordedV1, Time: at(1), Data: b}
		forth, back := new(record.State), new(record.State)
		_, err1 := record.Apply(forth, ea)
		_, err2 := record.Apply(forth, eb)
		if err1 != nil || err2 != nil {
			return
		}
		for _, e := range []events.Envelope{eb, ea} {
			if _, err := record.Apply(back, e); err != nil {
				t.Fatalf("refused in the other order: %v", err)
			}
		}
		if x, y := canonical(t, forth), canonical(t, back); x != y {
			t.Fatalf("order matters:\n%s\n%s", x, y)
		}
		v := forth.Values()
		forth.Holdings(&v)
	})
}
