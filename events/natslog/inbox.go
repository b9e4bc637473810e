package natslog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// InboxMessage is what somebody left in the inbox.
type InboxMessage struct {
	Source string // whom the subject names; what cannot be read as a source stands as it is
	Bytes  []byte
}

// InboxConfig says how to empty the inbox.
type InboxConfig struct {
	// Take is given messages in order of arrival. When it returns nil they are
	// gone from the inbox: it has brought each to the log or to the dead letters.
	// After an error all of them come again. Required.
	Take func(ctx context.Context, messages []InboxMessage) error
	// Batch is how many messages Take is given at most. Default 500.
	Batch int
	// Retry is how long to wait after an error of Take. Default 1 s.
	Retry time.Duration
}

// Inbox moves what was left in the inbox stream on. Several processes may run
// one each; every message goes to one of them at a time.
type Inbox struct {
	log      *Log
	cfg      InboxConfig
	consumer jetstream.Consumer
}

// inboxAckWait is how long Take may need before its messages go to another process.
const inboxAckWait = time.Minute

// Inbox opens the inbox that belongs to this log.
func (l *Log) Inbox(ctx context.Context, cfg InboxConfig) (*Inbox, error) {
	cfg.Batch, cfg.Retry = cmp.Or(cfg.Batch, 500), cmp.Or(cfg.Retry, time.Second)
	if cfg.Take == nil || cfg.Batch < 1 || cfg.Retry < 0 {
		return nil, fmt.Errorf("open inbox: no taker, or negative settings: %w", events.ErrInvalid)
	}
	c, err := l.js.CreateOrUpdateConsumer(ctx, l.names.inboxStream(), jetstream.ConsumerConfig{
		Durable:       "ficha-inbox",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       inboxAckWait,
		MaxDeliver:    -1,
		MaxAckPending: 4 * cfg.Batch,
	})
	if err != nil {
		return nil, unavailable("open inbox", err)
	}
	return &Inbox{log: l, cfg: cfg, consumer: c}, nil
}

// Run empties the inbox until ctx ends or the log is closed, and returns nil then.
func (x *Inbox) Run(ctx context.Context) error {
	for ctx.Err() == nil && x.log.life.Err() == nil {
		err := x.step(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		x.log.cfg.Logger.Warn("take from inbox; trying again", "error", err)
		select {
		case <-time.After(x.cfg.Retry):
		case <-ctx.Done():
		case <-x.log.life.Done():
		}
	}
	return nil
}

// step waits a while for messages and hands on what is there.
func (x *Inbox) step(ctx context.Context) error {
	pulled, err := x.pull(ctx)
	if err != nil || len(pulled) == 0 {
		return err
	}
	messages := make([]InboxMessage, len(pulled))
	for i, m := range pulled {
		messages[i] = InboxMessage{Source: x.source(m.Subject()), Bytes: m.Data()}
	}
	if err := x.cfg.Take(ctx, messages); err != nil {
		for _, m := range pulled {
			err = errors.Join(err, m.Nak())
		}
		return err
	}
	for _, m := range pulled {
		err = errors.Join(err, m.Ack())
	}
	return err
}

// pull waits for a first message and takes with it what else is there.
func (x *Inbox) pull(ctx context.Context) ([]jetstream.Msg, error) {
	wait, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	defer context.AfterFunc(x.log.life, cancel)()
	var pulled []jetstream.Msg
	collect := func(batch jetstream.MessageBatch, err error) error {
		if err != nil {
			return unavailable("pull from inbox", err)
		}
		for m := range batch.Messages() {
			pulled = append(pulled, m)
		}
		if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			return unavailable("pull from inbox", err)
		}
		return nil
	}
	if err := collect(x.consumer.Fetch(1, jetstream.FetchContext(wait))); err != nil || len(pulled) == 0 {
		return pulled, err
	}
	for want := pullPart; want == pullPart && len(pulled) < x.cfg.Batch && sizeOf(pulled) < pullBytes; {
		had := len(pulled)
		if err := collect(x.consumer.FetchNoWait(min(want, x.cfg.Batch-had))); err != nil {
			return pulled, err
		}
		want = len(pulled) - had // fewer than asked for: there are no more
	}
	return pulled, nil
}

// A pull takes messages in parts, so that a batch of large ones does not fill the
// memory.
const (
	pullPart  = 25
	pullBytes = 16 << 20
)

func sizeOf(messages []jetstream.Msg) int {
	n := 0
	for _, m := range messages {
		n += len(m.Data())
	}
	return n
}

func (x *Inbox) source(subject string) string {
	token := strings.TrimPrefix(subject, strings.TrimSuffix(x.log.names.inboxSubjects(), ">"))
	if source, err := SourceOfToken(token); err == nil {
		return source
	}
	return token
}

// PublishInbox leaves bytes in the inbox, as a publisher does who does not wait
// for an answer of the hub. When it returns nil they are stored.
func (l *Log) PublishInbox(ctx context.Context, source string, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.WriteTimeout)
	defer cancel()
	if _, err := l.js.Publish(ctx, l.names.inbox(source), b); err != nil {
		return unavailable("publish to inbox", err)
	}
	return nil
}
