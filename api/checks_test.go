package api

import (
	"context"
	"slices"
	"strings"
	"testing"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/changes"
	"ficha/projections/contact"
	"ficha/projections/correlation"
	"ficha/projections/golden"
	"ficha/projections/holdings"
	"ficha/projections/insight"
	"ficha/projections/letters"
	"ficha/projections/review"
	"ficha/projections/timeline"
)

// folds are all those whose rows the routes read.
func folds() []projections.Fold {
	return []projections.Fold{golden.New(), changes.New(), timeline.New(), review.New(), contact.NewFold(), correlation.Fold{}, letters.Fold{}, holdings.New(), insight.New()}
}

// checker is the real one over the hub's store.
func (h *hub) checker() ContactChecker {
	h.t.Helper()
	c, err := contact.NewChecker(contact.Config{
		Store: h.store, Runner: "test", Health: h.log, Identity: contact.GoldenIdentity{}, Clock: h.now, Key: make([]byte, 32),
		LaneEnd:  func(ctx context.Context) (events.Position, error) { return h.log.LaneEnd(ctx, events.LaneContact) },
		End:      h.log.End,
		Position: h.fresh.Position, Wait: h.fresh.Wait,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestContactChecks(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	deny := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), stateDeny)
	body := `{"checks":[
		{"who":{"phone":"+502 5512 3456"},"channel":"voice","purpose":"marketing","product":"extra-financing"},
		{"who":{"phone":"+502 5512 3456"},"channel":"voice","purpose":"service"},
		{"who":{"phone":"+50299990000"},"channel":"sms","purpose":"marketing"}],"min_position":` + deny.Position.String() + `}`
	w := h.call(apikey.System, "POST", "/v1/contact-checks", body, "Accept-Language", "es")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	answers := raw(w.Body.Bytes())["answers"].([]any)
	var decisions []string
	for _, a := range answers {
		decisions = append(decisions, a.(map[string]any)["decision"].(string))
	}
	if !slices.Equal(decisions, []string{"deny", "allow", "allow"}) {
		t.Errorf("decisions %v: %s", decisions, w.Body)
	}
	first := answers[0].(map[string]any)
	reason := first["reasons"].([]any)[0].(map[string]any)
	if reason["statement"] != deny.Statement || reason["text"] != reason["texts"].(map[string]any)["es"] {
		t.Errorf("reason %v", reason)
	}
	for _, name := range []string{"customer_ids", "next_allowed_at", "alternatives", "policy_version", "checked_at", "valid_until", "decision_id"} {
		if _, ok := first[name]; !ok {
			t.Errorf("no %s in %v", name, first)
		}
	}
	metrics := h.call(apikey.Operator, "GET", "/metrics", nil).Body.String()
	if !strings.Contains(metrics, `ficha_contact_checks_total{decision="allow",reason=""} 2`) {
		t.Error("the checks are not counted")
	}
}

// TestChecksNeverSayStaleByStatus: they answer deny, reason stale.
func TestChecksNeverSayStaleByStatus(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.gateway.lag = true
	deny := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), stateDeny)
	for _, headers := range [][]string{nil, {"Ficha-Position", deny.Position.String()}, {"Ficha-Position", "999999"}} {
		a := ask[contact.Answers](h, apikey.System, "POST", "/v1/contact-checks", exampleChecks(), headers...).Answers[0]
		if a.Decision != contact.DecisionDeny || a.Reasons[0].Code != contact.Stale {
			t.Errorf("%v: %+v", headers, a)
		}
	}
	h.log.SetDamage(events.ErrDamaged)
	a := ask[contact.Answers](h, apikey.System, "POST", "/v1/contact-checks", exampleChecks()).Answers[0]
	if a.Decision != contact.DecisionDeny || a.Reasons[0].Code != contact.LogDamaged {
		t.Errorf("damaged: %+v", a)
	}
}

func TestChecksThatAreNone(t *testing.T) {
	h := newHub(t)
	many := `{"checks":[` + strings.Repeat(`{"who":{"phone":"1"}},`, MaxChecks) + `{"who":{"phone":"1"}}]}`
	for _, c := range []struct {
		name, body    string
		status        int
		code, pointer string
	}{
		{"empty", "", 400, "invalid_json", ""},
		{"cut off", `{"checks":[`, 400, "invalid_json", ""},
		{"two values", `{"checks":[{"who":{}}]} {}`, 400, "invalid_json", ""},
		{"member twice", `{"checks":[],"checks":[{"who":{}}]}`, 400, "invalid_json", ""},
		{"lone surrogate", `{"checks":[{"who":{"email":"\ud800"}}]}`, 400, "invalid_json", ""},
		{"NaN", `{"checks":[{"who":{"phone":NaN}}]}`, 400, "invalid_json", ""},
		{"none", `{"checks":[]}`, 422, "invalid", "/checks"},
		{"null", `null`, 422, "invalid", "/checks"},
		{"too many", many, 422, "invalid", "/checks"},
		{"other type", `{"checks":[{"who":{"phone":50255123456}}]}`, 422, "invalid", "/checks/0/who/phone"},
		{"unknown member", `{"checks":[{"who":{"fone":"+50255123456"}}]}`, 422, "invalid", "/checks/0/who/fone"},
		{"no time", `{"checks":[{"who":{},"at":"tomorrow"}]}`, 422, "invalid", "/checks/0/at"},
		{"negative position", `{"checks":[{"who":{}}],"min_position":-1}`, 422, "invalid", "/min_position"},
		{"too large", `{"checks":[` + strings.Repeat(" ", maxChecksBody) + `]}`, 413, "too_large", ""},
	} {
		w := h.call(apikey.System, "POST", "/v1/contact-checks", c.body)
		p := wantProblem(t, w, c.status, c.code)
		if c.pointer != "" && (len(p.Errors) != 1 || p.Errors[0].Pointer != c.pointer) {
			t.Errorf("%s: %+v, want %s", c.name, p.Errors, c.pointer)
		}
		if strings.Contains(w.Body.String(), "55123456") || strings.Contains(w.Body.String(), "tomorrow") {
			t.Errorf("%s: the problem quotes the request: %s", c.name, w.Body)
		}
	}
	wantProblem(t, h.call(apikey.System, "POST", "/v1/contact-checks", exampleChecks(), "Ficha-Position", "x"), 422, "invalid")
}

func FuzzChecks(f *testing.F) {
	h := newHub(f)
	f.Add(`{"checks":[{"who":{"phone":"+50255123456"},"channel":"voice","at":"2026-03-02T10:00:00Z"}],"min_position":1}`)
	f.Add(`{"checks":[{"who":{"customer_id":"x","record":{"source":"a","id":"b"},"handle":"h","network":"n"}}]}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, body string) {
		h.t = t
		w := h.call(apikey.System, "POST", "/v1/contact-checks", body)
		if w.Code >= 500 || w.Code == 200 && raw(w.Body.Bytes()) == nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func FuzzBodies(f *testing.F) {
	h := newHub(f)
	h.tell(maria("1"))
	paths := []string{statementsOf("1"), "/v1/customers:lookup", "/v1/customers:search", "/v1/events:status",
		"/v1/customers/" + crm("1").UUID().String() + "/interactions"}
	f.Add(0, stateDeny, "k")
	f.Add(1, `{"phone":"+50255123456","region":"GT"}`, "")
	f.Add(2, `{"q":"garcia","filters":{"kind":"person"}}`, "")
	f.Add(3, `{"ids":[{"source":"/crm/bank","id":"maria-1"}]}`, "")
	f.Add(3, `{"correlation_id":"x","cursor":"1"}`, "")
	f.Add(4, `{"channel":"voice","direction":"inbound","started_at":"2026-03-02T10:00:00Z"}`, "\x00")
	f.Fuzz(func(t *testing.T, which int, body, key string) {
		h.t = t
		path := paths[uint(which)%uint(len(paths))]
		if w := h.call(apikey.Admin, "POST", path, body, "Idempotency-Key", key); w.Code >= 500 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	})
}
