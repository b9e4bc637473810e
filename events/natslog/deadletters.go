package natslog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// DeadLetters keeps what could not be taken, in a stream of its own. The number
// of a dead letter is its sequence there.
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
	Source   string     `json:"source"`
	ID       string     `json:"id,omitempty"`
	Reason   string     `json:"reason"`
	Recorded time.Time  `json:"recorded"`
	Via      events.Way `json:"via,omitempty"`
	Binds    string     `json:"provisional,omitempty"`
	Bytes    []byte     `json:"bytes"`
}

// Bury implements [events.DeadLetters].
func (d *DeadLetters) Bury(ctx context.Context, letter events.DeadLetter) error {
	body, err := json.Marshal(buried{letter.Source, letter.ID, letter.Reason, letter.Recorded.UTC(), letter.Via, letter.Provisional, letter.Bytes})
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
func (d *DeadLetters) List(ctx context.Context, r events.LetterRange) iter.Seq2[events.DeadLetter, error] {
	return func(yield func(events.DeadLetter, error) bool) {
		end, err := d.end(ctx, r)
		if err != nil {
			yield(events.DeadLetter{}, err)
			return
		}
		if end <= r.After {
			return
		}
		for m, err := range d.log.consume(ctx, d.stream.CachedInfo().Config.Name, d.consumerOf(r), d.log.cfg.WriteTimeout) {
			letter, last, err := received(m, err, end)
			if !yield(letter, err) || err != nil || last {
				return
			}
		}
	}
}

// end is the number of the last dead letter that a range may hold; zero: none.
func (d *DeadLetters) end(ctx context.Context, r events.LetterRange) (uint64, error) {
	if r.Source != "" {
		last, err := d.stream.GetLastMsgForSubject(ctx, d.log.names.dead(r.Source))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, unavailable("list dead letters", err)
		}
		return last.Sequence, nil
	}
	info, err := d.stream.Info(ctx)
	if err != nil {
		return 0, unavailable("list dead letters", err)
	}
	if info.State.Msgs == 0 {
		return 0, nil
	}
	return info.State.LastSeq, nil
}

func (d *DeadLetters) consumerOf(r events.LetterRange) jetstream.OrderedConsumerConfig {
	cfg := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.After + 1}
	if r.Source != "" {
		cfg.FilterSubjects = []string{d.log.names.dead(r.Source)}
	}
	return cfg
}

// received reads one message; last says that none up to number end comes after it.
func received(m jetstream.Msg, failed error, end uint64) (letter events.DeadLetter, last bool, err error) {
	if failed != nil {
		return letter, false, fmt.Errorf("list dead letters: %w", failed)
	}
	meta, err := m.Metadata()
	if err != nil {
		return letter, false, unavailable("list dead letters", err)
	}
	letter, err = unearth(meta.Sequence.Stream, m.Data())
	if err != nil {
		return letter, false, fmt.Errorf("list dead letters: %w", err)
	}
	return letter, letter.Number >= end || meta.NumPending == 0, nil
}

// unearth reads a dead letter as the stream holds it. Those of before there was
// a note of the way are from the inbox.
func unearth(number uint64, data []byte) (events.DeadLetter, error) {
	var b buried
	if err := json.Unmarshal(data, &b); err != nil {
		return events.DeadLetter{}, fmt.Errorf("number %d cannot be read: %w", number, events.ErrDamaged)
	}
	return events.DeadLetter{
		Number: number, Source: b.Source, ID: b.ID, Bytes: b.Bytes, Reason: b.Reason, Recorded: b.Recorded,
		Via: cmp.Or(b.Via, events.WayInbox), Provisional: b.Binds,
	}, nil
}

// Get implements [events.DeadLetters].
func (d *DeadLetters) Get(ctx context.Context, number uint64) (events.DeadLetter, error) {
	if number == 0 {
		return events.DeadLetter{}, fmt.Errorf("get dead letter: %w", events.ErrNotFound)
	}
	m, err := d.stream.GetMsg(ctx, number)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return events.DeadLetter{}, fmt.Errorf("get dead letter: %w", events.ErrNotFound)
	}
	if err != nil {
		return events.DeadLetter{}, unavailable("get dead letter", err)
	}
	letter, err := unearth(number, m.Data)
	if err != nil {
		return events.DeadLetter{}, fmt.Errorf("get dead letter: %w", err)
	}
	return letter, nil
}

// Count implements [events.DeadLetters].
func (d *DeadLetters) Count(ctx context.Context) (uint64, error) {
	info, err := d.stream.Info(ctx)
	if err != nil {
		return 0, unavailable("count dead letters", err)
	}
	return info.State.Msgs, nil
}
