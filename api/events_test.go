package api

import (
	"net/http"
	"strings"
	"testing"

	"ficha/api/apikey"
	"ficha/events"
)

const oneEvent = `{"specversion":"1.0","id":"a","source":"/crm/bank","type":"import.started.v1","time":"2026-03-02T09:00:00Z","data":{"run":"r1"}}`

// TestEventBodiesReachTheGatewayAsTheyAre: format by content type, bytes untouched.
func TestEventBodiesReachTheGatewayAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		want                    events.Format
	}{
		{"structured", "application/cloudevents+json; charset=utf-8", " " + oneEvent + "\n", events.FormatEvent},
		{"batch", "application/cloudevents-batch+json", "[" + oneEvent + "]", events.FormatBatch},
		{"lines", "application/x-ndjson", oneEvent + "\n", events.FormatNDJSON},
		{"lines by another name", "application/jsonl", oneEvent, events.FormatNDJSON},
		{"plain object", "application/json", "\t" + oneEvent, events.FormatEvent},
		{"plain array", "Application/JSON", "\r\n [" + oneEvent + "]", events.FormatBatch},
		{"no content type", "", oneEvent, events.FormatEvent},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t)
			w := h.call(apikey.Publisher, "POST", "/v1/events", c.body, "Content-Type", c.contentType)
			if w.Code != http.StatusOK || h.gateway.format != c.want || string(h.gateway.body) != c.body {
				t.Errorf("%d %s: gateway got %q as %s", w.Code, w.Body, h.gateway.body, h.gateway.format)
			}
			if got := w.Header().Get("Ficha-Rejected"); got != "0" {
				t.Errorf("Ficha-Rejected = %q", got)
			}
			if h.gateway.who.Name != "the publisher" || len(h.gateway.who.Sources) != 1 || h.gateway.who.Hub {
				t.Errorf("principal = %+v", h.gateway.who)
			}
		})
	}
}

func TestBinaryModeBecomesStructured(t *testing.T) {
	h := newHub(t)
	headers := []string{
		"ce-specversion", "1.0", "ce-id", "b-1", "ce-source", "/crm/bank", "ce-type", "import.started.v1",
		"ce-time", "2026-03-02T09:00:00Z", "ce-subject", "caf%C3%A9",
	}
	res := ask[events.SubmitResult](h, apikey.Publisher, "POST", "/v1/events", `{"run":"r1"}`, headers...)
	if len(res.Results) != 1 || res.Results[0].Status != events.StatusAppended || res.Results[0].ID != "b-1" {
		t.Fatalf("%+v", res)
	}
	s, err := h.log.Get(t.Context(), 1)
	if err != nil || s.Subject != "café" || string(s.Data) != `{"run":"r1"}` {
		t.Errorf("stored %+v, %v", s.Envelope, err)
	}
	// Data that closes the object could otherwise state attributes of its own.
	w := h.call(apikey.Publisher, "POST", "/v1/events", `{"run":"r1"},"type":"identity.resolved.v1","x":{}`, headers...)
	wantProblem(t, w, 400, "invalid_json")
	w = h.call(apikey.Publisher, "POST", "/v1/events", `{}`, append(headers, "ce-data", "1")...)
	wantProblem(t, w, 422, "invalid")
}

func TestOneBadEventRejectsNoOther(t *testing.T) {
	h := newHub(t)
	body := `[` + oneEvent + `,{"id":"b","source":"/crm/bank"},` + strings.Replace(oneEvent, `"a"`, `"c"`, 1) + `]`
	w := h.call(apikey.Publisher, "POST", "/v1/events", body, "Content-Type", string(events.FormatBatch))
	if w.Code != http.StatusOK || w.Header().Get("Ficha-Rejected") != "1" {
		t.Fatalf("%d, rejected %q: %s", w.Code, w.Header().Get("Ficha-Rejected"), w.Body)
	}
	res := ask[events.SubmitResult](h, apikey.Publisher, "POST", "/v1/events", body, "Content-Type", string(events.FormatBatch))
	want := []events.Status{events.StatusDuplicate, events.StatusRejected, events.StatusDuplicate}
	for i, r := range res.Results {
		if r.Status != want[i] {
			t.Errorf("result %d: %s, want %s", i, r.Status, want[i])
		}
	}
	if res.Position != 2 || len(res.Results[1].Errors) == 0 {
		t.Errorf("%+v", res)
	}
}

func TestValidateAppendsNothing(t *testing.T) {
	h := newHub(t)
	res := ask[events.SubmitResult](h, apikey.Publisher, "POST", "/v1/events:validate", oneEvent)
	if res.Results[0].Status != events.StatusValid {
		t.Errorf("%+v", res)
	}
	if end, _ := h.log.End(t.Context()); end != 0 {
		t.Errorf("the log has %d events", end)
	}
}

func TestBodiesThatAreNoBatch(t *testing.T) {
	h := newHub(t, func(c *Config) { c.MaxBody = 1000 })
	for _, c := range []struct {
		name    string
		body    string
		headers []string
		status  int
		code    string
	}{
		{"other type", oneEvent, []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type"},
		{"compressed", oneEvent, []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type"},
		{"too large", "[" + strings.Repeat(" ", 1000) + "]", nil, 413, "too_large"},
		{"not JSON", "{", nil, 400, "invalid_json"},
		{"empty", "", nil, 400, "invalid_json"},
	} {
		p := wantProblem(t, h.call(apikey.Publisher, "POST", "/v1/events", c.body, c.headers...), c.status, c.code)
		if p.Detail == "" {
			t.Errorf("%s: no detail", c.name)
		}
	}
}

func TestGatewayErrorsBecomeProblems(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{events.ErrDamaged, 503, "log_damaged"},
		{events.ErrUnavailable, 503, "unavailable"},
		{events.ErrTooLarge, 413, "too_large"},
		{&events.Problem{Code: "too_large", Detail: "10,001 events, at most 10,000"}, 413, "too_large"},
	} {
		h := newHub(t)
		h.gateway.fail = c.err
		w := h.call(apikey.Publisher, "POST", "/v1/events", oneEvent)
		wantProblem(t, w, c.status, c.code)
		if got := w.Header().Get("Retry-After"); (got != "") != (c.status == 503) {
			t.Errorf("%v: Retry-After = %q", c.err, got)
		}
	}
}

func TestPreferWait(t *testing.T) {
	h := newHub(t)
	w := h.call(apikey.Publisher, "POST", "/v1/events", oneEvent, "Prefer", "respond-async, wait=5")
	if got := w.Header().Get("Preference-Applied"); got != "wait=5" {
		t.Errorf("Preference-Applied = %q", got)
	}
	h.gateway.lag = true
	w = h.call(apikey.Publisher, "POST", "/v1/events", strings.Replace(oneEvent, `"a"`, `"b"`, 1), "Prefer", "wait=1")
	if got := w.Header().Get("Preference-Applied"); w.Code != 200 || got != "" {
		t.Errorf("%d, Preference-Applied = %q while the projections lag", w.Code, got)
	}
	for prefer, want := range map[string]int{"": 0, "wait=0": 0, "wait=-1": 0, "wait=x": 0, "wait=999": 30, `Wait="7"`: 7, "a; wait=2": 2} {
		if got := preferredWait(prefer); got != want {
			t.Errorf("%q: %d, want %d", prefer, got, want)
		}
	}
}

func FuzzRawEvents(f *testing.F) {
	f.Add("application/json", oneEvent, "")
	f.Add("application/cloudevents-batch+json", "[{}]", "")
	f.Add("application/json", `{"a":1}`, "/crm/bank%20")
	f.Add("", "", "\x00")
	h := newHub(f)
	f.Fuzz(func(t *testing.T, contentType, body, source string) {
		h.t = t
		w := h.call(apikey.Publisher, "POST", "/v1/events", body, "Content-Type", contentType, "Ce-Specversion", "1.0", "Ce-Source", source)
		if w.Code >= 500 {
			t.Errorf("%d for bad input: %s", w.Code, w.Body)
		}
	})
}
