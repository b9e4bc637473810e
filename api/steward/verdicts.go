package steward

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/review"
)

// statement is what an event of a decision says.
type statement struct {
	typ  events.Type
	data any
}

// Ruling is a steward's decision about an item.
type Ruling struct {
	Verdict events.Verdict
	// Exclude names customers of a group that a verdict same leaves out, by their
	// ids, or single records by their uuids (a customer's own id stands for all of it).
	Exclude []uuid.UUID
	Reason  string
	By      string
	Job     string // of which this is a part; "": of none
}

// statements gives the events of a decision about an item, the one on which the
// log decides first. *Misfit: the ruling cannot be about this item.
func statements(item *review.Item, r Ruling) ([]statement, error) {
	if len(r.Exclude) > 0 && r.Verdict != events.VerdictSame {
		return nil, &Misfit{"/exclude", "only the verdict same leaves anybody out", "send exclude with same, or leave it out"}
	}
	switch item.Kind {
	case review.KindPair, review.KindGroup:
		return aboutCustomers(item, r)
	case review.KindHold:
		return aboutHold(item, r)
	}
	return nil, &Misfit{"", "there is nothing to decide: the item is a verdict", "take it back with :undo, or decide anew with a merge or split"}
}

func aboutCustomers(item *review.Item, r Ruling) ([]statement, error) {
	switch r.Verdict {
	case events.VerdictSame:
		return same(item, r)
	case events.VerdictDifferent, events.VerdictUnsure:
		return []statement{r.judged(r.Verdict, item.Sides...)}, nil
	}
	return nil, unknownVerdict()
}

// same joins all records of the customers but those left out, which it keeps apart
// from the rest; about those among themselves it says nothing.
func same(item *review.Item, r Ruling) ([]statement, error) {
	out := map[uuid.UUID]bool{}
	for i, id := range r.Exclude {
		records := named(item, id)
		if records == nil {
			return nil, &Misfit{fmt.Sprintf("/exclude/%d", i), "is none of the item's customers or records", "see customers and records of the item"}
		}
		for _, x := range records {
			out[x] = true
		}
	}
	var in, left []uuid.UUID
	joined := 0
	for _, side := range item.Sides {
		stays := false
		for _, x := range side {
			if out[x] {
				left = append(left, x)
				continue
			}
			in, stays = append(in, x), true
		}
		if stays {
			joined++
		}
	}
	if joined < 2 {
		return nil, &Misfit{"/exclude", "leaves fewer than two customers to join", "decide different, or leave fewer out"}
	}
	all := []statement{r.judged(events.VerdictSame, in)}
	if len(left) > 0 {
		all = append(all, r.judged(events.VerdictDifferent, in, left))
	}
	return all, nil
}

// named gives the records that an id of an item stands for; nil: none.
func named(item *review.Item, id uuid.UUID) []uuid.UUID {
	for i, c := range item.Customers {
		if c == id && i < len(item.Sides) {
			return item.Sides[i]
		}
	}
	if slices.Contains(item.Records, id) {
		return []uuid.UUID{id}
	}
	return nil
}

// aboutHold: different frees the bound records, same joins them with those that
// stated, unsure leaves the deny as it is.
func aboutHold(item *review.Item, r Ruling) ([]statement, error) {
	switch r.Verdict {
	case events.VerdictDifferent:
		return []statement{{events.ContactHoldConfirmedV1, events.ContactHoldConfirmed{
			Statement: folioOf(item), Records: item.Sides[0], By: r.By, Reason: r.Reason,
		}}}, nil
	case events.VerdictSame:
		return []statement{r.judged(r.Verdict, slices.Concat(item.Sides...))}, nil
	case events.VerdictUnsure:
		return []statement{r.judged(r.Verdict, item.Sides...)}, nil
	}
	return nil, unknownVerdict()
}

// folioOf gives the statement that a hold is about.
func folioOf(item *review.Item) string {
	for _, r := range item.Reasons {
		if r.Statement != "" {
			return r.Statement
		}
	}
	return ""
}

func unknownVerdict() error {
	return &Misfit{"/verdict", "is no verdict", "say same, different or unsure"}
}

// judged is a verdict about sets of records.
func (r Ruling) judged(v events.Verdict, sets ...[]uuid.UUID) statement {
	return statement{events.IdentityJudgedV1, events.IdentityJudged{
		Sets: sortedSets(sets), Verdict: v, By: r.By, Reason: r.Reason, Job: r.Job,
	}}
}

// sortedSets writes the same verdict in one way, however the records came.
func sortedSets(sets [][]uuid.UUID) [][]uuid.UUID {
	out := make([][]uuid.UUID, len(sets))
	for i, set := range sets {
		out[i] = slices.Clone(set)
		slices.SortFunc(out[i], compareIDs)
		out[i] = slices.Compact(out[i])
	}
	return out
}

// envelopes makes events of statements. The n-th has the id that idOf gives.
func envelopes(all []statement, at time.Time, mark string, idOf func(n int) string) ([]events.Envelope, error) {
	out := make([]events.Envelope, len(all))
	for n, s := range all {
		b, err := json.Marshal(s.data)
		if err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		out[n] = events.Envelope{
			ID: idOf(n), Source: Source, SpecVersion: "1.0", Type: s.typ, Time: at,
			DataContentType: "application/json", CorrelationID: mark, Data: b,
		}
	}
	return out, nil
}
