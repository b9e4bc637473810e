package rebuild

import (
	"context"
	"maps"
	"time"

	"ficha/events"
	"ficha/projections"
)

// Progress says how far a Build is. Done and Total count events once for each
// runner that folds them; Total grows with the log.
type Progress struct {
	Space     string
	Done      uint64
	Total     uint64
	PerSecond float64       // events folded a second, over the last ten seconds
	Left      time.Duration // at that speed; zero: not known
	Positions map[string]events.Position
}

const (
	reportEvery = 250 * time.Millisecond
	measureOver = 10 * time.Second
)

// meter turns positions into progress. One goroutine uses it.
type meter struct {
	b       *Rebuilder
	ctx     context.Context // of the Build that it measures
	report  func(Progress)
	now     Progress
	told    time.Time
	samples []sample // of the last ten seconds, oldest first
}

type sample struct {
	at   time.Time
	done uint64
}

// meter begins where the space stands: it may have been filled in part.
func (b *Rebuilder) meter(ctx context.Context, space string, store projections.Store, report func(Progress)) (*meter, error) {
	at, err := b.positions(ctx, store)
	if err != nil {
		return nil, err
	}
	return &meter{b: b, ctx: ctx, report: report, now: Progress{Space: space, Positions: at}}, nil
}

// at takes note of a runner's position and tells it, if it is time to.
func (m *meter) at(name string, p events.Position) {
	m.now.Positions[name] = p // lower than before where rows of another version were cleared
	now := m.b.cfg.Clock()
	if now.Sub(m.told) < reportEvery {
		return
	}
	m.told = now
	if m.count() != nil {
		return // the log does not answer: folding will say so
	}
	m.measure(now)
	told := m.now
	told.Positions = maps.Clone(m.now.Positions)
	m.b.last.Store(&told)
	if m.report != nil {
		m.report(told)
	}
}

// count brings Done and Total up to date.
func (m *meter) count() error {
	m.now.Done, m.now.Total = 0, 0
	for _, r := range m.b.cfg.Runners {
		done, total, err := CountEvents(m.ctx, r.Config.Log, r.Config.Lane, m.now.Positions[r.Config.Name])
		if err != nil {
			return err
		}
		m.now.Done, m.now.Total = m.now.Done+done, m.now.Total+total
	}
	return nil
}

// CountEvents says how many events of a lane ("": of the whole log) there are, and
// how many of them are up to p, which is zero or the position of one of them.
// Positions of the whole log have no gaps; an event of a lane carries its number.
func CountEvents(ctx context.Context, log events.Log, lane events.Lane, p events.Position) (done, total uint64, err error) {
	if lane == "" {
		end, err := log.End(ctx)
		return uint64(min(p, end)), uint64(end), err
	}
	end, err := log.LaneEnd(ctx, lane)
	if err != nil || end == 0 {
		return 0, 0, err
	}
	last, err := log.Get(ctx, end)
	if err != nil {
		return 0, 0, err
	}
	if p >= end {
		return last.Door.InLane, last.Door.InLane, nil
	}
	if p == 0 {
		return 0, last.Door.InLane, nil
	}
	at, err := log.Get(ctx, p)
	return at.Door.InLane, last.Door.InLane, err
}

// measure works out speed and time left.
func (m *meter) measure(now time.Time) {
	m.samples = append(m.samples, sample{at: now, done: m.now.Done})
	for len(m.samples) > 2 && now.Sub(m.samples[0].at) > measureOver {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	m.now.PerSecond, m.now.Left = 0, 0
	if took := now.Sub(first.at).Seconds(); took > 0 {
		m.now.PerSecond = float64(m.now.Done-first.done) / took
	}
	if m.now.PerSecond > 0 {
		m.now.Left = time.Duration(float64(m.now.Total-m.now.Done) / m.now.PerSecond * float64(time.Second))
	}
}
