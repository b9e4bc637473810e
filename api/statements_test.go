package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections/contact"
)

const stateDeny = `{"choice":"deny","scope":{"purposes":["marketing"],"products":["extra-financing"]},"reason":"not interested","channel":"voice"}`

func statementsOf(id string) string {
	return "/v1/customers/" + crm(id).UUID().String() + "/statements"
}

// mayCall asks whether María may be rung about a loan.
func mayCall(h *hub, who string) contact.Answer {
	h.t.Helper()
	body := `{"checks":[{"who":` + who + `,"channel":"voice","purpose":"marketing","product":"extra-financing"}]}`
	return ask[contact.Answers](h, apikey.System, "POST", "/v1/contact-checks", body).Answers[0]
}

func storedStatement(t *testing.T, h *hub, p events.Position) events.ContactStated {
	t.Helper()
	s, err := h.log.Get(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var data events.ContactStated
	if err := json.Unmarshal(s.Data, &data); err != nil || s.Source != deskSource || s.Type != events.ContactStatedV1 {
		t.Fatalf("event %s %s, %v", s.Source, s.Type, err)
	}
	return data
}

// TestADenyIsForAllRecordsAndPoints: the agent's click binds every current record
// and the contact points of the scope's channels, and is in force at once.
func TestADenyIsForAllRecordsAndPoints(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.tell(joined(h.tell(jose("2")), crm("1"), crm("2")))
	if a := mayCall(h, `{"phone":"+50255123456"}`); a.Decision != contact.DecisionAllow {
		t.Fatalf("before: %+v", a)
	}
	w := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("2"), stateDeny)
	if len(w.Statement) != 16 || w.Status != events.StatusAppended || w.Position == 0 || !slices.Equal(w.Statements, []string{w.Statement}) {
		t.Errorf("answer %+v", w)
	}
	data := storedStatement(t, h, w.Position)
	if len(data.Records) != 2 || data.Via.Agent != "the agent" || data.Via.Channel != "voice" || data.Reason != "not interested" {
		t.Errorf("stated %+v", data)
	}
	if len(data.ContactPoints) != 2 { // María's number, which José shares, and her address
		t.Errorf("points %+v", data.ContactPoints)
	}
	for _, who := range []string{`{"phone":"+50255123456"}`, `{"email":"mj@example.com"}`, `{"record":{"source":"/crm/bank","id":"1"}}`, `{"customer_id":"` + crm("2").UUID().String() + `"}`} {
		if a := mayCall(h, who); a.Decision != contact.DecisionDeny {
			t.Errorf("%s after the click: %+v", who, a)
		}
	}
	list := ask[StatementsAnswer](h, apikey.Agent, "GET", statementsOf("1"), nil)
	if len(list.Data) != 1 || list.Data[0].ID != w.Statement || list.Data[0].Status != contact.StatusInForce {
		t.Errorf("listed %+v", list.Data)
	}
	c := ask[CustomerAnswer](h, apikey.Agent, "GET", strings.TrimSuffix(statementsOf("1"), "/statements"), nil, "Accept-Language", "es-GT, en;q=0.5")
	if len(c.Contact.Blocked) == 0 || c.Contact.Blocked[0].Text != c.Contact.Blocked[0].Texts.ES {
		t.Errorf("on the card: %+v", c.Contact)
	}
}

func TestADenyNamesThePointsOfItsChannels(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	for _, c := range []struct {
		name, body string
		phones     int
		emails     int
	}{
		{"voice", `{"choice":"deny","scope":{"channels":["voice"]}}`, 1, 0},
		{"email", `{"choice":"deny","scope":{"channels":[" Email "]}}`, 0, 1},
		{"letter", `{"choice":"deny","scope":{"channels":["letter"]}}`, 0, 0},
		{"a channel nobody knows", `{"choice":"deny","scope":{"channels":["pigeon"]}}`, 1, 1},
		{"named", `{"choice":"deny","contact_point":{"phone":"+50299990000"}}`, 1, 0},
		{"several named", `{"choice":"deny","contact_points":[{"phone":"+50299990000"},{"email":"x@example.com"}]}`, 1, 1},
	} {
		w := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), c.body)
		data := storedStatement(t, h, w.Position)
		phones, emails := 0, 0
		for _, p := range data.ContactPoints {
			if p.Phone != "" {
				phones++
			}
			if p.Email != "" {
				emails++
			}
		}
		if phones != c.phones || emails != c.emails || len(data.Records) != 1 {
			t.Errorf("%s: %+v", c.name, data)
		}
	}
}

// TestAnAllowIsForOnePointOnly: nothing else of the customer is reopened, and a
// stranger's number is not opened from this card.
func TestAnAllowIsForOnePointOnly(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	for _, bad := range []string{
		`{"choice":"allow"}`,
		`{"choice":"allow","contact_points":[{"phone":"+50255123456"}]}`,
		`{"choice":"allow","contact_point":{"phone":"+50299990000"}}`,
		`{"choice":"allow","contact_point":{"phone":"hello"}}`,
		`{"choice":"allow","contact_point":{}}`,
	} {
		p := wantProblem(t, h.call(apikey.Agent, "POST", statementsOf("1"), bad), 422, "invalid")
		if len(p.Errors) != 1 || p.Errors[0].Pointer != "/contact_point" {
			t.Errorf("%s: %+v", bad, p.Errors)
		}
	}
	w := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), `{"choice":"allow","contact_point":{"phone":"+50255123456"},"scope":{"purposes":["marketing"]}}`)
	data := storedStatement(t, h, w.Position)
	if len(data.Records) != 0 || len(data.ContactPoints) != 1 {
		t.Errorf("stated %+v", data)
	}
}

func TestStatementsThatAreNone(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	for _, bad := range []string{
		`{}`, `{"choice":"maybe"}`, `{"choice":"deny","scope":{"colour":["red"]}}`, `{"choice":"deny","until":"yesterday"}`,
		`{"choice":"deny","until":"2026-03-01T00:00:00Z"}`,
		`{"choice":"deny","contact_point":{"phone":"1","email":"a@example.com"}}`,
	} {
		w := h.call(apikey.Agent, "POST", statementsOf("1"), bad)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
	wantProblem(t, h.call(apikey.Agent, "POST", statementsOf("1"), `{"choice":"deny","choice":"allow"}`), 400, "invalid_json")
	wantProblem(t, h.call(apikey.Agent, "POST", statementsOf("404"), stateDeny), 404, "not_found")
}

// TestIdempotencyKey: a repetition writes once and answers the same, also when
// time went by and the customer has another record now.
func TestIdempotencyKey(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	path := statementsOf("1")
	first := ask[StatementAnswer](h, apikey.Agent, "POST", path, stateDeny, "Idempotency-Key", "k1")
	h.at = h.at.Add(time.Minute)
	h.tell(joined(h.tell(jose("2")), crm("1"), crm("2")))
	for _, fresh := range []bool{false, true} {
		if fresh { // as after a restart: nothing remembered, all from the id index
			h.rebuild()
		}
		again := ask[StatementAnswer](h, apikey.Agent, "POST", path, stateDeny, "Idempotency-Key", "k1")
		if again.Status != events.StatusDuplicate || again.Statement != first.Statement || again.Position != first.Position {
			t.Errorf("restarted %v: %+v, first %+v", fresh, again, first)
		}
		other := strings.Replace(stateDeny, "not interested", "something else", 1)
		wantProblem(t, h.call(apikey.Agent, "POST", path, other, "Idempotency-Key", "k1"), 409, "idempotency_key_reused")
	}
	if n, _ := h.letters.Count(t.Context()); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	others := ask[StatementAnswer](h, apikey.Steward, "POST", path, stateDeny, "Idempotency-Key", "k1")
	without := ask[StatementAnswer](h, apikey.Agent, "POST", path, stateDeny)
	twice := ask[StatementAnswer](h, apikey.Agent, "POST", path, stateDeny)
	if others.Statement == first.Statement || without.Statement == twice.Statement {
		t.Error("another principal, or no key: another statement")
	}
	if list := ask[StatementsAnswer](h, apikey.Agent, "GET", path, nil); len(list.Data) != 4 {
		t.Errorf("%d statements, want 4", len(list.Data))
	}
}

func TestTheSameClickAtOnceIsOneWrite(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	before, _ := h.log.End(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if w := h.call(apikey.Agent, "POST", statementsOf("1"), stateDeny, "Idempotency-Key", "k"); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	if end, _ := h.log.End(t.Context()); end != before+1 {
		t.Errorf("%d events", end-before)
	}
}

func TestWithdraw(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	made := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), stateDeny)
	path := "/v1/statements/" + made.Statement + ":withdraw"
	undone := ask[StatementAnswer](h, apikey.Agent, "POST", path, `{"reason":"wrong customer"}`, "Idempotency-Key", "u1")
	if undone.Statement != made.Statement || undone.Position <= made.Position {
		t.Errorf("%+v", undone)
	}
	if again := ask[StatementAnswer](h, apikey.Agent, "POST", path, `{"reason":"wrong customer"}`, "Idempotency-Key", "u1"); again.Position != undone.Position {
		t.Errorf("again: %+v", again)
	}
	if a := mayCall(h, `{"phone":"+50255123456"}`); a.Decision != contact.DecisionAllow {
		t.Errorf("after the withdrawal: %+v", a)
	}
	list := ask[StatementsAnswer](h, apikey.Agent, "GET", statementsOf("1"), nil)
	if list.Data[0].Status != contact.StatusWithdrawn || list.Data[0].Withdrawn.By != "the agent" {
		t.Errorf("listed %+v", list.Data[0])
	}
	for _, folio := range []string{"0000000000000000", "nonsense", "+50255123456"} {
		wantProblem(t, h.call(apikey.Agent, "POST", "/v1/statements/"+folio+":withdraw", `{}`), 404, "not_found")
	}
}

func TestAgentsWithdrawTheirOwn(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	made := ask[StatementAnswer](h, apikey.Steward, "POST", statementsOf("1"), stateDeny)
	path := "/v1/statements/" + made.Statement + ":withdraw"
	wantProblem(t, h.call(apikey.Agent, "POST", path, `{}`), 403, "forbidden")
	if a := mayCall(h, `{"phone":"+50255123456"}`); a.Decision != contact.DecisionDeny {
		t.Errorf("after the refusal: %+v", a)
	}
	ask[StatementAnswer](h, apikey.Admin, "POST", path, nil)
}

// TestUndoRightAfterTheClick: the projections may lag; undo waits for them.
func TestUndoRightAfterTheClick(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.gateway.lag = true
	made := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), stateDeny)
	go func() {
		time.Sleep(30 * time.Millisecond)
		h.catchUp()
	}()
	ask[StatementAnswer](h, apikey.Agent, "POST", "/v1/statements/"+made.Statement+":withdraw", `{}`)
}

func TestStatementPages(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	for range 5 {
		h.at = h.at.Add(time.Second)
		ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), stateDeny)
	}
	seen := map[string]bool{}
	cursor := ""
	for range 4 {
		page := ask[StatementsAnswer](h, apikey.Agent, "GET", statementsOf("1")+"?limit=2&cursor="+cursor, nil)
		for _, v := range page.Data {
			seen[v.ID] = true
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if len(seen) != 5 {
		t.Errorf("%d of 5 statements", len(seen))
	}
	wantProblem(t, h.call(apikey.Agent, "GET", statementsOf("1")+"?cursor=AAAA", nil), 422, "invalid")
}

func TestInteraction(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	path := "/v1/customers/" + crm("1").UUID().String() + "/interactions"
	body := `{"channel":"voice","direction":"inbound","outcome":"resolved","subject":"balance","contact_point":{"phone":"+50255123456"},"duration_s":240}`
	made := ask[InteractionAnswer](h, apikey.Agent, "POST", path, body, "Idempotency-Key", "i1", "Prefer", "wait=1")
	if made.Status != events.StatusAppended || made.Record.Source != deskSource || made.Record.Stream != interactionStream {
		t.Errorf("%+v", made)
	}
	if again := ask[InteractionAnswer](h, apikey.Agent, "POST", path, body, "Idempotency-Key", "i1"); again.Status != events.StatusDuplicate || again.Record != made.Record {
		t.Errorf("again: %+v", again)
	}
	page := ask[TimelineAnswer](h, apikey.Agent, "GET", "/v1/customers/"+crm("1").UUID().String()+"/timeline?min_position="+made.Position.String(), nil)
	if len(page.Data) != 1 || page.Data[0].ID != made.Record.UUID() || agentOf(page.Data[0]) != "the agent" {
		t.Errorf("timeline %+v", page.Data)
	}
	for _, bad := range []string{
		`{}`, `{"channel":"pigeon","direction":"inbound"}`, `{"channel":"voice","direction":"inbound","outcome":"whatever"}`,
		`{"channel":"voice","direction":"inbound","record":{"source":"/crm/bank","id":"2"}}`, `{"channel":"voice","direction":"inbound","duration_s":-1}`,
	} {
		p := wantProblem(t, h.call(apikey.Agent, "POST", path, bad), 422, "invalid")
		if len(p.Errors) == 0 || p.Errors[0].Pointer == "" && bad != "{}" {
			t.Errorf("%s: %+v", bad, p.Errors)
		}
	}
	h.tell(event("gone", events.CustomerWithdrawnV1, start, events.CustomerWithdrawn{Record: events.Record{RecordKey: crm("1")}, Reason: "deleted"}))
	ask[InteractionAnswer](h, apikey.Agent, "POST", path, body) // a tombstone still has a past, and may ring
}
