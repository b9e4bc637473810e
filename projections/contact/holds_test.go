package contact

import (
	"encoding/json"
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
	"ficha/projections/projectionstest"
)

// confirms builds a contact.hold_confirmed about statement event id.
func confirms(t testing.TB, id, statement string, records ...string) events.Envelope {
	in := events.ContactHoldConfirmed{Statement: events.StatementID("/crm/bank", statement), By: "rosa", Reason: "somebody else"}
	for _, r := range records {
		in.Records = append(in.Records, key(r).UUID())
	}
	return envelope(t, events.ContactHoldConfirmedV1, "/ficha/desk", id, hour(0), time.Time{}, in)
}

func TestConfirmedHoldFreesWhoWasParted(t *testing.T) {
	// Position 1: the deny about record 2.
	said := deny(-5).on("2").event(t, 0)
	asks := Request{Who: Who{CustomerID: key("1").UUID().String()}, Channel: "voice", Purpose: "marketing"}
	for _, c := range []struct {
		name  string
		ident *who
		evs   []events.Envelope
		want  Decision
	}{
		{"held", newWho().group("1").group("2").parted("1", "2", 2), []events.Envelope{said}, DecisionDeny},
		{"freed", newWho().group("1").group("2").parted("1", "2", 2), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "1")}, DecisionAllow},
		{"freed is another one", newWho().group("1").group("2").parted("1", "2", 2), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "3")}, DecisionDeny},
		{"of another statement", newWho().group("1").group("2").parted("1", "2", 2), []events.Envelope{said, filler(t), confirms(t, "c", "s1", "1")}, DecisionDeny},
		{"confirmed while grouped, parted after", newWho().group("1").group("2").parted("1", "2", 4), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "1")}, DecisionDeny},
		{"grouped anew and parted again", newWho().group("1").group("2").parted("1", "2", 2).parted("1", "2", 9), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "1")}, DecisionDeny},
		{"and confirmed again", newWho().group("1").group("2").parted("1", "2", 2).parted("1", "2", 3), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "1"), confirms(t, "d", "s0", "1")}, DecisionAllow},
		{"grouped now", newWho().group("1", "2").parted("1", "2", 2), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "1")}, DecisionDeny},
		{"the statement names it", newWho().group("1").group("2").parted("1", "2", 2), []events.Envelope{deny(-5).on("1", "2").event(t, 0), filler(t), confirms(t, "c", "s0", "1")}, DecisionDeny},
		{"a companion of the customer is not freed", newWho().group("1", "3").group("2").parted("1", "2", 2).parted("3", "2", 2), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "1")}, DecisionDeny},
		{"both are", newWho().group("1", "3").group("2").parted("1", "2", 2).parted("3", "2", 2), []events.Envelope{said, filler(t), confirms(t, "c", "s0", "1", "3")}, DecisionAllow},
		{"another deny binds still", newWho().group("1").group("2").parted("1", "2", 3), []events.Envelope{said, deny(-4).on("2").event(t, 1), filler(t), confirms(t, "c", "s0", "1")}, DecisionDeny},
	} {
		if got := ask(t, fold(t, c.evs...), c.ident, asks, noon); got.Decision != c.want {
			t.Errorf("%s: %s %v", c.name, got.Decision, got.Reasons)
		}
	}
}

// filler is an event that this fold skips.
func filler(t testing.TB) events.Envelope {
	return envelope(t, events.ImportStartedV1, "/ficha", "f", hour(-1), time.Time{}, events.ImportRun{Run: "r"})
}

func TestHeldIsSaidAndFreedShown(t *testing.T) {
	ident := newWho().group("1").group("2").parted("1", "2", 4)
	first, second := deny(-5).on("2").event(t, 0), deny(-4).on("2").at2(phoneA).event(t, 1)
	snap := fold(t, first, second, deny(-3).on("1", "2").event(t, 2), filler(t), confirms(t, "c", "s1", "1"))
	got := ask(t, snap, ident, Request{Who: Who{CustomerID: key("1").UUID().String()}}, noon)
	held := map[string]bool{}
	for _, r := range got.Reasons {
		if r.Code == StatedOnLinkedRecord && r.Effect == EffectDeny {
			held[r.Statement] = r.Held
		}
	}
	folio := func(i int) string { return events.StatementID("/crm/bank", fmt.Sprint("s", i)) }
	if len(held) != 2 || !held[folio(0)] || held[folio(2)] {
		t.Errorf("held: %v", held)
	}
	views, err := HeldStatements(t.Context(), snap, ident, []uuid.UUID{key("1").UUID()}, noon)
	if err != nil || len(views) != 2 || views[0].ID != folio(1) || views[1].ID != folio(0) {
		t.Fatalf("views %+v, %v", views, err)
	}
	if f := views[0]; len(f.Held.Records) != 0 || len(f.Held.Freed) != 1 || f.Held.Freed[0].By != "rosa" || f.Held.Freed[0].Record != key("1").UUID() || len(f.ContactPoints) != 0 {
		t.Errorf("freed: %+v", f.Held)
	}
	if h := views[1]; !slices.Equal(h.Held.Records, []uuid.UUID{key("1").UUID()}) || len(h.Held.Freed) != 0 || h.Status != StatusInForce {
		t.Errorf("held: %+v", h.Held)
	}
	sums, err := NewSummariser(ident)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := sums.Summary(t.Context(), snap, key("1").UUID(), noon)
	if err != nil || len(sum.Freed) != 1 || sum.Freed[0].Statement != folio(1) || sum.Freed[0].Freed[0].By != "rosa" {
		t.Errorf("summary %+v, %v", sum.Freed, err)
	}
	all, err := StatementsOf(t.Context(), snap, ident, []uuid.UUID{key("1").UUID()}, []contactpoint.Point{point(phoneA)}, noon)
	if err != nil || len(all) != 3 || all[0].Held != nil || all[1].Held == nil || len(all[1].ContactPoints) != 1 || all[2].Held == nil {
		t.Errorf("all statements %+v, %v", all, err)
	}
	b, _ := json.Marshal(views[1])
	if !strings.Contains(string(b), `"held":{"records":["`) {
		t.Errorf("as JSON: %s", b)
	}
}

func TestWhatWasKnownOfAHold(t *testing.T) {
	ident := newWho().group("1").group("2").parted("1", "2", 2)
	snap := fold(t, deny(-5).on("2").event(t, 0), filler(t), confirms(t, "c", "s0", "1")) // recorded a minute after noon
	req := Request{Who: Who{CustomerID: key("1").UUID().String()}, Channel: "voice", Purpose: "marketing", KnownAt: noon}
	if got := ask(t, snap, ident, req, hour(2)); got.Decision != DecisionDeny {
		t.Errorf("before it was confirmed: %v", got.Reasons)
	}
	req.KnownAt = hour(1)
	if got := ask(t, snap, ident, req, hour(2)); got.Decision != DecisionAllow {
		t.Errorf("after it was confirmed: %v", got.Reasons)
	}
}

// past is a random history of groups, denies and confirmations, one a position.
// It keeps who carries which deny by walking forward, event after event.
type past struct {
	records []string
	groups  [][]string
	since   map[string]map[string]events.Position // pairs together now
	ident   *who
	evs     []events.Envelope
	carries []map[string]bool // by statement: who carries it, named or taken along
	named   [][]string
}

func newPast(records ...string) *past {
	p := &past{records: records, ident: newWho(), since: map[string]map[string]events.Position{}}
	for _, r := range records {
		p.groups = append(p.groups, []string{r})
		p.since[r] = map[string]events.Position{}
	}
	return p
}

func (p *past) position() events.Position { return events.Position(len(p.evs)) + 1 }

func (p *past) group(r string) []string {
	return p.groups[slices.IndexFunc(p.groups, func(g []string) bool { return slices.Contains(g, r) })]
}

// denied says whether the customer of a record is bound by a statement.
func (p *past) denied(r string, statement int) bool {
	return slices.ContainsFunc(p.group(r), func(m string) bool { return p.carries[statement][m] })
}

func (p *past) step(t *rapid.T, tt testing.TB) {
	switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
	case what < 3:
		on := rapid.SliceOfNDistinct(rapid.SampledFrom(p.records), 1, 2, rapid.ID).Draw(t, "about")
		p.named, p.carries = append(p.named, on), append(p.carries, map[string]bool{})
		for _, r := range on {
			p.carries[len(p.named)-1][r] = true
		}
		p.evs = append(p.evs, deny(-50+len(p.evs)).on(on...).event(tt, len(p.named)-1))
	case what < 6 && len(p.named) > 0:
		s := rapid.IntRange(0, len(p.named)-1).Draw(t, "statement")
		free := p.group(rapid.SampledFrom(p.records).Draw(t, "freed with"))
		if rapid.Bool().Draw(t, "some") {
			free = rapid.SliceOfNDistinct(rapid.SampledFrom(p.records), 1, 5, rapid.ID).Draw(t, "freed")
		}
		for _, r := range free {
			if !slices.Contains(p.named[s], r) {
				p.carries[s][r] = false
			}
		}
		p.evs = append(p.evs, confirms(tt, fmt.Sprint("c", len(p.evs)), fmt.Sprint("s", s), free...))
	default:
		p.regroup(t, tt)
	}
}

// regroup deals the records out anew. Whoever leaves somebody takes along what
// bound them both.
func (p *past) regroup(t *rapid.T, tt testing.TB) {
	dealt := map[int][]string{}
	for _, r := range p.records {
		n := rapid.IntRange(0, 2).Draw(t, "group of "+r)
		dealt[n] = append(dealt[n], r)
	}
	was := p.groups
	p.groups = nil
	for n := range 3 {
		if len(dealt[n]) > 0 {
			p.groups = append(p.groups, dealt[n])
		}
	}
	taken := make([]map[string]bool, len(p.carries))
	for s := range p.carries {
		taken[s] = map[string]bool{}
	}
	for _, g := range was {
		for _, a := range g {
			for _, b := range g {
				if slices.Contains(p.group(a), b) {
					continue
				}
				for s := range p.carries {
					taken[s][a] = taken[s][a] || p.carries[s][b]
				}
				if a < b {
					p.ident.parted(a, b, p.position())
					x, y := key(a).UUID(), key(b).UUID()
					late := p.since[a][b] + events.Position(rapid.IntRange(0, 1).Draw(t, "late"))*(p.position()-p.since[a][b])/2
					for _, id := range [...]uuid.UUID{x, y} {
						cs := p.ident.companions[id]
						cs[len(cs)-1].Since = late
					}
				}
			}
		}
	}
	for s := range taken {
		for r := range taken[s] {
			p.carries[s][r] = p.carries[s][r] || taken[s][r]
		}
	}
	p.together(was)
	p.evs = append(p.evs, filler(tt))
}

// together notes since when pairs are grouped, and tells the identity.
func (p *past) together(was [][]string) {
	p.ident.customer = map[uuid.UUID]uuid.UUID{}
	for _, g := range p.groups {
		p.ident.group(g...)
		for _, a := range g {
			for _, b := range g {
				before := slices.ContainsFunc(was, func(o []string) bool { return slices.Contains(o, a) && slices.Contains(o, b) })
				if !before {
					p.since[a][b] = p.position()
				}
			}
		}
	}
}

// What binds a customer is what its records were told, or took along from whoever
// they were parted from; and no merge or split frees anybody.
func TestHoldsAgreeWithOracle(t *testing.T) {
	freed, held := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := newPast("1", "2", "3", "4", "5")
		p.together(nil)
		for range rapid.IntRange(6, 16).Draw(rt, "steps") {
			p.step(rt, t)
		}
		snap := fold(t, p.evs...)
		for _, r := range p.records {
			got := ask(t, snap, p.ident, Request{Who: Who{CustomerID: key(r).UUID().String()}, Purpose: "marketing"}, noon)
			var want []string
			for s := range p.named {
				if p.denied(r, s) {
					want = append(want, events.StatementID("/crm/bank", fmt.Sprint("s", s)))
				}
			}
			slices.Sort(want)
			if have := statementsOf(got, PersonDenied); !slices.Equal(have, want) {
				rt.Fatalf("record %s in %v: bound by %v, oracle %v", r, p.groups, have, want)
			}
			p.requireViews(rt, t, r, want, &freed, &held)
		}
	})
	if !testing.Short() && freed < 5 || held < enough(20) { // a short run may free nobody
		t.Errorf("%d freed and %d held statements: the histories say too little", freed, held)
	}
}

// requireViews checks that the list of held statements says the same as the answer.
func (p *past) requireViews(rt *rapid.T, t *testing.T, r string, denying []string, freed, held *int) {
	snap := fold(t, p.evs...)
	var ids []uuid.UUID
	for _, m := range p.group(r) {
		ids = append(ids, key(m).UUID())
	}
	views, err := HeldStatements(t.Context(), snap, p.ident, ids, noon)
	if err != nil {
		rt.Fatal(err)
	}
	for _, v := range views {
		if binds := len(v.Held.Records) > 0; binds != slices.Contains(denying, v.ID) {
			rt.Fatalf("record %s: %s binds %v, the answer %v", r, v.ID, v.Held, denying)
		} else if binds {
			*held++
		} else {
			*freed++
		}
	}
}

func TestNoRegroupingFreesAnybody(t *testing.T) {
	denied := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := newPast("1", "2", "3", "4", "5")
		p.together(nil)
		for range rapid.IntRange(3, 12).Draw(rt, "steps") {
			p.step(rt, t)
		}
		before := map[string]Decision{}
		asks := func(r string) Decision {
			return ask(t, fold(t, p.evs...), p.ident, Request{Who: Who{CustomerID: key(r).UUID().String()}, Purpose: "marketing"}, noon).Decision
		}
		for _, r := range p.records {
			before[r] = asks(r)
		}
		p.regroup(rt, t)
		for _, r := range p.records {
			if before[r] == DecisionDeny {
				denied++
				if asks(r) != DecisionDeny {
					rt.Fatalf("record %s was denied, and is not in %v", r, p.groups)
				}
			}
		}
	})
	if denied < enough(50) {
		t.Errorf("only %d denied", denied)
	}
}

func TestOnlyTheMakerOrTheHubWithdraws(t *testing.T) {
	said := deny(-5).on("1").event(t, 0)
	withdrawal := func(source, id string, at int) events.Envelope {
		return envelope(t, events.ContactStatementWithdrawnV1, source, id, hour(at), time.Time{},
			events.ContactStatementWithdrawn{Statement: events.StatementID("/crm/bank", "s0"), By: "x"})
	}
	for _, c := range []struct {
		name    string
		evs     []events.Envelope
		refused int
		want    Decision
	}{
		{"the maker", []events.Envelope{said, withdrawal("/crm/bank", "w", -1)}, 0, DecisionAllow},
		{"a steward", []events.Envelope{said, withdrawal("/ficha/desk", "w", -1)}, 0, DecisionAllow},
		{"the hub", []events.Envelope{said, withdrawal("/ficha", "w", -1)}, 0, DecisionAllow},
		{"a stranger", []events.Envelope{said, withdrawal("/dialler", "w", -1)}, 1, DecisionDeny},
		{"a part of the maker", []events.Envelope{said, withdrawal("/crm/bank/web", "w", -1)}, 1, DecisionDeny},
		{"one that looks like the hub", []events.Envelope{said, withdrawal("/fichas", "w", -1)}, 1, DecisionDeny},
		{"a stranger, before the statement", []events.Envelope{withdrawal("/dialler", "w", -2), said}, 0, DecisionDeny},
		{"a stranger first, then the maker, before the statement", []events.Envelope{withdrawal("/dialler", "w", -3), withdrawal("/crm/bank", "v", -2), said}, 0, DecisionAllow},
		{"a stranger before, the maker after", []events.Envelope{withdrawal("/dialler", "w", -3), said, withdrawal("/crm/bank", "v", -2)}, 0, DecisionAllow},
	} {
		store := projectionstest.NewMemory()
		_, refused := projectionstest.TryFold(t, store, []projections.Fold{NewFold()}, c.evs...)
		if len(refused) != c.refused {
			t.Errorf("%s: refused %v", c.name, refused)
		}
		for _, r := range refused {
			if !strings.Contains(r.Err.Error(), "source_not_allowed") {
				t.Errorf("%s: %v", c.name, r.Err)
			}
		}
		got := ask(t, snapshot(t, store), newWho().group("1"), Request{Who: Who{CustomerID: key("1").UUID().String()}, Purpose: "marketing"}, noon)
		if got.Decision != c.want {
			t.Errorf("%s: %s", c.name, got.Decision)
		}
	}
}

// The publisher of an event that was not valid may take back the deny that was
// read out of it; nobody else's source may.
func TestProvisionalDenyIsItsPublishersToWithdraw(t *testing.T) {
	prov := provisional("bad", -2).event(t, 0)
	for source, want := range map[string]Decision{"/crm/bank": DecisionAllow, "/dialler": DecisionDeny} {
		store := projectionstest.NewMemory()
		w := envelope(t, events.ContactStatementWithdrawnV1, source, "w", hour(-1), time.Time{},
			events.ContactStatementWithdrawn{Statement: events.StatementID(prov.Source, prov.ID)})
		projectionstest.TryFold(t, store, []projections.Fold{NewFold()}, prov, w)
		got := ask(t, snapshot(t, store), newWho().group("1"), Request{Who: Who{Phone: phoneA, CustomerID: key("1").UUID().String()}, Purpose: "marketing"}, noon)
		if got.Decision != want {
			t.Errorf("%s: %s %v", source, got.Decision, got.Reasons)
		}
	}
}
