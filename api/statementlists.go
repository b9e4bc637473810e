package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/golden"
)

// StatementsAnswer is a page of what was stated about contacting a customer,
// newest first; withdrawn and ended statements too.
type StatementsAnswer struct {
	AsOf
	Data       []contact.StatementView `json:"data"`
	NextCursor *string                 `json:"next_cursor" doc:"null at the end"`
}

type statementListInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	AtLeast
	Limit  int    `query:"limit" minimum:"1" maximum:"500" doc:"Default 100"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
}

type statementListOutput struct{ Body StatementsAnswer }

func (s *server) statementListRoutes() {
	register(s, route{
		id: opStatementsList, method: http.MethodGet, path: "/v1/customers/{id}/statements", tag: "contact",
		summary:  "What a customer said about being contacted",
		text:     "Every statement on the customer's records or contact points, with its status. Whether contacting is allowed is asked with POST /v1/contact-checks, not read from here.",
		problems: append(readProblems, http.StatusNotFound), response: exampleStatements(),
	}, s.listStatements)
}

func (s *server) listStatements(ctx context.Context, in *statementListInput) (*statementListOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	c, err := customerAt(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	records := make([]uuid.UUID, len(c.Records))
	for i, m := range c.Records {
		records[i] = m.ID
	}
	all, err := contact.StatementsOf(ctx, v, contact.GoldenIdentity{}, records, contact.PointsOf(&c), s.now())
	if err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	out := StatementsAnswer{AsOf: v.asOf}
	if out.Data, out.NextCursor, err = pageOf(all, in.Cursor, orElse(in.Limit, 100)); err != nil {
		return nil, err
	}
	return &statementListOutput{Body: out}, nil
}

// pageOf cuts a page out of a list; the cursor is the folio before it.
func pageOf(all []contact.StatementView, cursor string, limit int) ([]contact.StatementView, *string, error) {
	if cursor != "" {
		i := slices.IndexFunc(all, func(v contact.StatementView) bool { return v.ID == cursor })
		if i < 0 {
			return nil, nil, invalid("#query/cursor", "is no cursor of this list", "give next_cursor of the page before")
		}
		all = all[i+1:]
	}
	if len(all) <= limit {
		return all, nil, nil
	}
	next := all[limit-1].ID
	return all[:limit], &next, nil
}

func (s *server) withdrawStatement(ctx context.Context, in *withdrawInput) (*statementOutput, error) {
	st, err := s.findStatement(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	who := callOf(ctx).principal
	if !who.Has(apikey.Steward, apikey.Admin) && st.Via.Agent != who.Name {
		p := newProblem(http.StatusForbidden, "forbidden")
		p.Detail = "An agent may withdraw what he or she noted; this needs one of the roles steward, admin."
		return nil, p
	}
	var body WithdrawRequest
	if in.Body != nil {
		body = *in.Body
	}
	click, err := s.newClick(who, opStatementUndo+"/"+st.ID, in.Key, body)
	if err != nil {
		return nil, err
	}
	e, err := s.envelope(click, click.id, events.ContactStatementWithdrawnV1,
		events.ContactStatementWithdrawn{Statement: st.ID, By: who.Name, Reason: body.Reason})
	if err != nil {
		return nil, err
	}
	written, err := s.publish(ctx, click, []events.Envelope{e})
	if err != nil {
		return nil, err
	}
	applied := s.waitAsPreferred(ctx, in.Prefer, written.Position)
	return &statementOutput{Applied: applied, Body: StatementAnswer{Statement: st.ID, Statements: []string{st.ID}, WriteAnswer: written}}, nil
}

// findStatement reads a statement by its folio. "Undo" is clicked right after the
// click that it undoes, so what is not there yet is waited for.
func (s *server) findStatement(ctx context.Context, folio string) (contact.StatementView, error) {
	st, err := s.readStatement(ctx, folio, 0)
	if errors.Is(err, events.ErrNotFound) {
		end, endErr := s.cfg.Log.End(ctx)
		if endErr != nil {
			return st, endErr
		}
		st, err = s.readStatement(ctx, folio, end)
	}
	if errors.Is(err, events.ErrNotFound) || errors.Is(err, events.ErrInvalid) {
		return st, notFound("statement")
	}
	return st, err
}

func (s *server) readStatement(ctx context.Context, folio string, least events.Position) (contact.StatementView, error) {
	v, err := s.view(ctx, least)
	if err != nil {
		return contact.StatementView{}, err
	}
	defer v.Close()
	return contact.FindStatement(ctx, v, folio, s.now())
}

// contactSummary sums up what was stated about contacting a customer, in the
// caller's language.
func (s *server) contactSummary(ctx context.Context, v *view, c golden.Customer, lang string) (contact.Summary, error) {
	sum, err := s.summaries.Summary(ctx, v, c.ID, s.now())
	if err != nil {
		return contact.Summary{}, fmt.Errorf("sum up statements: %w", err)
	}
	for i := range sum.Blocked {
		sum.Blocked[i].Text = sum.Blocked[i].Texts.In(lang)
	}
	return sum, nil
}
