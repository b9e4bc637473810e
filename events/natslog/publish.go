package natslog

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"ficha/events"
)

// publish writes a plan, fenced, and returns nil when all of it is durable. It
// leaves time to find out what happened if the server does not answer.
func (a *appender) publish(ctx context.Context, p *plan) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.WriteTimeout*3/5)
	defer cancel()
	var last uint64
	var err error
	if len(p.writes) < batchFrom {
		last, err = a.publishSingly(ctx, p)
	} else {
		last, err = a.publishBatch(ctx, p)
	}
	if err != nil {
		return err
	}
	if events.Position(last) != p.next.Position {
		return fmt.Errorf("the log acknowledged position %d where %d was next: %w", last, p.next.Position, events.ErrDamaged)
	}
	return nil
}

// publishSingly sends one message after the other, each fenced, and waits for
// each: were the next one under way when one is refused, an event of the other
// appender could fill the place and let it through, out of order.
func (a *appender) publishSingly(ctx context.Context, p *plan) (last uint64, err error) {
	for i, w := range p.writes {
		ack, err := a.js.PublishMsg(ctx, message(w, uint64(p.base)+uint64(i), true), jetstream.WithRetryAttempts(0))
		if err != nil {
			return 0, err
		}
		last = ack.Sequence
	}
	return last, nil
}

// publishBatch sends all as one atomic batch.
func (a *appender) publishBatch(ctx context.Context, p *plan) (last uint64, err error) {
	messages := make([]*nats.Msg, len(p.writes))
	for i, w := range p.writes {
		messages[i] = message(w, uint64(p.base), i == 0)
	}
	ack, err := jetstreamext.PublishMsgBatch(ctx, a.js, messages, jetstreamext.BatchFlowControl{AckFirst: false})
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func message(w write, expect uint64, fenced bool) *nats.Msg {
	m := &nats.Msg{Subject: w.subject, Data: w.bytes, Header: nats.Header{}}
	if fenced {
		m.Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(expect, 10)}
	}
	return m
}

// isFenced says whether a write was refused because the log's last sequence is
// another one. Replicated streams have their own code for it.
func isFenced(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// isUnknown says whether a failed write may have reached the log all the same:
// whenever the server did not say that it refused.
func isUnknown(err error) bool {
	var api *jetstream.APIError
	return !errors.As(err, &api)
}
