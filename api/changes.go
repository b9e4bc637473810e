package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"ficha/api/feed"
	"ficha/events"
	"ficha/projections/changes"
	"ficha/projections/golden"
)

// ChangeAnswer is a change of the feed, and with include=customer the customer as
// it is when the change is sent.
type ChangeAnswer struct {
	changes.Change
	Current *CustomerAnswer `json:"current,omitempty" doc:"With include=customer: the customer that the id answers as now"`
}

// ChangesAnswer is a page of the change feed.
type ChangesAnswer struct {
	AsOf
	Data        []json.RawMessage `json:"data"`
	NextCursor  *string           `json:"next_cursor" doc:"null when there is no more yet"`
	LastEventID string            `json:"last_event_id" doc:"To go on behind this page, now or later: Last-Event-ID or after"`
}

type changesInput struct {
	AtLeast
	LastEventID string   `header:"Last-Event-ID" maxLength:"40" doc:"The id of the last change that you have: a position, or position.ordinal; only changes behind it come"`
	After       string   `query:"after" maxLength:"40" doc:"Same as Last-Event-ID. 0: from the oldest change that is kept. Neither: from now on"`
	Cursor      string   `query:"cursor" maxLength:"40" doc:"Same: next_cursor of the page before"`
	Kinds       []string `query:"kinds" enum:"created,changed,merged,split,redirected,contact_flip" doc:"Only these, separated by commas"`
	Limit       int      `query:"limit" minimum:"1" maximum:"1000" doc:"Of a page: default 100"`
	Include     []string `query:"include" enum:"customer" doc:"customer: with each change the customer as it is now, as your role sees it"`
	Accept      string   `header:"Accept" doc:"text/event-stream: as they come, until you close; application/json: one page"`
	Language    string   `header:"Accept-Language" doc:"es or en: the language of texts in customers"`
}

// query reads what is asked for; found says whether a place to begin was named.
func (in *changesInput) query() (q feed.Query, found bool, err error) {
	for _, k := range in.Kinds {
		q.Kinds = append(q.Kinds, changes.Kind(k))
	}
	for place, id := range map[string]string{"#header/Last-Event-ID": in.LastEventID, "#query/after": in.After, "#query/cursor": in.Cursor} {
		if id == "" {
			continue
		}
		after, err := changes.ParseID(id)
		if err != nil {
			return q, false, invalid(place, "no id of a change", "send back the id of the last change that you have, like 41 or 41.3")
		}
		if !found || after.Compare(q.After) > 0 { // a browser that comes back says both: where it began, and where it is
			q.After = after
		}
		found = true
	}
	return q, found, nil
}

func (in *changesInput) wantsPage() bool {
	return strings.Contains(in.Accept, "application/json") && !strings.Contains(in.Accept, "text/event-stream")
}

func (s *server) changesRoutes() {
	register(s, route{
		id: opChanges, method: http.MethodGet, path: "/v1/changes", tag: "feed",
		summary: "What changed about customers, as it happens",
		text: "Server-sent events, kept for 30 days: `id`, `event` (the kind) and `data`. Come back with `Last-Event-ID`; nothing is missed or repeated. " +
			"Every 15 seconds an event `position` says how far the feed is. With `Accept: application/json` one page. A change says ids, never a customer's values: " +
			"ask `GET /v1/customers/{id}`, or with `include=customer` have it sent along. `contact_flip` means: ask again before you contact.",
		problems: append(readProblems, http.StatusGone),
	}, s.getChanges)
	content := map[string]*huma.MediaType{
		"text/event-stream": {
			Schema:  &huma.Schema{Type: huma.TypeString, Description: "Server-sent events; data is a Change"},
			Example: "id: 41.0\nevent: created\ndata: {\"id\":\"41.0\",\"position\":41,\"kind\":\"created\",…}\n\n",
		},
		"application/json": {Schema: s.changesSchema(), Example: exampleChanges()},
	}
	s.documented("/v1/changes", opChanges).Responses["200"] = &huma.Response{Description: "OK", Content: content}
}

// changesSchema describes a page; its data is written as the outbox holds it.
func (s *server) changesSchema() *huma.Schema {
	all := s.api.OpenAPI().Components.Schemas
	ref := all.Schema(typeOf[ChangesAnswer](), true, "ChangesAnswer")
	one := all.Schema(typeOf[ChangeAnswer](), true, "ChangeAnswer")
	all.SchemaFromRef(ref.Ref).Properties["data"].Items = one
	return ref
}

func exampleChanges() ChangesAnswer {
	one, err := json.Marshal(ChangeAnswer{Change: exampleChange(changes.Merged)})
	if err != nil {
		panic("encode an example: " + err.Error()) // this program's own text
	}
	return ChangesAnswer{AsOf: AsOf{Position: 815, ResolvedPosition: 815}, Data: []json.RawMessage{one}, LastEventID: "815"}
}

// getChanges answers with a page, or a stream that ends with the request.
func (s *server) getChanges(ctx context.Context, in *changesInput) (*huma.StreamResponse, error) {
	q, found, err := in.query()
	if err != nil {
		return nil, err
	}
	if err := s.wait(ctx, in.position()); err != nil {
		return nil, err
	}
	if !found {
		if q.After, err = s.feed.Now(ctx); err != nil {
			return nil, err
		}
	}
	q.Limit = orDefault(in.Limit, 100)
	page, err := s.feed.Page(ctx, q)
	if err != nil {
		return nil, feedProblem(err)
	}
	f := &follower{s: s, q: q, include: len(in.Include) > 0, language: languageOf(in.Language)}
	if !in.wantsPage() {
		if s.streams.Load() >= maxStreams {
			return nil, errTooManyStreams
		}
		return &huma.StreamResponse{Body: func(h huma.Context) { f.follow(h, page) }}, nil
	}
	answer, err := f.answer(ctx, page)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", "application/json")
		_, _ = h.BodyWriter().Write(answer) // the caller may be gone; there is nobody else to tell
	}}, nil
}

// maxStreams is how many callers may follow the feed at once.
const maxStreams = 1000

var errTooManyStreams = fmt.Errorf("%d callers follow the feed already: %w", maxStreams, events.ErrUnavailable)

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// feedProblem says what to do about changes that cannot be given.
func feedProblem(err error) error {
	if errors.Is(err, feed.ErrFuture) {
		return invalid("#header/Last-Event-ID", "There is no such change yet.", "send back the id of the last change that you have")
	}
	return err
}

// follower sends changes to one caller.
type follower struct {
	s        *server
	q        feed.Query
	include  bool
	language string
}

func (f *follower) answer(ctx context.Context, page feed.Page) ([]byte, error) {
	out := ChangesAnswer{Data: []json.RawMessage{}, LastEventID: page.Through.String()}
	out.Position, out.ResolvedPosition = page.Position, min(f.s.cfg.Freshness.Resolved(), page.Position)
	for _, e := range page.Changes {
		one, err := f.change(ctx, e)
		if err != nil {
			return nil, err
		}
		out.Data = append(out.Data, one)
	}
	if page.More {
		next := page.Through.String()
		out.NextCursor = &next
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode changes: %w", err)
	}
	return b, nil
}

// change gives a change as the outbox holds it, with the customer if that is wanted.
func (f *follower) change(ctx context.Context, e changes.Entry) ([]byte, error) {
	if !f.include {
		return e.JSON, nil
	}
	c, err := e.Decode()
	if err != nil || c.Customer == uuid.Nil {
		return e.JSON, err
	}
	v, err := f.s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	now, err := golden.Get(ctx, v, c.Customer)
	if errors.Is(err, events.ErrNotFound) { // rows that are being made anew
		return e.JSON, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read customer: %w", err)
	}
	current, err := f.s.describe(ctx, v, now, f.language)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(current)
	if err != nil {
		return nil, fmt.Errorf("encode customer: %w", err)
	}
	whole := append(append(append(make([]byte, 0, len(e.JSON)+len(b)+16), e.JSON[:len(e.JSON)-1]...), `,"current":`...), b...)
	return append(whole, '}'), nil
}

const (
	// heartbeat is how often a stream says that it is there.
	heartbeat = 15 * time.Second
	// patience is how long one write may take: who reads more slowly is cut off,
	// and comes back with the last id that he has.
	patience = 10 * time.Second
)

// follow sends server-sent events until the caller goes, loses his right, or the
// hub stops.
func (f *follower) follow(h huma.Context, page feed.Page) {
	f.s.streams.Add(1)
	defer f.s.streams.Add(-1)
	r, w := humago.Unwrap(h)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if closing := f.s.cfg.Closing; closing != nil {
		go func() {
			select {
			case <-closing:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	h.SetHeader("Content-Type", "text/event-stream")
	h.SetHeader("X-Accel-Buffering", "no") // nginx would keep events back
	out := &eventStream{w: w, rc: http.NewResponseController(w), told: f.q.After}
	if out.begin() != nil {
		return
	}
	checked := f.s.cfg.Clock()
	for {
		if now := f.s.cfg.Clock(); now.Sub(checked) >= time.Second {
			if !f.s.still(h) {
				return
			}
			checked = now
		}
		if f.send(ctx, out, page) != nil || !f.next(ctx, out, &page) {
			return
		}
	}
}

// send writes a page of changes.
func (f *follower) send(ctx context.Context, out *eventStream, page feed.Page) error {
	for _, e := range page.Changes {
		data, err := f.change(ctx, e)
		if err != nil {
			return err
		}
		kind, err := e.Kind()
		if err != nil {
			return err
		}
		if err := out.event(e.ID, string(kind), data); err != nil {
			return err
		}
	}
	f.q.After = page.Through
	return nil
}

// next waits for more, saying now and then how far the feed is, and reads it.
// False: the stream ends.
func (f *follower) next(ctx context.Context, out *eventStream, page *feed.Page) bool {
	if !page.More {
		waiting, cancel := context.WithTimeout(ctx, orDuration(f.s.cfg.Heartbeat, heartbeat))
		err := f.s.feed.Wait(waiting, page.Position)
		cancel()
		switch {
		case ctx.Err() != nil:
			return false
		case errors.Is(err, context.DeadlineExceeded):
			if out.alive(page.Through) != nil {
				return false
			}
		case err != nil:
			return false // the rows are not folded any more: let the caller ask again
		}
	}
	next, err := f.s.feed.Page(ctx, f.q)
	*page = next
	return err == nil
}

func orDuration(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// still says whether who began a stream may follow it yet: keys are revoked.
func (s *server) still(h huma.Context) bool {
	rule := s.access[opChanges]
	p, err := s.identify(h)
	return err == nil && p.Has(rule.roles...)
}

// eventStream writes server-sent events (HTML, section 9.2).
type eventStream struct {
	w    io.Writer
	rc   *http.ResponseController
	told changes.ID // the last id that the caller was given
}

// begin lifts the server's deadline for reading the request, which would end the
// stream, and tells the caller when to come back.
func (o *eventStream) begin() error {
	if err := o.rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return o.write("retry: 2000\n\n")
}

func (o *eventStream) event(id changes.ID, kind string, data []byte) error {
	o.told = id
	return o.write("id: " + id.String() + "\nevent: " + kind + "\ndata: " + string(data) + "\n\n")
}

// alive says how far the feed is, or where that has been said that it is there.
func (o *eventStream) alive(through changes.ID) error {
	if through.Compare(o.told) <= 0 {
		return o.write(": alive\n\n")
	}
	return o.event(through, "position", []byte(`{"position":`+through.Position.String()+`}`))
}

func (o *eventStream) write(s string) error {
	if err := o.rc.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(o.w, s); err != nil {
		return err
	}
	return o.rc.Flush()
}
