package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return day0.Add(time.Duration(minutes) * time.Minute) }

// sourceOf spreads the records over two sources.
func sourceOf(n int) string { return []string{"/crm", "/web"}[n%2] }

func keyOf(n int) events.RecordKey {
	return events.RecordKey{Source: sourceOf(n), Stream: "customer", ID: fmt.Sprint(n)}
}

func idOf(n int) uuid.UUID { return keyOf(n).UUID() }

func idsOf(ns ...int) []uuid.UUID {
	ids := make([]uuid.UUID, len(ns))
	for i, n := range ns {
		ids[i] = idOf(n)
	}
	return sorted(ids)
}

func folds() []projections.Fold { return []projections.Fold{golden.New(), New()} }

// world is a log with its folded rows.
type world struct {
	t     testing.TB
	store *projectionstest.Memory
	evs   []events.Envelope
	seen  []int // records, in the order in which they were first stated
}

func newWorld(t testing.TB) *world { return &world{t: t, store: projectionstest.NewMemory()} }

func (w *world) position() events.Position { return events.Position(len(w.evs)) }

// append folds one more event, recorded a minute after the one before.
func (w *world) append(typ events.Type, source, id string, when time.Time, data any) events.EventID {
	w.t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		w.t.Fatal(err)
	}
	e := events.Envelope{ID: id, Source: source, SpecVersion: "1.0", Type: typ, Time: when, RecordedTime: at(10_000 + len(w.evs)), Data: b}
	w.evs = append(w.evs, e)
	projectionstest.Fold(w.t, w.store, folds(), e)
	return events.EventID{Source: source, ID: id}
}

func (w *world) nextID() string { return fmt.Sprintf("e%04d", len(w.evs)) }

func (w *world) record(n int, more events.CustomerRecorded) {
	w.t.Helper()
	if !slices.Contains(w.seen, n) {
		w.seen = append(w.seen, n)
	}
	more.Record = events.Record{RecordKey: keyOf(n)}
	if more.Kind == "" {
		more.Kind = events.Person
	}
	w.append(events.CustomerRecordedV1, sourceOf(n), w.nextID(), at(len(w.evs)), more)
}

func (w *world) records(ns ...int) {
	for _, n := range ns {
		w.record(n, events.CustomerRecorded{})
	}
}

func (w *world) withdrawRecord(n int) {
	w.append(events.CustomerWithdrawnV1, sourceOf(n), w.nextID(), at(len(w.evs)), events.CustomerWithdrawn{Record: events.Record{RecordKey: keyOf(n)}})
}

// resolve states a decision.
func (w *world) resolve(d events.IdentityResolved, groups ...[]int) {
	w.t.Helper()
	d.Model, d.Engine = "m", "e"
	if d.Cause == 0 {
		d.Cause = w.position()
	}
	for _, g := range groups {
		var members events.IdentityGroup
		for _, id := range idsOf(g...) {
			members = append(members, events.GroupMember{Record: id})
		}
		d.Groups = append(d.Groups, members)
		if d.Links == nil || len(g) > 1 {
			for i := range g[1:] {
				d.Links = append(d.Links, events.IdentityLink{A: idOf(g[i]), B: idOf(g[i+1]), Weight: 9000, Rule: "score"})
			}
		}
	}
	w.append(events.IdentityResolvedV1, "/ficha/resolver", w.nextID(), at(len(w.evs)), d)
}

func potential(a, b int, weight int64, refusedBy string) events.IdentityLink {
	ids := idsOf(a, b)
	return events.IdentityLink{A: ids[0], B: ids[1], Weight: weight, Rule: "score", RefusedBy: refusedBy, Levels: []string{"name=same", "birth_date=close"}}
}

func (w *world) judge(v events.Verdict, sets ...[]int) events.EventID {
	return w.judgeAs("/reviews", w.nextID(), at(len(w.evs)), v, sets...)
}

func (w *world) judgeAs(source, id string, when time.Time, v events.Verdict, sets ...[]int) events.EventID {
	d := events.IdentityJudged{Verdict: v, By: "rosa", Reason: "seen the papers", Job: "j1"}
	for _, s := range sets {
		d.Sets = append(d.Sets, idsOf(s...))
	}
	return w.append(events.IdentityJudgedV1, source, id, when, d)
}

func (w *world) withdraw(e events.EventID) {
	w.append(events.IdentityJudgementWithdrawnV1, "/reviews", w.nextID(), at(len(w.evs)), events.IdentityJudgementWithdrawn{Judgement: e, By: "luis"})
}

// deny states a deny about records and gives its folio.
func (w *world) deny(ns ...int) string {
	d := events.ContactStated{Choice: events.Deny, StatedAt: at(len(w.evs)).Format(time.RFC3339)}
	for _, n := range ns {
		d.Records = append(d.Records, keyOf(n))
	}
	e := w.append(events.ContactStatedV1, "/crm", w.nextID(), at(len(w.evs)), d)
	return events.StatementID(e.Source, e.ID)
}

func (w *world) confirm(folio string, ns ...int) events.EventID {
	return w.append(events.ContactHoldConfirmedV1, "/ficha/steward", w.nextID(), at(len(w.evs)),
		events.ContactHoldConfirmed{Statement: folio, Records: idsOf(ns...), By: "rosa"})
}

func (w *world) snapshot() projections.Snapshot { return snapshotOf(w.t, w.store) }

func snapshotOf(t testing.TB, store projections.Store) projections.Snapshot {
	t.Helper()
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snap.Close() })
	return snap
}

// all gives every item of the queue and every verdict, through List.
func (w *world) all(r projections.Reader) map[uuid.UUID]Item {
	w.t.Helper()
	out := map[uuid.UUID]Item{}
	for _, s := range countedStates {
		for _, k := range countedKinds {
			for after := ""; ; {
				page, next, err := List(w.t.Context(), r, Filter{State: s, Kind: k}, after, 7)
				if err != nil {
					w.t.Fatal(err)
				}
				for _, it := range page {
					if _, twice := out[it.ID]; twice {
						w.t.Fatalf("item %s is listed twice", it.ID)
					}
					out[it.ID] = it
				}
				if after = next; next == "" {
					break
				}
			}
		}
	}
	return out
}

func (w *world) item(id uuid.UUID) Item {
	w.t.Helper()
	it, err := Get(w.t.Context(), w.snapshot(), id)
	if err != nil {
		w.t.Fatalf("get item: %v", err)
	}
	return it
}

// story draws a history event by event.
type story struct {
	*world
	groups   [][]int
	verdicts []events.EventID
	folios   []string
	alone    bool // no two records are ever one customer, so that groups grow large
}

const storyRecords = 14

func (s *story) step(rt *rapid.T, items map[uuid.UUID]Item) {
	what := rapid.IntRange(0, 19).Draw(rt, "what")
	switch {
	case len(s.groups) < 2 || what < 2:
		s.drawRecord(rt)
	case what < 9:
		s.drawDecision(rt)
	case what < 13:
		s.drawVerdict(rt, items)
	case what < 15:
		s.drawWithdrawal(rt)
	case what < 16:
		s.withdrawRecord(rapid.SampledFrom(s.seen).Draw(rt, "gone"))
	case what < 17:
		pin := events.ValuePinned{Record: keyOf(rapid.IntRange(0, storyRecords-1).Draw(rt, "pinned on")), Attribute: "birth_date", By: "rosa",
			Value: json.RawMessage(rapid.SampledFrom([]string{`"1980-02-11"`, `"1955-12-01"`}).Draw(rt, "pinned"))}
		s.append(events.ValuePinnedV1, "/ficha/desk", s.nextID(), at(len(s.evs)), pin)
	default:
		s.drawContact(rt, items)
	}
}

func (s *story) drawRecord(rt *rapid.T) {
	n := rapid.IntRange(0, storyRecords-1).Draw(rt, "record")
	if !slices.Contains(s.seen, n) {
		s.groups = append(s.groups, []int{n})
	}
	var c events.CustomerRecorded
	c.BirthDate = rapid.SampledFrom([]string{"", "1980-02-11", "1980-02-12", "1981-03-12"}).Draw(rt, "birth")
	if name := rapid.SampledFrom([]string{"", "Ana", "Luis"}).Draw(rt, "name"); name != "" {
		c.Names = []events.Name{{Given: name}}
	}
	if rapid.Bool().Draw(rt, "document") {
		c.Documents = []events.Document{{Kind: "dpi", Number: rapid.SampledFrom([]string{"2365487100101", "1999999940101"}).Draw(rt, "number"), Country: "GT"}}
	}
	s.record(n, c)
}

// drawDecision deals some groups out anew and states some potential matches.
func (s *story) drawDecision(rt *rapid.T) {
	s.groups = rapid.Permutation(s.groups).Draw(rt, "groups")
	n := rapid.IntRange(1, min(3, len(s.groups))).Draw(rt, "touched")
	if s.alone {
		n = 1
	}
	records := slices.Concat(s.groups[:n]...)
	rest := s.groups[n:]
	var fresh [][]int
	if s.alone || rapid.IntRange(0, 2).Draw(rt, "keep") == 0 {
		fresh = s.groups[:n]
	} else {
		left := rapid.Permutation(records).Draw(rt, "dealt")
		for len(left) > 0 {
			k := rapid.IntRange(1, len(left)).Draw(rt, "size")
			fresh, left = append(fresh, left[:k]), left[k:]
		}
	}
	s.groups = append(slices.Clone(fresh), rest...)
	d := events.IdentityResolved{Cause: events.Position(rapid.IntRange(max(0, len(s.evs)-3), len(s.evs)).Draw(rt, "cause") + 1), Links: []events.IdentityLink{}}
	for _, g := range fresh {
		for i := range g[1:] {
			d.Links = append(d.Links, events.IdentityLink{A: idOf(g[i]), B: idOf(g[i+1]), Rule: rapid.SampledFrom([]string{"score", "verdict"}).Draw(rt, "rule"),
				Weight: int64(rapid.IntRange(0, 4).Draw(rt, "link") * 1000)})
		}
	}
	for range rapid.IntRange(0, 4).Draw(rt, "potentials") {
		a, b := rapid.SampledFrom(records).Draw(rt, "a"), rapid.SampledFrom(s.seen).Draw(rt, "b")
		if a == b || slices.ContainsFunc(d.Potential, func(l events.IdentityLink) bool { return recordPairOf(l.A, l.B) == recordPairOf(idOf(a), idOf(b)) }) {
			continue
		}
		l := potential(a, b, int64(rapid.IntRange(-1, 2).Draw(rt, "weight")*500), rapid.SampledFrom([]string{"", "", "mean", "document", CodeVerdictConflict}).Draw(rt, "refused"))
		l.Levels = rapid.SampledFrom([][]string{nil, {"name=same"}, {"name=same", "phone=tail"}}).Draw(rt, "levels")
		d.Potential = append(d.Potential, l)
	}
	s.resolveGiven(d, fresh)
}

// resolveGiven states a decision with the links that it has.
func (s *story) resolveGiven(d events.IdentityResolved, groups [][]int) {
	d.Model, d.Engine = "m", "e"
	for _, g := range groups {
		var members events.IdentityGroup
		for _, id := range idsOf(g...) {
			members = append(members, events.GroupMember{Record: id})
		}
		d.Groups = append(d.Groups, members)
	}
	s.append(events.IdentityResolvedV1, "/ficha/resolver", s.nextID(), at(len(s.evs)), d)
}

func (s *story) drawVerdict(rt *rapid.T, items map[uuid.UUID]Item) {
	d := events.IdentityJudged{Verdict: rapid.SampledFrom([]events.Verdict{events.VerdictSame, events.VerdictDifferent, events.VerdictUnsure}).Draw(rt, "verdict"),
		By: "rosa", Job: rapid.SampledFrom([]string{"", "j1", "j2"}).Draw(rt, "job")}
	e := events.EventID{Source: "/reviews", ID: fmt.Sprintf("v%d", len(s.verdicts))}
	if it, ok := drawItem(rt, items); ok && rapid.Bool().Draw(rt, "desk") {
		d.Sets = it.Sides
		if d.Verdict == events.VerdictSame {
			d.Sets = [][]uuid.UUID{it.Records}
		}
		version := max(1, int(it.Version)-rapid.IntRange(0, 1).Draw(rt, "stale"))
		e = events.EventID{Source: StewardSource, ID: DecisionEventID(it.ID, events.Position(version), rapid.IntRange(0, 2).Draw(rt, "n"))}
		if slices.Contains(s.verdicts, e) {
			return
		}
	} else {
		for range rapid.IntRange(1, 3).Draw(rt, "sets") {
			d.Sets = append(d.Sets, idsOf(rapid.SliceOfN(rapid.IntRange(0, storyRecords-1), 0, 3).Draw(rt, "set")...))
		}
	}
	s.verdicts = append(s.verdicts, e)
	s.append(events.IdentityJudgedV1, e.Source, e.ID, at(rapid.IntRange(0, 5).Draw(rt, "judged at")+len(s.evs)), d)
}

func drawItem(rt *rapid.T, items map[uuid.UUID]Item) (Item, bool) {
	var ids []uuid.UUID
	for id, it := range items {
		if it.Kind != KindVerdict {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return Item{}, false
	}
	return items[rapid.SampledFrom(sorted(ids)).Draw(rt, "item")], true
}

// drawWithdrawal takes back a verdict, perhaps the next one, which is not there yet.
func (s *story) drawWithdrawal(rt *rapid.T) {
	n := rapid.IntRange(0, len(s.verdicts)).Draw(rt, "which")
	e := events.EventID{Source: "/reviews", ID: fmt.Sprintf("v%d", len(s.verdicts))}
	if n < len(s.verdicts) {
		e = s.verdicts[n]
	}
	s.append(events.IdentityJudgementWithdrawnV1, "/reviews", s.nextID(), at(rapid.IntRange(0, 5).Draw(rt, "taken back at")+len(s.evs)),
		events.IdentityJudgementWithdrawn{Judgement: e, By: "luis"})
}

func (s *story) drawContact(rt *rapid.T, items map[uuid.UUID]Item) {
	switch what := rapid.IntRange(0, 5).Draw(rt, "contact"); {
	case what < 3 || len(s.folios) == 0:
		s.drawStatement(rt)
	case what == 3:
		source := rapid.SampledFrom([]string{"/crm", "/web", "/ficha/desk"}).Draw(rt, "by")
		s.append(events.ContactStatementWithdrawnV1, source, s.nextID(), at(len(s.evs)),
			events.ContactStatementWithdrawn{Statement: rapid.SampledFrom(s.folios).Draw(rt, "folio")})
	default:
		d := events.ContactHoldConfirmed{Statement: rapid.SampledFrom(s.folios).Draw(rt, "folio"), By: "rosa"}
		d.Records = idsOf(rapid.SliceOfN(rapid.IntRange(0, storyRecords-1), 1, 3).Draw(rt, "freed")...)
		if it, ok := drawItem(rt, items); ok && it.Kind == KindHold {
			d.Statement, d.Records = it.Reasons[0].Statement, it.Sides[0]
		}
		s.append(events.ContactHoldConfirmedV1, StewardSource, s.nextID(), at(len(s.evs)), d)
	}
}

func (s *story) drawStatement(rt *rapid.T) {
	d := events.ContactStated{Choice: rapid.SampledFrom([]events.Choice{events.Deny, events.Deny, events.Deny, events.Allow}).Draw(rt, "choice"),
		StatedAt: at(len(s.evs)).Format(time.RFC3339)}
	for _, n := range rapid.SliceOfN(rapid.IntRange(0, storyRecords-1), 0, 2).Draw(rt, "about") {
		d.Records = append(d.Records, keyOf(n))
	}
	e := events.EventID{Source: "/crm", ID: s.nextID()}
	if rapid.IntRange(0, 3).Draw(rt, "provisional") == 0 {
		e.Source = events.HubSource + "/gateway"
		of := events.EventID{Source: "/crm", ID: fmt.Sprintf("e%04d", len(s.evs)+rapid.IntRange(-2, 2).Draw(rt, "of"))}
		d.Choice, d.Ext = events.Deny, &events.StatementExt{Unconfirmed: true, Of: &of}
	}
	s.append(events.ContactStatedV1, e.Source, e.ID, at(len(s.evs)), d)
	s.folios = append(s.folios, events.StatementID(e.Source, e.ID))
}
