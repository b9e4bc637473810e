package golden_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/oracletest"
	"ficha/projections/projectionstest"
)

func content(t *testing.T, evs []events.Envelope) []string {
	t.Helper()
	lines, err := golden.Content(t.Context(), folded(t, evs...))
	if err != nil {
		t.Fatalf("read content: %v", err)
	}
	slices.Sort(lines)
	return lines
}

func TestContentAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		got := content(t, h.evs)
		want, err := oracletest.Golden(h.evs)
		if err != nil {
			rt.Fatalf("oracle: %v", err)
		}
		slices.Sort(want)
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			rt.Fatalf("got\n%s\nwant\n%s", g, w)
		}
	})
}

func TestContentDoesNotDependOnArrival(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		last := h.final()
		want := projections.ContentDigest(content(t, append(slices.Clone(h.evs), last)))
		statements := slices.DeleteFunc(slices.Clone(h.evs), func(e events.Envelope) bool { return e.Type == events.IdentityResolvedV1 })
		shuffled := rapid.Permutation(statements).Draw(rt, "arrival")
		if got := projections.ContentDigest(content(t, append(shuffled, last))); got != want {
			rt.Fatalf("digest %s, want %s", got, want)
		}
	})
}

func TestReadsAgreeWithEachOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		store := projectionstest.NewMemory()
		end := projectionstest.Fold(t, store, folds(), h.evs...)
		snap := snapshot(t, store)
		customers, live := 0, 0
		for _, g := range h.groups {
			first := get(t, snap, g[0])
			customers++
			if first.Live {
				live++
			}
			for _, r := range g {
				c := get(t, snap, r)
				if c.ID != first.ID || len(c.Records) != len(g) || (c.RedirectedFrom == id(r)) != (c.ID != id(r)) {
					rt.Fatalf("record %s answers as %s (redirected from %s) with %d records, want %s with %d", r, c.ID, c.RedirectedFrom, len(c.Records), first.ID, len(g))
				}
				then, err := golden.GetAt(t.Context(), snap, id(r), golden.AsOf{KnownAt: end})
				if err != nil {
					rt.Fatalf("get as of the end: %v", err)
				}
				then.Version, then.Position = c.Version, c.Position
				requireEqual(rt, c, then)
			}
			requireAnchor(rt, first)
		}
		n, err := golden.ReadCounts(t.Context(), snap)
		if err != nil || int(n.Customers) != customers || int(n.LiveCustomers) != live {
			rt.Fatalf("counts %+v (%v), want %d customers, %d live", n, err, customers, live)
		}
		requirePotential(rt, t, snap, n.Potential)
	})
}

func requireAnchor(rt *rapid.T, c golden.Customer) {
	for _, m := range c.Records {
		if m.ID == c.ID {
			for _, o := range c.Records {
				if o.FirstSeen < m.FirstSeen {
					rt.Fatalf("the anchor was first seen at %d, another record at %d", m.FirstSeen, o.FirstSeen)
				}
			}
			return
		}
	}
	rt.Fatalf("customer %s has no record of that id", c.ID)
}

func requirePotential(rt *rapid.T, t *testing.T, snap projections.Reader, counted uint64) {
	both := 0
	for _, r := range []string{"1", "2", "3", "4", "5"} {
		links, err := golden.PotentialMatches(t.Context(), snap, id(r))
		if err != nil {
			rt.Fatalf("read potential matches: %v", err)
		}
		both += len(links)
	}
	if uint64(both) != 2*counted {
		rt.Fatalf("%d rows of potential matches, %d pairs counted", both, counted)
	}
}

func requireEqual(rt *rapid.T, want, got any) {
	w, err := oracletest.Canonical(want)
	if err != nil {
		rt.Fatal(err)
	}
	g, err := oracletest.Canonical(got)
	if err != nil {
		rt.Fatal(err)
	}
	if w != g {
		rt.Fatalf("got  %s\nwant %s", g, w)
	}
}

// What was a customer at some position answers the same when asked later.
func TestAsOfIsWhatWasAnsweredThen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		store := projectionstest.NewMemory()
		cut := rapid.IntRange(1, len(h.evs)).Draw(rt, "cut")
		then := projectionstest.Fold(t, store, folds(), h.evs[:cut]...)
		before := snapshot(t, store)
		projectionstest.Fold(t, store, folds(), h.evs[cut:]...)
		after := snapshot(t, store)
		for _, r := range []string{"1", "2", "3", "4", "5"} {
			want, err := golden.Get(t.Context(), before, id(r))
			got, errThen := golden.GetAt(t.Context(), after, id(r), golden.AsOf{KnownAt: then})
			if (err == nil) != (errThen == nil) {
				rt.Fatalf("record %s: then %v, asked later %v", r, err, errThen)
			}
			want.Version, want.Position = 0, 0
			requireEqual(rt, want, got)
		}
	})
}

func TestReplayIsTheSameByteForByte(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		numbered(h.evs)
		once, oneByOne := projectionstest.NewMemory(), projectionstest.NewMemory()
		projectionstest.Fold(t, once, folds(), h.evs...)
		for _, e := range h.evs {
			projectionstest.Fold(t, oneByOne, folds(), e)
		}
		a, err := projections.ReplayDigest(t.Context(), snapshot(t, once), golden.New().Tables())
		if err != nil {
			rt.Fatal(err)
		}
		b, err := projections.ReplayDigest(t.Context(), snapshot(t, oneByOne), golden.New().Tables())
		if err != nil {
			rt.Fatal(err)
		}
		if a != b {
			rt.Fatalf("digests differ:\n%s\n%s", projectionstest.Dump(t, once), projectionstest.Dump(t, oneByOne))
		}
	})
}
