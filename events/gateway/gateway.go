package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"ficha/events"
	"ficha/internal/strictjson"
)

// Gateway implements [events.Gateway] on a log.
type Gateway struct {
	cfg     Config
	readers chan *strictjson.Reader // idle ones
}

var _ events.Gateway = (*Gateway)(nil)

// New makes a gateway. It starts nothing and needs no closing.
func New(cfg Config) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Gateway{cfg: cfg, readers: make(chan *strictjson.Reader, 4*cfg.Workers)}, nil
}

// Submit implements [events.Gateway].
//
// A single event ([events.FormatEvent]) that is no JSON is a *Problem, as a
// whole; but where it could be read as a deny it is one rejected result, since
// its sender must learn the folio of what binds now.
func (g *Gateway) Submit(ctx context.Context, who events.Principal, format events.Format, body []byte) (events.SubmitResult, error) {
	if err := g.cfg.Health.Damage(); err != nil {
		return events.SubmitResult{}, err
	}
	drafts, err := g.read(who, format, body)
	if err != nil {
		return events.SubmitResult{}, err
	}
	result, err := g.takeAndKeep(ctx, drafts)
	if err != nil {
		return events.SubmitResult{}, err
	}
	if p := noEventAtAll(format, drafts); p != nil && result.Results[0].Statement == "" {
		return events.SubmitResult{}, p
	}
	return result, nil
}

// Validate implements [events.Gateway].
func (g *Gateway) Validate(_ context.Context, who events.Principal, format events.Format, body []byte) (events.SubmitResult, error) {
	drafts, err := g.read(who, format, body)
	if err != nil {
		return events.SubmitResult{}, err
	}
	if p := noEventAtAll(format, drafts); p != nil {
		return events.SubmitResult{}, p
	}
	result := events.SubmitResult{Results: make([]events.EventResult, len(drafts))}
	for i, d := range drafts {
		r := d.answer(events.StatusValid)
		if r.Status == events.StatusRejected {
			result.Rejected++
			if d.provisional != nil {
				r.Warnings = append(r.Warnings, wouldBind())
			}
		}
		result.Results[i] = r
	}
	return result, nil
}

// Publish implements [events.Gateway].
func (g *Gateway) Publish(ctx context.Context, who events.Principal, batch []events.Envelope) (events.SubmitResult, error) {
	if err := g.cfg.Health.Damage(); err != nil {
		return events.SubmitResult{}, err
	}
	if len(batch) > g.cfg.Limits.Batch {
		return events.SubmitResult{}, bodyProblem(string(strictjson.TooLarge), "holds too many events", "Publish fewer at a time.")
	}
	now := g.cfg.Clock().UTC()
	drafts := make([]*draft, len(batch))
	g.each(len(batch), func(r *strictjson.Reader, i int) {
		drafts[i] = g.draftOfEnvelope(r, who, now, batch[i])
	})
	return g.takeAndKeep(ctx, drafts)
}

// read splits a body and drafts each of its events.
func (g *Gateway) read(who events.Principal, format events.Format, body []byte) ([]*draft, error) {
	items, err := g.split(format, body)
	if err != nil {
		return nil, err
	}
	now := g.cfg.Clock().UTC()
	drafts := make([]*draft, len(items))
	g.each(len(items), func(r *strictjson.Reader, i int) {
		drafts[i] = g.draftOfItem(r, who, now, items[i])
	})
	return drafts, nil
}

// each calls do for 0 … n-1, several at once where it pays, and returns when all
// are done.
func (g *Gateway) each(n int, do func(r *strictjson.Reader, i int)) {
	const fewest = 16 // fewer events than this are done before a goroutine has started
	var next atomic.Int64
	work := func() {
		r := g.reader()
		defer g.release(r)
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			do(r, i)
		}
	}
	var wg sync.WaitGroup
	for range min(g.cfg.Workers, n/fewest) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

func (g *Gateway) reader() *strictjson.Reader {
	select {
	case r := <-g.readers:
		return r
	default:
		return strictjson.NewReader(strictjson.Limits{})
	}
}

func (g *Gateway) release(r *strictjson.Reader) {
	select {
	case g.readers <- r:
	default:
	}
}

// split gives the events of a body, or the *Problem of a body that holds none.
func (g *Gateway) split(format events.Format, body []byte) ([]strictjson.Item, error) {
	if len(body) > g.cfg.Limits.Body {
		return nil, bodyProblem(string(strictjson.TooLarge), "is larger than the gateway takes at once", "Send fewer events at a time.")
	}
	var items []strictjson.Item
	var err error
	switch format {
	case events.FormatBatch:
		items, err = strictjson.Array(body, g.cfg.Limits.Batch)
	case events.FormatNDJSON:
		items, err = strictjson.Lines(body, g.cfg.Limits.Batch)
	case events.FormatEvent:
		items = strictjson.One(body)
	default:
		return nil, bodyProblem("unknown_format", "has a format that the gateway does not take",
			"Send "+string(events.FormatEvent)+", "+string(events.FormatBatch)+" or "+string(events.FormatNDJSON)+".")
	}
	var e *strictjson.Error
	if !errors.As(err, &e) {
		return items, err
	}
	switch e.Code {
	case strictjson.NotAnArray:
		return nil, bodyProblem(string(strictjson.InvalidJSON), "is not a JSON array", "Send a batch as [ … ], a single event as "+string(events.FormatEvent)+".")
	case strictjson.TooLarge:
		return nil, bodyProblem(string(e.Code), e.Detail, "Send fewer events at a time.")
	}
	p := problemOf(e)
	return nil, &p
}

// bodyProblem is a problem of a body as a whole.
func bodyProblem(code, detail, remedy string) *events.Problem {
	return &events.Problem{Code: code, Detail: "the body " + detail, Remedy: remedy}
}

// noEventAtAll is the problem of a body that was to be one event and is no JSON
// object, nil for other bodies.
func noEventAtAll(format events.Format, drafts []*draft) *events.Problem {
	if format != events.FormatEvent || len(drafts) != 1 || !drafts[0].unreadable {
		return nil
	}
	p := drafts[0].problems[0]
	return &p
}

// skew is how far a publisher's clock may be ahead of the hub's.
const skew = 5 * time.Minute
