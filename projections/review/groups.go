package review

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/projections"
)

// The sizes of a group: two customers are a pair, and more than ten are left as
// pairs, for nobody can judge them at once.
const (
	minGroup = 3
	maxGroup = 10
)

// component is customers that undecided pairs connect, and those pairs. Of more
// than maxGroup customers it is a part, as far as somebody looked.
type component struct {
	customers []uuid.UUID // sorted
	pairs     []uuid.UUID // items, sorted
	tooLarge  bool
}

// refreshGroups makes the groups around the marked customers anew.
func (t *turn) refreshGroups() {
	live := map[uuid.UUID]component{}
	done := map[uuid.UUID]bool{}
	gone := map[uuid.UUID]bool{}
	for todo := t.takeStarts(gone, done); len(todo) > 0; todo = t.takeStarts(gone, done) {
		for _, x := range todo {
			if done[x] {
				continue
			}
			c := t.componentOf(x)
			for _, y := range c.customers {
				done[y] = true
			}
			if !c.tooLarge && len(c.customers) >= minGroup {
				live[GroupID(c.customers)] = c
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(gone), compareIDs) {
		if _, lives := live[id]; !lives {
			t.dropGroup(id)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(live), compareIDs) {
		t.refreshGroup(id, live[id])
	}
}

// takeStarts gives the customers to look from: those marked, and all of the groups
// that one of them was in, which go into gone.
func (t *turn) takeStarts(gone, done map[uuid.UUID]bool) []uuid.UUID {
	for x := range t.starts {
		if g := t.record(x).group; g != uuid.Nil {
			t.groups[g] = true
		}
	}
	for id := range t.groups {
		if g := t.item(id); g != nil && !gone[id] {
			for _, c := range g.Customers {
				t.starts[c] = true
			}
		}
		gone[id] = true
	}
	var out []uuid.UUID
	for c := range t.starts {
		if !done[c] {
			out = append(out, c)
		}
	}
	clear(t.starts)
	return sorted(out)
}

// componentOf walks undecided pairs from a customer, who has fewer than maxGroup of
// them in any group.
func (t *turn) componentOf(x uuid.UUID) component {
	seen := map[uuid.UUID]bool{x: true}
	c := component{customers: []uuid.UUID{x}}
	for i := 0; i < len(c.customers) && !c.tooLarge; i++ {
		rg := projections.Prefix(c.customers[i][:])
		rg.Limit = maxGroup
		t.w.Scan(tablePairs, rg, func(row projections.Row) bool {
			c.pairs = append(c.pairs, uuid.UUID(row.Value))
			y := uuidAtEnd(row.Key)
			if seen[y] {
				return true
			}
			seen[y] = true
			c.customers = append(c.customers, y)
			c.tooLarge = len(c.customers) > maxGroup
			return !c.tooLarge
		})
	}
	sorted(c.customers)
	c.pairs = sorted(c.pairs)
	return c
}

// dropGroup ends what is no component any more: decided, it stays to be read.
func (t *turn) dropGroup(id uuid.UUID) {
	old := t.item(id)
	if old == nil {
		return
	}
	for i, x := range old.Customers {
		t.leaveGroup(x, id)
		for _, y := range old.Customers[:i] {
			t.setGroup(PairID(x, y), id, uuid.Nil)
		}
	}
	it := *old
	t.decide(&it, false)
	if it.undecided() {
		t.slot(id).now = nil
		return
	}
	t.slot(id).now = &it
}

func (t *turn) leaveGroup(customer, group uuid.UUID) {
	if r := t.record(customer); r.group == group {
		r.group = uuid.Nil
	}
}

// setGroup changes what a pair says of its group, if that was the given one or none.
func (t *turn) setGroup(pair, was, now uuid.UUID) {
	s := t.slot(pair)
	if s.now == nil || s.now.Group == now || s.now.Group != was {
		return
	}
	p := *s.now
	p.Group = now
	s.now = &p
}

func (t *turn) refreshGroup(id uuid.UUID, c component) {
	it := &Item{ID: id, Kind: KindGroup, Customers: c.customers}
	for _, x := range c.customers {
		it.Sides = append(it.Sides, t.membersOf(x))
	}
	t.describe(it)
	open := false
	for n, id := range c.pairs {
		p := t.item(id)
		open = open || p.State == StateOpen
		it.Reasons = append(it.Reasons, p.Reasons...)
		if n == 0 || p.Weight < it.Weight {
			it.Weight = p.Weight
		}
	}
	slices.SortFunc(it.Reasons, compareReasons)
	it.schedule()
	t.decide(it, true)
	group := id
	switch {
	case it.State == StateDecided:
		group = uuid.Nil
	case open:
		it.State, it.Decision = StateOpen, nil
	default:
		it.State = StateUnsure
	}
	for _, x := range c.customers {
		t.record(x).group = group
	}
	for _, pair := range c.pairs {
		t.setGroup(pair, t.item(pair).Group, group)
	}
	t.slot(id).now = it
}
