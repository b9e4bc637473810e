package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"ficha/events"
	"ficha/events/gateway"
	"ficha/projections/contact"
	"ficha/projections/letters"
)

func (s *server) retryLetter(ctx context.Context, in *retryInput) (*settledOutput, error) {
	l, err := s.letterNow(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if l.name.Kind == letters.Folded {
		return nil, newProblem(http.StatusConflict, "needs_rebuild")
	}
	var how RetryRequest
	if in.Body != nil {
		how = *in.Body
	}
	out := SettledAnswer{ID: in.ID, Action: letters.Retried}
	if out.Position, err = s.placeOf(ctx, letters.Source, settlingID(letters.Retried, l.name)); err != nil {
		return nil, err
	}
	if out.Position > 0 { // it was: what came of it is in the log
		out.Status = events.StatusDuplicate
		return &settledOutput{Body: out}, nil
	}
	if how.DryRun {
		out.Status = events.StatusValid
		return &settledOutput{Body: out}, s.couldTake(ctx, l)
	}
	taken, err := s.submitAgain(ctx, l)
	if err != nil {
		return nil, err
	}
	out.Status, out.Statement = taken.Status, taken.Statement
	if out.Position, _, err = s.settle(ctx, l.name, letters.Retried, how.Reason); err != nil {
		return nil, err
	}
	return &settledOutput{Body: out}, nil
}

// letterNow reads a letter that is to be settled.
func (s *server) letterNow(ctx context.Context, id string) (letter, error) {
	v, err := s.view(ctx, 0)
	if err != nil {
		return letter{}, err
	}
	defer v.Close()
	return s.findLetter(ctx, v, id)
}

// ofSource is whoever publishes for a source: as which a letter is sent again.
// For the hub's own source, and for one that could not be read, that is nobody:
// such letters stay refused.
func ofSource(ctx context.Context, source string) events.Principal {
	who := events.Principal{Name: callOf(ctx).principal.Name}
	if source != "" {
		who.Sources = []string{source}
	}
	return who
}

// couldTake is nil when the gateway would take the letter, else what is wrong.
func (s *server) couldTake(ctx context.Context, l letter) error {
	res, err := s.cfg.Gateway.Validate(ctx, ofSource(ctx, l.view.Source), events.FormatEvent, l.original)
	if err != nil {
		return stillInvalid(err)
	}
	if r := res.Results[0]; r.Status == events.StatusRejected {
		return refusedAgain(r.Errors)
	}
	return nil
}

// submitAgain gives the original bytes to the gateway. They are validated before,
// so that what is refused once more leaves no second trace.
func (s *server) submitAgain(ctx context.Context, l letter) (events.EventResult, error) {
	if err := s.couldTake(ctx, l); err != nil {
		return events.EventResult{}, err
	}
	res, err := s.cfg.Gateway.Submit(ctx, ofSource(ctx, l.view.Source), events.FormatEvent, l.original)
	if err != nil {
		return events.EventResult{}, stillInvalid(err)
	}
	s.metrics.submitted(res.Results)
	if r := res.Results[0]; r.Status == events.StatusRejected {
		return r, refusedAgain(r.Errors)
	}
	return res.Results[0], nil
}

// stillInvalid makes a 422 of bytes that are no event at all.
func stillInvalid(err error) error {
	var p *events.Problem
	if errors.As(err, &p) {
		return refusedAgain([]events.Problem{*p})
	}
	return fmt.Errorf("retry dead letter: %w", err)
}

// refusedAgain is a 422 whose pointers are into the event.
func refusedAgain(errs []events.Problem) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, "invalid")
	p.Detail = "The event is not valid as it is; nothing was changed. Have its source send it again corrected, then discard this one."
	p.Errors = errs
	return p
}

func (s *server) discardLetter(ctx context.Context, in *discardInput) (*settledOutput, error) {
	l, err := s.letterNow(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.refuseRetried(ctx, l.name); err != nil {
		return nil, err
	}
	out := SettledAnswer{ID: in.ID, Action: letters.Discarded, Status: events.StatusDuplicate}
	if out.Position, err = s.placeOf(ctx, letters.Source, settlingID(letters.Discarded, l.name)); err != nil {
		return nil, err
	}
	if out.Position == 0 {
		release, err := s.releaseOf(ctx, l, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		if out.Position, out.Status, err = s.settle(ctx, l.name, letters.Discarded, in.Body.Reason, release...); err != nil {
			return nil, err
		}
	}
	out.Released, err = s.releasedWith(ctx, l)
	return &settledOutput{Body: out}, err
}

// refuseRetried keeps somebody from giving up what is in the log.
func (s *server) refuseRetried(ctx context.Context, name letters.Name) error {
	at, err := s.placeOf(ctx, letters.Source, settlingID(letters.Retried, name))
	if err != nil || at == 0 {
		return err
	}
	p := newProblem(http.StatusConflict, "conflict")
	p.Detail = "The dead letter was retried: its event is in the log."
	return p
}

// releaseOf is the withdrawal of the deny that binds in the letter's place; none
// where nothing binds, or no longer.
func (s *server) releaseOf(ctx context.Context, l letter, reason string) ([]events.Envelope, error) {
	if l.provisional == "" {
		return nil, nil
	}
	at, err := s.placeOf(ctx, gateway.Source, l.provisional)
	if err != nil || at == 0 {
		return nil, err
	}
	folio := events.StatementID(gateway.Source, l.provisional)
	if binds, err := s.mayBind(ctx, folio); err != nil || !binds {
		return nil, err
	}
	e, err := s.settling(releaseID(l.name), events.ContactStatementWithdrawnV1,
		events.ContactStatementWithdrawn{Statement: folio, By: callOf(ctx).principal.Name, Reason: reason})
	return []events.Envelope{e}, err
}

// mayBind is false for a statement that is withdrawn or superseded already. One
// that is not folded yet may bind.
func (s *server) mayBind(ctx context.Context, folio string) (bool, error) {
	v, err := s.view(ctx, 0)
	if err != nil {
		return false, err
	}
	defer v.Close()
	st, err := contact.FindStatement(ctx, v, folio, s.now())
	if errors.Is(err, events.ErrNotFound) {
		return true, nil
	}
	return st.Status != contact.StatusWithdrawn && st.Status != contact.StatusSuperseded, err
}

// releasedWith gives the folio that was withdrawn when the letter was discarded.
func (s *server) releasedWith(ctx context.Context, l letter) (string, error) {
	at, err := s.placeOf(ctx, letters.Source, releaseID(l.name))
	if err != nil || at == 0 {
		return "", err
	}
	return events.StatementID(gateway.Source, l.provisional), nil
}

// settle writes what was done about a letter, after other events that belong to
// it. Once it is done, it is done: somebody who does the same meanwhile is told
// the first one's position.
func (s *server) settle(ctx context.Context, name letters.Name, action letters.Action, reason string, with ...events.Envelope) (events.Position, events.Status, error) {
	types := map[letters.Action]events.Type{letters.Retried: events.DeadLetterRetriedV1, letters.Discarded: events.DeadLetterDiscardedV1}
	id := settlingID(action, name)
	e, err := s.settling(id, types[action], events.DeadLetterSettled{Letter: name.String(), By: callOf(ctx).principal.Name, Reason: reason})
	if err != nil {
		return 0, "", err
	}
	who := events.Principal{Name: callOf(ctx).principal.Name, Hub: true}
	res, err := s.cfg.Gateway.Publish(ctx, who, append(with, e))
	if err != nil {
		return 0, "", fmt.Errorf("settle dead letter: %w", err)
	}
	s.metrics.submitted(res.Results)
	last := res.Results[len(res.Results)-1]
	if last.Status != events.StatusRejected {
		return last.Position, last.Status, nil
	}
	if at, err := s.placeOf(ctx, letters.Source, id); err != nil || at > 0 {
		return at, events.StatusDuplicate, err
	}
	return 0, "", rejected(last.Errors)
}

// Ids of what is stated about a letter: the same for ever, so that nothing is
// stated twice.
func settlingID(a letters.Action, n letters.Name) string { return n.String() + "-" + string(a) }

func releaseID(n letters.Name) string { return n.String() + "-released" }

// settling makes an event about a dead letter.
func (s *server) settling(id string, t events.Type, data any) (events.Envelope, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return events.Envelope{}, fmt.Errorf("encode event: %w", err)
	}
	return events.Envelope{
		ID: id, Source: letters.Source, SpecVersion: "1.0", Type: t, Time: s.now(), DataContentType: "application/json", Data: b,
	}, nil
}

// placeOf is the position of the event with a source and id; zero: there is none.
func (s *server) placeOf(ctx context.Context, source, id string) (events.Position, error) {
	entries, err := s.cfg.IDs.Lookup(ctx, []events.IDHash{events.HashID(source, id)})
	if err != nil {
		return 0, fmt.Errorf("look up event: %w", err)
	}
	return entries[0].Position, nil
}
