package town

import (
	"strings"
	"testing"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/internal/text"
)

// A good matcher must be able to tell who is who: among the true pairs nearly
// all share a document, a contact point, or a birth date and a surname, at once
// or through a third record. And it must not be too easy: the same evidence
// with two words of the names in common joins some people who are two.
func TestRecordsCanBeLinked(t *testing.T) {
	town := generate(t, Config{People: 5000})
	person, values := map[string]string{}, map[string][]string{}
	words, truth := map[string]map[string]bool{}, map[string]map[string]bool{}
	for x := range town.Truth() {
		person[x.Record.ID] = x.Person
	}
	for no := range town.households {
		u := town.unit(no)
		for i := range u.records {
			c, _ := town.values(u, i, u.records[i].at, false)
			id := c.Record.ID
			words[id], truth[id] = map[string]bool{}, map[string]bool{person[id]: true}
			n := first(c.Names)
			for _, w := range text.Tokens(n.Given + " " + n.Family + " " + n.Family2 + " " + n.Full) {
				words[id][w] = true
			}
			for _, k := range keys(c) {
				values[k] = append(values[k], id)
			}
		}
	}
	possible, pairs, _ := pairCounts(union(values, truth), person)
	found, _, joined := pairCounts(union(values, words), person)
	t.Logf("%d true pairs: evidence for %.4f; naive rules: recall %.4f, precision %.4f", pairs, ratio(possible, pairs), ratio(found, pairs), ratio(found, joined))
	if ratio(possible, pairs) < .97 || ratio(found, pairs) < .93 {
		t.Error("the records do not identify their people")
	}
	if precision := ratio(found, joined); precision < .85 || precision > .99 {
		t.Errorf("precision of naive rules %.4f: want a town in which they are wrong now and then", precision)
	}
}

func ratio(a, b int) float64 { return float64(a) / float64(b) }

func keys(c events.CustomerRecorded) []string {
	var out []string
	for _, d := range c.Documents {
		out = append(out, "d"+d.Number)
	}
	for _, p := range c.Phones {
		point, _ := contactpoint.Phone(p.Value, p.Region)
		out = append(out, "p"+point.Tail())
	}
	for _, e := range c.Emails {
		out = append(out, "e"+e.Value)
	}
	if c.BirthDate != "" {
		n := first(c.Names)
		for _, w := range text.Tokens(n.Family + " " + n.Full) {
			out = append(out, "b"+c.BirthDate+w)
		}
	}
	for _, a := range c.Addresses {
		out = append(out, "a"+text.Fold(a.Street+" "+a.Number+" "+a.Locality+" "+strings.Split(first(c.Names).Given+" ", " ")[0]))
	}
	return out
}

// union joins records that share a value and two words of their names.
func union(values map[string][]string, words map[string]map[string]bool) map[string]string {
	parent := map[string]string{}
	var root func(string) string
	root = func(x string) string {
		if p, ok := parent[x]; ok && p != x {
			parent[x] = root(p)
			return parent[x]
		}
		return x
	}
	for _, ids := range values {
		for i, a := range ids {
			for _, b := range ids[:i] {
				common := 0
				for w := range words[a] {
					if words[b][w] {
						common++
					}
				}
				if common > 1 || common == 1 && min(len(words[a]), len(words[b])) <= 2 {
					parent[root(a)] = root(b)
				}
			}
		}
	}
	out := map[string]string{}
	for id := range words {
		out[id] = root(id)
	}
	return out
}

func pairCounts(group, person map[string]string) (found, pairs, joined int) {
	both, own, all := map[[2]string]int{}, map[string]int{}, map[string]int{}
	for id, g := range group {
		both[[2]string{g, person[id]}]++
		own[person[id]]++
		all[g]++
	}
	for _, n := range both {
		found += n * (n - 1) / 2
	}
	for _, n := range own {
		pairs += n * (n - 1) / 2
	}
	for _, n := range all {
		joined += n * (n - 1) / 2
	}
	return found, pairs, joined
}
