package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"ficha/api/explain"
	"ficha/events"
	"ficha/events/record"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/projections/golden"
)

// Matcher answers questions about who is who; *resolver.Resolver is one. Its errors
// wrap events.ErrUnavailable while it loads.
type Matcher interface {
	// Match says whom the hub would take a record for, were it appended now.
	Match(ctx context.Context, key events.RecordKey, s record.State) (resolver.Matched, error)
	// Recorded gives what a record's source has stated so far; the zero State: nothing.
	Recorded(ctx context.Context, key events.RecordKey) (record.State, error)
	// ExplainPair explains two records.
	ExplainPair(ctx context.Context, a, b uuid.UUID) (resolver.PairExplanation, error)
	// ExplainStrongest explains the pair of two sets of records that weighs most.
	ExplainStrongest(ctx context.Context, as, bs []uuid.UUID) (resolver.PairExplanation, error)
}

// maxMatching is how long a question to the matcher may wait while it decides.
const maxMatching = 5 * time.Second

// MatchRequest asks whether a record would be somebody known.
type MatchRequest struct {
	Record      RecordedData `json:"record" doc:"Data as of customer.recorded.v1; its record may be left out or have no id"`
	Limit       int          `json:"limit,omitempty" minimum:"1" maximum:"20" doc:"Candidates at most; default 10"`
	MinPosition uint64       `json:"min_position,omitempty" doc:"As the query parameter elsewhere"`
}

// MatchAnswer says who the record would be.
type MatchAnswer struct {
	AsOf
	Known      bool             `json:"known" doc:"The hub has this very record: the answer is about a change of it"`
	Joins      []uuid.UUID      `json:"joins" doc:"Customers with whom it would be one: none, one, or several that it would bring together"`
	Candidates []MatchCandidate `json:"candidates" doc:"Records that resemble it, heaviest first"`
}

// MatchCandidate is a record that resembles the one asked about. It quotes no value
// but the customer's name.
type MatchCandidate struct {
	CustomerID  uuid.UUID          `json:"customer_id" format:"uuid"`
	Record      *events.RecordKey  `json:"record,omitempty" doc:"Left out while the projections have not seen it"`
	DisplayName string             `json:"display_name"`
	Joins       bool               `json:"joins" doc:"The two would be one customer"`
	Probability float64            `json:"probability" doc:"That the two are one, by the evidence alone"`
	Weight      int64              `json:"weight" doc:"log2 odds, times 1000"`
	Band        matching.Band      `json:"band" enum:"match,potential match,no match"`
	Evidence    []explain.Evidence `json:"evidence" doc:"The lines sum up to the weight"`
}

type matchInput struct {
	Header uint64 `header:"Ficha-Position" doc:"Same as min_position"`
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   MatchRequest
}

type matchOutput struct{ Body MatchAnswer }

// matchingRoutes adds what is asked of the matcher, where the hub has one.
func (s *server) matchingRoutes() {
	if s.cfg.Matcher == nil {
		return
	}
	register(s, route{
		id: opMatch, method: http.MethodPost, path: "/v1/customers:match", tag: "customers",
		summary: "Would this be somebody we know?",
		text: "What would come of a customer record if it were published now: with whom it would be one customer, and whom it resembles, " +
			"with the evidence. Nothing is stored. Ask before a clerk creates a record.",
		problems: readProblems, request: exampleMatchRequest(), response: exampleMatchAnswer(),
	}, s.match)
	s.pairRoutes()
}

func (s *server) match(ctx context.Context, in *matchInput) (*matchOutput, error) {
	if err := s.wait(ctx, events.Position(max(in.Header, in.Body.MinPosition))); err != nil {
		return nil, err
	}
	key, said, err := s.recorded(ctx, in.Body.Record)
	if err != nil {
		return nil, err
	}
	matched, err := s.ask(ctx, key, said)
	if err != nil {
		return nil, err
	}
	v, err := s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	out := MatchAnswer{AsOf: v.asOf, Known: matched.Known, Joins: []uuid.UUID{}, Candidates: []MatchCandidate{}}
	named := newNamed(v)
	for _, group := range matched.Joins {
		c, err := named.customer(ctx, group[0])
		if err != nil {
			return nil, err
		}
		out.Joins = append(out.Joins, c.ID)
	}
	for _, c := range matched.Candidates[:min(len(matched.Candidates), cmp.Or(in.Body.Limit, 10))] {
		candidate, err := s.candidate(ctx, named, c, languageOf(in.Accept))
		if err != nil {
			return nil, err
		}
		out.Candidates = append(out.Candidates, candidate)
	}
	return &matchOutput{Body: out}, nil
}

// ask has the matcher answer as if the statement came on top of what the record's
// source has stated so far.
func (s *server) ask(ctx context.Context, key events.RecordKey, said events.Envelope) (resolver.Matched, error) {
	ctx, cancel := context.WithTimeout(ctx, maxMatching)
	defer cancel()
	state, err := s.cfg.Matcher.Recorded(ctx, key)
	if err != nil {
		return resolver.Matched{}, err
	}
	if _, err := record.Apply(&state, said); err != nil {
		return resolver.Matched{}, fmt.Errorf("read record: %w", err)
	}
	return s.cfg.Matcher.Match(ctx, key, state)
}

func (s *server) candidate(ctx context.Context, named *named, c resolver.Candidate, lang string) (MatchCandidate, error) {
	customer, err := named.customer(ctx, c.Record)
	if err != nil {
		return MatchCandidate{}, err
	}
	return MatchCandidate{
		CustomerID: customer.ID, Record: keyIn(customer, c.Record), DisplayName: customer.DisplayName, Joins: c.Joins,
		Probability: c.Probability, Weight: c.Weight, Band: c.Band, Evidence: s.pairs.Evidence(lang, c.Explanation),
	}, nil
}

// named reads customers of records, each once.
type named struct {
	view *view
	of   map[uuid.UUID]golden.Customer // by customer id
}

func newNamed(v *view) *named { return &named{view: v, of: map[uuid.UUID]golden.Customer{}} }

// customer gives the customer of a record. One that the projections have not seen
// yet is a customer of its own, of which nothing else is known.
func (n *named) customer(ctx context.Context, record uuid.UUID) (golden.Customer, error) {
	id, seen, err := golden.CustomerOf(ctx, n.view, record)
	if err != nil {
		return golden.Customer{}, fmt.Errorf("read customer of record: %w", err)
	}
	if !seen {
		return golden.Customer{ID: record}, nil
	}
	c, read := n.of[id]
	if !read {
		if c, err = golden.Get(ctx, n.view, id); err != nil {
			return c, fmt.Errorf("read customer of record: %w", err)
		}
		n.of[id] = c
	}
	return c, nil
}

// keyIn gives the key of one of a customer's records; nil where it is none of them.
func keyIn(c golden.Customer, record uuid.UUID) *events.RecordKey {
	for _, m := range c.Records {
		if m.ID == record {
			k := m.Normal()
			return &k
		}
	}
	return nil
}
