package timeline_test

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
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/oracletest"
	"ficha/projections/projectionstest"
	"ficha/projections/timeline"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return day0.Add(time.Duration(hours) * time.Hour) }

func stamp(hours int) string { return at(hours).Format(time.RFC3339) }

func event(id string, typ events.Type, t time.Time, data string) events.Envelope {
	return events.Envelope{ID: id, Source: "/pbx", SpecVersion: "1.0", Type: typ, Time: t, Data: json.RawMessage(data)}
}

// call builds an interaction that started at an hour; whose is JSON members that
// say whose it is.
func call(event1, id string, said, started int, whose string) events.Envelope {
	return event(event1, events.InteractionRecordedV1, at(said), fmt.Sprintf(
		`{"record":{"source":"/pbx","stream":"call","id":%q},"channel":"voice","direction":"inbound","started_at":%q,%s}`, id, stamp(started), whose))
}

func ofCustomer(id string) string { return fmt.Sprintf(`"customer":{"source":"/crm","id":%q}`, id) }

func ofPhone(number string) string { return fmt.Sprintf(`"contact_points":[{"phone":%q}]`, number) }

func assigned(event1, id string, said int, customer string) events.Envelope {
	to := ""
	if customer != "" {
		to = "," + ofCustomer(customer)
	}
	return event(event1, events.InteractionAssignedV1, at(said), fmt.Sprintf(`{"interaction":{"source":"/pbx","stream":"call","id":%q}%s}`, id, to))
}

func withdrawn(event1, id string, said int) events.Envelope {
	return event(event1, events.InteractionWithdrawnV1, at(said), fmt.Sprintf(`{"record":{"source":"/pbx","stream":"call","id":%q}}`, id))
}

// customer builds a source record that has a phone from an hour on.
func customer(event1, id string, from int, phone string) events.Envelope {
	return event(event1, events.CustomerRecordedV1, at(from), fmt.Sprintf(
		`{"record":{"source":"/crm","id":%q},"kind":"person","names":[{"full":"N %s"}],"phones":[{"value":%q}]}`, id, id, phone))
}

func recordID(id string) uuid.UUID { return events.RecordKey{Source: "/crm", ID: id}.UUID() }

func folds() []projections.Fold { return []projections.Fold{golden.New(), timeline.New()} }

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

func content(t testing.TB, evs []events.Envelope) []string {
	t.Helper()
	lines, err := timeline.Content(t.Context(), folded(t, evs...))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// read gives the events of all pages of a customer, two a page.
func read(t testing.TB, r projections.Reader, q timeline.Query) []string {
	t.Helper()
	q.Limit = 2
	var got []string
	for {
		page, err := timeline.Read(t.Context(), r, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			got = append(got, e.Event)
		}
		if page.Next == "" {
			return got
		}
		if q.Cursor = page.Next; len(page.Entries) != 2 {
			t.Fatalf("a page of %d with more to come", len(page.Entries))
		}
	}
}

func want(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Created, edited twice, re-pointed and deleted, in each of the 120 orders.
func TestAnyOrderOfArrivalEndsTheSame(t *testing.T) {
	five := []events.Envelope{
		call("created", "1", 0, 0, ofPhone("+50255123456")),
		call("edited", "1", 1, 0, ofCustomer("a")+`,"outcome":"answered"`),
		call("edited again", "1", 2, 1, ofCustomer("a")+`,"outcome":"busy"`),
		call("re-pointed", "1", 3, 1, ofCustomer("b")),
		withdrawn("deleted", "1", 4),
	}
	for n := 1; n <= len(five); n++ {
		evs := five[:n]
		wanted, err := oracletest.Timeline(evs)
		if err != nil {
			t.Fatal(err)
		}
		digest := projections.ContentDigest(wanted)
		orders := 0
		permute(slices.Clone(evs), 0, func(order []events.Envelope) {
			orders++
			if got := content(t, order); projections.ContentDigest(got) != digest {
				t.Errorf("%s: got %v, want %v", ids(order), got, wanted)
			}
		})
		if factorial := []int{1, 1, 2, 6, 24, 120}[n]; orders != factorial {
			t.Fatalf("tried %d orders of %d", orders, n)
		}
	}
}

func permute(evs []events.Envelope, k int, visit func([]events.Envelope)) {
	if k == len(evs) {
		visit(evs)
		return
	}
	for i := k; i < len(evs); i++ {
		evs[k], evs[i] = evs[i], evs[k]
		permute(evs, k+1, visit)
		evs[k], evs[i] = evs[i], evs[k]
	}
}

func ids(evs []events.Envelope) []string {
	var out []string
	for _, e := range evs {
		out = append(out, e.ID)
	}
	return out
}

func TestContentAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var evs []events.Envelope
		for i := range rapid.IntRange(1, 15).Draw(rt, "length") {
			id, said := rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "id"), rapid.IntRange(0, 9).Draw(rt, "said")
			name := fmt.Sprint("e", i)
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				evs = append(evs, assigned(name, id, said, rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "to")))
			case 1:
				evs = append(evs, withdrawn(name, id, said))
			default:
				whose := rapid.SampledFrom([]string{ofCustomer("a"), ofCustomer("b"), ofPhone("+502 5512-3456"), ofPhone("55123456"), `"subject":"<&>"`,
					`"contact_points":[{"phone":"+50255123456"},{"email":"A@example.com"},{"handle":"@x","network":"X"},{"phone":"+50255123456"}]`}).Draw(rt, "whose")
				evs = append(evs, call(name, id, said, rapid.IntRange(-20, 9).Draw(rt, "started"), whose))
			}
		}
		got := content(t, evs)
		wanted, err := oracletest.Timeline(evs)
		if err != nil {
			rt.Fatal(err)
		}
		slices.Sort(wanted)
		if g, w := strings.Join(got, "\n"), strings.Join(wanted, "\n"); g != w {
			rt.Fatalf("got\n%s\nwant\n%s", g, w)
		}
	})
}

func TestPagesOfACustomer(t *testing.T) {
	snap := folded(t,
		customer("c1", "a", 0, "+50255123456"), customer("c2", "b", 0, "+50255999999"),
		call("1", "1", 1, 1, ofCustomer("a")), call("2", "2", 2, 2, ofPhone("+50255123456")), call("3", "3", 3, 3, ofCustomer("b")),
		call("4", "4", 4, 4, ofCustomer("a")), call("5", "5", 4, 4, ofCustomer("a")), call("6", "6", 6, 6, ofPhone("+50255999999")),
		event("7", events.InteractionRecordedV1, at(7), `{"record":{"source":"/mail","stream":"mail","id":"7"},"channel":"email","direction":"outbound","started_at":"`+stamp(7)+`",`+ofCustomer("a")+`}`),
	)
	all := read(t, snap, timeline.Query{Customer: recordID("a")})
	if len(all) != 5 || all[0] != "7" || all[3] != "2" || all[4] != "1" {
		t.Errorf("newest first: got %v, want 7, then 4 and 5, 2, 1", all)
	}
	want(t, "by channel", read(t, snap, timeline.Query{Customer: recordID("a"), Filter: timeline.Filter{Channels: []string{"email"}}}), "7")
	want(t, "by direction", read(t, snap, timeline.Query{Customer: recordID("b"), Filter: timeline.Filter{Directions: []string{"inbound"}}}), "6", "3")
	want(t, "by time", read(t, snap, timeline.Query{Customer: recordID("a"), Filter: timeline.Filter{From: at(1), To: at(4)}}), "2", "1")
	want(t, "of nobody", read(t, snap, timeline.Query{Customer: recordID("nobody")}))
	for _, cursor := range []string{"x", "!!", strings.Repeat("A", 99)} {
		if _, err := timeline.Read(t.Context(), snap, timeline.Query{Customer: recordID("a"), Cursor: cursor}); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("cursor %q: %v, want ErrInvalid", cursor, err)
		}
	}
}

func TestMergedCustomerHasBothTimelines(t *testing.T) {
	merged := event("m", events.IdentityResolvedV1, at(9), fmt.Sprintf(`{"cause":4,"model":"m","engine":"e","groups":[[{"record":%q,"position":1},{"record":%q,"position":2}]]}`, recordID("a"), recordID("b")))
	snap := folded(t, customer("c1", "a", 0, "+50255123456"), customer("c2", "b", 0, "+50255123456"),
		call("1", "1", 1, 1, ofCustomer("a")), call("2", "2", 2, 2, ofCustomer("b")), call("3", "3", 3, 3, ofPhone("+50255123456")), merged)
	want(t, "by a", read(t, snap, timeline.Query{Customer: recordID("a")}), "3", "2", "1")
	want(t, "by b", read(t, snap, timeline.Query{Customer: recordID("b")}), "3", "2", "1")
}

// What names only a number is shown with whoever alone had it at the time.
func TestSharedAndRecycledNumbers(t *testing.T) {
	const number = "+50255123456"
	evs := []events.Envelope{
		customer("c1", "a", 2, number), customer("c2", "b", 4, number), customer("c3", "a", 6, "+50255999999"),
		call("before", "1", 9, 1, ofPhone(number)), call("a alone", "2", 9, 3, ofPhone(number)),
		call("shared", "3", 9, 5, ofPhone(number)), call("b alone", "4", 9, 7, ofPhone("5512-3456")),
	}
	snap := folded(t, evs...)
	want(t, "a", read(t, snap, timeline.Query{Customer: recordID("a")}), "a alone")
	want(t, "b", read(t, snap, timeline.Query{Customer: recordID("b")}), "b alone")

	p, _ := contactpoint.Phone(number, "")
	page, err := timeline.ByPoint(t.Context(), snap, timeline.PointQuery{Point: p})
	if err != nil {
		t.Fatal(err)
	}
	var unknown []string
	for _, e := range page.Entries {
		if e.PersonUnknown {
			unknown = append(unknown, e.Event)
		}
	}
	if len(page.Entries) != 4 {
		t.Errorf("%d entries by point, want 4", len(page.Entries))
	}
	want(t, "person unknown", unknown, "shared", "before")

	snap = folded(t, append(evs, assigned("x", "3", 10, "a"))...)
	want(t, "a, once the shared one is assigned", read(t, snap, timeline.Query{Customer: recordID("a")}), "shared", "a alone")
	snap = folded(t, append(evs, assigned("x", "3", 10, "a"), assigned("y", "3", 11, ""))...)
	want(t, "a, once that is undone", read(t, snap, timeline.Query{Customer: recordID("a")}), "a alone")
}

func TestRefusesWhatNamesNoInteraction(t *testing.T) {
	store := projectionstest.NewMemory()
	_, refused := projectionstest.TryFold(t, store, folds(), event("x", events.InteractionWithdrawnV1, at(0), `{"record":{"source":"","id":""}}`))
	if len(refused) != 1 || !errors.Is(refused[0].Err, events.ErrInvalid) {
		t.Errorf("refusals: %v", refused)
	}
}

func TestEntrySaysWhatWasStated(t *testing.T) {
	snap := folded(t, customer("c1", "a", 0, "+50255123456"), call("1", "1", 1, 1, ofCustomer("a")), assigned("2", "1", 2, "a"))
	page, err := timeline.Read(t.Context(), snap, timeline.Query{Customer: recordID("a")})
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("%d entries, %v", len(page.Entries), err)
	}
	e := page.Entries[0]
	if e.Source != "/pbx" || e.Event != "1" || e.Channel != "voice" || e.Direction != "inbound" || !e.Assigned || !e.At.Equal(at(1)) || e.PersonUnknown {
		t.Errorf("entry %+v", e)
	}
	var said events.InteractionRecorded
	if err := json.Unmarshal(e.Data, &said); err != nil || said.Record.ID != "1" {
		t.Errorf("data %s: %v", e.Data, err)
	}
}
