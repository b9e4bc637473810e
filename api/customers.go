package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/api/explain"
	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/golden"
)

// CustomerAnswer is a golden record as a caller may see it.
type CustomerAnswer struct {
	golden.Customer
	Records          []CustomerRecord `json:"records" doc:"The source records that are this customer, by key"`
	PotentialMatches []PotentialMatch `json:"potential_matches" doc:"Pairs with other customers that wait for a steward"`
	Contact          *contact.Summary `json:"contact,omitempty" doc:"What the customer and the law said about being contacted; not in answers as of the past"`
	OpenCases        *OpenCases       `json:"open_cases,omitempty" doc:"Not in answers as of the past"`
	Explanations     []explain.Value  `json:"explanations,omitempty" doc:"With explain: for each value why it is what it is"`
	AsOf             *PastMoment      `json:"as_of,omitempty" doc:"With at or known_at: the moment that the answer is of"`
	Masked           bool             `json:"masked" doc:"Document numbers and birth dates are masked for your role"`
	ChangedPosition  events.Position  `json:"changed_position" doc:"Of the event that changed this customer last"`
	Position         events.Position  `json:"position" doc:"The answer includes every event up to this one"`
	ResolvedPosition events.Position  `json:"resolved_position" doc:"Up to where matching has decided"`
}

// CustomerRecord is one source record of a customer.
type CustomerRecord struct {
	Source     string          `json:"source" example:"/crm/bank"`
	Stream     string          `json:"stream" example:"customer"`
	ID         string          `json:"id" example:"1"`
	RecordUUID uuid.UUID       `json:"record_uuid" format:"uuid"`
	Live       bool            `json:"live" doc:"False once the source withdrew it"`
	FirstSeen  events.Position `json:"first_seen"`
}

// PotentialMatch is evidence, not enough to act on, that two customers are one.
type PotentialMatch struct {
	Customer uuid.UUID `json:"customer" format:"uuid" doc:"The other customer"`
	Weight   int64     `json:"weight" doc:"log2 of the likelihood ratio, times 1000"`
	Levels   []string  `json:"levels,omitempty" doc:"What agrees and what does not"`
}

type customerInput struct {
	ID string `path:"id" maxLength:"64" doc:"Any customer id or record uuid that was ever given out"`
	AtLeast
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
}

type customerGetInput struct {
	ID string `path:"id" maxLength:"64" doc:"Any customer id or record uuid that was ever given out"`
	AtLeast
	Moment
	Accept  string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Explain bool   `query:"explain" doc:"Say for each value, in words, why it is what it is"`
}

type customerOutput struct {
	ETag string `header:"ETag" doc:"Of the golden record as it is now; If-Match of a write that rests on it. Not with an answer about the past"`
	Body CustomerAnswer
}

func (s *server) customerRoutes() {
	register(s, route{
		id: opCustomerGet, method: http.MethodGet, path: "/v1/customers/{id}", tag: "customers",
		summary: "One customer",
		text: "The golden record: each value with the record it comes from, the rule that chose it and what other records say. " +
			"An id that was merged away answers with `redirected_from`. Document numbers and birth dates are masked for agents.",
		problems: append(readProblems, http.StatusNotFound), response: exampleCustomerAnswer(),
	}, s.getCustomer)
	s.lookupRoutes()
	s.timelineRoutes()
}

func (s *server) getCustomer(ctx context.Context, in *customerGetInput) (*customerOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	lang := languageOf(in.Accept)
	var out CustomerAnswer
	if in.past() {
		out, err = s.describeThen(ctx, v, in.ID, in.Moment)
	} else {
		out, err = s.describeNow(ctx, v, in.ID, lang)
	}
	if err != nil {
		return nil, err
	}
	if in.Explain {
		out.Explanations = s.story.Values(&out.Customer, lang)
	}
	answer := &customerOutput{Body: out}
	if !in.past() {
		answer.ETag = customerTag(&out.Customer)
	}
	return answer, nil
}

func (s *server) describeNow(ctx context.Context, v *view, id, lang string) (CustomerAnswer, error) {
	c, err := customerAt(ctx, v, id)
	if err != nil {
		return CustomerAnswer{}, err
	}
	return s.describe(ctx, v, c, lang)
}

// customerAt reads a customer by any id that was ever given out. What is no uuid
// was never one.
func customerAt(ctx context.Context, v *view, id string) (golden.Customer, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return golden.Customer{}, notFound("customer")
	}
	c, err := golden.Get(ctx, v, u)
	if errors.Is(err, events.ErrNotFound) {
		return golden.Customer{}, notFound("customer")
	}
	if err != nil {
		return golden.Customer{}, fmt.Errorf("read customer: %w", err)
	}
	return c, nil
}

// describe adds to a golden record what other folds know, and masks it.
func (s *server) describe(ctx context.Context, v *view, c golden.Customer, lang string) (CustomerAnswer, error) {
	summary, err := s.contactSummary(ctx, v, c, lang)
	if err != nil {
		return CustomerAnswer{}, err
	}
	potential, err := potentialMatches(ctx, v, c)
	if err != nil {
		return CustomerAnswer{}, err
	}
	cases, err := s.openCases(ctx, v, c.ID)
	if err != nil {
		return CustomerAnswer{}, err
	}
	out := CustomerAnswer{
		Records: recordsIn(c), PotentialMatches: potential, Contact: &summary, OpenCases: &cases,
		ChangedPosition: c.Position, Position: v.asOf.Position, ResolvedPosition: v.asOf.ResolvedPosition,
	}
	out.Customer, out.Masked = shownTo(callOf(ctx).principal, c)
	return out, nil
}

// shownTo gives the customer as a principal may see it, and whether that is in part.
func shownTo(p apikey.Principal, c golden.Customer) (golden.Customer, bool) {
	if seesAll(p) {
		return c, false
	}
	return masked(c), true
}

func recordsIn(c golden.Customer) []CustomerRecord {
	all := make([]CustomerRecord, len(c.Records))
	for i, m := range c.Records {
		k := m.Normal()
		all[i] = CustomerRecord{Source: k.Source, Stream: k.Stream, ID: k.ID, RecordUUID: m.ID, Live: m.Live, FirstSeen: m.FirstSeen}
	}
	return all
}

// byWeight sorts potential matches, heaviest first.
func byWeight(best map[uuid.UUID]PotentialMatch) []PotentialMatch {
	all := slices.AppendSeq([]PotentialMatch{}, maps.Values(best))
	slices.SortFunc(all, func(a, b PotentialMatch) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), slices.Compare(a.Customer[:], b.Customer[:]))
	})
	return all
}
