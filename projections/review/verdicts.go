package review

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// applyJudged keeps a verdict and lets it decide what it covers.
func applyJudged(w projections.Work, e events.Decoded, p *events.IdentityJudged) error {
	t := newTurn(w, e.Stored)
	event := events.EventID{Source: e.Source, ID: e.ID}
	id := VerdictID(event)
	j := t.judgement(id)
	if j == nil {
		j = new(Judgement)
	}
	*j = Judgement{ID: id, Event: event, Stamp: events.StampOf(e.Envelope, nil), Position: e.Position, At: e.RecordedTime.UTC(),
		Sets: p.Sets, Verdict: p.Verdict, By: p.By, Reason: p.Reason, Job: p.Job, Withdrawn: j.Withdrawn}
	j.Item, j.Version = namedBy(event)
	t.judged, t.verdicts[id] = j, j
	for _, r := range j.records() {
		w.Put(tableVerdicts, prefixed(verdictRecord, r[:], id[:]), []byte{})
		if j.InForce() {
			s := t.record(r)
			s.verdicts = with(s.verdicts, id, compareIDs)
		}
	}
	if j.Job != "" {
		w.Put(tableVerdicts, append(append(jobPrefix(j.Job), number(uint64(e.Position))...), id[:]...), []byte{})
	}
	t.touchVerdict(j)
	return t.finish()
}

// applyWithdrawn keeps that a verdict was taken back, whether or not it is there yet.
func applyWithdrawn(w projections.Work, e events.Decoded, p *events.IdentityJudgementWithdrawn) error {
	t := newTurn(w, e.Stored)
	id := VerdictID(p.Judgement)
	j := t.judgement(id)
	if j == nil {
		j = &Judgement{ID: id, Event: p.Judgement}
	}
	x := &Withdrawal{Event: events.EventID{Source: e.Source, ID: e.ID}, Stamp: events.StampOf(e.Envelope, nil), Position: e.Position,
		At: e.RecordedTime.UTC(), By: p.By, Reason: p.Reason}
	if j.Withdrawn != nil && j.Withdrawn.Stamp.Compare(x.Stamp) <= 0 {
		return t.err
	}
	if j.stated() {
		t.judgedWas = j.item()
	}
	j.Withdrawn = x
	t.judged, t.verdicts[id] = j, j
	for _, r := range j.records() {
		s := t.record(r)
		s.verdicts = without(s.verdicts, id, compareIDs)
	}
	t.touchVerdict(j)
	return t.finish()
}

// records are all that the verdict names, sorted.
func (j *Judgement) records() []uuid.UUID { return sorted(slices.Concat(j.Sets...)) }

// touchVerdict marks whatever a verdict may decide or, taken back, leave open; and
// so for the verdicts that it contradicts, or contradicts no more.
func (t *turn) touchVerdict(j *Judgement) {
	for _, o := range append(t.upset(j), j) {
		for _, r := range o.records() {
			t.touchAround(r)
			t.suspects[t.golden.Owner(r)] = true
		}
		if o.Item != uuid.Nil {
			t.touchItem(o.Item)
		}
	}
}
