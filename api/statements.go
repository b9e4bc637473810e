package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/golden"
)

// StatementRequest is an agent's click on a customer's card.
type StatementRequest struct {
	Choice        events.Choice         `json:"choice" enum:"deny,allow"`
	Scope         events.Scope          `json:"scope,omitzero" doc:"An empty dimension means all of it"`
	ContactPoint  *events.ContactPoint  `json:"contact_point,omitempty" doc:"An allow is for this one only; a deny without it is for all of the customer's"`
	ContactPoints []events.ContactPoint `json:"contact_points,omitempty" maxItems:"100" nullable:"false" doc:"Of a deny: these, instead of all of the customer's"`
	Reason        string                `json:"reason,omitempty" maxLength:"1000"`
	StatedAt      *time.Time            `json:"stated_at,omitempty" doc:"When the customer said it; default now"`
	EffectiveFrom *time.Time            `json:"effective_from,omitempty"`
	Until         *time.Time            `json:"until,omitempty" doc:"Default: no end"`
	Channel       string                `json:"channel,omitempty" maxLength:"100" doc:"On which channel the customer said it" example:"voice"`
	TextShown     string                `json:"text_shown,omitempty" maxLength:"65536" doc:"The exact text that was read out or shown"`
	Evidence      string                `json:"evidence,omitempty" maxLength:"1000"`
	LegalBasis    string                `json:"legal_basis,omitempty" maxLength:"500"`
}

// StatementAnswer gives the folio to read out to the customer.
type StatementAnswer struct {
	Statement  string   `json:"statement" doc:"Folio: 16 capitals and digits" example:"7Q3M9Z0RB1T2C4KX"`
	Statements []string `json:"statements" doc:"All folios; more than one only for a customer of more than 500 records"`
	WriteAnswer
}

type statementInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	Repeatable
	Body StatementRequest
}

type statementOutput struct {
	Applied string `header:"Preference-Applied"`
	Body    StatementAnswer
}

type withdrawInput struct {
	ID string `path:"id" maxLength:"64" doc:"Folio of the statement"`
	Repeatable
	Body *WithdrawRequest
}

// WithdrawRequest takes a statement back.
type WithdrawRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"1000"`
}

func (s *server) statementRoutes() {
	register(s, route{
		id: opStatementMake, method: http.MethodPost, path: "/v1/customers/{id}/statements", tag: "contact",
		summary: "Note what the customer says about being contacted",
		text: "A deny is for all current source records of the customer and for the contact points involved: those named, else all of " +
			"the customer's that serve the scope's channels. An allow is for the one contact point named. Answers with the folio.",
		problems: append(readProblems, http.StatusNotFound),
		request:  StatementRequest{Choice: events.Deny, Scope: events.Scope{Purposes: []string{"marketing"}, Products: []string{"extra-financing"}}, Reason: "not interested", Channel: "voice"},
		response: exampleStatementAnswer(),
	}, s.makeStatement)
	register(s, route{
		id: opStatementUndo, method: http.MethodPost, path: "/v1/statements/{id}:withdraw", tag: "contact",
		summary:  "Take a statement back",
		text:     "For slips: the statement counts no more, and stays visible as withdrawn. Agents may withdraw what they noted themselves.",
		problems: append(readProblems, http.StatusNotFound), request: WithdrawRequest{Reason: "wrong customer"}, response: exampleStatementAnswer(),
	}, s.withdrawStatement)
	s.statementListRoutes()
}

func (s *server) makeStatement(ctx context.Context, in *statementInput) (*statementOutput, error) {
	c, err := s.currentCustomer(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	click, err := s.newClick(callOf(ctx).principal, opStatementMake+"/"+in.ID, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	stated, err := s.stated(ctx, c, &in.Body)
	if err != nil {
		return nil, err
	}
	return s.state(ctx, in.Repeatable, click, stated)
}

// state publishes statements of one click.
func (s *server) state(ctx context.Context, how Repeatable, click clicked, stated []events.ContactStated) (*statementOutput, error) {
	var evs []events.Envelope
	var folios []string
	for i, data := range stated {
		id := click.id
		if i > 0 {
			id += "-" + itoa(i)
		}
		e, err := s.envelope(click, id, events.ContactStatedV1, data)
		if err != nil {
			return nil, err
		}
		evs = append(evs, e)
		folios = append(folios, events.StatementID(e.Source, e.ID))
	}
	written, err := s.publish(ctx, click, evs)
	if err != nil {
		return nil, err
	}
	applied := s.waitAsPreferred(ctx, how.Prefer, written.Position)
	return &statementOutput{Applied: applied, Body: StatementAnswer{Statement: folios[0], Statements: folios, WriteAnswer: written}}, nil
}

// currentCustomer reads a customer as of now.
func (s *server) currentCustomer(ctx context.Context, id string) (golden.Customer, error) {
	v, err := s.view(ctx, 0)
	if err != nil {
		return golden.Customer{}, err
	}
	defer v.Close()
	c, err := customerAt(ctx, v, id)
	if err == nil && len(c.Records) == 0 {
		return c, notFound("customer") // the folds make none; a click needs a record to be about
	}
	return c, err
}

// maxSubjects is how many records, and how many points, one statement may name.
const maxSubjects = 500

// stated makes the statements of a click: one, unless the customer has more
// records or points than a statement may name.
func (s *server) stated(ctx context.Context, c golden.Customer, q *StatementRequest) ([]events.ContactStated, error) {
	base := events.ContactStated{
		Choice: q.Choice, Scope: q.Scope, StatedAt: s.momentOr(q.StatedAt), EffectiveFrom: moment(q.EffectiveFrom), Until: moment(q.Until),
		Via:       events.Via{Channel: q.Channel, System: deskSource, Agent: callOf(ctx).principal.Name},
		TextShown: q.TextShown, Evidence: q.Evidence, LegalBasis: q.LegalBasis, Reason: q.Reason,
	}
	if q.Until != nil && !q.Until.After(s.now()) {
		return nil, invalid("/until", "lies in the past", "leave it out, or give a time to come")
	}
	if q.Choice == events.Allow {
		return allowed(c, q, base)
	}
	records, points := subjectsOf(c, q)
	var all []events.ContactStated
	for i := 0; i < len(records) || i < len(points); i += maxSubjects {
		one := base
		one.Records = records[min(i, len(records)):min(i+maxSubjects, len(records))]
		one.ContactPoints = points[min(i, len(points)):min(i+maxSubjects, len(points))]
		all = append(all, one)
	}
	return all, nil
}

// allowed makes an allow: for one contact point, which must be the customer's.
// An allow for a number on somebody else's card would open a stranger's door.
func allowed(c golden.Customer, q *StatementRequest, base events.ContactStated) ([]events.ContactStated, error) {
	if q.ContactPoint == nil || len(q.ContactPoints) > 0 {
		return nil, invalid("/contact_point", "an allow is for one contact point, which is not named", "name the number or address that the customer allowed")
	}
	asked, ok := contact.PointOf(*q.ContactPoint)
	if !ok {
		return nil, invalid("/contact_point", "cannot be read as a contact point", "give phone, email, or handle with network")
	}
	held := slices.ContainsFunc(pointsOf(c, nil), func(p events.ContactPoint) bool {
		own, ok := contact.PointOf(p)
		return ok && own.Class() == asked.Class()
	})
	if !held {
		return nil, invalid("/contact_point", "is none of this customer's", "record it on the customer first, or look the customer up by it")
	}
	base.ContactPoints = []events.ContactPoint{*q.ContactPoint}
	return []events.ContactStated{base}, nil
}

// subjectsOf gives whom a deny binds: all current records, withdrawn ones too
// (they may come back), and the contact points involved.
func subjectsOf(c golden.Customer, q *StatementRequest) ([]events.RecordKey, []events.ContactPoint) {
	records := make([]events.RecordKey, len(c.Records))
	for i, m := range c.Records {
		records[i] = m.Normal()
	}
	named := slices.Clone(q.ContactPoints)
	if q.ContactPoint != nil {
		named = append(named, *q.ContactPoint)
	}
	if len(named) > 0 {
		return records, named
	}
	return records, pointsOf(c, q.Scope.Channels)
}

// pointsOf gives the contact points of a customer that serve channels (none: all).
func pointsOf(c golden.Customer, channels []string) []events.ContactPoint {
	phones, emails, handles := kindsServing(channels)
	var all []events.ContactPoint
	for _, p := range c.Phones {
		if phones {
			all = append(all, events.ContactPoint{Phone: p.Value.Value})
		}
	}
	for _, e := range c.Emails {
		if emails {
			all = append(all, events.ContactPoint{Email: e.Value.Value})
		}
	}
	for _, h := range c.Handles {
		if handles {
			all = append(all, events.ContactPoint{Handle: h.Value.Handle, Network: h.Value.Network})
		}
	}
	return all
}

// kindsServing says which kinds of contact point channels use. A channel that is
// not known here counts for all: a deny rather reaches too far.
func kindsServing(channels []string) (phones, emails, handles bool) {
	if len(channels) == 0 {
		return true, true, true
	}
	for _, c := range channels {
		switch strings.ToLower(strings.TrimSpace(c)) {
		case "voice", "sms", "fax":
			phones = true
		case "whatsapp":
			phones, handles = true, true
		case "email":
			emails = true
		case "social", "chat":
			handles = true
		case "letter", "visit", "push", "app", "web", "branch", "meeting", "review":
		default:
			return true, true, true
		}
	}
	return phones, emails, handles
}

func (s *server) momentOr(t *time.Time) string {
	if t == nil {
		return s.now().Format(time.RFC3339Nano)
	}
	return moment(t)
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func exampleStatementAnswer() StatementAnswer {
	folio := events.StatementID(deskSource, "key-1")
	return StatementAnswer{Statement: folio, Statements: []string{folio}, WriteAnswer: WriteAnswer{Status: events.StatusAppended, Position: 43}}
}
