package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// filter reads a filter out of an address.
func (q *ReviewQuery) filter() (review.Filter, error) {
	f := ReviewFilter{State: q.State, Kind: q.Kind, Reason: q.Reason, Pattern: q.Pattern, Source: q.Source, Customer: q.Customer}
	if !q.DueBefore.IsZero() {
		f.DueBefore = &q.DueBefore
	}
	for _, w := range []struct {
		name, text string
		into       **int64
	}{{"min_weight", q.MinWeight, &f.MinWeight}, {"max_weight", q.MaxWeight, &f.MaxWeight}} {
		if w.text == "" {
			continue
		}
		n, err := strconv.ParseInt(w.text, 10, 64)
		if err != nil {
			return review.Filter{}, invalid("#query/"+w.name, "is no whole number", "give log2 of the odds, times 1000")
		}
		*w.into = &n
	}
	return f.filter("#query/")
}

// filter is the filter as the queue has it. Places of mistakes begin with pointer.
func (q *ReviewFilter) filter(pointer string) (review.Filter, error) {
	f := review.Filter{
		State: review.State(cmp.Or(q.State, string(review.StateOpen))), Kind: review.Kind(q.Kind), ReasonCode: q.Reason,
		Pattern: q.Pattern, MinWeight: q.MinWeight, MaxWeight: q.MaxWeight, Source: q.Source,
	}
	if q.DueBefore != nil {
		f.DueBefore = *q.DueBefore
	}
	if q.Customer != "" {
		id, err := uuid.Parse(q.Customer)
		if err != nil {
			return f, invalid(pointer+"customer", "is no customer id", "look the customer up or search for it")
		}
		f.Customer = id
	}
	return f, nil
}

// patternsByCount lists the patterns of open pairs, the most frequent first.
func patternsByCount(ctx context.Context, r projections.Reader) ([]review.PatternCount, error) {
	all, err := review.Patterns(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("count patterns: %w", err)
	}
	slices.SortStableFunc(all, func(a, b review.PatternCount) int { return cmp.Compare(b.Count, a.Count) })
	return all, nil
}

// describeReviews adds names and words to items.
func (s *server) describeReviews(ctx context.Context, r projections.Reader, items []steward.View, lang string) ([]ReviewAnswer, error) {
	who := steward.NewNames(r)
	out := make([]ReviewAnswer, len(items))
	var err error
	for i := range items {
		if out[i], err = s.describeReview(ctx, r, who, &items[i], lang); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *server) describeReview(ctx context.Context, r projections.Reader, who *steward.Names, v *steward.View, lang string) (ReviewAnswer, error) {
	a := ReviewAnswer{
		ID: v.ID, State: v.State, Kind: v.Kind, Records: []ReviewRecord{}, Customers: []ReviewCustomer{}, Reasons: []ReviewReason{},
		Pattern: v.Pattern, Decision: v.Decision, Version: v.Version, ETag: v.ETag,
		OpenedAt: timeOrNil(v.OpenedAt), DueAt: timeOrNil(v.DueAt),
	}
	a.Overdue = a.DueAt != nil && v.State == review.StateOpen && !v.DueAt.After(s.now())
	if v.Group != uuid.Nil {
		a.Group = &v.Group
	}
	if v.Claim != nil {
		a.ClaimedBy, a.ClaimedUntil = &v.Claim.By, &v.Claim.Until
	}
	if v.Kind == review.KindPair || v.Kind == review.KindGroup {
		p := steward.Probability(v.Weight)
		a.Weight, a.Probability = &v.Weight, &p
	}
	for _, reason := range v.Reasons {
		told := ReviewReason{Reason: reason, Text: s.words.Reason(lang, reason.Code)}
		if len(reason.Levels) > 0 {
			told.Evidence = s.pairs.Levels(lang, reason.Levels)
		}
		a.Reasons = append(a.Reasons, told)
	}
	return a, a.addWhom(ctx, r, who, v)
}

// addWhom adds the records and customers that an item is about.
func (a *ReviewAnswer) addWhom(ctx context.Context, r projections.Reader, who *steward.Names, v *steward.View) error {
	customers := slices.Clone(v.Customers)
	for n, side := range v.Sides {
		var customer *uuid.UUID
		if n < len(v.Customers) {
			customer = &v.Customers[n]
		}
		for _, id := range side {
			key, err := who.Key(ctx, id)
			if err != nil {
				return err
			}
			a.Records = append(a.Records, ReviewRecord{Source: key.Source, Stream: key.Stream, ID: key.ID, RecordUUID: id, Customer: customer})
			if len(v.Customers) > 0 {
				continue
			}
			if now, known, err := golden.CustomerOf(ctx, r, id); err != nil {
				return fmt.Errorf("read customer: %w", err)
			} else if known && !slices.Contains(customers, now) {
				customers = append(customers, now)
			}
		}
	}
	for _, id := range customers {
		name, err := who.Name(ctx, id)
		if err != nil {
			return err
		}
		a.Customers = append(a.Customers, ReviewCustomer{ID: id, DisplayName: name})
	}
	return nil
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
