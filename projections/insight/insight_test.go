package insight_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/insight"
	"ficha/projections/projectionstest"
)

func utc(from, to string) insight.Period { return in(time.UTC, from, to) }

func in(zone *time.Location, from, to string) insight.Period {
	a, err := insight.ParseDay(from)
	if err != nil {
		panic(err)
	}
	b, err := insight.ParseDay(to)
	if err != nil {
		panic(err)
	}
	return insight.Period{From: a, To: b, Zone: zone}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// contactsByHour gives "day hour:contacts" in order, then the total.
func contactsByHour(t testing.TB, r projections.Reader, p insight.Period) string {
	t.Helper()
	f, err := insight.Contacts(t.Context(), r, insight.ContactQuery{Period: p, By: []insight.Dimension{insight.ByDay, insight.ByHour}})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, row := range f.Rows {
		out += fmt.Sprintf("%s %02d:%d ", *row.Day, *row.Hour, row.Contacts)
	}
	return out + fmt.Sprint(f.Total.Contacts)
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// An interaction is counted once, as it is said to be now: edits move it,
// withdrawals take it out, a later word brings it back.
func TestContactsAreCountedOnce(t *testing.T) {
	march := utc("2026-03-01", "2026-04-01")
	evs := []events.Envelope{
		call(t, "1", "1", 1, 1, "answered"), call(t, "2", "2", 1, 1, "busy"),
		call(t, "late", "1", 0, 5, "answered"), // an older word
		call(t, "edit", "2", 2, 2, "answered"),
	}
	same(t, "edited", contactsByHour(t, folded(t, evs...), march), "2026-03-01 10:1 2026-03-01 11:1 2")
	evs = append(evs, hungUp(t, "gone", "2", 3))
	same(t, "withdrawn", contactsByHour(t, folded(t, evs...), march), "2026-03-01 10:1 1")
	evs = append(evs, call(t, "back", "2", 4, 4, "answered"))
	same(t, "back again", contactsByHour(t, folded(t, evs...), march), "2026-03-01 10:1 2026-03-01 13:1 2")

	snap := folded(t, evs...)
	f, err := insight.Contacts(t.Context(), snap, insight.ContactQuery{Period: march, By: []insight.Dimension{insight.ByOutcome}, Outcomes: []string{"answered"}})
	if err != nil || len(f.Rows) != 1 || f.Rows[0].Contacts != 2 || *f.Rows[0].Outcome != "answered" || f.Rows[0].Day != nil {
		t.Errorf("by outcome: %+v, %v", f, err)
	}
	for name, q := range map[string]insight.ContactQuery{
		"channel": {Channels: []string{"email"}}, "direction": {Directions: []string{"outbound"}},
		"source": {Sources: []string{"/pbx2"}}, "outcome": {Outcomes: []string{"busy"}},
	} {
		q.Period = march
		if f, err := insight.Contacts(t.Context(), snap, q); err != nil || f.Total.Contacts != 0 {
			t.Errorf("another %s: %+v, %v", name, f, err)
		}
	}
}

// Days begin at midnight of the zone, also where clocks change.
func TestDaysOfAZone(t *testing.T) {
	var evs []events.Envelope
	for i := range 72 { // 2026-03-28 00:00 to 2026-03-30 23:00 UTC; Madrid changes its clock on the 29th at 01:00 UTC
		evs = append(evs, call(t, fmt.Sprint(i), fmt.Sprint(i), 0, 27*24-9+i, ""))
	}
	snap := folded(t, evs...)
	for _, c := range []struct {
		zone      *time.Location
		day, next string
		hours     int64
	}{
		{time.UTC, "2026-03-29", "2026-03-30", 24},
		{zone(t, "Europe/Madrid"), "2026-03-29", "2026-03-30", 23},
		{zone(t, "Europe/Madrid"), "2026-03-28", "2026-03-29", 23}, // its first hour was on the 27th, UTC
		{zone(t, "America/Guatemala"), "2026-03-29", "2026-03-30", 24},
		{kiribati, "2026-03-28", "2026-03-29", 10},
		{zone(t, "America/Guatemala"), "2026-03-27", "2026-03-28", 6},
	} {
		f, err := insight.Contacts(t.Context(), snap, insight.ContactQuery{Period: in(c.zone, c.day, c.next)})
		if err != nil || f.Total.Contacts != c.hours || len(f.Rows) != 1 {
			t.Errorf("%s in %s: %+v, %v; want %d", c.day, c.zone, f, err, c.hours)
		}
	}
}

func TestRefusesWhatItCannotAnswer(t *testing.T) {
	snap := folded(t)
	twice := []insight.Dimension{insight.ByDay, insight.ByDay}
	for what, want := range map[string]error{"Asia/Kolkata": insight.ErrZone, "UTC": nil} {
		if _, err := insight.ReadCalendar(in(zone(t, what), "2026-03-01", "2026-03-02")); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	for what, q := range map[string]insight.ContactQuery{
		"half hours":   {Period: in(zone(t, "Asia/Kolkata"), "2026-03-01", "2026-03-02")},
		"empty":        {Period: utc("2026-03-01", "2026-03-01")},
		"too long":     {Period: utc("2023-01-01", "2026-03-01")},
		"not its own":  {Period: utc("2026-03-01", "2026-03-02"), By: []insight.Dimension{insight.BySegment}},
		"twice":        {Period: utc("2026-03-01", "2026-03-02"), By: twice},
		"backwards":    {Period: utc("2026-03-02", "2026-03-01")},
		"no dimension": {Period: utc("2026-03-01", "2026-03-02"), By: []insight.Dimension{"customer"}},
	} {
		if _, err := insight.Contacts(t.Context(), snap, q); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
	if _, err := insight.ParseDay("1.3.2026"); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("a day: %v", err)
	}
	var evs []events.Envelope
	for i := range insight.MaxRows + 1 {
		e := call(t, fmt.Sprint(i), fmt.Sprint(i), 0, i%9000, fmt.Sprint(i/9000))
		evs = append(evs, e)
	}
	snap = folded(t, evs...)
	by := []insight.Dimension{insight.ByDay, insight.ByHour, insight.ByOutcome}
	if _, err := insight.Contacts(t.Context(), snap, insight.ContactQuery{Period: utc("2026-01-01", "2027-12-31"), By: by}); !errors.Is(err, insight.ErrTooManyRows) {
		t.Errorf("too many rows: %v", err)
	}
}

// nps gives "segment answers/scored +promoters −detractors" by segment.
func nps(t testing.TB, r projections.Reader) string {
	t.Helper()
	f, err := insight.Surveys(t.Context(), r, insight.SurveyQuery{Period: utc("2026-01-01", "2026-12-31"), Kind: "nps", By: []insight.Dimension{insight.BySegment}})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, row := range f.Rows {
		out += fmt.Sprintf("[%s %d/%d +%d -%d]", *row.Segment, row.Responses, row.Scored, row.Promoters, row.Detractors)
	}
	return out
}

// Each answer is counted under the segment that its customer has now, whatever
// changes it.
func TestSegmentFollowsTheCustomer(t *testing.T) {
	store := projectionstest.NewMemory()
	for _, step := range []struct {
		what string
		e    events.Envelope
		want string
	}{
		{"nobody known", answer(t, "1", "1", 0, 0, "a", "nps", "score", 9), "[ 1/1 +1 -0]"},
		{"of nobody", answer(t, "2", "2", 0, 0, "", "nps", "score", 3), "[ 2/2 +1 -1]"},
		{"known", customer(t, "3", "a", 0, "mass"), "[ 1/1 +0 -1][mass 1/1 +1 -0]"},
		{"another customer", customer(t, "4", "b", 1, "premium"), "[ 1/1 +0 -1][mass 1/1 +1 -0]"},
		{"answers too", answer(t, "5", "5", 0, 0, "b", "nps", "score", 6), "[ 1/1 +0 -1][mass 1/1 +1 -0][premium 1/1 +0 -1]"},
		{"one person", resolved(t, "6", 2, []string{"a", "b"}), "[ 1/1 +0 -1][premium 2/2 +1 -1]"},
		{"other segment of the other record", customer(t, "7", "b", 3, "gold"), "[ 1/1 +0 -1][gold 2/2 +1 -1]"},
		{"two after all", resolved(t, "8", 4, []string{"a"}, []string{"b"}), "[ 1/1 +0 -1][gold 1/1 +0 -1][mass 1/1 +1 -0]"},
		{"pinned", pinned(t, "p1", "b", 5, "vip"), "[ 1/1 +0 -1][mass 1/1 +1 -0][vip 1/1 +0 -1]"},
		{"unpinned", pinned(t, "p2", "b", 6, ""), "[ 1/1 +0 -1][gold 1/1 +0 -1][mass 1/1 +1 -0]"},
		{"withdrawn", gone(t, "9", "b", 5), "[ 2/2 +0 -2][mass 1/1 +1 -0]"},
		{"back", customer(t, "10", "b", 6, "gold"), "[ 1/1 +0 -1][gold 1/1 +0 -1][mass 1/1 +1 -0]"},
		{"cleared", customer(t, "11", "a", 7, ""), "[ 2/2 +1 -1][gold 1/1 +0 -1]"},
		{"edited", answer(t, "12", "5", 8, 0, "b", "nps", "score", 10), "[ 2/2 +1 -1][gold 1/1 +1 -0]"},
		{"older", answer(t, "13", "5", 7, 0, "a", "nps", "score", 1), "[ 2/2 +1 -1][gold 1/1 +1 -0]"},
		{"re-pointed", answer(t, "14", "5", 9, 0, "a", "nps", "score", 10), "[ 3/3 +2 -1]"},
		{"not on the scale", answer(t, "15", "5", 10, 0, "a", "nps", "score", 11), "[ 3/2 +1 -1]"},
		{"no score", answer(t, "16", "1", 10, 0, "a", "nps"), "[ 3/1 +0 -1]"},
		{"another kind", answer(t, "17", "2", 10, 0, "a", "csat", "score", 3), "[ 2/0 +0 -0]"},
	} {
		projectionstest.Fold(t, store, folds(), step.e)
		same(t, step.what, nps(t, view(t, store)), step.want)
	}
}

// NPS and averages are rounded once, from whole numbers.
func TestScores(t *testing.T) {
	var evs []events.Envelope
	for i, score := range []float64{10, 9, 9, 8, 7, 6, 0} {
		evs = append(evs, answer(t, fmt.Sprint("n", i), fmt.Sprint("n", i), 0, 0, "", "nps", "score", score))
	}
	for i, score := range []float64{4.1, 4.2, 4.2} {
		evs = append(evs, answer(t, fmt.Sprint("c", i), fmt.Sprint("c", i), 0, 0, "", "csat", "score", score, "scale", object{"min": 1, "max": 5}))
	}
	q := insight.SurveyQuery{Period: utc("2026-03-01", "2026-04-01"), Kind: "nps", By: []insight.Dimension{insight.ByMonth}}
	f, err := insight.Surveys(t.Context(), folded(t, evs...), q)
	if err != nil {
		t.Fatal(err)
	}
	if r := f.Rows[0]; *r.Month != "2026-03" || r.Promoters != 3 || r.Passives != 2 || r.Detractors != 2 || *r.NPS != 14.3 || *f.Total.NPS != 14.3 {
		t.Errorf("nps %+v", r)
	}
	q.Kind = "csat"
	if f, err = insight.Surveys(t.Context(), folded(t, evs...), q); err != nil || *f.Total.ScoreSum != 12.5 || *f.Total.Average != 4.167 || f.Total.NPS != nil {
		t.Errorf("csat %+v, %v", f.Total, err)
	}
	evs = append(evs, answer(t, "c9", "c9", 0, 0, "", "csat", "score", 7, "scale", object{"min": 1, "max": 10}))
	q.By = []insight.Dimension{insight.ByScale}
	f, err = insight.Surveys(t.Context(), folded(t, evs...), q)
	if err != nil || f.Total.Average != nil || f.Total.Scored != 4 || len(f.Rows) != 2 || *f.Rows[0].Scale != "1-10" || *f.Rows[1].Average != 4.167 {
		t.Errorf("two scales: %+v, %v", f, err)
	}
	if none, err := insight.Surveys(t.Context(), folded(t), q); err != nil || none.Total.NPS != nil || none.Total.Average != nil {
		t.Errorf("no answers: %+v, %v", none, err)
	}
}

func TestHowLongCasesTook(t *testing.T) {
	var evs []events.Envelope
	for i := range 10 { // 1, 2 … 10 hours, the last one still open
		id, status := fmt.Sprint(i), "resolved"
		if i == 9 {
			status = "open"
		}
		evs = append(evs, complaint(t, id, id, 0, status, "opened_at", stamp(0), "resolved_at", stamp(i+1), "escalated", i < 3, "due_at", stamp(2), "first_response_at", stamp(0)))
	}
	evs = append(evs, complaint(t, "before", "b", 0, "closed", "opened_at", stamp(5), "closed_at", stamp(4)))
	f, err := insight.Cases(t.Context(), folded(t, evs...), insight.CaseQuery{Period: utc("2026-03-01", "2026-04-01"), Now: at(3)})
	if err != nil {
		t.Fatal(err)
	}
	if r := f.Total; figures(r) != "11 1 1 3 10 took 9 300 540 answered 10 0 0" || *r.EscalatedShare != 0.2727 {
		t.Errorf("got %s, %v", figures(r), *r.EscalatedShare)
	}
	f, err = insight.Cases(t.Context(), folded(t, evs...), insight.CaseQuery{Period: utc("2026-03-01", "2026-04-01"), Now: at(1), Statuses: []string{"open"}, By: []insight.Dimension{insight.ByStatus}})
	if err != nil || len(f.Rows) != 1 || figures(f.Rows[0]) != "1 1 0 0 0 took 0 answered 1 0 0" {
		t.Errorf("open ones, an hour in: %+v, %v", f, err)
	}
}

func TestRefusesNamelessStatements(t *testing.T) {
	nameless := object{"record": own("", "", ""), "survey": "s", "answered_at": stamp(0), "kind": "complaint", "status": "open", "channel": "voice", "direction": "inbound", "started_at": stamp(0)}
	for _, typ := range []events.Type{events.InteractionRecordedV1, events.InteractionWithdrawnV1, events.SurveyAnsweredV1, events.CaseChangedV1} {
		_, refused := projectionstest.TryFold(t, projectionstest.NewMemory(), []projections.Fold{insight.New()}, event(t, "x", typ, 0, nameless))
		if len(refused) != 1 || !errors.Is(refused[0].Err, events.ErrInvalid) {
			t.Errorf("%s: %v", typ, refused)
		}
	}
}

// benchmarks fold a thousand events over a store that has folded others before.
func benchmark(b *testing.B, f projections.Fold, evs []events.Envelope) {
	b.Helper()
	store := projectionstest.NewMemory()
	projectionstest.Fold(b, store, folds(), evs[:len(evs)/2]...)
	var batch []events.Decoded
	for _, s := range projectionstest.Stored(b, 0, evs[len(evs)/2:]...) {
		d, err := events.Decode(s)
		if err != nil {
			b.Fatal(err)
		}
		batch = append(batch, d)
	}
	snap := view(b, store)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		w := projections.NewWork(b.Context(), snap)
		for _, e := range batch {
			if err := w.Apply(f, e); err != nil {
				b.Fatal(err)
			}
		}
		n += len(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
}

func BenchmarkFoldInteraction(b *testing.B) {
	var evs []events.Envelope
	for i := range 2000 {
		evs = append(evs, call(b, fmt.Sprint("e", i), fmt.Sprint(i), i/20, i/20, []string{"answered", "busy", "no_answer"}[i%3]))
	}
	benchmark(b, insight.New(), evs)
}

func BenchmarkFoldCustomer(b *testing.B) {
	var evs []events.Envelope
	for i := range 2000 {
		evs = append(evs, customer(b, fmt.Sprint("e", i), fmt.Sprint(i%1000), i, "mass"))
	}
	benchmark(b, insight.New(), evs)
}

func BenchmarkFoldAnswer(b *testing.B) {
	var evs []events.Envelope
	for i := range 2000 {
		evs = append(evs, answer(b, fmt.Sprint("e", i), fmt.Sprint(i), i/20, i/20, fmt.Sprint(i%500), "nps", "score", i%11))
	}
	benchmark(b, insight.New(), evs)
}

// BenchmarkContacts reads a year of half a million contacts by day and channel.
func BenchmarkContacts(b *testing.B) {
	store := projectionstest.NewMemory()
	var evs []events.Envelope
	for i := range 365 * 24 {
		for k := range 3 {
			evs = append(evs, call(b, fmt.Sprint("e", i, "/", k), fmt.Sprint(i, "/", k), i, i-24*300, []string{"answered", "busy", "no_answer"}[k]))
		}
	}
	projectionstest.Fold(b, store, []projections.Fold{insight.New()}, evs...)
	snap := view(b, store)
	for b.Loop() {
		q := insight.ContactQuery{Period: utc("2025-05-01", "2026-06-01"), By: []insight.Dimension{insight.ByDay, insight.ByChannel}}
		if _, err := insight.Contacts(b.Context(), snap, q); err != nil {
			b.Fatal(err)
		}
	}
}

func TestContentTellsDifferentFiguresApart(t *testing.T) {
	a := content(t, folded(t, call(t, "1", "1", 0, 0, "busy"), complaint(t, "2", "2", 0, "open")))
	if b := content(t, folded(t, call(t, "1", "1", 0, 0, "busy"), complaint(t, "2", "2", 0, "closed"))); slices.Equal(a, b) || len(a) != 2 {
		t.Errorf("an open and a closed case: %v and %v", a, b)
	}
}
