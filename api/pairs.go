package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"ficha/api/explain"
	"ficha/events"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/projections/golden"
)

// PairRequest names the two.
type PairRequest struct {
	A           PairEnd `json:"a"`
	B           PairEnd `json:"b"`
	MinPosition uint64  `json:"min_position,omitempty" doc:"As the query parameter elsewhere"`
}

// PairEnd is a customer or a record: an id, or a source record's key.
type PairEnd struct {
	ID     string
	Record *events.RecordKey
}

// Schema says in the OpenAPI document what a body may hold.
func (PairEnd) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A customer's id (the pair is then the strongest between the records of the two), a record's uuid, or a record's key",
		OneOf:       []*huma.Schema{{Type: huma.TypeString, MaxLength: ptr(64)}, r.Schema(typeOf[events.RecordKey](), true, "")},
	}
}

func ptr[T any](v T) *T { return &v }

// MarshalJSON writes a string or a key.
func (e PairEnd) MarshalJSON() ([]byte, error) {
	if e.Record != nil {
		return json.Marshal(e.Record)
	}
	return json.Marshal(e.ID)
}

// UnmarshalJSON reads a string or a key.
func (e *PairEnd) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		e.Record = new(events.RecordKey)
		return json.Unmarshal(b, e.Record)
	}
	return json.Unmarshal(b, &e.ID)
}

// PairAnswer says what two records weigh together and why they are, or are not, one
// customer.
type PairAnswer struct {
	AsOf
	A           PairRecord          `json:"a"`
	B           PairRecord          `json:"b"`
	Strongest   bool                `json:"strongest" doc:"A customer was named: of the pairs between the two, this one weighs most"`
	Together    bool                `json:"together" doc:"One customer now"`
	Weight      int64               `json:"weight" doc:"log2 odds, times 1000"`
	Probability float64             `json:"probability" doc:"By the evidence alone"`
	Band        matching.Band       `json:"band" enum:"match,potential match,no match"`
	Evidence    []explain.Evidence  `json:"evidence" doc:"The lines sum up to the weight; none where the two cannot be compared"`
	Causes      []explain.PairCause `json:"causes" doc:"What decides first"`
	Text        []string            `json:"text" doc:"All of it in lines to read"`
}

// PairRecord is one of the two.
type PairRecord struct {
	CustomerID uuid.UUID        `json:"customer_id" format:"uuid"`
	RecordUUID uuid.UUID        `json:"record_uuid" format:"uuid"`
	Record     events.RecordKey `json:"record"`
}

type pairInput struct {
	Header uint64 `header:"Ficha-Position" doc:"Same as min_position"`
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   PairRequest
}

type pairOutput struct{ Body PairAnswer }

func (s *server) pairRoutes() {
	register(s, route{
		id: opPairExplain, method: http.MethodPost, path: "/v1/pairs:explain", tag: "customers",
		summary: "Why are these two one customer, or why not?",
		text: "The evidence for and against, each line with its weight, and what follows: links, verdicts in force and left out, " +
			"what a machine must not join, or that the two are never compared. Of two customers it explains the pair of records that weighs most.",
		problems: append(readProblems, http.StatusNotFound), request: PairRequest{A: PairEnd{ID: exampleCustomer().String()}, B: PairEnd{Record: ptr(examplePairRecord().Record)}},
		response: examplePairAnswer(),
	}, s.explainPair)
}

func (s *server) explainPair(ctx context.Context, in *pairInput) (*pairOutput, error) {
	v, err := s.view(ctx, events.Position(max(in.Header, in.Body.MinPosition)))
	if err != nil {
		return nil, err
	}
	defer v.Close()
	a, err := endAt(ctx, v, "/a", in.Body.A)
	if err != nil {
		return nil, err
	}
	b, err := endAt(ctx, v, "/b", in.Body.B)
	if err != nil {
		return nil, err
	}
	if a.customer.ID == b.customer.ID { // of one customer the records are meant
		a.whole, b.whole = false, false
	}
	if !a.whole && !b.whole && a.record == b.record {
		return nil, invalid("/b", "is the same record as a", "name two records; a customer of one record has no pair")
	}
	asked, cancel := context.WithTimeout(ctx, maxMatching)
	defer cancel()
	p, err := s.cfg.Matcher.ExplainStrongest(asked, a.records(), b.records())
	if err != nil {
		if errors.Is(err, events.ErrNotFound) {
			return nil, notFound("record")
		}
		return nil, err
	}
	out := s.tellPair(p, languageOf(in.Accept), a, b)
	out.AsOf, out.Strongest = v.asOf, a.whole || b.whole
	return &pairOutput{Body: out}, nil
}

// end is one end of a pair: a record, or a whole customer.
type end struct {
	customer golden.Customer
	record   uuid.UUID
	whole    bool
}

// records gives the records that may be explained. Withdrawn ones say nothing, and
// are left out while there are others.
func (e end) records() []uuid.UUID {
	if !e.whole {
		return []uuid.UUID{e.record}
	}
	var live, all []uuid.UUID
	for _, m := range e.customer.Records {
		if all = append(all, m.ID); m.Live {
			live = append(live, m.ID)
		}
	}
	if len(live) > 0 {
		return live
	}
	return all
}

// endAt reads who is meant. A customer's own id, which is that of its oldest record,
// means the customer.
func endAt(ctx context.Context, v *view, pointer string, e PairEnd) (end, error) {
	id := e.ID
	if e.Record != nil {
		u, seen, err := golden.RecordByKey(ctx, v, *e.Record)
		if err != nil {
			return end{}, err
		}
		if !seen {
			return end{}, notFound("record")
		}
		id = u.String()
	} else if id == "" {
		return end{}, invalid(pointer, "names nobody", "give a customer's id, a record's uuid or a record's key")
	}
	c, err := customerAt(ctx, v, id)
	if err != nil {
		return end{}, err
	}
	out := end{customer: c, record: c.ID}
	if c.RedirectedFrom != uuid.Nil {
		out.record = c.RedirectedFrom
	}
	out.whole = e.Record == nil && out.record == c.ID
	return out, nil
}

// tellPair puts an explanation into words. Records that the projections have not
// seen, in the middle of a chain say, are named by their uuid.
func (s *server) tellPair(p resolver.PairExplanation, lang string, a, b end) PairAnswer {
	keys := map[uuid.UUID]events.RecordKey{}
	for _, e := range []end{a, b} {
		for _, m := range e.customer.Records {
			keys[m.ID] = m.Normal()
		}
	}
	key := func(id uuid.UUID) events.RecordKey {
		if k, known := keys[id]; known {
			return k
		}
		return events.RecordKey{ID: id.String()}
	}
	out := PairAnswer{
		A:        PairRecord{CustomerID: a.customer.ID, RecordUUID: p.A, Record: key(p.A)},
		B:        PairRecord{CustomerID: b.customer.ID, RecordUUID: p.B, Record: key(p.B)},
		Together: p.Together, Weight: p.Evidence.Total, Probability: p.Evidence.Probability, Band: p.Evidence.Band,
		Evidence: s.pairs.Evidence(lang, p.Evidence), Causes: s.pairs.Causes(lang, p, key),
	}
	out.Text = s.pairs.Lines(lang, p, out.Evidence, out.Causes, key)
	return out
}
