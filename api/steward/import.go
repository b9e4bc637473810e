package steward

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/api/jobs"
	"ficha/api/steward/sheet"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/review"
)

// What becomes of a row of an import.
const (
	RowApplied   = "applied"   // decided; in a dry run: would be
	RowUnchanged = "unchanged" // no decision, or the item is decided so already
	RowStale     = "stale"     // the item is not what the file shows
	RowError     = "error"     // the row cannot be used
)

// RowResult says what became of a row of an import.
type RowResult struct {
	Line     int             `json:"line" doc:"In the file; its header is line 1"`
	ReviewID string          `json:"review_id,omitempty"`
	Result   string          `json:"result" enum:"applied,unchanged,stale,error"`
	Detail   string          `json:"detail,omitempty" doc:"What is wrong"`
	Remedy   string          `json:"remedy,omitempty" doc:"What to do about it"`
	Position events.Position `json:"position,omitempty" doc:"Of the verdict"`
}

// Imported is what an import did.
type Imported struct {
	Job       string          `json:"job,omitempty" doc:"With which all of it can be undone; left out where nothing was applied"`
	Position  events.Position `json:"position,omitempty" doc:"Of the last verdict"`
	Applied   int             `json:"applied"`
	Unchanged int             `json:"unchanged"`
	Stale     int             `json:"stale"`
	Errors    int             `json:"errors"`
	Rows      []RowResult     `json:"rows" nullable:"false" doc:"One for each row, in the order of the file"`
}

// Import decides what the rows of a table say, each by itself. With dryRun it only
// says what would become of them.
func (d *Desk) Import(ctx context.Context, board *jobs.Desk, rows []sheet.Row, by string, dryRun bool) (Imported, error) {
	out := Imported{Rows: make([]RowResult, len(rows))}
	var wanted []intended
	err := d.snapshot(ctx, func(s projections.Snapshot) error {
		seen := map[uuid.UUID]int{}
		for i := range rows {
			w, err := d.intend(ctx, s, &rows[i], &out.Rows[i], seen)
			if err != nil {
				return err
			}
			if w != nil {
				w.row = i
				wanted = append(wanted, *w)
			}
		}
		return nil
	})
	if err == nil && !dryRun && len(wanted) > 0 {
		err = d.apply(ctx, board, wanted, by, &out)
	}
	if err != nil {
		return out, err
	}
	out.count()
	return out, nil
}

// intended is a decision that a row asks for.
type intended struct {
	row  int
	item review.Item
	Ruling
}

// intend looks at a row: what it wants, or nil and the result that says why not.
func (d *Desk) intend(ctx context.Context, r projections.Reader, row *sheet.Row, out *RowResult, seen map[uuid.UUID]int) (*intended, error) {
	*out = RowResult{Line: row.Line, Result: RowError}
	verdict, ok := sheet.Word(row.Decision)
	if !ok {
		out.Detail, out.Remedy = "the decision is no word that is known", "write same, different or unsure (igual, distinto, duda), or nothing"
		return nil, nil
	}
	id, err := uuid.Parse(row.Review)
	if err != nil {
		out.Detail, out.Remedy = "the review_id is none", "leave the column as it was exported"
		return nil, nil
	}
	out.ReviewID = id.String()
	if line, twice := seen[id]; twice {
		out.Detail, out.Remedy = fmt.Sprintf("the review is on line %d already", line), "leave one of the two lines out"
		return nil, nil
	}
	seen[id] = row.Line
	if verdict == "" {
		out.Result = RowUnchanged
		return nil, nil
	}
	item, err := review.Get(ctx, r, id)
	if errors.Is(err, events.ErrNotFound) {
		out.Result, out.Detail, out.Remedy = RowStale, "there is nothing to decide here any more", "export anew"
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read review: %w", err)
	}
	w := &intended{item: item, Ruling: Ruling{Verdict: verdict, Reason: row.Reason}}
	if !w.usable(row, out) {
		return nil, nil
	}
	out.Result = RowApplied
	return w, nil
}

// usable says whether the item can be decided so, and if not, why.
func (w *intended) usable(row *sheet.Row, out *RowResult) bool {
	switch d := w.item.Decision; {
	case w.item.Kind == review.KindVerdict:
		out.Detail, out.Remedy = "there is nothing to decide: it is a verdict", "undo it, or merge or split the customers"
		return false
	case d != nil && d.Verdict == w.Verdict:
		out.Result = RowUnchanged
		return false
	case d != nil && w.item.State == review.StateDecided:
		out.Result, out.Detail, out.Remedy = RowStale, "it is decided otherwise already", "undo that decision first"
		return false
	case row.Version != 0 && row.Version != uint64(w.item.Version):
		out.Result, out.Detail, out.Remedy = RowStale, "it has changed since the file was exported", "export anew and look at it again"
		return false
	}
	return true
}

// apply publishes what the rows want, under a job that can be undone.
func (d *Desk) apply(ctx context.Context, board *jobs.Desk, wanted []intended, by string, out *Imported) error {
	job, err := board.Plan(ctx, jobs.Order{Kind: KindImport, By: by, Total: uint64(len(wanted)), Params: struct {
		Rows int `json:"rows"`
	}{len(out.Rows)}})
	if err != nil {
		return err
	}
	out.Job = job.ID
	for chunk := range slices.Chunk(wanted, bulkChunk) {
		if err := d.applyChunk(ctx, chunk, by, out); err != nil {
			return err
		}
	}
	d.regrouped(ctx, out.Position)
	return nil
}

func (d *Desk) applyChunk(ctx context.Context, wanted []intended, by string, out *Imported) error {
	var evs []events.Envelope
	var rows []int
	for i := range wanted {
		w := &wanted[i]
		w.By, w.Job = by, out.Job
		all, err := statements(&w.item, w.Ruling)
		if err != nil {
			out.Rows[w.row].failed(err)
			continue
		}
		at, err := d.after(ctx, all)
		if err != nil {
			return err
		}
		made, err := envelopes(all, at, "job-"+out.Job, func(n int) string { return review.DecisionEventID(w.item.ID, w.item.Version, n) })
		if err != nil {
			return err
		}
		evs, rows = append(evs, made[0]), append(rows, w.row) // without exclusions there is one
	}
	if len(evs) == 0 {
		return nil
	}
	res, err := d.cfg.Publisher.Publish(ctx, events.Principal{Name: by, Hub: true}, evs)
	if err != nil {
		return fmt.Errorf("publish verdicts: %w", err)
	}
	for i, one := range res.Results {
		row := &out.Rows[rows[i]]
		switch {
		case one.Status != events.StatusRejected:
			row.Position = one.Position
			out.Position = max(out.Position, one.Position)
		case errors.Is(refusal(one.Errors), errTaken):
			row.Result, row.Detail, row.Remedy = RowStale, "somebody decided it at this moment", "look at it again"
		default:
			row.failed(&Rejected{one.Errors})
		}
	}
	return nil
}

// failed notes why a row cannot be used.
func (r *RowResult) failed(err error) {
	r.Result, r.Detail = RowError, "the decision cannot be used as it is"
	if m := (*Misfit)(nil); errors.As(err, &m) {
		r.Detail, r.Remedy = m.Detail, m.Remedy
	}
	if x := (*Rejected)(nil); errors.As(err, &x) && len(x.Problems) > 0 {
		r.Detail, r.Remedy = x.Problems[0].Detail, x.Problems[0].Remedy
	}
}

func (o *Imported) count() {
	for _, r := range o.Rows {
		switch r.Result {
		case RowApplied:
			o.Applied++
		case RowUnchanged:
			o.Unchanged++
		case RowStale:
			o.Stale++
		default:
			o.Errors++
		}
	}
}
