package record_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

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
