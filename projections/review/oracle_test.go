package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
)

// oracle works out after each event, from golden's rows and all verdicts and
// statements so far, what every item must be. It looks at everything each time and
// shares nothing with the fold but the types, the ids of items and the suspicion.
type oracle struct {
	t     testing.TB
	r     projections.Reader
	at    events.Position
	now   time.Time
	items map[uuid.UUID]Item // as they were after the last event

	verdicts  []*told
	withdrawn map[events.EventID]bool
	since     map[string]time.Time       // of a record pair that waits
	known     map[string]events.Position // cause of a conflict
	denies    []deny
	ended     map[string][]string // folio → sources that took it back
	arrived   map[string]bool     // folios of statements that are no provisional ones
	freed     []freeing
	owner     map[uuid.UUID]uuid.UUID
	members   map[uuid.UUID][]uuid.UUID
	live      map[uuid.UUID]bool
	leftOut   map[events.EventID]bool // verdicts that newer ones contradict
}

type told struct {
	id       events.EventID
	stamp    events.Stamp
	position events.Position
	data     events.IdentityJudged
	seen     map[uuid.UUID]string // item → its evidence, for unsure ones
}

type deny struct {
	folio    string
	position events.Position
	records  []uuid.UUID
	source   string
	of       *events.EventID
}

type freeing struct {
	folio    string
	record   uuid.UUID
	position events.Position
	id       events.EventID
}

func newOracle(t testing.TB) *oracle {
	return &oracle{t: t, items: map[uuid.UUID]Item{}, withdrawn: map[events.EventID]bool{}, since: map[string]time.Time{},
		known: map[string]events.Position{}, ended: map[string][]string{}, arrived: map[string]bool{}}
}

func (o *oracle) read(e events.Envelope, into any) {
	if err := json.Unmarshal(e.Data, into); err != nil {
		o.t.Fatal(err)
	}
}

// hear takes one event and works everything out anew.
func (o *oracle) hear(p events.Position, e events.Envelope, r projections.Reader, seen []int) {
	o.r, o.at, o.now = r, p, e.RecordedTime.UTC()
	var d events.IdentityResolved
	switch e.Type {
	case events.IdentityResolvedV1:
		o.read(e, &d)
	case events.IdentityJudgedV1:
		v := &told{id: events.EventID{Source: e.Source, ID: e.ID}, stamp: events.StampOf(e, nil), position: p, seen: map[uuid.UUID]string{}}
		o.read(e, &v.data)
		o.verdicts = append(o.verdicts, v)
	case events.IdentityJudgementWithdrawnV1:
		var w events.IdentityJudgementWithdrawn
		o.read(e, &w)
		o.withdrawn[w.Judgement] = true
	default:
		o.hearContact(p, e)
	}
	o.groupRecords(seen)
	o.readVerdicts()
	items := map[uuid.UUID]Item{}
	o.pairs(items, d, seen)
	o.holds(items)
	o.groups(items)
	for id, it := range items {
		it.Version = p
		if old, ok := o.items[id]; ok && judged(old) == judged(it) {
			it.Version = old.Version
		}
		items[id] = it
	}
	o.items = items
}

func (o *oracle) hearContact(p events.Position, e events.Envelope) {
	switch e.Type {
	case events.ContactStatedV1:
		var c events.ContactStated
		o.read(e, &c)
		folio := events.StatementID(e.Source, e.ID)
		x := deny{folio: folio, position: p, source: e.Source}
		if c.Ext != nil && c.Ext.Unconfirmed {
			x.of = c.Ext.Of
		} else {
			o.arrived[folio] = len(c.Records) > 0
		}
		for _, k := range c.Records {
			x.records = append(x.records, k.UUID())
		}
		if c.Choice == events.Deny {
			o.denies = append(o.denies, x)
		}
	case events.ContactStatementWithdrawnV1:
		var c events.ContactStatementWithdrawn
		o.read(e, &c)
		o.ended[c.Statement] = append(o.ended[c.Statement], e.Source)
	case events.ContactHoldConfirmedV1:
		var c events.ContactHoldConfirmed
		o.read(e, &c)
		for _, id := range c.Records {
			o.freed = append(o.freed, freeing{c.Statement, id, p, events.EventID{Source: e.Source, ID: e.ID}})
		}
	}
}

// judged is what of an item a steward judges, as text.
func judged(it Item) string {
	var b strings.Builder
	fmt.Fprint(&b, it.State, it.Customers, it.Sides, it.Live)
	for _, r := range it.Reasons {
		fmt.Fprint(&b, r.Code, r.A, r.B, r.Weight, r.Levels, r.Statement, r.Parted)
	}
	if d := it.Decision; d != nil {
		fmt.Fprint(&b, d.Verdict, d.Events, d.Final)
	}
	return b.String()
}

func (o *oracle) groupRecords(seen []int) {
	o.owner, o.members, o.live = map[uuid.UUID]uuid.UUID{}, map[uuid.UUID][]uuid.UUID{}, map[uuid.UUID]bool{}
	for _, n := range seen {
		c, ok, err := golden.CustomerOf(o.t.Context(), o.r, idOf(n))
		if err != nil || !ok {
			o.t.Fatal(ok, err)
		}
		doc, err := golden.Get(o.t.Context(), o.r, c)
		if err != nil {
			o.t.Fatal(err)
		}
		for _, m := range doc.Records {
			o.live[m.ID] = m.Live
		}
		o.owner[idOf(n)] = c
		o.members[c] = append(o.members[c], idOf(n))
	}
	for _, ms := range o.members {
		sorted(ms)
	}
}

// readVerdicts finds the ones that contradict newer ones: it takes one after the
// other, and each time draws all conclusions from the beginning.
func (o *oracle) readVerdicts() {
	o.leftOut = map[events.EventID]bool{}
	var in []*told
	for _, v := range o.verdicts {
		if !o.withdrawn[v.id] && v.data.Verdict != events.VerdictUnsure {
			in = append(in, v)
		}
	}
	sort.Slice(in, func(i, k int) bool { return in[i].stamp.Compare(in[k].stamp) > 0 })
	var good []*told
	for _, v := range in {
		if consistent(append(slices.Clone(good), v)) {
			good = append(good, v)
		} else {
			o.leftOut[v.id] = true
		}
	}
}

func consistent(vs []*told) bool {
	class := map[uuid.UUID]int{}
	for _, v := range vs {
		for _, id := range slices.Concat(v.data.Sets...) {
			if _, known := class[id]; !known {
				class[id] = len(class)
			}
		}
	}
	for _, v := range vs {
		for _, set := range v.data.Sets {
			for _, id := range set {
				if v.data.Verdict == events.VerdictSame {
					was, now := class[id], class[set[0]]
					for other := range class {
						if class[other] == was {
							class[other] = now
						}
					}
				}
			}
		}
	}
	for _, v := range vs {
		for n, set := range v.data.Sets {
			for m, other := range v.data.Sets {
				for _, a := range set {
					for _, b := range other {
						if v.data.Verdict == events.VerdictDifferent && n != m && class[a] == class[b] {
							return false
						}
					}
				}
			}
		}
	}
	return true
}

// pairs makes the items of kind pair: those with evidence now, and those of before
// that stay because they are decided.
func (o *oracle) pairs(items map[uuid.UUID]Item, d events.IdentityResolved, seen []int) {
	named := map[uuid.UUID]bool{}
	for _, g := range d.Groups {
		for _, m := range g {
			named[m.Record] = true
		}
	}
	since, known := map[string]time.Time{}, map[string]events.Position{}
	for _, n := range seen {
		links, err := golden.PotentialMatches(o.t.Context(), o.r, idOf(n))
		if err != nil {
			o.t.Fatal(err)
		}
		for _, l := range links {
			pair := sorted([]uuid.UUID{l.A, l.B})
			x, y := o.owner[pair[0]], o.owner[pair[1]]
			if x == y || idOf(n) != pair[0] {
				continue
			}
			key := fmt.Sprint(pair)
			since[key], known[key] = o.now, o.known[key]
			if was, ok := o.since[key]; ok {
				since[key] = was
			}
			if named[pair[0]] || named[pair[1]] {
				known[key] = d.Cause
			}
			code := CodeReviewBand
			if l.RefusedBy != "" {
				code = l.RefusedBy
			}
			id := PairID(x, y)
			it := items[id]
			it.ID, it.Kind, it.Customers = id, KindPair, sorted([]uuid.UUID{x, y})
			r := Reason{Code: code, A: pair[0], B: pair[1], Weight: l.Weight, Levels: l.Levels, Since: since[key]}
			if code == CodeVerdictConflict {
				r.Cause = known[key]
			}
			it.Reasons = append(it.Reasons, r)
			items[id] = it
		}
	}
	o.since, o.known = since, known
	for id, it := range items {
		o.complete(&it)
		best := it.Reasons[0]
		for _, r := range it.Reasons {
			if r.Weight > best.Weight {
				best = r
			}
		}
		it.Weight, it.Pattern = best.Weight, strings.Join(best.Levels, "; ")
		if best.Code != CodeReviewBand {
			it.Pattern = strings.TrimSuffix(best.Code+": "+it.Pattern, ": ")
		}
		o.decide(&it, true)
		items[id] = it
	}
	o.keepDecided(items, KindPair)
}

// keepDecided adds the items of before that have no evidence now and are decided.
func (o *oracle) keepDecided(items map[uuid.UUID]Item, k Kind) {
	for id, old := range o.items {
		if _, there := items[id]; there || old.Kind != k {
			continue
		}
		old.Group = uuid.Nil
		if o.decide(&old, false); old.State == StateDecided {
			items[id] = old
		}
	}
}

// groups finds the connected sets of undecided pairs.
func (o *oracle) groups(items map[uuid.UUID]Item) {
	next := map[uuid.UUID][]uuid.UUID{}
	for _, it := range items {
		if it.Kind == KindPair && it.State != StateDecided {
			x, y := it.Customers[0], it.Customers[1]
			next[x], next[y] = append(next[x], y), append(next[y], x)
		}
	}
	done := map[uuid.UUID]bool{}
	for x := range next {
		if done[x] {
			continue
		}
		set := []uuid.UUID{x}
		done[x] = true
		for i := 0; i < len(set); i++ {
			for _, y := range next[set[i]] {
				if !done[y] {
					done[y] = true
					set = append(set, y)
				}
			}
		}
		if len(set) >= 3 && len(set) <= 10 {
			o.group(items, sorted(set))
		}
	}
	o.keepDecided(items, KindGroup)
}

func (o *oracle) group(items map[uuid.UUID]Item, customers []uuid.UUID) {
	g := Item{ID: GroupID(customers), Kind: KindGroup, Customers: customers}
	var inside []Item
	for _, it := range items {
		if it.Kind == KindPair && it.State != StateDecided && slices.Contains(customers, it.Customers[0]) {
			inside = append(inside, it)
			g.Reasons = append(g.Reasons, it.Reasons...)
		}
	}
	o.complete(&g)
	g.Weight = inside[0].Weight
	open := false
	for _, it := range inside {
		g.Weight = min(g.Weight, it.Weight)
		open = open || it.State == StateOpen
	}
	o.decide(&g, true)
	if g.State != StateDecided {
		g.State = StateUnsure
		if open {
			g.State, g.Decision = StateOpen, nil
		}
		for _, it := range inside {
			it.Group = g.ID
			items[it.ID] = it
		}
	}
	items[g.ID] = g
}
