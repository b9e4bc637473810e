package natslog

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// DeadLetters keeps what could not be taken, in a stream of its own.
type DeadLetters struct {
	log    *Log
	stream jetstream.Stream
}

var _ events.DeadLetters = (*DeadLetters)(nil)

// DeadLetters gives the dead letters that belong to this log.
func (l *Log) DeadLetters(ctx context.Context) (*DeadLetters, error) {
	s, err := l.js.Stream(ctx, l.names.deadStream())
	if err != nil {
		return nil, unavailable("open dead letters", err)
	}
	return &DeadLetters{log: l, stream: s}, nil
}

// buried is a dead letter as the stream holds it.
type buried struct {
	Source   string    `json:"source"`
	ID       string    `json:"id,omitempty"`
	Reason   string    `json:"reason"`
	Recorded time.Time `json:"recorded"`
	Bytes    []byte    `json:"bytes"`
}

// Bury implements [events.DeadLetters].
func (d *DeadLetters) Bury(ctx context.Context, letter events.DeadLetter) error {
	body, err := json.Marshal(buried{letter.Source, letter.ID, letter.Reason, letter.Recorded.UTC(), letter.Bytes})
	if err != nil {
		return fmt.Errorf("bury dead letter: %w: %w", err, events.ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, d.log.cfg.WriteTimeout)
	defer cancel()
	if _, err := d.log.js.Publish(ctx, d.log.names.dead(letter.Source), body); err != nil {
		return unavailable("bury dead letter", err)
	}
	return nil
}

// List implements [events.DeadLetters]. It ends at what was the last one when it began.
func (d *DeadLetters) List(ctx context.Context) iter.Seq2[events.DeadLetter, error] {
	return func(yield func(events.DeadLetter, error) bool) {
		info, err := d.stream.Info(ctx)
		if err != nil {
			yield(events.DeadLetter{}, unavailable("list dead letters", err))
			return
		}
		if info.State.Msgs == 0 {
			return
		}
		for m, err := range d.log.consume(ctx, d.stream.CachedInfo().Config.Name, jetstream.OrderedConsumerConfig{}, d.log.cfg.WriteTimeout) {
			letter, last, err := unearth(m, err, info.State.LastSeq)
			if !yield(letter, err) || err != nil || last {
				return
			}
		}
	}
}

// unearth reads one message; last says that it was the one at sequence end.
func unearth(m jetstream.Msg, failed error, end uint64) (letter events.DeadLetter, last bool, err error) {
	if failed != nil {
		return letter, false, fmt.Errorf("list dead letters: %w", failed)
	}
	meta, err := m.Metadata()
	if err != nil {
		return letter, false, unavailable("list dead letters", err)
	}
	var b buried
	if err := json.Unmarshal(m.Data(), &b); err != nil {
		return letter, false, fmt.Errorf("list dead letters: number %d cannot be read: %w", meta.Sequence.Stream, events.ErrDamaged)
	}
	return events.DeadLetter{Source: b.Source, ID: b.ID, Bytes: b.Bytes, Reason: b.Reason, Recorded: b.Recorded}, meta.Sequence.Stream >= end, nil
}

// Count implements [events.DeadLetters].
func (d *DeadLetters) Count(ctx context.Context) (uint64, error) {
	info, err := d.stream.Info(ctx)
	if err != nil {
		return 0, unavailable("count dead letters", err)
	}
	return info.State.Msgs, nil
}
