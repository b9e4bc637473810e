package natslog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"ficha/events"
)

// request is one call of Append or CountDoor.
type request struct {
	ctx           context.Context // of the caller: a request whose caller left is not begun
	candidates    []candidate
	answers       []events.Appended // filled by the appender
	left          int               // answers to come
	refused, dead uint64
	look          bool // only see what the log holds; nothing is written
	done          chan error
}

// appender is the one goroutine that writes. Its fields are its own.
type appender struct {
	*Log
	state    events.IndexState // of the log, as far as it is known; ahead of the index between write and Advance
	indexed  events.Position   // where the index stands
	last     tail              // last event known
	tail     *tailFile
	behind   bool // the log may hold more than state says
	reload   bool // the index may stand elsewhere than is thought
	attempts []*attempt
	waiting  []slot
	previous int // size of the last group
	healed   time.Time
	troubled bool // the last write failed, and nobody was faster
	full     bool // and then the disk was full: JetStream will not go on by itself
}

func (a *appender) run() {
	defer close(a.stopped)
	defer func() {
		if err := a.tail.close(); err != nil {
			a.cfg.Logger.Warn("close tail file", "error", err)
		}
	}()
	for {
		g := a.gather()
		if a.life.Err() != nil {
			g.fail(events.ErrClosed)
			a.refuseRest()
			return
		}
		a.writing.Store(time.Now().UnixNano())
		if err := a.write(&g); err != nil {
			g.fail(err)
		}
		a.writing.Store(0)
		a.previous = len(g.slots)
	}
}

// gather waits for requests and gives the next group, or an empty one when the
// log is closed.
func (a *appender) gather() group {
	var g group
	if len(a.waiting) == 0 {
		select {
		case r := <-a.queue:
			a.accept(&g, r)
		case <-a.life.Done():
			return g
		}
	}
	a.drain(&g)
	if a.previous >= batchFrom && len(a.waiting) < a.previous {
		a.linger(&g)
	}
	g.slots, a.waiting = cut(a.waiting)
	return g
}

// accept queues the events of a request. One without events goes with this group.
func (a *appender) accept(g *group, r *request) {
	if err := r.ctx.Err(); err != nil {
		r.done <- err
		return
	}
	if len(r.candidates) == 0 {
		g.plain = append(g.plain, r)
		g.refused += r.refused
		g.dead += r.dead
		a.behind = a.behind || r.look
		return
	}
	for i := range r.candidates {
		a.waiting = append(a.waiting, slot{candidate: &r.candidates[i], of: r, index: i})
	}
}

func (a *appender) drain(g *group) {
	for len(a.waiting) < maxGroup {
		select {
		case r := <-a.queue:
			a.accept(g, r)
		default:
			return
		}
	}
}

// linger waits for company: the callers that the last group answered are likely
// to come back at once, and one batch for all is much faster than two.
func (a *appender) linger(g *group) {
	deadline := time.Now().Add(linger)
	quiet := time.NewTimer(lingerQuiet)
	defer quiet.Stop()
	for len(a.waiting) < min(a.previous, maxGroup) && time.Now().Before(deadline) {
		select {
		case r := <-a.queue:
			a.accept(g, r)
			quiet.Reset(lingerQuiet)
		case <-quiet.C:
			return
		case <-a.life.Done():
			return
		}
	}
}

// cut takes a group's worth of events from the front. Those whose caller left or
// was told of a failure are dropped.
func cut(waiting []slot) (slots, rest []slot) {
	waiting = slices.DeleteFunc(waiting, func(s slot) bool { return s.of.left == 0 || s.of.ctx.Err() != nil })
	n, size := 0, 0
	for n < len(waiting) && n < maxGroup {
		size += len(waiting[n].unsealed) + envelopeRoom/4
		if n > 0 && size > maxGroupBytes {
			break
		}
		n++
	}
	if n == len(waiting) {
		return waiting, nil
	}
	return waiting[:n:n], waiting[n:]
}

// write brings a group into the log and answers it, within the write time-out.
// A log that is being closed still ends the write that it has begun.
func (a *appender) write(g *group) error {
	if err := a.Damage(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.life), a.cfg.WriteTimeout)
	defer cancel()
	defer a.forgetGroup(g)
	for {
		err := a.tryWrite(ctx, g)
		var again tryAgain
		if !errors.As(err, &again) {
			return err
		}
		if ctx.Err() != nil {
			a.heal()
			return unavailable("write events", again.because)
		}
	}
}

// tryAgain is the error of a write that did not happen as planned, or of which
// nobody knows whether it did: see what the log holds and plan again.
type tryAgain struct{ because error }

func (t tryAgain) Error() string { return t.because.Error() }

// tryWrite plans the group and carries the plan out.
func (a *appender) tryWrite(ctx context.Context, g *group) error {
	a.awaitConnection()
	if err := a.catchUp(ctx); err != nil {
		return err
	}
	p, err := a.plan(ctx, g)
	if err != nil {
		return err
	}
	if len(p.writes) == 0 {
		return a.settleDoor(ctx, g, p)
	}
	if err := a.checkSpace(); err != nil {
		a.full = a.troubled
		return err
	}
	if a.full {
		a.full = false
		a.heal()
		return tryAgain{fmt.Errorf("the disk was full: %w", events.ErrUnavailable)}
	}
	if err := a.publish(ctx, p); err != nil {
		return a.afterFailure(g, p, err)
	}
	return a.settle(ctx, g, p)
}

func (a *appender) plan(ctx context.Context, g *group) (*plan, error) {
	hashes := make([]events.IDHash, len(g.slots))
	for i, s := range g.slots {
		hashes[i] = s.hash
	}
	known, err := a.cfg.Index.Lookup(ctx, hashes)
	if err != nil {
		return nil, unavailable("look up ids", err)
	}
	now := a.cfg.Clock().UTC().Truncate(time.Microsecond)
	p := makePlan(a.state, now, *g, known, g.wrote)
	return &p, nil
}

// settle takes note of a write that the log acknowledged: first where a restart
// will look, then for the callers, then for the next plan.
func (a *appender) settle(ctx context.Context, g *group, p *plan) error {
	last := tail{position: p.next.Position, epoch: a.epoch, hash: sha256.Sum256(p.writes[len(p.writes)-1].bytes)}
	if err := a.tail.write(last); err != nil {
		a.behind, a.reload = true, true
		return err
	}
	a.state, a.last = p.next, last
	a.troubled = false
	a.show(view{state: a.state, last: a.last})
	g.answer(p)
	a.advance(ctx, p.entries)
	return nil
}

// settleDoor answers a group that wrote nothing. What only the door counted is
// carried by no event, so it has to be on disk in the index first.
func (a *appender) settleDoor(ctx context.Context, g *group, p *plan) error {
	if p.moved(a.state) {
		if err := a.cfg.Index.Advance(ctx, a.indexed, p.next, nil, true); err != nil {
			a.behind, a.reload = true, true
			return unavailable("count door", err)
		}
		a.state = p.next
		a.show(view{state: a.state, last: a.last})
	}
	g.answer(p)
	return nil
}

// advance brings the index to the state. If it fails, the index is read again
// before the next plan: what it lacks is in the log.
func (a *appender) advance(ctx context.Context, entries []events.IDEntry) {
	if err := a.cfg.Index.Advance(ctx, a.indexed, a.state, entries, false); err != nil {
		a.cfg.Logger.Warn("advance id index; reading it again", "error", err)
		a.behind, a.reload = true, true
		return
	}
	a.indexed = a.state.Position
}

// afterFailure decides what a failed write means.
func (a *appender) afterFailure(g *group, p *plan, err error) error {
	if errors.Is(err, events.ErrDamaged) {
		a.MarkDamaged(err)
		return err
	}
	a.behind = true
	t := &attempt{plan: *p, of: g}
	a.attempts = append(a.attempts, t)
	g.attempts = append(g.attempts, t)
	if isFenced(err) {
		a.cfg.Logger.Debug("another appender wrote; reading it", "position", uint64(p.base))
		return tryAgain{err}
	}
	a.troubled = true
	if isUnknown(err) {
		a.cfg.Logger.Warn("outcome of write not known; reading the log", "error", err)
		return tryAgain{err}
	}
	a.heal()
	return unavailable("write events", err)
}

// forgetGroup lets go of attempts that can no longer reach the log.
func (a *appender) forgetGroup(g *group) {
	kept := a.attempts[:0]
	for _, t := range a.attempts {
		if t.of == g {
			t.of = nil
		}
		if t.plan.base >= a.state.Position {
			kept = append(kept, t)
		}
	}
	clear(a.attempts[len(kept):])
	a.attempts = kept
}

func (a *appender) checkSpace() error {
	if a.cfg.FreeSpace == nil {
		return nil
	}
	free, err := a.cfg.FreeSpace()
	if err != nil {
		return unavailable("check free space", err)
	}
	if free < a.cfg.FreeSpaceMin {
		return fmt.Errorf("write events: disk full: %d MiB left, the log keeps %d MiB free: %w", free>>20, a.cfg.FreeSpaceMin>>20, events.ErrUnavailable)
	}
	return nil
}

// heal restarts an embedded server that does not take writes: after a full disk
// or an I/O error JetStream stays as it is until then.
func (a *appender) heal() {
	if a.cfg.Server == nil || time.Since(a.healed) < a.cfg.WriteTimeout || a.life.Err() != nil || a.checkSpace() != nil {
		return
	}
	a.healed = time.Now()
	a.cfg.Logger.Warn("restarting embedded server: it does not take writes")
	if err := a.cfg.Server.Restart(); err != nil {
		a.cfg.Logger.Error("restart embedded server", "error", err)
		return
	}
	a.awaitConnection()
}

// awaitConnection gives a connection that is just coming back a moment for it.
func (a *appender) awaitConnection() {
	for wait := time.Now().Add(a.cfg.WriteTimeout / 4); !a.cfg.Conn.IsConnected() && time.Now().Before(wait); {
		time.Sleep(time.Millisecond)
	}
}

// refuseRest answers whoever still waits when the log is closed.
func (a *appender) refuseRest() {
	rest := group{slots: a.waiting}
	rest.fail(events.ErrClosed)
	a.waiting = nil
	for {
		select {
		case r := <-a.queue:
			r.done <- events.ErrClosed
		default:
			return
		}
	}
}
