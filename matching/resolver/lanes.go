package resolver

import (
	"context"

	"github.com/sourcegraph/conc"

	"ficha/events"
)

// batch is what is decided together.
type batch struct {
	records  []events.Stored
	identity []events.Stored
}

// lanes reads the record and identity lanes side by side. Their relative order
// does not matter to the decision, so each has its own plain reader.
type lanes struct {
	records  chan events.Stored
	identity chan events.Stored
	failed   chan error
	batch    int
	cancel   context.CancelFunc
	wg       conc.WaitGroup
}

func openLanes(ctx context.Context, log events.Log, from Cursor, size int) *lanes {
	ctx, cancel := context.WithCancel(ctx)
	l := &lanes{
		records: make(chan events.Stored, size), identity: make(chan events.Stored, size),
		failed: make(chan error, 2), batch: size, cancel: cancel,
	}
	l.wg.Go(func() { l.pump(ctx, log, events.LaneRecord, from.Record, l.records) })
	l.wg.Go(func() { l.pump(ctx, log, events.LaneIdentity, from.Identity, l.identity) })
	return l
}

// close ends the readers and waits for them.
func (l *lanes) close() {
	l.cancel()
	l.wg.Wait()
}

func (l *lanes) pump(ctx context.Context, log events.Log, lane events.Lane, after events.Position, out chan<- events.Stored) {
	for e, err := range log.Read(ctx, events.ReadOptions{After: after, Lane: lane, Follow: true}) {
		if err != nil {
			l.failed <- err
			return
		}
		select {
		case out <- e:
		case <-ctx.Done():
			return
		}
	}
	l.failed <- ctx.Err()
}

// next waits for at least one event and takes what else is there, up to the
// batch size a lane. While it waits it answers questions, and of those that wait
// already it answers some first.
func (l *lanes) next(ctx context.Context, asked <-chan func()) (batch, error) {
	var b batch
	answerSome(asked)
	for len(b.records)+len(b.identity) == 0 {
		select {
		case answer := <-asked:
			answer()
		case e := <-l.records:
			b.records = append(b.records, e)
		case e := <-l.identity:
			b.identity = append(b.identity, e)
		case err := <-l.failed:
			return b, err
		case <-ctx.Done():
			return b, ctx.Err()
		}
	}
	b.records = drain(l.records, b.records, l.batch)
	b.identity = drain(l.identity, b.identity, l.batch)
	return b, nil
}

func drain(from <-chan events.Stored, into []events.Stored, limit int) []events.Stored {
	for len(into) < limit {
		select {
		case e := <-from:
			into = append(into, e)
		default:
			return into
		}
	}
	return into
}
