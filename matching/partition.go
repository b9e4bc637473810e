package matching

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
)

// partition reads the groups and the potential matches off the finished work.
func (k *clustering) partition(links []Link) Partition {
	out := Partition{Links: links, LeftOut: k.verdicts.left}
	for g := range k.members {
		if k.members[g] == nil {
			continue
		}
		group := make([]uuid.UUID, 0, len(k.members[g]))
		for _, m := range k.members[g] {
			group = append(group, k.ids[m])
		}
		slices.SortFunc(group, compareIDs)
		out.Groups = append(out.Groups, group)
	}
	slices.SortFunc(out.Links, compareLinks)
	out.Potential = k.potential()
	return out
}

// linksOf gives the links of the groups of a part.
func (k *clustering) linksOf(records []int) []Link {
	var out []Link
	for _, i := range records {
		if k.group[i] == i {
			slices.Sort(k.members[i])
			out = append(out, k.links(k.members[i])...)
		}
	}
	return out
}

// links is a spanning tree of a group: first what verdicts and sources join, then
// the heaviest pairs.
func (k *clustering) links(group []int) []Link {
	if len(group) == 1 {
		return nil
	}
	t := tree{k: k, root: map[int]int{}}
	for _, m := range group {
		t.root[m] = m
	}
	t.chain(group, RuleVerdict, func(m int) int { return k.verdicts.forest.root(k.verdicts.forest.at[k.ids[m]]) })
	t.chain(group, RuleStated, func(m int) int { return k.stated.root(m) })
	for _, p := range k.heaviestPairs(group) {
		t.link(p.a, p.b, RuleScore)
	}
	return t.links
}

func compareLinks(p, q Link) int { return cmp.Or(compareIDs(p.A, q.A), compareIDs(p.B, q.B)) }

// heaviestPairs lists every pair of a group, heaviest first.
func (k *clustering) heaviestPairs(group []int) []numbered {
	pairs := make([]numbered, 0, len(group)*(len(group)-1)/2)
	for n, i := range group {
		for _, j := range group[n+1:] {
			pairs = append(pairs, numbered{a: i, b: j, Edge: Edge{Weight: int64(k.score(i, j).total)}})
		}
	}
	slices.SortFunc(pairs, func(p, q numbered) int {
		return cmp.Or(cmp.Compare(q.Weight, p.Weight), cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
	})
	return pairs
}

// tree grows a spanning tree.
type tree struct {
	k     *clustering
	root  map[int]int
	links []Link
}

func (t *tree) find(i int) int {
	for t.root[i] != i {
		i = t.root[i]
	}
	return i
}

func (t *tree) link(i, j int, rule string) {
	a, b := t.find(i), t.find(j)
	if a == b {
		return
	}
	t.root[max(a, b)] = min(a, b)
	t.links = append(t.links, Link{Edge: t.k.x.Score(t.k.ids[i], t.k.ids[j]), Rule: rule})
}

// chain links the members of each class of a rule one after the other.
func (t *tree) chain(group []int, rule string, class func(int) int) {
	last := map[int]int{}
	for _, m := range group {
		c := class(m)
		if l, ok := last[c]; ok {
			t.link(l, m, rule)
		}
		last[c] = m
	}
}

// potential lists the pairs across groups at or above the review threshold, and
// the stated links that were refused, heaviest first, few a record.
func (k *clustering) potential() []Link {
	pairs := slices.Clone(k.edges)
	have := map[uint64]bool{}
	for _, e := range pairs {
		have[pairKey(e.a, e.b)] = true
	}
	for key := range k.refused {
		i, j := int(key>>32), int(key&0xffffffff)
		if !have[key] && k.stated.root(i) != k.stated.root(j) && k.group[i] != k.group[j] && k.compare(i, j).total >= k.c.review {
			pairs = append(pairs, numbered{i, j, k.x.Score(k.ids[i], k.ids[j])})
		}
	}
	slices.SortFunc(pairs, func(p, q numbered) int {
		return cmp.Or(cmp.Compare(q.Weight, p.Weight), cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
	})
	count := make([]int, len(k.ids))
	var out []Link
	for _, e := range pairs {
		if k.group[e.a] == k.group[e.b] || count[e.a] == maxPotential || count[e.b] == maxPotential {
			continue
		}
		count[e.a]++
		count[e.b]++
		out = append(out, Link{Edge: e.Edge, RefusedBy: k.reason(e)})
	}
	return out
}

// reason says why an edge across groups made no link.
func (k *clustering) reason(e numbered) string {
	if reason, ok := k.refused[pairKey(e.a, e.b)]; ok {
		return reason
	}
	switch {
	case k.forbidden(k.group[e.a], k.group[e.b]) == RefusedVerdict:
		return RefusedVerdict
	case k.compare(e.a, e.b).exclusive&k.c.exclusive != 0:
		return k.compare(e.a, e.b).exclusive.name()
	case e.Weight >= int64(k.c.floor):
		return RefusedMean
	}
	return ""
}
