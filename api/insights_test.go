package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ficha/api/apikey"
	"ficha/events"
)

// hubWithFigures has, in the week before the tests, a contact each hour of a day,
// answers of two customers and some cases.
func hubWithFigures(t *testing.T) *hub {
	h := newHub(t)
	h.tell(maria("1"), jose("2"),
		event("seg-1", events.CustomerRecordedV1, start, map[string]any{"record": crm("1"), "kind": "person", "segment": "premium"}),
		caseOf("A", "1", 0, "resolved", map[string]any{"opened_at": start.Add(-48 * time.Hour), "first_response_at": start.Add(-47 * time.Hour), "resolved_at": start.Add(-24 * time.Hour)}),
		caseOf("B", "1", 0, "open", map[string]any{"kind": "question", "opened_at": start.Add(-48 * time.Hour), "due_at": start.Add(-time.Hour), "escalated": true}),
		caseOf("C", "", -9000, "open", nil),
	)
	for i := range 24 {
		at := time.Date(2026, 2, 27, i, 30, 0, 0, time.UTC)
		h.tell(event(fmt.Sprint("call", i), events.InteractionRecordedV1, at, map[string]any{
			"record": events.RecordKey{Source: "/crm/bank", Stream: "call", ID: fmt.Sprint(i)}, "channel": []string{"voice", "email"}[i%2], "direction": "inbound", "started_at": at}))
	}
	for i, whose := range []string{"1", "1", "2"} {
		h.tell(stated(fmt.Sprint("s", i), events.SurveyAnsweredV1, "survey", whose, i, map[string]any{
			"survey": "calls", "answered_at": start.Add(-time.Hour), "kind": "nps", "score": []int{10, 8, 2}[i]}))
	}
	return h
}

func TestContactFigures(t *testing.T) {
	h := hubWithFigures(t)
	days := ask[ContactFigures](h, apikey.Operator, "GET", "/v1/insights/contacts", nil)
	if len(days.Rows) != 1 || *days.Rows[0].Day != "2026-02-27" || days.Totals.Contacts != 24 || days.From != "2026-02-01" || days.To != "2026-03-03" || days.Zone != "UTC" || days.Position == 0 {
		t.Errorf("by day %+v", days)
	}
	there := ask[ContactFigures](h, apikey.Steward, "GET", "/v1/insights/contacts?zone=America/Guatemala&by=day,channel", nil)
	var got []string
	for _, r := range there.Rows {
		got = append(got, fmt.Sprint(*r.Day, " ", *r.Channel, " ", r.Contacts))
	}
	if s := strings.Join(got, ", "); s != "2026-02-26 email 3, 2026-02-26 voice 3, 2026-02-27 email 9, 2026-02-27 voice 9" {
		t.Errorf("in Guatemala by day and channel: %s", s)
	}
	some := ask[ContactFigures](h, apikey.Operator, "GET", "/v1/insights/contacts?from=2026-02-27&to=2026-02-28&by=hour&channel=voice&source=/crm/bank", nil)
	if len(some.Rows) != 12 || *some.Rows[0].Hour != 0 || *some.Rows[11].Hour != 22 || some.Totals.Contacts != 12 {
		t.Errorf("by hour %+v", some)
	}
	if none := h.call(apikey.Operator, "GET", "/v1/insights/contacts?from=2025-02-27&to=2025-02-28", nil); !strings.Contains(none.Body.String(), `"rows":[]`) {
		t.Errorf("no contacts: %s", none.Body)
	}
}

func TestSurveyFigures(t *testing.T) {
	h := hubWithFigures(t)
	f := ask[SurveyFigures](h, apikey.Steward, "GET", "/v1/insights/nps?from=2026-03-01&to=2026-04-01&by=month,segment", nil)
	if len(f.Rows) != 2 || f.Kind != "nps" || *f.Rows[0].Segment != "" || *f.Rows[1].Segment != "premium" || *f.Rows[1].NPS != 50 || *f.Rows[0].NPS != -100 || *f.Totals.NPS != 0 || f.Totals.Responses != 3 {
		t.Errorf("nps %+v", f)
	}
	f = ask[SurveyFigures](h, apikey.Steward, "GET", "/v1/insights/nps?survey=calls&segment=premium", nil)
	if len(f.Rows) != 1 || f.Totals.Responses != 2 || *f.Rows[0].Month != "2026-03" {
		t.Errorf("premium %+v", f)
	}
	if f = ask[SurveyFigures](h, apikey.Steward, "GET", "/v1/insights/nps?kind=csat", nil); len(f.Rows) != 0 || f.Totals.Average != nil {
		t.Errorf("csat %+v", f)
	}
}

func TestCaseFigures(t *testing.T) {
	h := hubWithFigures(t)
	f := ask[CaseFigures](h, apikey.Operator, "GET", "/v1/insights/cases?by=kind&from=2026-02-01&to=2026-03-03", nil)
	if len(f.Rows) != 2 || *f.Rows[0].Kind != "complaint" || f.Totals.Cases != 2 || f.Totals.Open != 1 || f.Totals.Overdue != 1 || *f.Totals.EscalatedShare != 0.5 {
		t.Fatalf("cases %+v", f)
	}
	if s := f.Rows[0].ResolutionMinutes; s.Count != 1 || *s.P50 != 1440 || *s.P90 != 1440 || *f.Rows[0].FirstAnswerMinutes.P50 != 60 || f.Rows[1].ResolutionMinutes.P50 != nil {
		t.Errorf("spread %+v", f.Rows)
	}
	if f.Backlog != (Backlog{Open: 2, Overdue: 1, Escalated: 1}) {
		t.Errorf("backlog %+v", f.Backlog)
	}
}

func TestFiguresRefuse(t *testing.T) {
	h := newHub(t)
	for query, pointer := range map[string]string{
		"from=1.2.2026":                  "#query/from",
		"to=2026-02-30":                  "#query/to",
		"from=2026-03-05&to=2026-03-05":  "#query/from",
		"from=2020-03-05":                "#query/from",
		"zone=Mars/Olympus":              "#query/zone",
		"zone=Local":                     "#query/zone",
		"zone=Asia/Kolkata":              "#query/zone",
		"by=day,day":                     "#query/by",
		"by=customer":                    "",
		"from=2026-03-01&to=99999-01-01": "",
		"from=0001-01-01&to=9999-01-01":  "#query/from",
	} {
		for _, of := range []string{"contacts", "nps", "cases"} {
			p := wantProblem(t, h.call(apikey.Operator, "GET", "/v1/insights/"+of+"?"+query, nil), http.StatusUnprocessableEntity, "invalid")
			if pointer != "" && (len(p.Errors) != 1 || p.Errors[0].Pointer != pointer) {
				t.Errorf("%s?%s: %+v, want %s", of, query, p.Errors, pointer)
			}
		}
	}
}
