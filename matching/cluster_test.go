package matching

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// people is an index of records named by one letter each; records of one letter
// case pair (a, A) are one person beyond doubt.
func people(t testing.TB, e *Engine, names string) *Index {
	t.Helper()
	given := []string{"Rosalinda", "Fernando", "Beatriz", "Leopoldo"}
	family := []string{"Quixtan", "Ajanel", "Caal", "Tzoc"}
	x := NewIndex(e)
	for _, c := range names {
		who := int(strings.ToLower(string(c))[0] - 'a')
		x.Put(e.Prepare(Record{
			ID:        recordID(string(c)),
			Names:     []Name{{Given: given[who], Family: family[who]}},
			BirthDate: fmt.Sprintf("19%d-0%d-14", 40+13*who, 3+who),
			Phones:    []Phone{{fmt.Sprintf("5%d5512%d7", who, 3*who), "GT"}},
		}))
	}
	return x
}

func ids(names string) []uuid.UUID {
	var out []uuid.UUID
	for _, c := range names {
		out = append(out, recordID(string(c)))
	}
	return out
}

// groupsOf writes groups as "Aa Bb": letters sorted inside and between groups.
func groupsOf(p Partition, names string) string {
	letter := map[uuid.UUID]string{}
	for _, c := range names {
		letter[recordID(string(c))] = string(c)
	}
	var groups []string
	for _, g := range p.Groups {
		var s []string
		for _, id := range g {
			s = append(s, letter[id])
		}
		slices.Sort(s)
		groups = append(groups, strings.Join(s, ""))
	}
	slices.Sort(groups)
	return strings.Join(groups, " ")
}

func component(x *Index, names string) Component {
	c := Component{Records: ids(names)}
	for _, id := range c.Records {
		c.Edges = append(c.Edges, x.Edges(id)...)
	}
	return c
}

func same(sets ...string) Judgement {
	j := Judgement{Same: true}
	for _, s := range sets {
		j.Sets = append(j.Sets, ids(s))
	}
	return j
}

func different(sets ...string) Judgement {
	j := same(sets...)
	j.Same = false
	return j
}

func TestVerdictsAndStatedLinks(t *testing.T) {
	cases := []struct {
		name     string
		records  string
		stated   []string // pairs of letters
		verdicts []Judgement
		want     string
		leftOut  []int
	}{
		{name: "scores alone", records: "aAbB", want: "Aa Bb"},
		{name: "same joins strangers", records: "aAbB", verdicts: []Judgement{same("ab")}, want: "ABab"},
		{name: "same of several sets joins within each", records: "abcd", verdicts: []Judgement{same("ab", "cd")}, want: "ab cd"},
		{name: "different parts one person", records: "aAbB", verdicts: []Judgement{different("a", "A")}, want: "A Bb a"},
		{name: "newest wins", records: "ab", verdicts: []Judgement{different("a", "b"), same("ab")}, want: "a b", leftOut: []int{1}},
		{name: "newest wins the other way", records: "ab", verdicts: []Judgement{same("ab"), different("a", "b")}, want: "ab", leftOut: []int{1}},
		{name: "two outrank a third that contradicts both together", records: "abc",
			verdicts: []Judgement{same("ab"), same("bc"), different("a", "c")}, want: "abc", leftOut: []int{2}},
		{name: "the third is newer than one of them", records: "abc",
			verdicts: []Judgement{same("ab"), different("a", "c"), same("bc")}, want: "ab c", leftOut: []int{2}},
		{name: "a withdrawn record still bridges", records: "ac", verdicts: []Judgement{same("ab"), same("bc")}, want: "ac"},
		{name: "a withdrawn record still parts", records: "aA", verdicts: []Judgement{same("Ab"), different("a", "b")}, want: "A a"},
		{name: "one record in two sets says nothing", records: "aA", verdicts: []Judgement{different("a", "a", "A")}, want: "Aa", leftOut: []int{0}},
		{name: "empty sets are harmless", records: "aA", verdicts: []Judgement{same(""), different("", "a")}, want: "Aa"},
		{name: "stated links join", records: "ab", stated: []string{"ab"}, want: "ab"},
		{name: "stated links bridge over a withdrawn loser", records: "ac", stated: []string{"ab", "bc"}, want: "ac"},
		{name: "different outranks stated", records: "ab", stated: []string{"ab"}, verdicts: []Judgement{different("a", "b")}, want: "a b"},
		{name: "repeated records and edges count once", records: "aAaA", want: "Aa"},
		{name: "no records", records: "", verdicts: []Judgement{same("ab")}, want: ""},
	}
	e := newEngine(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			x := people(t, e, c.records)
			in := component(x, c.records)
			for _, s := range c.stated {
				in.Stated = append(in.Stated, Pair{ids(s)[0], ids(s)[1]})
			}
			in.Verdicts = c.verdicts
			p := x.Cluster(in)
			if got := groupsOf(p, c.records); got != c.want {
				t.Errorf("groups %q, want %q", got, c.want)
			}
			if !slices.Equal(p.LeftOut, c.leftOut) {
				t.Errorf("left out %v, want %v", p.LeftOut, c.leftOut)
			}
			checkPartition(t, x, in, p)
		})
	}
}

// checkPartition holds for every partition.
func checkPartition(t interface {
	Helper()
	Errorf(string, ...any)
}, x *Index, in Component, p Partition) {
	t.Helper()
	group, size, links := map[uuid.UUID]int{}, 0, 0
	for n, g := range p.Groups {
		if !slices.IsSortedFunc(g, compareIDs) || n > 0 && compareIDs(p.Groups[n-1][0], g[0]) >= 0 {
			t.Errorf("groups out of order: %v", p.Groups)
		}
		for _, id := range g {
			if _, twice := group[id]; twice {
				t.Errorf("%s is in two groups", id)
			}
			group[id] = n
			size++
		}
		links += len(g) - 1
	}
	for _, id := range in.Records {
		if _, ok := group[id]; !ok {
			t.Errorf("%s is in no group", id)
		}
	}
	if len(p.Links) != links {
		t.Errorf("%d links, want %d", len(p.Links), links)
	}
	joined := newForest(nil)
	for _, l := range p.Links {
		a, b := joined.node(l.A), joined.node(l.B)
		if group[l.A] != group[l.B] || joined.root(a) == joined.root(b) || l.RefusedBy != "" || compareIDs(l.A, l.B) >= 0 {
			t.Errorf("link %v is no branch of a tree inside a group", l)
		}
		if want := x.Score(l.A, l.B); l.Weight != want.Weight {
			t.Errorf("link weighs %d, want %d", l.Weight, want.Weight)
		}
		joined.join(a, b)
	}
	count := map[uuid.UUID]int{}
	for _, l := range p.Potential {
		count[l.A]++
		count[l.B]++
		if group[l.A] == group[l.B] || l.Rule != "" || count[l.A] > maxPotential || count[l.B] > maxPotential {
			t.Errorf("potential match %v inside a group, or too many", l)
		}
	}
}

func TestRulesOfLinks(t *testing.T) {
	e := newEngine(t)
	x := people(t, e, "aAbc")
	in := component(x, "aAbc")
	in.Verdicts = []Judgement{same("ab")}
	in.Stated = []Pair{{recordID("b"), recordID("c")}}
	rules := map[string]int{}
	for _, l := range x.Cluster(in).Links {
		rules[l.Rule]++
	}
	if rules[RuleVerdict] != 1 || rules[RuleStated] != 1 || rules[RuleScore] != 1 {
		t.Errorf("rules %v, want one each", rules)
	}
}

// A steward who joined two records with different documents settles it: a record
// with either document may join them, and other machines' doubts stay.
func TestRefusals(t *testing.T) {
	e := newEngine(t)
	person := func(id, document, birth string) Record {
		return Record{ID: recordID(id), Names: []Name{{Given: "Rosalinda", Family: "Quixtan", Family2: "Ixcot"}}, BirthDate: birth,
			Documents: []Document{{"dni", document, "ES"}}, Phones: []Phone{{"+50255551234", ""}}}
	}
	x := indexOf(e, []Record{person("a", "12345678Z", "1980-02-03"), person("b", "87654321X", "1980-02-03"), person("c", "12345678Z", "1980-02-03")})
	in := component(x, "abc")
	p := x.Cluster(in)
	if got := groupsOf(p, "abc"); got != "ac b" {
		t.Errorf("groups %q, want the two documents apart", got)
	}
	if len(p.Potential) == 0 || p.Potential[0].RefusedBy != exclusiveDocument {
		t.Errorf("potential matches %v, want one refused by the document", p.Potential)
	}
	in.Verdicts = []Judgement{same("ab")}
	if got := groupsOf(x.Cluster(in), "abc"); got != "abc" {
		t.Errorf("groups %q: the verdict settles the document", got)
	}
	in.Verdicts = []Judgement{different("a", "c")}
	p = x.Cluster(in)
	if got := groupsOf(p, "abc"); got != "a b c" {
		t.Errorf("groups %q, want all apart", got)
	}
	if !slices.ContainsFunc(p.Potential, func(l Link) bool { return l.RefusedBy == RefusedVerdict }) {
		t.Errorf("potential matches %v, want one refused by the verdict", p.Potential)
	}
}

func TestMaxCluster(t *testing.T) {
	e := tightEngine(t) // at most 4
	var records []Record
	for i := range 9 {
		records = append(records, Record{ID: recordID(fmt.Sprint("m", i)), Names: []Name{{Given: "Rosalinda", Family: "Quixtan"}},
			BirthDate: "1980-02-03", Emails: []string{fmt.Sprintf("rosalinda%d@example.com", i/3)}})
	}
	x := indexOf(e, records)
	in := Component{}
	for i, a := range records {
		in.Records = append(in.Records, a.ID)
		for _, b := range records[:i] {
			in.Edges = append(in.Edges, x.Score(a.ID, b.ID))
		}
	}
	p := x.Cluster(in)
	checkPartition(t, x, in, p)
	for _, g := range p.Groups {
		if len(g) > 4 {
			t.Errorf("group of %d, want at most 4", len(g))
		}
	}
	in.Verdicts = []Judgement{{Same: true, Sets: [][]uuid.UUID{in.Records}}}
	if p := x.Cluster(in); len(p.Groups) != 1 {
		t.Errorf("%d groups: a person's verdict outranks the limit", len(p.Groups))
	}
}

// naiveCluster follows the rules of the package comment by brute force: fractions
// instead of cross-multiplication, sets instead of numbers.
func naiveCluster(x *Index, m *Model, in Component) [][]uuid.UUID {
	var groups [][]uuid.UUID
	for _, id := range in.Records {
		groups = append(groups, []uuid.UUID{id})
	}
	slices.SortFunc(groups, func(a, b []uuid.UUID) int { return compareIDs(a[0], b[0]) })
	find := func(id uuid.UUID) int {
		return slices.IndexFunc(groups, func(g []uuid.UUID) bool { return slices.Contains(g, id) })
	}
	refused := func(g, h []uuid.UUID) bool {
		for _, a := range g {
			for _, b := range h {
				if x.Score(a, b).Exclusive != "" {
					return true
				}
			}
		}
		return len(g)+len(h) > m.MaxCluster
	}
	merge := func(i, j int) {
		groups[min(i, j)] = append(groups[min(i, j)], groups[max(i, j)]...)
		slices.SortFunc(groups[min(i, j)], compareIDs)
		groups = slices.Delete(groups, max(i, j), max(i, j)+1)
	}
	edges := slices.Clone(in.Edges)
	slices.SortFunc(edges, func(a, b Edge) int {
		if a.Weight != b.Weight {
			return int(b.Weight - a.Weight)
		}
		if c := compareIDs(a.A, b.A); c != 0 {
			return c
		}
		return compareIDs(a.B, b.B)
	})
	part := naiveParts(in.Records, edges, m.LinkFloor())
	for _, e := range edges {
		if i, j := find(e.A), find(e.B); e.Weight >= millibits(m.Thresholds.Strong) && i != j && !refused(groups[i], groups[j]) {
			merge(i, j)
		}
	}
	blocked := map[string]bool{}
	for {
		best, p, q := big.NewRat(m.Cut(), 1), -1, -1
		for i := range groups {
			for j := i + 1; j < len(groups); j++ {
				if part[groups[i][0]] != part[groups[j][0]] || blocked[fmt.Sprint(groups[i], groups[j])] {
					continue
				}
				sum := int64(0)
				for _, a := range groups[i] {
					for _, b := range groups[j] {
						limit := millibits(m.PairCap)
						sum += min(max(x.Score(a, b).Weight, -limit), limit)
					}
				}
				mean := big.NewRat(sum, int64(len(groups[i])*len(groups[j])))
				if c := mean.Cmp(best); c > 0 || c == 0 && p < 0 {
					best, p, q = mean, i, j
				}
			}
		}
		if p < 0 {
			break
		}
		if refused(groups[p], groups[q]) {
			blocked[fmt.Sprint(groups[p], groups[q])] = true
			continue
		}
		merge(p, q)
		slices.SortFunc(groups, func(a, b []uuid.UUID) int { return compareIDs(a[0], b[0]) })
	}
	return groups
}

func naiveParts(records []uuid.UUID, edges []Edge, floor int64) map[uuid.UUID]int {
	part := map[uuid.UUID]int{}
	for i, id := range records {
		part[id] = i
	}
	for range records {
		for _, e := range edges {
			if e.Weight >= floor {
				low := min(part[e.A], part[e.B])
				part[e.A], part[e.B] = low, low
			}
		}
	}
	return part
}

func TestClusterAgreesWithBruteForce(t *testing.T) {
	e := newEngine(t)
	m := e.models.Person
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		x := indexOf(e, records)
		in := Component{}
		for _, r := range records {
			in.Records = append(in.Records, r.ID)
			in.Edges = append(in.Edges, x.EdgesAfter(r.ID)...)
		}
		p := x.Cluster(in)
		checkPartition(t, x, in, p)
		if want := naiveCluster(x, m, in); !slices.EqualFunc(p.Groups, want, slices.Equal[[]uuid.UUID]) {
			t.Fatalf("groups %v, want %v", p.Groups, want)
		}
	})
}

// The order of records, edges and stated links does not matter, nor does a
// component larger than need be.
func TestClusterDoesNotDependOnOrder(t *testing.T) {
	e := tightEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		x := indexOf(e, records)
		in := Component{}
		pair := func() Pair {
			return Pair{rapid.SampledFrom(records).Draw(t, "a").ID, rapid.SampledFrom(records).Draw(t, "b").ID}
		}
		for _, r := range records {
			in.Records = append(in.Records, r.ID)
			in.Edges = append(in.Edges, x.EdgesAfter(r.ID)...)
		}
		for range rapid.IntRange(0, 3).Draw(t, "stated") {
			in.Stated = append(in.Stated, pair())
		}
		for range rapid.IntRange(0, 4).Draw(t, "verdicts") {
			p := pair()
			in.Verdicts = append(in.Verdicts, Judgement{Sets: [][]uuid.UUID{{p.A}, {p.B}}, Same: rapid.Bool().Draw(t, "same")})
			if last := &in.Verdicts[len(in.Verdicts)-1]; last.Same {
				last.Sets = [][]uuid.UUID{{p.A, p.B}}
			}
		}
		want := x.Cluster(in)
		checkPartition(t, x, in, want)
		in.Records, in.Edges, in.Stated = shuffled(t, in.Records), shuffled(t, in.Edges), shuffled(t, in.Stated)
		for i, p := range in.Stated {
			in.Stated[i] = Pair{p.B, p.A}
		}
		if got := x.Cluster(in); !equalPartitions(got, want) {
			t.Fatalf("partition %+v, want %+v", got, want)
		}
		for i, j := range in.Verdicts {
			if slices.Contains(want.LeftOut, i) {
				continue
			}
			checkVerdict(t, want, j)
		}
	})
}

func checkVerdict(t *rapid.T, p Partition, j Judgement) {
	group := map[uuid.UUID]int{}
	for n, g := range p.Groups {
		for _, id := range g {
			group[id] = n
		}
	}
	if j.Same {
		if group[j.Sets[0][0]] != group[j.Sets[0][1]] {
			t.Fatalf("%v is not together in %v", j, p.Groups)
		}
	} else if group[j.Sets[0][0]] == group[j.Sets[1][0]] {
		t.Fatalf("%v is together in %v", j, p.Groups)
	}
}

func TestCompareProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.Int64Range(-1<<40, 1<<40), rapid.Int64Range(1, 1<<40)
		a, b, c, e := n.Draw(t, "a"), d.Draw(t, "b"), n.Draw(t, "c"), d.Draw(t, "d")
		want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b)).Cmp(new(big.Int).Mul(big.NewInt(c), big.NewInt(e)))
		if got := compareProducts(a, b, c, e); got != want {
			t.Fatalf("%d·%d against %d·%d: %d, want %d", a, b, c, e, got, want)
		}
	})
}
