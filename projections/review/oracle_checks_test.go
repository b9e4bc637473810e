package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

// check compares everything that the fold says with what the oracle says.
func (o *oracle) check(w *world) error {
	got := w.all(o.r)
	everything := maps.Clone(got)
	counts := map[string]uint64{}
	patterns := map[string]uint64{}
	var wrong []error
	for id, it := range got {
		counts[string(it.Kind)+string(it.State)]++
		if it.Kind == KindVerdict {
			delete(got, id)
			continue
		}
		if it.Kind == KindPair && it.State == StateOpen {
			patterns[it.Pattern]++
		}
		if _, ok := o.items[id]; !ok {
			wrong = append(wrong, fmt.Errorf("too much: %s", asText(it)))
		}
	}
	for id, want := range o.items {
		if it, ok := got[id]; !ok {
			wrong = append(wrong, fmt.Errorf("missing: %s", asText(want)))
		} else if g, w := asText(it), asText(want); g != w {
			wrong = append(wrong, fmt.Errorf("got  %s\nwant %s", g, w))
		}
	}
	wrong = append(wrong, o.checkVerdicts(counts), o.checkJobs(), o.checkCounts(counts, patterns), o.checkSuspects(), o.checkCustomers(everything))
	return errors.Join(wrong...)
}

func (o *oracle) checkVerdicts(counts map[string]uint64) error {
	want := map[string]uint64{}
	for _, v := range o.verdicts {
		state := StateDecided
		if o.withdrawn[v.id] {
			state = StateWithdrawn
		}
		want["verdict"+string(state)]++
		it, err := Get(o.t.Context(), o.r, VerdictID(v.id))
		if err != nil || it.State != state || it.Decision.Verdict != v.data.Verdict || it.Decision.Events[0] != v.id {
			return fmt.Errorf("verdict %v reads as %s, %w", v.id, asText(it), err)
		}
		j, err := FindVerdict(o.t.Context(), o.r, v.id)
		if err != nil || j.InForce() == o.withdrawn[v.id] {
			return fmt.Errorf("verdict %v is %+v, %w", v.id, j, err)
		}
	}
	for _, s := range []State{StateDecided, StateWithdrawn} {
		if k := "verdict" + string(s); counts[k] != want[k] {
			return fmt.Errorf("%d verdicts are listed as %s, want %d", counts[k], s, want[k])
		}
	}
	return nil
}

// checkJobs reads verdicts by job and by record.
func (o *oracle) checkJobs() error {
	for _, job := range []string{"", "j1", "j2"} {
		var want, got []events.EventID
		for _, v := range o.verdicts {
			if job != "" && v.data.Job == job {
				want = append(want, v.id)
			}
		}
		for j, err := range ByJob(o.t.Context(), o.r, job) {
			if err != nil {
				return err
			}
			got = append(got, j.Event)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("verdicts of job %q: %v, want %v", job, got, want)
		}
	}
	for n := range 3 {
		var want, got []events.EventID
		for _, v := range o.verdicts {
			if slices.Contains(slices.Concat(v.data.Sets...), idOf(n)) {
				want = append(want, v.id)
			}
		}
		all, err := VerdictsOf(o.t.Context(), o.r, idOf(n))
		for _, j := range all {
			got = append(got, j.Event)
		}
		if err != nil || !slices.Equal(got, want) {
			return fmt.Errorf("verdicts of record %d: %v, want %v, %w", n, got, want, err)
		}
	}
	return nil
}

// checkCustomers asks for the items of a customer, another one after each event.
func (o *oracle) checkCustomers(all map[uuid.UUID]Item) error {
	if record := idOf(int(o.at) % storyRecords); o.members[o.owner[record]] != nil {
		c := o.owner[record]
		got := map[uuid.UUID]bool{}
		for _, s := range countedStates {
			for _, k := range countedKinds {
				for after := ""; ; {
					page, next, err := List(o.t.Context(), o.r, Filter{State: s, Kind: k, Customer: record}, after, 3)
					if err != nil {
						return err
					}
					for _, it := range page {
						if got[it.ID] {
							return fmt.Errorf("customer %s: %s is listed twice", c, it.ID)
						}
						got[it.ID] = true
					}
					if after = next; next == "" {
						break
					}
				}
			}
		}
		for id, it := range all {
			if about := slices.ContainsFunc(it.Records, func(r uuid.UUID) bool { return o.owner[r] == c }); about != got[id] {
				return fmt.Errorf("customer %s: item %s listed %v, want %v", c, id, got[id], about)
			}
		}
	}
	return nil
}

func (o *oracle) checkCounts(counts, patterns map[string]uint64) error {
	c, err := ReadCounts(o.t.Context(), o.r)
	if err != nil {
		return err
	}
	for k, states := range c {
		for s, n := range states {
			if counts[string(k)+string(s)] != n {
				return fmt.Errorf("%d items of kind %s are %s, counted %d", counts[string(k)+string(s)], k, s, n)
			}
		}
	}
	counted, err := Patterns(o.t.Context(), o.r)
	if err != nil || len(counted) != len(patterns) {
		return fmt.Errorf("patterns %v, want %v, %w", counted, patterns, err)
	}
	for _, p := range counted {
		if patterns[p.Pattern] != p.Count {
			return fmt.Errorf("patterns %v, want %v", counted, patterns)
		}
	}
	return nil
}

// checkSuspects looks at every customer anew.
func (o *oracle) checkSuspects() error {
	got := map[uuid.UUID]Suspect{}
	last, after := 1<<30, ""
	for {
		page, next, err := Suspects(o.t.Context(), o.r, after, 2)
		if err != nil {
			return err
		}
		for _, s := range page {
			if got[s.Customer] = s; s.Score > last {
				return fmt.Errorf("suspects are out of order")
			}
			last = s.Score
		}
		if after = next; next == "" {
			break
		}
	}
	for c := range o.members {
		want, guilty := o.suspicion(c)
		s, listed := got[c]
		delete(got, c)
		if listed != guilty || guilty && !s.same(&want) {
			return fmt.Errorf("suspect %s: got %+v, want %v %+v", c, s, guilty, want)
		}
	}
	if len(got) > 0 {
		return fmt.Errorf("suspects that are no customers: %v", got)
	}
	return nil
}

func (o *oracle) suspicion(c uuid.UUID) (Suspect, bool) {
	doc, err := golden.Get(o.t.Context(), o.r, c)
	if err != nil {
		o.t.Fatal(err)
	}
	p := &person{Kind: doc.Kind, Names: doc.Names, BirthDate: doc.BirthDate, Documents: doc.Documents, Records: doc.Records}
	var b bonds
	if b.links, err = golden.Links(o.t.Context(), o.r, c); err != nil {
		o.t.Fatal(err)
	}
	for _, m := range o.members[c] {
		ls, err := golden.PotentialMatches(o.t.Context(), o.r, m)
		if err != nil {
			o.t.Fatal(err)
		}
		for _, l := range ls {
			if l.RefusedBy == CodeVerdictConflict && o.owner[l.A] == o.owner[l.B] {
				b.conflicts = append(b.conflicts, l)
			}
		}
	}
	s := suspect(c, p, b)
	for _, v := range o.verdicts {
		for _, set := range v.data.Sets {
			all := v.data.Verdict == events.VerdictSame && !o.withdrawn[v.id] && !o.leftOut[v.id]
			for _, r := range s.Records {
				all = all && slices.Contains(set, r)
			}
			if all {
				return s, false
			}
		}
	}
	return s, len(s.Reasons) > 0
}

func asText(it Item) string {
	b, err := json.Marshal(it)
	if err != nil {
		panic(err)
	}
	return string(b)
}
