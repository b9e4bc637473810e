package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"ficha/api/client"
	"ficha/events"
)

// flawedDeny is a deny as a system sends it that has something wrong. Its body has
// {id}, {phone} and {now} where the event's id, a telephone and the time go.
type flawedDeny struct {
	name    string
	body    string
	code    string // of the problem that the sender is told
	pointer string // where
	nobody  bool   // the event cannot be named, so no valid form of it can be recognised
	single  bool   // sent as one event, not as a batch
}

func flawedDenies() []flawedDeny {
	deny := func(data string) string {
		return `{"specversion":"1.0","id":"{id}","source":"/crm/bank","type":"contact.stated.v1","time":"{now}","data":{"choice":"deny",` + data + `}}`
	}
	const points, stated = `"contact_points":[{"phone":"{phone}"}]`, `"stated_at":"{now}"`
	return []flawedDeny{
		{name: "wrong type", body: deny(points + `,` + stated + `,"reason":7`), code: "schema", pointer: "/data/reason"},
		{name: "phone is a number", body: deny(`"contact_points":[{"phone":{phone}}],` + stated), code: "schema", pointer: "/data/contact_points/0/phone"},
		{name: "unknown field", body: deny(points + `,` + stated + `,"campaign":"spring"`), code: "schema", pointer: "/data/campaign"},
		{name: "channel is no list", body: deny(points + `,` + stated + `,"scope":{"channels":"voice"}`), code: "schema", pointer: "/data/scope/channels"},
		{name: "no stated_at", body: deny(points), code: "schema", pointer: "/data/stated_at"},
		{name: "stated_at is no time", body: deny(points + `,"stated_at":"yesterday"`), code: "schema", pointer: "/data/stated_at"},
		{name: "duplicate key", body: deny(points + `,` + stated + `,` + stated), code: "duplicate_key", pointer: "/data/stated_at"},
		{name: "text instead of object", body: deny(`"contact_points":["{phone}"],` + stated), code: "schema", pointer: "/data/contact_points/0"},
		{name: "text instead of list", body: deny(`"contact_points":"{phone}",` + stated), code: "schema", pointer: "/data/contact_points"},
		{name: "misspelt choice", body: strings.Replace(deny(points+`,`+stated), `"deny"`, `"denied"`, 1), code: "schema", pointer: "/data/choice"},
		{name: "no specversion", body: strings.Replace(deny(points+`,`+stated), `"specversion":"1.0",`, "", 1), code: "required", pointer: "/specversion"},
		{name: "no time", body: strings.Replace(deny(points+`,`+stated), `"time":"{now}",`, "", 1), code: "required", pointer: "/time"},
		{name: "unknown attribute", body: strings.Replace(deny(points+`,`+stated), `"specversion"`, `"priority":1,"specversion"`, 1), code: "unknown_attribute", pointer: "/priority"},
		{name: "version to come", body: strings.Replace(deny(points+`,`+stated), "stated.v1", "stated.v7", 1), code: "unknown_type", pointer: "/type"},
		{name: "no id", body: strings.Replace(deny(points+`,`+stated), `"id":"{id}",`, "", 1), code: "required", pointer: "/id", nobody: true},
		{name: "no inner level", body: `{"id":"{id}","source":"/crm/bank","type":"contact.stated.v1","choice":"deny","phone":"{phone}"}`, code: "required", pointer: "/data"},
		{name: "cut short", body: strings.TrimSuffix(deny(points+`,`+stated), "}}"), code: "invalid_json", single: true},
	}
}

// of gives the body for an event's id and a telephone, and how to send it.
func (f flawedDeny) of(id, phone string) (string, events.Format) {
	if strings.Contains(f.body, `{"phone":{phone}}`) {
		phone = phone[1:] // JSON has no plus before a number
	}
	body := strings.NewReplacer("{id}", id, "{phone}", phone, "{now}", time.Now().UTC().Format(time.RFC3339)).Replace(f.body)
	if f.single {
		return body, events.FormatEvent
	}
	return "[" + body + "]", events.FormatBatch
}

// TestStoryDenyBinds sends denies that have something wrong: each binds from the
// next question on, says what is wrong, and gives way to its valid form.
func TestStoryDenyBinds(t *testing.T) {
	h := serveProcess(t, t.TempDir())
	for i, f := range flawedDenies() {
		t.Run(f.name, func(t *testing.T) {
			id, phone := fmt.Sprint("flawed-", i), fmt.Sprintf("+502510%05d", i)
			sendFlawed(t, h.Client, f, id, phone)
			if !f.nobody {
				correctFlawed(t, h.Client, id, phone)
			}
		})
	}
	t.Run("clock ahead", func(t *testing.T) { denyFromTheFuture(t, h.Client) })
	t.Run("codes nobody knows", func(t *testing.T) { unknownCodes(t, h.Client) })
	if s := h.settled(t); !s.Equation.Balanced || !s.Log.OK {
		t.Errorf("status at the end: %+v", s)
	}
}

// sendFlawed sends the event and asks about its telephone at once.
func sendFlawed(t *testing.T, c *client.Client, f flawedDeny, id, phone string) {
	t.Helper()
	q := marketingCall("phone", rewritten(phone, len(id)))
	if a := askOne(t, c, q); !a.allows() {
		t.Fatalf("denied before anything was said: %v", a.codes())
	}
	body, format := f.of(id, phone)
	res, err := c.SubmitRaw(t.Context(), format, []byte(body))
	if err != nil {
		t.Fatalf("the body as a whole was refused: %v", err)
	}
	r := res.Results[0]
	if r.Status != events.StatusRejected || r.Statement == "" || !tells(r.Errors, f.code, f.pointer) || !tells(r.Warnings, "bound_provisionally", "") {
		t.Errorf("the sender is told %+v", r)
	}
	if said := fmt.Sprintf("%+v", r); strings.Contains(said, phone[4:]) {
		t.Errorf("the answer quotes the telephone: %s", said)
	}
	a := askOne(t, c, q)
	if !a.deniesFor("unconfirmed_statement") || a.Reasons[0].Statement != r.Statement {
		t.Fatalf("%s for %+v, want deny for statement %s", a.Decision, a.Reasons, r.Statement)
	}
	if why := a.Reasons[0]; why.Texts["es"] == "" || why.Texts["en"] == "" || why.Texts["es"] == why.Texts["en"] || why.Text == "" {
		t.Errorf("texts of the reason: %+v", why)
	}
}

// tells says whether a problem has the code and the pointer, and says what is
// wrong and what to do.
func tells(problems []events.Problem, code, pointer string) bool {
	for _, p := range problems {
		if p.Code == code && (pointer == "" || p.Pointer == pointer) && p.Detail != "" && p.Remedy != "" {
			return true
		}
	}
	return false
}

// correctFlawed sends the event again as it should have been, for one product:
// that counts now, and the provisional deny of everything has ended.
func correctFlawed(t *testing.T, c *client.Client, id, phone string) {
	t.Helper()
	e := denyOfPhone("/crm/bank", id, phone)
	var d events.ContactStated
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatal(err)
	}
	d.Scope.Products = []string{"loan"}
	mustSubmit(t, c, made("/crm/bank", id, events.ContactStatedV1, d))
	q := marketingCall("phone", phone)
	q.Product = "Loan "
	if a := askOne(t, c, q); !a.deniesFor("contact_point_denied") || a.deniesFor("unconfirmed_statement") {
		t.Errorf("after the valid form: %s for %v", a.Decision, a.codes())
	}
	q.Product = "insurance"
	if a := askOne(t, c, q); !a.allows() {
		t.Errorf("the valid form is about another product, yet: deny for %v", a.codes())
	}
}

// denyFromTheFuture: a sender whose clock is ten minutes ahead. Its deny binds
// now, and what the customer says afterwards still counts as said afterwards.
func denyFromTheFuture(t *testing.T, c *client.Client) {
	const phone = "+50251090001"
	soon := time.Now().UTC().Add(10 * time.Minute)
	ahead := func(id string, choice events.Choice) events.Envelope {
		d := denied()
		d.Choice, d.ContactPoints, d.StatedAt = choice, []events.ContactPoint{{Phone: phone}}, soon.Format(time.RFC3339)
		e := made("/crm/ahead", id, events.ContactStatedV1, d)
		e.Time = soon
		return e
	}
	res := mustSubmit(t, c, ahead("ahead", events.Deny))
	if w := res.Results[0].Warnings; !tells(w, "time_adjusted", "/time") || !tells(w, "time_adjusted", "/data/stated_at") {
		t.Errorf("the sender is told %+v", w)
	}
	q := marketingCall("phone", phone)
	if a := askOne(t, c, q); !a.deniesFor("contact_point_denied") {
		t.Errorf("%s for %v", a.Decision, a.codes())
	}
	later := denied()
	later.Choice, later.ContactPoints = events.Allow, []events.ContactPoint{{Phone: phone}}
	mustSubmit(t, c, made("/crm/bank", "later", events.ContactStatedV1, later))
	if a := askOne(t, c, q); !a.allows() {
		t.Errorf("what was said afterwards does not count: deny for %v", a.codes())
	}
	r, err := c.Submit(t.Context(), []events.Envelope{ahead("ahead-allow", events.Allow)})
	if err != nil || r.Results[0].Status != events.StatusRejected || !tells(r.Results[0].Errors, "future_time", "") {
		t.Errorf("an allow of the future: %+v, %v", r.Results, err)
	}
}

// unknownCodes: a product, a channel and a purpose that the hub never heard of.
func unknownCodes(t *testing.T, c *client.Client) {
	const product, channel, open = "+50251091001", "+50251091002", "+50251091003"
	aboutProduct, onChannel := denied(), denied()
	aboutProduct.Scope, aboutProduct.ContactPoints = events.Scope{Products: []string{"Préstamo Ñandú"}}, []events.ContactPoint{{Phone: product}}
	onChannel.Scope.Channels, onChannel.ContactPoints = []string{"hologram"}, []events.ContactPoint{{Phone: channel}}
	mustSubmit(t, c, made("/crm/bank", "product", events.ContactStatedV1, aboutProduct), made("/crm/bank", "channel", events.ContactStatedV1, onChannel))
	for _, x := range []struct {
		phone, purpose, product, code string
	}{
		{product, "marketing", " PRÉSTAMO ñandú", "contact_point_denied"},
		{product, "marketing", "", "contact_point_denied"},
		{product, "marketing", "insurance", ""},
		{channel, "marketing", "", "contact_point_denied"},
		{channel, "service", "", ""},
		{open, "astrology", "", "unknown_purpose"},
		{open, "marketing", "insurance", ""},
	} {
		q := marketingCall("phone", x.phone)
		q.Purpose, q.Product = x.purpose, x.product
		a := askOne(t, c, q)
		if x.code == "" && !a.allows() || x.code != "" && !a.deniesFor(x.code) {
			t.Errorf("%s %q: %s for %v, want %q", x.purpose, x.product, a.Decision, a.codes(), x.code)
		}
	}
}

// TestStoryDenyInTheInboxBinds leaves a flawed deny where nobody waits for an
// answer: it binds, its bytes are kept, and its valid form ends it.
func TestStoryDenyInTheInboxBinds(t *testing.T) {
	h, c := hubInProcess(t)
	const phone = "+50251200001"
	q := marketingCall("phone", phone)
	leave := func(e events.Envelope) {
		t.Helper()
		b, err := json.Marshal(e)
		if err == nil {
			err = h.log.PublishInbox(t.Context(), e.Source, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	e := denyOfPhone("/pbx", "left", phone)
	valid := e.Data
	e.Data = []byte(strings.Replace(string(valid), `"choice"`, `"dialled":true,"choice"`, 1))
	leave(e)
	eventually(t, "the flawed deny binds", func() bool { return askOne(t, c, q).deniesFor("unconfirmed_statement") })
	eventually(t, "its bytes are kept", func() bool {
		var s statusAnswer
		return c.Do(t.Context(), http.MethodGet, "/v1/status", nil, &s) == nil && s.Counts.DeadLetters == 1 && s.Equation.Dead == 1 && s.Equation.Balanced
	})
	e.Data = valid
	leave(e)
	eventually(t, "its valid form counts in its place", func() bool {
		a := askOne(t, c, q)
		return a.deniesFor("contact_point_denied") && !a.deniesFor("unconfirmed_statement")
	})
}

// hubInProcess is a whole hub in this process, listening.
func hubInProcess(t *testing.T) (*hub, *client.Client) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	h, err := openHub(t.Context(), hubConfig{Dir: t.TempDir(), Insecure: true, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close(quiet) })
	at, err := listen(settings{Listen: "127.0.0.1:0"}, h.handler())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = at.stop() })
	return h, &client.Client{BaseURL: at.url}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("in vain waited until %s", what)
}
