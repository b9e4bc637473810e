package natslog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"ficha/events"
)

const timeFormat = time.RFC3339Nano

// Damage implements [events.Health]. What was found first stays until the
// process ends: damage is repaired outside, see docs/operations.md.
func (l *Log) Damage() error {
	if err := l.damage.Load(); err != nil {
		return *err
	}
	return nil
}

// MarkDamaged seals the log: no more writes, and Damage answers err. A witness
// that knows more than the log does calls it. An err that does not wrap
// ErrDamaged is wrapped; nil does nothing.
func (l *Log) MarkDamaged(err error) {
	if err == nil {
		return
	}
	if !errors.Is(err, events.ErrDamaged) {
		err = fmt.Errorf("%w: %w", err, events.ErrDamaged)
	}
	if l.damage.CompareAndSwap(nil, &err) {
		l.cfg.Logger.Error("the log is damaged; it takes no more events", "error", err)
	}
}

// Verify looks whether the log still holds what was acknowledged: the same
// storage, no hole, no shorter than it was, the last event as it was. What it
// finds is kept (see Damage). ErrUnavailable: it could not look.
func (l *Log) Verify(ctx context.Context) error {
	if err := l.Damage(); err != nil {
		return err
	}
	return l.verify(ctx, l.seen().last)
}

// verify checks the log's storage against the last event that is known.
func (l *Log) verify(ctx context.Context, known tail) error {
	info, err := l.Info(ctx)
	if err != nil {
		return fmt.Errorf("verify log: %w", err)
	}
	found := compare(info, l.epoch, known)
	if found == "" && known.position > 0 {
		if found, err = l.compareLast(ctx, known); err != nil {
			return fmt.Errorf("verify log: %w", err)
		}
	}
	if found == "" {
		return nil
	}
	err = fmt.Errorf("%s: %w", found, events.ErrDamaged)
	l.MarkDamaged(err)
	return err
}

// compare says in plain words what is wrong with the storage; "" is sound.
func compare(info events.LogInfo, epoch time.Time, known tail) string {
	switch {
	case !info.Epoch.Equal(epoch):
		return fmt.Sprintf("the log was made anew at %s while this process had one made at %s", info.Epoch.Format(timeFormat), epoch.Format(timeFormat))
	case known.position > 0 && !info.Epoch.Equal(known.epoch):
		return fmt.Sprintf("the log was made at %s, but the tail file knows one made at %s that reached position %d",
			info.Epoch.Format(timeFormat), known.epoch.Format(timeFormat), known.position)
	case info.Last < known.position:
		return fmt.Sprintf("the log ends at position %d, but %d was acknowledged", info.Last, known.position)
	case info.Last > 0 && info.First != 1:
		return fmt.Sprintf("the log begins at position %d instead of 1", info.First)
	case info.Messages != uint64(info.Last):
		return fmt.Sprintf("the log holds %d events where its end says %d: there are holes", info.Messages, info.Last)
	}
	return ""
}

// compareLast reads the last event that is known and compares its hash.
func (l *Log) compareLast(ctx context.Context, known tail) (found string, err error) {
	stored, err := l.raw(ctx, known.position)
	if errors.Is(err, events.ErrNotFound) || errors.Is(err, events.ErrDamaged) {
		return fmt.Sprintf("the event at position %d, which was acknowledged, cannot be read", known.position), nil
	}
	if err != nil {
		return "", err
	}
	if sha256.Sum256(stored) != known.hash {
		return fmt.Sprintf("the event at position %d is not the one that was acknowledged", known.position), nil
	}
	return "", nil
}

// watch verifies the log whenever the connection comes back: a server that was
// restarted may have recovered less than it had acknowledged.
func (l *Log) watch() {
	status := l.cfg.Conn.StatusChanged(nats.CONNECTED)
	defer l.cfg.Conn.RemoveStatusListener(status)
	for {
		select {
		case s := <-status:
			if s == nats.CONNECTED {
				l.verifyReconnected()
			}
		case <-l.life.Done():
			return
		}
	}
}

func (l *Log) verifyReconnected() {
	for l.life.Err() == nil && l.cfg.Conn.IsConnected() {
		ctx, cancel := context.WithTimeout(l.life, l.cfg.WriteTimeout)
		err := l.Verify(ctx)
		cancel()
		if err == nil || errors.Is(err, events.ErrDamaged) {
			return
		}
		select {
		case <-time.After(l.cfg.WriteTimeout / 10):
		case <-l.life.Done():
		}
	}
}
