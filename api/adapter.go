package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// mux puts huma's operations on a [http.ServeMux], which knows no wildcard
// inside a segment. A path such as /v1/statements/{id}:withdraw is therefore
// served by the pattern /v1/statements/{id}, and the action behind the last
// colon chooses the operation; the OpenAPI document keeps the true path.
type mux struct {
	*http.ServeMux
	actions map[string]map[string]http.HandlerFunc // by pattern, by action; "" is the path without one
}

func newMux() *mux {
	return &mux{ServeMux: http.NewServeMux(), actions: map[string]map[string]http.HandlerFunc{}}
}

// Handle implements [huma.Adapter].
func (m *mux) Handle(op *huma.Operation, handler func(huma.Context)) {
	serve := func(w http.ResponseWriter, r *http.Request) { handler(humago.NewContext(op, r, w)) }
	path, action := op.Path, ""
	wildcard := strings.HasSuffix(path, "}")
	if i := strings.LastIndex(path, "}:"); i > strings.LastIndexByte(path, '/') {
		path, action, wildcard = path[:i+1], path[i+2:], true
	}
	pattern := op.Method + " " + path
	if !wildcard {
		m.HandleFunc(pattern, serve)
		return
	}
	if m.actions[pattern] == nil {
		m.actions[pattern] = map[string]http.HandlerFunc{}
		name := path[strings.LastIndexByte(path, '{')+1 : len(path)-1]
		m.HandleFunc(pattern, m.choose(m.actions[pattern], name))
	}
	m.actions[pattern][action] = serve
}

// choose serves the operation whose action stands behind the last colon of the
// path value called name. No id of the hub contains a colon.
func (m *mux) choose(actions map[string]http.HandlerFunc, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, action := r.PathValue(name), ""
		if i := strings.LastIndexByte(value, ':'); i >= 0 {
			value, action = value[:i], value[i+1:]
		}
		serve, ok := actions[action]
		if !ok || value == "" {
			writeProblem(w, callOf(r.Context()).addressed(newProblem(http.StatusNotFound, "no_such_route")))
			return
		}
		r.SetPathValue(name, value)
		serve(w, r)
	}
}
