package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ficha/events"
)

// Personal values that stand in everything bad; no answer may quote them.
const (
	badPhone = "50255587123"
	badName  = "Marcadora"
)

// badEvent is one event with something wrong with it, sent between good ones.
// {id} in it becomes an id of its own, {now} the present time.
type badEvent struct {
	name    string
	event   string
	code    string // that its sender is told
	pointer string
	last    bool // no JSON from here on: what stands behind it in an array is lost
}

func badEvents() []badEvent {
	data := `{"record":{"source":"/pbx","stream":"call","id":"{id}"},"contact_points":[{"phone":"` + badPhone + `"}],"channel":"voice",` +
		`"direction":"outbound","started_at":"{now}","subject":"` + badName + `"}`
	whole := `{"specversion":"1.0","id":"{id}","source":"/pbx","type":"interaction.recorded.v1","time":"{now}","data":` + data + `}`
	with := func(old, new string) string { return strings.Replace(whole, old, new, 1) }
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	return []badEvent{
		{name: "a field too many", event: with(`"subject"`, `"subjetc":"`+badName+`","subject"`), code: "schema", pointer: "/data/subjetc"},
		{name: "a wrong type", event: with(`"`+badName+`"`, `["`+badName+`"]`), code: "schema", pointer: "/data/subject"},
		{name: "a wrong word", event: with(`"voice"`, `"`+badName+`"`), code: "schema", pointer: "/data/channel"},
		{name: "a field missing", event: with(`"channel":"voice",`, ""), code: "schema", pointer: "/data/channel"},
		{name: "data is a text", event: with(data, `"`+badName+`"`), code: "schema", pointer: "/data"},
		{name: "data is missing", event: with(`,"data":`+data, ""), code: "required", pointer: "/data"},
		{name: "unknown type", event: with("interaction.recorded.v1", "interaction.invented.v1"), code: "unknown_type", pointer: "/type"},
		{name: "time to come", event: with(`"time":"{now}"`, `"time":"2999-01-01T00:00:00Z"`), code: "future_time", pointer: "/time"},
		{name: "time without zone", event: with(`"time":"{now}"`, `"time":"2026-01-01T00:00:00"`), code: "invalid_attribute", pointer: "/time"},
		{name: "time is a number", event: with(`"time":"{now}"`, `"time":1767225600`), code: "invalid_attribute", pointer: "/time"},
		{name: "id missing", event: with(`"id":"{id}",`, ""), code: "required", pointer: "/id"},
		{name: "id is a number", event: with(`"id":"{id}"`, `"id":12345`), code: "invalid_attribute", pointer: "/id"},
		{name: "another specversion", event: with(`"1.0"`, `"0.3"`), code: "invalid_attribute", pointer: "/specversion"},
		{name: "source of the hub itself", event: with(`"source":"/pbx"`, `"source":"/ficha/desk"`), code: "source_not_allowed", pointer: "/source"},
		{name: "unknown attribute", event: with(`"type"`, `"traceparent":"`+badName+`","type"`), code: "unknown_attribute", pointer: "/traceparent"},
		{name: "duplicate key", event: with(`"channel"`, `"subject":"`+badName+`","channel"`), code: "duplicate_key", pointer: "/data/subject"},
		{name: "duplicate attribute", event: with(`"type"`, `"id":"`+badName+`","type"`), code: "duplicate_key", pointer: "/id"},
		{name: "10,000 levels deep", event: with(`"subject":"`+badName+`"`, `"ext":{"x":`+nested(10_000)+`}`), code: "too_deep"},
		{name: "10,000 levels of nothing else", event: nested(10_000), code: "too_deep"},
		{name: "escaped NUL", event: with(badName, badName+`\u0000`), code: "nul_character", pointer: "/data/subject"},
		{name: "half a surrogate pair", event: with(badName, badName+`\ud800`), code: "invalid_unicode", pointer: "/data/subject"},
		{name: "other half of a pair", event: with(badName, badName+`\udc00x`), code: "invalid_unicode", pointer: "/data/subject"},
		{name: "bytes that are not UTF-8", event: with(badName, badName+"\xff\xfe"), code: "invalid_unicode", pointer: "/data/subject"},
		{name: "Latin-1", event: with(badName, badName+"\xf1"), code: "invalid_unicode", pointer: "/data/subject"},
		{name: "number without end", event: with(`"`+badName+`"`, strings.Repeat("9", 5000)), code: "number_range", pointer: "/data/subject"},
		{name: "number beyond all", event: with(`"`+badName+`"`, "1e999"), code: "number_range", pointer: "/data/subject"},
		{name: "an event of 2 MB", event: with(badName, strings.Repeat(badName, 2<<20/len(badName))), code: "too_large"},
		{name: "a number", event: badPhone, code: "invalid_json"},
		{name: "a text", event: `"` + badName + `"`, code: "invalid_json"},
		{name: "null", event: "null", code: "invalid_json"},
		{name: "an array", event: `["` + badName + `"]`, code: "invalid_json"},
		{name: "an empty object", event: "{}", code: "required", pointer: "/id"},
		{name: "NaN", event: with(`"`+badName+`"`, "NaN"), code: "invalid_json", last: true},
		{name: "Infinity", event: with(`"`+badName+`"`, "-Infinity"), code: "invalid_json", last: true},
		{name: "single quotes", event: with(`"`+badName+`"`, "'"+badName+"'"), code: "invalid_json", last: true},
		{name: "cut short", event: whole[:len(whole)-20], code: "invalid_json", last: true},
		{name: "raw NUL", event: with(badName, badName+"\x00"), code: "nul_character", last: true},
		{name: "a comma too many", event: with(`}],`, `},],`), code: "invalid_json", last: true},
		{name: "not JSON at all", event: "id;phone;name", code: "invalid_json", last: true},
	}
}

// TestStoryBadInput sends what no schema foresees: each event is refused by
// itself, with a reason that helps and quotes nothing; what is good beside it is
// taken; nothing else changes; and the hub goes on.
func TestStoryBadInput(t *testing.T) {
	h := serveProcess(t, t.TempDir())
	s := &sender{h: h}
	for _, b := range badEvents() {
		t.Run("among good ones/"+b.name, func(t *testing.T) { s.amongGoodOnes(t, b) })
		t.Run("alone/"+b.name, func(t *testing.T) { s.alone(t, b) })
	}
	for _, b := range badBodies() {
		t.Run("body/"+b.name, func(t *testing.T) { s.body(t, b) })
	}
	t.Run("id used again", s.reusedID)
	t.Run("lines that end in CRLF", s.lines)
	t.Run("thousands at once", s.many)
	end := h.settled(t)
	if !end.Equation.Balanced || !end.Log.OK || end.Position != s.taken {
		t.Errorf("the hub took %d events, and says %+v", s.taken, end)
	}
	h.stop(t)
	if said := h.stderr.String(); strings.Contains(said, badName) || strings.Contains(said, badPhone) {
		t.Errorf("what was bad is quoted in the hub's own log:\n%s", said)
	}
}

// sender sends to one hub and knows how many events it must have taken.
type sender struct {
	h     *hubProcess
	taken uint64
	ids   int
}

func (s *sender) fill(event string) string {
	s.ids++
	return strings.NewReplacer("{id}", fmt.Sprint("bad-", s.ids), "{now}", time.Now().UTC().Format(time.RFC3339)).Replace(event)
}

// good is an event that nothing is wrong with.
func (s *sender) good() string {
	s.ids++
	p := person{phone: "+50240000000"}
	b, err := json.Marshal(p.called(fmt.Sprint("good-", s.ids), "asked for the balance"))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// answer is what came back, whatever its status.
type answer struct {
	status   int
	rejected string // header Ficha-Rejected
	body     []byte
	results  []events.EventResult
	problem  struct {
		Code    string           `json:"code"`
		Title   string           `json:"title"`
		Detail  string           `json:"detail"`
		TraceID string           `json:"trace_id"`
		Errors  []events.Problem `json:"errors"`
	}
}

// post sends a body as it is, and holds the answer to what every answer must be:
// no failure of the hub, no value quoted, and as many events taken as it says.
func (s *sender) post(t *testing.T, contentType string, body []byte, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.h.BaseURL+"/v1/events", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.h.HTTP.Do(req)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, rejected: resp.Header.Get("Ficha-Rejected")}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	s.hold(t, &a)
	return a
}

func (s *sender) hold(t *testing.T, a *answer) {
	t.Helper()
	if a.status >= 500 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	for _, personal := range []string{badPhone, badName} {
		if bytes.Contains(a.body, []byte(personal)) {
			t.Errorf("the answer quotes what was sent: %.500s", a.body)
		}
	}
	if a.status != http.StatusOK {
		if err := json.Unmarshal(a.body, &a.problem); err != nil || a.problem.Code == "" || a.problem.Title == "" || a.problem.Detail == "" || a.problem.TraceID == "" {
			t.Errorf("status %d without a problem that helps: %s", a.status, a.body)
		}
	} else {
		var res events.SubmitResult
		if err := json.Unmarshal(a.body, &res); err != nil {
			t.Fatalf("answer %s: %v", a.body, err)
		}
		a.results = res.Results
	}
	rejected := 0
	for _, r := range a.results {
		switch r.Status {
		case events.StatusAppended:
			s.taken++
		case events.StatusRejected:
			rejected++
		}
	}
	if a.results != nil && a.rejected != fmt.Sprint(rejected) {
		t.Errorf("header Ficha-Rejected is %q, and %d were rejected", a.rejected, rejected)
	}
	var now statusAnswer
	if err := s.h.Do(t.Context(), http.MethodGet, "/v1/status", nil, &now); err != nil {
		t.Fatal(err)
	}
	if now.Position != s.taken {
		t.Fatalf("the log ends at %d, but %d events were acknowledged", now.Position, s.taken)
	}
}

// amongGoodOnes sends the event between good ones, as an array and as lines.
func (s *sender) amongGoodOnes(t *testing.T, b badEvent) {
	bad := s.fill(b.event)
	array := s.post(t, string(events.FormatBatch), []byte("["+s.good()+","+bad+","+s.good()+"]"))
	want := 3
	if b.last {
		want = 2
	}
	s.judge(t, b, array, want)
	s.judge(t, b, s.post(t, string(events.FormatNDJSON), []byte(s.good()+"\n"+bad+"\n"+s.good()+"\n")), 3)
}

// judge wants the second of some results refused for its reason and the others taken.
func (s *sender) judge(t *testing.T, b badEvent, a answer, want int) {
	t.Helper()
	if a.status != http.StatusOK || len(a.results) != want {
		t.Fatalf("status %d with %d results, want 200 with %d: %.800s", a.status, len(a.results), want, a.body)
	}
	for i, r := range a.results {
		if i == 1 {
			if r.Status != events.StatusRejected || !tells(r.Errors, b.code, b.pointer) {
				t.Errorf("told %s %+v, want %s at %q", r.Status, r.Errors, b.code, b.pointer)
			}
			continue
		}
		if r.Status != events.StatusAppended || r.Position == 0 {
			t.Errorf("the good event beside it is %s: %+v", r.Status, r.Errors)
		}
	}
}

// alone sends the event as a body of its own. One that is no JSON object is no
// event, and so a problem of the body.
func (s *sender) alone(t *testing.T, b badEvent) {
	a := s.post(t, string(events.FormatEvent), []byte(s.fill(b.event)))
	if a.status == http.StatusOK {
		if len(a.results) != 1 || a.results[0].Status != events.StatusRejected || !tells(a.results[0].Errors, b.code, b.pointer) {
			t.Errorf("told %s, want %s at %q", a.body, b.code, b.pointer)
		}
		return
	}
	if a.status != http.StatusBadRequest || !tells(a.problem.Errors, b.code, b.pointer) {
		t.Errorf("status %d: %s, want %s", a.status, a.body, b.code)
	}
}

// badBody is a body that holds no events at all.
type badBody struct {
	name, contentType string
	body              []byte
	header            []string
	status            int
	code              string
}

func badBodies() []badBody {
	batch, one, lines := string(events.FormatBatch), string(events.FormatEvent), string(events.FormatNDJSON)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("[]"))
	_ = w.Close()
	large := func(n int) []byte { return []byte(`["` + strings.Repeat(badName, n/len(badName)) + `"]`) }
	return []badBody{
		{name: "empty event", contentType: one, status: 400, code: "invalid_json"},
		{name: "empty batch body", contentType: batch, status: 400, code: "invalid_json"},
		{name: "spaces", contentType: batch, body: []byte(" \n\t "), status: 400, code: "invalid_json"},
		{name: "an object as a batch", contentType: batch, body: []byte(`{"name":"` + badName + `"}`), status: 400, code: "invalid_json"},
		{name: "a number as a batch", contentType: batch, body: []byte(badPhone), status: 400, code: "invalid_json"},
		{name: "10 MB and more", contentType: batch, body: large(10<<20 + 100), status: 413, code: "too_large"},
		{name: "30 MB", contentType: batch, body: large(30 << 20), status: 413, code: "too_large"},
		{name: "30 MB of lines", contentType: lines, body: bytes.Repeat([]byte(`"`+badName+"\"\n"), 30<<20/12), status: 413, code: "too_large"},
		{name: "more events than fit", contentType: batch, body: []byte("[" + strings.Repeat("1,", 10_000) + "1]"), status: 413, code: "too_large"},
		{name: "more lines than fit", contentType: lines, body: []byte(strings.Repeat("1\n", 10_001)), status: 413, code: "too_large"},
		{name: "another content type", contentType: "text/csv", body: []byte("[]"), status: 415, code: "unsupported_media_type"},
		{name: "a content type that is none", contentType: "]", body: []byte("[]"), status: 415, code: "unsupported_media_type"},
		{name: "gzip", contentType: batch, body: zipped.Bytes(), header: []string{"Content-Encoding", "gzip"}, status: 415, code: "unsupported_media_type"},
		{name: "gzip that is none", contentType: batch, body: []byte("[]"), header: []string{"Content-Encoding", "gzip"}, status: 415, code: "unsupported_media_type"},
	}
}

func (s *sender) body(t *testing.T, b badBody) {
	a := s.post(t, b.contentType, b.body, b.header...)
	if a.status != b.status || a.problem.Code != b.code {
		t.Errorf("status %d: %.500s, want %d %s", a.status, a.body, b.status, b.code)
	}
}

// reusedID: the same id for the same event is a duplicate, for another one an error.
func (s *sender) reusedID(t *testing.T) {
	event := s.good()
	other := strings.Replace(event, "asked for the balance", badName, 1)
	if a := s.post(t, string(events.FormatEvent), []byte(event)); len(a.results) != 1 || a.results[0].Status != events.StatusAppended {
		t.Fatalf("the first time: %s", a.body)
	}
	a := s.post(t, string(events.FormatBatch), []byte("["+s.good()+","+other+","+s.good()+"]"))
	s.judge(t, badEvent{code: "id_reused", pointer: "/id"}, a, 3)
	a = s.post(t, string(events.FormatEvent), []byte(event))
	if len(a.results) != 1 || a.results[0].Status != events.StatusDuplicate || a.results[0].Position == 0 {
		t.Errorf("sent again: %s", a.body)
	}
}

// lines: what Windows and editors make of NDJSON.
func (s *sender) lines(t *testing.T) {
	body := "\xef\xbb\xbf" + s.good() + "\r\n\r\n" + s.fill(badEvents()[0].event) + "\r\n" + s.good()
	a := s.post(t, string(events.FormatNDJSON)+"; charset=utf-8", []byte(body))
	s.judge(t, badEvents()[0], a, 3)
}

// many sends a full batch of which every second event is bad.
func (s *sender) many(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	var body strings.Builder
	for i := range n {
		if i%2 == 0 {
			body.WriteString(s.good() + "\n")
		} else {
			body.WriteString(s.fill(badEvents()[i%8].event) + "\n")
		}
	}
	before := s.taken
	a := s.post(t, string(events.FormatNDJSON), []byte(body.String()))
	if len(a.results) != n || s.taken-before != uint64(n/2) {
		t.Errorf("of %d events %d were answered and %d taken", n, len(a.results), s.taken-before)
	}
}
