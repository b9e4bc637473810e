package matching

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/internal/testneeds"
)

func TestDebug(t *testing.T) {
	want := os.Getenv("DEBUG_SET")
	if want == "" {
		t.Skip()
	}
	dir := filepath.Join(testneeds.Shared(t), "data")
	for _, s := range sharedSets {
		if s.name != want {
			continue
		}
		var rows []labelled
		if strings.HasSuffix(s.file, ".jsonl") {
			rows = readSenzing(t, filepath.Join(dir, s.file))
		} else {
			rows = readSet(t, filepath.Join(dir, s.file), s)
		}
		r := runSet(t, rows)
		byKey := map[string]labelled{}
		clusters := map[string][]string{}
		groups := map[string][]string{}
		for _, row := range rows {
			byKey[row.key] = row
			clusters[row.cluster] = append(clusters[row.cluster], row.key)
			groups[r.predicted[row.key]] = append(groups[r.predicted[row.key]], row.key)
		}
		show := func(why string, a, b string) {
			p, q := byKey[a], byKey[b]
			x := r.x.Explain(recordID(a), recordID(b))
			var sb strings.Builder
			for _, row := range x.Rows {
				fmt.Fprintf(&sb, "%s=%s %.1f; ", row.Comparison, row.Level, float64(row.Weight)/1000)
			}
			fmt.Printf("%s total %.1f excl %s\n   %s\n   %s\n   %s\n", why, float64(x.Total)/1000, x.Exclusive, short(p.Record), short(q.Record), sb.String())
		}
		counts := map[string]int{}
		pats := map[string]int{}
		n := 0
		for _, c := range clusters {
			for i := range c {
				for j := i + 1; j < len(c); j++ {
					if r.predicted[c[i]] == r.predicted[c[j]] {
						continue
					}
					a, b := recordID(c[i]), recordID(c[j])
					if compareIDs(a, b) > 0 {
						a, b = b, a
					}
					why := "FN below"
					e, ok := r.edges[[2]uuid.UUID{a, b}]
					w := r.x.Score(a, b)
					switch {
					case ok && e.Exclusive != "":
						why = "FN exclusive"
					case ok && e.Weight >= 3000:
						why = "FN clustered apart"
					case ok && e.Weight >= 2000:
						why = "FN floor"
					case !ok && w.Weight >= 3000:
						why = "FN no candidate"
					case w.Weight < -5000:
						why = "FN far below"
					}
					counts[why]++
					pats[why+" "+strings.Join(w.Levels, " ")]++
					if n++; n%(1+atoi(os.Getenv("EVERY"))) == 0 && strings.Contains(why, os.Getenv("WHY")) {
						show(why, c[i], c[j])
					}
				}
			}
		}
		for _, c := range groups {
			for i := range c {
				for j := i + 1; j < len(c); j++ {
					if byKey[c[i]].cluster != byKey[c[j]].cluster {
						counts["FP"]++
						if strings.Contains("FP", os.Getenv("WHY")) && counts["FP"]%(1+atoi(os.Getenv("EVERYP"))) == 0 {
							show("FP", c[i], c[j])
						}
					}
				}
			}
		}
		fmt.Println(counts, r.figures)
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
}

func atoi(s string) int {
	n := 0
	fmt.Sscan(s, &n)
	return n
}

func short(r Record) string {
	var b strings.Builder
	for _, n := range r.Names {
		fmt.Fprintf(&b, "[%s|%s|%s|%s|%s] ", n.Given, n.Middle, n.Family, n.Family2, n.Full)
	}
	fmt.Fprintf(&b, "%s %s ", r.BirthDate, r.Gender)
	for _, d := range r.Documents {
		b.WriteString(d.Kind + ":" + d.Number + " ")
	}
	for _, d := range r.Phones {
		b.WriteString(d.Value + " ")
	}
	b.WriteString(strings.Join(r.Emails, " "))
	for _, a := range r.Addresses {
		fmt.Fprintf(&b, " {%s|%s|%s|%s|%s|%s}", strings.Join(a.Lines, "/"), a.Number, a.Street, a.Locality, a.Region, a.PostalCode)
	}
	return b.String() + " " + r.Organization
}

func TestSweep(t *testing.T) {
	if os.Getenv("SWEEP") == "" {
		t.Skip()
	}
	dir := filepath.Join(testneeds.Shared(t), "data")
	for _, s := range sharedSets {
		if !strings.Contains(","+os.Getenv("SWEEP")+",", ","+s.name+",") {
			continue
		}
		var rows []labelled
		if strings.HasSuffix(s.file, ".jsonl") {
			rows = readSenzing(t, filepath.Join(dir, s.file))
		} else {
			rows = readSet(t, filepath.Join(dir, s.file), s)
		}
		for _, kin := range strings.Split(os.Getenv("KIN"), ",") {
			e := newEngine(t)
			c := &e.models.Person.c
			c.kinPrior = int32(atoi(kin))
			c.review = -2000
			x := NewIndex(e)
			keyOf := map[uuid.UUID]string{}
			truth := map[string]string{}
			byKind := map[Kind]*Component{Person: {}, Organization: {}}
			for _, r := range rows {
				r.ID = recordID(r.key)
				keyOf[r.ID] = r.key
				truth[r.key] = r.cluster
				x.Put(e.Prepare(r.Record))
			}
			edges := allEdges(x, rows)
			for i, r := range rows {
				if r.Kind == Organization {
					continue
				}
				c := byKind[Person]
				c.Records = append(c.Records, recordID(r.key))
				c.Edges = append(c.Edges, edges[i]...)
			}
			for _, cut := range []int32{0, 1000, 2000, 3000} {
				for _, strong := range []int32{8000, 100000} {
					for _, cap := range []int32{6000, 12000, 20000} {
						c.floor, c.cut, c.strong, c.pairCap = cut, cut, strong, cap
						predicted := map[string]string{}
						for _, g := range x.Cluster(*byKind[Person]).Groups {
							for _, id := range g {
								predicted[keyOf[id]] = g[0].String()
							}
						}
						f := Evaluate(truth, predicted)
						fmt.Printf("%s kin %s cut %d strong %d cap %d: P %.4f R %.4f F1 %.4f B3 %.4f largest %d\n", s.name, kin, cut, strong, cap, f.Precision, f.Recall, f.F1, f.BF1, f.Largest)
					}
				}
			}
		}
	}
}

func TestPerf(t *testing.T) {
	file := os.Getenv("PERF")
	if file == "" {
		t.Skip()
	}
	rows := readSet(t, file, sharedSets[0])
	e := newEngine(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	ps := make([]*Prepared, len(rows))
	for i, r := range rows {
		r.ID = recordID(r.key)
		ps[i] = e.Prepare(r.Record)
	}
	fmt.Printf("prepare %.1f us\n", time.Since(start).Seconds()*1e6/float64(len(rows)))
	runtime.GC()
	runtime.ReadMemStats(&after)
	fmt.Printf("prepared %.0f B a record\n", float64(after.HeapAlloc-before.HeapAlloc)/float64(len(rows)))
	x := NewIndex(e)
	start = time.Now()
	nt := 0
	for _, p := range ps {
		nt += len(x.Put(p))
	}
	fmt.Printf("put %.1f us touched %.2f\n", time.Since(start).Seconds()*1e6/float64(len(rows)), float64(nt)/float64(len(rows)))
	runtime.GC()
	runtime.ReadMemStats(&after)
	fmt.Printf("with index %.0f B a record, keys %d blocks %d\n", float64(after.HeapAlloc-before.HeapAlloc)/float64(len(rows)), len(x.table), len(x.blocks))
	nk := 0
	for _, p := range ps {
		nk += len(p.keys)
	}
	fmt.Printf("keys/record %.1f\n", float64(nk)/float64(len(rows)))
	start = time.Now()
	n := 0
	for _, p := range ps[:min(len(ps), 50000)] {
		n += len(x.Edges(p.id))
	}
	d := time.Since(start)
	_, cands := 0, 0
	for _, p := range ps[:min(len(ps), 50000)] {
		cands += x.Candidates(p.id)
	}
	fmt.Printf("edges %.1f us a record, %.1f candidates, %.1f edges; %.0f ns a candidate\n", d.Seconds()*1e6/50000, float64(cands)/50000, float64(n)/50000, d.Seconds()*1e9/float64(cands))
	if os.Getenv("EVAL") != "" {
		recall, _ := candidateRecall(x, rows)
		fmt.Println("candidate recall", recall)
		r := runSet(t, rows)
		fmt.Printf("%+v %.1fs\n", r.figures, r.seconds)
	}
}

func TestKeyValue(t *testing.T) {
	if os.Getenv("KEYVALUE") == "" {
		t.Skip()
	}
	dir := filepath.Join(testneeds.Shared(t), "data")
	for _, s := range sharedSets[:8] {
		if !strings.Contains(","+os.Getenv("KEYVALUE")+",", ","+s.name+",") {
			continue
		}
		rows := readSet(t, filepath.Join(dir, s.file), s)
		e := newEngine(t)
		members := map[string][]int{}
		ps := make([]*Prepared, len(rows))
		for i, r := range rows {
			r.ID = recordID(r.key)
			ps[i] = e.Prepare(r.Record)
			members[r.cluster] = append(members[r.cluster], i)
		}
		only, hits, nkeys, total := map[int]int{}, map[int]int{}, map[int]int{}, 0
		for _, p := range ps {
			for _, k := range p.keys {
				nkeys[rule(k)]++
			}
		}
		for _, m := range members {
			for i := range m {
				for j := range i {
					total++
					rules := map[int]bool{}
					for _, k := range ps[m[i]].keys {
						if holds(ps[m[j]], k) {
							rules[rule(k)] = true
						}
					}
					for r := range rules {
						hits[r]++
						if len(rules) == 1 {
							only[r]++
						}
					}
				}
			}
		}
		for r, b := range e.models.Person.Blocking {
			fmt.Printf("%s %-14s keys/record %.2f  share of true pairs %.4f  alone %.4f\n", s.name, b.Key, float64(nkeys[r])/float64(len(ps)), float64(hits[r])/float64(total), float64(only[r])/float64(total))
		}
	}
}
