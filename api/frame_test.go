package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"ficha/api/apikey"
	"ficha/events"
)

func newRequest(method, target string) *http.Request { return httptest.NewRequest(method, target, nil) }

func serve(h *hub, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func TestWhatNoRouteTakes(t *testing.T) {
	h := newHub(t)
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/v1/nothing", 404, "no_such_route"},
		{"GET", "/", 404, "no_such_route"},
		{"POST", "/v1/statements/ABC:unknown", 404, "no_such_route"},
		{"POST", "/v1/statements/ABC", 404, "no_such_route"},
		{"POST", "/v1/statements/:withdraw", 404, "no_such_route"},
		{"DELETE", "/v1/events", 405, "method_not_allowed"},
		{"PUT", "/livez", 405, "method_not_allowed"},
	} {
		w := h.call(apikey.Admin, c.method, c.path, nil)
		wantProblem(t, w, c.status, c.code)
		if (w.Header().Get("Allow") != "") != (c.status == 405) {
			t.Errorf("%s %s: Allow = %q", c.method, c.path, w.Header().Get("Allow"))
		}
	}
}

func TestPagesTakeTheRest(t *testing.T) {
	h := newHub(t, func(c *Config) {
		c.Pages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	})
	if w := h.call("", "GET", "/agent", nil); w.Code != http.StatusTeapot {
		t.Errorf("%d", w.Code)
	}
	if w := h.call("", "GET", "/livez", nil); w.Code != 200 {
		t.Errorf("/livez: %d", w.Code)
	}
}

func TestTraceAndSecurityHeaders(t *testing.T) {
	h := newHub(t)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	w := h.call("", "GET", "/livez", nil, "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	if got := w.Header().Get("Ficha-Trace"); got != trace {
		t.Errorf("trace %q, want the caller's", got)
	}
	first, second := h.call("", "GET", "/livez", nil), h.call("", "GET", "/livez", nil, "Traceparent", "00-<script>-x")
	if a, b := first.Header().Get("Ficha-Trace"), second.Header().Get("Ficha-Trace"); len(a) != 32 || len(b) != 32 || a == b {
		t.Errorf("traces %q and %q", a, b)
	}
	for _, name := range []string{"X-Content-Type-Options", "Cache-Control", "Referrer-Policy", "Content-Security-Policy"} {
		if w.Header().Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
}

// TestUnknownCausesStayInside: the caller sees a trace id, the log the cause.
func TestUnknownCausesStayInside(t *testing.T) {
	h := newHub(t)
	h.status = func(context.Context) (Status, error) { return Status{}, errors.New("password is swordfish") }
	w := h.call(apikey.Operator, "GET", "/v1/status", nil)
	p := wantProblem(t, w, 500, "internal")
	if strings.Contains(w.Body.String(), "swordfish") {
		t.Errorf("the cause is shown: %s", w.Body)
	}
	if logged := h.logged.String(); !strings.Contains(logged, "swordfish") || !strings.Contains(logged, p.TraceID) {
		t.Errorf("the cause is not logged under its trace: %s", logged)
	}
}

func TestPanicsAreAnsweredAndNotShown(t *testing.T) {
	h := newHub(t)
	h.status = func(context.Context) (Status, error) { panic("+502 5512 3456") }
	w := h.call(apikey.Operator, "GET", "/v1/status", nil)
	wantProblem(t, w, 500, "internal")
	if strings.Contains(w.Body.String()+h.logged.String(), "5512") {
		t.Errorf("the panic's value leaks: %s %s", w.Body, h.logged)
	}
}

// TestLogLinesHoldNoPersonalData: path, query and body are the caller's, and
// callers put telephone numbers where ids belong.
func TestLogLinesHoldNoPersonalData(t *testing.T) {
	h := newHub(t)
	for _, path := range []string{"/v1/customers/+50255123456", "/v1/customers/x?min_position=50255123456", "/v1/5512-3456"} {
		h.call(apikey.Agent, "GET", path, nil)
	}
	h.call(apikey.Agent, "POST", "/v1/customers:lookup", `{"phone":"+50255123456"}`)
	h.call(apikey.Agent, "POST", "/v1/customers:lookup", `{"phon":"+50255123456"}`)
	logged := h.logged.String()
	if strings.Contains(logged, "55123456") || strings.Contains(logged, "5512-3456") {
		t.Errorf("personal data in the log: %s", logged)
	}
	if n := strings.Count(logged, "msg=request"); n != 5 {
		t.Errorf("%d lines for 5 requests: %s", n, logged)
	}
	if strings.Contains(logged, h.keys[apikey.Agent]) {
		t.Error("a key is in the log")
	}
}

func TestReadiness(t *testing.T) {
	h := newHub(t)
	if w := h.call("", "GET", "/readyz", nil); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	h.ready = func(context.Context) error { return errors.New("projections are at 5 of 9") }
	p := wantProblem(t, h.call("", "GET", "/readyz", nil), 503, "unavailable")
	if p.Detail != "projections are at 5 of 9" {
		t.Errorf("detail %q", p.Detail)
	}
	h.ready = func(context.Context) error { return events.ErrDamaged }
	wantProblem(t, h.call("", "GET", "/readyz", nil), 503, "log_damaged")
	if w := h.call("", "GET", "/livez", nil); w.Code != 200 {
		t.Errorf("/livez while not ready: %d", w.Code)
	}
}

func TestMetricsCount(t *testing.T) {
	h := newHub(t)
	h.call(apikey.Publisher, "POST", "/v1/events", oneEvent)
	h.call(apikey.Publisher, "POST", "/v1/events", `[{"source":"+50255123456"}]`)
	w := h.call(apikey.Operator, "GET", "/metrics", nil)
	for _, want := range []string{
		`ficha_events_total{result="appended",source="/crm/bank"} 1`,
		`ficha_events_total{result="rejected",source=""} 1`,
		`ficha_projection_position{projection="golden"} 812`,
		`ficha_log_damaged 0`,
		`ficha_http_request_seconds_count{operation="submit-events",status="2xx"} 2`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "5512") {
		t.Error("a sender's text is a label")
	}
}

func TestSourcesAsLabelsAreBounded(t *testing.T) {
	m := newMetrics(Config{})
	for i := range maxSources + 100 {
		m.submitted([]events.EventResult{{Source: "/crm/" + strconv.Itoa(i), Status: events.StatusAppended}})
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "ficha_events_total" && len(f.GetMetric()) != maxSources+1 {
			t.Errorf("%d labels, want %d", len(f.GetMetric()), maxSources+1)
		}
	}
}

// TestBodiesThatBreakOff are the sender's trouble, on every way of reading them.
func TestBodiesThatBreakOff(t *testing.T) {
	h := newHub(t)
	for _, path := range []string{"/v1/events", "/v1/contact-checks", "/v1/customers:search"} {
		r := httptest.NewRequest("POST", path, io.MultiReader(strings.NewReader(`{"q":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+h.keys[apikey.Admin])
		wantProblem(t, serve(h, r), 408, "request_timeout")
	}
}

// TestOtherPagesMayNotWrite: a hub on a laptop without keys is within reach of
// every web page that its owner opens.
func TestOtherPagesMayNotWrite(t *testing.T) {
	h := newHub(t, func(c *Config) { c.Insecure, c.Keys = true, nil })
	w := h.call("", "POST", "/v1/events", oneEvent, "Sec-Fetch-Site", "cross-site")
	wantProblem(t, w, 403, "cross_origin")
	w = h.call("", "POST", "/v1/events", oneEvent, "Origin", "https://evil.example")
	wantProblem(t, w, 403, "cross_origin")
	if w := h.call("", "POST", "/v1/events", oneEvent); w.Code != 200 {
		t.Errorf("no browser: %d", w.Code)
	}
}

func TestProblemsInSpanish(t *testing.T) {
	h := newHub(t)
	for _, r := range slices.Concat(rules[:], routeProblems[:]) {
		es := spanish(r.code)
		if es.title == "" || es.title == r.title {
			t.Errorf("%s has no Spanish words", r.code)
		}
	}
	p := wantProblem(t, h.call("", "GET", "/v1/status", nil, "Accept-Language", "es-GT,es;q=0.9,en;q=0.1"), 401, "unauthenticated")
	if p.Title != spanish("unauthenticated").title || p.Detail != spanish("unauthenticated").detail {
		t.Errorf("%+v", p)
	}
	for accept, want := range map[string]string{
		"": "en", "es": "es", "fr, es;q=0.2": "es", "en-GB, es": "en", "de": "en", "*": "en", ";;;": "en", strings.Repeat("es,", 100): "en",
	} {
		if got := languageOf(accept); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
}
