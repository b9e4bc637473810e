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
	"ficha/projections/golden"
	"ficha/projections/review"
)

// MergeRequest says that customers are one.
type MergeRequest struct {
	IDs    []uuid.UUID `json:"ids" minItems:"1" maxItems:"100" doc:"Any ids of the customers; a single one says that its records are one customer, which ends every suspicion that they are not"`
	Reason string      `json:"reason,omitempty" maxLength:"1000"`
	DryRun bool        `json:"dry_run,omitempty" doc:"Say what would come of it, and do nothing"`
}

// SplitRequest says that records of a customer are somebody else's.
type SplitRequest struct {
	Records []NamedRecord `json:"records" minItems:"1" maxItems:"1000" doc:"Some of the customer's records, not all"`
	Reason  string        `json:"reason,omitempty" maxLength:"1000"`
	DryRun  bool          `json:"dry_run,omitempty" doc:"Say what would come of it, and do nothing"`
}

// NamedRecord names a source record: by key, by its uuid, or by both.
type NamedRecord struct {
	Source     string    `json:"source,omitempty" maxLength:"200" example:"/crm/bank"`
	Stream     string    `json:"stream,omitempty" maxLength:"200" doc:"Default customer"`
	ID         string    `json:"id,omitempty" maxLength:"512" example:"1"`
	RecordUUID uuid.UUID `json:"record_uuid,omitzero" format:"uuid" doc:"Instead of the key, or beside it"`
}

// uuid gives the record's uuid; false where none is named, or two different ones.
func (n NamedRecord) uuid() (uuid.UUID, bool) {
	if n.RecordUUID != uuid.Nil && n.Source == "" && n.ID == "" {
		return n.RecordUUID, true
	}
	id := events.RecordKey{Source: n.Source, Stream: n.Stream, ID: n.ID}.UUID()
	return id, n.Source != "" && n.ID != "" && (n.RecordUUID == uuid.Nil || n.RecordUUID == id)
}

// ActAnswer is what a merge or split did, or would do.
type ActAnswer struct {
	DeskAnswer
	Review     uuid.UUID          `json:"review,omitzero" format:"uuid" doc:"Undo it with POST /v1/reviews/{id}:undo"`
	Resolved   bool               `json:"resolved" doc:"The customers are what was asked for; false: matching has not come to it within two seconds"`
	Redirected []steward.Redirect `json:"redirected" nullable:"false" doc:"Customers whose id leads to another one now; empty when the request came before"`
	Preview    *PreviewAnswer     `json:"preview,omitempty" doc:"With dry_run, instead of the rest"`
}

type mergeInput struct {
	Match string `header:"If-Match" maxLength:"1000" doc:"Optional: the ETag of the first customer named; another by now: 412"`
	Repeatable
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   MergeRequest
}

type splitInput struct {
	ID    string `path:"id" maxLength:"64" doc:"Any id of the customer"`
	Match string `header:"If-Match" maxLength:"1000" doc:"Optional: the ETag of the customer; another by now: 412"`
	Repeatable
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   SplitRequest
}

type actOutput struct {
	Applied string `header:"Preference-Applied"`
	Body    ActAnswer
}

// SuspectAnswer is a customer that looks like several people.
type SuspectAnswer struct {
	Customer    uuid.UUID            `json:"customer" format:"uuid"`
	DisplayName string               `json:"display_name"`
	Score       int                  `json:"score" doc:"For the order: the higher, the worse"`
	Reasons     []SuspectReason      `json:"reasons" nullable:"false"`
	Records     []ReviewRecord       `json:"records" nullable:"false" doc:"Live ones"`
	Weakest     *events.IdentityLink `json:"weakest,omitempty" doc:"The weakest link that holds the customer together"`
	Since       time.Time            `json:"since"`
	Version     events.Position      `json:"version"`
}

// SuspectReason is what speaks against a customer, in words too.
type SuspectReason struct {
	review.SuspectReason
	Text string `json:"text"`
}

// SuspectsAnswer is a page of suspects.
type SuspectsAnswer struct {
	AsOf
	Data       []SuspectAnswer `json:"data" nullable:"false" doc:"The worst first"`
	NextCursor *string         `json:"next_cursor" doc:"null at the end"`
}

type suspectsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"128" doc:"next_cursor of the page before"`
	AtLeast
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
}

type suspectsOutput struct{ Body SuspectsAnswer }

func (s *server) stewardshipRoutes() {
	register(s, route{
		id: opMerge, method: http.MethodPost, path: "/v1/customers:merge", tag: "reviews",
		summary: "Say that customers are one",
		text: "Outranks every rule and every earlier verdict, until it is undone. With `dry_run` it says who would be who, which records and " +
			"interactions would move, which contact answers would change and which verdicts would count no more. What would not come about is " +
			"refused with 409 `not_achievable`, and nothing is written.",
		problems: append(readProblems, http.StatusPreconditionFailed),
		request:  MergeRequest{IDs: []uuid.UUID{exampleCustomer(), exampleOther()}, Reason: "same person, two accounts"}, response: exampleActed(),
	}, s.merge)
	register(s, route{
		id: opSplit, method: http.MethodPost, path: "/v1/customers/{id}:split", tag: "reviews",
		summary: "Say that records are somebody else's",
		text: "The records named become a customer of their own, as far as nothing holds them together with others; they stay apart from the rest " +
			"until this is undone. Refusals that bound them go on binding them until somebody confirms that they need not.",
		problems: append(readProblems, http.StatusPreconditionFailed, http.StatusNotFound),
		request:  SplitRequest{Records: []NamedRecord{{Source: "/crm/bank", ID: "2"}}, Reason: "father and son"}, response: exampleActed(),
	}, s.split)
	register(s, route{
		id: opSuspects, method: http.MethodGet, path: "/v1/suspects", tag: "reviews",
		summary: "Customers that look like several people",
		text:    "A merge that says that all its records are one customer clears the suspicion; a split removes its cause.",
		response: SuspectsAnswer{AsOf: AsOf{Position: 812, ResolvedPosition: 812}, Data: []SuspectAnswer{{
			Customer: exampleCustomer(), DisplayName: "María José Núñez García", Score: 40, Records: []ReviewRecord{exampleReviewRecord("1")},
			Reasons: []SuspectReason{{SuspectReason: review.SuspectReason{Code: review.CodeManyRecords, Score: 40}, Text: "It has more live source records than people usually have."}},
			Since:   time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC), Version: 41,
		}}},
		problems: readProblems,
	}, s.listSuspects)
}

func (s *server) merge(ctx context.Context, in *mergeInput) (*actOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	who := callOf(ctx).principal
	m := steward.Merge{Customers: in.Body.IDs, Reason: in.Body.Reason, By: who.Name}
	if in.Body.DryRun {
		p, err := desk.MergePreview(ctx, m)
		return s.actPreviewed(ctx, p, err, in.Accept)
	}
	click, err := s.newClick(who, opMerge, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	if err := s.matchesCustomer(ctx, in.Match, in.Body.IDs[0].String()); err != nil {
		return nil, err
	}
	done, err := desk.Merge(ctx, m, steward.Act{ID: "merge." + click.id, Mark: click.mark})
	return s.acted(ctx, done, err, in.Repeatable, in.Accept)
}

func (s *server) split(ctx context.Context, in *splitInput) (*actOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(in.ID)
	if err != nil {
		return nil, notFound("customer")
	}
	who := callOf(ctx).principal
	p := steward.Split{Customer: id, Reason: in.Body.Reason, By: who.Name}
	for i, n := range in.Body.Records {
		record, ok := n.uuid()
		if !ok {
			return nil, invalid("/records/"+itoa(i), "names no record, or two", "give source and id, or record_uuid, or both of the same record")
		}
		p.Records = append(p.Records, record)
	}
	if in.Body.DryRun {
		would, err := desk.SplitPreview(ctx, p)
		return s.actPreviewed(ctx, would, err, in.Accept)
	}
	click, err := s.newClick(who, opSplit+"/"+in.ID, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	if err := s.matchesCustomer(ctx, in.Match, in.ID); err != nil {
		return nil, err
	}
	done, err := desk.Split(ctx, p, steward.Act{ID: "split." + click.id, Mark: click.mark})
	return s.acted(ctx, done, err, in.Repeatable, in.Accept)
}

// matchesCustomer honours an If-Match, if one is sent.
func (s *server) matchesCustomer(ctx context.Context, ifMatch, id string) error {
	if ifMatch == "" {
		return nil
	}
	v, err := s.view(ctx, 0)
	if err != nil {
		return err
	}
	defer v.Close()
	c, err := customerAt(ctx, v, id)
	if err != nil {
		return err
	}
	return IfMatch{Match: ifMatch}.check(etag(itoa(int64(c.Version))), "stale_customer", nil)
}

func (s *server) acted(ctx context.Context, done steward.Acted, err error, how Repeatable, accept string) (*actOutput, error) {
	if err != nil {
		return nil, s.stewardProblem(err, accept)
	}
	if done.Redirects == nil {
		done.Redirects = []steward.Redirect{}
	}
	return &actOutput{
		Applied: s.waitAsPreferred(ctx, how.Prefer, done.Position),
		Body: ActAnswer{
			DeskAnswer: DeskAnswer{Status: done.Status, Position: done.Position},
			Review:     done.Review, Resolved: done.Resolved, Redirected: done.Redirects,
		},
	}, nil
}

func (s *server) listSuspects(ctx context.Context, in *suspectsInput) (*suspectsOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	page, next, err := review.Suspects(ctx, v, in.Cursor, in.Limit)
	if errors.Is(err, events.ErrInvalid) {
		return nil, invalid("#query/cursor", "is no cursor of this list", "give next_cursor of the page before")
	}
	if err != nil {
		return nil, fmt.Errorf("list suspects: %w", err)
	}
	out := SuspectsAnswer{AsOf: v.asOf, Data: []SuspectAnswer{}}
	if next != "" {
		out.NextCursor = &next
	}
	for i := range page {
		a, err := s.describeSuspect(ctx, v, &page[i], languageOf(in.Accept))
		if err != nil {
			return nil, err
		}
		out.Data = append(out.Data, a)
	}
	return &suspectsOutput{Body: out}, nil
}

func (s *server) describeSuspect(ctx context.Context, v *view, x *review.Suspect, lang string) (SuspectAnswer, error) {
	c, err := golden.Get(ctx, v, x.Customer)
	if err != nil {
		return SuspectAnswer{}, fmt.Errorf("read customer: %w", err)
	}
	a := SuspectAnswer{
		Customer: c.ID, DisplayName: c.DisplayName, Score: x.Score, Weakest: x.Weakest, Since: x.Since.UTC(), Version: x.Version,
		Reasons: []SuspectReason{}, Records: []ReviewRecord{},
	}
	for _, r := range x.Reasons {
		a.Reasons = append(a.Reasons, SuspectReason{SuspectReason: r, Text: s.words.Suspect(lang, r.Code)})
	}
	for _, m := range c.Records {
		if k := m.Normal(); m.Live {
			a.Records = append(a.Records, ReviewRecord{Source: k.Source, Stream: k.Stream, ID: k.ID, RecordUUID: m.ID, Customer: &c.ID})
		}
	}
	return a, nil
}
