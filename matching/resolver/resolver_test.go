package resolver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func clock() time.Time { return day }

func engine(t interface{ Fatal(...any) }) *matching.Engine {
	models, err := matching.DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	return matching.NewEngine(models)
}

// person is a record event about somebody, as a source states it.
func person(source, id string, minute int, given, family, phone, birth string) events.Envelope {
	c := events.CustomerRecorded{
		Record: events.Record{RecordKey: events.RecordKey{Source: source, ID: id}}, Kind: events.Person,
		Names: []events.Name{{Given: given, Family: family, Family2: "Barrientos"}}, BirthDate: birth,
		Phones: []events.Phone{{Value: phone}},
	}
	return event(source, fmt.Sprintf("%s-%d", id, minute), minute, events.CustomerRecordedV1, c)
}

func event(source, id string, minute int, typ events.Type, data any) events.Envelope {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return events.Envelope{ID: id, Source: source, SpecVersion: "1.0", Type: typ, Time: day.Add(time.Duration(minute) * time.Minute), Data: b}
}

func withdrawn(source, id string, minute int) events.Envelope {
	return event(source, fmt.Sprintf("%s-w%d", id, minute), minute, events.CustomerWithdrawnV1,
		events.CustomerWithdrawn{Record: events.Record{RecordKey: events.RecordKey{Source: source, ID: id}}, Reason: "deleted"})
}

// hub is a log with a resolver on it.
type hub struct {
	log   *eventstest.Log
	state *resolvertest.Memory
	r     *resolver.Resolver
}

func newHub(t *testing.T) *hub {
	h := &hub{log: eventstest.NewLog(clock), state: resolvertest.NewMemory()}
	h.start(t)
	t.Cleanup(func() { h.r.Stop() })
	return h
}

func (h *hub) start(t *testing.T) {
	t.Helper()
	r, err := resolver.New(resolver.Config{Log: h.log, State: h.state, Engine: engine(t), Clock: clock, Batch: 3})
	if err != nil {
		t.Fatal(err)
	}
	h.r = r
	r.Start(t.Context())
}

func (h *hub) append(t *testing.T, evs ...events.Envelope) {
	t.Helper()
	if _, err := h.log.Append(t.Context(), evs); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
}

func (h *hub) settle(t *testing.T) {
	t.Helper()
	end, err := h.log.LaneEnd(t.Context(), events.LaneRecord)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.r.Wait(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// groups folds the log's decisions as the golden projection does, checks that
// each is closed, and gives the groups of live records as text.
func groups(t testing.TB, log events.Log) string {
	t.Helper()
	group := map[uuid.UUID]string{}
	live, stated := map[uuid.UUID]bool{}, map[uuid.UUID]time.Time{}
	name := map[uuid.UUID]string{}
	members := map[string][]uuid.UUID{}
	for e, err := range log.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case events.CustomerRecordedV1, events.CustomerWithdrawnV1:
			var d struct{ Record events.Record }
			if err := json.Unmarshal(e.Data, &d); err != nil {
				t.Fatal(err)
			}
			id := d.Record.UUID()
			if !e.Time.Before(stated[id]) {
				live[id], stated[id] = e.Type == events.CustomerRecordedV1, e.Time
			}
			name[id] = d.Record.ID
			if group[id] == "" {
				group[id] = id.String()
				members[id.String()] = []uuid.UUID{id}
			}
		case events.IdentityResolvedV1:
			applyDecision(t, e, group, members)
		}
	}
	return render(members, live, name)
}

func applyDecision(t testing.TB, e events.Stored, group map[uuid.UUID]string, members map[string][]uuid.UUID) {
	t.Helper()
	var d events.IdentityResolved
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatal(err)
	}
	replaced, union := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for _, g := range d.Groups {
		for _, m := range g {
			union[m.Record] = true
			for _, old := range members[group[m.Record]] {
				replaced[old] = true
			}
		}
	}
	if len(replaced) != len(union) {
		t.Fatalf("decision at %d is not closed: replaces %d records, names %d", e.Position, len(replaced), len(union))
	}
	for _, g := range d.Groups {
		key := g[0].Record.String() + "/" + e.ID
		members[key] = nil
		for _, m := range g {
			delete(members, group[m.Record])
		}
		for _, m := range g {
			group[m.Record] = key
			members[key] = append(members[key], m.Record)
		}
	}
}

func render(members map[string][]uuid.UUID, live map[uuid.UUID]bool, name map[uuid.UUID]string) string {
	var out []string
	for _, g := range members {
		var names []string
		for _, id := range g {
			if live[id] {
				names = append(names, name[id])
			}
		}
		if len(names) > 0 {
			slices.Sort(names)
			out = append(out, strings.Join(names, "+"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestDuplicatesBecomeOneGroup(t *testing.T) {
	h := newHub(t)
	h.append(t, person("/crm", "a", 1, "María José", "Núñez", "+50255123456", "1980-02-11"))
	h.append(t, person("/shop", "b", 2, "Maria Jose", "Nuñez", "+502 5512 3456", "1980-02-11"))
	h.append(t, person("/shop", "c", 3, "Pedro", "Ajú", "+50255998877", "1971-07-30"))
	if got := groups(t, h.log); got != "a+b c" {
		t.Errorf("groups = %q; want a+b c", got)
	}
}

func TestWithdrawnRecordRestoresFormerGroups(t *testing.T) {
	h := newHub(t)
	h.append(t, person("/crm", "a", 1, "María José", "Núñez", "+50255123456", "1980-02-11"),
		person("/shop", "b", 2, "Maria Jose", "Nuñez", "+502 5512 3456", "1980-02-11"))
	h.append(t, withdrawn("/shop", "b", 3))
	if got := groups(t, h.log); got != "a" {
		t.Errorf("groups = %q; want a", got)
	}
	h.append(t, person("/shop", "b", 4, "Maria Jose", "Nuñez", "+502 5512 3456", "1980-02-11"))
	if got := groups(t, h.log); got != "a+b" {
		t.Errorf("groups = %q; a later statement revives the record", got)
	}
}

func TestSourceMergeLinksAlsoOverAWithdrawnLoser(t *testing.T) {
	h := newHub(t)
	merged := func(minute int, survivor, loser string) events.Envelope {
		return event("/crm", fmt.Sprintf("m%d", minute), minute, events.CustomerMergedAtSourceV1, events.CustomerMergedAtSource{
			Survivor: events.RecordKey{Source: "/crm", ID: survivor}, Losers: []events.RecordKey{{Source: "/crm", ID: loser}}})
	}
	h.append(t, person("/crm", "a", 1, "Ana", "Xol", "+50255000001", "1990-01-02"),
		person("/crm", "b", 2, "Berta", "Caal", "+50255000002", "1991-02-03"),
		person("/crm", "c", 3, "Carla", "Tzul", "+50255000003", "1992-03-04"))
	h.append(t, merged(4, "b", "a"), merged(5, "c", "b"))
	if got := groups(t, h.log); got != "a+b+c" {
		t.Errorf("groups = %q; want all three", got)
	}
	h.append(t, withdrawn("/crm", "b", 6))
	if got := groups(t, h.log); got != "a+c" {
		t.Errorf("groups = %q; the link holds over the withdrawn loser", got)
	}
}

func TestVerdictsOutrankScoresUntilWithdrawn(t *testing.T) {
	h := newHub(t)
	a := events.RecordKey{Source: "/crm", ID: "a"}.UUID()
	b := events.RecordKey{Source: "/shop", ID: "b"}.UUID()
	h.append(t, person("/crm", "a", 1, "María José", "Núñez", "+50255123456", "1980-02-11"),
		person("/shop", "b", 2, "Maria Jose", "Nuñez", "+502 5512 3456", "1980-02-11"))
	h.append(t, event("/ficha/desk", "v1", 3, events.IdentityJudgedV1,
		events.IdentityJudged{Sets: [][]uuid.UUID{{a}, {b}}, Verdict: events.VerdictDifferent, By: "ana"}))
	eventually(t, func() string { return groups(t, h.log) }, "a b")
	h.append(t, event("/ficha/desk", "w1", 4, events.IdentityJudgementWithdrawnV1,
		events.IdentityJudgementWithdrawn{Judgement: events.EventID{Source: "/ficha/desk", ID: "v1"}}))
	eventually(t, func() string { return groups(t, h.log) }, "a+b")
}

// eventually waits for what follows an event of the identity lane, for which
// there is no position to wait for.
func eventually(t *testing.T, read func() string, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if got = read(); got == want {
			return
		}
	}
	t.Fatalf("groups = %q; want %q", got, want)
}

func TestRestartAppendsNothingNew(t *testing.T) {
	for _, lose := range []string{"nothing", "saved state"} {
		t.Run("losing "+lose, func(t *testing.T) {
			h := newHub(t)
			for _, e := range townlet(12) {
				h.append(t, e)
			}
			before, _ := h.log.End(t.Context())
			want := groups(t, h.log)
			h.r.Stop()
			if lose == "saved state" {
				h.state = resolvertest.NewMemory()
			}
			h.start(t)
			h.settle(t)
			if after, _ := h.log.End(t.Context()); after != before {
				t.Errorf("log grew from %d to %d over a restart", before, after)
			}
			h.append(t, person("/new", "n", 999, "Ana0", "Ramírez0", "+50255100000", "1970-01-13"))
			if got := groups(t, h.log); got == want {
				t.Errorf("nothing is decided after the restart")
			}
		})
	}
}

// failing is a state whose saves fail for a while, as on a full disk.
type failing struct {
	*resolvertest.Memory
	left atomic.Int32
}

func (f *failing) Save(ctx context.Context, from, to resolver.Cursor, rows []resolver.Row) error {
	if f.left.Add(-1) >= 0 {
		return fmt.Errorf("no space: %w", events.ErrUnavailable)
	}
	return f.Memory.Save(ctx, from, to, rows)
}

func TestFailuresAreSurvived(t *testing.T) {
	log, state := eventstest.NewLog(clock), &failing{Memory: resolvertest.NewMemory()}
	state.left.Store(3)
	r, err := resolver.New(resolver.Config{Log: log, State: state, Engine: engine(t), Clock: clock, Batch: 5})
	if err != nil {
		t.Fatal(err)
	}
	r.Start(t.Context())
	defer r.Stop()
	h := &hub{log: log, r: r}
	h.append(t, townlet(4)...)
	if got, want := groups(t, log), "a0+b0"; !strings.Contains(got, want) || r.Err() != nil {
		t.Errorf("groups = %q, err %v; want %s among them", got, r.Err(), want)
	}
}

// townlet is n people, each seen by three sources, with slips.
func townlet(n int) []events.Envelope {
	var out []events.Envelope
	for i := range n {
		given, family := fmt.Sprintf("Ana%d", i), fmt.Sprintf("Ramírez%d", i)
		phone, birth := fmt.Sprintf("+502551%05d", i), fmt.Sprintf("19%02d-%02d-13", 70+i%20, 1+i%12)
		out = append(out,
			person("/crm", fmt.Sprintf("a%d", i), 3*i, given, family, phone, birth),
			person("/shop", fmt.Sprintf("b%d", i), 3*i+1, given, strings.ToUpper(family), phone, birth),
			person("/pbx", fmt.Sprintf("c%d", i), 3*i+2, given, "", phone, ""))
	}
	return out
}

// Property: whatever the order of arrival and the cuts into batches, withdrawals
// and repeats, the groups are the same.
func TestGroupsDoNotDependOnOrder(t *testing.T) {
	base := townlet(6)
	base = append(base, withdrawn("/shop", "b1", 500), withdrawn("/crm", "a2", 501),
		person("/crm", "a2", 502, "Ana2", "Ramírez2", "+50255100002", "1972-03-13"),
		person("/crm", "a3", 503, "Ana4", "Ramírez4", "+50255100004", "1974-05-13"))
	want := ""
	rapid.Check(t, func(rt *rapid.T) {
		var order []events.Envelope
		for _, i := range rapid.Permutation(indexes(len(base))).Draw(rt, "order") {
			order = append(order, base[i])
		}
		log, state := eventstest.NewLog(clock), resolvertest.NewMemory()
		for len(order) > 0 {
			n := rapid.IntRange(1, len(order)).Draw(rt, "cut")
			if _, err := log.Append(t.Context(), order[:n]); err != nil {
				rt.Fatal(err)
			}
			order = order[n:]
			runOnce(rt, t, log, state)
		}
		got := groups(t, log)
		if want == "" {
			want = got
		}
		if got != want {
			rt.Fatalf("groups = %s; another order gave %s", got, want)
		}
	})
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// runOnce starts a resolver on log and state, lets it decide what is there, and stops it.
func runOnce(rt *rapid.T, t *testing.T, log *eventstest.Log, state resolver.State) {
	r, err := resolver.New(resolver.Config{Log: log, State: state, Engine: engine(rt), Clock: clock})
	if err != nil {
		rt.Fatal(err)
	}
	r.Start(t.Context())
	defer r.Stop()
	end, _ := log.LaneEnd(t.Context(), events.LaneRecord)
	if err := r.Wait(t.Context(), end); err != nil {
		rt.Fatal(err)
	}
}
