package jobs

import (
	"context"
	"sync"
	"time"
)

// line is the row of jobs that wait for the worker of a kind.
type line struct {
	mu    sync.Mutex
	jobs  []waiting
	moved chan struct{} // holds a token while the worker should look again
}

type waiting struct {
	id    string
	after time.Time // not before; zero: now
}

func newLine() *line { return &line{moved: make(chan struct{}, 1)} }

// add puts a job at the end, unless it stands in the row.
func (l *line) add(id string, pause time.Duration) {
	w := waiting{id: id}
	if pause > 0 {
		w.after = time.Now().Add(pause)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.jobs {
		if l.jobs[i].id == id {
			l.jobs[i].after = w.after
			l.wake()
			return
		}
	}
	l.jobs = append(l.jobs, w)
	l.wake()
}

func (l *line) wake() {
	select {
	case l.moved <- struct{}{}:
	default:
	}
}

// someoneWaits says whether a job could run now.
func (l *line) someoneWaits() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := l.first()
	return i >= 0
}

// first finds the first job that may run; -1 and how long until one may (zero:
// none waits). The lock is held.
func (l *line) first() (int, time.Duration) {
	now, soonest := time.Now(), time.Duration(0)
	for i, w := range l.jobs {
		left := w.after.Sub(now)
		if w.after.IsZero() || left <= 0 {
			return i, 0
		}
		if soonest == 0 || left < soonest {
			soonest = left
		}
	}
	return -1, soonest
}

// take waits for a job and takes it out of the row; false when ctx has ended.
func (l *line) take(ctx context.Context) (string, bool) {
	for {
		l.mu.Lock()
		i, pause := l.first()
		if i >= 0 {
			id := l.jobs[i].id
			l.jobs = append(l.jobs[:i], l.jobs[i+1:]...)
			l.mu.Unlock()
			return id, ctx.Err() == nil
		}
		l.mu.Unlock()
		if !l.sleep(ctx, pause) {
			return "", false
		}
	}
}

// sleep returns when somebody joined the row, or after pause (zero: never).
func (l *line) sleep(ctx context.Context, pause time.Duration) bool {
	var due <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-l.moved:
	case <-due:
	}
	return true
}
