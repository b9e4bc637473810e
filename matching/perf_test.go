package matching

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestPerf(t *testing.T) {
	rows := readSet(t, os.Getenv("PERF"), sharedSets[0])
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
	n := float64(len(rows))
	fmt.Printf("prepare %.1f us\n", time.Since(start).Seconds()*1e6/n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	fmt.Printf("prepared %.0f B a record\n", float64(after.HeapAlloc-before.HeapAlloc)/n)
	x := NewIndex(e)
	start = time.Now()
	nt := 0
	for _, p := range ps {
		nt += len(x.Put(p))
	}
	fmt.Printf("put %.1f us touched %.2f\n", time.Since(start).Seconds()*1e6/n, float64(nt)/n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	fmt.Printf("with index %.0f B a record, keys %d blocks %d\n", float64(after.HeapAlloc-before.HeapAlloc)/n, len(x.table), len(x.blocks))
	start = time.Now()
	for _, p := range ps[:20000] {
		x.Edges(p.id)
	}
	d := time.Since(start)
	c, most := 0, 0
	for _, p := range ps[:20000] {
		k := x.Candidates(p.id)
		c += k
		most = max(most, k)
	}
	runtime.KeepAlive(rows)
	fmt.Printf("edges %.1f us a record, %.1f candidates (most %d); %.0f ns a candidate\n", d.Seconds()*1e6/20000, float64(c)/20000, most, d.Seconds()*1e9/float64(c))
}
