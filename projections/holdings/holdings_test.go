package holdings_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/holdings"
	"ficha/projections/projectionstest"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return day0.Add(time.Duration(hours) * time.Hour) }

func stamp(hours int) string { return at(hours).Format(time.RFC3339) }

// object is the data of an event.
type object map[string]any

func event(t testing.TB, id string, typ events.Type, hours int, data object) events.Envelope {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return events.Envelope{ID: id, Source: "/desk", SpecVersion: "1.0", Type: typ, Time: at(hours), Data: b}
}

// stated builds a statement about record id of a stream, with members of the data
// by pairs of name and value.
func stated(t testing.TB, name string, typ events.Type, stream, id string, hours int, members ...any) events.Envelope {
	data := object{"record": object{"source": "/desk", "stream": stream, "id": id}}
	for i := 0; i < len(members); i += 2 {
		data[members[i].(string)] = members[i+1]
	}
	return event(t, name, typ, hours, data)
}

func complaint(t testing.TB, name, id string, hours int, members ...any) events.Envelope {
	return stated(t, name, events.CaseChangedV1, "case", id, hours, append([]any{"kind", "complaint", "status", "open"}, members...)...)
}

func of(customer string) object { return object{"source": "/crm", "id": customer} }

func customer(t testing.TB, id string) events.Envelope {
	return event(t, "c-"+id, events.CustomerRecordedV1, 0, object{"record": object{"source": "/crm", "id": id}, "kind": "person", "names": []object{{"full": "N " + id}}})
}

func recordID(id string) uuid.UUID { return events.RecordKey{Source: "/crm", ID: id}.UUID() }

func folds() []projections.Fold { return []projections.Fold{golden.New(), holdings.New()} }

func folded(t testing.TB, evs ...events.Envelope) projections.Snapshot {
	t.Helper()
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), evs...)
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snap.Close() })
	return snap
}

// names gives the events in force of all pages, two a page.
func names[T any](t testing.TB, name func(T) string, page func(cursor string) (holdings.Page[T], error)) string {
	t.Helper()
	var got []string
	for cursor := ""; ; {
		p, err := page(cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range p.Data {
			got = append(got, name(x))
		}
		if p.Next == "" {
			return strings.Join(got, " ")
		}
		if cursor = p.Next; len(p.Data) != 2 {
			t.Fatalf("a page of %d with more to come", len(p.Data))
		}
	}
}

func list(t testing.TB, r projections.Reader, f holdings.Filter) string {
	t.Helper()
	f.Now = at(48)
	return names(t, func(c holdings.Case) string { return c.Event }, func(cursor string) (holdings.Page[holdings.Case], error) {
		return holdings.List(t.Context(), r, f, cursor, 2)
	})
}

func casesOf(t testing.TB, r projections.Reader, id string, f holdings.Filter) string {
	t.Helper()
	f.Now = at(48)
	return names(t, func(c holdings.Case) string { return c.Event }, func(cursor string) (holdings.Page[holdings.Case], error) {
		return holdings.Cases(t.Context(), r, recordID(id), f, cursor, 2)
	})
}

func heldBy(t testing.TB, r projections.Reader, id string, kinds ...holdings.Kind) string {
	t.Helper()
	return names(t, func(e holdings.Entry) string { return e.Event }, func(cursor string) (holdings.Page[holdings.Entry], error) {
		return holdings.Holdings(t.Context(), r, recordID(id), kinds, cursor, 2)
	})
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestListsAndFilters(t *testing.T) {
	yes, no := true, false
	snap := folded(t,
		customer(t, "a"),
		complaint(t, "1", "1", 1, "customer", of("a"), "opened_at", stamp(-24), "owner", "ana", "due_at", stamp(40)),
		complaint(t, "2", "2", 2, "kind", "question", "status", "waiting", "escalated", true, "customer", of("a")),
		complaint(t, "3", "3", 3, "status", "resolved", "due_at", stamp(4)),
		complaint(t, "4", "4", 4, "status", "in_progress", "due_at", stamp(60), "owner", "ana"),
		complaint(t, "5", "5", 5, "kind", "notify_me", "expires_at", stamp(47)),
		complaint(t, "6", "6", 6, "kind", "notify_me", "expires_at", stamp(49)),
	)
	for _, c := range []struct {
		what string
		f    holdings.Filter
		want string
	}{
		{"open", holdings.Filter{}, "6 4 2 1"},
		{"one status", holdings.Filter{Statuses: []string{"resolved"}}, "3"},
		{"statuses, one of them twice", holdings.Filter{Statuses: []string{"resolved", "open", "resolved"}}, "6 5 3 1"},
		{"kind", holdings.Filter{Kinds: []string{"question"}}, "2"},
		{"owner", holdings.Filter{Owner: "ana"}, "4 1"},
		{"escalated", holdings.Filter{Escalated: &yes}, "2"},
		{"not escalated", holdings.Filter{Escalated: &no}, "6 4 1"},
		{"overdue", holdings.Filter{DueBefore: at(48)}, "1"},
		{"due soon", holdings.Filter{DueBefore: at(61)}, "4 1"},
		{"due, ended", holdings.Filter{Statuses: []string{"resolved"}, DueBefore: at(48)}, ""},
	} {
		same(t, c.what, list(t, snap, c.f), c.want)
	}
	same(t, "of a customer", casesOf(t, snap, "a", holdings.Filter{}), "2 1")
	same(t, "of a customer, by kind", casesOf(t, snap, "a", holdings.Filter{Kinds: []string{"complaint"}}), "1")
	same(t, "of a customer, open", casesOf(t, folded(t, customer(t, "a"), complaint(t, "7", "7", 1, "customer", of("a"), "status", "closed"),
		complaint(t, "8", "8", 2, "customer", of("a"), "expires_at", stamp(47)), complaint(t, "9", "9", 3, "customer", of("a"))), "a", holdings.Filter{Open: true}), "9")
	same(t, "of a customer, by status", casesOf(t, snap, "a", holdings.Filter{Statuses: []string{"waiting"}}), "2")
	same(t, "of nobody", casesOf(t, snap, "nobody", holdings.Filter{}), "")
	for _, cursor := range []string{"x", "!!", strings.Repeat("A", 99)} {
		if _, err := holdings.List(t.Context(), snap, holdings.Filter{}, cursor, 2); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("cursor %q: %v, want ErrInvalid", cursor, err)
		}
	}
}

func TestOpenCasesAndBacklog(t *testing.T) {
	snap := folded(t,
		customer(t, "a"),
		complaint(t, "1", "1", 1, "customer", of("a"), "due_at", stamp(40)),
		complaint(t, "2", "2", 2, "customer", of("a"), "escalated", true, "number", "R-2"),
		complaint(t, "3", "3", 3, "customer", of("a"), "status", "closed"),
		complaint(t, "4", "4", 4),
	)
	s, err := holdings.OpenCases(t.Context(), snap, recordID("a"), at(48))
	if err != nil || s.Open != 2 || s.Overdue != 1 || s.Escalated != 1 || s.Newest == nil || s.Newest.Number != "R-2" || !s.Newest.Escalated {
		t.Errorf("open cases %+v, %v", s, err)
	}
	if s, err = holdings.Backlog(t.Context(), snap, at(48)); err != nil || s.Open != 3 || s.Overdue != 1 || s.Escalated != 1 {
		t.Errorf("backlog %+v, %v", s, err)
	}
	if s, err = holdings.OpenCases(t.Context(), snap, recordID("nobody"), at(48)); err != nil || s.Open != 0 || s.Newest != nil {
		t.Errorf("of nobody: %+v, %v", s, err)
	}
}

func TestContractsOrdersAndNumbers(t *testing.T) {
	snap := folded(t,
		customer(t, "a"), customer(t, "b"),
		stated(t, "o1", events.OrderChangedV1, "order", "1", 1, "customer", of("a"), "number", "P-100/7", "status", "delivered", "ordered_at", stamp(-5),
			"lines", []object{{"product": "fridge", "serial_numbers": []string{"sn 00.42", "SN0042"}}}, "serial_numbers", []string{"SN-43"}),
		stated(t, "k1", events.ContractChangedV1, "contract", "1", 2, "customer", of("a"), "number", "K 77", "starts_at", stamp(9), "signed_at", stamp(-9), "serial_numbers", []string{"meter 5"}),
		stated(t, "o2", events.OrderChangedV1, "order", "2", 3, "customer", of("a")),
		stated(t, "o3", events.OrderChangedV1, "order", "3", 4, "customer", of("b"), "number", "p1007", "serial_numbers", []string{"-", "SN-43"}),
		stated(t, "o4", events.OrderChangedV1, "order", "4", 5, "number", "P 100 7"),
	)
	same(t, "all", heldBy(t, snap, "a"), "o2 o1 k1")
	same(t, "contracts", heldBy(t, snap, "a", holdings.KindContract), "k1")
	same(t, "orders", heldBy(t, snap, "b", holdings.KindOrder), "o3")
	for _, c := range []struct {
		kind   holdings.Kind
		number string
		want   []string
	}{
		{holdings.KindOrder, " p-1007 ", []string{"a", "b"}},
		{holdings.KindContract, "k77", []string{"a"}},
		{holdings.KindSerial, "SN0042", []string{"a"}},
		{holdings.KindSerial, "sn43", []string{"a", "b"}},
		{holdings.KindSerial, "METER5", []string{"a"}},
		{holdings.KindSerial, "K77", nil},
		{holdings.KindContract, "K7", nil},
		{holdings.KindSerial, "-", nil},
	} {
		got, err := holdings.FindByNumber(t.Context(), snap, c.kind, c.number)
		if err != nil {
			t.Fatal(err)
		}
		var want []uuid.UUID
		for _, id := range c.want {
			want = append(want, recordID(id))
		}
		slices.SortFunc(want, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
		if !slices.Equal(got, want) {
			t.Errorf("%s %q: got %v, want %v", c.kind, c.number, got, c.want)
		}
	}
}

// What a source states anew moves, whatever came first; a merged customer has what
// both had.
func TestRestatedAndMerged(t *testing.T) {
	moved := complaint(t, "moved", "1", 5, "customer", of("b"), "number", "R-2")
	merged := event(t, "m", events.IdentityResolvedV1, 9, object{"cause": 1, "model": "m", "engine": "e",
		"groups": [][]object{{{"record": recordID("a"), "position": 1}, {"record": recordID("b"), "position": 2}}}})
	first := complaint(t, "first", "1", 1, "customer", of("a"), "number", "R-1")
	for _, evs := range [][]events.Envelope{{first, moved}, {moved, first}} {
		snap := folded(t, append([]events.Envelope{customer(t, "a"), customer(t, "b")}, evs...)...)
		same(t, "of a", casesOf(t, snap, "a", holdings.Filter{}), "")
		same(t, "of b", casesOf(t, snap, "b", holdings.Filter{}), "moved")
		if got, _ := holdings.FindByNumber(t.Context(), snap, holdings.KindCase, "R1"); got != nil {
			t.Errorf("the old number still leads to %v", got)
		}
		p, err := holdings.List(t.Context(), snap, holdings.Filter{Now: at(48)}, "", 0)
		if err != nil || len(p.Data) != 1 || !p.Data[0].At.Equal(at(1)) {
			t.Errorf("opened %+v, %v: want the time of the first statement", p.Data, err)
		}
	}
	snap := folded(t, customer(t, "a"), customer(t, "b"), moved, complaint(t, "other", "2", 3, "customer", of("a")), merged)
	same(t, "merged, by a", casesOf(t, snap, "a", holdings.Filter{}), "moved other")
	same(t, "merged, by b", casesOf(t, snap, "b", holdings.Filter{}), "moved other")
}

func TestRefusesNamelessStatements(t *testing.T) {
	for _, typ := range []events.Type{events.CaseChangedV1, events.OrderChangedV1, events.ContractChangedV1} {
		nameless := event(t, "x", typ, 0, object{"record": object{"source": "", "id": ""}, "kind": "complaint", "status": "open"})
		_, refused := projectionstest.TryFold(t, projectionstest.NewMemory(), folds(), nameless)
		if len(refused) != 1 || !errors.Is(refused[0].Err, events.ErrInvalid) {
			t.Errorf("%s: %v", typ, refused)
		}
	}
}

// The rows are a function of the statements: any order of arrival, in any batches,
// gives the same bytes, and they are those of the newest statements alone, but for
// the time of the first.
func TestAnyOrderOfArrivalEndsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		evs, newest := history(t, rt)
		store := projectionstest.NewMemory()
		projectionstest.Fold(t, store, folds(), evs...)
		shuffled := projectionstest.NewMemory()
		for _, e := range projectionstest.Shuffle(rapid.Uint64().Draw(rt, "order"), append(evs, evs...)) {
			projectionstest.Fold(t, shuffled, folds(), e)
		}
		tables := holdings.New().Tables()
		if a, b := projectionstest.Dump(t, store, tables...), projectionstest.Dump(t, shuffled, tables...); a != b {
			rt.Fatalf("in order\n%s\nshuffled, twice, one by one\n%s", a, b)
		}
		alone := projectionstest.NewMemory()
		projectionstest.Fold(t, alone, folds(), newest...)
		index := tables[1:]
		if a, b := projectionstest.Dump(t, store, index...), projectionstest.Dump(t, alone, index...); a != b {
			rt.Fatalf("after all\n%s\nafter the newest alone\n%s", a, b)
		}
	})
}

// history draws statements about a few holdings, and says which are the newest.
// All state when it began.
func history(t testing.TB, rt *rapid.T) (evs, newest []events.Envelope) {
	last := map[string]int{}
	for i := range rapid.IntRange(1, 14).Draw(rt, "length") {
		id, hours := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "id"), rapid.IntRange(0, 8).Draw(rt, "time")
		name := fmt.Sprintf("e%02d", i)
		members := []any{"number", rapid.SampledFrom([]string{"", "N-1", "n1", "N 2", "·"}).Draw(rt, "number")}
		if whose := rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "whose"); whose != "" {
			members = append(members, "customer", of(whose))
		}
		began := stamp(rapid.IntRange(-9, 9).Draw(rt, "began"))
		serials := rapid.SliceOfN(rapid.SampledFrom([]string{"S1", "s-1", "S2", "N1"}), 0, 3).Draw(rt, "serials")
		var e events.Envelope
		kind := rapid.IntRange(0, 2).Draw(rt, "kind")
		switch kind {
		case 0:
			e = complaint(t, name, id, hours, append(members, "opened_at", began, "status", rapid.SampledFrom([]string{"open", "closed"}).Draw(rt, "status"))...)
		case 1:
			e = stated(t, name, events.OrderChangedV1, "x", id, hours, append(members, "ordered_at", began, "serial_numbers", serials)...)
		default:
			e = stated(t, name, events.ContractChangedV1, "x", id, hours, append(members, "starts_at", began, "serial_numbers", serials)...)
		}
		key := fmt.Sprint(kind, "/", id)
		if was, ok := last[key]; !ok || events.StampOf(e, nil).Compare(events.StampOf(evs[was], nil)) > 0 {
			last[key] = i
		}
		evs = append(evs, e)
	}
	for _, i := range last {
		newest = append(newest, evs[i])
	}
	return evs, newest
}

// Content says of each holding whose it is and what is stated of it.
func TestContent(t *testing.T) {
	snap := folded(t, complaint(t, "1", "1", 1, "customer", of("a")), complaint(t, "2", "1", 2), stated(t, "3", events.OrderChangedV1, "order", "1", 3, "customer", of("a")))
	lines, err := holdings.Content(t.Context(), snap)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"at":"2026-03-01T10:00:00.000000Z","data":{"kind":"complaint","record":{"id":"1","source":"/desk","stream":"case"},"status":"open"},"kind":"case","owner":"","record":"/desk:case:1"}`,
		`{"at":"2026-03-01T12:00:00.000000Z","data":{"customer":{"id":"a","source":"/crm"},"record":{"id":"1","source":"/desk","stream":"order"}},"kind":"order","owner":"` + recordID("a").String() + `","record":"/desk:order:1"}`,
	}
	if slices.Sort(lines); !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func BenchmarkFoldCase(b *testing.B) {
	var batch []events.Decoded
	for i := range 1000 {
		e := complaint(b, fmt.Sprint("e", i), fmt.Sprint(i%500), i, "customer", of(fmt.Sprint(i%50)), "number", fmt.Sprint("R-", i%500), "opened_at", stamp(0), "title", "a bill that is too high")
		for _, s := range projectionstest.Stored(b, 0, e) {
			d, err := events.Decode(s)
			if err != nil {
				b.Fatal(err)
			}
			batch = append(batch, d)
		}
	}
	snap, err := projectionstest.NewMemory().Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	n := 0
	for b.Loop() {
		w := projections.NewWork(b.Context(), snap)
		for _, e := range batch {
			if err := w.Apply(holdings.New(), e); err != nil {
				b.Fatal(err)
			}
		}
		n += len(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
}
