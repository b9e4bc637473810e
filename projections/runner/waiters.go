package runner

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"ficha/events"
)

// waiters wakes callers once a position is reached.
type waiters struct {
	at atomic.Uint64

	mu      sync.Mutex
	waiting []*waiter
	ended   error // what waiting is answered with; nil while there is hope
}

type waiter struct {
	until events.Position
	woken chan error // of one
}

func (w *waiters) position() events.Position { return events.Position(w.at.Load()) }

// wait returns nil once the position is at or beyond p.
func (w *waiters) wait(ctx context.Context, p events.Position) error {
	if w.position() >= p {
		return nil
	}
	me := &waiter{until: p, woken: make(chan error, 1)}
	if done, err := w.join(me); done {
		return err
	}
	select {
	case err := <-me.woken:
		return err
	case <-ctx.Done():
		w.leave(me)
		return ctx.Err()
	}
}

// join adds a waiter, unless the answer is known already.
func (w *waiters) join(me *waiter) (done bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.position() >= me.until {
		return true, nil
	}
	if w.ended != nil {
		return true, w.ended
	}
	w.waiting = append(w.waiting, me)
	return false, nil
}

func (w *waiters) leave(me *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.waiting, me); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
}

// moveTo sets the position and wakes whoever waited for it.
func (w *waiters) moveTo(p events.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at.Store(uint64(p))
	w.waiting = slices.DeleteFunc(w.waiting, func(one *waiter) bool {
		reached := one.until <= p
		if reached {
			one.woken <- nil
		}
		return reached
	})
}

// end answers all waiters, those to come included, with err; nil gives new hope.
func (w *waiters) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = err
	if err == nil {
		return
	}
	for _, one := range w.waiting {
		one.woken <- err
	}
	w.waiting = nil
}
