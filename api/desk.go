package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"ficha/api/apikey"
	"ficha/events"
)

// deskSource is the source of what agents click: a part of the hub's own.
const deskSource = events.HubSource + "/desk"

// Repeatable is the header that makes a POST that writes safe to repeat.
type Repeatable struct {
	Key    string `header:"Idempotency-Key" maxLength:"256" doc:"Repeating the request with the same key writes once and answers the same"`
	Prefer string `header:"Prefer" doc:"wait=N: answer when reads show it, after N seconds at the latest"`
}

// WriteAnswer is what a click wrote.
type WriteAnswer struct {
	Status   events.Status   `json:"status" enum:"appended,duplicate" doc:"duplicate: the same request came before"`
	Position events.Position `json:"position" doc:"Send it as min_position to read your own write"`
}

// clicked is one request of the desk on its way to the log: its event ids and the
// mark by which a repetition of the very same request is known.
type clicked struct {
	id         string
	mark       string
	repeatable bool
}

// newClick derives the event id from principal and Idempotency-Key, so that a
// repetition has the same; without a key it is random. The mark is over the
// whole request, since the event's data also holds what the hub adds: the time,
// and whom the customer's records are at that moment.
func (s *server) newClick(p apikey.Principal, operation, key string, request any) (clicked, error) {
	b, err := json.Marshal(request)
	if err != nil {
		return clicked{}, fmt.Errorf("encode request: %w", err)
	}
	c := clicked{mark: "request-" + s.digest(p.ID, operation, key, string(b))}
	if key != "" {
		c.id, c.repeatable = "key-"+s.digest(p.ID, operation, key), true
		return c, nil
	}
	var random [16]byte
	if _, err := io.ReadFull(s.cfg.Rand, random[:]); err != nil {
		return clicked{}, fmt.Errorf("make event id: %w", err)
	}
	c.id = "click-" + hex.EncodeToString(random[:])
	return c, nil
}

// digest is a keyed hash of parts, each prefixed by its length. Keyed, because
// requests hold telephone numbers, Idempotency-Keys sometimes do, and the plain
// hash of a telephone number is guessed in minutes.
func (s *server) digest(parts ...string) string {
	h := hmac.New(sha256.New, s.cfg.Secret)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// publish writes events of the desk; all events of a click have the mark as
// correlation id, so that events:status finds them. A click that came before is
// answered as it was then. It is looked for before the gateway is asked, since
// the gateway would make a provisional deny of a deny whose id is taken.
func (s *server) publish(ctx context.Context, c clicked, evs []events.Envelope) (WriteAnswer, error) {
	if !c.repeatable {
		return s.publishNew(ctx, evs)
	}
	recent := s.clicks.of(c.id)
	recent.mu.Lock() // the same click from two requests at once is one write
	defer recent.mu.Unlock()
	if before, ok := recent.written[c.id]; ok {
		if before.mark != c.mark {
			return WriteAnswer{}, newProblem(409, "idempotency_key_reused")
		}
		return WriteAnswer{Status: events.StatusDuplicate, Position: before.position}, nil
	}
	out, err := s.repeated(ctx, c, evs)
	if err == nil && out.Position == 0 {
		out, err = s.publishNew(ctx, evs)
	}
	if err == nil {
		recent.remember(c.id, written{mark: c.mark, position: out.Position})
	}
	return out, err
}

func (s *server) publishNew(ctx context.Context, evs []events.Envelope) (WriteAnswer, error) {
	who := events.Principal{Name: callOf(ctx).principal.Name, Hub: true}
	res, err := s.cfg.Gateway.Publish(ctx, who, evs)
	if err != nil {
		return WriteAnswer{}, err
	}
	s.metrics.submitted(res.Results)
	for _, r := range res.Results {
		if r.Status == events.StatusRejected {
			return WriteAnswer{}, rejected(r.Errors)
		}
	}
	return WriteAnswer{Status: res.Results[0].Status, Position: res.Position}, nil
}

// repeated answers a click whose event ids are taken: the same request gets its
// first answer, another one a conflict. A zero position: they are not.
func (s *server) repeated(ctx context.Context, c clicked, evs []events.Envelope) (WriteAnswer, error) {
	hashes := make([]events.IDHash, len(evs))
	for i, e := range evs {
		hashes[i] = events.HashID(e.Source, e.ID)
	}
	entries, err := s.cfg.IDs.Lookup(ctx, hashes)
	if err != nil {
		return WriteAnswer{}, fmt.Errorf("look up repeated request: %w", err)
	}
	out := WriteAnswer{Status: events.StatusDuplicate}
	for _, e := range entries {
		if e.Position == 0 {
			continue // the customer has other records by now, so there are more events than then
		}
		first, err := s.cfg.Log.Get(ctx, e.Position)
		if err != nil {
			return WriteAnswer{}, fmt.Errorf("read repeated request: %w", err)
		}
		if first.CorrelationID != c.mark {
			return WriteAnswer{}, newProblem(409, "idempotency_key_reused")
		}
		out.Position = max(out.Position, e.Position)
	}
	return out, nil
}

// rejected tells the caller what the gateway found wrong with an event made from
// his request. Pointers into the event's data are the request's own.
func rejected(errs []events.Problem) *Problem {
	p := newProblem(422, "invalid")
	p.Errors = slices.Clone(errs)
	for i := range p.Errors {
		if rest, ok := cutData(p.Errors[i].Pointer); ok {
			p.Errors[i].Pointer = rest
		}
	}
	return p
}

func cutData(pointer string) (string, bool) {
	const data = "/data"
	if len(pointer) < len(data) || pointer[:len(data)] != data {
		return pointer, false
	}
	return pointer[len(data):], true
}

// envelope makes an event of the desk.
func (s *server) envelope(c clicked, id string, t events.Type, data any) (events.Envelope, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return events.Envelope{}, fmt.Errorf("encode event: %w", err)
	}
	return events.Envelope{
		ID: id, Source: deskSource, SpecVersion: "1.0", Type: t, Time: s.now(),
		DataContentType: "application/json", CorrelationID: c.mark, Data: b,
	}, nil
}
