package natslog

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"ficha/events"
)

func TestEventSubjects(t *testing.T) {
	n := names{"ficha"}
	subject := func(typ events.Type, data string) string {
		return n.event(events.Envelope{ID: "1", Source: "/a", Type: typ, Data: json.RawMessage(data)})
	}
	for typ, want := range map[events.Type]string{
		events.CustomerRecordedV1:          "ficha.log.record.customer.recorded.",
		events.CustomerRestrictedV1:        "ficha.log.contact.customer.restricted.",
		events.ContactStatementWithdrawnV1: "ficha.log.contact.contact.statement_withdrawn.",
		events.IdentityResolvedV1:          "ficha.log.identity.identity.resolved.",
		"odd.a.b.v1":                       "ficha.log.other.odd.a~2Eb.",
		"odd type>*.x.v1":                  "ficha.log.other.odd~20type~3E~2A.x.",
		"":                                 "ficha.log.other._._.",
	} {
		got := subject(typ, `{}`)
		if !strings.HasPrefix(got, want) || len(got) != len(want)+2 {
			t.Errorf("%s: %s, want %sNN", typ, got, want)
		}
	}
}

func TestPartitionGoesByRecordThenPointThenName(t *testing.T) {
	part := func(id, data string) uint32 {
		return partition(events.Envelope{ID: id, Source: "/a", Data: json.RawMessage(data)})
	}
	same := func(what string, a, b uint32) {
		t.Helper()
		if a != b {
			t.Errorf("%s: %d and %d", what, a, b)
		}
	}
	record := part("1", `{"record":{"source":"/crm","id":"7"},"x":1}`)
	same("a record", record, part("2", `{"y":[{"record":1}],"record":{"id":"7","source":"/crm","stream":"customer","revision":3}}`))
	same("records", record, part("3", `{"choice":"deny","records":[{"source":"/crm","id":"7"},{"source":"/crm","id":"8"}],"contact_points":[{"phone":"1"}]}`))
	point := part("1", `{"contact_points":[{"phone":"+50200000000"}]}`)
	same("a point", point, part("2", `{"contact_points":[{"phone":"+50200000000"},{"email":"a@example.com"}],"choice":"deny"}`))
	same("nothing named", part("1", `{}`), part("1", `[1,2]`))
	for _, odd := range []string{`{"record":5}`, `{"record":{"source":1}}`, `{"records":{}}`, `{"records":[]}`, `{"contact_points":[7]}`, `{"record":null}`, `{"record"`, ``, `nul`} {
		same("odd "+odd, part("1", `{}`), part("1", odd))
	}
	seen := map[uint32]bool{}
	for i := range 2000 {
		p := part("1", `{"record":{"source":"/crm","id":"`+events.Position(i).String()+`"}}`)
		if p >= partitions {
			t.Fatalf("partition %d", p)
		}
		seen[p] = true
	}
	if len(seen) != partitions {
		t.Errorf("2,000 records use %d partitions, want all %d", len(seen), partitions)
	}
}

func FuzzSourceToken(f *testing.F) {
	for _, s := range []string{"", "~", "/crm/bank", "a.b c>*", "ñ\x00\xff", "~2F", "~zz", "plain-_9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token := SourceToken(s)
		if token == "" || strings.ContainsAny(token, ". >*\t\r\n") {
			t.Fatalf("%q is no subject token", token)
		}
		if back, err := SourceOfToken(token); err != nil || back != s {
			t.Fatalf("%q became %q, %v", s, back, err)
		}
		back, err := SourceOfToken(s)
		if err == nil && SourceToken(back) != s || err != nil && !errors.Is(err, events.ErrInvalid) {
			t.Fatalf("%q was read as %q, %v", s, back, err)
		}
	})
}

func FuzzPartition(f *testing.F) {
	f.Add([]byte(`{"record":{"source":"/a","id":"1"}}`))
	f.Add([]byte(`{"records":[{"source":"/a","id":"1"}],"contact_points":[{"email":"a@b"}]}`))
	f.Add([]byte(`{"contact_points":[{"address":{"lines":["x"]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e := events.Envelope{ID: "1", Source: "/a", Data: data}
		if p := partition(e); p >= partitions || p != partition(e) {
			t.Fatalf("partition %d", p)
		}
	})
}

func BenchmarkSubject(b *testing.B) {
	e := events.Envelope{ID: "1", Source: "/a", Type: events.CustomerRecordedV1, Data: json.RawMessage(
		`{"record":{"source":"/crm/bank","id":"123456"},"kind":"person","names":[{"given":"Ana"}],"phones":[{"value":"+50200000000"}]}`)}
	b.ReportAllocs()
	for b.Loop() {
		names{"ficha"}.event(e)
	}
}
