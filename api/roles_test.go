package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ficha/api/apikey"
)

// matrix is the table role × route as the design wants it, written down a second
// time: a letter for each role that may. P publisher, A agent, S steward,
// O operator, Y system; admin always, privacy and auditor never yet.
var matrix = map[string]string{
	opEventsSubmit: "P", opEventsValidate: "PO", opEventsStatus: "PO",
	opCustomerGet: "ASY", opCustomerLookup: "ASY", opCustomerSearch: "ASY", opTimeline: "ASY",
	opStatementsList: "ASY", opStatementMake: "AS", opStatementUndo: "AS", opInteraction: "AS",
	opContactCheck: "ASY", opStatus: "O", opMetrics: "OY",
	opKeyCreate: "", opKeyList: "", opKeyRevoke: "",
	opImport: "P", opVerify: "O",
	opReviewList: "S", opReviewGet: "S", opReviewClaim: "S", opReviewDecide: "S",
	opReviewUndo: "S", opReviewBulk: "S", opReviewExport: "S", opReviewImport: "S",
	opSuspects: "S", opMerge: "S", opSplit: "S", opPin: "S",
	opUnpin: "S", opHow: "S", opHistory: "S", opRecords: "ASY",
	opPairExplain: "S", opMatch: "ASY", opAssign: "AS", opCustomerCases: "ASY",
	opCases: "ASY", opHoldings: "ASY", opInsightContacts: "SO", opInsightNPS: "SO",
	opInsightCases: "SO", opChanges: "SY", opWebhookCreate: "O", opWebhookList: "O",
	opWebhookGet: "O", opWebhookDelete: "O", opWebhookTest: "O", opWebhookRetry: "O",
	opAsyncAPI: "*", opProjections: "O", opRebuild: "O", opSwitch: "O",
	opDiff: "O", opDrop: "O",
	opJobList: "SO", opJobGet: "SO", opJobCancel: "SO", opJobResume: "SO",
	opJobUndo: "S", opLetters: "PO", opLetterGet: "PO", opLetterRetry: "PO",
	opLetterDiscard: "O",
	opLive:          "*", opReady: "*", opVersion: "*", opOpenAPI: "*", opDocs: "*",
}

var letterOf = map[apikey.Role]string{
	apikey.Publisher: "P", apikey.Agent: "A", apikey.Steward: "S", apikey.Operator: "O", apikey.System: "Y",
}

// operation is what the tests read of the OpenAPI document.
type operation struct {
	ID          string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Tags        []string              `json:"tags"`
	Security    []map[string][]string `json:"security"`
	Parameters  []map[string]any      `json:"parameters"`
	RequestBody *struct {
		Content map[string]map[string]any `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]map[string]any `json:"content"`
	} `json:"responses"`
}

// eachOperation walks the served OpenAPI document.
func eachOperation(t *testing.T, h *hub, f func(method, path string, op operation)) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	w := h.call("", "GET", "/openapi.json", nil)
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, methods := range doc.Paths {
		for method, raw := range methods {
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			f(strings.ToUpper(method), path, op)
			n++
		}
	}
	if n != len(matrix) {
		t.Errorf("%d operations in the document, %d in the matrix", n, len(matrix))
	}
}

// TestRolesTimesRoutes calls every operation of the OpenAPI document with every
// role, without a key, and with a wrong one.
func TestRolesTimesRoutes(t *testing.T) {
	h := newHub(t)
	eachOperation(t, h, func(method, path string, op operation) {
		may, ok := matrix[op.ID]
		if !ok {
			t.Fatalf("%s %s: operation %q is not in the matrix", method, path, op.ID)
		}
		target := strings.NewReplacer("{id}", exampleCustomer().String()).Replace(path)
		for _, role := range apikey.Roles() {
			want := may == "*" || role == apikey.Admin || letterOf[role] != "" && strings.Contains(may, letterOf[role])
			t.Run(fmt.Sprintf("%s %s as %s", method, path, role), func(t *testing.T) {
				w := h.call(role, method, target, nil)
				if got := w.Code != http.StatusForbidden && w.Code != http.StatusUnauthorized; got != want {
					t.Errorf("may: %v, want %v (%d %s)", got, want, w.Code, w.Body)
				}
				if !want {
					p := wantProblem(t, w, 403, "forbidden")
					if !strings.Contains(p.Detail, "admin") {
						t.Errorf("it does not name the roles that may: %s", p.Detail)
					}
				}
			})
		}
		for name, header := range map[string]string{
			"none": "", "unknown": "Bearer ficha_aaaaaaaa_" + strings.Repeat("a", 32), "other scheme": "Basic YTpi", "empty": "Bearer ",
		} {
			w := h.call("", method, target, nil, "Authorization", header)
			if may == "*" {
				if w.Code == http.StatusUnauthorized {
					t.Errorf("%s %s with key %q: 401, but it is open", method, path, name)
				}
				continue
			}
			wantProblem(t, w, 401, "unauthenticated")
			if w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s: no WWW-Authenticate", method, path)
			}
		}
	})
}

func TestEveryRowOfTheTableIsServed(t *testing.T) {
	h := newHub(t)
	var served []string
	eachOperation(t, h, func(_, _ string, op operation) { served = append(served, op.ID) })
	for id := range matrix {
		if !slices.Contains(served, id) {
			t.Errorf("%s has rights and no route", id)
		}
	}
}

func TestMetricsAreOpenToThisMachineOnly(t *testing.T) {
	h := newHub(t)
	for _, c := range []struct {
		from, forwarded string
		want            int
	}{
		{"127.0.0.1:5", "", 200},
		{"[::1]:5", "", 200},
		{"192.0.2.7:5", "", 401},
		{"127.0.0.1:5", "203.0.113.9", 401},
		{"", "", 401},
	} {
		r := newRequest("GET", "/metrics")
		r.RemoteAddr = c.from
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if w := serve(h, r); w.Code != c.want {
			t.Errorf("from %q for %q: %d, want %d", c.from, c.forwarded, w.Code, c.want)
		}
	}
}

func TestInsecureMeansAdmin(t *testing.T) {
	h := newHub(t, func(c *Config) { c.Insecure, c.Keys = true, nil })
	st := ask[Status](h, "", "GET", "/v1/status", nil)
	if !slices.ContainsFunc(st.Warnings, func(w string) bool { return strings.HasPrefix(w, "insecure") }) {
		t.Errorf("no warning: %v", st.Warnings)
	}
	if w := h.call("", "POST", "/v1/events", oneEvent); w.Code != 200 || h.gateway.who.Hub {
		t.Errorf("%d %s as %+v", w.Code, w.Body, h.gateway.who)
	}
}

func TestRateIsPerKey(t *testing.T) {
	h := newHub(t, func(c *Config) { c.Rate = 1 })
	for range 2 {
		if w := h.call(apikey.Operator, "GET", "/v1/status", nil); w.Code != 200 {
			t.Fatalf("within the allowance: %d", w.Code)
		}
	}
	w := h.call(apikey.Operator, "GET", "/v1/status", nil)
	wantProblem(t, w, 429, "too_many_requests")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if w := h.call(apikey.Admin, "GET", "/v1/status", nil); w.Code != 200 {
		t.Errorf("another key: %d", w.Code)
	}
}
