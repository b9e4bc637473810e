package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/events"
)

func TestCustomer(t *testing.T) {
	h := newHub(t)
	p := h.tell(maria("1"))
	w := h.call(apikey.Steward, "GET", "/v1/customers/"+crm("1").UUID().String(), nil)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	c := raw(w.Body.Bytes())
	for name, want := range map[string]any{
		"id": crm("1").UUID().String(), "kind": "person", "display_name": "María José Núñez García",
		"masked": false, "position": float64(p), "resolved_position": float64(p),
	} {
		if c[name] != want {
			t.Errorf("%s = %v, want %v", name, c[name], want)
		}
	}
	phone := c["phones"].([]any)[0].(map[string]any)
	if phone["value"] != "+50255123456" || phone["record"].(map[string]any)["id"] != "1" || phone["rule"] == "" || phone["also"] == nil {
		t.Errorf("phone = %v", phone)
	}
	record := c["records"].([]any)[0].(map[string]any)
	if record["source"] != "/crm/bank" || record["stream"] != "customer" || record["id"] != "1" || record["record_uuid"] != crm("1").UUID().String() {
		t.Errorf("record = %v", record)
	}
	if c["contact"].(map[string]any)["blocked"] == nil {
		t.Errorf("contact = %v", c["contact"])
	}
}

func TestAnyIDEverGivenOutAnswers(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	p := h.tell(jose("2"))
	h.tell(joined(p, crm("1"), crm("2")))
	got := ask[CustomerAnswer](h, apikey.System, "GET", "/v1/customers/"+crm("2").UUID().String(), nil)
	if got.ID != crm("1").UUID() || got.RedirectedFrom != crm("2").UUID() || len(got.Records) != 2 {
		t.Errorf("id %s, redirected from %s, %d records", got.ID, got.RedirectedFrom, len(got.Records))
	}
	for _, id := range []string{uuid.New().String(), "55123456", "x:y", strings.Repeat("a", 60)} {
		w := h.call(apikey.System, "GET", "/v1/customers/"+id, nil)
		if w.Code != http.StatusNotFound {
			t.Errorf("%q: %d %s", id, w.Code, w.Body)
		}
	}
}

// TestMasks: who sees document numbers and birth dates, over every surface that
// shows a customer.
func TestMasks(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	second := maria("2")
	second.Data = []byte(strings.NewReplacer("1980-02-11", "1980-02-12", "AB1234567", "CD7654321").Replace(string(second.Data)))
	p := h.tell(second)
	h.tell(joined(p, crm("1"), crm("2"))) // so that there are values under "also"
	path := "/v1/customers/" + crm("1").UUID().String()
	for role, sees := range map[apikey.Role]bool{apikey.Agent: false, apikey.Steward: true, apikey.System: true, apikey.Admin: true} {
		for _, surface := range []struct {
			method, path string
			body         any
		}{
			{"GET", path, nil},
			{"GET", path + "/timeline", nil},
			{"GET", path + "/statements", nil},
			{"POST", "/v1/customers:lookup", `{"phone":"+50255123456"}`},
			{"POST", "/v1/customers:search", `{"q":"nunez"}`},
		} {
			w := h.call(role, surface.method, surface.path, surface.body)
			if w.Code != http.StatusOK {
				t.Fatalf("%s %s: %d %s", role, surface.path, w.Code, w.Body)
			}
			for _, secret := range []string{"AB1234567", "1234567", "CD7654321", "1980", "02-11", "02-12"} {
				if shown := strings.Contains(w.Body.String(), secret); shown && !sees {
					t.Errorf("%s sees %s at %s", role, secret, surface.path)
				}
			}
		}
		c := ask[CustomerAnswer](h, role, "GET", path, nil)
		if c.Masked == sees {
			t.Errorf("%s: masked = %v", role, c.Masked)
		}
		want := map[bool]string{true: "4567", false: "····4567"}[sees]
		found := false
		for _, d := range c.Documents {
			found = found || strings.HasSuffix(d.Value.Number, want) && (sees || d.Value.Number == want)
		}
		if !found {
			t.Errorf("%s: documents %+v", role, c.Documents)
		}
	}
}

func TestMaskNumber(t *testing.T) {
	for in, want := range map[string]string{
		"": "····", "1": "····", "12": "····2", "1234": "····34", "12345678Z": "····678Z", " 12345678Z ": "····678Z", "ñandú678Z": "····678Z",
	} {
		if got := maskNumber(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := maskDate("1980-02-11"); got != "····-··-··" {
		t.Errorf("date: %q", got)
	}
}

func TestLookup(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"), jose("2"), rang("1", crm("1"), start.Add(-2*time.Hour), "inbound", "a17"), rang("2", crm("1"), start.Add(-50*time.Hour), "outbound", "a3"))
	both := []string{crm("1").UUID().String(), crm("2").UUID().String()}
	for _, c := range []struct {
		name string
		body string
		want []string
	}{
		{"phone", `{"phone":"+502 5512-3456"}`, both},
		{"phone by region", `{"phone":"5512 3456","region":"GT"}`, both},
		{"email", `{"email":"MJ@Example.com"}`, both[:1]},
		{"document", `{"document":{"kind":"passport","number":"ab-1234567","country":"GT"}}`, both[:1]},
		{"document without kind", `{"document":{"number":"AB1234567"}}`, both[:1]},
		{"record", `{"record":{"source":"/crm/bank","id":"2"}}`, both[1:]},
		{"nobody's phone", `{"phone":"+50299999999"}`, nil},
		{"no phone at all", `{"phone":"hello"}`, nil},
		{"nobody's handle", `{"handle":"maria","network":"whatsapp"}`, nil},
		{"unknown record", `{"record":{"source":"/crm/bank","id":"99"}}`, nil},
	} {
		got := ask[LookupAnswer](h, apikey.Agent, "POST", "/v1/customers:lookup", c.body)
		ids := map[string]bool{}
		for _, card := range got.Customers {
			ids[card.ID.String()] = true
		}
		if len(ids) != len(c.want) || len(got.Customers) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, ids, c.want)
		}
		for _, id := range c.want {
			if !ids[id] {
				t.Errorf("%s: %s is missing", c.name, id)
			}
		}
	}
	card := ask[LookupAnswer](h, apikey.System, "POST", "/v1/customers:lookup", `{"email":"mj@example.com"}`).Customers[0]
	r := card.Routing
	if !r.IsCustomer || r.Language != "es" || r.Tier != "gold" || !r.VIP || r.LastAgent != "a17" || !r.CalledBefore24h ||
		r.LastContactAt == nil || !r.LastContactAt.Equal(start.Add(-2*time.Hour)) {
		t.Errorf("routing = %+v", r)
	}
	h.at = h.at.Add(24 * time.Hour)
	r = ask[LookupAnswer](h, apikey.System, "POST", "/v1/customers:lookup", `{"email":"mj@example.com"}`).Customers[0].Routing
	if r.CalledBefore24h {
		t.Error("a call of 26 hours ago counts as one of the last 24")
	}
	prospect := ask[LookupAnswer](h, apikey.System, "POST", "/v1/customers:lookup", `{"record":{"source":"/crm/bank","id":"2"}}`).Customers[0]
	if prospect.Routing.IsCustomer || prospect.Routing.LastAgent != "" {
		t.Errorf("prospect: %+v", prospect.Routing)
	}
	for _, body := range []string{`{}`, `{"phone":"1","email":"a@example.com"}`} {
		wantProblem(t, h.call(apikey.Agent, "POST", "/v1/customers:lookup", body), 422, "invalid")
	}
}

func TestSharedNumberIsCutOff(t *testing.T) {
	h := newHub(t)
	for i := range maxLookup + 5 {
		h.tell(jose(fmt.Sprint(i)))
	}
	got := ask[LookupAnswer](h, apikey.Agent, "POST", "/v1/customers:lookup", `{"phone":"+50255123456"}`)
	if len(got.Customers) != maxLookup || !got.Truncated {
		t.Errorf("%d customers, truncated %v", len(got.Customers), got.Truncated)
	}
}

func TestSearch(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"), jose("2"))
	h.tell(event("gone", events.CustomerWithdrawnV1, start, events.CustomerWithdrawn{Record: events.Record{RecordKey: crm("2")}, Reason: "deleted"}))
	for _, c := range []struct {
		name, body string
		want       int
	}{
		{"without accents, any order", `{"q":"garcia maria"}`, 1},
		{"part of a number", `{"q":"123456"}`, 1},
		{"with the withdrawn", `{"q":"123456","filters":{"withdrawn":true}}`, 2},
		{"of another kind", `{"q":"garcia","filters":{"kind":"organization"}}`, 0},
		{"by id", `{"q":"` + crm("1").UUID().String() + `"}`, 1},
		{"nobody", `{"q":"zzzzzz"}`, 0},
	} {
		got := ask[SearchAnswer](h, apikey.Agent, "POST", "/v1/customers:search", c.body)
		if len(got.Data) != c.want || got.Truncated {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	got := ask[SearchAnswer](h, apikey.Agent, "POST", "/v1/customers:search", `{"q":"123456","filters":{"withdrawn":true},"limit":1}`)
	if len(got.Data) != 1 || !got.Truncated {
		t.Errorf("limited: %+v", got)
	}
	for _, body := range []string{`{}`, `{"q":""}`, `{"q":"x","limit":0.5}`, `{"q":"x","limit":1000}`, `{"q":"x","what":1}`} {
		wantProblem(t, h.call(apikey.Agent, "POST", "/v1/customers:search", body), 422, "invalid")
	}
}

func TestTimelinePages(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	for i := range 7 {
		h.tell(rang(fmt.Sprint(i), crm("1"), start.Add(-time.Duration(i)*time.Hour), "inbound", "a1"))
	}
	path := "/v1/customers/" + crm("1").UUID().String() + "/timeline"
	var seen []string
	cursor := ""
	for range 10 {
		page := ask[TimelineAnswer](h, apikey.Agent, "GET", path+"?limit=3&cursor="+cursor, nil)
		for _, e := range page.Data {
			seen = append(seen, e.Event)
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
		h.tell(rang("new"+cursor[:5], crm("1"), start.Add(time.Minute), "inbound", "a1")) // pages stay put
	}
	if got := strings.Join(seen, " "); got != "call-0 call-1 call-2 call-3 call-4 call-5 call-6" {
		t.Errorf("seen %s", got)
	}
	if got := ask[TimelineAnswer](h, apikey.Agent, "GET", path+"?channel=email,chat", nil); len(got.Data) != 0 {
		t.Errorf("other channels: %+v", got.Data)
	}
	since := start.Add(-90 * time.Minute).Format(time.RFC3339)
	if got := ask[TimelineAnswer](h, apikey.Agent, "GET", path+"?from="+since+"&to="+start.Format(time.RFC3339), nil); len(got.Data) != 1 {
		t.Errorf("within an hour and a half: %+v", got.Data)
	}
	wantProblem(t, h.call(apikey.Agent, "GET", path+"?cursor=nonsense", nil), 422, "invalid")
	wantProblem(t, h.call(apikey.Agent, "GET", path+"?limit=501", nil), 422, "invalid")
	wantProblem(t, h.call(apikey.Agent, "GET", path+"?phone=1", nil), 422, "invalid")
	wantProblem(t, h.call(apikey.Agent, "GET", "/v1/customers/"+uuid.NewString()+"/timeline", nil), 404, "not_found")
}

// TestReadYourOwnWrite: with min_position a read includes the write, waits for
// it, and else says how far it is.
func TestReadYourOwnWrite(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.gateway.lag = true
	p := h.tell(jose("2"))
	path := "/v1/customers/" + crm("2").UUID().String()
	began := time.Now()
	problem := wantProblem(t, h.call(apikey.Agent, "GET", path+"?min_position="+p.String(), nil), 409, "stale")
	if took := time.Since(began); took < 900*time.Millisecond || took > 3*time.Second {
		t.Errorf("it waited %s, want a second", took)
	}
	if problem.Position == nil || *problem.Position != p-1 {
		t.Errorf("position = %v, want %d", problem.Position, p-1)
	}
	wantProblem(t, h.call(apikey.Agent, "GET", path, nil, "Ficha-Position", p.String()), 409, "stale")
	wantProblem(t, h.call(apikey.Agent, "POST", "/v1/customers:lookup", fmt.Sprintf(`{"email":"a@example.com","min_position":%d}`, p)), 409, "stale")

	done := make(chan CustomerAnswer)
	go func() {
		w := h.call(apikey.Agent, "GET", path+"?min_position="+p.String(), nil)
		var c CustomerAnswer
		if m := raw(w.Body.Bytes()); m != nil && w.Code == 200 {
			c.Position = events.Position(m["position"].(float64))
		}
		done <- c
	}()
	time.Sleep(50 * time.Millisecond)
	h.catchUp()
	if c := <-done; c.Position != p {
		t.Errorf("answer at position %d, want %d", c.Position, p)
	}
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999999"} {
		wantProblem(t, h.call(apikey.Agent, "GET", path, nil, "Ficha-Position", bad), 422, "invalid")
	}
}

func TestReadsAfterTheStoreIsClosed(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, h.call(apikey.Agent, "GET", "/v1/customers/"+crm("1").UUID().String(), nil), 503, "unavailable")
}

func TestGivenUpRequests(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := newRequest("GET", "/v1/customers/"+crm("1").UUID().String()).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+h.keys[apikey.Agent])
	if w := serve(h, r); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
