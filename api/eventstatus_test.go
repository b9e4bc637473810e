package api

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/runner"
)

func statusOf(h *hub, role apikey.Role, body string) EventsStatusAnswer {
	h.t.Helper()
	return ask[EventsStatusAnswer](h, role, "POST", "/v1/events:status", body)
}

func TestWhatBecameOfEvents(t *testing.T) {
	h := newHub(t)
	first := h.tell(maria("1"))
	h.gateway.lag = true
	second := h.tell(jose("2"))
	got := statusOf(h, apikey.Publisher, `{"ids":[{"source":"/crm/bank","id":"maria-1"},{"source":"/crm/bank","id":"jose-2"},{"source":"/crm/bank","id":"nobody"}]}`)
	if got.Position != first || len(got.Results) != 3 {
		t.Fatalf("%+v", got)
	}
	a, b, c := got.Results[0], got.Results[1], got.Results[2]
	if a.Status != "appended" || *a.Position != first || !a.Folded || !a.Resolved || len(a.Customers) != 1 || a.Customers[0] != crm("1").UUID() || a.Type != events.CustomerRecordedV1 {
		t.Errorf("folded: %+v", a)
	}
	if b.Status != "appended" || *b.Position != second || b.Folded || b.Resolved || b.Customers != nil {
		t.Errorf("not folded yet: %+v", b)
	}
	if c.Status != "unknown" || c.Position != nil {
		t.Errorf("never sent: %+v", c)
	}
	wantProblem(t, h.call(apikey.Publisher, "POST", "/v1/events:status", `{}`), 422, "invalid")
}

func TestResolvedToWhichCustomer(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.tell(joined(h.tell(jose("2")), crm("1"), crm("2")))
	h.tell(rang("1", crm("2"), start, "inbound", "a1"))
	deny := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), stateDeny)
	for _, id := range []string{"jose-2", "call-1"} {
		st := statusOf(h, apikey.Operator, `{"ids":[{"source":"/crm/bank","id":"`+id+`"}]}`).Results[0]
		if len(st.Customers) != 1 || st.Customers[0] != crm("1").UUID() {
			t.Errorf("%s: %+v", id, st.Customers)
		}
	}
	stored, err := h.log.Get(t.Context(), deny.Position)
	if err != nil {
		t.Fatal(err)
	}
	byMark := statusOf(h, apikey.Operator, `{"correlation_id":"`+stored.CorrelationID+`"}`).Results
	if len(byMark) != 1 || byMark[0].Statement != deny.Statement || len(byMark[0].Customers) != 1 {
		t.Errorf("by correlation id: %+v", byMark)
	}
}

// TestPublishersSeeTheirOwnSources by id and by correlation id alike.
func TestPublishersSeeTheirOwnSources(t *testing.T) {
	h := newHub(t)
	for i, source := range []string{"/crm/bank", "/crm/bank/eu", "/crm/bankrupt", "/pbx"} {
		e := maria(string(rune('a' + i)))
		e.Source, e.ID, e.CorrelationID = source, "e", "run-1"
		h.tell(e)
	}
	ids := `{"ids":[{"source":"/crm/bank","id":"e"},{"source":"/crm/bank/eu","id":"e"},{"source":"/crm/bankrupt","id":"e"},{"source":"/pbx","id":"e"}]}`
	var got []string
	for _, r := range statusOf(h, apikey.Publisher, ids).Results {
		got = append(got, r.Status)
	}
	if s := strings.Join(got, " "); s != "appended appended unknown unknown" {
		t.Errorf("publisher: %s", s)
	}
	if n := len(statusOf(h, apikey.Publisher, `{"correlation_id":"run-1"}`).Results); n != 2 {
		t.Errorf("publisher by correlation id: %d", n)
	}
	if n := len(statusOf(h, apikey.Operator, `{"correlation_id":"run-1"}`).Results); n != 4 {
		t.Errorf("operator by correlation id: %d", n)
	}
	page := statusOf(h, apikey.Operator, `{"correlation_id":"run-1","limit":3}`)
	if len(page.Results) != 3 || page.NextCursor == nil {
		t.Fatalf("%+v", page)
	}
	rest := statusOf(h, apikey.Operator, `{"correlation_id":"run-1","limit":3,"cursor":"`+*page.NextCursor+`"}`)
	if len(rest.Results) != 1 || rest.NextCursor != nil {
		t.Errorf("%+v", rest)
	}
	wantProblem(t, h.call(apikey.Operator, "POST", "/v1/events:status", `{"correlation_id":"run-1","cursor":"x"}`), 422, "invalid")
	wantProblem(t, h.call(apikey.Operator, "POST", "/v1/events:status", `{"correlation_id":"r","ids":[{"source":"a","id":"b"}]}`), 422, "invalid")
}

// refusing is a fold that takes nothing.
type refusing struct{}

func (refusing) Name() string                { return "refusing" }
func (refusing) Version() int                { return 1 }
func (refusing) Tables() []projections.Table { return nil }
func (refusing) Apply(projections.Work, events.Decoded) error {
	return events.ErrInvalid
}

func TestDeadAndWhy(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	r, err := runner.New(runner.Config{Name: "other", Log: h.log, Store: h.store, Folds: []projections.Fold{refusing{}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	if err := r.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := h.letters.Bury(t.Context(), events.DeadLetter{Source: "/crm/bank", ID: "unread", Bytes: []byte("{"), Reason: "invalid_json"}); err != nil {
		t.Fatal(err)
	}
	got := statusOf(h, apikey.Publisher, `{"ids":[{"source":"/crm/bank","id":"maria-1"},{"source":"/crm/bank","id":"unread"}]}`).Results
	if got[0].Status != "dead" || len(got[0].Dead) != 1 || got[0].Dead[0].Where != "refusing" || got[0].Dead[0].Reason == "" {
		t.Errorf("refused by a fold: %+v", got[0])
	}
	if got[1].Status != "dead" || len(got[1].Dead) != 1 || got[1].Dead[0].Reason != "invalid_json" {
		t.Errorf("buried unread: %+v", got[1])
	}
	if uuid.Nil == got[0].Customers[0] {
		t.Error("no customer, though other projections have it")
	}
}
