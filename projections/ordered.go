package projections

import (
	"iter"
	"slices"
	"strings"
)

// longestRun bounds the runs of an orderedKeys, so that a key is put in its place
// by moving few others.
const longestRun = 256

// orderedKeys is a set of keys in byte order, in runs one behind the other. The
// zero value is empty.
type orderedKeys struct{ runs [][]string }

// find gives the place of the first key ≥ k: run and index in it; behind the last
// one, an index as long as that run.
func (o *orderedKeys) find(k string) (run, i int) {
	run, _ = slices.BinarySearchFunc(o.runs, k, func(r []string, k string) int { return strings.Compare(r[len(r)-1], k) })
	if run == len(o.runs) {
		if run == 0 {
			return 0, 0
		}
		return run - 1, len(o.runs[run-1])
	}
	i, _ = slices.BinarySearch(o.runs[run], k)
	return run, i
}

// add puts a key that is not there yet into its place.
func (o *orderedKeys) add(k string) {
	if len(o.runs) == 0 {
		o.runs = [][]string{append(make([]string, 0, longestRun), k)}
		return
	}
	run, i := o.find(k)
	r := slices.Insert(o.runs[run], i, k)
	o.runs[run] = r
	if len(r) < longestRun {
		return
	}
	half := append(make([]string, 0, longestRun), r[longestRun/2:]...)
	o.runs[run] = r[:longestRun/2]
	o.runs = slices.Insert(o.runs, run+1, half)
}

// between gives the keys from ≤ key < to in order, or in reverse; a nil bound is open.
func (o *orderedKeys) between(from, to []byte, reverse bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(o.runs) == 0 {
			return
		}
		var first, end place
		if from != nil {
			first.run, first.i = o.find(string(from))
		}
		end = place{len(o.runs) - 1, len(o.runs[len(o.runs)-1])}
		if to != nil {
			end.run, end.i = o.find(string(to))
		}
		if reverse {
			o.backward(first, end, yield)
		} else {
			o.forward(first, end, yield)
		}
	}
}

// place is where a key stands, or would.
type place struct{ run, i int }

func (o *orderedKeys) forward(first, end place, yield func(string) bool) {
	for run, i := first.run, first.i; run <= end.run; run, i = run+1, 0 {
		last := len(o.runs[run])
		if run == end.run {
			last = end.i
		}
		for ; i < last; i++ {
			if !yield(o.runs[run][i]) {
				return
			}
		}
	}
}

func (o *orderedKeys) backward(first, end place, yield func(string) bool) {
	for run := end.run; run >= first.run; run-- {
		last, i := 0, len(o.runs[run])
		if run == end.run {
			i = end.i
		}
		if run == first.run {
			last = first.i
		}
		for i--; i >= last; i-- {
			if !yield(o.runs[run][i]) {
				return
			}
		}
	}
}
