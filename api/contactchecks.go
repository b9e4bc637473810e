package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/contact"
)

// MaxChecks is how many checks one request may hold; package contact answers no more.
const MaxChecks = 10_000

// maxChecksBody bounds the body: 10,000 checks of 800 bytes.
const maxChecksBody = 8 << 20

// ChecksRequest asks may-we-contact.
type ChecksRequest struct {
	Checks      []contact.Request `json:"checks" minItems:"1" maxItems:"10000" nullable:"false"`
	MinPosition uint64            `json:"min_position,omitempty" doc:"The answers include everything up to this position, else they are deny, reason stale"`
}

// contactRoutes adds the one route that is asked thousands of times a second. It
// stands in the OpenAPI document like the others, but reads and writes by
// itself: huma would decode each body twice.
func (s *server) contactRoutes() {
	r := route{
		id: opContactCheck, method: http.MethodPost, path: "/v1/contact-checks", tag: "contact",
		summary: "May we contact them?",
		text: "Answers each check with allow or deny and every reason. Whatever is unknown, lagging or damaged is a deny; " +
			"there is no 409 here. An allow may be used until `valid_until`. Who: a customer id, a source record, a telephone number, " +
			"an e-mail address; one or several.",
		problems: []int{http.StatusUnprocessableEntity},
	}
	rule, _ := accessTo(r.id)
	schemas := s.api.OpenAPI().Components.Schemas
	op := &huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Tags: []string{r.tag}, Summary: r.summary, Description: r.text,
		Security: security(rule), Responses: s.problemResponses(r, rule),
		Parameters: []*huma.Param{
			{Name: "Ficha-Position", In: "header", Description: "Same as min_position", Schema: schemas.Schema(typeOf[uint64](), true, "")},
			{Name: "Accept-Language", In: "header", Description: "es or en: the language of text", Schema: schemas.Schema(typeOf[string](), true, "")},
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(typeOf[ChecksRequest](), true, ""), Example: exampleChecks()},
		}},
	}
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemas.Schema(typeOf[contact.Answers](), true, ""), Example: exampleAnswers()},
	}}
	s.api.OpenAPI().AddOperation(op)
	s.api.Adapter().Handle(op, s.api.Middlewares().Handler(func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if err := s.checkContacts(w, r); err != nil {
			writeProblem(w, s.problem(r.Context(), err))
		}
	}))
}

func (s *server) checkContacts(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r, w, maxChecksBody)
	if err != nil {
		return err
	}
	in, err := decodeChecks(body)
	if err != nil {
		return err
	}
	least, err := positionHeader(r.Header, in.MinPosition)
	if err != nil {
		return err
	}
	answers, err := s.answerChecks(r.Context(), in.Checks, least, languageOf(r.Header.Get("Accept-Language")))
	if err != nil {
		return err
	}
	b, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	_, _ = w.Write(b) // the client may be gone
	return nil
}

// answerChecks asks the checker, counts, and puts the texts into the caller's language.
func (s *server) answerChecks(ctx context.Context, checks []contact.Request, least events.Position, lang string) (contact.Answers, error) {
	answers, err := s.cfg.Checker.Check(ctx, checks, least)
	if err != nil {
		return contact.Answers{}, err
	}
	for i := range answers.Answers {
		a := &answers.Answers[i]
		s.metrics.checked(a)
		for j := range a.Reasons {
			a.Reasons[j].Text = a.Reasons[j].Texts.In(lang)
		}
	}
	return answers, nil
}

// decodeChecks reads a body of checks; its errors name places, never values.
func decodeChecks(body []byte) (ChecksRequest, error) {
	var in ChecksRequest
	if err := decodeStrict(body, &in); err != nil {
		return in, err
	}
	switch {
	case len(in.Checks) == 0:
		return in, invalid("/checks", "no check is given", "give at least one")
	case len(in.Checks) > MaxChecks:
		return in, invalid("/checks", "there are more than 10000 checks", "ask in several requests")
	}
	return in, nil
}

// positionHeader gives the larger of the header Ficha-Position and least.
func positionHeader(h http.Header, least uint64) (events.Position, error) {
	v := h.Get("Ficha-Position")
	if v == "" {
		return events.Position(least), nil
	}
	p, err := events.ParsePosition(strings.TrimSpace(v))
	if err != nil {
		return 0, invalid("#header/Ficha-Position", "not a position", "send the position that a write answered with")
	}
	return max(p, events.Position(least)), nil
}

func exampleChecks() ChecksRequest {
	return ChecksRequest{
		Checks:      []contact.Request{{Who: contact.Who{Phone: "+50255123456"}, Channel: "voice", Purpose: "marketing", Product: "extra-financing"}},
		MinPosition: 42,
	}
}

func exampleAnswers() contact.Answers {
	at := time.Date(2026, 3, 2, 9, 20, 0, 0, time.UTC)
	text := contact.Texts{ES: "La persona pidió no ser contactada para esto.", EN: "The person asked not to be contacted for this."}
	return contact.Answers{Position: 42, Answers: []contact.Answer{{
		Decision: contact.DecisionDeny,
		Reasons: []contact.Reason{{
			Code: contact.PersonDenied, Effect: contact.EffectDeny, Statement: events.StatementID("/crm/bank", "crm-1-8"),
			Text: text.EN, Texts: text, Since: at, Via: &events.Via{Channel: "voice", Agent: "a17"}, Why: "not interested",
		}},
		CustomerIDs: []uuid.UUID{exampleCustomer()}, Alternatives: []string{}, PolicyVersion: contact.NoPolicy,
		CheckedAt: at.Add(time.Hour), ValidUntil: at.Add(time.Hour + contact.Validity), DecisionID: "d1.AAECAwQFBgc",
	}}}
}
