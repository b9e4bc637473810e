// Package probe measures what JetStream alone can do: publish one message,
// publish a batch, read a stream in order, with nothing of the hub around it.
// `ficha bench` runs it beside the hub, in the same process, on the same disk
// and under the same fsync setting, and prints the ratio.
//
// A probe has a stream of its own, set up like that of the log: file storage, one
// replica, atomic batches, no message ids. How often a write is synced is the
// server's setting; the embedded server syncs each ([natslog.StartServer]). The
// probe publishes bytes as they are: no fence, no index, no tail file, no
// validation. What the hub adds to that is what the ratio shows.
package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"ficha/events"
)

// MaxBatch is how many messages JetStream takes as one atomic batch.
const MaxBatch = 1000

// readAhead is how many bytes a reader lets the server send ahead, as the hub's
// own readers do.
const readAhead = 8 << 20

// answerTime is how long an answer of the server may take.
const answerTime = 10 * time.Second

// Stream is a stream to measure. Publish functions may be called from several
// goroutines.
type Stream struct {
	js      jetstream.JetStream
	name    string
	subject string // "" when the stream is only read
}

// StartStream makes an empty stream of that name on the server behind conn. Drop
// it when done. A stream of that name that exists is an ErrConflict.
func StartStream(ctx context.Context, conn *nats.Conn, name string) (*Stream, error) {
	s, err := open(conn, name)
	if err != nil {
		return nil, err
	}
	if _, err := s.js.Stream(ctx, name); err == nil { // one set up alike would be taken for a new one
		return nil, fmt.Errorf("make probe stream %s: there is one: %w", name, events.ErrConflict)
	}
	s.subject = "probe." + name
	_, err = s.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{s.subject + ".>"}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		Duplicates: 2 * time.Minute, AllowDirect: true, AllowAtomicPublish: true, Replicas: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("make probe stream: %w: %w", events.ErrUnavailable, err)
	}
	return s, nil
}

// OpenStream gives a stream that exists, to be read and measured, not written.
// ErrNotFound: there is none of that name.
func OpenStream(ctx context.Context, conn *nats.Conn, name string) (*Stream, error) {
	s, err := open(conn, name)
	if err != nil {
		return nil, err
	}
	if _, err := s.js.Stream(ctx, name); err != nil {
		return nil, fmt.Errorf("open probe stream %s: %w: %w", name, events.ErrNotFound, err)
	}
	return s, nil
}

func open(conn *nats.Conn, name string) (*Stream, error) {
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(answerTime))
	if err != nil {
		return nil, fmt.Errorf("open probe: %w: %w", events.ErrUnavailable, err)
	}
	return &Stream{js: js, name: name}, nil
}

// Drop removes a stream that [StartStream] made, with all that is in it.
func (s *Stream) Drop(ctx context.Context) error {
	if s.subject == "" {
		return fmt.Errorf("drop stream %s: the probe did not make it: %w", s.name, events.ErrInvalid)
	}
	if err := s.js.DeleteStream(ctx, s.name); err != nil {
		return fmt.Errorf("drop probe stream: %w: %w", events.ErrUnavailable, err)
	}
	return nil
}

// PublishSingle publishes one message and waits until it is stored. It gives its
// sequence.
func (s *Stream) PublishSingle(ctx context.Context, data []byte) (uint64, error) {
	ack, err := s.js.PublishMsg(ctx, s.message(data), jetstream.WithRetryAttempts(0))
	if err != nil {
		return 0, fmt.Errorf("publish one: %w: %w", events.ErrUnavailable, err)
	}
	return ack.Sequence, nil
}

// PublishAtomic publishes 1 to [MaxBatch] messages as one atomic batch and waits
// until it is stored. It gives the sequence of the last one.
func (s *Stream) PublishAtomic(ctx context.Context, batch [][]byte) (uint64, error) {
	if len(batch) == 0 || len(batch) > MaxBatch {
		return 0, fmt.Errorf("publish batch of %d: want 1 to %d: %w", len(batch), MaxBatch, events.ErrInvalid)
	}
	messages := make([]*nats.Msg, len(batch))
	for i, data := range batch {
		messages[i] = s.message(data)
	}
	ack, err := jetstreamext.PublishMsgBatch(ctx, s.js, messages, jetstreamext.BatchFlowControl{AckFirst: false})
	if err != nil {
		return 0, fmt.Errorf("publish batch: %w: %w", events.ErrUnavailable, err)
	}
	return ack.Sequence, nil
}

func (s *Stream) message(data []byte) *nats.Msg {
	return &nats.Msg{Subject: s.subject + ".00", Data: data, Header: nats.Header{}}
}

// End is the sequence of the last message, zero of an empty stream.
func (s *Stream) End(ctx context.Context) (uint64, error) {
	stream, err := s.js.Stream(ctx, s.name)
	if err != nil {
		return 0, fmt.Errorf("ask end of stream: %w: %w", events.ErrUnavailable, err)
	}
	return stream.CachedInfo().State.LastSeq, nil
}

// Consume gives the messages after one sequence up to another to handle, in
// order, through an ordered consumer without filter, and returns when handle had
// the last; it waits for messages that are not there yet, until ctx ends. The
// bytes are handle's to keep. An error of handle ends it and is returned as it is.
func (s *Stream) Consume(ctx context.Context, after, until uint64, handle func(seq uint64, data []byte) error) error {
	if after >= until {
		return nil
	}
	consumer, err := s.js.OrderedConsumer(ctx, s.name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	})
	if err != nil {
		return fmt.Errorf("make consumer: %w: %w", events.ErrUnavailable, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxBytes(readAhead))
	if err != nil {
		return fmt.Errorf("consume: %w: %w", events.ErrUnavailable, err)
	}
	defer s.discard(ctx, consumer)
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		seq, data, err := next(ctx, messages)
		if err != nil {
			return err
		}
		if err := handle(seq, data); err != nil || seq >= until {
			return err
		}
	}
}

func next(ctx context.Context, messages jetstream.MessagesContext) (uint64, []byte, error) {
	m, err := messages.Next()
	if ctx.Err() != nil {
		return 0, nil, fmt.Errorf("consume: %w", ctx.Err())
	}
	if err != nil {
		return 0, nil, fmt.Errorf("consume: %w: %w", events.ErrUnavailable, err)
	}
	meta, err := m.Metadata()
	if err != nil {
		return 0, nil, fmt.Errorf("consume: message without metadata: %w: %w", events.ErrUnavailable, err)
	}
	return meta.Sequence.Stream, m.Data(), nil
}

// discard removes the server's half of a consumer. One that it cannot remove
// expires by itself.
func (s *Stream) discard(ctx context.Context, c jetstream.Consumer) {
	if info := c.CachedInfo(); info != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.js.DeleteConsumer(ctx, s.name, info.Name)
	}
}
