package review

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
)

// uncontradicted says which of the verdicts same and different hold: read from the
// newest to the oldest, each one that does not contradict those already taken, as
// the resolver does it. The others are left out whole.
func uncontradicted(verdicts []*Judgement) map[uuid.UUID]bool {
	newestFirst := slices.SortedFunc(slices.Values(verdicts), func(a, b *Judgement) int { return b.Stamp.Compare(a.Stamp) })
	t := taken{parent: map[uuid.UUID]uuid.UUID{}, apart: map[uuid.UUID]map[uuid.UUID]bool{}}
	out := map[uuid.UUID]bool{}
	for _, j := range newestFirst {
		if j.Verdict != events.VerdictUnsure && t.take(j) {
			out[j.ID] = true
		}
	}
	return out
}

// connected gives the verdicts same and different in force that bear on each other
// by way of records, beginning with those that name one of the given ones.
func (t *turn) connected(records []uuid.UUID) []*Judgement {
	var out []*Judgement
	seen, met := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	todo := slices.Clone(records)
	for len(todo) > 0 {
		r := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[r] {
			continue
		}
		seen[r] = true
		for _, id := range t.record(r).verdicts {
			j := t.judgement(id)
			if met[id] || j == nil || !j.InForce() || j.Verdict == events.VerdictUnsure {
				continue
			}
			met[id] = true
			out = append(out, j)
			todo = append(todo, j.records()...)
		}
	}
	return out
}

// stands says whether newer verdicts leave a verdict in force as it is.
func (t *turn) stands(j *Judgement) bool {
	if j.Verdict == events.VerdictUnsure {
		return true
	}
	if stands, known := t.standing[j.ID]; known {
		return stands
	}
	around := t.connected(j.records())
	holding := uncontradicted(around)
	for _, o := range around {
		t.standing[o.ID] = holding[o.ID]
	}
	return holding[j.ID]
}

// upset gives the verdicts that hold now and did not before, or the other way
// round, because the given one was stated or taken back.
func (t *turn) upset(by *Judgement) []*Judgement {
	around := t.connected(by.records())
	others := slices.DeleteFunc(slices.Clone(around), func(j *Judgement) bool { return j.ID == by.ID })
	with, without := uncontradicted(append(slices.Clone(others), by)), uncontradicted(others)
	return slices.DeleteFunc(others, func(j *Judgement) bool { return with[j.ID] == without[j.ID] })
}

// taken is a union-find over the records of the verdicts taken, with the roots that
// must stay apart.
type taken struct {
	parent map[uuid.UUID]uuid.UUID
	apart  map[uuid.UUID]map[uuid.UUID]bool // root → roots, both ways
}

func (t *taken) root(id uuid.UUID) uuid.UUID {
	p, ok := t.parent[id]
	if !ok || p == id {
		return id
	}
	root := t.root(p)
	t.parent[id] = root
	return root
}

func (t *taken) take(j *Judgement) bool {
	if j.Verdict == events.VerdictSame {
		return t.takeSame(j)
	}
	return t.takeDifferent(j)
}

// takeSame joins the records of each set, unless two of what would be one are apart.
func (t *taken) takeSame(j *Judgement) bool {
	joined := taken{parent: map[uuid.UUID]uuid.UUID{}} // over roots, as it would be
	for _, set := range j.Sets {
		for _, id := range set[min(1, len(set)):] {
			if a, b := joined.root(t.root(set[0])), joined.root(t.root(id)); a != b {
				joined.parent[b] = a
			}
		}
	}
	var named []uuid.UUID // present roots
	for _, id := range j.records() {
		named = append(named, t.root(id))
	}
	named = sorted(named)
	for _, x := range named {
		for y := range t.apart[x] {
			if joined.root(x) == joined.root(y) {
				return false
			}
		}
	}
	for _, x := range named {
		t.merge(joined.root(x), x)
	}
	return true
}

// merge makes x part of root, with all that it must stay apart from.
func (t *taken) merge(root, x uuid.UUID) {
	if root == x {
		return
	}
	t.parent[x] = root
	for y := range t.apart[x] {
		delete(t.apart[y], x)
		t.separate(root, y)
	}
	delete(t.apart, x)
}

func (t *taken) separate(x, y uuid.UUID) {
	for _, p := range [...][2]uuid.UUID{{x, y}, {y, x}} {
		if t.apart[p[0]] == nil {
			t.apart[p[0]] = map[uuid.UUID]bool{}
		}
		t.apart[p[0]][p[1]] = true
	}
}

// takeDifferent puts the sets apart, unless two of them share what is one already.
func (t *taken) takeDifferent(j *Judgement) bool {
	setOf := map[uuid.UUID]int{}
	for n, set := range j.Sets {
		for _, id := range set {
			root := t.root(id)
			if other, ok := setOf[root]; ok && other != n {
				return false
			}
			setOf[root] = n
		}
	}
	for x, n := range setOf {
		for y, m := range setOf {
			if n < m {
				t.separate(x, y)
			}
		}
	}
	return true
}
