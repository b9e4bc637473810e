package webhook

import (
	"context"
	"errors"
	"time"

	"ficha/api/feed"
	"ficha/events"
	"ficha/projections/changes"
)

// worker sends one endpoint its changes.
type worker struct {
	desk   *Desk
	id     string
	cancel context.CancelFunc
	done   chan struct{}
	kicks  chan struct{} // of one: somebody wants what failed to be tried again

	endpoint Endpoint
	state    State
	wanted   bool   // a kick came and what is dead was not tried again yet
	revision uint64 // of the state as it is kept
	saved    time.Time
	unsaved  bool
}

// kick asks the worker to try again.
func (w *worker) kick() {
	select {
	case w.kicks <- struct{}{}:
	default: // it has been asked already
	}
}

func (w *worker) run(ctx context.Context) {
	defer close(w.done)
	pause := time.Second
	for ctx.Err() == nil {
		err := w.session(ctx)
		if errors.Is(err, events.ErrNotFound) { // removed
			return
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		// Where another process sends too, its cursor counts from here on.
		w.desk.cfg.Logger.Warn("webhook stands still; trying again", "webhook", w.id, "error", err)
		if w.desk.cfg.Sleep(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, time.Minute)
	}
}

// session reads what is kept of the endpoint and delivers until something of that
// changes or fails.
func (w *worker) session(ctx context.Context) (err error) {
	if w.endpoint, _, err = w.desk.store.endpoint(ctx, w.id); err != nil {
		return err
	}
	w.state = State{}
	var ok bool
	if w.revision, ok, err = w.desk.store.load(ctx, stateKey(w.id), &w.state); err != nil || !ok {
		return errors.Join(err, notKept(ok))
	}
	w.unsaved, w.saved = false, w.desk.cfg.Clock()
	if !w.endpoint.Active {
		return w.rest(ctx)
	}
	defer func() {
		if w.unsaved { // the last deliveries of a worker that is stopped
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			err = errors.Join(err, w.save(bye))
		}
	}()
	return w.deliverAll(ctx)
}

func notKept(ok bool) error {
	if ok {
		return nil
	}
	return events.ErrUnavailable
}

// rest waits until somebody wakes an endpoint that wants no more.
func (w *worker) rest(ctx context.Context) error {
	select {
	case <-w.kicks:
		w.wanted = true
	case <-ctx.Done():
	}
	return nil
}

// deliverAll sends what is there and then what comes. Nil: the endpoint or ctx has
// ended.
func (w *worker) deliverAll(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := w.retryDead(ctx); err != nil {
			return err
		}
		page, err := w.page(ctx)
		if err != nil {
			return err
		}
		for _, e := range page.Changes {
			if err := w.deliver(ctx, e); err != nil || ctx.Err() != nil || !w.endpoint.Active {
				return err
			}
		}
		w.skipTo(page.Through)
		if err := w.saveNow(ctx, false); err != nil {
			return err
		}
		if !page.More {
			if err := w.await(ctx, page.Position); err != nil {
				return err
			}
		}
	}
	return nil
}

// skipTo brings the cursor past what the endpoint does not want. That is cheap to
// look at again, so it is seldom worth a write.
func (w *worker) skipTo(id changes.ID) {
	if id.Compare(w.state.Cursor) <= 0 {
		return
	}
	w.state.Cursor = id
	if w.desk.cfg.Clock().Sub(w.saved) >= skipSave {
		w.unsaved = true
	}
}

// page reads what is behind the cursor. What was dropped for its age is noted as
// missed, and the oldest that is kept comes next.
func (w *worker) page(ctx context.Context) (feed.Page, error) {
	page, err := w.desk.cfg.Reader.Page(ctx, feed.Query{After: w.state.Cursor, Kinds: w.endpoint.Kinds, Limit: 100})
	if !errors.Is(err, feed.ErrGone) {
		return page, err
	}
	w.desk.cfg.Logger.Error("changes were dropped before this webhook took them", "webhook", w.id)
	w.state.Missed, w.state.Cursor, w.state.Attempts, w.unsaved = true, changes.ID{}, 0, true
	return w.desk.cfg.Reader.Page(ctx, feed.Query{Kinds: w.endpoint.Kinds, Limit: 100})
}

const (
	idleSave = time.Second // after that long without changes the cursor is saved
	skipSave = time.Minute // how old the saved cursor may be where nothing was delivered
)

// await waits for more, or a kick.
func (w *worker) await(ctx context.Context, p events.Position) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	if w.unsaved {
		waiting, cancel = context.WithTimeout(waiting, idleSave)
		defer cancel()
	}
	kicked := w.onKick(waiting, cancel)
	err := w.desk.cfg.Reader.Wait(waiting, p)
	w.wanted = kicked() || w.wanted
	if err == nil || waiting.Err() != nil {
		return w.saveNow(ctx, err != nil)
	}
	return err
}

// onKick calls wake when somebody wants a retry. The function that it gives ends
// the watching and says whether somebody did.
func (w *worker) onKick(ctx context.Context, wake func()) (stop func() bool) {
	seen, over := make(chan bool, 1), make(chan struct{})
	go func() {
		select {
		case <-w.kicks:
			seen <- true
			wake()
		case <-ctx.Done():
			seen <- false
		case <-over:
			seen <- false
		}
	}()
	return func() bool { close(over); return <-seen }
}

// deliver sends one change until it is delivered, dead, or the endpoint ends.
func (w *worker) deliver(ctx context.Context, e changes.Entry) error {
	for ctx.Err() == nil {
		if !w.untilNext(ctx) {
			return nil
		}
		if err := w.retryDead(ctx); err != nil {
			return err
		}
		outcome, status, err := w.try(ctx, e)
		if err != nil || ctx.Err() != nil {
			return err
		}
		switch {
		case outcome == Delivered:
			w.delivered(e.ID)
			return w.saveNow(ctx, false)
		case outcome == Gone:
			w.failed(outcome, status)
			return errors.Join(w.save(ctx), w.endGone(ctx))
		case w.state.Attempts >= len(w.desk.cfg.Pauses):
			if err := w.bury(ctx, DeadDelivery{Change: e.ID, At: w.desk.cfg.Clock().UTC(), Outcome: outcome, Status: status}); err != nil {
				return err
			}
			w.failed(outcome, status)
			w.state.Cursor, w.state.Attempts, w.state.NextAt = e.ID, 0, time.Time{}
			return w.save(ctx)
		}
		pause := w.desk.cfg.Pauses[w.state.Attempts]
		w.failed(outcome, status)
		w.state.Attempts++
		w.state.NextAt = w.desk.cfg.Clock().Add(pause + time.Duration(w.desk.cfg.Jitter()*float64(pause)/5)).UTC()
		if err := w.save(ctx); err != nil {
			return err
		}
	}
	return nil
}

// untilNext waits for the time of the next attempt, or a kick. False: ctx ended.
func (w *worker) untilNext(ctx context.Context) bool {
	left := w.state.NextAt.Sub(w.desk.cfg.Clock())
	if w.state.NextAt.IsZero() || left <= 0 {
		return ctx.Err() == nil
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	kicked := w.onKick(waiting, cancel)
	_ = w.desk.cfg.Sleep(waiting, left) // woken early is as good
	w.wanted = kicked() || w.wanted
	return ctx.Err() == nil
}

// try sends one change once.
func (w *worker) try(ctx context.Context, e changes.Entry) (Outcome, int, error) {
	c, err := e.Decode()
	if err != nil {
		return "", 0, err
	}
	now := w.desk.cfg.Clock()
	m := message{ID: e.ID.String() + "." + w.id, Type: string(c.Kind), Timestamp: c.Time, Data: e.JSON}
	outcome, status := w.desk.sender.send(ctx, w.endpoint.URL, w.desk.secret(w.id), now, m)
	return outcome, status, nil
}

func (w *worker) delivered(id changes.ID) {
	w.state.Cursor, w.state.Attempts, w.state.NextAt = id, 0, time.Time{}
	w.state.LastSuccess = w.desk.cfg.Clock().UTC()
	w.state.Delivered++
	w.unsaved = true
}

func (w *worker) failed(o Outcome, status int) {
	w.state.LastError, w.state.LastStatus, w.state.LastFailed = o, status, w.desk.cfg.Clock().UTC()
	w.desk.cfg.Logger.Info("webhook delivery failed", "webhook", w.id, "outcome", string(o), "status", status, "attempt", w.state.Attempts+1)
}

// endGone makes the endpoint inactive.
func (w *worker) endGone(ctx context.Context) error {
	e, revision, err := w.desk.store.endpoint(ctx, w.id)
	if err != nil {
		return err
	}
	e.Active = false
	if _, err := w.desk.store.save(ctx, endpointKey(w.id), e, revision); err != nil {
		return err
	}
	w.endpoint = e
	w.desk.cfg.Logger.Warn("webhook wants no more", "webhook", w.id)
	return nil
}

// saveNow saves the cursor if it is due, or at once.
func (w *worker) saveNow(ctx context.Context, now bool) error {
	if !w.unsaved || !now && w.desk.cfg.Clock().Sub(w.saved) < w.desk.cfg.SaveEvery {
		return nil
	}
	return w.save(ctx)
}

func (w *worker) save(ctx context.Context) error {
	revision, err := w.desk.store.save(ctx, stateKey(w.id), w.state, w.revision)
	if err != nil {
		w.unsaved = false // somebody else's cursor counts, or it is tried anew with what is kept
		return err
	}
	w.revision, w.unsaved, w.saved = revision, false, w.desk.cfg.Clock()
	return nil
}

// bury lists a dead delivery.
func (w *worker) bury(ctx context.Context, d DeadDelivery) error {
	var list []DeadDelivery
	revision, _, err := w.desk.store.load(ctx, deadKey(w.id), &list)
	if err != nil {
		return err
	}
	if n := len(list); n > 0 && list[n-1].Change == d.Change { // a crash came between this and the cursor
		list = list[:n-1]
	}
	list = append(list, d)
	if over := len(list) - MaxDead; over > 0 {
		list = list[over:]
		w.state.DeadDropped += uint64(over)
	}
	_, err = w.desk.store.save(ctx, deadKey(w.id), list, revision)
	return err
}

// retryDead tries the dead deliveries again if somebody asked for it, oldest
// first, until one fails. Those whose changes are kept no more are dropped.
func (w *worker) retryDead(ctx context.Context) error {
	select {
	case <-w.kicks:
		w.wanted = true
	default:
	}
	if !w.wanted {
		return nil
	}
	w.wanted, w.state.NextAt = false, time.Time{}
	var list []DeadDelivery
	revision, _, err := w.desk.store.load(ctx, deadKey(w.id), &list)
	if err != nil || len(list) == 0 {
		return err
	}
	left := list
	for len(left) > 0 {
		e, err := w.desk.cfg.Reader.Get(ctx, left[0].Change)
		if err != nil && !errors.Is(err, events.ErrNotFound) {
			return err
		}
		if err == nil {
			outcome, status, err := w.try(ctx, e)
			if err != nil || ctx.Err() != nil {
				return err
			}
			if outcome != Delivered {
				left[0].At, left[0].Outcome, left[0].Status = w.desk.cfg.Clock().UTC(), outcome, status
				break
			}
			w.state.Delivered++
			w.unsaved = true
		}
		left = left[1:]
	}
	_, err = w.desk.store.save(ctx, deadKey(w.id), left, revision)
	return err
}
