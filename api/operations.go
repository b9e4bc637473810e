package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

type empty struct{}

type statusOutput struct{ Body Status }

type buildOutput struct{ Body Build }

type readyOutput struct{ Body Readiness }

// Readiness is the answer of /livez and /readyz.
type Readiness struct {
	Status string `json:"status" example:"ok"`
}

func (s *server) operationRoutes() {
	register(s, route{
		id: opStatus, method: http.MethodGet, path: "/v1/status", tag: "operations",
		summary:  "How the hub is",
		text:     "Positions, the equation of what was taken and what became of it, projections, warnings and counts.",
		response: exampleStatus(),
	}, s.getStatus)
	register(s, route{
		id: opLive, method: http.MethodGet, path: "/livez", tag: "operations",
		summary: "The process answers", text: "Always 200 while the process can answer; restart it when it does not.",
		response: Readiness{Status: "ok"},
	}, func(context.Context, *empty) (*readyOutput, error) {
		return &readyOutput{Body: Readiness{Status: "ok"}}, nil
	})
	register(s, route{
		id: opReady, method: http.MethodGet, path: "/readyz", tag: "operations",
		summary: "Send requests here", text: "503 with the reason while the log is damaged or the projections catch up after a start.",
		response: Readiness{Status: "ok"},
	}, s.getReady)
	register(s, route{
		id: opVersion, method: http.MethodGet, path: "/version", tag: "operations",
		summary: "What binary this is", response: Build{Version: "0.1.0", Go: "go1.26"},
	}, func(context.Context, *empty) (*buildOutput, error) { return &buildOutput{Body: s.cfg.Build}, nil })
	s.registerMetrics()
}

func (s *server) getStatus(ctx context.Context, _ *empty) (*statusOutput, error) {
	st, err := s.cfg.Status(ctx)
	if err != nil {
		return nil, err
	}
	st.Build = s.cfg.Build
	if st.Warnings == nil {
		st.Warnings = []string{}
	}
	if st.Projections == nil {
		st.Projections = []ProjectionStatus{}
	}
	if s.cfg.Insecure {
		st.Warnings = append(st.Warnings, "insecure: every request is an admin's; start without --insecure and make keys with `ficha key create`")
	}
	return &statusOutput{Body: st}, nil
}

func (s *server) getReady(ctx context.Context, _ *empty) (*readyOutput, error) {
	if err := s.cfg.Ready(ctx); err != nil {
		p := problemOf(err)
		if p.Status != http.StatusServiceUnavailable {
			p = newProblem(http.StatusServiceUnavailable, "unavailable")
			p.Detail = err.Error() // Config.Ready promises reasons without personal data
		}
		return nil, p
	}
	return &readyOutput{Body: Readiness{Status: "ok"}}, nil
}

// registerMetrics adds /metrics, whose answer is written by Prometheus' own handler.
func (s *server) registerMetrics() {
	s.plain(route{
		id: opMetrics, method: http.MethodGet, path: "/metrics", tag: "operations",
		summary: "Prometheus metrics",
		text:    "Open to this machine itself; from elsewhere with a key. No label holds a customer's value.",
	}, "text/plain", func(w http.ResponseWriter, r *http.Request) {
		st, err := s.cfg.Status(r.Context())
		if err != nil {
			writeProblem(w, s.problem(r.Context(), err))
			return
		}
		pairs, err := s.reviewPairs(r.Context())
		if err != nil {
			writeProblem(w, s.problem(r.Context(), err))
			return
		}
		s.metrics.scrape(st, pairs, w, r)
	})
}

// plain adds an operation whose answer huma does not write. It stands in the
// OpenAPI document and behind the table of roles like any other.
func (s *server) plain(r route, contentType string, serve http.HandlerFunc) {
	rule, _ := accessTo(r.id)
	op := &huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Tags: []string{r.tag}, Summary: r.summary, Description: r.text,
		Security: security(rule), Responses: s.problemResponses(r, rule),
	}
	op.Responses["200"] = &huma.Response{
		Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
	s.api.OpenAPI().AddOperation(op)
	s.api.Adapter().Handle(op, s.api.Middlewares().Handler(func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		serve(w, r)
	}))
}

func exampleStatus() Status {
	return Status{
		Position: 812, ResolvedPosition: 812, Durability: "power-safe", Log: LogStatus{OK: true},
		Epoch:       time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
		Equation:    Equation{Taken: 815, Folded: 812, Duplicate: 3, Balanced: true},
		Projections: []ProjectionStatus{{Name: "golden", Position: 812}, {Name: "contact", Position: 790}},
		Policy:      "none", Warnings: []string{},
		Counts: Counts{SourceRecords: 310, GoldenRecords: 280, PotentialMatches: 4, Statements: 22},
	}
}
