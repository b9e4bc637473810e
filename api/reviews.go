package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/events"
	"ficha/projections/review"
)

// ReviewAnswer is something that waits, or waited, for a steward.
type ReviewAnswer struct {
	ID           uuid.UUID        `json:"id" format:"uuid"`
	State        review.State     `json:"state" enum:"open,unsure,decided,withdrawn"`
	Kind         review.Kind      `json:"kind" enum:"pair,group,hold,verdict" doc:"pair and group: are these customers one? hold: does a refusal that was stated on a former part of this customer bind it? verdict: a decision, listed so that it can be undone"`
	Records      []ReviewRecord   `json:"records" nullable:"false"`
	Customers    []ReviewCustomer `json:"customers" nullable:"false" doc:"Of a hold the bound one first"`
	Probability  *float64         `json:"probability,omitempty" doc:"Of the weight: that they are one"`
	Weight       *int64           `json:"weight,omitempty" doc:"log2 of the odds, times 1000; of a pair the strongest evidence, of a group the weakest pair"`
	Reasons      []ReviewReason   `json:"reasons" nullable:"false" doc:"Why it waits"`
	Pattern      string           `json:"pattern,omitempty" doc:"Kind of evidence; items of one pattern can be decided in bulk"`
	Group        *uuid.UUID       `json:"group,omitempty" format:"uuid" doc:"The group that an undecided pair belongs to"`
	OpenedAt     *time.Time       `json:"opened_at,omitempty"`
	DueAt        *time.Time       `json:"due_at,omitempty"`
	Overdue      bool             `json:"overdue"`
	ClaimedBy    *string          `json:"claimed_by" doc:"Who looks at it at the moment"`
	ClaimedUntil *time.Time       `json:"claimed_until"`
	Decision     *review.Decision `json:"decision,omitempty"`
	Version      events.Position  `json:"version" doc:"Of the event that changed it last"`
	ETag         string           `json:"etag" doc:"Send it as If-Match with a claim or decision" example:"\"812-0\""`
}

// ReviewRecord is a source record that an item is about.
type ReviewRecord struct {
	Source     string     `json:"source" example:"/crm/bank"`
	Stream     string     `json:"stream" example:"customer"`
	ID         string     `json:"id" example:"1"`
	RecordUUID uuid.UUID  `json:"record_uuid" format:"uuid"`
	Customer   *uuid.UUID `json:"customer,omitempty" format:"uuid" doc:"Whose it was when the item was made"`
}

// ReviewCustomer is a customer that an item is about.
type ReviewCustomer struct {
	ID          uuid.UUID `json:"id" format:"uuid"`
	DisplayName string    `json:"display_name"`
}

// ReviewReason is a piece of evidence, in words too.
type ReviewReason struct {
	review.Reason
	Text     string `json:"text" doc:"The code in words, in the language of the caller"`
	Evidence string `json:"evidence,omitempty" doc:"The levels in words"`
}

// ReviewsAnswer is a page of the queue.
type ReviewsAnswer struct {
	AsOf
	Data       []ReviewAnswer        `json:"data" nullable:"false" doc:"What waits: by due time; the rest: newest first"`
	NextCursor *string               `json:"next_cursor" doc:"null at the end; a page may hold fewer than limit and go on"`
	Counts     review.Counts         `json:"counts" doc:"How many there are, by kind and state"`
	Patterns   []review.PatternCount `json:"patterns,omitempty" doc:"With patterns=true: open pairs by pattern of evidence, most frequent first"`
}

// ReviewFilter is what lists, bulks and exports share.
type ReviewFilter struct {
	State     string     `json:"state,omitempty" query:"state" enum:"open,unsure,decided,withdrawn" doc:"Default open"`
	Kind      string     `json:"kind,omitempty" query:"kind" enum:"pair,group,hold,verdict"`
	Reason    string     `json:"reason,omitempty" query:"reason" maxLength:"100" doc:"Code of any of its reasons"`
	Pattern   string     `json:"pattern,omitempty" query:"pattern" maxLength:"1000"`
	MinWeight *int64     `json:"min_weight,omitempty" doc:"log2 of the odds, times 1000; inclusive"`
	MaxWeight *int64     `json:"max_weight,omitempty" doc:"Inclusive"`
	Source    string     `json:"source,omitempty" query:"source" maxLength:"200" doc:"Of any of its records"`
	DueBefore *time.Time `json:"due_before,omitempty" doc:"Exclusive"`
	Customer  string     `json:"customer,omitempty" query:"customer" maxLength:"64" doc:"Any id of a customer that it is about"`
}

// ReviewQuery is a filter in an address, where huma takes no pointers.
type ReviewQuery struct {
	State     string    `query:"state" enum:"open,unsure,decided,withdrawn" doc:"Default open"`
	Kind      string    `query:"kind" enum:"pair,group,hold,verdict" doc:"Default all"`
	Reason    string    `query:"reason" maxLength:"100" doc:"Code of any of its reasons"`
	Pattern   string    `query:"pattern" maxLength:"1000" doc:"Kind of evidence"`
	MinWeight string    `query:"min_weight" maxLength:"20" doc:"log2 of the odds, times 1000; inclusive"`
	MaxWeight string    `query:"max_weight" maxLength:"20" doc:"Inclusive"`
	Source    string    `query:"source" maxLength:"200" doc:"Of any of its records"`
	DueBefore time.Time `query:"due_before" doc:"Exclusive"`
	Customer  string    `query:"customer" maxLength:"64" doc:"Any id of a customer that it is about"`
}

type reviewsInput struct {
	ReviewQuery
	ClaimedBy string `query:"claimed_by" maxLength:"200" doc:"Only what this person claims at the moment; such a list comes in one page"`
	Patterns  bool   `query:"patterns" doc:"Count open pairs by pattern of evidence, too"`
	Limit     int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most"`
	Cursor    string `query:"cursor" maxLength:"128" doc:"next_cursor of the page before"`
	AtLeast
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
}

type reviewsOutput struct{ Body ReviewsAnswer }

type reviewInput struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the item"`
	AtLeast
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
}

type reviewOutput struct {
	ETag string `header:"ETag"`
	Body ReviewAnswer
}

func (s *server) reviewsRoutes() {
	register(s, route{
		id: opReviewList, method: http.MethodGet, path: "/v1/reviews", tag: "reviews",
		summary: "What waits for a steward",
		text: "Pairs and groups of customers that may be one, and refusals that bind a customer only because of a former merge. " +
			"What is overdue stands first. Decided items and verdicts are listed with `state=decided`.",
		problems: readProblems, response: exampleReviews(),
	}, s.listReviews)
	register(s, route{
		id: opReviewGet, method: http.MethodGet, path: "/v1/reviews/{id}", tag: "reviews",
		summary: "One item of the queue", text: "Its `ETag` changes with its evidence, its customers, its decision and its claim.",
		problems: append(readProblems, http.StatusNotFound), response: exampleReview(),
	}, s.getReview)
	s.claimRoutes()
	s.decideRoutes()
	s.bulkRoutes()
	s.reviewFileRoutes()
}

func (s *server) listReviews(ctx context.Context, in *reviewsInput) (*reviewsOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	f, err := in.ReviewQuery.filter()
	if err != nil {
		return nil, err
	}
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	out := ReviewsAnswer{AsOf: v.asOf}
	page, next, err := s.reviewPage(ctx, v, desk, f, in)
	if err != nil {
		return nil, err
	}
	if next != "" {
		out.NextCursor = &next
	}
	if out.Data, err = s.describeReviews(ctx, v, page, languageOf(in.Accept)); err != nil {
		return nil, err
	}
	if out.Counts, err = review.ReadCounts(ctx, v); err != nil {
		return nil, fmt.Errorf("count reviews: %w", err)
	}
	if in.Patterns {
		out.Patterns, err = patternsByCount(ctx, v)
	}
	return &reviewsOutput{Body: out}, err
}

// reviewPage reads a page of the queue, or what one person has claimed of it.
func (s *server) reviewPage(ctx context.Context, v *view, desk *steward.Desk, f review.Filter, in *reviewsInput) (page []steward.View, next string, err error) {
	if in.ClaimedBy != "" {
		page, err = claimedItems(ctx, v, desk, f, in.ClaimedBy)
		return page, "", err
	}
	items, next, err := review.List(ctx, v, f, in.Cursor, in.Limit)
	if errors.Is(err, events.ErrInvalid) {
		return nil, "", invalid("#query/cursor", "is no cursor of this list", "give next_cursor of the page before")
	}
	if err != nil {
		return nil, "", fmt.Errorf("list reviews: %w", err)
	}
	page, err = desk.Views(ctx, items)
	return page, next, err
}

func claimedItems(ctx context.Context, v *view, desk *steward.Desk, f review.Filter, by string) ([]steward.View, error) {
	ids, err := desk.ClaimedBy(ctx, by)
	if err != nil {
		return nil, err
	}
	var page []steward.View
	for _, id := range ids {
		item, err := desk.View(ctx, v, id)
		if errors.Is(err, events.ErrNotFound) {
			continue // it vanished after the claim
		}
		if err != nil {
			return nil, err
		}
		if item.State == f.State && f.Passes(&item.Item) {
			page = append(page, item)
		}
	}
	return page, nil
}

func (s *server) getReview(ctx context.Context, in *reviewInput) (*reviewOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	id, err := reviewID(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	item, err := desk.View(ctx, v, id)
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	return s.reviewAnswer(ctx, v, item, in.Accept)
}

func (s *server) reviewAnswer(ctx context.Context, v *view, item steward.View, accept string) (*reviewOutput, error) {
	all, err := s.describeReviews(ctx, v, []steward.View{item}, languageOf(accept))
	if err != nil {
		return nil, err
	}
	return &reviewOutput{ETag: item.ETag, Body: all[0]}, nil
}

// reviewID reads the id of an item; what is no uuid is the id of none.
func reviewID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return id, notFound("review")
	}
	return id, nil
}

// steward gives the stewards' desk, or the problem that this hub has none.
func (s *server) steward() (*steward.Desk, error) {
	if s.cfg.Steward == nil {
		p := newProblem(http.StatusServiceUnavailable, "unavailable")
		p.Detail = "This hub has no desk for stewards."
		return nil, p
	}
	return s.cfg.Steward, nil
}
