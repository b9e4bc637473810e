package steward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching/resolver"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// id is the n-th record of these tests.
func id(n int) uuid.UUID { return uuid.UUID{15: byte(n)} }

func ids(ns ...int) []uuid.UUID {
	out := make([]uuid.UUID, len(ns))
	for i, n := range ns {
		out[i] = id(n)
	}
	return out
}

// three is a group of three customers: 1 with 1 and 4, 2 with 2, 3 with 3 and 5.
func three() *review.Item {
	return &review.Item{Kind: review.KindGroup, Customers: ids(1, 2, 3), Sides: [][]uuid.UUID{ids(1, 4), ids(2), ids(3, 5)}, Records: ids(1, 2, 3, 4, 5)}
}

func aHold() *review.Item {
	return &review.Item{Kind: review.KindHold, Customers: ids(1, 2), Sides: [][]uuid.UUID{ids(1, 4), ids(2)}, Records: ids(1, 2, 4),
		Reasons: []review.Reason{{Code: review.CodeHeldDeny, Statement: "0123456789ABCDEF", A: id(1), B: id(2)}}}
}

// TestStatements: which events answer which item how.
func TestStatements(t *testing.T) {
	for _, c := range []struct {
		name    string
		item    *review.Item
		verdict events.Verdict
		exclude []uuid.UUID
		want    string // events, or the pointer of the misfit
	}{
		{"same", three(), "same", nil, "same [1 2 3 4 5]"},
		{"different", three(), "different", nil, "different [1 4] [2] [3 5]"},
		{"unsure", three(), "unsure", nil, "unsure [1 4] [2] [3 5]"},
		{"one customer left out", three(), "same", ids(3), "same [1 2 4]; different [1 2 4] [3 5]"},
		{"one record left out", three(), "same", ids(5), "same [1 2 3 4]; different [1 2 3 4] [5]"},
		{"a customer's own id is all of it", three(), "same", ids(1), "same [2 3 5]; different [2 3 5] [1 4]"},
		{"a customer and a record", three(), "same", ids(2, 5), "same [1 3 4]; different [1 3 4] [2 5]"},
		{"too many left out", three(), "same", ids(2, 3), "/exclude"},
		{"a stranger left out", three(), "same", ids(3, 9), "/exclude/1"},
		{"left out of different", three(), "different", ids(3), "/exclude"},
		{"no verdict", three(), "", nil, "/verdict"},
		{"other verdict", aHold(), "maybe", nil, "/verdict"},
		{"hold: not theirs", aHold(), "different", nil, "confirmed 0123456789ABCDEF [1 4]"},
		{"hold: one person", aHold(), "same", nil, "same [1 2 4]"},
		{"hold: unsure", aHold(), "unsure", nil, "unsure [1 4] [2]"},
		{"a verdict", &review.Item{Kind: review.KindVerdict}, "same", nil, ""},
	} {
		all, err := statements(c.item, Ruling{Verdict: c.verdict, Exclude: c.exclude, By: "ana", Reason: "r", Job: "j"})
		if err != nil {
			if m := (*Misfit)(nil); !errors.As(err, &m) || m.Pointer != c.want || m.Detail == "" || m.Remedy == "" {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			continue
		}
		got := ""
		for i, s := range all {
			if i > 0 {
				got += "; "
			}
			got += textOf(t, s)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func textOf(t *testing.T, s statement) string {
	t.Helper()
	numbers := func(set []uuid.UUID) []int {
		var ns []int
		for _, x := range set {
			ns = append(ns, int(x[15]))
		}
		return ns
	}
	switch d := s.data.(type) {
	case events.IdentityJudged:
		if d.By != "ana" || d.Reason != "r" || d.Job != "j" || s.typ != events.IdentityJudgedV1 {
			t.Errorf("%+v", d)
		}
		text := string(d.Verdict)
		for _, set := range d.Sets {
			text += fmt.Sprint(" ", numbers(set))
		}
		return text
	case events.ContactHoldConfirmed:
		if d.By != "ana" || d.Reason != "r" || s.typ != events.ContactHoldConfirmedV1 {
			t.Errorf("%+v", d)
		}
		return fmt.Sprint("confirmed ", d.Statement, " ", numbers(d.Records))
	}
	return "?"
}

// TestObstacles: why groups are not what a verdict says.
func TestObstacles(t *testing.T) {
	live := members{}
	for n := 1; n <= 6; n++ {
		live[id(n)] = member{Member: golden.Member{ID: id(n), Live: n != 6}}
	}
	for _, c := range []struct {
		name    string
		judged  events.IdentityJudged
		after   [][]uuid.UUID
		refused []events.IdentityLink
		want    []Obstacle
	}{
		{"one", events.IdentityJudged{Verdict: "same", Sets: [][]uuid.UUID{ids(1, 2, 3)}}, [][]uuid.UUID{ids(1, 2, 3, 4)}, nil, nil},
		{"two groups, no rule", events.IdentityJudged{Verdict: "same", Sets: [][]uuid.UUID{ids(1, 2, 3)}}, [][]uuid.UUID{ids(1, 4), ids(2, 3)}, nil,
			[]Obstacle{{ObstacleApart, id(1), id(2)}}},
		{"two groups, a rule", events.IdentityJudged{Verdict: "same", Sets: [][]uuid.UUID{ids(1, 2)}}, [][]uuid.UUID{ids(1, 4), ids(2, 3)},
			[]events.IdentityLink{{A: id(3), B: id(4), RefusedBy: "max_cluster"}, {A: id(1), B: id(5), RefusedBy: "mean"}},
			[]Obstacle{{"max_cluster", id(1), id(2)}}},
		{"a withdrawn one elsewhere", events.IdentityJudged{Verdict: "same", Sets: [][]uuid.UUID{ids(1, 2, 6)}}, [][]uuid.UUID{ids(1, 2), ids(6)}, nil, nil},
		{"apart", events.IdentityJudged{Verdict: "different", Sets: [][]uuid.UUID{ids(1), ids(2)}}, [][]uuid.UUID{ids(1, 3), ids(2)}, nil, nil},
		{"still together", events.IdentityJudged{Verdict: "different", Sets: [][]uuid.UUID{ids(1), ids(2), ids(3)}}, [][]uuid.UUID{ids(1, 3), ids(2)}, nil,
			[]Obstacle{{ObstacleTogether, id(1), id(3)}}},
		{"a withdrawn one alone", events.IdentityJudged{Verdict: "different", Sets: [][]uuid.UUID{ids(6), ids(1)}}, [][]uuid.UUID{ids(1, 6)}, nil,
			[]Obstacle{{ObstacleTogether, id(1), id(6)}}},
		{"unsure", events.IdentityJudged{Verdict: "unsure", Sets: [][]uuid.UUID{ids(1), ids(2)}}, [][]uuid.UUID{ids(1), ids(2)}, nil, nil},
	} {
		got := obstacles(c.judged, resolver.Foresight{After: c.after, Potential: c.refused}, live)
		for i := range got {
			if compareIDs(got[i].A, got[i].B) > 0 {
				got[i].A, got[i].B = got[i].B, got[i].A
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// blocked is a resolver in whose groups nothing changes.
type blocked struct {
	Resolver
	groups [][]uuid.UUID
}

func (b blocked) Foresee(context.Context, resolver.Hypothesis) (resolver.Foresight, error) {
	return resolver.Foresight{Before: b.groups, After: b.groups}, nil
}

// Blocked gives a desk whose resolver sees that nothing would change.
func Blocked(d *Desk, groups ...[]uuid.UUID) *Desk {
	cfg := d.cfg
	cfg.Resolver = blocked{cfg.Resolver, groups}
	return &Desk{cfg: cfg, claims: d.claims}
}

func TestContradict(t *testing.T) {
	same := func(sets ...[]uuid.UUID) events.IdentityJudged {
		return events.IdentityJudged{Verdict: events.VerdictSame, Sets: sets}
	}
	different := func(sets ...[]uuid.UUID) events.IdentityJudged {
		return events.IdentityJudged{Verdict: events.VerdictDifferent, Sets: sets}
	}
	for _, c := range []struct {
		a, b events.IdentityJudged
		want bool
	}{
		{same(ids(1, 2)), different(ids(1), ids(2)), true},
		{same(ids(1, 2, 3)), different(ids(1, 4), ids(3)), true},
		{same(ids(1, 2)), different(ids(1, 2), ids(3)), false},
		{same(ids(1, 2)), different(ids(1), ids(3)), false},
		{same(ids(1, 2), ids(3, 4)), different(ids(3), ids(4)), true},
		{same(ids(1, 2)), same(ids(1, 3)), false},
		{different(ids(1), ids(2)), different(ids(1), ids(2)), false},
	} {
		for _, pair := range [][2]events.IdentityJudged{{c.a, c.b}, {c.b, c.a}} {
			if got := contradict(pair[0], review.Judgement{Verdict: pair[1].Verdict, Sets: pair[1].Sets}); got != c.want {
				t.Errorf("%v and %v: %v", pair[0], pair[1], got)
			}
		}
	}
}

// TestRegroupingNames: a group has the id of the record that was first in the log.
func TestRegroupingNames(t *testing.T) {
	known := members{}
	for n, first := range map[int]events.Position{1: 30, 2: 10, 3: 20} {
		known[id(n)] = member{Member: golden.Member{ID: id(n), FirstSeen: first}, name: fmt.Sprint("n", n)}
	}
	before, after := known.groups([][]uuid.UUID{ids(1, 9), ids(2), ids(3)}), known.groups([][]uuid.UUID{ids(1, 2, 9), ids(3)})
	if before[0].Customer != id(1) || after[0].Customer != id(2) || after[0].Name != "n2" {
		t.Errorf("%+v %+v", before, after)
	}
	if got := redirects(before, after); !slices.Equal(got, []Redirect{{From: id(1), To: id(2)}}) {
		t.Errorf("redirects %v", got)
	}
}

func TestUnion(t *testing.T) {
	items := []review.Item{
		{Customers: ids(1, 2), Sides: [][]uuid.UUID{ids(1, 11), ids(2)}, Pattern: "b"},
		{Customers: ids(2, 3), Sides: [][]uuid.UUID{ids(2), ids(3)}, Pattern: "a"},
		{Customers: ids(4, 5), Sides: [][]uuid.UUID{ids(4), ids(5)}, Pattern: "b"},
	}
	u := newUnion()
	for _, it := range items {
		u.join(it.Customers)
	}
	if u.size() != 5 || u.parts() != 2 {
		t.Errorf("%d customers, %d left", u.size(), u.parts())
	}
	before, after := joinedSets(items)
	if len(before) != 5 || len(after) != 2 || len(slices.Concat(before...)) != len(slices.Concat(after...)) {
		t.Errorf("%v %v", before, after)
	}
	if got := patternsOf(items); !slices.Equal(got, []review.PatternCount{{Pattern: "b", Count: 2}, {Pattern: "a", Count: 1}}) {
		t.Errorf("%v", got)
	}
	if got := spread(items, 2); len(got) != 2 || got[1].Pattern != "a" || len(spread(items, 9)) != 3 || len(spread(nil, 3)) != 0 {
		t.Errorf("%v", got)
	}
}

func TestDecisionOf(t *testing.T) {
	name := events.EventID{Source: Source, ID: review.DecisionEventID(id(7), 41, 1)}
	if item, version, ok := decisionOf(name); item != id(7) || version != 41 || !ok {
		t.Errorf("%s at %d, %v", item, version, ok)
	}
	for _, bad := range []events.EventID{{Source: "/x", ID: name.ID}, {Source: Source, ID: "merge.click-1"}, {Source: Source, ID: "review.x.1.0"}, {Source: Source, ID: "review." + id(1).String() + ".x.0"}} {
		if _, _, ok := decisionOf(bad); ok {
			t.Errorf("%v is a decision", bad)
		}
	}
}
