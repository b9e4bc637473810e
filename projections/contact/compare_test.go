package contact

import (
	"encoding/json"
	"errors"
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

// town is a hub's golden and contact rows in memory.
type town struct {
	t       testing.TB
	store   *projectionstest.Memory
	records []string
	groups  [][]string
	evs     int
	folded  events.Position
}

func newTown(t testing.TB, records ...string) *town {
	x := &town{t: t, store: projectionstest.NewMemory(), records: records}
	for _, r := range records {
		x.groups = append(x.groups, []string{r})
	}
	return x
}

func (x *town) id() string {
	x.evs++
	return fmt.Sprint("t", x.evs)
}

func (x *town) fold(evs ...events.Envelope) {
	x.folded = projectionstest.Fold(x.t, x.store, []projections.Fold{golden.New(), NewFold()}, evs...)
}

// states makes a record hold contact points.
func (x *town) states(r string, points ...string) {
	in := events.CustomerRecorded{Record: events.Record{RecordKey: key(r)}, Kind: events.Person, Mode: events.ModeFull}
	for _, p := range points {
		if point(p).Kind == "email" {
			in.Emails = append(in.Emails, events.Email{Value: p})
		} else {
			in.Phones = append(in.Phones, events.Phone{Value: p})
		}
	}
	x.fold(envelope(x.t, events.CustomerRecordedV1, "", x.id(), hour(-20), time.Time{}, in))
}

func (x *town) decide(groups [][]string) {
	x.fold(x.decision(groups))
	x.groups = groups
}

func (x *town) decision(groups [][]string) events.Envelope {
	in := events.IdentityResolved{Model: "m", Engine: "e"}
	for _, g := range groups {
		var members events.IdentityGroup
		for _, r := range g {
			members = append(members, events.GroupMember{Record: key(r).UUID()})
		}
		in.Groups = append(in.Groups, members)
	}
	return envelope(x.t, events.IdentityResolvedV1, "/ficha/resolver", x.id(), hour(-1), time.Time{}, in)
}

func idsOf(groups [][]string) [][]uuid.UUID {
	var all [][]uuid.UUID
	for _, g := range groups {
		var ids []uuid.UUID
		for _, r := range g {
			ids = append(ids, key(r).UUID())
		}
		all = append(all, ids)
	}
	return all
}

func (x *town) checker() *Checker {
	x.t.Helper()
	at := func() events.Position { return x.folded }
	h := &hub{store: x.store, end: x.folded, last: x.folded, at: at()}
	c, err := NewChecker(h.config(GoldenIdentity{}))
	if err != nil {
		x.t.Fatal(err)
	}
	return c
}

// question is one that the comparison asks.
type question struct{ record, channel, purpose, product string }

func (x *town) answers() map[question]Decision {
	x.t.Helper()
	var qs []question
	var reqs []Request
	for _, r := range x.records {
		for _, channel := range []string{"voice", "email"} {
			for _, purpose := range []string{"marketing", "service"} {
				for _, product := range []string{"", "loan", "card"} {
					qs = append(qs, question{r, channel, purpose, product})
					reqs = append(reqs, Request{Who: Who{CustomerID: key(r).UUID().String()}, Channel: channel, Purpose: purpose, Product: product})
				}
			}
		}
	}
	ans, err := x.checker().Check(x.t.Context(), reqs, 0)
	if err != nil {
		x.t.Fatal(err)
	}
	out := map[question]Decision{}
	for i, a := range ans.Answers {
		out[qs[i]] = a.Decision
	}
	return out
}

func drawTown(t *rapid.T, tt testing.TB) *town {
	x := newTown(tt, "1", "2", "3", "4")
	points := []string{phoneA, phoneB, "+525512345678", mailA, "b@example.com"}
	for _, r := range x.records {
		x.states(r, rapid.SliceOfNDistinct(rapid.SampledFrom(points), 0, 3, rapid.ID).Draw(t, "points of "+r)...)
	}
	statements := 0
	for range rapid.IntRange(1, 9).Draw(t, "steps") {
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0, 1, 2:
			s := drawSaid(t, "s")
			s.choice = rapid.SampledFrom([]events.Choice{events.Deny, events.Deny, events.Allow}).Draw(t, "choice")
			x.fold(s.event(tt, statements))
			statements++
		case 3, 4:
			x.decide(drawGroups(t, x.records))
		case 5:
			freed := rapid.SliceOfNDistinct(rapid.SampledFrom(x.records), 1, 3, rapid.ID).Draw(t, "freed")
			x.fold(confirms(tt, x.id(), fmt.Sprint("s", rapid.IntRange(0, 8).Draw(t, "held")), freed...))
		}
	}
	return x
}

func drawGroups(t *rapid.T, records []string) [][]string {
	dealt := map[int][]string{}
	for _, r := range records {
		n := rapid.IntRange(0, 2).Draw(t, "group of "+r)
		dealt[n] = append(dealt[n], r)
	}
	var groups [][]string
	for n := range 3 {
		if len(dealt[n]) > 0 {
			groups = append(groups, dealt[n])
		}
	}
	return groups
}

// A dry run foresees the answers: what flips is listed, what is listed flips, and
// no merge or split turns a deny into an allow.
func TestComparisonForeseesTheAnswers(t *testing.T) {
	flips, stays := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		x := drawTown(rt, t)
		was, before := x.groups, x.answers()
		after := drawGroups(rt, x.records)
		got, err := x.checker().Comparison(t.Context(), idsOf(was), idsOf(after))
		if err != nil || got.Truncated {
			rt.Fatalf("compare: %+v, %v", got, err)
		}
		listed := map[question]Decision{}
		for _, f := range got.Flips {
			if f.Before == DecisionDeny || f.After == DecisionAllow {
				rt.Fatalf("a deny becomes an allow: %+v", f)
			}
			if len(f.Reasons) == 0 || f.Reasons[0].Texts.ES == "" {
				rt.Fatalf("no words: %+v", f)
			}
			for _, r := range x.records {
				if id := key(r).UUID(); slices.Contains(f.Records, id) && slices.Contains(f.Was, id) {
					listed[question{r, f.Channel, f.Purpose, f.Product}] = f.After
				}
			}
		}
		x.decide(after)
		for q, now := range x.answers() {
			what, said := listed[q]
			_, saidOther := listed[question{q.record, q.channel, q.purpose, AnyOther}]
			plain, saidPlain := listed[question{q.record, q.channel, q.purpose, ""}]
			switch {
			case said && what != now:
				rt.Fatalf("%v is %s, foreseen %s", q, now, what)
			case before[q] == DecisionAllow && now == DecisionDeny && !said && !(saidPlain && plain == now) && !(saidOther && q.product != ""):
				rt.Fatalf("%v flips from %s to %s in %v → %v, which is not listed", q, before[q], now, was, after)
			}
			if before[q] != now {
				flips++
			} else {
				stays++
			}
		}
	})
	if flips < enough(50) || stays < enough(50) {
		t.Errorf("%d answers flipped, %d stayed: the histories say too little", flips, stays)
	}
}

// Stated about the person, a deny outlives every regrouping in the real answers.
func TestRealRegroupingKeepsPersonalDenies(t *testing.T) {
	denied := 0
	rapid.Check(t, func(rt *rapid.T) {
		x := newTown(t, "1", "2", "3", "4")
		for _, r := range x.records {
			x.states(r, phoneA)
		}
		for i := range rapid.IntRange(2, 10).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "deny") {
				x.fold(deny(-10+i).on(rapid.SampledFrom(x.records).Draw(rt, "on")).about(products(rapid.SampledFrom(someProducts).Draw(rt, "product"))).event(t, i))
				continue
			}
			before := x.answers()
			x.decide(drawGroups(rt, x.records))
			for q, now := range x.answers() {
				if before[q] == DecisionDeny {
					denied++
					if now != DecisionDeny {
						rt.Fatalf("%v was denied before the records were grouped as %v", q, x.groups)
					}
				}
			}
		}
	})
	if denied < enough(200) {
		t.Errorf("only %d denied", denied)
	}
}

func TestComparisonOfOneMerge(t *testing.T) {
	x := newTown(t, "1", "2")
	x.states("1", phoneA)
	x.states("2", phoneB)
	x.fold(deny(-5).on("2").about(events.Scope{Channels: []string{"voice"}, Products: []string{"loan"}}).event(t, 0))
	merged, apart := [][]string{{"1", "2"}}, [][]string{{"1"}, {"2"}}
	got, err := x.checker().Comparison(t.Context(), idsOf(apart), idsOf(merged))
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, f := range got.Flips {
		if f.Channel != "voice" || f.Before != DecisionAllow || len(f.Records) != 2 || !slices.Equal(f.Was, []uuid.UUID{key("1").UUID()}) ||
			!slices.Equal(f.Statements, []string{events.StatementID("/crm/bank", "s0")}) || f.Reasons[0].Code != PersonDenied {
			t.Errorf("flip %+v", f)
		}
		asked = append(asked, f.Purpose+f.Product)
	}
	if want := []string{"marketing", "service", "collection", "survey"}; !slices.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
	x.decide(merged)
	if flips, err := x.checker().Compare(t.Context(), idsOf(merged), idsOf(apart)); err != nil || len(flips) != 0 {
		t.Errorf("a split frees somebody: %+v, %v", flips, err)
	}
	b, err := json.Marshal(got.Flips[0])
	if err != nil || len(b) == 0 {
		t.Fatal(err)
	}
}

// Two spellings of one number: the deny is about both, the allow about one. Which
// of them the customer is known by after a merge is no answer that flips.
func TestComparisonOfSpellings(t *testing.T) {
	x := newTown(t, "1", "2")
	x.states("1", "+5215512345678")
	later := events.CustomerRecorded{Record: events.Record{RecordKey: key("2")}, Kind: events.Person, Phones: []events.Phone{{Value: "+525512345678"}}}
	x.fold(envelope(t, events.CustomerRecordedV1, "", x.id(), hour(-10), time.Time{}, later),
		deny(-5).at2("+525512345678").event(t, 0), allow(-4).at2("+525512345678").event(t, 1))
	flips, err := x.checker().Compare(t.Context(), idsOf(x.groups), idsOf([][]string{{"1", "2"}}))
	if err != nil || len(flips) != 0 {
		t.Errorf("%+v, %v", flips, err)
	}
}

// A product that is denied by itself is told beside the question without product.
func TestComparisonNamesProducts(t *testing.T) {
	x := newTown(t, "1", "2")
	x.states("1", phoneA)
	x.states("2", phoneA)
	x.fold(deny(-6).on("1").about(products("card")).event(t, 0), deny(-5).on("2").about(products("loan")).event(t, 1))
	got, err := x.checker().Comparison(t.Context(), idsOf(x.groups), idsOf([][]string{{"1", "2"}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Flips {
		if want := map[uuid.UUID]string{key("1").UUID(): "loan", key("2").UUID(): "card"}[f.Was[0]]; f.Product != want {
			t.Errorf("flip %+v", f)
		}
	}
	if len(got.Flips) != 2*4*4 { // both customers, every usual channel and purpose
		t.Errorf("%d flips", len(got.Flips))
	}
}

func TestComparisonRefusesWhatItCannotKnow(t *testing.T) {
	x := newTown(t, "1", "2")
	x.states("1", phoneA)
	for name, groups := range map[string][2][][]string{
		"others": {{{"1"}}, {{"2"}}}, "one left out": {{{"1"}, {"2"}}, {{"1"}}}, "one twice": {{{"1", "1"}}, {{"1", "1"}}},
	} {
		if _, err := x.checker().Compare(t.Context(), idsOf(groups[0]), idsOf(groups[1])); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := x.checker().Compare(t.Context(), idsOf([][]string{{"1"}, {"2"}}), idsOf([][]string{{"1", "2"}})); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("a record that was never seen: %v", err)
	}
	h := &hub{store: x.store, end: x.folded + 1, last: x.folded + 1, at: x.folded}
	c, err := NewChecker(h.config(GoldenIdentity{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compare(t.Context(), nil, nil); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("a lagging projection: %v", err)
	}
	h.end, h.damage = x.folded, events.ErrDamaged
	if _, err := c.Compare(t.Context(), nil, nil); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("a damaged log: %v", err)
	}
}

func TestComparisonIsBounded(t *testing.T) {
	var records []string
	for i := range MaxParts + 20 {
		records = append(records, fmt.Sprint("r", i))
	}
	x := newTown(t, records...)
	for _, r := range records {
		x.states(r)
	}
	x.fold(deny(-5).on(records[0]).event(t, 0))
	got, err := x.checker().Comparison(t.Context(), idsOf(x.groups), idsOf([][]string{records}))
	if err != nil || !got.Truncated || len(got.Flips) != MaxFlips {
		t.Errorf("%d flips, truncated %v, %v", len(got.Flips), got.Truncated, err)
	}
}

// A crowd that was one customer by mistake, and is taken apart record by record,
// leaves every record with many former companions. None of them had carried
// anything away before, so none is asked what.
func TestDismantledCrowdIsAnswered(t *testing.T) {
	var records []string
	for i := range 50 {
		records = append(records, fmt.Sprint("r", i))
	}
	x := newTown(t, records...)
	for _, r := range records {
		x.states(r)
	}
	x.decide([][]string{records})
	x.fold(deny(-5).on("r40").event(t, 0))
	var leaving []events.Envelope
	for i := range records[1:] { // the one that the customer is named after leaves first
		leaving = append(leaving, x.decision([][]string{{records[i]}, records[i+1:]}))
	}
	x.fold(leaving...)
	x.fold(deny(-4).on("r30").event(t, 1))
	ask := func(r string) Answer {
		req := Request{Who: Who{CustomerID: key(r).UUID().String()}, Purpose: "marketing"}
		l, err := load(t.Context(), snapshot(t, x.store), GoldenIdentity{}, &req)
		if err != nil || len(l.subjects) != len(records) || l.links.carried != 0 {
			t.Fatalf("%s: %d subjects, %d asked what they carried away, %v", r, len(l.subjects), l.links.carried, err)
		}
		return Decide(&l.facts, &req, noon)
	}
	for r, want := range map[string]int{"r0": 1, "r7": 1, "r40": 1, "r49": 1, "r30": 2} { // r40's word is held over all, r30's came after
		if got := ask(r); len(statementsOf(got, PersonDenied)) != want {
			t.Errorf("%s: %v, want %d denies", r, got.Reasons, want)
		}
	}
	x.fold(confirms(t, "free", "s0", "r7"))
	if got := ask("r7"); got.Decision != DecisionAllow {
		t.Errorf("freed: %v", got.Reasons)
	}
}

// What nobody can look through is denied.
func TestTooManyHoldsAreDenied(t *testing.T) {
	ident := newWho().group("1")
	for i := range maxCarried + 2 {
		r := fmt.Sprint("x", i)
		ident.group(r).parted("1", r, 9).parted(r, "y"+r, 2)
	}
	for id := range ident.companions { // all had been parted before they came to 1
		for i := range ident.companions[id] {
			ident.companions[id][i].Since = 4
		}
	}
	got := ask(t, fold(t), ident, Request{Who: Who{CustomerID: key("1").UUID().String()}, Purpose: "marketing"}, noon)
	if got.Decision != DecisionDeny || !slices.Contains(codesOf(got, EffectDeny), SharedContactPoint) {
		t.Errorf("%s: %v", got.Decision, got.Reasons)
	}
}
