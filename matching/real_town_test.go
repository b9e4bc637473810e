package matching

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"ficha/events"
	towns "ficha/town"
)

func TestRealTown(t *testing.T) {
	tw, err := towns.Generate(towns.Config{People: 5000})
	if err != nil {
		t.Fatal(err)
	}
	recs := map[string]Record{}
	for ev := range tw.Events() {
		if ev.Type != "customer.recorded.v1" {
			continue
		}
		var c events.CustomerRecorded
		if err := json.Unmarshal(ev.Data, &c); err != nil {
			t.Fatal(err)
		}
		if _, ok := recs[c.Record.ID]; ok {
			continue
		}
		key := fmt.Sprint(c.Record.Source, c.Record.Stream, c.Record.ID)
		r := Record{ID: recordID(key), Kind: Kind(c.Kind), BirthDate: c.BirthDate, Gender: c.Gender, Organization: c.Organization}
		for _, n := range c.Names {
			r.Names = append(r.Names, Name(n))
		}
		region := ""
		for _, a := range c.Addresses {
			region = a.Country
			r.Addresses = append(r.Addresses, Address{Lines: a.Lines, Street: a.Street, Number: a.Number, Unit: a.Unit, Locality: a.Locality, Region: a.Region, PostalCode: a.PostalCode, Country: a.Country})
		}
		for _, d := range c.Documents {
			region = d.Country
			r.Documents = append(r.Documents, Document{d.Kind, d.Number, d.Country})
		}
		for _, p := range c.Phones {
			if p.Region == "" {
				p.Region = region
			}
			r.Phones = append(r.Phones, Phone{p.Value, p.Region})
		}
		for _, e := range c.Emails {
			r.Emails = append(r.Emails, e.Value)
		}
		for _, h := range c.Handles {
			r.Handles = append(r.Handles, Handle(h))
		}
		recs[key] = r
	}
	var rows []labelled
	for x := range tw.Truth() {
		key := fmt.Sprint(x.Record.Source, x.Record.Stream, x.Record.ID)
		r, ok := recs[key]
		if !ok {
			continue
		}
		rows = append(rows, labelled{r, key, x.Person})
	}
	res := runSet(t, rows)
	fmt.Printf("%d %+v\ncandidate recall %.4f %.1f\n", len(rows), res.figures, res.candidateRecall, res.candidates)
	by := map[string]labelled{}
	groups, clusters := map[string][]string{}, map[string][]string{}
	for _, r := range rows {
		by[r.key] = r
		groups[res.predicted[r.key]] = append(groups[res.predicted[r.key]], r.key)
		clusters[r.cluster] = append(clusters[r.cluster], r.key)
	}
	show := func(a, b string) {
		x := res.x.Explain(recordID(a), recordID(b))
		fmt.Println(" ", short(by[a].Record), "\n  ", short(by[b].Record), "\n    ", x.Rows, x.Total, x.Exclusive)
	}
	n := 0
	pats := map[string]int{}
	for _, g := range groups {
		for i := range g {
			for j := range i {
				if by[g[i]].cluster != by[g[j]].cluster {
					if n++; n%(1+atoi(os.Getenv("EVERYP"))) == 0 && strings.Contains(os.Getenv("WHY"), "FP") {
						fmt.Println("FP")
						show(g[i], g[j])
					}
				}
			}
		}
	}
	n = 0
	for _, g := range clusters {
		for i := range g {
			for j := range i {
				if res.predicted[g[i]] != res.predicted[g[j]] {
					pats[strings.Join(res.x.Score(recordID(g[i]), recordID(g[j])).Levels, " ")]++
					if n++; n%(1+atoi(os.Getenv("EVERY"))) == 0 && strings.Contains(os.Getenv("WHY"), "FN") {
						fmt.Println("FN")
						show(g[i], g[j])
					}
				}
			}
		}
	}
	type pc struct {
		p string
		n int
	}
	var list []pc
	for p, n := range pats {
		list = append(list, pc{p, n})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].n > list[j].n })
	for _, x := range list[:min(len(list), atoi(os.Getenv("PATS")))] {
		fmt.Println(x.n, x.p)
	}
}
