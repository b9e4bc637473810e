package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

// IfMatch makes a write that rests on what somebody saw fail when that is another
// thing by now (RFC 9110 §13.1.1).
type IfMatch struct {
	Match string `header:"If-Match" maxLength:"1000" doc:"The ETag that you read it with; * for whatever it is. Missing: 428, another by now: 412"`
}

// conditionProblems are what a route with an If-Match may answer with besides.
var conditionProblems = []int{http.StatusPreconditionFailed, http.StatusPreconditionRequired}

// Conflict says, with a 412, what came between.
type Conflict struct {
	By   string    `json:"by,omitempty" doc:"Who changed it; left out where that is not known"`
	At   time.Time `json:"at,omitzero" doc:"When"`
	What string    `json:"what,omitempty" doc:"What happened to it: of a review decided, claimed, changed or undone; of a customer the type of the event" example:"decided"`
	ETag string    `json:"etag,omitempty" doc:"The ETag of now" example:"\"7\""`

	Verdict events.Verdict `json:"verdict,omitempty" doc:"Of a review: what was decided"`
}

// check gives nil where the header names the tag of now. Otherwise 428
// precondition_required, or 412 with the code given and what overtaken says; its
// ETag is filled in. Overtaken is called for a 412 only, and may be nil.
func (m IfMatch) check(now, code string, overtaken func() (Conflict, error)) error {
	if strings.TrimSpace(m.Match) == "" {
		return newProblem(http.StatusPreconditionRequired, "precondition_required")
	}
	if m.names(now) {
		return nil
	}
	p := newProblem(http.StatusPreconditionFailed, code)
	p.Conflict = &Conflict{}
	if overtaken != nil {
		o, err := overtaken()
		if err != nil {
			return err
		}
		p.Conflict = &o
	}
	p.Conflict.ETag = now
	return p
}

// names compares strongly: a weak tag is equal to nothing.
func (m IfMatch) names(now string) bool {
	for tag := range strings.SplitSeq(m.Match, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == now {
			return true
		}
	}
	return false
}

// etag quotes what tells one state of a thing from all others of it: letters,
// digits, dots and dashes.
func etag(state string) string { return `"` + state + `"` }

// turns lets writes that rest on the state of one thing come one after the other,
// each seeing what the one before wrote. Zero value ready.
type turns struct{ stripes [64]turn }

type turn struct {
	mu   sync.Mutex
	last events.Position // of the last write that took this turn
}

// take calls write when it is the thing's turn, with the position that its reads
// must include; write gives that of what it wrote, zero for nothing.
func (t *turns) take(thing string, write func(least events.Position) (events.Position, error)) error {
	h := fnv.New32a()
	_, _ = io.WriteString(h, thing) // a hash takes everything
	turn := &t.stripes[h.Sum32()%uint32(len(t.stripes))]
	turn.mu.Lock()
	defer turn.mu.Unlock()
	p, err := write(turn.last)
	turn.last = max(turn.last, p)
	return err
}

// seenBefore says whether a repeatable click was written already. Its conditions
// held then; they need not hold again.
func (s *server) seenBefore(ctx context.Context, c clicked) (bool, error) {
	if !c.repeatable {
		return false, nil
	}
	recent := s.clicks.of(c.id)
	recent.mu.Lock()
	_, seen := recent.written[c.id]
	recent.mu.Unlock()
	if seen {
		return true, nil
	}
	entries, err := s.cfg.IDs.Lookup(ctx, []events.IDHash{events.HashID(deskSource, c.id)})
	if err != nil {
		return false, fmt.Errorf("look up repeated request: %w", err)
	}
	return entries[0].Position != 0, nil
}

// customerTag tells the states of a customer apart, also those of the customer
// that an id has come to stand for.
func customerTag(c *golden.Customer) string {
	state := strconv.FormatUint(c.Version, 10)
	if c.RedirectedFrom != uuid.Nil {
		state = c.ID.String()[:8] + "-" + state
	}
	return etag(state)
}

// overtaken says what changed a customer last.
func (s *server) overtaken(ctx context.Context, c *golden.Customer) (Conflict, error) {
	e, err := s.cfg.Log.Get(ctx, c.Position)
	if err != nil {
		return Conflict{}, fmt.Errorf("read what changed the customer: %w", err)
	}
	if cause := causeOf(e); cause != 0 {
		if by, err := s.cfg.Log.Get(ctx, cause); err == nil { // else the decision itself is what is known
			e = by
		}
	}
	var said struct {
		By string `json:"by"`
	}
	_ = json.Unmarshal(e.Data, &said) // nobody named: the source it is
	return Conflict{By: cmp.Or(said.By, e.Source), At: e.RecordedTime.UTC(), What: string(e.Type)}, nil
}

// causeOf gives the event upon which an identity decision was taken; zero for
// other events.
func causeOf(e events.Stored) events.Position {
	var said struct {
		Cause events.Position `json:"cause"`
	}
	if e.Type != events.IdentityResolvedV1 || json.Unmarshal(e.Data, &said) != nil {
		return 0
	}
	return said.Cause
}
