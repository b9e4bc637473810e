package api

import (
	"context"
	"fmt"

	"ficha/api/explain"
	"ficha/events"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// people gives the steps that persons took: verdicts about the customer's records
// and pinned values, given and taken back.
func (f *formation) people(ctx context.Context) ([]explain.Step, error) {
	var out []explain.Step
	seen := map[events.EventID]bool{}
	for _, m := range f.customer.Records {
		said, err := review.VerdictsOf(ctx, f.view, m.ID)
		if err != nil {
			return nil, fmt.Errorf("read verdicts: %w", err)
		}
		for _, j := range said {
			if !seen[j.Event] {
				seen[j.Event] = true
				out = append(out, verdictSteps(j)...)
			}
		}
		pinned, err := f.pinSteps(ctx, m)
		if err != nil {
			return nil, err
		}
		out = append(out, pinned...)
	}
	return out, nil
}

// verdictSteps are a verdict and, where it was, its being taken back.
func verdictSteps(j review.Judgement) []explain.Step {
	undo := j.ID
	steps := []explain.Step{{
		Position: j.Position, At: j.At, Kind: explain.StepJudged, Verdict: j.Verdict, By: j.By, Reason: j.Reason, Review: &undo,
	}}
	if w := j.Withdrawn; w != nil {
		steps = append(steps, explain.Step{Position: w.Position, At: w.At, Kind: explain.StepTakenBack, Verdict: j.Verdict, By: w.By, Reason: w.Reason})
	}
	return steps
}

func (f *formation) pinSteps(ctx context.Context, m golden.Member) ([]explain.Step, error) {
	said, err := golden.PinWords(ctx, f.view, m.ID)
	if err != nil {
		return nil, fmt.Errorf("read pins: %w", err)
	}
	out := make([]explain.Step, len(said))
	for i, p := range said {
		key, kind := m.RecordKey, explain.StepUnpinned
		if p.Pinned {
			kind = explain.StepPinned
		}
		e, err := f.s.cfg.Log.Get(ctx, p.Position)
		if err != nil {
			return nil, fmt.Errorf("read event: %w", err)
		}
		out[i] = explain.Step{Position: p.Position, At: e.RecordedTime, Kind: kind, Record: &key, Attribute: p.Attribute, By: p.By, Reason: p.Reason}
	}
	return out, nil
}

// levels gives the function that puts the levels of a link into words.
func (s *server) levels(lang string) func([]string) string {
	return func(ls []string) string { return s.pairs.Levels(lang, ls) }
}
