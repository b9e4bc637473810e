package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"ficha/events"
)

// changesKept is how long the stream of the change feed keeps a message.
const changesKept = 30 * 24 * time.Hour

func (n names) changesStream() string     { return n.stream("CHANGES") }
func (n names) changesSubjects() string   { return n.prefix + ".changes.>" }
func (n names) change(kind string) string { return n.prefix + ".changes." + token(kind) }

// FeedMessage is one change on its way to the stream of the change feed, or in it.
type FeedMessage struct {
	ID   string // position and ordinal, such as 41.3: the message id
	Kind string // the last part of the subject
	Data []byte
}

// FeedEnd is where the stream of the change feed ends.
type FeedEnd struct {
	Sequence uint64 // of the last message that there ever was; zero: none
	ID       string // of the last message; "": none is kept
}

// Changes is the stream from which other systems read the change feed. Its
// messages are written by whoever knows the stream's end, so that of two
// publishers one is told that the other was there, and no change is there twice,
// however long ago the first one was written. Safe for concurrent use.
type Changes struct {
	log    *Log
	stream jetstream.Stream
}

// Changes opens the stream of the change feed, making it where it is missing.
func (l *Log) Changes(ctx context.Context) (*Changes, error) {
	want := jetstream.StreamConfig{
		Name:               l.names.changesStream(),
		Description:        "the change feed; only the hub writes",
		Subjects:           []string{l.names.changesSubjects()},
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardOld,
		MaxAge:             changesKept,
		Storage:            jetstream.FileStorage,
		Duplicates:         2 * time.Minute,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Replicas:           l.cfg.Replicas,
	}
	s, err := l.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = l.js.CreateStream(ctx, want)
	}
	if err != nil {
		return nil, unavailable("open stream "+want.Name, err)
	}
	if wrong := unfit(s.CachedInfo().Config, want); wrong != "" {
		return nil, fmt.Errorf("open stream %s: it is not as the hub needs it: %s: %w", want.Name, wrong, events.ErrConflict)
	}
	return &Changes{log: l, stream: s}, nil
}

// unfit says what of a stream keeps the change feed out of it, "" for nothing. How
// long messages are kept, and how many, is the operator's to choose.
func unfit(have, want jetstream.StreamConfig) string {
	switch {
	case !slices.Equal(have.Subjects, want.Subjects):
		return "its subjects differ"
	case have.Retention != want.Retention || have.Discard != want.Discard:
		return "another retention"
	case !have.AllowAtomicPublish:
		return "it takes no atomic batches"
	case have.NoAck || have.Sealed || have.Mirror != nil || len(have.Sources) > 0:
		return "it does not acknowledge, is sealed, or is a copy"
	}
	return ""
}

// End says where the stream ends, as its leader knows it.
func (c *Changes) End(ctx context.Context) (FeedEnd, error) {
	ctx, cancel := context.WithTimeout(ctx, c.log.cfg.WriteTimeout)
	defer cancel()
	for {
		info, err := c.stream.Info(ctx)
		if err != nil {
			return FeedEnd{}, unavailable("ask where the change feed ends", err)
		}
		end := FeedEnd{Sequence: info.State.LastSeq}
		if info.State.Msgs == 0 {
			return end, nil
		}
		m, err := c.stream.GetMsg(ctx, end.Sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			// It expired since, or whoever answered has not got it yet. Ask again.
			if err := pause(ctx); err != nil {
				return FeedEnd{}, err
			}
			continue
		}
		if err != nil {
			return FeedEnd{}, unavailable("read the last change", err)
		}
		end.ID = m.Header.Get(jetstream.MsgIDHeader)
		return end, nil
	}
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(noticeTime)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return unavailable("ask where the change feed ends", ctx.Err())
	}
}

// duplicateInProcess is the server's code for a message id that is being written.
const duplicateInProcess = 10158

// maxPublish bounds one atomic batch of the change feed, in bytes. JetStream
// takes at most 1,000 messages in one, too.
const maxPublish = 4 << 20

// MaxFeedBatch is how many messages Publish takes.
const MaxFeedBatch = maxGroup

// Publish writes messages, in order, behind the one of sequence after, and gives
// the sequence of the last. When it returns nil they are on disk. Of messages that
// are more than one batch the first ones may be there when it fails.
// ErrConflict: the stream does not end at after; ask End and go on from there.
func (c *Changes) Publish(ctx context.Context, after uint64, batch []FeedMessage) (uint64, error) {
	if err := c.mayPublish(); err != nil {
		return after, err
	}
	for len(batch) > 0 {
		n, size := 0, 0
		for n < len(batch) && n < MaxFeedBatch && (n == 0 || size+len(batch[n].Data) <= maxPublish) {
			size += len(batch[n].Data)
			n++
		}
		if err := c.write(ctx, after, batch[:n]); err != nil {
			return after, err
		}
		after, batch = after+uint64(n), batch[n:]
	}
	return after, nil
}

// mayPublish keeps the feed from filling the disk on which the log is.
func (c *Changes) mayPublish() error {
	if c.log.cfg.FreeSpace == nil {
		return nil
	}
	free, err := c.log.cfg.FreeSpace()
	if err != nil {
		return unavailable("check free space", err)
	}
	if free < c.log.cfg.FreeSpaceMin {
		return fmt.Errorf("publish changes: disk full: %d MiB left, the log keeps %d MiB free: %w", free>>20, c.log.cfg.FreeSpaceMin>>20, events.ErrUnavailable)
	}
	return nil
}

func (c *Changes) write(ctx context.Context, after uint64, batch []FeedMessage) error {
	ctx, cancel := context.WithTimeout(ctx, c.log.cfg.WriteTimeout)
	defer cancel()
	messages := make([]*nats.Msg, len(batch))
	for i, m := range batch {
		messages[i] = &nats.Msg{Subject: c.log.names.change(m.Kind), Data: m.Data, Header: nats.Header{jetstream.MsgIDHeader: {m.ID}}}
	}
	messages[0].Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(after, 10)}
	var last uint64
	if len(messages) == 1 {
		ack, err := c.log.js.PublishMsg(ctx, messages[0], jetstream.WithRetryAttempts(0))
		if err != nil {
			return publishError(err)
		}
		if ack.Duplicate {
			return fmt.Errorf("publish changes: %s is there already: %w", batch[0].ID, events.ErrConflict)
		}
		last = ack.Sequence
	} else {
		ack, err := jetstreamext.PublishMsgBatch(ctx, c.log.js, messages, jetstreamext.BatchFlowControl{AckFirst: false})
		if err != nil {
			return publishError(err)
		}
		last = ack.Sequence
	}
	if last != after+uint64(len(batch)) {
		return fmt.Errorf("publish changes: acknowledged at %d, expected %d: %w", last, after+uint64(len(batch)), events.ErrConflict)
	}
	return nil
}

// publishError gives a refusal its sentinel. Two publishers of the same changes
// are told apart by the sequence, or in the first minutes by the message id.
func publishError(err error) error {
	var api *jetstream.APIError
	if isFenced(err) || errors.As(err, &api) && (api.ErrorCode == jetstreamext.JSErrCodeBatchPublishDuplicateMsgID || api.ErrorCode == duplicateInProcess) {
		return fmt.Errorf("publish changes: %w: %w", err, events.ErrConflict)
	}
	return unavailable("publish changes", err)
}
