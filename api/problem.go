package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"ficha/api/apikey"
	"ficha/api/feed"
	"ficha/events"
	"ficha/projections"
)

// Problem is every answer that is not a success: RFC 9457, with a stable code
// for programs, pointers for forms and a trace id for whoever runs the hub. It
// never quotes a value of the request and never shows an unknown cause.
type Problem struct {
	Type     string           `json:"type" doc:"Where the code is explained, relative to the hub" example:"/docs#problem-stale"`
	Title    string           `json:"title" doc:"The code in words; the same for every occurrence" example:"Not yet as far as asked"`
	Status   int              `json:"status" doc:"HTTP status" example:"409"`
	Code     string           `json:"code" doc:"Stable code" example:"stale"`
	Detail   string           `json:"detail,omitempty" doc:"What is wrong this time, and what to do"`
	TraceID  string           `json:"trace_id" doc:"Quote it when asking the operator" example:"4bf92f3577b34da6a3ce929d0e0e4736"`
	Errors   []events.Problem `json:"errors,omitempty" doc:"One entry per thing wrong; pointer is a JSON pointer into the body"`
	Position *events.Position `json:"position,omitempty" doc:"With stale: how far the projections have come"`

	Conflict *Conflict `json:"conflict,omitempty" doc:"With 412: who changed it, when, and how"`

	headers http.Header
}

// Error makes a *Problem an error that a route may answer with.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are headers that go with the problem: Retry-After, WWW-Authenticate.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType makes JSON problem+json.
func (p *Problem) ContentType(ct string) string {
	if ct == "application/json" {
		return "application/problem+json"
	}
	return ct
}

// Errors of this package.
var (
	errUnauthenticated = errors.New("unauthenticated")
	errForbidden       = errors.New("forbidden")
	errStale           = errors.New("stale")
	errRate            = errors.New("too many requests")
)

// rule is one row of the table error → problem.
type rule struct {
	is     error
	status int
	code   string
	title  string
	detail string // "": the error's own text, which the events package promises to be free of values
	remark string // for the reference page
}

// rules is the one table from errors to answers. The first row that fits counts,
// so what wraps a general sentinel stands before it.
var rules = [...]rule{
	{apikey.ErrUnknownKey, 401, "unauthenticated", "No valid key", "The key is not known here, or no longer.", "Send `Authorization: Bearer ficha_…`."},
	{errUnauthenticated, 401, "unauthenticated", "No valid key", "Send a key: Authorization: Bearer ficha_…", "Send `Authorization: Bearer ficha_…`."},
	{errForbidden, 403, "forbidden", "Role missing", "", "The detail names the roles that may."},
	{errStale, 409, "stale", "Not yet as far as asked", "The projections have not reached min_position within a second; ask again.", "Ask again, or without `min_position`."},
	{feed.ErrGone, 410, "feed_gone", "Changes are gone", "The changes behind that id are not kept any more: read the customers that you hold anew, and go on from now.", "Read anew what you hold (`GET /v1/customers/{id}`), then follow without `Last-Event-ID`."},
	{errRate, 429, "too_many_requests", "Too many requests", "Too many requests with this key; see Retry-After.", "Wait as `Retry-After` says."},
	{events.ErrDamaged, 503, "log_damaged", "The log is damaged", "", "Nothing is written and every contact check answers deny until the log is repaired."},
	{projections.ErrClosed, 503, "unavailable", "Unavailable now", "The hub is shutting down.", "Send the same request again."},
	{events.ErrUnavailable, 503, "unavailable", "Unavailable now", "", "Send the same request again: repeating is safe."},
	{context.DeadlineExceeded, 503, "unavailable", "Unavailable now", "The hub did not answer in time.", "Send the same request again: repeating is safe."},
	{context.Canceled, 503, "unavailable", "Unavailable now", "The request was given up.", "Send the same request again: repeating is safe."},
	{events.ErrTooLarge, 413, "too_large", "Too large", "The body is over the limit.", "Send fewer events at a time."},
	{events.ErrNotFound, 404, "not_found", "Not found", "There is no such thing.", "Ids never die: one that was given out answers for ever."},
	{events.ErrConflict, 409, "conflict", "Somebody else was first", "Read again and retry.", "Read again and retry."},
	{events.ErrInvalid, 422, "invalid", "Not usable as it is", "See errors.", "`errors[]` says what and where."},
}

// routeProblems are problems that no error stands for: they come from the router
// and from reading the request.
var routeProblems = [...]rule{
	{nil, 400, "invalid_json", "Not JSON", "The body is not one JSON value.", "Send UTF-8 JSON, no member twice."},
	{nil, 403, "cross_origin", "Request from another web page", "The browser sent it from another page.", "Pages of other origins may not write here."},
	{nil, 404, "no_such_route", "No such route", "There is no such route; see /docs.", "Compare with this page."},
	{nil, 405, "method_not_allowed", "Method not allowed", "The route has other methods; see Allow.", "See the header `Allow`."},
	{nil, 408, "request_timeout", "Request too slow", "The body did not arrive in time.", "Send it again."},
	{nil, 409, "needs_rebuild", "Only a rebuild helps", "The event is in the log; a projection could not fold it. Fold again with a version that can: ficha projections rebuild.", "`ficha projections rebuild` with a version that can fold it, or discard it."},
	{nil, 409, "idempotency_key_reused", "Idempotency-Key used for something else", "The same Idempotency-Key came before with another request.", "Use a new key for a new request."},
	{nil, 409, "not_achievable", "It would not come about", "Other verdicts or rules keep it from coming about; see errors. Nothing was written.", "Look at it with `dry_run`; undo the verdicts that stand against it."},
	{nil, 409, "not_undoable", "Cannot be undone", "What confirms that a refusal does not bind a customer cannot be taken back, and only jobs that decide can be undone.", "State the refusal again: POST /v1/customers/{id}/statements."},
	{nil, 409, "not_decided", "Not decided", "There is no decision to undo.", "Read the item again."},
	{nil, 409, "already_decided", "Decided already", "The item is decided; undo that decision first.", "Undo the decision first: POST /v1/reviews/{id}:undo."},
	{nil, 409, "job_state", "Not in this state of the job", "The job is in no state in which that can be done.", "Read the job again: GET /v1/jobs/{id}."},
	{nil, 412, "stale_review", "The item has changed", "The item is not as you saw it; read it again.", "`conflict` says who did what and when. Read the item again and decide with its ETag."},
	{nil, 412, "stale_customer", "The customer has changed", "The customer is not as you saw it; read it again.", "Read the customer again, look at what changed, and repeat with its ETag."},
	{nil, 428, "precondition_required", "If-Match is missing", "Say which state of it you saw: If-Match with its ETag.", "Send `If-Match` with the `ETag` of what you read."},
	{nil, 415, "unsupported_media_type", "Unsupported media type", "See the reference for the content types of this route.", "Set `Content-Type` as the reference says."},
	{nil, 500, "internal", "Internal error", "Internal error; quote the trace id.", "Quote the trace id to the operator."},
}

// problemOf turns any error into the problem to answer with. What no row knows
// is an internal error whose cause is for the log only.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var invalid *events.Problem
	if errors.As(err, &invalid) {
		return problemOfEvent(invalid)
	}
	for _, r := range rules {
		if errors.Is(err, r.is) {
			return r.problem(err)
		}
	}
	return newProblem(500, "internal")
}

func (r rule) problem(err error) *Problem {
	p := &Problem{Type: "/docs#problem-" + r.code, Title: r.title, Status: r.status, Code: r.code, Detail: r.detail}
	if p.Detail == "" && err != nil {
		p.Detail = err.Error()
	}
	switch r.status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		p.headers = http.Header{"Retry-After": {"1"}}
	case http.StatusUnauthorized:
		p.headers = http.Header{"Www-Authenticate": {`Bearer realm="ficha"`}}
	}
	return p
}

// translate puts the title, and the detail where it is one of the usual ones,
// into Spanish.
func (p *Problem) translate() {
	to := spanish(p.Code)
	if to.title == "" {
		return
	}
	p.Title = to.title
	for _, r := range slices.Concat(rules[:], routeProblems[:]) {
		if r.code == p.Code && r.detail == p.Detail && to.detail != "" {
			p.Detail = to.detail
			return
		}
	}
}

// newProblem gives a problem of routeProblems or rules by its code.
func newProblem(status int, code string) *Problem {
	for _, r := range routeProblems {
		if r.code == code {
			return r.problem(nil)
		}
	}
	for _, r := range rules {
		if r.code == code {
			return r.problem(nil)
		}
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code}
}

// problemOfEvent answers a body that is no batch at all.
func problemOfEvent(e *events.Problem) *Problem {
	code, status := "invalid", http.StatusUnprocessableEntity
	switch {
	case e.Code == "too_large":
		code, status = "too_large", http.StatusRequestEntityTooLarge
	case e.Code == "invalid_json":
		code, status = "invalid_json", http.StatusBadRequest
	}
	p := newProblem(status, code)
	p.Detail, p.Errors = e.Detail, []events.Problem{*e}
	return p
}

// invalid is a 422 about one place in the body.
func invalid(pointer, detail, remedy string) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, "invalid")
	p.Detail = detail
	p.Errors = []events.Problem{{Code: "invalid", Pointer: pointer, Detail: detail, Remedy: remedy}}
	return p
}

// notFound is a 404 that says what there is none of.
func notFound(what string) *Problem {
	p := newProblem(http.StatusNotFound, "not_found")
	p.Detail = "There is no such " + what + "."
	return p
}

// fromHuma turns what huma says about parameters and bodies into a problem. Its
// "value" echoes the request and is dropped.
func fromHuma(m *huma.ErrorModel) *Problem {
	p := newProblem(m.Status, codeOfStatus(m.Status))
	p.Status = m.Status
	for _, d := range m.Errors {
		if d == nil {
			continue
		}
		p.Errors = append(p.Errors, events.Problem{Code: p.Code, Pointer: pointerOf(d.Location), Detail: d.Message})
	}
	return p
}

func codeOfStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "invalid_json"
	case http.StatusRequestTimeout:
		return "request_timeout"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnsupportedMediaType:
		return "unsupported_media_type"
	case http.StatusUnprocessableEntity:
		return "invalid"
	}
	return "internal"
}

// pointerOf turns huma's location, such as body.checks[0].who, into a JSON
// pointer; parameters become #query/limit and the like.
func pointerOf(location string) string {
	place, rest, _ := strings.Cut(location, ".")
	path := strings.NewReplacer("~", "~0", "/", "~1", ".", "/", "[", "/", "]", "").Replace(rest)
	switch {
	case place == "body" && rest == "":
		return ""
	case place == "body":
		return "/" + path
	case strings.HasPrefix(place, "body["):
		return pointerOf("body." + strings.TrimPrefix(location, "body"))
	}
	return "#" + place + "/" + path
}

// writeProblem answers with p outside of huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for k, vs := range p.headers {
		w.Header()[k] = vs
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone; there is nobody else to tell
}
