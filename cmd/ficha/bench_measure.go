package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"time"
)

// workload is something that the hub is measured at.
type workload struct {
	name  string // B1
	about string // one line, for people
	lines []benchLine
	open  func(ctx context.Context, bed benchBed) (contest, error)
}

// benchBed is where a workload is measured.
type benchBed struct {
	dir    string // its own; removed afterwards
	size   benchSize
	logger *slog.Logger
}

// contest is a workload that is ready: its two sides take turns. Both give one
// figure for each line of the workload; absent where a side has none.
type contest interface {
	raw(ctx context.Context) ([]float64, error)
	hub(ctx context.Context) ([]float64, error)
	close()
}

// absent is the figure of a side that has none.
func absent() float64 { return math.NaN() }

// benchLine is one figure of a workload and what is asked of it.
type benchLine struct {
	what   string // appended over HTTP
	limit  string // what the raw limit is; "": there is none
	unit   string // after the figure: "/s" or " ms"
	budget budget
}

// budget is what a line has to keep.
type budget struct {
	ratio  bool // of hub to raw, else of the hub's figure
	atMost bool // else at least
	value  float64
	unit   string // of a figure
}

func (b budget) holds(hub float64, ratio spread) bool {
	got := hub
	if b.ratio {
		got = ratio.Median
	}
	if b.atMost {
		return got <= b.value
	}
	return got >= b.value // false for a figure that is absent
}

func (b budget) String() string {
	sign := "≥"
	if b.atMost {
		sign = "≤"
	}
	if b.ratio {
		return fmt.Sprintf("%s %.1f × raw", sign, b.value)
	}
	return fmt.Sprintf("%s %s%s", sign, figure(b.value), b.unit)
}

// measured is a line with its figures: medians over the pairs.
type measured struct {
	Workload string   `json:"workload"`
	What     string   `json:"what"`
	Unit     string   `json:"unit"`
	Hub      *float64 `json:"hub"` // null: every round was void
	Raw      *float64 `json:"raw,omitempty"`
	Limit    string   `json:"raw_limit,omitempty"` // what Raw measures
	Ratio    *spread  `json:"ratio,omitempty"`     // hub to raw, of each pair
	Budget   string   `json:"budget"`
	Pass     bool     `json:"pass"`
	Pairs    int      `json:"pairs"`
	// Processors is how many this process kept busy in the hub's rounds, on
	// average. Fewer than there are, in a workload that never pauses, means that
	// something else on the machine took the rest. Null: not known here.
	Processors *float64 `json:"processors"`
}

// shown writes a figure with its unit.
func (m measured) shown(v *float64) string {
	if v == nil {
		return "–"
	}
	return figure(*v) + m.Unit
}

// spread is the middle and the ends of the ratios of all pairs.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func (s *spread) String() string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

// figure writes a number as people read it: whole and in groups from a hundred
// on, else with two digits after the point.
func figure(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	if v >= 100 {
		return thousands(int64(math.Round(v)))
	}
	return fmt.Sprintf("%.2f", v)
}

// takeTurns measures raw and hub in turn: once each to warm up, then as many
// times as there are pairs. told hears of each pair that counts.
func takeTurns(ctx context.Context, w workload, c contest, pairs int, told func(pair int, raw, hub []float64)) ([]measured, error) {
	raws, hubs := make([][]float64, len(w.lines)), make([][]float64, len(w.lines))
	var busy []float64
	for pair := range pairs + 1 {
		raw, _, err := oneSide(ctx, w, "raw limit", c.raw)
		if err != nil {
			return nil, err
		}
		hub, processors, err := oneSide(ctx, w, "hub", c.hub)
		if err != nil {
			return nil, err
		}
		if pair == 0 {
			continue
		}
		told(pair, raw, hub)
		busy = append(busy, processors)
		for i := range w.lines {
			raws[i], hubs[i] = append(raws[i], raw[i]), append(hubs[i], hub[i])
		}
	}
	lines := make([]measured, len(w.lines))
	for i, l := range w.lines {
		lines[i] = judge(w.name, l, raws[i], hubs[i])
		lines[i].Processors = present(median(busy))
	}
	return lines, nil
}

// oneSide measures one side, which does not pay for garbage that the other left,
// and how many processors it kept busy.
func oneSide(ctx context.Context, w workload, side string, measure func(context.Context) ([]float64, error)) ([]float64, float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	runtime.GC()
	used, start := processorSeconds(), time.Now()
	figures, err := measure(ctx)
	if err == nil && len(figures) != len(w.lines) {
		err = fmt.Errorf("gave %d figures, want %d", len(figures), len(w.lines))
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", side, err)
	}
	return figures, (processorSeconds() - used) / time.Since(start).Seconds(), nil
}

// judge makes a line of what was measured; raws and hubs are of the same pairs.
func judge(workload string, l benchLine, raws, hubs []float64) measured {
	m := measured{
		Workload: workload, What: l.what, Unit: l.unit, Limit: l.limit, Hub: present(median(hubs)), Budget: l.budget.String(), Pairs: len(hubs),
	}
	ratios := make([]float64, 0, len(hubs))
	for i := range hubs {
		if r := hubs[i] / raws[i]; !math.IsNaN(r) {
			ratios = append(ratios, r)
		}
	}
	s := spread{Median: absent()}
	if len(ratios) > 0 {
		s = spread{Median: median(ratios), Min: slices.Min(ratios), Max: slices.Max(ratios)}
		m.Raw, m.Ratio = present(median(raws)), &s
	}
	m.Pass = l.budget.holds(median(hubs), s)
	return m
}

// present gives nil for an absent figure.
func present(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// median is the middle of the values that are there, of an even number the mean
// of the middle two; absent when none is there.
func median(values []float64) float64 {
	v := slices.DeleteFunc(slices.Sorted(slices.Values(values)), math.IsNaN)
	if len(v) == 0 {
		return absent()
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// percentile is the smallest duration that at least share (0 to 1) of all do not
// exceed, in milliseconds; absent of none.
func percentile(all []time.Duration, share float64) float64 {
	if len(all) == 0 {
		return absent()
	}
	sorted := slices.Sorted(slices.Values(all))
	i := int(math.Ceil(share*float64(len(sorted)))) - 1
	return milliseconds(sorted[max(0, i)])
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perSecond is how many of n were done a second.
func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }
