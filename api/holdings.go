package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
	"ficha/projections/holdings"
)

// CaseSummary is what a list, a page or a telephone exchange shows of a case.
type CaseSummary struct {
	ID        uuid.UUID  `json:"id" format:"uuid" doc:"Of the case's own record"`
	Number    string     `json:"number,omitempty" example:"R-2026-17"`
	Kind      string     `json:"kind" example:"complaint"`
	Status    string     `json:"status" example:"in_progress"`
	OpenedAt  time.Time  `json:"opened_at"`
	DueAt     *time.Time `json:"due_at,omitempty"`
	Owner     string     `json:"owner,omitempty" doc:"Who works on it"`
	Escalated bool       `json:"escalated"`
	Overdue   bool       `json:"overdue" doc:"Open, and due_at has passed"`
}

// CaseEntry is a case in a list.
type CaseEntry struct {
	CaseSummary
	Open       bool            `json:"open" doc:"Neither resolved nor closed nor cancelled, nor expired"`
	CustomerID *uuid.UUID      `json:"customer_id,omitempty" format:"uuid" doc:"Whose it is now; absent where the source names nobody known"`
	Source     string          `json:"source" doc:"With event: the statement that is in force"`
	Event      string          `json:"event"`
	Data       json.RawMessage `json:"data" doc:"Of case.changed.v1, as stated"`
}

// CasesAnswer is a page of cases, newest first.
type CasesAnswer struct {
	AsOf
	Data       []CaseEntry `json:"data"`
	NextCursor *string     `json:"next_cursor" doc:"null at the end"`
}

// OpenCases sums up a customer's open cases.
type OpenCases struct {
	Count     int          `json:"count"`
	Overdue   int          `json:"overdue"`
	Escalated int          `json:"escalated"`
	Newest    *CaseSummary `json:"newest,omitempty" doc:"The one opened last; absent where none is open"`
}

// HoldingsAnswer is a page of contracts and orders, newest first.
type HoldingsAnswer struct {
	AsOf
	Data       []holdings.Entry `json:"data"`
	NextCursor *string          `json:"next_cursor" doc:"null at the end"`
}

// CaseFilter is what every list of cases takes as parameters.
type CaseFilter struct {
	AtLeast
	Limit     int       `query:"limit" minimum:"1" maximum:"500" doc:"Default 50"`
	Cursor    string    `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
	Status    []string  `query:"status" enum:"open,acknowledged,in_progress,waiting,moderated,resolved,closed,cancelled" doc:"Only these, separated by commas"`
	Kind      []string  `query:"kind" enum:"complaint,suggestion,question,praise,request,incident,proposal,callback,notify_me" doc:"Only these, separated by commas"`
	Open      bool      `query:"open" doc:"Only open ones"`
	Owner     string    `query:"owner" maxLength:"256" doc:"Only those that this agent works on"`
	Escalated string    `query:"escalated" enum:"true,false" doc:"Only those that are, or are not"`
	DueBefore time.Time `query:"due_before" doc:"Only open ones that are due before this time"`
	Overdue   bool      `query:"overdue" doc:"Only open ones whose due_at has passed"`
}

func (f *CaseFilter) at(now time.Time) holdings.Filter {
	out := holdings.Filter{Statuses: f.Status, Open: f.Open, Kinds: f.Kind, Owner: f.Owner, DueBefore: f.DueBefore, Now: now}
	if f.Escalated != "" {
		is := f.Escalated == "true"
		out.Escalated = &is
	}
	if f.Overdue && (out.DueBefore.IsZero() || now.Before(out.DueBefore)) {
		out.DueBefore = now
	}
	return out
}

type customerCasesInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	CaseFilter
}

type casesInput struct{ CaseFilter }

type casesOutput struct{ Body CasesAnswer }

type holdingsInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	AtLeast
	Limit  int      `query:"limit" minimum:"1" maximum:"500" doc:"Default 50"`
	Cursor string   `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
	Kind   []string `query:"kind" enum:"contract,order" doc:"Only these, separated by commas"`
}

type holdingsOutput struct{ Body HoldingsAnswer }

func (s *server) holdingsRoutes() {
	register(s, route{
		id: opCustomerCases, method: http.MethodGet, path: "/v1/customers/{id}/cases", tag: "customers",
		summary:  "Cases of a customer",
		text:     "Complaints, questions, requests … of all source records of the customer, newest first, ended ones too unless `open` or `status` says otherwise.",
		problems: append(readProblems, http.StatusNotFound), response: exampleCases(),
	}, s.listCustomerCases)
	register(s, route{
		id: opCases, method: http.MethodGet, path: "/v1/cases", tag: "customers",
		summary:  "Open cases",
		text:     "Cases of everybody, newest first; without `status` those that are open. `overdue=true` gives those whose due date has passed.",
		problems: readProblems, response: exampleCases(),
	}, s.listCases)
	register(s, route{
		id: opHoldings, method: http.MethodGet, path: "/v1/customers/{id}/holdings", tag: "customers",
		summary:  "Contracts and orders of a customer",
		text:     "Of all source records of the customer, newest first, each as its system states it, with lines and serial numbers.",
		problems: append(readProblems, http.StatusNotFound), response: exampleHoldings(),
	}, s.listHoldings)
}

func (s *server) listCustomerCases(ctx context.Context, in *customerCasesInput) (*casesOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	id, err := existing(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	page, err := holdings.Cases(ctx, v, id, in.at(s.now()), in.Cursor, in.Limit)
	return casesFrom(ctx, v, page, err)
}

func (s *server) listCases(ctx context.Context, in *casesInput) (*casesOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	page, err := holdings.List(ctx, v, in.at(s.now()), in.Cursor, in.Limit)
	return casesFrom(ctx, v, page, err)
}

// casesFrom answers with a page that was read, or with why it was not.
func casesFrom(ctx context.Context, v *view, page holdings.Page[holdings.Case], err error) (*casesOutput, error) {
	if err != nil {
		return nil, cursorProblem(err, "cases")
	}
	out := CasesAnswer{AsOf: v.asOf, Data: make([]CaseEntry, len(page.Data)), NextCursor: cursorOf(page.Next)}
	for i, c := range page.Data {
		e := CaseEntry{CaseSummary: summaryOf(&c), Open: c.Open, Source: c.Source, Event: c.Event, Data: c.Data}
		if c.Record != uuid.Nil {
			customer, ok, err := golden.CustomerOf(ctx, v, c.Record)
			if err != nil {
				return nil, fmt.Errorf("read customer of case: %w", err)
			}
			if ok {
				e.CustomerID = &customer
			}
		}
		out.Data[i] = e
	}
	return &casesOutput{Body: out}, nil
}

func summaryOf(c *holdings.Case) CaseSummary {
	s := CaseSummary{
		ID: c.ID, Number: c.Number, Kind: c.Topic, Status: c.Status, OpenedAt: c.At, Owner: c.Owner, Escalated: c.Escalated, Overdue: c.Overdue,
	}
	if !c.Due.IsZero() {
		s.DueAt = &c.Due
	}
	return s
}

func (s *server) listHoldings(ctx context.Context, in *holdingsInput) (*holdingsOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	id, err := existing(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	var kinds []holdings.Kind
	for _, k := range in.Kind {
		kinds = append(kinds, map[string]holdings.Kind{"contract": holdings.KindContract, "order": holdings.KindOrder}[k])
	}
	page, err := holdings.Holdings(ctx, v, id, kinds, in.Cursor, in.Limit)
	if err != nil {
		return nil, cursorProblem(err, "holdings")
	}
	return &holdingsOutput{Body: HoldingsAnswer{AsOf: v.asOf, Data: page.Data, NextCursor: cursorOf(page.Next)}}, nil
}

// cursorProblem tells a bad cursor from an error of the hub.
func cursorProblem(err error, what string) error {
	if errors.Is(err, events.ErrInvalid) {
		return invalid("#query/cursor", "is no cursor of this list", "give next_cursor of the page before")
	}
	return fmt.Errorf("read %s: %w", what, err)
}

func cursorOf(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}

// openCases sums up the open cases of a customer.
func (s *server) openCases(ctx context.Context, v *view, customer uuid.UUID) (OpenCases, error) {
	sum, err := holdings.OpenCases(ctx, v, customer, s.now())
	if err != nil {
		return OpenCases{}, fmt.Errorf("read open cases: %w", err)
	}
	out := OpenCases{Count: sum.Open, Overdue: sum.Overdue, Escalated: sum.Escalated}
	if sum.Newest != nil {
		newest := summaryOf(sum.Newest)
		out.Newest = &newest
	}
	return out, nil
}

func exampleCase() CaseSummary {
	opened := time.Date(2026, 3, 1, 16, 45, 0, 0, time.UTC)
	due := opened.AddDate(0, 0, 3)
	id := events.RecordKey{Source: "/crm/bank", Stream: "case", ID: "R-2026-17"}.UUID()
	return CaseSummary{ID: id, Number: "R-2026-17", Kind: "complaint", Status: "in_progress", OpenedAt: opened, DueAt: &due, Owner: "a17"}
}

func exampleOpenCases() *OpenCases {
	newest := exampleCase()
	return &OpenCases{Count: 1, Newest: &newest}
}

func exampleCases() CasesAnswer {
	c, customer, owner := exampleCase(), exampleCustomer(), exampleRecord()
	data, err := json.Marshal(events.CaseChanged{
		Record:   events.Record{RecordKey: events.RecordKey{Source: "/crm/bank", Stream: "case", ID: "R-2026-17"}},
		Customer: &owner, Kind: c.Kind, Status: c.Status, Number: c.Number, OpenedAt: c.OpenedAt.Format(time.RFC3339), DueAt: c.DueAt.Format(time.RFC3339), Owner: c.Owner,
	})
	if err != nil {
		data = nil // the struct has no field that cannot be written
	}
	return CasesAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Data: []CaseEntry{{CaseSummary: c, Open: true, CustomerID: &customer, Source: "/crm/bank", Event: "case-17-2", Data: data}},
	}
}

func exampleHoldings() HoldingsAnswer {
	record, owner := events.RecordKey{Source: "/core/bank", Stream: "contract", ID: "77"}, exampleRecord()
	signed := time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC)
	data, err := json.Marshal(events.ContractChanged{
		Record: events.Record{RecordKey: record}, Customer: &owner, Number: "K-77", Status: "active", Product: "mortgage", SignedAt: signed.Format(time.RFC3339),
	})
	if err != nil {
		data = nil // the struct has no field that cannot be written
	}
	return HoldingsAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Data: []holdings.Entry{{ID: record.UUID(), At: signed, Source: "/core/bank", Event: "contract-77-1", Kind: "contract", Status: "active", Number: "K-77", Data: data}},
	}
}
