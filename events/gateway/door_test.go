package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/gateway"
	"ficha/schemas"
)

var (
	noon   = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	bank   = events.Principal{Name: "bank", Sources: []string{"/crm/bank", "/pbx/bank"}}
	theHub = events.Principal{Name: "hub", Hub: true}
)

// compiled is the registry, made once: compiling takes longer than most tests.
var compiled = sync.OnceValues(schemas.New)

// door is a gateway with a log and dead letters in memory, and a clock that stands.
type door struct {
	*gateway.Gateway
	t    testing.TB
	log  *eventstest.Log
	dead *eventstest.DeadLetters
	now  time.Time
	mu   sync.Mutex
	seen map[events.Status]int
	gone uint64
}

func (d *door) CountDoor(_ context.Context, refused, dead uint64) error {
	d.gone += refused + dead
	return nil
}

func open(t testing.TB, change func(*gateway.Config)) *door {
	t.Helper()
	registry, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, dead: &eventstest.DeadLetters{}, now: noon, seen: map[events.Status]int{}}
	clock := func() time.Time { return d.now }
	d.log = eventstest.NewLog(clock)
	cfg := gateway.Config{
		Log: d.log, Health: d.log, DeadLetters: d.dead, Schemas: registry, Key: []byte("0123456789abcdef"), Clock: clock, Door: d,
		Answered: func(_ string, s events.Status) { d.mu.Lock(); d.seen[s]++; d.mu.Unlock() },
	}
	if change != nil {
		change(&cfg)
	}
	if d.Gateway, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	return d
}

// submit sends a body that must be taken as a whole.
func (d *door) submit(format events.Format, body string) events.SubmitResult {
	d.t.Helper()
	res, err := d.Submit(d.t.Context(), bank, format, []byte(body))
	if err != nil {
		d.t.Fatalf("submit: %v", err)
	}
	return res
}

// one sends one event and gives its answer.
func (d *door) one(event string) events.EventResult {
	d.t.Helper()
	res := d.submit(events.FormatEvent, event)
	if len(res.Results) != 1 {
		d.t.Fatalf("got %d answers to one event", len(res.Results))
	}
	return res.Results[0]
}

func (d *door) stored() []events.Stored {
	d.t.Helper()
	var out []events.Stored
	for s, err := range d.log.Read(d.t.Context(), events.ReadOptions{}) {
		if err != nil {
			d.t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func (d *door) letters() []events.DeadLetter {
	d.t.Helper()
	var out []events.DeadLetter
	for l, err := range d.dead.List(d.t.Context(), events.LetterRange{}) {
		if err != nil {
			d.t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// event writes an event of the bank's CRM with other attributes or data; a pair
// of name and raw JSON each, an empty text leaves the attribute out.
func event(id, typ, data string, changes ...string) string {
	attributes := map[string]string{
		"specversion": `"1.0"`, "id": fmt.Sprintf("%q", id), "source": `"/crm/bank"`, "type": fmt.Sprintf("%q", typ),
		"time": `"2026-03-02T09:15:00Z"`, "data": data,
	}
	for i := 0; i+1 < len(changes); i += 2 {
		attributes[changes[i]] = changes[i+1]
	}
	var parts []string
	for _, name := range []string{"specversion", "id", "source", "type", "time"} {
		if v := attributes[name]; v != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, v))
		}
		delete(attributes, name)
	}
	for name, v := range attributes {
		if v != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, v))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

const (
	customerData = `{"record":{"source":"/crm/bank","id":"1"},"kind":"person","names":[{"given":"Ana"}]}`
	callData     = `{"record":{"source":"/pbx/bank","stream":"call","id":"7"},"channel":"voice","direction":"outbound","started_at":"2026-03-02T09:15:00Z"}`
	denyData     = `{"choice":"deny","contact_points":[{"phone":"+50255550101"}],"scope":{"products":["extra-financing"]},"stated_at":"2026-03-02T09:20:00Z"}`
	allowData    = `{"choice":"allow","contact_points":[{"phone":"+50255550101"}],"stated_at":"2026-03-02T09:20:00Z"}`
)

func customer(id string, changes ...string) string {
	return event(id, "customer.recorded.v1", customerData, changes...)
}

func codes(problems []events.Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, strings.TrimSpace(p.Code+" "+p.Pointer))
	}
	return strings.Join(out, ", ")
}
