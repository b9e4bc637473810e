package matching

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// tightEngine has low limits, so that a handful of records makes keys hot, splits
// blocks, crosses sharing steps and overfills clusters.
func tightEngine(t testing.TB) *Engine {
	t.Helper()
	raw, err := os.ReadFile("person.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tight := regexp.MustCompile(`, max: \d+`).ReplaceAllString(string(raw), ", max: 2")
	tight = regexp.MustCompile(`max_block: \d+`).ReplaceAllString(tight, "max_block: 3")
	tight = regexp.MustCompile(`max_cluster: \d+`).ReplaceAllString(tight, "max_cluster: 4")
	m, err := DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	if m.Person, err = ParseModel([]byte(tight)); err != nil {
		t.Fatal(err)
	}
	return NewEngine(m)
}

// drawRecord makes records that agree with each other often: few names, places and
// numbers, with typos and gaps.
func drawRecord(t *rapid.T, n int) Record {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	r := Record{ID: recordID(fmt.Sprint("r", n)), Kind: Person}
	r.Names = []Name{{
		Given:   pick("given", "Maria", "Maria", "Mario", "Paco", "Francisco", "Jose Luis", "J.", "", "Luisa"),
		Family:  pick("family", "Garcia", "Garcia", "Gracia", "Quixtan", "de la Cruz", ""),
		Family2: pick("family2", "", "", "Lopez", "Lopes", "L."),
		Suffix:  pick("suffix", "", "", "", "Jr", "Sr"),
	}}
	r.BirthDate = pick("birth", "", "1980-02-03", "1980-02-03", "03/02/1980", "1980-03-02", "1955-07-21", "1980-01-01")
	r.Gender = pick("gender", "", "F", "M")
	if p := pick("phone", "", "50255551234", "50255551234", "5555 1235", "50244443333"); p != "" {
		r.Phones = []Phone{{p, "GT"}}
	}
	if e := pick("email", "", "mgarcia80@example.com", "mgarcia80@example.com", "paco@example.org"); e != "" {
		r.Emails = []string{e}
	}
	if d := pick("document", "", "", "12345678Z", "87654321X", "12345678A"); d != "" {
		r.Documents = []Document{{"dni", d, "ES"}}
	}
	if a := pick("street", "", "Calle Mayor 5", "C/ Mayor 5", "Avenida Sol 12 2 B"); a != "" {
		r.Addresses = []Address{{Street: a, Locality: "Madrid", PostalCode: pick("postal", "", "28001", "28002")}}
	}
	return r
}

func drawRecords(t *rapid.T) []Record {
	n := rapid.IntRange(2, 14).Draw(t, "records")
	out := make([]Record, n)
	for i := range out {
		out[i] = drawRecord(t, i)
	}
	return out
}

func indexOf(e *Engine, records []Record) *Index {
	x := NewIndex(e)
	for _, r := range records {
		x.Put(e.Prepare(r))
	}
	return x
}

// snapshot is everything that an index answers.
type snapshot struct {
	edges  map[uuid.UUID][]Edge
	groups Partition
}

func snap(x *Index) snapshot {
	s := snapshot{edges: map[uuid.UUID][]Edge{}}
	var c Component
	for id := range x.byID {
		s.edges[id] = x.Edges(id)
		c.Records = append(c.Records, id)
		c.Edges = append(c.Edges, s.edges[id]...)
	}
	s.groups = x.Cluster(c)
	return s
}

func equalEdges(a, b []Edge) bool {
	return slices.EqualFunc(a, b, func(p, q Edge) bool {
		return p.A == q.A && p.B == q.B && p.Weight == q.Weight && p.Exclusive == q.Exclusive && slices.Equal(p.Levels, q.Levels)
	})
}

func equalPartitions(a, b Partition) bool {
	groups := slices.EqualFunc(a.Groups, b.Groups, slices.Equal[[]uuid.UUID])
	link := func(p, q Link) bool {
		return p.Rule == q.Rule && p.RefusedBy == q.RefusedBy && p.A == q.A && p.B == q.B && p.Weight == q.Weight
	}
	return groups && slices.EqualFunc(a.Links, b.Links, link) && slices.EqualFunc(a.Potential, b.Potential, link)
}

func (s snapshot) differs(o snapshot) string {
	for id, edges := range s.edges {
		if !equalEdges(edges, o.edges[id]) {
			return fmt.Sprintf("edges of %s: %v and %v", id, edges, o.edges[id])
		}
	}
	if len(s.edges) != len(o.edges) {
		return "number of records"
	}
	if !equalPartitions(s.groups, o.groups) {
		return fmt.Sprintf("partitions: %+v and %+v", s.groups, o.groups)
	}
	return ""
}

func shuffled[T any](t *rapid.T, in []T) []T {
	out := slices.Clone(in)
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 1))
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	e := tightEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		first := snap(indexOf(e, records))
		if d := first.differs(snap(indexOf(e, shuffled(t, records)))); d != "" {
			t.Fatal(d)
		}
	})
}

// Adding records and taking them out again, or replacing them and putting the old
// ones back, restores every edge and group.
func TestAddAndRemoveRestores(t *testing.T) {
	e := tightEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		x := indexOf(e, records)
		before := snap(x)
		guests := rapid.IntRange(1, 8).Draw(t, "guests")
		for i := range guests {
			x.Put(e.Prepare(drawRecord(t, 100+i)))
		}
		replaced := rapid.IntRange(0, len(records)-1).Draw(t, "replaced")
		x.Put(e.Prepare(drawRecord(t, replaced)))
		for _, i := range shuffled(t, []int{0, 1, 2, 3, 4, 5, 6, 7}) {
			x.Remove(recordID(fmt.Sprint("r", 100+i)))
		}
		x.Put(e.Prepare(records[replaced]))
		if d := before.differs(snap(x)); d != "" {
			t.Fatal(d)
		}
		if x.Len() != len(records) {
			t.Fatalf("%d records, want %d", x.Len(), len(records))
		}
	})
}

func TestRemovingEverythingLeavesNothing(t *testing.T) {
	e := tightEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		x := indexOf(e, records)
		for _, r := range shuffled(t, records) {
			x.Remove(r.ID)
		}
		if x.Len() != 0 || len(x.table) != 0 || len(x.spare) != len(x.blocks) || len(x.free) != len(x.slots) {
			t.Fatalf("left over: %d records, %d keys, %d of %d blocks, %d of %d slots", x.Len(), len(x.table), len(x.blocks)-len(x.spare), len(x.blocks), len(x.slots)-len(x.free), len(x.slots))
		}
	})
}

// Whoever's edges change is the record itself, one end of its edges before or
// after, or among touched.
func TestTouchedCoversEveryChange(t *testing.T) {
	e := tightEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		x := indexOf(e, drawRecords(t))
		for step := range rapid.IntRange(1, 6).Draw(t, "steps") {
			before := snap(x)
			id := recordID(fmt.Sprint("r", rapid.IntRange(0, 20).Draw(t, "n")))
			var touched []uuid.UUID
			if rapid.Bool().Draw(t, "put") {
				r := drawRecord(t, 0)
				r.ID = id
				touched = x.Put(e.Prepare(r))
			} else {
				touched = x.Remove(id)
			}
			after := snap(x)
			known := append(slices.Clone(touched), id)
			for _, edge := range append(before.edges[id], after.edges[id]...) {
				known = append(known, edge.other(id))
			}
			for other, edges := range after.edges {
				if !equalEdges(edges, before.edges[other]) && !slices.Contains(known, other) {
					t.Fatalf("step %d: edges of %s changed unannounced: %v, now %v", step, other, before.edges[other], edges)
				}
			}
			if slices.Contains(touched, id) || !slices.IsSortedFunc(touched, compareIDs) {
				t.Fatalf("touched must be sorted and leave out the record itself: %v", touched)
			}
		}
	})
}

// The oracle counts keys without any index and scores all pairs.
func TestEdgesAgreeWithAllPairs(t *testing.T) {
	e := tightEngine(t)
	m := e.models.Person
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		x := indexOf(e, records)
		ps := make([]*Prepared, len(records))
		for i, r := range records {
			ps[i], _ = x.Get(r.ID)
		}
		for i, p := range ps {
			var want []Edge
			for j, q := range ps {
				if i != j && naiveCandidates(e, ps, p, q) {
					if edge := x.Score(p.id, q.id); edge.Weight >= m.Review() {
						want = append(want, edge)
					}
				}
			}
			slices.SortFunc(want, func(a, b Edge) int { return compareIDs(a.other(p.id), b.other(p.id)) })
			if got := x.Edges(p.id); !equalEdges(got, want) {
				t.Fatalf("edges of %d: %v, want %v", i, got, want)
			}
		}
	})
}

// naiveCandidates says by counting whether two records share a usable key.
func naiveCandidates(e *Engine, all []*Prepared, p, q *Prepared) bool {
	m := e.models.Person
	for _, key := range e.keys(p, nil) {
		if !holds(e.keys(q, nil), key) {
			continue
		}
		r := m.Blocking[rule(key)]
		limit := r.Max
		if limit == 0 {
			limit = m.MaxBlock
		}
		split := splitters[r.Split]
		holders, sub := 0, 0
		for _, o := range all {
			if holds(e.keys(o, nil), key) {
				holders++
				if split(o) == split(p) {
					sub++
				}
			}
		}
		if holders <= limit || split(p) != 0 && split(p) == split(q) && sub <= limit {
			return true
		}
	}
	return false
}

func TestEdgesAreSymmetric(t *testing.T) {
	e := tightEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		x := indexOf(e, drawRecords(t))
		s := snap(x)
		for id, edges := range s.edges {
			for _, edge := range edges {
				if compareIDs(edge.A, edge.B) >= 0 {
					t.Fatalf("ends out of order: %v", edge)
				}
				if !slices.ContainsFunc(s.edges[edge.other(id)], func(o Edge) bool { return o.A == edge.A && o.B == edge.B && o.Weight == edge.Weight }) {
					t.Fatalf("%v is missing at the other end", edge)
				}
			}
		}
	})
}

func TestExplanationSumsToTheWeight(t *testing.T) {
	e := newEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		x := indexOf(e, []Record{drawRecord(t, 1), drawRecord(t, 2)})
		a, b := recordID("r1"), recordID("r2")
		explanation, sum := x.Explain(a, b), int64(0)
		for _, r := range explanation.Rows {
			sum += r.Weight
			if r.Comparison == "" || r.Level == "" {
				t.Fatalf("row without words: %+v", r)
			}
		}
		if sum != explanation.Total || explanation.Total != x.Score(b, a).Weight {
			t.Fatalf("rows sum to %d, total %d, score %d", sum, explanation.Total, x.Score(b, a).Weight)
		}
		if explanation.Probability < 0 || explanation.Probability > 1 {
			t.Fatalf("probability %v", explanation.Probability)
		}
	})
}

func TestProbeAgreesWithEdges(t *testing.T) {
	e := newEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		x := indexOf(e, drawRecords(t))
		for id := range x.byID {
			p, _ := x.Get(id)
			if got, want := x.Probe(p), x.Edges(id); !equalEdges(got, want) {
				t.Fatalf("a resident record probes as %v, and has %v", got, want)
			}
		}
	})
}

// Readers may run side by side between writes (run with -race).
func TestConcurrentReaders(t *testing.T) {
	e := newEngine(t)
	x := NewIndex(e)
	for _, r := range town(200, 2) {
		x.Put(e.Prepare(r))
	}
	want := snap(x)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for id, edges := range want.edges {
				if !equalEdges(x.Edges(id), edges) {
					t.Errorf("edges of %s differ between readers", id)
				}
			}
		})
	}
	wg.Wait()
}

// Groups of a town: what one person's records become, and how rarely two people
// are taken for one.
func TestTownIsFound(t *testing.T) {
	e := newEngine(t)
	x := NewIndex(e)
	truth, predicted := map[string]string{}, map[string]string{}
	var c Component
	for p := range 1500 {
		for n := range 1 + p%3 {
			r := townRecord(rand.New(rand.NewPCG(uint64(p), uint64(n))), p, n)
			x.Put(e.Prepare(r))
			truth[r.ID.String()] = fmt.Sprint(p)
			c.Records = append(c.Records, r.ID)
		}
	}
	for _, id := range c.Records {
		c.Edges = append(c.Edges, x.EdgesAfter(id)...)
	}
	for _, g := range x.Cluster(c).Groups {
		for _, id := range g {
			predicted[id.String()] = g[0].String()
		}
	}
	f := Evaluate(truth, predicted)
	if f.Precision < 0.995 || f.Recall < 0.93 {
		t.Errorf("precision %.4f, recall %.4f; want .995 and .93", f.Precision, f.Recall)
	}
	t.Logf("%+v", f)
}
