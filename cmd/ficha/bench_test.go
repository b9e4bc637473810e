package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ficha/events"
	"ficha/schemas"
)

func TestMedian(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 10}, 3}, {[]float64{nan, 7, nan, 1, 2}, 2}, {nil, nan}, {[]float64{nan}, nan},
	} {
		if got := median(c.values); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
	values := []float64{3, 1, 2}
	median(values)
	if !slices.Equal(values, []float64{3, 1, 2}) {
		t.Error("median reorders what it is given")
	}
}

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	for _, c := range []struct{ share, want float64 }{{0, 1}, {0.5, 50}, {0.99, 99}, {0.991, 100}, {1, 100}} {
		if got := percentile(hundred, c.share); got != c.want {
			t.Errorf("percentile %v is %v ms, want %v", c.share, got, c.want)
		}
	}
	if got := percentile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("percentile of nothing is %v", got)
	}
}

func TestJudge(t *testing.T) {
	atLeast := func(v float64) budget { return budget{ratio: true, value: v} }
	for _, c := range []struct {
		name       string
		budget     budget
		raws, hubs []float64
		ratio      string
		pass       bool
	}{
		// The ratio is that of each pair: a machine that slows down half-way changes nothing.
		{"ratios of pairs", atLeast(0.5), []float64{100, 50, 10}, []float64{60, 30, 6}, "0.60 (0.60–0.60)", true},
		{"middle counts", atLeast(0.5), []float64{10, 10, 10}, []float64{1, 6, 9}, "0.60 (0.10–0.90)", true},
		{"missed", atLeast(0.5), []float64{10, 10, 10}, []float64{4, 4.9, 9}, "0.49 (0.40–0.90)", false},
		{"just kept", atLeast(0.5), []float64{10}, []float64{5}, "0.50 (0.50–0.50)", true},
		{"at most, kept", budget{ratio: true, atMost: true, value: 3}, []float64{1}, []float64{3}, "3.00 (3.00–3.00)", true},
		{"at most, missed", budget{ratio: true, atMost: true, value: 3}, []float64{1}, []float64{3.1}, "3.10 (3.10–3.10)", false},
		{"figure", budget{atMost: true, value: 250}, []float64{absent(), absent()}, []float64{240, 200}, "–", true},
		{"figure, missed", budget{value: 8000}, []float64{16000}, []float64{7999}, "0.50 (0.50–0.50)", false},
		{"void round", budget{atMost: true, value: 250}, []float64{absent(), absent()}, []float64{absent(), 240}, "–", true},
		{"void altogether", budget{atMost: true, value: 250}, []float64{absent()}, []float64{absent()}, "–", false},
	} {
		got := judge("B0", benchLine{budget: c.budget}, c.raws, c.hubs)
		if got.Ratio.String() != c.ratio || got.Pass != c.pass {
			t.Errorf("%s: ratio %s, pass %v; want %s, %v", c.name, got.Ratio, got.Pass, c.ratio, c.pass)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestBudgetsReadWell(t *testing.T) {
	for want, b := range map[string]budget{
		"≥ 0.5 × raw":           {ratio: true, value: 0.5},
		"≤ 3.0 × raw":           {ratio: true, atMost: true, value: 3},
		"≥ 20\u202f000/s":       {value: 20_000, unit: "/s"},
		"≤ 5.00 ms":             {atMost: true, value: 5, unit: " ms"},
		"≤ 250 ms":              {atMost: true, value: 250, unit: " ms"},
		"≥ 1\u202f234\u202f568": {value: 1_234_567.6},
	} {
		if got := b.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// script is a contest that says what it was told to.
type script struct {
	order    []string
	hubFails error
	figures  int
}

func (s *script) raw(context.Context) ([]float64, error) { return s.say("raw", nil) }
func (s *script) hub(context.Context) ([]float64, error) { return s.say("hub", s.hubFails) }
func (s *script) close()                                 {}

func (s *script) say(side string, err error) ([]float64, error) {
	s.order = append(s.order, side)
	figures := make([]float64, s.figures)
	for i := range figures {
		figures[i] = float64(len(s.order))
	}
	return figures, err
}

func TestSidesTakeTurns(t *testing.T) {
	w := workload{name: "B0", lines: make([]benchLine, 2)}
	s := &script{figures: 2}
	var done []int
	lines, err := takeTurns(t.Context(), w, s, 3, func(pair int, _, _ []float64) { done = append(done, pair) })
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Split("raw hub raw hub raw hub raw hub", " "); !slices.Equal(s.order, want) {
		t.Errorf("order %v, want %v", s.order, want)
	}
	if !slices.Equal(done, []int{1, 2, 3}) {
		t.Errorf("told of %v", done)
	}
	// Figures are 1, 2 (to warm up), then raw 3, 5, 7 and hub 4, 6, 8.
	for _, m := range lines {
		if *m.Raw != 5 || *m.Hub != 6 || m.Pairs != 3 {
			t.Errorf("raw %v, hub %v, pairs %d; want 5, 6, 3", *m.Raw, *m.Hub, m.Pairs)
		}
	}
}

func TestFailedSideEndsTheMeasurement(t *testing.T) {
	w := workload{name: "B0", lines: make([]benchLine, 1)}
	disk := errors.New("disk on fire")
	if _, err := takeTurns(t.Context(), w, &script{figures: 1, hubFails: disk}, 3, func(int, []float64, []float64) {}); !errors.Is(err, disk) {
		t.Errorf("got %v, want the side's error", err)
	}
	if _, err := takeTurns(t.Context(), w, &script{figures: 2}, 3, func(int, []float64, []float64) {}); err == nil {
		t.Error("a side that gives too many figures is believed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := takeTurns(ctx, w, &script{figures: 1}, 3, func(int, []float64, []float64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSideBySide(t *testing.T) {
	var sum atomic.Int64
	if err := sideBySide(t.Context(), 3, 100, func(_ context.Context, i int) error { sum.Add(int64(i)); return nil }); err != nil || sum.Load() != 4950 {
		t.Errorf("sum %d, %v; want each of 0 … 99 once", sum.Load(), err)
	}
	broken := errors.New("broken")
	var calls atomic.Int64
	err := sideBySide(t.Context(), 2, 1_000_000, func(ctx context.Context, i int) error {
		calls.Add(1)
		if i == 10 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || calls.Load() == 1_000_000 {
		t.Errorf("got %v after %d calls, want the error and an early end", err, calls.Load())
	}
}

func TestFlowIsSteadyAndStops(t *testing.T) {
	var calls atomic.Int64
	f := startFlow(t.Context(), 5*time.Millisecond, func(context.Context, int) error { calls.Add(1); return nil })
	time.Sleep(250 * time.Millisecond)
	rate, err := f.stop()
	if err != nil || rate < 20 || rate > 220 {
		t.Errorf("rate %v, %v; want at most 200 a second and not far less", rate, err)
	}
	after := calls.Load()
	time.Sleep(30 * time.Millisecond)
	if calls.Load() != after {
		t.Error("it flows on after stop")
	}
	broken := errors.New("broken")
	f = startFlow(t.Context(), time.Millisecond, func(context.Context, int) error { return broken })
	time.Sleep(20 * time.Millisecond)
	if _, err := f.stop(); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of a call", err)
	}
}

func TestBenchEventsAreValidAndOfTheirSize(t *testing.T) {
	registry, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	m := newEventMaker(500)
	all := append(m.everyone(), m.interactions(1500)...)
	changed, segment := m.change(7)
	if !bytes.Contains(changed.Data, []byte(segment)) {
		t.Error("a change does not state its segment")
	}
	ids := map[string]bool{}
	for _, e := range append(all, changed) {
		var data any
		dec := json.NewDecoder(bytes.NewReader(e.Data))
		dec.UseNumber()
		if err := dec.Decode(&data); err != nil {
			t.Fatal(err)
		}
		if wrong := registry.Validate(string(e.Type), data); len(wrong) > 0 {
			t.Fatalf("%s: %+v", e.ID, wrong[0])
		}
		if ids[e.Source+e.ID] {
			t.Fatalf("%s twice", e.ID)
		}
		ids[e.Source+e.ID] = true
		if n := len(encoded(e)); e.Type == events.InteractionRecordedV1 && (n < benchEventSize-3 || n > benchEventSize) {
			t.Fatalf("an interaction has %d bytes, want %d", n, benchEventSize)
		}
	}
}

// TestBenchMeasuresEveryWorkload runs the command at a size at which figures mean
// nothing: every workload must come to an end, give plausible figures and clean up.
func TestBenchMeasuresEveryWorkload(t *testing.T) {
	var out, talk bytes.Buffer
	a := &app{std: streams{out: &out, err: &talk}, json: true}
	dir := t.TempDir()
	err := a.bench(t.Context(), benchOptions{dir: dir, pairs: 1, size: benchSize{
		appends: 1200, customers: 60, singles: 5, sightings: 2, contacts: 60,
		asking: 30 * time.Millisecond, rebuilt: 600, workloadTime: time.Minute,
	}})
	if err != nil {
		t.Fatalf("%v\n%s", err, talk.String())
	}
	seen := map[string]int{}
	dec := json.NewDecoder(&out)
	for dec.More() {
		var m measured
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		seen[m.Workload]++
		void := m.Hub == nil && strings.Contains(talk.String(), "round is void")
		if !void && (m.Hub == nil || *m.Hub <= 0) || m.Raw != nil && *m.Raw <= 0 || m.Pairs != 1 {
			t.Errorf("%s %s: hub %v, raw %v, pairs %d", m.Workload, m.What, m.Hub, m.Raw, m.Pairs)
		}
	}
	for _, w := range workloads() {
		if seen[w.name] != len(w.lines) {
			t.Errorf("%s gave %d lines, want %d", w.name, seen[w.name], len(w.lines))
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBenchRefusesWhatIsNoWorkload(t *testing.T) {
	for _, args := range [][]string{{"bench", "B77"}, {"bench", "--size", "huge"}, {"bench", "--pairs", "0"}} {
		var talk bytes.Buffer
		if code := Main(t.Context(), args, streams{out: &talk, err: &talk}); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d", args, code, exitUsage)
		}
	}
	list, err := chosen([]string{"b7", "B1"})
	if err != nil || len(list) != 2 || list[0].name != "B1" || list[1].name != "B7" {
		t.Errorf("chosen: %v, %v", list, err)
	}
}

func TestBenchTellsMissedBudgets(t *testing.T) {
	var out bytes.Buffer
	a := &app{std: streams{out: &out, err: &out}}
	raw, hub := 40_000.0, 12_345.6
	err := a.tellMeasured([]measured{
		{Workload: "B1", What: "appended", Unit: "/s", Raw: &raw, Hub: &hub, Limit: "limit", Ratio: &spread{0.31, 0.3, 0.4}, Budget: "≥ 0.5 × raw"},
		{Workload: "B4", What: "seen", Unit: " ms", Budget: "≤ 250 ms", Pass: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12\u202f346/s", "40\u202f000/s limit", "0.31 (0.30–0.40)", "MISS", "pass"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
