package matching

import (
	"math/bits"
	"slices"
)

// linkage joins the cores of a part by average linkage: of all pairs of groups,
// the one with the highest mean weight over all pairs of their records joins
// first, and so on while the mean is at least the cut. Pairs without an edge are
// scored. Means are compared by cross-multiplication, ties go by record numbers,
// so that no rounding and no order of arrival can matter.
func (k *clustering) linkage(records []int) {
	l := linkage{k: k, blocked: map[uint64]bool{}}
	for _, i := range records {
		if k.group[i] == i {
			l.groups = append(l.groups, i)
		}
	}
	if len(l.groups) < 2 {
		return
	}
	l.fill()
	for l.step() {
	}
}

type linkage struct {
	k       *clustering
	groups  []int // of the part, ascending
	sums    [][]int64
	blocked map[uint64]bool
}

// fill adds up the weights between each two groups. One pair counts for at most
// the model's pair_cap either way, so that no single pair decides over a group.
func (l *linkage) fill() {
	n := len(l.groups)
	l.sums = make([][]int64, n)
	for p := range l.sums {
		l.sums[p] = make([]int64, n)
		for q := range p {
			s := l.between(l.groups[p], l.groups[q])
			l.sums[p][q], l.sums[q][p] = s, s
		}
	}
}

func (l *linkage) between(g, h int) int64 {
	k, sum := l.k, int64(0)
	for _, i := range k.members[g] {
		for _, j := range k.members[h] {
			sum += int64(min(max(k.score(i, j).total, -k.c.pairCap), k.c.pairCap))
		}
	}
	return sum
}

// mean is a fraction: sum of weights over number of pairs.
type mean struct{ sum, pairs int64 }

// compare orders two means exactly; the products need more than 64 bits only for
// groups that the size limit rules out, and are taken in 128 all the same.
func (m mean) compare(o mean) int {
	return compareProducts(m.sum, o.pairs, o.sum, m.pairs)
}

// compareProducts compares a·b with c·d for b, d > 0.
func compareProducts(a, b, c, d int64) int {
	if (a < 0) != (c < 0) {
		if a < 0 {
			return -1
		}
		return 1
	}
	sign := 1
	if a < 0 {
		a, c, sign = -a, -c, -1
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	hi2, lo2 := bits.Mul64(uint64(c), uint64(d))
	switch {
	case hi == hi2 && lo == lo2:
		return 0
	case hi < hi2 || hi == hi2 && lo < lo2:
		return -sign
	}
	return sign
}

// step joins the best pair of groups that may be joined; false when none is left
// at or above the cut.
func (l *linkage) step() bool {
	k := l.k
	best, p, q := mean{int64(k.c.cut), 1}, -1, -1
	for i := range l.groups {
		for j := range i {
			g, h := l.groups[j], l.groups[i]
			m := mean{l.sums[i][j], int64(len(k.members[g]) * len(k.members[h]))}
			if m.compare(best) > 0 || p < 0 && m.compare(best) == 0 || m.compare(best) == 0 && l.before(j, i, p, q) {
				if !l.blocked[pairKey(g, h)] {
					best, p, q = m, j, i
				}
			}
		}
	}
	if p < 0 {
		return false
	}
	l.join(p, q)
	return true
}

// before breaks ties: by the smaller record numbers of the two groups.
func (l *linkage) before(a, b, p, q int) bool {
	return p >= 0 && (l.groups[a] < l.groups[p] || a == p && l.groups[b] < l.groups[q])
}

// join merges groups at positions p < q, or notes why not.
func (l *linkage) join(p, q int) {
	k, g, h := l.k, l.groups[p], l.groups[q]
	if reason := k.objection(g, h); reason != "" {
		l.blocked[pairKey(g, h)] = true
		k.refuseAcross(g, h, reason)
		return
	}
	k.merge(g, h)
	for o := range l.groups {
		l.sums[p][o] += l.sums[q][o]
		l.sums[o][p] = l.sums[p][o]
	}
	l.drop(q)
	for key := range l.blocked { // the larger group is asked anew
		if key>>32 == uint64(g) || key&0xffffffff == uint64(g) {
			delete(l.blocked, key)
		}
	}
}

func (l *linkage) drop(q int) {
	l.groups = slices.Delete(l.groups, q, q+1)
	l.sums = slices.Delete(l.sums, q, q+1)
	for o := range l.sums {
		l.sums[o] = slices.Delete(l.sums[o], q, q+1)
	}
}

// refuseAcross notes the reason at every pair of the two groups.
func (k *clustering) refuseAcross(g, h int, reason string) {
	for _, i := range k.members[g] {
		for _, j := range k.members[h] {
			k.refuse(i, j, reason)
		}
	}
}

// scored is what a pair weighs.
type scored struct {
	total     int32
	exclusive exclusions
	known     bool
}

// pairs remembers the scores of one part: in a triangle where the part is of the
// usual size, in a map where verdicts made it larger.
type pairs struct {
	local    map[int]int // record → its place in the part
	triangle []scored
	sparse   map[uint64]scored
}

const denseLimit = 512

func newPairs(records []int) *pairs {
	if len(records) > denseLimit {
		return &pairs{sparse: map[uint64]scored{}}
	}
	p := &pairs{local: make(map[int]int, len(records)), triangle: make([]scored, len(records)*(len(records)-1)/2)}
	for n, i := range records {
		p.local[i] = n
	}
	return p
}

// score compares two records of the part at hand, once.
func (k *clustering) score(i, j int) scored {
	if k.pairs.sparse != nil {
		key := pairKey(i, j)
		s, ok := k.pairs.sparse[key]
		if !ok {
			s = k.compare(i, j)
			k.pairs.sparse[key] = s
		}
		return s
	}
	a, b := k.pairs.local[i], k.pairs.local[j]
	if a > b {
		a, b = b, a
	}
	s := &k.pairs.triangle[b*(b-1)/2+a]
	if !s.known {
		*s = k.compare(i, j)
	}
	return *s
}

func (k *clustering) compare(i, j int) scored {
	var p pairScore
	k.c.score(k.sharing, k.records[i], k.records[j], &p)
	return scored{p.total, p.exclusive, true}
}
