package record_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/events/record"
	"ficha/internal/contactpoint"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// at gives a time so many hours after day0.
func at(hours int) time.Time { return day0.Add(time.Duration(hours) * time.Hour) }

// recorded builds a customer.recorded of record 1 out of the members after "record".
func recorded(id string, t time.Time, members string) events.Envelope {
	if members != "" {
		members = "," + members
	}
	return events.Envelope{
		ID: id, Source: "/crm", SpecVersion: "1.0", Type: events.CustomerRecordedV1, Time: t,
		Data: json.RawMessage(`{"record":{"source":"/crm","id":"1"},"kind":"person"` + members + `}`),
	}
}

// withRevision gives the record in e a revision.
func withRevision(rev int, e events.Envelope) events.Envelope {
	e.Data = json.RawMessage(strings.Replace(string(e.Data), `"id":"1"`, fmt.Sprintf(`"id":"1","revision":%d`, rev), 1))
	return e
}

func withdrawn(id string, t time.Time) events.Envelope {
	return events.Envelope{
		ID: id, Source: "/crm", SpecVersion: "1.0", Type: events.CustomerWithdrawnV1, Time: t,
		Data: json.RawMessage(`{"record":{"source":"/crm","id":"1"},"reason":"deleted"}`),
	}
}

func applyAll(t interface{ Fatalf(string, ...any) }, evs ...events.Envelope) *record.State {
	s := new(record.State)
	for _, e := range evs {
		if _, err := record.Apply(s, e); err != nil {
			t.Fatalf("apply %s: %v", e.ID, err)
		}
	}
	return s
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name string
		evs  []events.Envelope
		want string // merged values without record and kind
		live bool
	}{
		{"one", []events.Envelope{recorded("1", at(0), `"tier":"gold"`)}, `{"tier":"gold"}`, true},
		{"patch leaves", []events.Envelope{
			recorded("1", at(0), `"tier":"gold","gender":"female"`), recorded("2", at(1), `"tier":"blue"`),
		}, `{"tier":"blue","gender":"female"}`, true},
		{"null clears", []events.Envelope{
			recorded("1", at(0), `"tier":"gold","gender":"female"`), recorded("2", at(1), `"tier":null`),
		}, `{"gender":"female"}`, true},
		{"full states absent", []events.Envelope{
			recorded("1", at(0), `"tier":"gold","gender":"female"`), recorded("2", at(1), `"mode":"full","tier":"blue"`),
		}, `{"tier":"blue"}`, true},
		{"late patch under full is hidden", []events.Envelope{
			recorded("2", at(1), `"mode":"full","tier":"blue"`), recorded("1", at(0), `"gender":"female"`),
		}, `{"tier":"blue"}`, true},
		{"late patch over full holds", []events.Envelope{
			recorded("2", at(2), `"tier":"blue"`), recorded("1", at(1), `"mode":"full","tier":"red","segment":"x"`), recorded("0", at(0), `"gender":"female"`),
		}, `{"tier":"blue","segment":"x"}`, true},
		{"attributes merge by key", []events.Envelope{
			recorded("1", at(0), `"attributes":{"a":1,"b":2}`), recorded("2", at(1), `"attributes":{"b":null,"c":3}`),
		}, `{"attributes":{"a":1,"c":3}}`, true},
		{"attributes null clears all keys", []events.Envelope{
			recorded("3", at(2), `"attributes":{"c":3}`), recorded("1", at(0), `"attributes":{"a":1}`), recorded("2", at(1), `"attributes":null`),
		}, `{"attributes":{"c":3}}`, true},
		{"revision decides between equal times", []events.Envelope{
			withRevision(8, recorded("1", at(0), `"tier":"new"`)), withRevision(7, recorded("2", at(0), `"tier":"old"`)),
		}, `{"tier":"new"}`, true},
		{"withdrawn keeps values", []events.Envelope{recorded("1", at(0), `"tier":"gold"`), withdrawn("2", at(1))}, `{"tier":"gold"}`, false},
		{"a later recording revives", []events.Envelope{
			withdrawn("2", at(1)), recorded("1", at(0), `"tier":"gold"`), recorded("3", at(2), `"gender":"male"`),
		}, `{"tier":"gold","gender":"male"}`, true},
		{"withdrawn only", []events.Envelope{withdrawn("2", at(1))}, `{}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := applyAll(t, c.evs...)
			if s.Live() != c.live {
				t.Errorf("live = %v, want %v", s.Live(), c.live)
			}
			got := s.Customer()
			got.Kind = ""
			want := events.CustomerRecorded{}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			want.Record.RecordKey = events.RecordKey{Source: "/crm", Stream: "customer", ID: "1"}
			requireSame(t, want, got)
		})
	}
}

func requireSame(t interface {
	Helper()
	Fatalf(string, ...any)
}, want, got any) {
	t.Helper()
	w, g := canonical(t, want), canonical(t, got)
	if w != g {
		t.Fatalf("got  %s\nwant %s", g, w)
	}
}

func canonical(t interface{ Fatalf(string, ...any) }, v any) string {
	b, err := jsonv2.Marshal(v, jsonv2.Deterministic(true))
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return string(b)
}

func TestApplyRefusesAndLeavesStateAlone(t *testing.T) {
	s := applyAll(t, recorded("1", at(0), `"tier":"gold"`), recorded("2", at(1), `"segment":"a"`))
	before := canonical(t, s)
	for name, e := range map[string]events.Envelope{
		"another type":     {Type: events.ContactStatedV1, Data: json.RawMessage(`{}`)},
		"broken JSON":      {Type: events.CustomerRecordedV1, Data: json.RawMessage(`{"record":`)},
		"wrong field type": recorded("3", at(2), `"phones":"x"`),
		"another record":   {Type: events.CustomerWithdrawnV1, ID: "4", Time: at(3), Data: json.RawMessage(`{"record":{"source":"/crm","id":"2"}}`)},
		"no record":        {Type: events.CustomerRecordedV1, ID: "5", Time: at(3), Data: json.RawMessage(`{"kind":"person"}`)},
	} {
		if changed, err := record.Apply(s, e); changed || err == nil {
			t.Errorf("%s: changed=%v err=%v, want an error", name, changed, err)
		}
	}
	if after := canonical(t, s); after != before {
		t.Errorf("state changed:\n%s\n%s", before, after)
	}
}

func TestRegion(t *testing.T) {
	for want, members := range map[string]string{
		"GT": `"phones":[{"value":"1"},{"value":"2","region":"gt"}],"nationality":"MX"`,
		"ES": `"addresses":[{"street":"x"},{"country":"ES"}],"documents":[{"kind":"dni","number":"1","country":"PE"}]`,
		"PE": `"documents":[{"kind":"dni","number":"1","country":"PE"}],"nationality":"MX"`,
		"MX": `"nationality":"mx"`,
		"":   `"tier":"x"`,
	} {
		if got := applyAll(t, recorded("1", at(0), members)).Region(); got != want {
			t.Errorf("%s: region %q, want %q", members, got, want)
		}
	}
}

func TestStampsOfFields(t *testing.T) {
	s := applyAll(t, recorded("1", at(0), `"tier":"a","segment":"s","attributes":{"x":1,"y":1}`), recorded("2", at(1), `"tier":"b","attributes":{"y":2}`))
	v := s.Values()
	for field, want := range map[string]time.Time{"tier": at(1), "segment": at(0), "kind": at(1)} {
		if got := v.Stamp(field).Time; !got.Equal(want) {
			t.Errorf("stamp of %s is %v, want %v", field, got, want)
		}
	}
	if x, y := v.AttributeStamp("x").Time, v.AttributeStamp("y").Time; !x.Equal(at(0)) || !y.Equal(at(1)) {
		t.Errorf("attribute stamps %v, %v", x, y)
	}
}

func TestHoldings(t *testing.T) {
	const a, b = `{"value":"+50255123456"}`, `{"value":"+50255999999"}`
	phone := func(v string) contactpoint.Point { p, _ := contactpoint.Phone(v, ""); return p }
	pa, pb := phone("+50255123456"), phone("+50255999999")
	type spans = map[contactpoint.Point][]record.Span
	for _, c := range []struct {
		name string
		evs  []events.Envelope
		want spans
	}{
		{"from the statement", []events.Envelope{recorded("1", at(0), `"phones":[`+a+`]`)}, spans{pa: {{From: at(0)}}}},
		{"from created_at", []events.Envelope{recorded("1", at(0), `"phones":[`+a+`],"created_at":"2020-01-02T03:04:05Z"`)},
			spans{pa: {{From: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)}}}},
		{"created_at of a later statement does not reach back", []events.Envelope{
			recorded("1", at(0), `"tier":"a"`), recorded("2", at(5), `"phones":[`+a+`],"created_at":"2020-01-02T03:04:05Z"`),
		}, spans{pa: {{From: at(5)}}}},
		{"changed", []events.Envelope{recorded("1", at(0), `"phones":[`+a+`]`), recorded("2", at(5), `"phones":[`+b+`]`)},
			spans{pa: {{From: at(0), To: at(5)}}, pb: {{From: at(5)}}}},
		{"late statement splits", []events.Envelope{
			recorded("1", at(0), `"phones":[`+a+`]`), recorded("3", at(9), `"phones":[`+a+`]`), recorded("2", at(5), `"phones":[`+b+`]`),
		}, spans{pa: {{From: at(0), To: at(5)}, {From: at(9)}}, pb: {{From: at(5), To: at(9)}}}},
		{"patch without phones leaves them", []events.Envelope{recorded("1", at(0), `"phones":[`+a+`]`), recorded("2", at(5), `"tier":"x"`)},
			spans{pa: {{From: at(0)}}}},
		{"full without phones ends them", []events.Envelope{recorded("1", at(0), `"phones":[`+a+`]`), recorded("2", at(5), `"mode":"full"`)},
			spans{pa: {{From: at(0), To: at(5)}}}},
		{"withdrawn, then back by a patch", []events.Envelope{
			recorded("1", at(0), `"phones":[`+a+`]`), withdrawn("2", at(5)), recorded("3", at(7), `"tier":"x"`),
		}, spans{pa: {{From: at(0), To: at(5)}, {From: at(7)}}}},
		{"back at the same moment is one span", []events.Envelope{
			recorded("1", at(0), `"phones":[`+a+`]`), recorded("2", at(5), `"phones":[]`), recorded("3", at(5), `"phones":[`+a+`]`),
		}, spans{pa: {{From: at(0)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := applyAll(t, c.evs...)
			v := s.Values()
			got := spans{}
			for _, h := range s.Holdings(&v) {
				got[h.Point] = h.Spans
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

func TestLatest(t *testing.T) {
	var l record.Latest[string]
	if !l.IsZero() {
		t.Error("zero Latest has heard something")
	}
	newer, older := events.Stamp{Time: at(1), Event: "b"}, events.Stamp{Time: at(0), Event: "a"}
	if !l.Take(newer, "new") || l.Take(newer, "again") || l.Take(older, "old") || l.Value != "new" {
		t.Errorf("kept %q", l.Value)
	}
}

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

func BenchmarkApplyNew(b *testing.B) {
	e := recorded("1", at(0), benchMembers)
	b.ReportAllocs()
	for b.Loop() {
		var s record.State
		if _, err := record.Apply(&s, e); err != nil {
			b.Fatal(err)
		}
		v := s.Values()
		_ = s.Holdings(&v)
	}
}

func BenchmarkApplyUpdate(b *testing.B) {
	base, err := json.Marshal(applyAll(b, recorded("1", at(0), benchMembers)))
	if err != nil {
		b.Fatal(err)
	}
	e := recorded("2", at(1), `"mode":"full",`+benchMembers)
	b.ReportAllocs()
	for b.Loop() {
		var s record.State
		if err := jsonv2.Unmarshal(base, &s); err != nil {
			b.Fatal(err)
		}
		if _, err := record.Apply(&s, e); err != nil {
			b.Fatal(err)
		}
		v := s.Values()
		_ = s.Holdings(&v)
	}
}

const benchMembers = `"names":[{"given":"María José","family":"Núñez","family2":"García"}],"birth_date":"1980-02-11","gender":"female",
"phones":[{"value":"+50255123456"},{"value":"5599 1234","region":"GT"}],"emails":[{"value":"mj@example.com"}],
"documents":[{"kind":"dpi","number":"2365 48710 0101","country":"GT"}],
"addresses":[{"street":"4a Avenida","number":"12-34","locality":"Guatemala","postal_code":"01010","country":"GT"}],"segment":"retail"`
