package resolver_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
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

// checks has rapid.Check try so many cases: FICHA_ROUNDS where that is set, else few,
// and fewer in short runs.
func checks(t *testing.T, few int) {
	t.Helper()
	n := few
	if testing.Short() {
		n = few / 4
	}
	if set, err := strconv.Atoi(os.Getenv("FICHA_ROUNDS")); err == nil && set > 0 && !testing.Short() {
		n = set
	}
	was := flag.Lookup("rapid.checks").Value.String()
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", was) })
}

// history makes up what happens to a few people, each known to several systems.
type history struct {
	t        *rapid.T
	n        int // events so far; also their minute
	pool     int // how many records there are; 0: recordsOfHistory
	verdicts []events.EventID
}

// records of a history: eight keys, of which a history may use any.
func recordKey(i int) events.RecordKey {
	return events.RecordKey{Source: "/s" + strconv.Itoa(i%3), ID: "r" + strconv.Itoa(i)}
}

const recordsOfHistory = 8

func (h *history) event(source string, typ events.Type, data any) events.Envelope {
	h.n++
	return event(source, fmt.Sprintf("e%d", h.n), h.n, typ, data)
}

// step is something that happens: mostly statements about records.
func (h *history) step() events.Envelope {
	switch rapid.IntRange(0, 11).Draw(h.t, "what") {
	case 0:
		k := h.key()
		return h.event(k.Source, events.CustomerWithdrawnV1, events.CustomerWithdrawn{Record: events.Record{RecordKey: k}, Reason: "deleted"})
	case 1:
		a, b := h.key(), h.key()
		return h.event("/s0", events.CustomerMergedAtSourceV1, events.CustomerMergedAtSource{Survivor: a, Losers: []events.RecordKey{b}})
	case 2:
		if len(h.verdicts) > 0 {
			return h.undo(rapid.SampledFrom(h.verdicts).Draw(h.t, "undone"))
		}
	case 3, 4, 5:
		e, _ := h.judge(h.sets(), rapid.SampledFrom([]events.Verdict{events.VerdictSame, events.VerdictDifferent, events.VerdictDifferent, events.VerdictUnsure}).Draw(h.t, "verdict"))
		return e
	}
	return h.stated(h.key())
}

func (h *history) key() events.RecordKey {
	return recordKey(rapid.IntRange(0, cmp.Or(h.pool, recordsOfHistory)-1).Draw(h.t, "record"))
}

// stated is one of three people, fully or in part, or the father of one, who has the
// same name and telephone.
func (h *history) stated(k events.RecordKey) events.Envelope {
	who := rapid.IntRange(0, 2).Draw(h.t, "who")
	c := events.CustomerRecorded{
		Record: events.Record{RecordKey: k}, Kind: events.Person,
		Names:     []events.Name{{Given: [...]string{"María José", "Pedro Antonio", "Concepción"}[who], Family: "Barrientos", Family2: "Ajú"}},
		BirthDate: [...]string{"1980-02-11", "1955-07-30", "1991-12-24"}[who],
		Phones:    []events.Phone{{Value: [...]string{"+50255123456", "+50255123456", "+50255129999"}[who]}},
	}
	switch rapid.IntRange(0, 6).Draw(h.t, "how") {
	case 0:
		c.BirthDate = ""
	case 1:
		c.Phones, c.Emails = nil, []events.Email{{Value: "barrientos@example.com"}}
	case 2:
		c.Documents = []events.Document{{Kind: "dpi", Number: [...]string{"2365487100101", "1965487100101", "2365487101009"}[rapid.IntRange(0, 2).Draw(h.t, "document")], Country: "GT"}}
	case 3:
		c.Names[0].Family2, c.BirthDate = "", c.BirthDate[:4]
	case 4:
		c.Names[0].Given, c.Gender = c.Names[0].Given[:1]+".", "female"
	}
	return h.event(k.Source, events.CustomerRecordedV1, c)
}

// sets draws two or three sets of records, the same record in several of them too.
func (h *history) sets() [][]uuid.UUID {
	sets := make([][]uuid.UUID, rapid.IntRange(1, 3).Draw(h.t, "sets"))
	for i := range sets {
		for range rapid.IntRange(1, 3).Draw(h.t, "size") {
			if id := h.key().UUID(); !slices.Contains(sets[i], id) {
				sets[i] = append(sets[i], id)
			}
		}
	}
	return sets
}

func (h *history) judge(sets [][]uuid.UUID, what events.Verdict) (events.Envelope, events.EventID) {
	e := h.event("/ficha/desk", events.IdentityJudgedV1, events.IdentityJudged{Sets: sets, Verdict: what, By: "ana"})
	id := events.EventID{Source: e.Source, ID: e.ID}
	h.verdicts = append(h.verdicts, id)
	return e, id
}

func (h *history) undo(id events.EventID) events.Envelope {
	return h.event("/ficha/desk", events.IdentityJudgementWithdrawnV1, events.IdentityJudgementWithdrawn{Judgement: id})
}

// steps draws what happens.
func (h *history) steps(least, most int) []events.Envelope {
	out := make([]events.Envelope, rapid.IntRange(least, most).Draw(h.t, "steps"))
	for i := range out {
		out[i] = h.step()
	}
	return out
}

// engines are the default one, and one with low limits: a handful of records makes
// keys hot and clusters too large.
func engines(t *testing.T) []*matching.Engine {
	return []*matching.Engine{engine(t), tuned(t, "max_block: 200", "max_block: 3", "max_cluster: 200", "max_cluster: 4",
		"max: 60", "max: 2", "max: 100", "max: 2", "max: 40", "max: 2")}
}

// afterwards is when a history is over.
func afterwards() time.Time { return day.Add(1000 * time.Minute) }

// failer is what a test and a case of rapid have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// bench runs a resolver over a log in the test's own goroutine.
type bench struct {
	t     failer
	ctx   context.Context
	log   *eventstest.Log
	state *resolvertest.Memory
	r     *resolver.Resolver
	e     *matching.Engine
}

func newBench(t failer, e *matching.Engine) *bench {
	b := &bench{t: t, ctx: context.Background(), log: eventstest.NewLog(clock), state: resolvertest.NewMemory(), e: e}
	b.restart()
	return b
}

// restart forgets what is in memory.
func (b *bench) restart() {
	r, err := resolver.New(resolver.Config{Log: b.log, State: b.state, Engine: b.e, Clock: afterwards})
	if err != nil {
		b.t.Fatal(err)
	}
	b.r = r
}

// tell appends events in pieces, deciding after each and restarting now and then,
// with or without the saved state.
func (b *bench) tell(t *rapid.T, evs []events.Envelope) {
	for len(evs) > 0 {
		n := rapid.IntRange(1, len(evs)).Draw(t, "cut")
		if _, err := b.log.Append(b.ctx, evs[:n]); err != nil {
			b.t.Fatal(err)
		}
		evs = evs[n:]
		switch rapid.IntRange(0, 7).Draw(t, "restart") {
		case 0:
			b.state = resolvertest.NewMemory()
			b.restart()
		case 1:
			b.restart()
		}
		b.settle()
	}
}

func (b *bench) settle() {
	if err := b.r.Settle(b.ctx, 5); err != nil {
		b.t.Fatal(err)
	}
}

// content is what a log's decisions come to: the groups of live records, their
// links, and the open pairs, as the golden projection folds them.
type content struct {
	groups map[uuid.UUID][]uuid.UUID // live record → the live records of its group, sorted
	links  []string
	open   map[[2]uuid.UUID]events.IdentityLink
}

// fold reads a log as the golden projection does.
func (b *bench) fold() content {
	group, members := map[uuid.UUID]int{}, map[int][]uuid.UUID{}
	live, newest := map[uuid.UUID]bool{}, map[uuid.UUID]events.Stamp{}
	links, open := map[[2]uuid.UUID]events.IdentityLink{}, map[[2]uuid.UUID]events.IdentityLink{}
	next := 0
	for e, err := range b.log.Read(b.ctx, events.ReadOptions{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		switch e.Type {
		case events.CustomerRecordedV1, events.CustomerWithdrawnV1:
			var d struct{ Record events.Record }
			must(b.t, json.Unmarshal(e.Data, &d))
			id := d.Record.UUID()
			if s := events.StampOf(e.Envelope, nil); s.Compare(newest[id]) > 0 {
				live[id], newest[id] = e.Type == events.CustomerRecordedV1, s
			}
			if _, known := group[id]; !known {
				next++
				group[id], members[next] = next, []uuid.UUID{id}
			}
		case events.IdentityResolvedV1:
			var d events.IdentityResolved
			must(b.t, json.Unmarshal(e.Data, &d))
			next = regroup(b.t, d, group, members, next)
			replace(d, links, d.Links)
			replace(d, open, d.Potential)
		}
	}
	return contentOf(group, members, live, links, open)
}

func must(t failer, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func regroup(t failer, d events.IdentityResolved, group map[uuid.UUID]int, members map[int][]uuid.UUID, next int) int {
	replaced, named := map[uuid.UUID]bool{}, 0
	for _, g := range d.Groups {
		for _, m := range g {
			named++
			for _, old := range members[group[m.Record]] {
				replaced[old] = true
			}
		}
	}
	if len(replaced) != named {
		t.Fatalf("a decision is not closed: it replaces %d records and names %d", len(replaced), named)
	}
	for _, g := range d.Groups {
		next++
		for _, m := range g {
			group[m.Record] = next
			members[next] = append(members[next], m.Record)
		}
	}
	return next
}

// replace makes the given pairs all that there are at the decision's records.
func replace(d events.IdentityResolved, pairs map[[2]uuid.UUID]events.IdentityLink, now []events.IdentityLink) {
	at := map[uuid.UUID]bool{}
	for _, g := range d.Groups {
		for _, m := range g {
			at[m.Record] = true
		}
	}
	maps.DeleteFunc(pairs, func(p [2]uuid.UUID, _ events.IdentityLink) bool { return at[p[0]] || at[p[1]] })
	for _, l := range now {
		pairs[[2]uuid.UUID{l.A, l.B}] = l
	}
}

func contentOf(group map[uuid.UUID]int, members map[int][]uuid.UUID, live map[uuid.UUID]bool, links, open map[[2]uuid.UUID]events.IdentityLink) content {
	c := content{groups: map[uuid.UUID][]uuid.UUID{}, open: open}
	for id, g := range group {
		if !live[id] {
			continue
		}
		for _, o := range members[g] {
			if live[o] {
				c.groups[id] = append(c.groups[id], o)
			}
		}
		slices.SortFunc(c.groups[id], func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	}
	for p, l := range links {
		if group[p[0]] == group[p[1]] {
			c.links = append(c.links, fmt.Sprintf("%s-%s %d %s %v", p[0], p[1], l.Weight, l.Rule, l.Levels))
		}
	}
	slices.Sort(c.links)
	return c
}

// lines says the content in a form to compare.
func (c content) lines() string {
	out := []string{}
	for id, g := range c.groups {
		if g[0] == id {
			out = append(out, fmt.Sprint("group ", g))
		}
	}
	for p, l := range c.open {
		out = append(out, fmt.Sprintf("open %v %d %s %s %v", p, l.Weight, l.Rule, l.RefusedBy, l.Levels))
	}
	slices.Sort(out)
	return fmt.Sprint(out, c.links)
}
