package natslog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// Sizes of reads.
const (
	readAhead  = 8 << 20 // bytes that a reader lets the server send ahead; more than the largest message
	fewEvents  = 16      // so many are fetched one by one rather than through a consumer
	noticeTime = 100 * time.Millisecond
)

// Read implements [events.Log]. When ctx ends, the last thing that it yields is
// an error that wraps the context's.
func (l *Log) Read(ctx context.Context, opts events.ReadOptions) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		s := scanOptions{after: opts.After, lane: opts.Lane, follow: opts.Follow, gated: !l.cfg.Shared}
		if !opts.Follow {
			var err error
			if s.until, err = l.endOf(ctx, opts.Lane); err != nil {
				yield(events.Stored{}, err)
				return
			}
		}
		for e, err := range l.scan(ctx, s) {
			if errors.Is(err, events.ErrDamaged) {
				l.MarkDamaged(err)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (l *Log) endOf(ctx context.Context, lane events.Lane) (events.Position, error) {
	if lane == "" {
		return l.End(ctx)
	}
	return l.LaneEnd(ctx, lane)
}

// scanOptions say what to read from the stream.
type scanOptions struct {
	after  events.Position
	lane   events.Lane // "": all
	follow bool
	until  events.Position // without follow: the last one to read
	gated  bool            // give no event before the appender knows that it is durable
}

// scan reads events in order and checks that none is missing.
func (l *Log) scan(ctx context.Context, o scanOptions) iter.Seq2[events.Stored, error] {
	if !o.follow && o.lane == "" && o.until > o.after && o.until-o.after <= fewEvents {
		return l.scanOneByOne(ctx, o)
	}
	return func(yield func(events.Stored, error) bool) {
		if !o.follow && o.after >= o.until {
			return
		}
		check, err := l.newContinuity(ctx, o)
		if err != nil {
			yield(events.Stored{}, err)
			return
		}
		for m, err := range l.consume(ctx, l.names.logStream(), l.consumerOf(o), o.patience(l.cfg.WriteTimeout)) {
			if err != nil {
				yield(events.Stored{}, l.explain(ctx, o, check, err))
				return
			}
			e, rest, err := l.receive(ctx, o, m, &check)
			if !yield(e, err) || err != nil || !o.follow && e.Position >= o.until {
				return
			}
			if !o.follow && rest == 0 {
				yield(events.Stored{}, missing(e.Position, o.until))
				return
			}
		}
	}
}

func missing(after, until events.Position) error {
	return fmt.Errorf("read log: after position %d nothing comes, but there is an event at %d: %w", after, until, events.ErrDamaged)
}

// patience is how long a read waits for an event that is in the log already;
// zero: for ever.
func (o scanOptions) patience(limit time.Duration) time.Duration {
	if o.follow {
		return 0
	}
	return limit
}

// explain says what it means that no event came: it is gone, or the server is slow.
func (l *Log) explain(ctx context.Context, o scanOptions, c continuity, err error) error {
	if !errors.Is(err, nats.ErrTimeout) {
		return err
	}
	wanted := o.until
	if o.lane == "" {
		wanted = c.last + 1
	}
	if _, err := l.raw(ctx, wanted); errors.Is(err, events.ErrNotFound) {
		return missing(c.last, wanted)
	}
	return err
}

// consumerOf gives one filter or none: more cost a hundredfold.
func (l *Log) consumerOf(o scanOptions) jetstream.OrderedConsumerConfig {
	cfg := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(o.after) + 1}
	if o.lane != "" {
		cfg.FilterSubjects = []string{l.names.lane(o.lane)}
	}
	return cfg
}

// receive decodes one message and holds it back until it is durable. rest is how
// many more the server had then.
func (l *Log) receive(ctx context.Context, o scanOptions, m jetstream.Msg, check *continuity) (e events.Stored, rest uint64, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return events.Stored{}, 0, fmt.Errorf("read log: message without metadata: %w: %w", err, events.ErrUnavailable)
	}
	e, err = events.DecodeStored(events.Position(meta.Sequence.Stream), m.Data())
	if err == nil {
		err = check.next(e)
	}
	if err == nil && o.gated {
		err = l.awaitKnown(ctx, e.Position)
	}
	if err != nil {
		return events.Stored{}, 0, fmt.Errorf("read log: %w", err)
	}
	return e, meta.NumPending, nil
}

// consume yields the messages of an ordered consumer of a stream. If none comes
// for as long as patience (zero: for ever), it ends with nats.ErrTimeout.
func (l *Log) consume(ctx context.Context, stream string, cfg jetstream.OrderedConsumerConfig, patience time.Duration) iter.Seq2[jetstream.Msg, error] {
	return func(yield func(jetstream.Msg, error) bool) {
		consumer, err := l.js.OrderedConsumer(ctx, stream, cfg)
		if err != nil {
			yield(nil, l.readError(ctx, err))
			return
		}
		messages, err := consumer.Messages(jetstream.PullMaxBytes(readAhead))
		if err != nil {
			yield(nil, l.readError(ctx, err))
			return
		}
		var options []jetstream.NextOpt
		if patience > 0 {
			options = append(options, jetstream.NextMaxWait(patience))
		}
		defer l.discard(ctx, stream, consumer)
		defer messages.Stop()
		defer context.AfterFunc(ctx, messages.Stop)()
		defer context.AfterFunc(l.life, messages.Stop)()
		for {
			m, err := messages.Next(options...)
			if err != nil {
				yield(nil, l.readError(ctx, err))
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// discard removes the server's half of a consumer that is no longer read. One
// that it cannot remove expires by itself.
func (l *Log) discard(ctx context.Context, stream string, c jetstream.Consumer) {
	if info := c.CachedInfo(); info != nil && l.cfg.Conn.IsConnected() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := l.js.DeleteConsumer(ctx, stream, info.Name); err != nil {
			l.cfg.Logger.Debug("remove consumer", "error", err)
		}
	}
}

// readError says why a read ended.
func (l *Log) readError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("read log: %w", ctx.Err())
	case l.life.Err() != nil:
		return fmt.Errorf("read log: %w", events.ErrClosed)
	}
	return unavailable("read log", err)
}

// awaitKnown waits until the appender knows that the event at p is durable.
// Normally it does already, or is about to; an event that came to the log after
// its write was given up is known when the appender looks.
func (l *Log) awaitKnown(ctx context.Context, p events.Position) error {
	for {
		l.mu.Lock()
		known, grown := l.view.state.Position >= p, l.grown
		l.mu.Unlock()
		if known || l.Damage() != nil { // a damaged log is still read; it answers nobody
			return nil
		}
		notice := time.NewTimer(noticeTime)
		select {
		case <-grown:
		case <-notice.C:
			if err := l.look(ctx); errors.Is(err, events.ErrClosed) {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-l.life.Done():
			return events.ErrClosed
		}
		notice.Stop()
	}
}

// look makes the appender see what the log holds.
func (l *Log) look(ctx context.Context) error {
	r := &request{look: true, done: make(chan error, 1)}
	if err := l.ask(ctx, r); err != nil {
		return err
	}
	return l.await(ctx, r)
}

// scanOneByOne reads a few events without a consumer.
func (l *Log) scanOneByOne(ctx context.Context, o scanOptions) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for p := o.after + 1; p <= o.until; p++ {
			e, err := l.fetch(ctx, p)
			if errors.Is(err, events.ErrNotFound) {
				err = fmt.Errorf("read log: the event at position %d is missing: %w", p, events.ErrDamaged)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Get implements [events.Log]. A position up to the end that holds nothing is
// ErrDamaged and seals the log.
func (l *Log) Get(ctx context.Context, p events.Position) (events.Stored, error) {
	if p == 0 {
		return events.Stored{}, fmt.Errorf("get event at %d: %w", p, events.ErrNotFound)
	}
	e, err := l.fetch(ctx, p)
	if errors.Is(err, events.ErrNotFound) && p <= l.seen().state.Position {
		err = fmt.Errorf("the event at position %d, which was acknowledged, is missing: %w", p, events.ErrDamaged)
	}
	if errors.Is(err, events.ErrDamaged) {
		l.MarkDamaged(err)
	}
	if err != nil {
		return events.Stored{}, fmt.Errorf("get event at %d: %w", p, err)
	}
	return e, nil
}

func (l *Log) fetch(ctx context.Context, p events.Position) (events.Stored, error) {
	b, err := l.raw(ctx, p)
	if err != nil {
		return events.Stored{}, err
	}
	return events.DecodeStored(p, b)
}
