package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"ficha/events"
	"ficha/projections/changes"
)

// Message is a change as the stream takes it.
type Message struct {
	ID   string // the change's
	Kind string
	Data []byte // the change as JSON
}

// End is where a stream ends.
type End struct {
	Sequence uint64 // of the last message that there ever was
	ID       string // of the last message; "": none is kept
}

// Stream is what the publisher writes to. Messages are durable when Publish
// returns nil. events.ErrConflict: it does not end at that sequence. After any
// other error some of the messages may be there.
type Stream interface {
	End(ctx context.Context) (End, error)
	Publish(ctx context.Context, after uint64, batch []Message) (last uint64, err error)
}

// PublisherConfig says what is published where.
type PublisherConfig struct {
	Reader *Reader // required
	Stream Stream  // required
	// Linger is how long to wait for company when changes come: each write costs
	// the disk a sync, and the log is on the same disk. Default 20 ms.
	Linger time.Duration
	// Retry is the pause after an error; it doubles while nothing gets through, up
	// to 32 times as much. Default 1 s.
	Retry time.Duration
	// Clock default time.Now.
	Clock func() time.Time
	// Logger default: discards.
	Logger *slog.Logger
}

// Publisher writes the change feed to a stream and keeps up with it.
type Publisher struct {
	cfg  PublisherConfig
	last atomic.Uint64 // position through which everything is in the stream
}

// NewPublisher gives a publisher that does nothing until Run. ErrInvalid: reader
// or stream is missing.
func NewPublisher(cfg PublisherConfig) (*Publisher, error) {
	if cfg.Reader == nil || cfg.Stream == nil {
		return nil, fmt.Errorf("configure feed publisher: reader and stream are required: %w", events.ErrInvalid)
	}
	cfg.Linger, cfg.Retry = cmp.Or(cfg.Linger, 20*time.Millisecond), cmp.Or(cfg.Retry, time.Second)
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Publisher{cfg: cfg}, nil
}

// Position is that of the last event whose changes are all in the stream, as far
// as this publisher knows.
func (p *Publisher) Position() events.Position { return events.Position(p.last.Load()) }

const maxRetries = 32 // times Retry

// Run publishes until ctx ends.
func (p *Publisher) Run(ctx context.Context) {
	pause := p.cfg.Retry
	for ctx.Err() == nil {
		began := p.Position()
		err := p.session(ctx)
		if p.Position() > began {
			pause = p.cfg.Retry
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, events.ErrConflict):
			p.cfg.Logger.Info("somebody else publishes changes too; looking where the feed ends")
		default:
			p.cfg.Logger.Warn("changes are not published; trying again", "error", err, "pause", pause)
		}
		sleep(ctx, pause)
		pause = min(2*pause, maxRetries*p.cfg.Retry)
	}
}

// session publishes from the stream's end on, until something fails.
func (p *Publisher) session(ctx context.Context) error {
	end, err := p.cfg.Stream.End(ctx)
	if err != nil {
		return err
	}
	after, since := changes.ID{}, time.Time{}
	if end.ID == "" {
		// Whatever was published is older than this, or its message were still there.
		since = p.cfg.Clock().Add(-changes.Kept)
	} else if after, err = changes.ParseID(end.ID); err != nil {
		return fmt.Errorf("read the id of the last change in the feed: %w", err)
	}
	for {
		page, err := p.page(ctx, after)
		if err != nil {
			return err
		}
		batch, err := messages(page.Changes, since)
		if err != nil {
			return err
		}
		if end.Sequence, err = p.cfg.Stream.Publish(ctx, end.Sequence, batch); err != nil {
			return err
		}
		after = page.Through
		if page.More {
			continue
		}
		p.last.Store(uint64(page.Position))
		if err := p.cfg.Reader.Wait(ctx, page.Position); err != nil {
			return err
		}
		sleep(ctx, p.cfg.Linger)
	}
}

// page reads what is to be published next. What was dropped before it could be
// published is lost to the stream; that takes a month without one.
func (p *Publisher) page(ctx context.Context, after changes.ID) (Page, error) {
	page, err := p.cfg.Reader.Page(ctx, Query{After: after})
	if errors.Is(err, ErrGone) {
		p.cfg.Logger.Error("changes were dropped before they could be published; subscribers of the stream have to read all customers anew", "after", after.String())
		return p.cfg.Reader.Page(ctx, Query{})
	}
	return page, err
}

// messages leaves out changes from before since.
func messages(entries []changes.Entry, since time.Time) ([]Message, error) {
	out := make([]Message, 0, len(entries))
	for _, e := range entries {
		if !since.IsZero() {
			c, err := e.Decode()
			if err != nil {
				return nil, err
			}
			if c.Time.Before(since) {
				continue
			}
		}
		kind, err := e.Kind()
		if err != nil {
			return nil, err
		}
		out = append(out, Message{ID: e.ID.String(), Kind: string(kind), Data: e.JSON})
	}
	return out, nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
