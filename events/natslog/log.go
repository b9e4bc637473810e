package natslog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// Log is the one log on JetStream. Safe for concurrent use. Close it.
type Log struct {
	cfg    Config
	names  names
	js     jetstream.JetStream
	stream jetstream.Stream
	epoch  time.Time

	queue   chan *request
	life    context.Context // ends with Close
	end     context.CancelFunc
	stopped chan struct{} // the appender is gone

	watching sync.WaitGroup

	damage  atomic.Pointer[error]
	writing atomic.Int64 // when the present write began, Unix nanoseconds; 0: none

	mu    sync.Mutex
	view  view
	grown chan struct{} // closed and replaced whenever view.state.Position grows
}

// view is what the appender lets others see of its state.
type view struct {
	state events.IndexState
	last  tail // zero position: the log is empty, or nobody knows
}

var (
	_ events.Log    = (*Log)(nil)
	_ events.Health = (*Log)(nil)
)

// Open opens the log, making its streams where they are missing, and brings the
// id index up to the log's end, which takes time when the index is new. A log
// that does not hold what was acknowledged opens all the same: it can be read,
// takes no writes, and [Log.Damage] says what was found.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, names: names{cfg.Prefix}, queue: make(chan *request, 1024), stopped: make(chan struct{}), grown: make(chan struct{})}
	if l.js, err = jetstream.New(cfg.Conn, jetstream.WithDefaultTimeout(cfg.WriteTimeout)); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if l.stream, err = ensureStreams(ctx, l.js, l.names, cfg.Replicas); err != nil {
		return nil, err
	}
	info, err := l.stream.Info(ctx)
	if err != nil {
		return nil, unavailable("open log", err)
	}
	l.epoch = info.Created.UTC()
	l.life, l.end = context.WithCancel(context.WithoutCancel(ctx))
	a := &appender{Log: l}
	if err := a.start(ctx); err != nil && !errors.Is(err, events.ErrDamaged) {
		l.end()
		return nil, errors.Join(err, a.tail.close())
	} else if err != nil {
		l.MarkDamaged(err)
	}
	go a.run()
	l.watching.Go(l.watch)
	return l, nil
}

// Close ends all reads and stops the appender. Appends that wait are answered
// with [events.ErrClosed]. The index and the connection belong to the caller.
func (l *Log) Close() error {
	l.end()
	<-l.stopped
	l.watching.Wait()
	return nil
}

// Append implements [events.Log].
func (l *Log) Append(ctx context.Context, batch []events.Envelope) ([]events.Appended, error) {
	if err := l.mayAppend(ctx); err != nil {
		return nil, err
	}
	answers := make([]events.Appended, len(batch))
	var asked []*request
	for from := 0; from < len(batch); from += maxGroup { // one part is prepared while others are written
		to := min(from+maxGroup, len(batch))
		r, err := l.prepare(batch[from:to], answers[from:to])
		if err != nil {
			return nil, fmt.Errorf("append events from number %d: %w", from, err)
		}
		if err := l.ask(ctx, r); err != nil {
			return nil, fmt.Errorf("append events: %w", err)
		}
		asked = append(asked, r)
	}
	for _, r := range asked {
		if err := l.await(ctx, r); err != nil {
			return nil, fmt.Errorf("append events: %w", err)
		}
	}
	return answers, nil
}

// prepare makes a request that will be answered into answers.
func (l *Log) prepare(batch []events.Envelope, answers []events.Appended) (*request, error) {
	r := &request{candidates: make([]candidate, len(batch)), answers: answers, left: len(batch), done: make(chan error, 1)}
	for i, e := range batch {
		c, err := l.candidate(e)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		r.candidates[i] = c
	}
	return r, nil
}

// CountDoor adds to the door's count events that were taken and then refused by
// policy, or moved from the inbox to the dead letters. The count is durable when
// it returns nil.
func (l *Log) CountDoor(ctx context.Context, refused, dead uint64) error {
	if err := l.mayAppend(ctx); err != nil {
		return err
	}
	if refused+dead == 0 {
		return nil
	}
	r := &request{refused: refused, dead: dead, done: make(chan error, 1)}
	if err := l.ask(ctx, r); err != nil {
		return fmt.Errorf("count door: %w", err)
	}
	if err := l.await(ctx, r); err != nil {
		return fmt.Errorf("count door: %w", err)
	}
	return nil
}

func (l *Log) mayAppend(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	if err := l.Damage(); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

// candidate works out what can be without knowing the event's place.
func (l *Log) candidate(e events.Envelope) (candidate, error) {
	content, err := events.HashContent(l.cfg.ContentKey, e.Type, e.Data)
	if err != nil {
		return candidate{}, err
	}
	unsealed, err := events.Unseal(e)
	if err != nil {
		return candidate{}, fmt.Errorf("%w: %w", err, events.ErrInvalid)
	}
	if limit := l.cfg.Conn.MaxPayload() - envelopeRoom; limit > 0 && int64(len(unsealed)) > limit {
		return candidate{}, fmt.Errorf("event of %d bytes, the server takes %d: %w", len(unsealed), limit, events.ErrTooLarge)
	}
	return candidate{
		hash:     events.HashID(e.Source, e.ID),
		content:  content,
		lane:     events.LaneIndex(e.Type.Lane()),
		subject:  l.names.event(e),
		unsealed: unsealed,
	}, nil
}

// envelopeRoom is what counters, recorded time and message headers may add to
// an event, in bytes.
const envelopeRoom = 1024

// ask gives a request to the appender.
func (l *Log) ask(ctx context.Context, r *request) error {
	r.ctx = ctx
	if l.life.Err() != nil {
		return events.ErrClosed
	}
	select {
	case l.queue <- r:
		return nil
	default:
	}
	alarm := time.NewTicker(l.cfg.WriteTimeout / 2)
	defer alarm.Stop()
	for {
		select {
		case l.queue <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-l.life.Done():
			return events.ErrClosed
		case <-alarm.C:
			if l.stuck() {
				return errStuck
			}
		}
	}
}

// errStuck is the answer to callers while a write takes much longer than its time-out.
var errStuck = fmt.Errorf("the appender waits for a server that neither answers nor refuses: %w", events.ErrUnavailable)

// await waits for the answer to a request.
func (l *Log) await(ctx context.Context, r *request) error {
	alarm := time.NewTicker(l.cfg.WriteTimeout / 2)
	defer alarm.Stop()
	for gone := false; !gone; {
		select {
		case err := <-r.done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-alarm.C:
			if l.stuck() {
				return errStuck
			}
		case <-l.stopped:
			gone = true
		}
	}
	select { // the appender may have answered just before it left
	case err := <-r.done:
		return err
	default:
		return events.ErrClosed
	}
}

// stuck says whether a write takes much longer than its time-out, as happens
// when the connection takes no bytes and does not break.
func (l *Log) stuck() bool {
	since := l.writing.Load()
	return since != 0 && time.Since(time.Unix(0, since)) > l.cfg.WriteTimeout*3/2
}

// Door implements [events.Log].
func (l *Log) Door(ctx context.Context) (events.Door, error) {
	if err := ctx.Err(); err != nil {
		return events.Door{}, fmt.Errorf("ask door: %w", err)
	}
	return l.seen().state.Door, nil
}

// Info implements [events.Log].
func (l *Log) Info(ctx context.Context) (events.LogInfo, error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return events.LogInfo{}, unavailable("ask log info", err)
	}
	out := events.LogInfo{
		Epoch:      info.Created.UTC(),
		First:      events.Position(info.State.FirstSeq),
		Last:       events.Position(info.State.LastSeq),
		Messages:   info.State.Msgs,
		Durability: l.durability(),
		Bytes:      info.State.Bytes,
	}
	if out.Last == 0 {
		out.First = 0
	}
	return out, nil
}

// Durability classes, as LogInfo states them.
const (
	PowerSafe   = "power-safe"   // on disk before it is acknowledged
	ProcessSafe = "process-safe" // survives the death of a process, perhaps not a power cut
)

func (l *Log) durability() string {
	if l.cfg.Server != nil || l.cfg.AssumePowerSafe {
		return PowerSafe
	}
	return ProcessSafe
}

// seen gives the present view.
func (l *Log) seen() view {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view
}

// show lets others see a new state.
func (l *Log) show(v view) {
	l.mu.Lock()
	defer l.mu.Unlock()
	grew := v.state.Position > l.view.state.Position
	l.view = v
	if grew {
		close(l.grown)
		l.grown = make(chan struct{})
	}
}

// unavailable makes an error of JetStream one that callers can ask: a cancelled
// context stays what it is, everything else is ErrUnavailable. Texts of the
// server name streams and subjects, never data.
func unavailable(doing string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, events.ErrUnavailable) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, err, events.ErrUnavailable)
}
