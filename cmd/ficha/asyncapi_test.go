package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"ficha/api/apikey"
	"ficha/api/natsapi"
	"ficha/events"
	"ficha/events/natslog"
	"ficha/projections/changes"
)

// asyncAPI is what the tests read of the document.
type asyncAPI struct {
	raw        []byte
	AsyncAPI   string `json:"asyncapi"`
	Info       struct{ Title, Version, Description string }
	Channels   map[string]asyncChannel
	Operations map[string]asyncOperation
	Components struct {
		Messages        map[string]asyncMessage
		Schemas         map[string]json.RawMessage
		SecuritySchemes map[string]json.RawMessage
	}
}

type reference struct {
	Ref string `json:"$ref"`
}

type asyncChannel struct {
	Address    *string
	Messages   map[string]reference
	Parameters map[string]struct {
		Description string
		Examples    []string
	}
}

type asyncOperation struct {
	Action   string
	Channel  reference
	Messages []reference
	Reply    *struct {
		Channel  reference
		Messages []reference
	}
	Security []reference
}

type asyncMessage struct {
	Name, ContentType, Summary string
	Payload                    json.RawMessage
	Headers                    json.RawMessage
	Examples                   []struct {
		Name    string
		Payload json.RawMessage
	}
}

func readAsyncAPI(t *testing.T, h *keyedHub) asyncAPI {
	t.Helper()
	status, b := h.askHTTP(t, "", http.MethodGet, "/asyncapi.json", nil)
	doc := asyncAPI{raw: b}
	if err := json.Unmarshal(b, &doc); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, b, err)
	}
	return doc
}

// resolve gives what a reference leads to, references to references followed.
func (d *asyncAPI) resolve(t *testing.T, ref string) any {
	t.Helper()
	var whole any
	if err := json.Unmarshal(d.raw, &whole); err != nil {
		t.Fatal(err)
	}
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		t.Fatalf("%q is no reference into the document", ref)
	}
	for p := range strings.SplitSeq(path, "/") {
		o, _ := whole.(map[string]any)
		if whole, ok = o[p]; !ok {
			t.Fatalf("%s leads nowhere, at %s", ref, p)
		}
		if o, ok := whole.(map[string]any); ok {
			if next, ok := o["$ref"].(string); ok {
				whole = d.resolve(t, next)
			}
		}
	}
	return whole
}

// schema compiles the schema at a place of the document.
func (d *asyncAPI) schema(t *testing.T, place string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	if err := c.AddResource("doc:///asyncapi.json", bytes.NewReader(d.raw)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("doc:///asyncapi.json#" + place)
	if err != nil {
		t.Fatalf("%s is no schema: %v", place, err)
	}
	return s
}

// payload is the schema of a message's payload.
func (d *asyncAPI) payload(t *testing.T, message string) *jsonschema.Schema {
	t.Helper()
	return d.schema(t, "/components/messages/"+message+"/payload")
}

func wantValid(t *testing.T, s *jsonschema.Schema, what string, body []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Errorf("%s: %v in %s", what, err, body)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s does not fit its schema: %#v\n%s", what, err, body)
	}
}

// TestAsyncAPIIsWellFormed holds the document to the structure of AsyncAPI 3.0:
// every reference leads somewhere, operations refer to messages of their own
// channels, names are such as the specification allows.
func TestAsyncAPIIsWellFormed(t *testing.T) {
	h := newNATSHub(t)
	d := readAsyncAPI(t, h.keyedHub)
	if d.AsyncAPI != "3.0.0" || d.Info.Title == "" || d.Info.Version == "" {
		t.Errorf("%s %+v", d.AsyncAPI, d.Info)
	}
	d.eachReference(t, func(place, ref string) { d.resolve(t, ref) })
	addresses := map[string]bool{}
	for name, c := range d.Channels {
		if c.Address != nil {
			if addresses[*c.Address] {
				t.Errorf("channel %s: another one has the address %s", name, *c.Address)
			}
			addresses[*c.Address] = true
		}
		for _, m := range c.Messages {
			if !strings.HasPrefix(m.Ref, "#/components/messages/") {
				t.Errorf("channel %s: message %s", name, m.Ref)
			}
		}
		named := strings.Count(value(c.Address), "{")
		if named != len(c.Parameters) {
			t.Errorf("channel %s: %d parameters are described, the address has %d", name, len(c.Parameters), named)
		}
	}
	for name, o := range d.Operations {
		if o.Action != "send" && o.Action != "receive" || len(o.Messages) == 0 || len(o.Security) == 0 {
			t.Errorf("operation %s: %+v", name, o)
		}
		within := []reference{}
		within = append(within, o.Messages...)
		for _, m := range within {
			if !strings.HasPrefix(m.Ref, o.Channel.Ref+"/messages/") {
				t.Errorf("operation %s: message %s is not of its channel %s", name, m.Ref, o.Channel.Ref)
			}
		}
		if o.Reply == nil {
			continue
		}
		for _, m := range o.Reply.Messages {
			if !strings.HasPrefix(m.Ref, o.Reply.Channel.Ref+"/messages/") {
				t.Errorf("operation %s: reply %s is not of its channel %s", name, m.Ref, o.Reply.Channel.Ref)
			}
		}
	}
	for name, m := range d.Components.Messages {
		if m.Name != name || m.ContentType == "" || len(m.Payload) == 0 || name != "problem" && len(m.Examples) == 0 {
			t.Errorf("message %s: %+v", name, m)
		}
		d.payload(t, name)
	}
	for name := range d.Components.Schemas {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
			t.Errorf("schema %q: not a name that components may have", name)
		}
	}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// eachReference visits every reference of the document.
func (d *asyncAPI) eachReference(t *testing.T, visit func(place, ref string)) {
	t.Helper()
	n := 0
	var walk func(place string, v any)
	walk = func(place string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				visit(place, ref)
				n++
			}
			for k, x := range v {
				walk(place+"/"+k, x)
			}
		case []any:
			for i, x := range v {
				walk(fmt.Sprint(place, "/", i), x)
			}
		}
	}
	var whole any
	if err := json.Unmarshal(d.raw, &whole); err != nil {
		t.Fatal(err)
	}
	walk("", whole)
	if n < 50 {
		t.Errorf("only %d references were found", n)
	}
}

// TestAsyncAPIDescribesWhatIsServed: channels are the services, the inbox, and a
// channel for each kind of change; events have the schemas of their types.
func TestAsyncAPIDescribesWhatIsServed(t *testing.T) {
	h := newNATSHub(t)
	d := readAsyncAPI(t, h.keyedHub)
	want := append(natsapi.Subjects(natsPrefix), "ficha.inbox.{source}")
	for _, kind := range changes.Kinds() {
		want = append(want, "ficha.changes."+string(kind))
	}
	var got []string
	for _, c := range d.Channels {
		if c.Address != nil {
			got = append(got, *c.Address)
		}
	}
	sameWords(t, "channels", got, want)
	if example := d.Channels["inbox"].Parameters["source"].Examples; !slices.Equal(example, []string{natslog.SourceToken("/crm/bank")}) {
		t.Errorf("the inbox's example is %v", example)
	}
	event := d.payload(t, "event")
	wrong := strings.Replace(strings.Trim(natsCustomer, "[]"), `"kind":"person"`, `"kind":"cat"`, 1)
	var v any
	if err := json.Unmarshal([]byte(wrong), &v); err != nil {
		t.Fatal(err)
	}
	if event.Validate(v) == nil {
		t.Error("the event's schema takes data that the type's does not")
	}
	for _, typ := range h.schemas.Types() {
		if _, ok := d.Components.Schemas[typ]; !ok {
			t.Errorf("no schema of %s", typ)
		}
	}
}

// TestAsyncAPIExamplesArePublished sends every example to a real hub and holds
// what was sent and what was answered to the schemas.
func TestAsyncAPIExamplesArePublished(t *testing.T) {
	h := newNATSHub(t)
	d := readAsyncAPI(t, h.keyedHub)
	for name, m := range d.Components.Messages {
		for _, e := range m.Examples {
			wantValid(t, d.payload(t, name), "the example of "+name, e.Payload)
		}
	}
	conn := h.connect(t, apikey.Admin)
	published := 0
	for _, name := range append([]string{"append"}, slices.Sorted(maps.Keys(d.Operations))...) { // events first: the others ask about them
		o := d.Operations[name]
		if o.Action != "receive" {
			continue
		}
		address := strings.ReplaceAll(value(d.Channels[lastToken(o.Channel.Ref)].Address), "{source}", natslog.SourceToken("/crm/bank"))
		for _, m := range o.Messages {
			message := d.Components.Messages[lastToken(m.Ref)]
			for _, e := range message.Examples {
				published++
				d.publish(t, h, conn, address, message, o, e.Payload)
			}
		}
		if err := h.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if published < 8 {
		t.Errorf("only %d examples were published", published)
	}
	eventually(t, "the inbox is empty and nothing died", func() bool {
		st, err := h.status(t.Context())
		return err == nil && st.Counts.DeadLetters == 0 && st.Counts.SourceRecords == 1 && st.Equation.Duplicate >= 2 && st.Equation.Balanced
	})
}

// publish sends one example with its headers and looks at the answer.
func (d *asyncAPI) publish(t *testing.T, h *natsHub, conn *nats.Conn, address string, message asyncMessage, o asyncOperation, body []byte) {
	t.Helper()
	m := nats.NewMsg(address)
	m.Data = body
	m.Header.Set("Authorization", "Bearer "+h.keys[apikey.Admin])
	m.Header.Set("Content-Type", message.ContentType)
	answer, err := conn.RequestMsg(m, 5*time.Second)
	if err != nil {
		t.Errorf("%s: %v", address, err)
		return
	}
	if o.Reply == nil { // the inbox: JetStream acknowledges
		if !strings.Contains(string(answer.Data), `"stream":"FICHA_INBOX"`) {
			t.Errorf("%s: acknowledged with %s", address, answer.Data)
		}
		return
	}
	if code := answer.Header.Get(micro.ErrorCodeHeader); code != "" {
		t.Errorf("%s: %s %s", address, code, answer.Data)
		return
	}
	reply := lastToken(o.Reply.Messages[0].Ref)
	wantValid(t, d.payload(t, reply), "the answer on "+address, answer.Data)
	var res events.SubmitResult
	if strings.HasSuffix(address, ".append") && (json.Unmarshal(answer.Data, &res) != nil || res.Results[0].Status == events.StatusRejected) {
		t.Errorf("%s: %s", address, answer.Data)
	}
	m.Header.Del("Authorization")
	refused, err := conn.RequestMsg(m, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	wantValid(t, d.payload(t, "problem"), "the problem on "+address, refused.Data)
	headers, err := json.Marshal(flat(refused.Header))
	if err != nil {
		t.Fatal(err)
	}
	wantValid(t, d.schema(t, "/components/messages/problem/headers"), "its headers", headers)
}

func flat(h nats.Header) map[string]string {
	out := map[string]string{}
	for name := range h {
		out[name] = h.Get(name)
	}
	return out
}

func lastToken(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// TestAsyncAPIDescribesTheChangeFeed follows the change feed as a subscriber with
// the key of a dialler does, and holds every message to its channel's schema.
func TestAsyncAPIDescribesTheChangeFeed(t *testing.T) {
	h := newNATSHub(t)
	d := readAsyncAPI(t, h.keyedHub)
	admin := h.connect(t, apikey.Admin)
	other := strings.NewReplacer(`"crm-1-7"`, `"crm-2-1"`, `"id":"1"`, `"id":"2"`).Replace(natsCustomer) // the same person again
	for _, batch := range []string{natsCustomer, other, "[" + strings.Replace(belowDeny, "/crm/bank/branch", "/crm/bank", 1) + "]"} {
		batch = strings.ReplaceAll(batch, "+50255999999", "+50255123456")
		if status, b := askNATS(t, admin, h.keys[apikey.Publisher], "ficha.append", []byte(batch)); status != 200 || bytes.Contains(b, []byte("rejected")) {
			t.Fatalf("append: %d %s", status, b)
		}
		if err := h.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	js, err := jetstream.New(h.connect(t, apikey.System))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Split(h.keys[apikey.System], "_")[1]
	c, err := js.CreateOrUpdateConsumer(t.Context(), "FICHA_CHANGES", jetstream.ConsumerConfig{Durable: id, AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	want := []changes.Kind{changes.Created, changes.Merged, changes.Redirected, changes.ContactFlip}
	for seen := map[changes.Kind]bool{}; !allSeen(seen, want); {
		m, err := messages.Next(jetstream.NextMaxWait(10 * time.Second))
		if err != nil {
			t.Fatalf("after %v: %v", seen, err)
		}
		kind := changes.Kind(lastToken(strings.ReplaceAll(m.Subject(), ".", "/")))
		wantValid(t, d.payload(t, "change."+string(kind)), "the change on "+m.Subject(), m.Data())
		seen[kind] = true
		if err := m.Ack(); err != nil {
			t.Fatal(err)
		}
	}
}

func allSeen(seen map[changes.Kind]bool, want []changes.Kind) bool {
	return !slices.ContainsFunc(want, func(k changes.Kind) bool { return !seen[k] })
}
