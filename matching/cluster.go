package matching

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
)

// Component is what one clustering looks at: records that edges at or above the
// link floor, verdicts or stated links connect, and all that is known of them. A
// larger set of records, even all of them, gives the same groups.
type Component struct {
	Records  []uuid.UUID // resident records of one kind, in any order
	Edges    []Edge      // every edge among them at or above the review threshold; others are ignored
	Stated   []Pair      // links that source systems state
	Verdicts []Judgement // newest first
}

// Partition is the outcome. It does not depend on the order of records, edges or
// stated links.
type Partition struct {
	Groups    [][]uuid.UUID // every record in exactly one; each sorted, sorted by the first
	Links     []Link        // n−1 for a group of n: why its records are together
	Potential []Link        // pairs across groups that a person should look at, at most 10 a record
	LeftOut   []int         // verdicts that newer ones contradict, by position
}

// Link is an edge with the rule that made or refused it.
type Link struct {
	Edge
	Rule      string // of a link: RuleScore, RuleStated or RuleVerdict
	RefusedBy string // of a potential match: one of the Refused… names, "" for the review band
}

// The rules.
const (
	RuleScore   = "score"
	RuleStated  = "stated"
	RuleVerdict = "verdict"
)

// Why a union was refused: besides these, the name of an exclusive attribute.
const (
	RefusedVerdict = "verdict"     // a steward said they differ
	RefusedSize    = "max_cluster" // the group would be too large
	RefusedMean    = "mean"        // the groups as wholes do not agree enough
)

const maxPotential = 10

// Cluster divides the component into groups (architecture: pure; see the package
// comment). `same` verdicts come first and outrank everything; stated links next,
// which only a `different` verdict or the size limit refuses; then strong edges in
// the order of weight and ids; then average linkage over the cores that these
// made.
func (x *Index) Cluster(in Component) Partition {
	k := x.newClustering(in)
	if len(k.ids) == 0 {
		return Partition{LeftOut: k.verdicts.left}
	}
	return k.partition(k.cluster(in.Stated))
}

// cluster divides the records into groups and gives the links that hold them.
func (k *clustering) cluster(stated []Pair) []Link {
	k.joinVerdicts()
	k.joinStated(stated)
	var links []Link
	for _, p := range k.parts() {
		k.pairs = newPairs(p.records)
		k.joinStrong(p)
		k.linkage(p.records)
		links = append(links, k.linksOf(p.records)...)
	}
	return links
}

// clustering is the work on one component. Records are numbered by their ids.
type clustering struct {
	x          *Index
	c          *compiled
	maxCluster int
	sharing    sharing
	ids        []uuid.UUID
	records    []*Prepared
	edges      []numbered // at or above review, heaviest first
	verdicts   verdicts
	stated     *forest
	group      []int   // record → its group, the number of the smallest member
	members    [][]int // group → members, nil where merged away
	pairs      *pairs  // of the part at hand
	refused    map[uint64]string
}

// numbered is an edge between record numbers a < b.
type numbered struct {
	a, b int
	Edge
}

func (x *Index) newClustering(in Component) *clustering {
	k := &clustering{x: x, refused: map[uint64]string{}}
	seen := map[uuid.UUID]bool{}
	for _, id := range in.Records {
		if _, ok := x.byID[id]; ok && !seen[id] {
			seen[id] = true
			k.ids = append(k.ids, id)
		}
	}
	slices.SortFunc(k.ids, compareIDs)
	at := make(map[uuid.UUID]int, len(k.ids))
	for i, id := range k.ids {
		p, _ := x.Get(id)
		at[id] = i
		k.records, k.group, k.members = append(k.records, p), append(k.group, i), append(k.members, []int{i})
	}
	k.verdicts = takeVerdicts(k.ids, in.Verdicts)
	k.stated = newForest(k.ids)
	if len(k.ids) == 0 {
		return k
	}
	k.c, k.maxCluster, k.sharing = &x.e.model(k.records[0]).c, x.e.model(k.records[0]).MaxCluster, sharing{x, k.records[0].organization}
	k.number(in.Edges, at)
	return k
}

// number keeps the edges among the records, each once, in total order.
func (k *clustering) number(edges []Edge, at map[uuid.UUID]int) {
	for _, e := range edges {
		a, okA := at[e.A]
		b, okB := at[e.B]
		if okA && okB && a != b && e.Weight >= int64(k.c.review) {
			k.edges = append(k.edges, numbered{min(a, b), max(a, b), e})
		}
	}
	slices.SortFunc(k.edges, func(p, q numbered) int {
		return cmp.Or(cmp.Compare(q.Weight, p.Weight), cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
	})
	k.edges = slices.CompactFunc(k.edges, func(p, q numbered) bool { return p.a == q.a && p.b == q.b })
}

func pairKey(i, j int) uint64 { return uint64(min(i, j))<<32 | uint64(max(i, j)) }

// merge joins two groups without asking.
func (k *clustering) merge(g, h int) {
	g, h = min(g, h), max(g, h)
	for _, m := range k.members[h] {
		k.group[m] = g
	}
	k.members[g] = append(k.members[g], k.members[h]...)
	k.members[h] = nil
}

// joinVerdicts puts together what `same` verdicts join.
func (k *clustering) joinVerdicts() {
	first := map[int]int{}
	for i := range k.ids {
		root := k.verdicts.forest.root(k.verdicts.forest.at[k.ids[i]])
		if g, ok := first[root]; ok {
			k.merge(g, k.group[i])
		} else {
			first[root] = i
		}
	}
}

// joinStated puts together what sources state to be one, in the order of ids. Ids
// of records that were withdrawn still connect.
func (k *clustering) joinStated(stated []Pair) {
	sorted := make([]Pair, 0, len(stated))
	for _, p := range stated {
		sorted = append(sorted, Pair{minID(p.A, p.B), maxID(p.A, p.B)})
	}
	slices.SortFunc(sorted, func(p, q Pair) int { return cmp.Or(compareIDs(p.A, q.A), compareIDs(p.B, q.B)) })
	for _, p := range sorted {
		a, b := k.stated.root(k.stated.node(p.A)), k.stated.root(k.stated.node(p.B))
		if a == b {
			continue
		}
		if k.stateable(a, b) {
			k.stated.join(a, b)
		}
	}
}

// stateable merges the groups behind two stated trees, unless a verdict or the
// size limit refuses. The root of a tree is its smallest number, and records come
// before ids that are none, so a root is a record if the tree has one.
func (k *clustering) stateable(i, j int) bool {
	if max(i, j) >= len(k.ids) || k.group[i] == k.group[j] {
		return true
	}
	g, h := k.group[i], k.group[j]
	if reason := k.forbidden(g, h); reason != "" {
		k.refuse(i, j, reason)
		return false
	}
	k.merge(g, h)
	return true
}

// part is a connected part: its records, ascending, and its edges, heaviest first.
type part struct {
	records []int
	edges   []numbered
}

// parts are the connected parts over edges at or above the link floor and over
// what is joined already. A part above the size limit is cut by raising the
// threshold, a bit at a time, until its pieces fit.
func (k *clustering) parts() []part {
	all := part{edges: k.edges}
	for i := range k.ids {
		all.records = append(all.records, i)
	}
	return k.split(all, k.c.floor, make([]int, len(k.ids)))
}

func (k *clustering) split(whole part, threshold int32, parent []int) []part {
	var out []part
	for _, p := range k.connected(whole, threshold, parent) {
		if len(p.records) <= k.maxCluster || len(p.edges) == 0 || p.edges[0].Weight < int64(threshold) {
			out = append(out, p)
			continue
		}
		out = append(out, k.split(p, threshold+1000, parent)...)
	}
	return out
}

// connected divides a part by edges of at least the threshold. parent is a
// union-find over record numbers, borrowed.
func (k *clustering) connected(whole part, threshold int32, parent []int) []part {
	for _, i := range whole.records {
		parent[i] = i
	}
	for _, i := range whole.records {
		unite(parent, i, k.group[i])
	}
	for _, e := range whole.edges {
		if e.Weight < int64(threshold) {
			break
		}
		unite(parent, e.a, e.b)
	}
	at := map[int]int{}
	var out []part
	for _, i := range whole.records {
		r := rootOf(parent, i)
		n, ok := at[r]
		if !ok {
			n = len(out)
			at[r], out = n, append(out, part{})
		}
		out[n].records = append(out[n].records, i)
	}
	for _, e := range whole.edges {
		if r := rootOf(parent, e.a); r == rootOf(parent, e.b) {
			out[at[r]].edges = append(out[at[r]].edges, e)
		}
	}
	return out
}

func rootOf(parent []int, i int) int {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}

func unite(parent []int, i, j int) {
	i, j = rootOf(parent, i), rootOf(parent, j)
	parent[max(i, j)] = min(i, j)
}

// joinStrong makes cores of edges at or above the strong threshold.
func (k *clustering) joinStrong(p part) {
	for _, e := range p.edges {
		if e.Weight < int64(k.c.strong) {
			break
		}
		g, h := k.group[e.a], k.group[e.b]
		if g == h {
			continue
		}
		if reason := k.objection(g, h); reason != "" {
			k.refuse(e.a, e.b, reason)
			continue
		}
		k.merge(g, h)
	}
}

func (k *clustering) refuse(i, j int, reason string) { k.refused[pairKey(i, j)] = reason }

// objection is why two groups must not be joined by a machine, "" if they may.
func (k *clustering) objection(g, h int) string {
	if reason := k.forbidden(g, h); reason != "" {
		return reason
	}
	return k.contradiction(g, h).name()
}

// forbidden: by a verdict or the size limit.
func (k *clustering) forbidden(g, h int) string {
	if len(k.verdicts.apart) > 0 && k.verdicts.forbids(k.roots(g), k.roots(h)) {
		return RefusedVerdict
	}
	if len(k.members[g])+len(k.members[h]) > k.maxCluster {
		return RefusedSize
	}
	return ""
}

func (k *clustering) roots(g int) map[int]bool {
	out := map[int]bool{}
	for _, m := range k.members[g] {
		out[k.verdicts.forest.root(k.verdicts.forest.at[k.ids[m]])] = true
	}
	return out
}

// contradiction: a pair across the groups that an exclusive attribute keeps apart.
// Where a person already overruled the attribute inside one of the groups, the
// other side needs to agree with only one of the two values.
func (k *clustering) contradiction(g, h int) exclusions {
	if k.c.exclusive == 0 {
		return 0
	}
	for _, i := range k.members[g] {
		for _, j := range k.members[h] {
			if x := k.score(i, j).exclusive; x != 0 && !k.overruled(i, j, g) && !k.overruled(j, i, h) {
				return x
			}
		}
	}
	return 0
}

// overruled: record i contradicts another member of its own group g, with which j
// does not quarrel.
func (k *clustering) overruled(i, j, g int) bool {
	return slices.ContainsFunc(k.members[g], func(o int) bool {
		return o != i && k.score(i, o).exclusive != 0 && k.score(o, j).exclusive == 0
	})
}
