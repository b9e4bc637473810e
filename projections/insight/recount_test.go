package insight_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/insight"
	"ficha/projections/oracletest"
	"ficha/projections/projectionstest"
)

var (
	guatemala = time.FixedZone("GT", -6*3600)
	kiribati  = time.FixedZone("KI", 14*3600)
)

// wide is a period that holds everything that the histories speak of.
func wide(zone *time.Location) insight.Period {
	from, to := insight.DayOf(at(-24*90)), insight.DayOf(at(24*90))
	return insight.Period{From: from, To: to, Zone: zone}
}

// TestFiguresEqualARecount: figures over random logs, with edits, withdrawals,
// other customers, merges, splits and changing segments, equal a naive recount of
// the same log.
func TestFiguresEqualARecount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		evs := history(t, rt, 30)
		store := projectionstest.NewMemory()
		for rest := evs; len(rest) > 0; { // in batches of any size
			n := rapid.IntRange(1, len(rest)).Draw(rt, "batch")
			projectionstest.Fold(t, store, folds(), rest[:n]...)
			rest = rest[n:]
		}
		snap := view(t, store)
		zone := rapid.SampledFrom([]*time.Location{time.UTC, guatemala, kiribati}).Draw(rt, "zone")
		compareContacts(t, rt, snap, evs, zone)
		compareSurveys(t, rt, snap, evs, zone)
		compareCases(t, rt, snap, evs, zone)
	})
}

func compareContacts(t testing.TB, rt *rapid.T, r projections.Reader, evs []events.Envelope, zone *time.Location) {
	want, err := oracletest.Contacts(evs, zone)
	if err != nil {
		rt.Fatal(err)
	}
	f, err := insight.Contacts(t.Context(), r, insight.ContactQuery{Period: wide(zone),
		By: []insight.Dimension{insight.ByDay, insight.ByHour, insight.ByChannel, insight.ByDirection, insight.BySource, insight.ByOutcome}})
	if err != nil {
		rt.Fatal(err)
	}
	got, total := map[string]int64{}, int64(0)
	for _, row := range f.Rows {
		got[fmt.Sprintf("%s %02d %s %s %s %s", *row.Day, *row.Hour, *row.Channel, *row.Direction, *row.Source, *row.Outcome)] += row.Contacts
	}
	for _, n := range want {
		total += n
	}
	if !maps.Equal(got, want) || f.Total.Contacts != total {
		rt.Fatalf("contacts: got %v, total %d; want %v", got, f.Total.Contacts, want)
	}
}

func compareSurveys(t testing.TB, rt *rapid.T, r projections.Reader, evs []events.Envelope, zone *time.Location) {
	want, err := oracletest.Surveys(evs, zone, segmentNow(t, r))
	if err != nil {
		rt.Fatal(err)
	}
	got := map[string]string{}
	for _, kind := range []string{"nps", "csat", "ces", "other"} {
		f, err := insight.Surveys(t.Context(), r, insight.SurveyQuery{Period: wide(zone), Kind: kind,
			By: []insight.Dimension{insight.ByMonth, insight.BySurvey, insight.ByScale, insight.BySegment}})
		if err != nil {
			rt.Fatal(err)
		}
		for _, row := range f.Rows {
			sum := 0.0
			if row.ScoreSum != nil {
				sum = *row.ScoreSum
			}
			key := fmt.Sprintf("%s %s %s %s %s", *row.Month, kind, *row.Survey, *row.Scale, *row.Segment)
			got[key] = fmt.Sprint(row.Responses, row.Scored, row.Promoters, row.Passives, row.Detractors, sum)
		}
	}
	recounted := map[string]string{}
	for key, a := range want {
		sum, _ := a.Sum.Float64()
		recounted[key] = fmt.Sprint(a.Responses, a.Scored, a.Promoters, a.Passives, a.Detractors, sum)
	}
	if !maps.Equal(got, recounted) {
		rt.Fatalf("surveys: got %v, want %v", got, recounted)
	}
}

func compareCases(t testing.TB, rt *rapid.T, r projections.Reader, evs []events.Envelope, zone *time.Location) {
	now := at(400)
	want, err := oracletest.Cases(evs, zone, now)
	if err != nil {
		rt.Fatal(err)
	}
	f, err := insight.Cases(t.Context(), r, insight.CaseQuery{Period: wide(zone), Now: now,
		By: []insight.Dimension{insight.ByMonth, insight.ByKind, insight.ByStatus, insight.BySource}})
	if err != nil {
		rt.Fatal(err)
	}
	got, recounted := map[string]string{}, map[string]string{}
	for _, row := range f.Rows {
		got[fmt.Sprintf("%s %s %s %s", *row.Month, *row.Kind, *row.Status, *row.Source)] = figures(row)
	}
	var all oracletest.Handled
	for key, h := range want {
		recounted[key] = handled(h)
		all.Cases, all.Open, all.Overdue = all.Cases+h.Cases, all.Open+h.Open, all.Overdue+h.Overdue
		all.Escalated, all.Resolved = all.Escalated+h.Escalated, all.Resolved+h.Resolved
		all.Took, all.Answered = append(all.Took, h.Took...), append(all.Answered, h.Answered...)
	}
	slices.Sort(all.Took)
	slices.Sort(all.Answered)
	if !maps.Equal(got, recounted) || figures(f.Total) != handled(&all) {
		rt.Fatalf("cases: got %v, total %s; want %v, total %s", got, figures(f.Total), recounted, handled(&all))
	}
}

func figures(r insight.CaseRow) string {
	spread := func(s insight.Spread) string {
		if s.P50 == nil || s.P90 == nil {
			return fmt.Sprint(s.Count)
		}
		return fmt.Sprint(s.Count, *s.P50, *s.P90)
	}
	return fmt.Sprint(r.Cases, r.Open, r.Overdue, r.Escalated, r.Resolved, " took ", spread(r.ResolutionMinutes), " answered ", spread(r.FirstAnswerMinutes))
}

// handled writes a recount as figures does, with percentiles by counting up to
// the first value that enough are not above.
func handled(h *oracletest.Handled) string {
	spread := func(sorted []int64) string {
		if len(sorted) == 0 {
			return "0"
		}
		percentile := func(p int) int64 {
			for _, v := range sorted {
				below := 0
				for _, o := range sorted {
					if o <= v {
						below++
					}
				}
				if below*100 >= p*len(sorted) {
					return v
				}
			}
			return -1
		}
		return fmt.Sprint(len(sorted), percentile(50), percentile(90))
	}
	return fmt.Sprint(h.Cases, h.Open, h.Overdue, h.Escalated, h.Resolved, " took ", spread(h.Took), " answered ", spread(h.Answered))
}

// Statements in any order of arrival, twice, one by one, give the same rows. The
// groups are decided at the end.
func TestAnyOrderOfArrivalEndsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var evs []events.Envelope
		for i, id := range people {
			evs = append(evs, customer(t, fmt.Sprint("c", i), id, 0, "mass"))
		}
		for i := range rapid.IntRange(1, 20).Draw(rt, "length") {
			evs = append(evs, statement(t, rt, fmt.Sprintf("e%02d", i)))
		}
		end := decision(t, rt, "end", people)
		one := folded(t, append(slices.Clone(evs), end)...)
		store := projectionstest.NewMemory()
		for _, e := range projectionstest.Shuffle(rapid.Uint64().Draw(rt, "order"), append(slices.Clone(evs), evs...)) {
			projectionstest.Fold(t, store, folds(), e)
		}
		projectionstest.Fold(t, store, folds(), end)
		if a, b := content(t, one), content(t, view(t, store)); !slices.Equal(a, b) {
			rt.Fatalf("in order\n%s\nshuffled\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
		tables := insight.New().Tables()
		first := projectionstest.NewMemory()
		projectionstest.Fold(t, first, folds(), append(slices.Clone(evs), end)...)
		if a, b := projectionstest.Dump(t, first, tables...), projectionstest.Dump(t, store, tables...); a != b {
			rt.Fatalf("rows in order\n%s\nshuffled\n%s", a, b)
		}
	})
}
