package matching

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSharedKeysSayWhoIsCompared: two records are candidates of each other exactly
// when one of the keys that they share says that they meet; and holders and heat are
// those of the records that have the key.
func TestSharedKeysSayWhoIsCompared(t *testing.T) {
	e := tightEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		x := indexOf(e, records)
		for _, a := range records {
			p, _ := x.Get(a.ID)
			s := x.scratch()
			x.collect(p, s)
			for _, b := range records {
				if a.ID == b.ID {
					continue
				}
				shared := x.SharedKeys(a.ID, b.ID)
				met := slices.ContainsFunc(shared, func(k BlockingKey) bool { return k.Met })
				if compared := slices.Contains(s.candidates, x.byID[b.ID]); met != compared {
					t.Fatalf("%v and %v: keys %+v, compared %v", a, b, shared, compared)
				}
				for _, k := range shared {
					if k.Holders < 2 || k.Hot != (k.Holders > limitOf(e, k.Name)) {
						t.Fatalf("key %+v", k)
					}
				}
			}
			x.pool.Put(s)
			if got, want := len(x.Keys(a.ID)), len(e.keys(p, nil)); got != want {
				t.Fatalf("%d keys are told, there are %d", got, want)
			}
		}
	})
}

func limitOf(e *Engine, name string) int {
	m := e.models.Person
	for _, r := range m.Blocking {
		if r.Key == name && r.Max > 0 {
			return r.Max
		}
	}
	return m.MaxBlock
}

// TestStandingAgreesWithCluster: what judgements come to by themselves is what they
// come to in a component of all the records, and one that a single newer one
// contradicts is no conflict.
func TestStandingAgreesWithCluster(t *testing.T) {
	e := newEngine(t)
	x := people(t, e, "aAbBcC")
	rapid.Check(t, func(t *rapid.T) {
		var js []Judgement
		for range rapid.IntRange(0, 6).Draw(t, "judgements") {
			names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "A", "b", "B", "c", "C", "z"}), 2, 4, rapid.ID[string]).Draw(t, "names")
			cut := rapid.IntRange(1, len(names)-1).Draw(t, "cut")
			j := same(strings.Join(names, ""))
			if rapid.Bool().Draw(t, "different") {
				j = different(strings.Join(names[:cut], ""), strings.Join(names[cut:], ""))
			}
			js = append(js, j)
		}
		s := Stand(js)
		in := component(x, "aAbBcC")
		in.Verdicts = js
		p := x.Cluster(in)
		if !slices.Equal(s.LeftOut(), p.LeftOut) {
			t.Fatalf("left out: %v; by the cluster %v", s.LeftOut(), p.LeftOut)
		}
		for _, i := range s.LeftOut() {
			alone := false
			for j := range i {
				if !slices.Contains(s.LeftOut(), j) && len(Stand([]Judgement{js[j], js[i]}).LeftOut()) > 0 {
					alone = true
				}
			}
			if s.Conflict(i) == alone {
				t.Fatalf("judgement %d of %v: conflict %v, one newer one contradicts it %v", i, js, s.Conflict(i), alone)
			}
		}
		for i, g := range p.Groups {
			for _, h := range p.Groups[i+1:] {
				n, apart := s.Apart(g, h)
				m, other := s.Apart(h, g)
				if apart != other || n != m {
					t.Fatalf("apart one way %v %d, the other %v %d", apart, n, other, m)
				}
				if apart && (js[n].Same || slices.Contains(s.LeftOut(), n)) {
					t.Fatalf("judgement %d keeps %v and %v apart: %v", n, g, h, js[n])
				}
			}
		}
	})
}
