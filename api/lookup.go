package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections/golden"
	"ficha/projections/holdings"
)

// maxLookup is how many customers a look-up answers with: a switchboard number
// that hundreds share is no answer to "who is calling?".
const maxLookup = 50

// LookupRequest names a customer by exactly one thing.
type LookupRequest struct {
	Phone       string            `json:"phone,omitempty" maxLength:"100" example:"+50255123456"`
	Region      string            `json:"region,omitempty" pattern:"^[A-Z]{2}$" doc:"With phone: how to read a number without country code"`
	Email       string            `json:"email,omitempty" maxLength:"500"`
	Document    *LookupDocument   `json:"document,omitempty"`
	Record      *events.RecordKey `json:"record,omitempty" doc:"A source record"`
	Handle      string            `json:"handle,omitempty" maxLength:"256"`
	Network     string            `json:"network,omitempty" maxLength:"100" doc:"With handle: whatsapp, facebook …"`
	Serial      string            `json:"serial,omitempty" maxLength:"256" doc:"Serial number of something bought or rented"`
	Contract    string            `json:"contract,omitempty" maxLength:"256" doc:"Number of a contract; of this, serial, order and case letters and digits count, in either case"`
	Order       string            `json:"order,omitempty" maxLength:"256" doc:"Number of an order"`
	Case        string            `json:"case,omitempty" maxLength:"256" doc:"Number of a complaint, request …"`
	MinPosition uint64            `json:"min_position,omitempty" doc:"As the query parameter elsewhere"`
}

// LookupDocument names a document; kind and country narrow.
type LookupDocument struct {
	Kind    string `json:"kind,omitempty" maxLength:"100" example:"dpi"`
	Number  string `json:"number" minLength:"1" maxLength:"100"`
	Country string `json:"country,omitempty" pattern:"^[A-Z]{2}$" example:"GT"`
}

// LookupAnswer are the customers found: live ones first, then by id.
type LookupAnswer struct {
	AsOf
	Customers []CustomerCard `json:"customers"`
	Truncated bool           `json:"truncated" doc:"There are more than 50; a shared number says little about who is calling"`
}

// CustomerCard is a customer in a list.
type CustomerCard struct {
	ID          uuid.UUID          `json:"id" format:"uuid"`
	Kind        events.Kind        `json:"kind,omitempty"`
	DisplayName string             `json:"display_name"`
	Live        bool               `json:"live" doc:"False: every source withdrew its record"`
	Records     []events.RecordKey `json:"records"`
	Routing     Routing            `json:"routing"`
}

// Routing is what a telephone exchange needs to know of a caller, as far as it is known.
type Routing struct {
	IsCustomer      bool            `json:"is_customer" doc:"Live, and neither prospect nor former"`
	Lifecycle       string          `json:"lifecycle,omitempty"`
	Language        string          `json:"language,omitempty" example:"es"`
	Segment         string          `json:"segment,omitempty"`
	Tier            string          `json:"tier,omitempty"`
	VIP             bool            `json:"vip"`
	Preferences     json.RawMessage `json:"preferences,omitempty" doc:"Channel and hours per purpose, as the source states them"`
	LastAgent       string          `json:"last_agent,omitempty" doc:"Who spoke with the customer last"`
	LastContactAt   *time.Time      `json:"last_contact_at,omitempty"`
	CalledBefore24h bool            `json:"called_before_24h" doc:"The customer rang in the last 24 hours"`
	OpenCase        *CaseSummary    `json:"open_case,omitempty" doc:"The open case that was opened last; absent where none is open"`
	OpenCases       int             `json:"open_cases" doc:"How many are open"`
}

type lookupInput struct {
	Header uint64 `header:"Ficha-Position" doc:"Same as min_position"`
	Body   LookupRequest
}

type lookupOutput struct{ Body LookupAnswer }

func (s *server) lookupRoutes() {
	register(s, route{
		id: opCustomerLookup, method: http.MethodPost, path: "/v1/customers:lookup", tag: "customers",
		summary: "Who is this?",
		text: "Finds customers by a telephone number, e-mail address, document, source record, handle, or the number of something that they " +
			"have (serial number, contract, order, case): none, one or several, each with what a telephone exchange needs to route a call. Personal values are never in a URL, therefore POST.",
		problems: readProblems, request: LookupRequest{Phone: "+50255123456"}, response: exampleLookup(),
	}, s.lookup)
	register(s, route{
		id: opCustomerSearch, method: http.MethodPost, path: "/v1/customers:search", tag: "customers",
		summary: "Search customers",
		text: "Forgiving: accents, case, order of names, swapped surnames and spelling by ear do not matter; parts of telephone numbers " +
			"(four digits or more), e-mail addresses, documents, old values and old ids are found. Best first.",
		problems: readProblems, request: SearchRequest{Query: "nunez garcia"}, response: exampleSearch(),
	}, s.search)
}

func (s *server) lookup(ctx context.Context, in *lookupInput) (*lookupOutput, error) {
	v, err := s.view(ctx, events.Position(max(in.Header, in.Body.MinPosition)))
	if err != nil {
		return nil, err
	}
	defer v.Close()
	records, err := recordsNamed(ctx, v, in.Body)
	if err != nil {
		return nil, err
	}
	customers, err := customersAmong(ctx, v, records)
	if err != nil {
		return nil, err
	}
	out := LookupAnswer{AsOf: v.asOf, Customers: []CustomerCard{}, Truncated: len(customers) > maxLookup}
	for _, c := range customers[:min(len(customers), maxLookup)] {
		card, err := s.card(ctx, v, c)
		if err != nil {
			return nil, err
		}
		out.Customers = append(out.Customers, card)
	}
	return &lookupOutput{Body: out}, nil
}

// recordsNamed gives the source records that a request names.
func recordsNamed(ctx context.Context, v *view, q LookupRequest) ([]uuid.UUID, error) {
	kind, numbered := numberNamed(q)
	given := 0
	for _, is := range []bool{q.Phone != "", q.Email != "", q.Document != nil, q.Record != nil, q.Handle != "", q.Serial != "", q.Contract != "", q.Order != "", q.Case != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, invalid("", "name exactly one of phone, email, document, record, handle, serial, contract, order and case", "ask one question at a time")
	}
	switch {
	case numbered != "":
		return holdings.FindByNumber(ctx, v, kind, numbered)
	case q.Document != nil:
		return golden.RecordsByDocument(ctx, v, q.Document.Kind, q.Document.Number, q.Document.Country)
	case q.Record != nil:
		id, ok, err := golden.RecordByKey(ctx, v, *q.Record)
		if !ok {
			return nil, err
		}
		return []uuid.UUID{id}, err
	}
	p, ok := pointNamed(q)
	if !ok {
		return nil, nil // nobody holds what is no contact point
	}
	return golden.RecordsByPoint(ctx, v, p)
}

// numberNamed gives the number of something held that a request names; "" for none.
func numberNamed(q LookupRequest) (holdings.Kind, string) {
	switch {
	case q.Serial != "":
		return holdings.KindSerial, q.Serial
	case q.Contract != "":
		return holdings.KindContract, q.Contract
	case q.Order != "":
		return holdings.KindOrder, q.Order
	}
	return holdings.KindCase, q.Case
}

func pointNamed(q LookupRequest) (contactpoint.Point, bool) {
	switch {
	case q.Phone != "":
		return contactpoint.Phone(q.Phone, q.Region)
	case q.Email != "":
		return contactpoint.Email(q.Email)
	}
	return contactpoint.Handle(q.Handle, q.Network)
}

// customersAmong gives the customers that records belong to, each once, live
// ones first, then by id.
func customersAmong(ctx context.Context, v *view, records []uuid.UUID) ([]golden.Customer, error) {
	seen := map[uuid.UUID]bool{}
	var all []golden.Customer
	for _, id := range records {
		customer, ok, err := golden.CustomerOf(ctx, v, id)
		if err != nil {
			return nil, fmt.Errorf("look up customer: %w", err)
		}
		if !ok || seen[customer] {
			continue
		}
		seen[customer] = true
		c, err := golden.Get(ctx, v, customer)
		if errors.Is(err, events.ErrNotFound) {
			continue // merged away at its source, and the survivor was never seen
		}
		if err != nil {
			return nil, fmt.Errorf("look up customer: %w", err)
		}
		all = append(all, c)
		if len(all) > maxLookup {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b golden.Customer) int {
		if a.Live != b.Live {
			return cmp.Compare(number(b.Live), number(a.Live))
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	return all, nil
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// card sums a customer up.
func (s *server) card(ctx context.Context, v *view, c golden.Customer) (CustomerCard, error) {
	card := CustomerCard{ID: c.ID, Kind: c.Kind, DisplayName: c.DisplayName, Live: c.Live, Records: []events.RecordKey{}}
	for _, r := range c.Records {
		card.Records = append(card.Records, r.Normal())
	}
	card.Routing = Routing{
		Lifecycle: valueOf(c.Lifecycle), Language: valueOf(c.Language), Segment: valueOf(c.Segment),
		Tier: valueOf(c.Tier), VIP: valueOf(c.VIP), Preferences: valueOf(c.Preferences),
	}
	r := &card.Routing
	r.IsCustomer = c.Live && r.Lifecycle != "prospect" && r.Lifecycle != "former"
	if err := s.addContacts(ctx, v, c.ID, r); err != nil {
		return CustomerCard{}, err
	}
	open, err := s.openCases(ctx, v, c.ID)
	if err != nil {
		return CustomerCard{}, err
	}
	r.OpenCase, r.OpenCases = open.Newest, open.Count
	return card, nil
}

// valueOf is a surviving value, or the zero value where no record states one.
func valueOf[T any](v *golden.Value[T]) T {
	if v == nil {
		var zero T
		return zero
	}
	return v.Value
}

func exampleLookup() LookupAnswer {
	at := time.Date(2026, 3, 1, 16, 40, 0, 0, time.UTC)
	return LookupAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Customers: []CustomerCard{{
			ID: exampleCustomer(), Kind: events.Person, DisplayName: "María José Núñez García", Live: true,
			Records: []events.RecordKey{{Source: "/crm/bank", Stream: "customer", ID: "1"}},
			Routing: Routing{IsCustomer: true, Lifecycle: "customer", Language: "es", LastAgent: "a17", LastContactAt: &at, CalledBefore24h: true, OpenCase: exampleOpenCases().Newest, OpenCases: 1},
		}},
	}
}
