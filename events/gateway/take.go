package gateway

import (
	"bytes"
	"context"
	"errors"

	"ficha/events"
	"ficha/internal/strictjson"
)

// takeAndKeep takes drafts and keeps the bytes of those that are refused and
// may be denies.
func (g *Gateway) takeAndKeep(ctx context.Context, drafts []*draft) (events.SubmitResult, error) {
	result, err := g.take(ctx, drafts)
	if err != nil {
		return events.SubmitResult{}, err
	}
	for i, d := range drafts {
		if !d.valid() && !d.known && d.mayBeDeny() {
			g.keep(ctx, d, &result.Results[i])
		}
	}
	return result, nil
}

// take appends the valid drafts and the provisional denies of the others, and
// answers each.
func (g *Gateway) take(ctx context.Context, drafts []*draft) (events.SubmitResult, error) {
	result := events.SubmitResult{Results: make([]events.EventResult, len(drafts))}
	for i, d := range drafts {
		result.Results[i] = d.answer(events.StatusAppended)
	}
	if err := g.appendDrafts(ctx, drafts, result.Results); err != nil {
		return events.SubmitResult{}, err
	}
	if err := g.bindLate(ctx, drafts, result.Results); err != nil {
		return events.SubmitResult{}, err
	}
	for i, d := range drafts {
		r := result.Results[i]
		if r.Status == events.StatusRejected {
			result.Rejected++
		}
		result.Position = max(result.Position, r.Position)
		source := ""
		if d.mayPublish {
			source = d.env.Source
		}
		g.cfg.Answered(source, r.Status)
	}
	return result, nil
}

// appendDrafts appends what is to be appended, in the order of the body.
func (g *Gateway) appendDrafts(ctx context.Context, drafts []*draft, results []events.EventResult) error {
	var batch []events.Envelope
	var at []int
	for i, d := range drafts {
		switch {
		case d.valid():
			batch, at = append(batch, d.env), append(at, i)
		case d.provisional != nil:
			batch, at = append(batch, *d.provisional), append(at, i)
		}
	}
	outcomes, err := g.append(ctx, batch)
	if err != nil {
		return err
	}
	for n, o := range outcomes {
		if d := drafts[at[n]]; d.valid() {
			d.appended(o, &results[at[n]])
		} else {
			d.bound(o, &results[at[n]])
		}
	}
	return nil
}

// bindLate binds the denies that the log refused: they reuse an id, or do not
// fit. They name no event to end by, since the one with their id may be in the
// log already and be another.
func (g *Gateway) bindLate(ctx context.Context, drafts []*draft, results []events.EventResult) error {
	now := g.cfg.Clock().UTC()
	var batch []events.Envelope
	var at []int
	for i, d := range drafts {
		if !d.late {
			continue
		}
		d.reading = g.interpret(d.tree(), now)
		if !d.reading.binds() {
			continue
		}
		if d.provisional = g.provisionalDeny(d, now, nil); d.provisional != nil {
			batch, at = append(batch, *d.provisional), append(at, i)
		}
	}
	outcomes, err := g.append(ctx, batch)
	if err != nil {
		return err
	}
	for n, o := range outcomes {
		drafts[at[n]].bound(o, &results[at[n]])
	}
	return nil
}

// outcome is what became of one event given to the log; unfit says that the log
// cannot hold it.
type outcome struct {
	events.Appended
	unfit bool
}

// append gives a batch to the log. One event that the log cannot hold fails the
// call as a whole: then halves are tried, so that it fails alone. That is safe,
// as appending an event twice is.
func (g *Gateway) append(ctx context.Context, batch []events.Envelope) ([]outcome, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	appended, err := g.cfg.Log.Append(ctx, batch)
	if err == nil {
		out := make([]outcome, len(appended))
		for i, a := range appended {
			out[i].Appended = a
		}
		return out, nil
	}
	if !errors.Is(err, events.ErrInvalid) {
		return nil, err
	}
	if len(batch) == 1 {
		g.cfg.Logger.Warn("log cannot hold an event", "type", batch[0].Type, "error", err)
		return []outcome{{unfit: true}}, nil
	}
	left, err := g.append(ctx, batch[:len(batch)/2])
	if err != nil {
		return nil, err
	}
	right, err := g.append(ctx, batch[len(batch)/2:])
	return append(left, right...), err
}

// appended notes what became of a valid draft.
func (d *draft) appended(o outcome, r *events.EventResult) {
	switch {
	case o.unfit:
		d.refuse(events.Problem{
			Code: string(strictjson.TooLarge), Detail: "the event is larger than the log can hold", Remedy: "Send long texts and files by reference.",
		})
	case o.Outcome == events.OutcomeReused:
		d.refuse(events.Problem{
			Code: string(events.OutcomeReused), Pointer: "/id", Detail: "was used by this source for another event",
			Remedy: "Give each event an id of its own; send an event again exactly as it was.",
		})
	default:
		r.Position, r.RecordedTime = o.Position, o.RecordedTime
		if o.Outcome == events.OutcomeDuplicate {
			r.Status = events.StatusDuplicate
		}
		if d.env.Type == events.ContactStatedV1 {
			r.Statement = events.StatementID(d.env.Source, d.env.ID)
		}
		return
	}
	d.late = true
	r.Status, r.Errors = events.StatusRejected, d.problems
}

// bound notes what became of a draft's provisional deny. One that the log has
// already, be it with another time of reading, binds since then.
func (d *draft) bound(o outcome, r *events.EventResult) {
	if o.unfit {
		return
	}
	d.known = o.Outcome != events.OutcomeAppended
	r.Statement = events.StatementID(d.provisional.Source, d.provisional.ID)
	r.Position, r.RecordedTime = o.Position, o.RecordedTime
	r.Warnings = append(r.Warnings, events.Problem{
		Code:   "bound_provisionally",
		Detail: "the event is rejected, but reads as a deny: it binds as the statement named here until it arrives in a valid form or is withdrawn",
		Remedy: "Correct the event and send it again.",
	})
}

func wouldBind() events.Problem {
	return events.Problem{
		Code:   "would_bind_provisionally",
		Detail: "the event would be rejected, but reads as a deny: submitted, what can be read of it would bind provisionally",
		Remedy: "Correct the event before submitting it.",
	}
}

// mayBeDeny says whether a refused event must not be lost: it reads as a deny,
// or is no JSON and names the type.
func (d *draft) mayBeDeny() bool {
	return d.reading.deny || d.unreadable && bytes.Contains(d.raw, []byte("contact.stated"))
}

// keep buries the bytes of a refused event and tells its sender, where nothing
// of it binds.
func (g *Gateway) keep(ctx context.Context, d *draft, r *events.EventResult) {
	warning := events.Problem{Code: "kept_as_dead_letter", Detail: "the event may be a deny and is kept for an operator to look at", Remedy: "Correct the event and send it again."}
	if err := g.bury(ctx, events.WayRequest, d.reading.source, d); err != nil {
		g.cfg.Logger.Error("dead letter not kept", "error", err)
		warning.Code, warning.Detail = "not_kept", "the event may be a deny, and could not be kept"
	}
	if r.Statement == "" {
		r.Warnings = append(r.Warnings, warning)
	}
}

// bury keeps what came of a draft, cut to what one event may have.
func (g *Gateway) bury(ctx context.Context, via events.Way, source string, d *draft) error {
	original, reason := d.original(), reasonOf(d.problems)
	if longest := g.cfg.Limits.Event; len(original) > longest {
		original, reason = original[:longest], reason+", cut to "+itoa(int64(longest))+" bytes"
	}
	letter := events.DeadLetter{
		Source: source, ID: d.reading.id, Bytes: original, Reason: reason, Recorded: g.cfg.Clock().UTC(), Via: via,
	}
	if d.provisional != nil {
		letter.Provisional = d.provisional.ID
	}
	return g.cfg.DeadLetters.Bury(ctx, letter)
}
