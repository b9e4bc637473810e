package natslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// End implements [events.Log].
func (l *Log) End(ctx context.Context) (events.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ask log end: %w", err)
	}
	if !l.askServer() {
		return l.seen().state.Position, nil
	}
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, unavailable("ask log end", err)
	}
	return events.Position(info.State.LastSeq), nil
}

// LaneEnd implements [events.Log].
func (l *Log) LaneEnd(ctx context.Context, lane events.Lane) (events.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ask lane end: %w", err)
	}
	if !l.askServer() {
		return l.seen().state.LaneEnds[events.LaneIndex(lane)], nil
	}
	last, _, err := l.leaderGet(ctx, getRequest{LastFor: l.names.lane(lane)})
	if errors.Is(err, events.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ask lane end: %w", err)
	}
	return last, nil
}

// askServer says whether the appender's own knowledge of the ends is not enough.
func (l *Log) askServer() bool { return l.cfg.Shared || l.Damage() != nil }

// settledEnd is the log's last position of which the server has finished the
// write: it answers a read of a message only after the sync that covers it.
func (l *Log) settledEnd(ctx context.Context) (events.Position, error) {
	var end events.Position
	for {
		info, err := l.stream.Info(ctx)
		if err != nil {
			return 0, unavailable("ask log end", err)
		}
		last := events.Position(info.State.LastSeq)
		if last == end {
			return end, nil
		}
		if _, _, err := l.leaderGet(ctx, getRequest{Sequence: uint64(last)}); errors.Is(err, events.ErrNotFound) {
			return 0, fmt.Errorf("the log's last event, at position %d, cannot be read: %w", last, events.ErrDamaged)
		} else if err != nil {
			return 0, err
		}
		end = last
	}
}

// raw gives the stored bytes at a position, from whichever server is near; from
// the stream's leader where that one has nothing.
func (l *Log) raw(ctx context.Context, p events.Position) ([]byte, error) {
	m, err := l.stream.GetMsg(ctx, uint64(p))
	switch {
	case err == nil:
		return m.Data, nil
	case errors.Is(err, jetstream.ErrMsgNotFound):
		_, data, err := l.leaderGet(ctx, getRequest{Sequence: uint64(p)})
		return data, err
	}
	return nil, unavailable("read event", err)
}

// getRequest asks for one message: by sequence, or the last one on a subject,
// which may have wildcards.
type getRequest struct {
	Sequence uint64 `json:"seq,omitempty"`
	LastFor  string `json:"last_by_subj,omitempty"`
}

// leaderGet reads one message from the stream's leader, which is never stale.
func (l *Log) leaderGet(ctx context.Context, r getRequest) (events.Position, []byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return 0, nil, fmt.Errorf("read event: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.WriteTimeout)
	defer cancel()
	m, err := l.cfg.Conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+l.names.logStream(), body)
	if errors.Is(err, nats.ErrNoResponders) {
		err = fmt.Errorf("nobody answers for the log: %w", err)
	}
	if err != nil {
		return 0, nil, unavailable("read event", err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Seq  uint64 `json:"seq"`
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return 0, nil, unavailable("read event", err)
	}
	if answer.Error != nil {
		return 0, nil, leaderError(answer.Error)
	}
	return events.Position(answer.Message.Seq), answer.Message.Data, nil
}

func leaderError(err *jetstream.APIError) error {
	if err.ErrorCode == jetstream.JSErrCodeMessageNotFound {
		return fmt.Errorf("read event: %w", events.ErrNotFound)
	}
	return unavailable("read event", err)
}
