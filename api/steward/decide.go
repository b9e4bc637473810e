package steward

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/review"
)

// Request is what every write of the desk comes with.
type Request struct {
	// IfMatch names the state of the item that the caller saw: an ETag, or * for
	// whatever it is.
	IfMatch string
	// Mark stands for the whole request, caller included: the same mark is the same
	// request sent again. It becomes the events' correlation id.
	Mark string
}

// Done is what a write of the desk did.
type Done struct {
	Status   events.Status // appended, or duplicate: the same request came before
	Events   []events.EventID
	Position events.Position
	// Resolved says that the groups are what the verdict says, as reads show them.
	// False: the resolver has not come to it in time, or other verdicts and rules
	// do not let it.
	Resolved bool
}

// Decide answers an item. *Conflict: it is not what the caller saw, or somebody
// decided it at the same moment; ErrPrecondition, ErrDecided, *Misfit.
func (d *Desk) Decide(ctx context.Context, id uuid.UUID, r Ruling, q Request) (Done, error) {
	v, err := d.current(ctx, id)
	if err != nil {
		return Done{}, err
	}
	if err := v.against(match(q.IfMatch), r.By); err != nil {
		if c := (*Conflict)(nil); errors.As(err, &c) {
			return d.decidedBefore(ctx, v, r, q, c)
		}
		return Done{}, err
	}
	if !v.waits() && v.Kind != review.KindVerdict {
		return d.decidedBefore(ctx, v, r, q, v.settled(match(q.IfMatch)))
	}
	all, err := statements(&v.Item, r)
	if err != nil {
		return Done{}, err
	}
	done, err := d.publish(ctx, id, v.Version, all, r.By, q.Mark)
	if errors.Is(err, errTaken) {
		return Done{}, d.first(ctx, id, v.Version)
	}
	if err != nil {
		return Done{}, err
	}
	if v.claim != 0 {
		d.drop(ctx, id)
	}
	done.Resolved = d.settled(ctx, done.Position, all)
	return done, nil
}

// errTaken: the event id of the decision has another content in the log.
var errTaken = errors.New("somebody decided first")

// publish appends a decision: its first event, which the log refuses where somebody
// else was first, and then the others. That one of those is there already with
// other records is no harm: it was published with the first one.
func (d *Desk) publish(ctx context.Context, id uuid.UUID, version events.Position, all []statement, by, mark string) (Done, error) {
	at, err := d.after(ctx, all)
	if err != nil {
		return Done{}, err
	}
	evs, err := envelopes(all, at, mark, func(n int) string { return review.DecisionEventID(id, version, n) })
	if err != nil {
		return Done{}, err
	}
	done, err := d.submit(ctx, by, evs[:1])
	if err != nil || len(evs) == 1 {
		return done, err
	}
	rest, err := d.submit(ctx, by, evs[1:])
	if err != nil && !errors.Is(err, errTaken) {
		return Done{}, err
	}
	done.Position = max(done.Position, rest.Position)
	done.Events = append(done.Events, namesOf(evs[1:])...)
	return done, nil
}

// submit gives events to the gateway. errTaken: an id has another content.
func (d *Desk) submit(ctx context.Context, by string, evs []events.Envelope) (Done, error) {
	res, err := d.cfg.Publisher.Publish(ctx, events.Principal{Name: by, Hub: true}, evs)
	if err != nil {
		return Done{}, fmt.Errorf("publish verdict: %w", err)
	}
	done := Done{Status: events.StatusDuplicate, Events: namesOf(evs), Position: res.Position}
	for _, r := range res.Results {
		switch r.Status {
		case events.StatusRejected:
			return done, refusal(r.Errors)
		case events.StatusAppended:
			done.Status = events.StatusAppended
		}
		done.Position = max(done.Position, r.Position)
	}
	return done, nil
}

// Rejected says what the gateway found wrong with an event of the desk. Pointers
// lead into the event. It matches events.ErrInvalid.
type Rejected struct{ Problems []events.Problem }

func (r *Rejected) Error() string { return "the event is not valid" }

// Is makes it an events.ErrInvalid.
func (r *Rejected) Is(target error) bool { return target == events.ErrInvalid }

func refusal(problems []events.Problem) error {
	for _, p := range problems {
		if p.Code == string(events.OutcomeReused) {
			return errTaken
		}
	}
	return &Rejected{problems}
}

func namesOf(evs []events.Envelope) []events.EventID {
	names := make([]events.EventID, len(evs))
	for i, e := range evs {
		names[i] = events.EventID{Source: e.Source, ID: e.ID}
	}
	return names
}

// first tells who decided a version of an item, from the log itself: the rows may
// not be that far.
func (d *Desk) first(ctx context.Context, id uuid.UUID, version events.Position) error {
	e, err := d.find(ctx, events.EventID{Source: Source, ID: review.DecisionEventID(id, version, 0)})
	if err != nil {
		return err
	}
	if e == nil {
		return fmt.Errorf("find the decision that was first: %w", events.ErrUnavailable)
	}
	c := &Conflict{What: WhatDecided, At: e.RecordedTime}
	c.By, c.Verdict = authorOf(e)
	waiting, cancel := context.WithTimeout(ctx, d.cfg.Patience)
	defer cancel()
	_ = d.cfg.Wait(waiting, e.Position) // so that the tag is the one of now, if that can be had
	v, err := d.current(ctx, id)
	if err != nil && !errors.Is(err, events.ErrNotFound) {
		return err
	}
	c.ETag = v.ETag
	return c
}

// find gives the event of that name; nil where the log has none.
func (d *Desk) find(ctx context.Context, name events.EventID) (*events.Stored, error) {
	found, err := d.cfg.IDs.Lookup(ctx, []events.IDHash{events.HashID(name.Source, name.ID)})
	if err != nil {
		return nil, fmt.Errorf("look up event: %w", err)
	}
	if found[0].Position == 0 {
		return nil, nil
	}
	e, err := d.cfg.Log.Get(ctx, found[0].Position)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return &e, nil
}

// authorOf tells who decided what, of an event of the desk.
func authorOf(e *events.Stored) (by string, v events.Verdict) {
	switch p := decoded(e).(type) {
	case *events.IdentityJudged:
		return p.By, p.Verdict
	case *events.ContactHoldConfirmed:
		return p.By, events.VerdictDifferent
	case *events.IdentityJudgementWithdrawn:
		return p.By, ""
	}
	return "", ""
}

// decoded reads an event's data; nil where it cannot be read.
func decoded(e *events.Stored) any {
	d, err := events.Decode(*e)
	if err != nil {
		return nil
	}
	return d.Payload
}

// decidedBefore answers a request that comes after a decision. Where that was this
// very request, sent again because its answer was lost, it gets its answer, and
// what of it was not published then is published now; else it gets the refusal.
func (d *Desk) decidedBefore(ctx context.Context, v View, r Ruling, q Request, refusal error) (Done, error) {
	for _, version := range append(match(q.IfMatch).versions(), decidedVersion(v)...) {
		e, err := d.find(ctx, events.EventID{Source: Source, ID: review.DecisionEventID(v.ID, version, 0)})
		if err != nil {
			return Done{}, err
		}
		if e == nil || q.Mark == "" || e.CorrelationID != q.Mark {
			continue
		}
		done := Done{Status: events.StatusDuplicate, Position: e.Position, Events: []events.EventID{{Source: e.Source, ID: e.ID}}}
		all := []statement{{e.Type, decoded(e)}}
		if len(r.Exclude) > 0 {
			return d.completed(ctx, v, version, r, q, done)
		}
		done.Resolved = d.settled(ctx, done.Position, all)
		return done, nil
	}
	return Done{}, refusal
}

// decidedVersion gives the version that a caller with * may have decided.
func decidedVersion(v View) []events.Position {
	if v.Decision == nil {
		return nil
	}
	for _, e := range v.Decision.Events {
		if item, version, ok := decisionOf(e); ok && item == v.ID {
			return []events.Position{version}
		}
	}
	return nil
}

// completed publishes what a decision that leaves somebody out lacks: the hub may
// have ended between its first event and the others.
func (d *Desk) completed(ctx context.Context, v View, version events.Position, r Ruling, q Request, done Done) (Done, error) {
	all, err := statements(&v.Item, r)
	if err != nil {
		return done, nil // the customers are others by now: whom to leave out cannot be told any more
	}
	rest, err := d.publish(ctx, v.ID, version, all, r.By, q.Mark)
	if errors.Is(err, errTaken) {
		return done, nil
	}
	if err != nil {
		return Done{}, err
	}
	done.Position, done.Events = max(done.Position, rest.Position), rest.Events
	done.Resolved = d.settled(ctx, done.Position, all)
	return done, nil
}
