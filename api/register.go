package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// route is what the OpenAPI document says about an operation beside its types.
type route struct {
	id, method, path string
	tag              string
	summary          string
	text             string            // Markdown
	problems         []int             // statuses beside those that any route may answer with
	request          any               // example of the body, valid against its schema
	response         any               // example of the answer, valid against its schema
	body             *huma.RequestBody // of routes that read the body themselves
	limit            int64             // bytes of the body; 0: 1 MiB
}

// register adds an operation. Whatever error h gives goes through the table of
// problems; h may also answer with a *Problem of its own.
func register[I, O any](s *server, r route, h func(context.Context, *I) (*O, error)) {
	rule, _ := accessTo(r.id)
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Tags: []string{r.tag},
		Summary: r.summary, Description: r.text, MaxBodyBytes: r.limit,
		Responses: s.problemResponses(r, rule),
	}
	op.Security = security(rule)
	if r.request != nil {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: r.request}}}
	}
	if r.response != nil {
		op.Responses["200"] = &huma.Response{
			Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Example: r.response}},
		}
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
	if r.body != nil { // only now: told before, huma would read and decode the body
		s.documented(r.path, r.id).RequestBody = r.body
	}
}

// documented gives an operation of the OpenAPI document.
func (s *server) documented(path, id string) *huma.Operation {
	for _, op := range operationsOf(s.api.OpenAPI().Paths[path]) {
		if op.OperationID == id {
			return op
		}
	}
	return &huma.Operation{}
}

// security is a key, or nothing at all where the table says open.
func security(rule access) []map[string][]string {
	if rule.open {
		return []map[string][]string{{}}
	}
	if rule.local {
		return []map[string][]string{{}, {"key": {}}}
	}
	return []map[string][]string{{"key": {}}}
}

// problemResponses lists what may go wrong. huma would list its own error type.
func (s *server) problemResponses(r route, rule access) map[string]*huma.Response {
	statuses := append([]int{http.StatusInternalServerError, http.StatusServiceUnavailable}, r.problems...)
	if !rule.open {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
	}
	if r.method == http.MethodPost {
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestTimeout,
			http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType)
	}
	schema := s.api.OpenAPI().Components.Schemas.Schema(typeOf[Problem](), true, "Problem")
	responses := map[string]*huma.Response{}
	for _, status := range statuses {
		responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
		}
	}
	return responses
}

// asError is errors.As with the value returned.
func asError[E error](err error) (E, bool) {
	var e E
	ok := errors.As(err, &e)
	return e, ok
}
