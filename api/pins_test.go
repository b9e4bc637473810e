package api

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections/golden"
)

func pinsOf(id string) string { return "/v1/customers/" + crm(id).UUID().String() + "/pins" }

// seen gives the ETag of a customer, as a steward reads it.
func (h *hub) seen(id string) string {
	h.t.Helper()
	w := h.call(apikey.Steward, "GET", "/v1/customers/"+crm(id).UUID().String(), nil)
	if w.Code != http.StatusOK || w.Header().Get("ETag") == "" {
		h.t.Fatalf("%d %s, ETag %q", w.Code, w.Body, w.Header().Get("ETag"))
	}
	return w.Header().Get("ETag")
}

func TestPinAndUnpin(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	tag := h.seen("1")
	if tag != `"1"` {
		t.Errorf("ETag %s of a new customer", tag)
	}
	body := `{"attribute":"birth_date","value":"1981-02-11","reason":"seen on the card"}`
	got := ask[PinAnswer](h, apikey.Steward, "POST", pinsOf("1"), body, "If-Match", tag)
	if got.Status != events.StatusAppended || len(got.Records) != 1 || got.Records[0] != crm("1") {
		t.Errorf("answer %+v", got)
	}
	c := ask[CustomerAnswer](h, apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	b := c.BirthDate
	if b.Value != "1981-02-11" || b.Rule != golden.RulePinned || b.PinNote == nil || b.PinnedBy != "the steward" || b.PinReason != "seen on the card" || len(b.Also) != 1 {
		t.Errorf("birth date %+v", b)
	}
	if masked := ask[CustomerAnswer](h, apikey.Agent, "GET", "/v1/customers/"+crm("1").UUID().String(), nil); strings.Contains(masked.BirthDate.Value, "1981") {
		t.Errorf("an agent sees %s", masked.BirthDate.Value)
	}
	again := h.seen("1")
	if again == tag {
		t.Error("a pin does not change the ETag")
	}
	// At the same millisecond of the clock: the later word counts.
	ask[PinAnswer](h, apikey.Steward, "DELETE", pinsOf("1")+"/birth_date", nil, "If-Match", again)
	c = ask[CustomerAnswer](h, apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	if c.BirthDate.Value != "1980-02-11" || c.BirthDate.Rule == golden.RulePinned {
		t.Errorf("after unpinning: %+v", c.BirthDate)
	}
	ask[PinAnswer](h, apikey.Steward, "POST", pinsOf("1"), body, "If-Match", h.seen("1"))
	c = ask[CustomerAnswer](h, apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	if c.BirthDate.Value != "1981-02-11" {
		t.Errorf("pinned again: %+v", c.BirthDate)
	}
	ask[PinAnswer](h, apikey.Steward, "DELETE", pinsOf("1")+"/birth_date", nil, "If-Match", h.seen("1"))
	wantProblem(t, h.call(apikey.Steward, "DELETE", pinsOf("1")+"/birth_date", nil, "If-Match", h.seen("1")), 404, "not_found")
}

func TestPinNeedsWhatTheStewardSaw(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	body := `{"attribute":"tier","value":"silver"}`
	first := h.seen("1")
	for _, missing := range []string{"", " "} {
		p := wantProblem(t, h.call(apikey.Steward, "POST", pinsOf("1"), body, "If-Match", missing), 428, "precondition_required")
		if p.Conflict != nil {
			t.Errorf("%+v", p.Conflict)
		}
	}
	wantProblem(t, h.call(apikey.Steward, "DELETE", pinsOf("1")+"/tier", nil), 428, "precondition_required")
	h.at = h.at.Add(time.Minute)
	ask[PinAnswer](h, apikey.Admin, "POST", pinsOf("1"), body, "If-Match", `"99", `+first)
	for _, other := range []string{first, `W/` + h.seen("1"), "1", `"x"`} {
		p := wantProblem(t, h.call(apikey.Steward, "POST", pinsOf("1"), body, "If-Match", other), 412, "stale_customer")
		if o := p.Conflict; o == nil || o.By != "the admin" || !o.At.Equal(h.at) || o.What != string(events.ValuePinnedV1) || o.ETag != h.seen("1") {
			t.Errorf("If-Match %s: overtaken %+v", other, o)
		}
	}
	es := h.call(apikey.Steward, "POST", pinsOf("1"), body, "If-Match", first, "Accept-Language", "es")
	if p := wantProblem(t, es, 412, "stale_customer"); p.Title != "El cliente ha cambiado" {
		t.Errorf("title %q", p.Title)
	}
	ask[PinAnswer](h, apikey.Steward, "POST", pinsOf("1"), body, "If-Match", "*")
}

// A customer that came to be another one, or changed by a source, is not what was seen.
func TestETagTellsCustomersApart(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	p := h.tell(jose("2"))
	one, two := h.seen("1"), h.seen("2")
	h.tell(joined(p, crm("1"), crm("2")))
	if h.seen("2") == two || h.seen("2") == h.seen("1") || h.seen("1") == one {
		t.Errorf("after the merge: %s and %s, before %s and %s", h.seen("1"), h.seen("2"), one, two)
	}
	prob := wantProblem(t, h.call(apikey.Steward, "POST", pinsOf("2"), `{"attribute":"tier","value":"x"}`, "If-Match", two), 412, "stale_customer")
	if o := prob.Conflict; o.By != "/crm/bank" || o.What != string(events.CustomerRecordedV1) { // what the decision was taken upon
		t.Errorf("overtaken %+v", o)
	}
	ask[PinAnswer](h, apikey.Steward, "POST", pinsOf("2"), `{"attribute":"tier","value":"x","record":{"source":"/crm/bank","id":"2"}}`, "If-Match", h.seen("2"))
	c := ask[CustomerAnswer](h, apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	if c.Tier.Value != "x" || c.Tier.Record != crm("2") {
		t.Errorf("tier %+v", c.Tier)
	}
	past := h.call(apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String()+"?known_at="+start.Format(time.RFC3339), nil)
	if past.Code == http.StatusOK && past.Header().Get("ETag") != "" {
		t.Error("an answer about the past has an ETag")
	}
}

// Of stewards who saw the same customer, one pins; each of the others is told.
func TestOnePinAtATime(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	tag := h.seen("1")
	codes := make([]int, 8)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			codes[i] = h.call(apikey.Steward, "POST", pinsOf("1"), `{"attribute":"tier","value":"t`+itoa(i)+`"}`, "If-Match", tag).Code
		})
	}
	wg.Wait()
	won := 0
	for _, code := range codes {
		switch code {
		case http.StatusOK:
			won++
		case http.StatusPreconditionFailed:
		default:
			t.Errorf("answer %d", code)
		}
	}
	if won != 1 {
		t.Errorf("%d of them pinned", won)
	}
}

func TestPinTwiceIsOnce(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	tag, body := h.seen("1"), `{"attribute":"tier","value":"silver"}`
	first := ask[PinAnswer](h, apikey.Steward, "POST", pinsOf("1"), body, "If-Match", tag, "Idempotency-Key", "k")
	for range 2 {
		again := ask[PinAnswer](h, apikey.Steward, "POST", pinsOf("1"), body, "If-Match", tag, "Idempotency-Key", "k")
		if again.Status != events.StatusDuplicate || again.Position != first.Position {
			t.Errorf("again %+v, first %+v", again, first)
		}
		h.rebuild() // what this process remembered is gone
	}
	other := `{"attribute":"tier","value":"gold"}`
	wantProblem(t, h.call(apikey.Steward, "POST", pinsOf("1"), other, "If-Match", tag, "Idempotency-Key", "k"), 409, "idempotency_key_reused")
	tag = h.seen("1")
	gone := ask[PinAnswer](h, apikey.Steward, "DELETE", pinsOf("1")+"/tier", nil, "If-Match", tag, "Idempotency-Key", "k")
	h.rebuild()
	again := ask[PinAnswer](h, apikey.Steward, "DELETE", pinsOf("1")+"/tier", nil, "If-Match", tag, "Idempotency-Key", "k")
	if again.Status != events.StatusDuplicate || again.Position != gone.Position {
		t.Errorf("unpinned again %+v, first %+v", again, gone)
	}
}

func TestPinsThatAreRefused(t *testing.T) {
	h := newHub(t)
	p := h.tell(maria("1"), jose("2"))
	for _, c := range []struct{ body, pointer string }{
		{`{"attribute":"birth_date","value":"hello"}`, "/value"},
		{`{"attribute":"birth_date","value":{"y":1980}}`, "/value"},
		{`{"attribute":"birth_date","value":null}`, "/attribute"},
		{`{"attribute":"phones","value":{"value":"+50255123456","colour":"red"}}`, "/value/colour"},
		{`{"attribute":"phones","value":"+50255123456"}`, "/value"},
		{`{"attribute":"names","value":{}}`, "/value"},
		{`{"attribute":"shoe_size","value":"44"}`, "/attribute"},
		{`{"attribute":"tags","value":"x"}`, "/attribute"},
		{`{"attribute":"attributes.a","value":{"x":1}}`, "/value"},
		{`{"attribute":"lifecycle","value":"dead"}`, "/value"},
		{`{"attribute":"tier","value":"x","record":{"source":"/crm/bank","id":"2"}}`, "/record"},
	} {
		got := wantProblem(t, h.call(apikey.Steward, "POST", pinsOf("1"), c.body, "If-Match", h.seen("1")), 422, "invalid")
		if len(got.Errors) == 0 || got.Errors[0].Pointer != c.pointer {
			t.Errorf("%s: %+v", c.body, got.Errors)
		}
		if strings.Contains(got.Detail, "hello") {
			t.Errorf("%s: the problem quotes the value", c.body)
		}
	}
	if end, _ := h.log.End(t.Context()); end != p {
		t.Errorf("the log ends at %d, was %d", end, p)
	}
	wantProblem(t, h.call(apikey.Steward, "POST", pinsOf("7"), `{"attribute":"tier","value":"x"}`, "If-Match", "*"), 404, "not_found")
}

func TestEveryKindOfValueIsPinned(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	for attribute, value := range map[string]string{
		"names": `{"given":"Ana","family":"Ruiz"}`, "death_date": `"2025"`, "gender": `"other"`, "documents": `{"kind":"dpi","number":"2365487100101","country":"GT"}`,
		"phones": `{"value":"+50244112233"}`, "emails": `{"value":"ana@example.org"}`, "addresses": `{"street":"4a Avenida","country":"GT"}`,
		"handles": `{"handle":"ana","network":"telegram"}`, "language": `"en"`, "nationality": `"MX"`, "lifecycle": `"former"`, "segment": `"retail"`,
		"vip": `false`, "organization": `"Acme"`, "preferences": `{"marketing":{"channel":"voice"}}`, "attributes.shoe size": `44`, "attributes.a/b~c": `["x"]`,
	} {
		if strings.Contains(attribute, " ") {
			attribute = strings.ReplaceAll(attribute, " ", "_") // the schema allows no white space
		}
		got := ask[PinAnswer](h, apikey.Steward, "POST", pinsOf("1"), `{"attribute":"`+attribute+`","value":`+value+`}`, "If-Match", h.seen("1"))
		if got.Attribute != attribute {
			t.Errorf("%s: %+v", attribute, got)
		}
	}
	c := ask[CustomerAnswer](h, apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	if c.DisplayName != "Ana Ruiz" || c.VIP.Value || len(c.Phones) != 2 || c.Phones[0].Value.Rule != golden.RulePinned || len(c.Addresses) != 1 ||
		string(c.Attributes["shoe_size"].Value) != "44" || c.Attributes["a/b~c"].Rule != golden.RulePinned {
		t.Errorf("customer %+v", c.Customer)
	}
}

func TestAssignInteraction(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"), jose("2"))
	call := event("call-7", events.InteractionRecordedV1, start.Add(-time.Hour), events.InteractionRecorded{
		Record:  events.Record{RecordKey: events.RecordKey{Source: "/crm/bank", Stream: "call", ID: "7"}},
		Channel: "voice", Direction: "inbound", StartedAt: start.Add(-time.Hour).Format(time.RFC3339), ContactPoints: []events.ContactPoint{{Phone: "+50255123456"}},
	})
	h.tell(call)
	id := events.RecordKey{Source: "/crm/bank", Stream: "call", ID: "7"}.UUID().String()
	path := "/v1/interactions/" + id + ":assign"
	calls := func() [2]int {
		n := [2]int{}
		for i, r := range []string{"1", "2"} {
			n[i] = len(ask[TimelineAnswer](h, apikey.Agent, "GET", "/v1/customers/"+crm(r).UUID().String()+"/timeline", nil).Data)
		}
		return n
	}
	if n := calls(); n != [2]int{} {
		t.Errorf("a shared number's call is shown: %v", n)
	}
	for _, step := range []struct {
		role apikey.Role
		body string
		want [2]int
	}{
		{apikey.Agent, `{"customer":"` + crm("1").UUID().String() + `","reason":"she said her name"}`, [2]int{1, 0}},
		{apikey.Steward, `{"record":{"source":"/crm/bank","id":"2"}}`, [2]int{0, 1}},
		{apikey.Agent, `{"customer":null,"reason":"a mistake"}`, [2]int{0, 0}},
		{apikey.Agent, `{"customer":"` + crm("2").UUID().String() + `"}`, [2]int{0, 1}},
	} {
		got := ask[InteractionAnswer](h, step.role, "POST", path, step.body)
		if n := calls(); n != step.want || got.Record.ID != "7" || got.Status != events.StatusAppended {
			t.Errorf("%s: %v, want %v; %+v", step.body, n, step.want, got)
		}
	}
	twice := func() InteractionAnswer {
		return ask[InteractionAnswer](h, apikey.Agent, "POST", path, `{"customer":null}`, "Idempotency-Key", "k")
	}
	if a, b := twice(), twice(); b.Status != events.StatusDuplicate || a.Position != b.Position {
		t.Errorf("%+v, then %+v", a, b)
	}
	for _, c := range []struct{ path, body string }{
		{"/v1/interactions/" + crm("9").UUID().String() + ":assign", `{"customer":null}`}, {"/v1/interactions/x:assign", `{"customer":null}`},
		{path, `{"customer":"` + crm("9").UUID().String() + `"}`},
	} {
		wantProblem(t, h.call(apikey.Agent, "POST", c.path, c.body), 404, "not_found")
	}
	for _, body := range []string{`{"record":{"source":"/crm/bank","id":"9"}}`, `{"customer":"` + crm("1").UUID().String() + `","record":{"source":"/crm/bank","id":"2"}}`} {
		wantProblem(t, h.call(apikey.Agent, "POST", path, body), 422, "invalid")
	}
}

func TestHeldStatementsAreListed(t *testing.T) {
	h := newHub(t)
	p := h.tell(maria("1"), jose("2"))
	h.tell(joined(p, crm("1"), crm("2")))
	deny := event("no-1", events.ContactStatedV1, start, events.ContactStated{Choice: events.Deny, Records: []events.RecordKey{crm("2")}, StatedAt: start.Format(time.RFC3339),
		ContactPoints: []events.ContactPoint{{Email: "jose@example.com"}}})
	h.tell(deny)
	apart := joined(p, crm("1"), crm("2"))
	apart.ID = "apart"
	apart.Data = []byte(`{"cause":1,"model":"m","engine":"e","groups":[[{"record":"` + crm("1").UUID().String() + `","position":1}],[{"record":"` + crm("2").UUID().String() + `","position":2}]]}`)
	h.tell(apart)
	list := func() StatementsAnswer {
		return ask[StatementsAnswer](h, apikey.Agent, "GET", statementsOf("1"), nil)
	}
	if got := list().Data; len(got) != 1 || got[0].Held == nil || len(got[0].Held.Records) != 1 || len(got[0].ContactPoints) != 0 {
		t.Fatalf("statements %+v", got)
	}
	blocked := func() CustomerAnswer {
		return ask[CustomerAnswer](h, apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	}
	if c := blocked(); len(c.Contact.Blocked) != 2 || !c.Contact.Blocked[1].Held {
		t.Errorf("blocked %+v", c.Contact.Blocked)
	}
	folio := events.StatementID("/crm/bank", "no-1")
	free := event("free-1", events.ContactHoldConfirmedV1, start, events.ContactHoldConfirmed{Statement: folio, Records: apartIDs("1"), By: "rosa"})
	free.Source = deskSource
	h.tell(free)
	if got := list().Data; len(got) != 1 || len(got[0].Held.Records) != 0 || got[0].Held.Freed[0].By != "rosa" {
		t.Errorf("freed: %+v", got)
	}
	if c := blocked(); len(c.Contact.Blocked) != 0 || len(c.Contact.Freed) != 1 || c.Contact.Freed[0].Statement != folio {
		t.Errorf("contact %+v", c.Contact)
	}
}

func apartIDs(ids ...string) []uuid.UUID {
	var out []uuid.UUID
	for _, id := range ids {
		out = append(out, crm(id).UUID())
	}
	return out
}
