package matching

import (
	"slices"

	"github.com/google/uuid"
)

// Pair is two records that a source system says are one.
type Pair struct{ A, B uuid.UUID }

// Judgement is a steward's verdict on source records. With Same, all records of
// one set are one; without it, records of different sets are not.
type Judgement struct {
	Sets [][]uuid.UUID
	Same bool
}

// forest is a union-find over record ids. Ids that are no records of the
// component count too: a verdict A=B=C holds for A and C while B is withdrawn.
type forest struct {
	at     map[uuid.UUID]int
	parent []int
}

func (f *forest) node(id uuid.UUID) int {
	i, ok := f.at[id]
	if !ok {
		i = len(f.parent)
		f.at[id], f.parent = i, append(f.parent, i)
	}
	return i
}

func (f *forest) root(i int) int {
	return rootOf(f.parent, i)
}

func (f *forest) join(i, j int) { unite(f.parent, i, j) }

func newForest(ids []uuid.UUID) *forest {
	f := &forest{at: make(map[uuid.UUID]int, len(ids)), parent: make([]int, 0, len(ids))}
	for _, id := range ids {
		f.node(id)
	}
	return f
}

func (f *forest) clone() *forest {
	return &forest{at: f.at, parent: slices.Clone(f.parent)}
}

// apart is a `different` verdict that was taken: node → number of its set.
type apart map[int]int

// broken says whether two nodes of different sets have one root.
func (a apart) broken(f *forest) bool {
	setOf := map[int]int{}
	for node, set := range a {
		root := f.root(node)
		if other, ok := setOf[root]; ok && other != set {
			return true
		}
		setOf[root] = set
	}
	return false
}

// verdicts are the judgements that do not contradict each other.
type verdicts struct {
	forest *forest // what `same` verdicts join
	apart  []apart
	from   []int // the judgement that each of apart is, by position
	left   []int // judgements left out, by position
}

// takeVerdicts reads judgements from newest to oldest and takes each one that does
// not contradict those already taken.
func takeVerdicts(ids []uuid.UUID, judgements []Judgement) verdicts {
	v := verdicts{forest: newForest(ids)}
	for i, j := range judgements {
		taken := v.takeDifferent
		if j.Same {
			taken = v.takeSame
		}
		if !taken(j) {
			v.left = append(v.left, i)
		} else if !j.Same {
			v.from = append(v.from, i)
		}
	}
	return v
}

func (v *verdicts) takeSame(j Judgement) bool {
	for _, set := range j.Sets {
		for _, id := range set {
			v.forest.node(id)
		}
	}
	tried := v.forest.clone()
	for _, set := range j.Sets {
		for _, id := range set[min(1, len(set)):] {
			tried.join(tried.at[set[0]], tried.at[id])
		}
	}
	if v.brokenIn(tried) {
		return false
	}
	v.forest = tried
	return true
}

func (v *verdicts) takeDifferent(j Judgement) bool {
	a := apart{}
	for n, set := range j.Sets {
		for _, id := range set {
			node := v.forest.node(id)
			if other, ok := a[node]; ok && other != n {
				return false // one record in two sets
			}
			a[node] = n
		}
	}
	if a.broken(v.forest) {
		return false
	}
	v.apart = append(v.apart, a)
	return true
}

func (v *verdicts) brokenIn(f *forest) bool {
	return slices.ContainsFunc(v.apart, func(a apart) bool { return a.broken(f) })
}

// forbids says whether a verdict keeps two groups apart. A group is the set of
// roots of its members: what verdicts join to a member stands for it.
func (v *verdicts) forbids(a, b map[int]bool) bool { return v.forbiddenBy(a, b) >= 0 }

// forbiddenBy gives the newest verdict that keeps two groups apart, as a place in
// apart; −1: none does.
func (v *verdicts) forbiddenBy(a, b map[int]bool) int {
	for n, x := range v.apart {
		mine, theirs := map[int]bool{}, map[int]bool{}
		for node, set := range x {
			root := v.forest.root(node)
			if a[root] {
				mine[set] = true
			}
			if b[root] {
				theirs[set] = true
			}
		}
		if len(mine) > 0 && len(theirs) > 0 && !(len(mine) == 1 && len(theirs) == 1 && sameKey(mine, theirs)) {
			return n
		}
	}
	return -1
}

func sameKey(a, b map[int]bool) bool {
	for k := range a {
		return b[k]
	}
	return false
}

// Standing is what judgements come to, read from newest to oldest and each taken
// unless it contradicts those already taken. It is immutable.
type Standing struct {
	judgements []Judgement
	verdicts   verdicts
}

// Stand reads judgements, newest first. Those about a component, and all that
// share a record with them, come to the same here as in [Index.Cluster].
func Stand(judgements []Judgement) Standing {
	return Standing{judgements: judgements, verdicts: takeVerdicts(nil, judgements)}
}

// LeftOut gives the judgements that newer ones contradict, by position, ascending.
func (s Standing) LeftOut() []int { return s.verdicts.left }

// Conflict says of a judgement that was left out whether it takes several newer
// ones to contradict it: nobody took it back in so many words.
func (s Standing) Conflict(i int) bool {
	for j := range i + 1 {
		if j != i && slices.Contains(s.verdicts.left, j) {
			continue
		}
		alone := []Judgement{s.judgements[j], s.judgements[i]}
		if j == i {
			alone = alone[1:] // one that contradicts itself
		}
		if len(takeVerdicts(nil, alone).left) > 0 {
			return false
		}
	}
	return true
}

// Apart gives the newest judgement, by position, that keeps two groups of records
// apart: it names a record of each, or one that judgements join with it.
func (s Standing) Apart(g, h []uuid.UUID) (int, bool) {
	a := s.verdicts.rootsOf(g)
	if len(a) == 0 {
		return 0, false
	}
	n := s.verdicts.forbiddenBy(a, s.verdicts.rootsOf(h))
	if n < 0 {
		return 0, false
	}
	return s.verdicts.from[n], true
}

// rootsOf gives the roots of those of the records that are in the forest.
func (v *verdicts) rootsOf(records []uuid.UUID) map[int]bool {
	out := map[int]bool{}
	for _, id := range records {
		if node, ok := v.forest.at[id]; ok {
			out[v.forest.root(node)] = true
		}
	}
	return out
}
