package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"ficha/api/apikey"
	"ficha/events"
)

// stated builds a statement of /crm/bank about a record of its own, hours after
// the tests' start less a week; whose names a customer record, "" none.
func stated(id string, typ events.Type, stream, whose string, hours int, members map[string]any) events.Envelope {
	data := map[string]any{"record": events.RecordKey{Source: "/crm/bank", Stream: stream, ID: id}}
	if whose != "" {
		data["customer"] = crm(whose)
	}
	for k, v := range members {
		data[k] = v
	}
	return event(fmt.Sprint(id, "-", hours), typ, start.Add(time.Duration(hours-7*24)*time.Hour), data)
}

func caseOf(id, whose string, hours int, status string, members map[string]any) events.Envelope {
	all := map[string]any{"kind": "complaint", "status": status}
	for k, v := range members {
		all[k] = v
	}
	return stated(id, events.CaseChangedV1, "case", whose, hours, all)
}

func hubWithCases(t *testing.T) *hub {
	h := newHub(t)
	h.tell(maria("1"), jose("2"),
		caseOf("A", "1", 1, "open", map[string]any{"number": "R-2026/17", "due_at": start.Add(-time.Hour), "owner": "a17"}),
		caseOf("B", "1", 2, "closed", nil),
		caseOf("C", "1", 3, "waiting", map[string]any{"kind": "question", "escalated": true, "due_at": start.Add(time.Hour)}),
		caseOf("D", "2", 4, "in_progress", nil),
		caseOf("E", "", 5, "open", nil),
		stated("K", events.ContractChangedV1, "contract", "1", 1, map[string]any{"number": "K 77-1", "status": "active", "product": "mortgage"}),
		stated("O", events.OrderChangedV1, "order", "1", 2, map[string]any{"number": "P-9", "lines": []map[string]any{{"product": "phone", "serial_numbers": []string{"sn-004"}}}}),
		stated("P", events.OrderChangedV1, "order", "2", 3, map[string]any{"number": "P-9"}),
	)
	return h
}

func caseIDs(a CasesAnswer) string {
	out := ""
	for _, c := range a.Data {
		var said struct{ Record events.RecordKey }
		if json.Unmarshal(c.Data, &said) != nil {
			return "unreadable data"
		}
		out += said.Record.ID
	}
	return out
}

func TestCases(t *testing.T) {
	h := hubWithCases(t)
	id := "/v1/customers/" + crm("1").UUID().String()
	for path, want := range map[string]string{
		"/v1/cases":                      "EDCA",
		"/v1/cases?status=closed":        "B",
		"/v1/cases?kind=question,praise": "C",
		"/v1/cases?owner=a17":            "A",
		"/v1/cases?overdue=true":         "A",
		"/v1/cases?overdue=true&due_before=" + start.Add(-2*time.Hour).Format(time.RFC3339): "",
		"/v1/cases?due_before=" + start.Add(2*time.Hour).Format(time.RFC3339):               "CA",
		"/v1/cases?escalated=true":              "C",
		"/v1/cases?escalated=false":             "EDA",
		id + "/cases":                           "CBA",
		id + "/cases?status=open,waiting":       "CA",
		id + "/cases?open=true":                 "CA",
		id + "/cases?escalated=false&limit=500": "BA",
	} {
		if got := caseIDs(ask[CasesAnswer](h, apikey.Agent, "GET", path, nil)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	first := ask[CasesAnswer](h, apikey.System, "GET", "/v1/cases?limit=2", nil)
	if first.NextCursor == nil || caseIDs(first) != "ED" {
		t.Fatalf("first page %+v", first)
	}
	second := ask[CasesAnswer](h, apikey.System, "GET", "/v1/cases?limit=2&cursor="+*first.NextCursor, nil)
	if second.NextCursor != nil || caseIDs(second) != "CA" {
		t.Errorf("second page %+v", second)
	}
	e, a := first.Data[0], second.Data[1]
	if e.CustomerID != nil || a.CustomerID == nil || *a.CustomerID != crm("1").UUID() || a.Number != "R-2026/17" || !a.Overdue || !a.Open || a.DueAt == nil {
		t.Errorf("entries %+v and %+v", e, a)
	}
	wantProblem(t, h.call(apikey.Agent, "GET", "/v1/cases?cursor=zz", nil), http.StatusUnprocessableEntity, "invalid")
	wantProblem(t, h.call(apikey.Agent, "GET", "/v1/cases?status=opened", nil), http.StatusUnprocessableEntity, "invalid")
	wantProblem(t, h.call(apikey.Agent, "GET", "/v1/customers/nobody/cases", nil), http.StatusNotFound, "not_found")
}

func TestHoldings(t *testing.T) {
	h := hubWithCases(t)
	id := "/v1/customers/" + crm("1").UUID().String() + "/holdings"
	all := ask[HoldingsAnswer](h, apikey.Agent, "GET", id, nil)
	if len(all.Data) != 2 || all.Data[0].Kind != "order" || all.Data[1].Kind != "contract" || all.Data[1].Number != "K 77-1" || all.Data[1].Status != "active" || all.Position == 0 {
		t.Errorf("holdings %+v", all)
	}
	only := ask[HoldingsAnswer](h, apikey.Agent, "GET", id+"?kind=contract", nil)
	if len(only.Data) != 1 || only.Data[0].Kind != "contract" {
		t.Errorf("contracts %+v", only)
	}
	page := ask[HoldingsAnswer](h, apikey.Agent, "GET", id+"?limit=1", nil)
	if page.NextCursor == nil || len(ask[HoldingsAnswer](h, apikey.Agent, "GET", id+"?cursor="+*page.NextCursor, nil).Data) != 1 {
		t.Errorf("pages %+v", page)
	}
	wantProblem(t, h.call(apikey.Agent, "GET", id+"?cursor=zz", nil), http.StatusUnprocessableEntity, "invalid")
	wantProblem(t, h.call(apikey.Agent, "GET", "/v1/customers/"+crm("99").UUID().String()+"/holdings", nil), http.StatusNotFound, "not_found")
}

// What people have in their hands while they ring leads to them, however they
// spell it; the exchange learns of an open case.
func TestLookupByNumber(t *testing.T) {
	h := hubWithCases(t)
	for body, want := range map[string]int{
		`{"serial":"SN 004"}`: 1, `{"contract":"k771"}`: 1, `{"order":"p9"}`: 2, `{"case":"r-2026-17"}`: 1,
		`{"serial":"p9"}`: 0, `{"contract":"-"}`: 0,
	} {
		found := ask[LookupAnswer](h, apikey.System, "POST", "/v1/customers:lookup", body)
		if len(found.Customers) != want {
			t.Errorf("%s: %d customers, want %d", body, len(found.Customers), want)
		}
	}
	r := ask[LookupAnswer](h, apikey.System, "POST", "/v1/customers:lookup", `{"contract":"K77-1"}`).Customers[0].Routing
	if r.OpenCases != 2 || r.OpenCase == nil || r.OpenCase.Kind != "question" || !r.OpenCase.Escalated {
		t.Errorf("routing %+v", r)
	}
	two := ask[LookupAnswer](h, apikey.System, "POST", "/v1/customers:lookup", `{"serial":"SN004"}`).Customers[0]
	if two.ID != crm("1").UUID() {
		t.Errorf("found %s", two.ID)
	}
	wantProblem(t, h.call(apikey.System, "POST", "/v1/customers:lookup", `{"serial":"1","order":"2"}`), http.StatusUnprocessableEntity, "invalid")
}

func TestCustomerShowsOpenCases(t *testing.T) {
	h := hubWithCases(t)
	c := ask[CustomerAnswer](h, apikey.Agent, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	if o := c.OpenCases; o == nil || o.Count != 2 || o.Overdue != 1 || o.Escalated != 1 || o.Newest == nil || o.Newest.Status != "waiting" {
		t.Errorf("open cases %+v", o)
	}
	h.tell(caseOf("D", "2", 9, "resolved", nil))
	c = ask[CustomerAnswer](h, apikey.Agent, "GET", "/v1/customers/"+crm("2").UUID().String(), nil)
	if o := c.OpenCases; o == nil || o.Count != 0 || o.Newest != nil {
		t.Errorf("none open: %+v", o)
	}
}
