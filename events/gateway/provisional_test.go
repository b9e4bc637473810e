package gateway_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/gateway"
	"ficha/internal/strictjson"
	"ficha/schemas"
)

// boundBy gives the statement that binds after an event was sent, nil for none.
func boundBy(t *testing.T, d *door, r events.EventResult) *events.ContactStated {
	t.Helper()
	stored := d.stored()
	if len(stored) == 0 {
		return nil
	}
	s := stored[len(stored)-1]
	var data events.ContactStated
	if err := json.Unmarshal(s.Data, &data); err != nil {
		t.Fatal(err)
	}
	if s.Source != gateway.Source || s.Type != events.ContactStatedV1 || data.Choice != events.Deny || data.Ext == nil || !data.Ext.Unconfirmed || data.Ext.Problem == "" {
		t.Fatalf("bound %s %s %s", s.Source, s.Type, s.Data)
	}
	if r.Status != events.StatusRejected || len(r.Errors) == 0 || r.Statement != events.StatementID(s.Source, s.ID) || r.Position != s.Position {
		t.Errorf("the answer is %+v", r)
	}
	if !strings.Contains(codes(r.Warnings), "bound_provisionally") {
		t.Errorf("no warning: %s", codes(r.Warnings))
	}
	return &data
}

func TestADenyThatIsNotValidBinds(t *testing.T) {
	phone := []events.ContactPoint{{Phone: "5555 0101"}}
	deny := func(data string, changes ...string) string {
		return event("x", "contact.stated.v1", data, changes...)
	}
	cases := []struct {
		name, event string
		points      []events.ContactPoint
		records     []events.RecordKey
		scope       events.Scope
	}{
		{name: "choice misspelt", event: deny(`{"choice":"denied","contact_points":[{"phone":"5555 0101"}],"stated_at":"2026-03-02T09:20:00Z"}`), points: phone},
		{name: "choice missing", event: deny(`{"contact_points":[{"phone":"5555 0101"}]}`), points: phone},
		{name: "choice no text", event: deny(`{"choice":false,"contact_points":[{"phone":"5555 0101"}]}`), points: phone},
		{name: "choice Allow is not exactly allow", event: deny(`{"choice":"Allow","contact_points":[{"phone":"5555 0101"}]}`), points: phone},
		{name: "unknown field", event: deny(`{"choice":"deny","contact_points":[{"phone":"5555 0101","note":"x"}],"stated_at":"2026-03-02T09:20:00Z","agent":"a"}`), points: phone},
		{name: "point as text", event: deny(`{"choice":"deny","contact_points":"5555 0101"}`), points: phone},
		{name: "points as texts", event: deny(`{"choice":"deny","contact_points":["5555 0101","ana@example.com"]}`), points: []events.ContactPoint{{Email: "ana@example.com"}, {Phone: "5555 0101"}}},
		{name: "point as number", event: deny(`{"choice":"deny","contact_points":[50255550101]}`), points: []events.ContactPoint{{Phone: "50255550101"}}},
		{name: "phone as number", event: deny(`{"choice":"deny","contact_points":[{"phone":50255550101}]}`), points: []events.ContactPoint{{Phone: "50255550101"}}},
		{name: "point under another name", event: deny(`{"choice":"deny","contactPoints":{"mobile":{"number":"5555 0101"}}}`), points: phone},
		{name: "phone beside", event: deny(`{"choice":"deny","phone":"5555 0101","stated_at":"2026-03-02T09:20:00Z"}`), points: phone},
		{name: "email beside", event: deny(`{"choice":"deny","email":" ana@example.com "}`), points: []events.ContactPoint{{Email: "ana@example.com"}}},
		{name: "handle", event: deny(`{"choice":"deny","contact_points":[{"handle":"@ana","network":"x","since":2020}]}`), points: []events.ContactPoint{{Handle: "@ana", Network: "x"}}},
		{name: "digits of another script", event: deny(`{"choice":"deny","contact_points":["٥٥٥٥٠١٠١"]}`), points: []events.ContactPoint{{Phone: "٥٥٥٥٠١٠١"}}},
		{name: "phone with a line break", event: deny(`{"choice":"deny","contact_points":["5555\n0101"]}`), points: []events.ContactPoint{{Phone: "55550101"}}},
		{name: "no date is a phone", event: deny(`{"choice":"deny","contact_points":[{"phone":"5555 0101","added":"2026-03-02","at":"2026-03-02T09:20:00Z"}]}`), points: phone},
		{name: "no postal code is a phone", event: deny(`{"choice":"deny","contact_points":[{"phone":"5555 0101"},{"address":{"postal_code":"010012"},"x":1}]}`), points: phone},
		{name: "record", event: deny(`{"choice":"deny","records":[{"source":"/shop","id":7,"x":1}]}`), records: []events.RecordKey{{Source: "/shop", ID: "7"}}},
		{name: "record of the sender", event: deny(`{"choice":"deny","record":{"id":"1","stream":"customer"}}`), records: []events.RecordKey{{Source: "/crm/bank", Stream: "customer", ID: "1"}}},
		{name: "clean scope", event: deny(`{"choice":"no","phone":"5555 0101","scope":{"products":["loan"],"channels":["voice","sms"]}}`), points: phone, scope: events.Scope{Products: []string{"loan"}, Channels: []string{"voice", "sms"}}},
		{name: "one dimension is not clean", event: deny(`{"choice":"no","phone":"5555 0101","scope":{"products":"loan","channels":["voice"],"purposes":["a",1]}}`), points: phone, scope: events.Scope{Channels: []string{"voice"}}},
		{name: "scope is no object", event: deny(`{"choice":"no","phone":"5555 0101","scope":["marketing"]}`), points: phone},
		{name: "type of the family", event: event("x", "Contact.Stated", `{"choice":"deny","phone":"5555 0101"}`), points: phone},
		{name: "type of a version to come", event: event("x", "contact.stated.v9", `{"phone":"5555 0101"}`), points: phone},
		{name: "unknown type that says deny", event: event("x", "contact.optout.v1", `{"choice":"deny","phone":"5555 0101"}`), points: phone},
		{name: "no type", event: event("x", "", `{"choice":"deny","phone":"5555 0101"}`, "type", ""), points: phone},
		{name: "no source", event: deny(`{"choice":"deny","phone":"5555 0101"}`, "source", ""), points: phone},
		{name: "source not allowed", event: deny(denyData, "source", `"/shop"`), points: []events.ContactPoint{{Phone: "+50255550101"}}, scope: events.Scope{Products: []string{"extra-financing"}}},
		{name: "data twice encoded", event: deny(`"{\"choice\":\"deny\",\"phone\":\"5555 0101\"}"`), points: phone},
		{name: "no inner level", event: `{"type":"contact.stated.v1","source":"/crm/bank","id":"x","choice":"deny","phone":"5555 0101"}`, points: phone},
		{name: "named twice", event: deny(`{"choice":"allow","choice":"deny","phone":"5555 0101"}`), points: phone},
		{name: "points named twice", event: deny(`{"choice":"deny","contact_points":["5555 0101"],"contact_points":["5555 0102"]}`), points: []events.ContactPoint{{Phone: "5555 0101"}, {Phone: "5555 0102"}}},
		{name: "text that is not Unicode", event: deny("{\"choice\":\"deny\",\"reason\":\"\xf1\",\"phone\":\"5555 0101\"}"), points: phone},
		{name: "cut short", event: `{"type":"contact.stated.v1","source":"/crm/bank","id":"x","data":{"choice":"deny","contact_points":[{"phone":"5555 0101"},{"phone":"5555 01`, points: phone},
		{name: "too large", event: deny(`{"choice":"deny","phone":"5555 0101","text_shown":"` + strings.Repeat("x", 2<<20) + `"}`), points: phone},
		{name: "too deep", event: deny(`{"choice":"deny","phone":"5555 0101","ext":{"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}}`), points: phone},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, nil)
			r := d.one(c.event)
			got := boundBy(t, d, r)
			if got == nil {
				t.Fatalf("nothing binds; the answer is %+v", r)
			}
			if !reflect.DeepEqual(got.ContactPoints, c.points) || !reflect.DeepEqual(got.Records, c.records) || !reflect.DeepEqual(got.Scope, c.scope) {
				t.Errorf("bound %+v %+v %+v", got.ContactPoints, got.Records, got.Scope)
			}
			letters := d.letters()
			if len(letters) != 1 || !strings.HasPrefix(c.event, string(letters[0].Bytes)) || letters[0].Reason == "" {
				t.Errorf("kept %+v", letters)
			}
		})
	}
}

func TestWhatIsNoDenyDoesNotBind(t *testing.T) {
	cases := map[string]string{
		"an allow":                  event("x", "contact.stated.v1", `{"choice":"allow","phone":"5555 0101"}`),
		"allow twice":               event("x", "contact.stated.v1", `{"choice":"allow","choice":"allow","phone":"5555 0101"}`),
		"another type":              event("x", "customer.recorded.v1", `{"choice":"deny","phone":"5555 0101"}`),
		"an unknown type":           event("x", "contact.reserved.v1", `{"contact_points":[{"phone":"5555 0101"}]}`),
		"a statement withdrawn":     event("x", "contact.statement_withdrawn.v1", `{"statement":"x","phone":"5555 0101"}`),
		"something else altogether": `{"phone":"5555 0101"}`,
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			d := open(t, nil)
			r := d.one(e)
			if r.Status != events.StatusRejected || r.Statement != "" || len(d.stored())+len(d.letters()) != 0 {
				t.Errorf("got %+v, %d stored", r, len(d.stored()))
			}
		})
	}
}

func TestADenyAboutNobodyIsKept(t *testing.T) {
	d := open(t, nil)
	r := d.one(event("x", "contact.stated.v1", `{"choice":"deny","contact_points":[{"phone":"12345"}]}`, "stated_at", "1"))
	if r.Status != events.StatusRejected || r.Statement != "" || codes(r.Warnings) != "kept_as_dead_letter" {
		t.Errorf("got %+v", r)
	}
	letters := d.letters()
	if len(letters) != 1 || letters[0].Source != "/crm/bank" || letters[0].ID != "x" || len(d.stored()) != 0 || !letters[0].Recorded.Equal(noon) {
		t.Errorf("kept %+v", letters)
	}
	// Broken beyond reading, but it names the type.
	res := d.submit(events.FormatNDJSON, `contact.stated.v1;deny;5555 0101`)
	if codes(res.Results[0].Warnings) != "kept_as_dead_letter" || len(d.letters()) != 2 {
		t.Errorf("got %+v", res)
	}
	// Broken and about something else: nobody needs it.
	d.submit(events.FormatNDJSON, `customer;5555 0101`)
	if len(d.letters()) != 2 {
		t.Error("kept what is no deny")
	}
}

func TestWhenAndOfWhatADenyBinds(t *testing.T) {
	d := open(t, nil)
	get := func(id, statedAt string) *events.ContactStated {
		data := `{"choice":"no","phone":"5555 0101"`
		if statedAt != "" {
			data += `,"stated_at":"` + statedAt + `"`
		}
		return boundBy(t, d, d.one(event(id, "contact.stated.v1", data+`,"via":{"channel":"voice","agent":"a17","desk":1}}`)))
	}
	for given, want := range map[string]string{
		"2026-03-02T03:20:00-06:00": "2026-03-02T09:20:00Z", "2026-03-02T12:01:00Z": "2026-03-02T12:00:00Z",
		"yesterday": "2026-03-02T12:00:00Z", "": "2026-03-02T12:00:00Z", "0001-01-01T00:00:00Z": "2026-03-02T12:00:00Z",
	} {
		got := get("id "+given, given)
		if got.StatedAt != want {
			t.Errorf("stated at %q binds since %s, want %s", given, got.StatedAt, want)
		}
		if got.Ext.Of == nil || *got.Ext.Of != (events.EventID{Source: "/crm/bank", ID: "id " + given}) {
			t.Errorf("of %+v", got.Ext.Of)
		}
		if got.Via != (events.Via{Channel: "voice", Agent: "a17"}) {
			t.Errorf("via %+v", got.Via)
		}
	}
	got := boundBy(t, d, d.one(event("x", "contact.stated.v1", `{"choice":"no","phone":"5555 0101"}`, "id", `["x"]`)))
	if got.Ext.Of != nil {
		t.Errorf("an event without an id cannot be named: %+v", got.Ext.Of)
	}
}

func TestTheSameInvalidDenyBindsOnce(t *testing.T) {
	d := open(t, nil)
	e := event("x", "contact.stated.v1", `{"choice":"no","phone":"5555 0101"}`)
	first := d.one(e)
	d.now = noon.Add(time.Hour)
	again := d.one(e)
	if len(d.stored()) != 1 || len(d.letters()) != 1 {
		t.Errorf("%d statements, %d dead letters, want one each", len(d.stored()), len(d.letters()))
	}
	if again.Statement != first.Statement || again.Position != first.Position || !strings.Contains(codes(again.Warnings), "bound_provisionally") {
		t.Errorf("sent again: %+v, first %+v", again, first)
	}
	other := d.one(event("x", "contact.stated.v1", `{"choice":"no","phone":"5555 0102"}`))
	if other.Statement == first.Statement || len(d.stored()) != 2 {
		t.Errorf("other content under the id: %+v", other)
	}
}

func TestADenyWithAReusedIDBindsForItself(t *testing.T) {
	d := open(t, nil)
	d.one(event("x", "contact.stated.v1", denyData))
	r := d.one(event("x", "contact.stated.v1", strings.Replace(denyData, "0101", "0102", 1)))
	got := boundBy(t, d, r)
	if got == nil || len(got.ContactPoints) != 1 || got.ContactPoints[0].Phone != "+50255550102" {
		t.Fatalf("bound %+v", got)
	}
	if got.Ext.Of != nil {
		t.Error("it would end at once: the event of that id is in the log")
	}
	if codes(r.Errors) != "id_reused /id" || len(d.letters()) != 1 {
		t.Errorf("got %+v", r)
	}
	// An allow with a reused id binds nothing.
	if r := d.one(event("x", "contact.stated.v1", allowData)); r.Statement != "" || len(d.stored()) != 2 {
		t.Errorf("an allow: %+v", r)
	}
}

func TestAnEventOfTheHubThatIsRefusedBindsToo(t *testing.T) {
	d := open(t, nil)
	e := events.Envelope{ID: "x", Source: "/ficha/desk", Type: events.ContactStatedV1, Time: noon, Data: json.RawMessage(`{"choice":"deny","contact_points":[{"phone":"5555 0101"}]}`)}
	res, err := d.Publish(t.Context(), theHub, []events.Envelope{e})
	if err != nil {
		t.Fatal(err)
	}
	if got := boundBy(t, d, res.Results[0]); got == nil || len(got.ContactPoints) != 1 {
		t.Errorf("bound %+v", got)
	}
}

func TestReasonsHoldNoValues(t *testing.T) {
	d := open(t, nil)
	r := d.one(event("x", "contact.stated.v1", `{"choice":"secret","phone":"5555 0101","secret-field":1,"5555010199":2,"Secreto":{"a":1}}`))
	got := boundBy(t, d, r)
	for _, text := range []string{got.Ext.Problem, d.letters()[0].Reason, d.stored()[0].ID} {
		for _, secret := range []string{"secret", "Secreto", "5555"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q holds %q", text, secret)
			}
		}
	}
	for _, p := range append(r.Errors, r.Warnings...) {
		if strings.Contains(p.Detail+p.Remedy, "secret") || strings.Contains(p.Detail+p.Remedy, "5555") {
			t.Errorf("quotes a value: %+v", p)
		}
	}
}

func TestOthersOfTheBodyAreNotHeldUpByABindingOne(t *testing.T) {
	d := open(t, nil)
	res := d.submit(events.FormatBatch, "["+customer("1")+","+event("2", "contact.stated.v1", `{"phone":"5555 0101"}`)+","+customer("3")+"]")
	if len(d.stored()) != 3 || d.stored()[1].Source != gateway.Source || res.Position != 3 || res.Rejected != 1 {
		t.Errorf("got %+v", res)
	}
}

func TestMoveInbox(t *testing.T) {
	d := open(t, nil)
	messages := []gateway.InboxMessage{
		{Source: "/crm/bank", Bytes: []byte(customer("a"))},
		{Source: "/crm/bank", Bytes: []byte(customer("b", "source", `"/crm/bank/eu"`))},
		{Source: "/crm/bank", Bytes: []byte("hello")},
		{Source: "/crm/bank", Bytes: []byte(event("d", "contact.stated.v1", `{"choice":"no","phone":"5555 0101"}`))},
		{Source: "/shop", Bytes: []byte(customer("e"))},
		{Source: "/ficha/gateway", Bytes: []byte(event("f", "contact.stated.v1", allowData, "source", `"/ficha/gateway"`))},
		{Source: "/crm/bank", Bytes: nil},
	}
	if err := d.MoveInbox(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	if s := d.stored(); len(s) != 2 || s[0].ID != "a" || s[1].Source != gateway.Source {
		t.Errorf("stored %+v", s)
	}
	letters := d.letters()
	if len(letters) != 6 || d.gone != 6 {
		t.Fatalf("%d dead letters, %d counted, want 6", len(letters), d.gone)
	}
	for i, l := range letters {
		if m := messages[i+1]; string(l.Bytes) != string(m.Bytes) || l.Source != m.Source || l.Reason == "" {
			t.Errorf("dead letter %d: %+v", i, l)
		}
	}
	// Given again, as after a crash before the ack: the log holds everything once.
	if err := d.MoveInbox(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	if len(d.stored()) != 2 {
		t.Errorf("%d events in the log after a repeat", len(d.stored()))
	}
}

func TestMoveInboxFailsWhereSomethingCouldBeLost(t *testing.T) {
	d := open(t, nil)
	d.log.FailAppends(events.ErrUnavailable)
	if err := d.MoveInbox(t.Context(), []gateway.InboxMessage{{Source: "/crm/bank", Bytes: []byte(customer("a"))}}); err == nil {
		t.Error("the log is gone and nobody says so")
	}
	none := open(t, func(c *gateway.Config) { c.Door = nil })
	if err := none.MoveInbox(t.Context(), nil); err == nil {
		t.Error("nobody counts and nobody says so")
	}
}

// FuzzSubmit: whatever comes, every event is answered, nothing is appended that
// is not valid, and what is taken can be decoded.
func FuzzSubmit(f *testing.F) {
	registry, err := schemas.New()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		customer("a"), event("b", "contact.stated.v1", denyData), event("c", "contact.stated.v1", `{"phone":"5555 0101"}`),
		event("d", "contact.stated.v0", `{"choice":"deny","contact_point":{"email":"a@b"},"stated_at":"2026-03-02T09:20:00Z"}`),
		event("e", "interaction.recorded.v1", callData), `{"type":"contact.stated.v1","data":{"phone":["555555",{"a":1}]`, "hello",
		"{\"type\":\"contact.stated.v1\",\"data\":{\"contact_points\":\"\xff555555\\u0000\"}}",
	} {
		f.Add(uint8(0), []byte(s))
		f.Add(uint8(1), []byte("["+s+","+s+"]"))
		f.Add(uint8(2), []byte(s+"\n"+s))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		d := open(t, nil)
		format := []events.Format{events.FormatEvent, events.FormatBatch, events.FormatNDJSON}[which%3]
		res, err := d.Submit(t.Context(), bank, format, body)
		if err != nil {
			if p := (*events.Problem)(nil); !asProblem(err, &p) {
				t.Fatalf("not a problem: %v", err)
			}
			return
		}
		for i, r := range res.Results {
			checkAnswer(t, i, r)
		}
		for _, s := range d.stored() {
			doc, err := strictjson.NewReader(strictjson.Limits{}).Read(s.Data, "")
			if err != nil {
				t.Fatalf("stored data is broken: %v", err)
			}
			if v := registry.Validate(string(s.Type), doc.Tree); len(v) > 0 {
				t.Fatalf("stored %s is not valid: %+v", s.Type, v)
			}
			if _, err := events.Decode(s); err != nil {
				t.Fatalf("stored %s does not decode: %v", s.Type, err)
			}
		}
	})
}

func asProblem(err error, p **events.Problem) bool {
	return errors.As(err, p) && (*p).Code != "" && (*p).Detail != ""
}

func checkAnswer(t *testing.T, i int, r events.EventResult) {
	t.Helper()
	switch r.Status {
	case events.StatusAppended, events.StatusDuplicate:
		if r.Position == 0 || len(r.Errors) > 0 || r.Source == "" || r.ID == "" {
			t.Fatalf("answer %d: %+v", i, r)
		}
	case events.StatusRejected:
		if len(r.Errors) == 0 || (r.Statement != "") != (r.Position != 0) {
			t.Fatalf("answer %d: %+v", i, r)
		}
	default:
		t.Fatalf("answer %d has status %q", i, r.Status)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Fatalf("answer %d cannot be written: %v", i, err)
	}
}
