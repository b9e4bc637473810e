package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
	"ficha/town"
)

// TestMatchFromTheShell asks whom a record would be, and why two are one or not.
func TestMatchFromTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, townspeople())
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])
	write(t, "record.json", `{"kind":"person","names":[{"full":"Maria Jose Nuñez Garcia"}],"phones":[{"value":"+502 5512 3456"}]}`)
	write(t, "nobody.json", `{"kind":"person","names":[{"given":"Zbigniew","family":"Wojciechowski"}]}`)
	write(t, "broken.json", `{"kind":"person","nombre":"Ana"}`)
	write(t, "list.json", `[]`)

	id := events.RecordKey{Source: "/crm/bank", ID: "1"}.UUID().String()
	out := wantExit(t, exitOK, "", "customer", "match", "record.json")
	for _, want := range []string{"it would be one customer with " + id, "María José Núñez García  /crm/bank:1", "/shop:77", "match, ", "Telephone: a number in common"} {
		if !strings.Contains(out, want) {
			t.Errorf("match lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "2365487100101") {
		t.Errorf("match shows a document's number:\n%s", out)
	}
	if out := wantExit(t, exitOK, "", "customer", "match", "record.json", "--language", "es", "--limit", "1"); !strings.Contains(out, "Teléfono: un número en común") || strings.Contains(out, "/shop:77") && strings.Contains(out, "/crm/bank:1") {
		t.Errorf("in Spanish, one candidate:\n%s", out)
	}
	if o := objects(t, wantExit(t, exitOK, "", "customer", "match", "record.json", "--json")); len(o) != 1 || fmt.Sprint(o[0]["joins"]) != "["+id+"]" {
		t.Errorf("match --json: %v", o)
	}
	wantExit(t, exitNotFound, "resembles nobody", "customer", "match", "nobody.json")
	wantExit(t, exitUsage, "record/nombre", "customer", "match", "broken.json")
	wantExit(t, exitUsage, "one JSON object", "customer", "match", "list.json")
	wantExit(t, exitUsage, "no such file", "customer", "match", "none.json")
	wantExit(t, exitUsage, "--limit is from 1 to 20", "customer", "match", "record.json", "--limit", "21")
	checkStandardInput(t, id)

	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])
	out = wantExit(t, exitOK, "", "customer", "why-not", "/crm/bank:1", "/shop:77")
	for _, want := range []string{"/crm/bank 1 and /shop 77", "\n  Document: the same number", "Together ", "They are one customer: /crm/bank 1 – /shop 77"} {
		if !strings.Contains(out, want) {
			t.Errorf("why-not lacks %q:\n%s", want, out)
		}
	}
	out = wantExit(t, exitOK, "", "customer", "why-not", id, "/crm/bank:customer:3", "--language", "es")
	if !strings.Contains(out, "No se comparan") || !strings.Contains(out, "La evidencia no alcanza") {
		t.Errorf("why-not of two strangers in Spanish:\n%s", out)
	}
	if o := objects(t, wantExit(t, exitOK, "", "customer", "why-not", id, "/crm/bank:3", "--json")); len(o) != 1 || o[0]["together"] != false {
		t.Errorf("why-not --json: %v", o)
	}
	wantExit(t, exitNotFound, "there is no such record", "customer", "why-not", id, "/crm/bank:none")
	wantExit(t, exitUsage, "the same record", "customer", "why-not", "/crm/bank:1", id)
	wantExit(t, exitUsage, "neither an id nor a record", "customer", "why-not", "x", id)
}

// checkStandardInput pipes the record in.
func checkStandardInput(t *testing.T, id string) {
	t.Helper()
	raw, err := os.ReadFile("record.json")
	if err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	if code := Main(context.Background(), []string{"customer", "match", "-"}, streams{in: bytes.NewReader(raw), out: &out, err: &said}); code != exitOK || !strings.Contains(out.String(), id) {
		t.Errorf("from standard input: exit %d\n%s%s", code, out.String(), said.String())
	}
}

// matchBudget is how long 99 of 100 questions may take, with 100,000 customers.
const matchBudget = 20 * time.Millisecond

// TestStoryMatchLatency asks a hub with a town of customers over HTTP whom records
// would be that it has not seen: of 10,000 people at full size, of 100,000 with
// FICHA_SCALE=full (make scale; a quarter of an hour and 6 GB).
func TestStoryMatchLatency(t *testing.T) {
	people, asked := 400, 100
	if rounds(0) > 0 {
		people, asked = 10_000, 2000
		if os.Getenv("FICHA_SCALE") == "full" {
			people = 100_000
		}
	}
	d := newKeyedHub(t)
	c := &client.Client{BaseURL: d.url, Key: d.keys[apikey.Admin]}
	held := fillTown(t, d, c, people, asked)
	q := &client.Client{BaseURL: d.url, Key: d.keys[apikey.Agent]}
	end, err := d.hub.log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	took, joins := make([]time.Duration, len(held)), 0
	for i, data := range held {
		var answer api.MatchAnswer
		began := time.Now()
		if err := q.Do(t.Context(), http.MethodPost, "/v1/customers:match", map[string]any{"record": data}, &answer); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(began)
		joins += min(1, len(answer.Joins))
	}
	if after, err := d.hub.log.End(t.Context()); err != nil || after != end {
		t.Errorf("the log grew from %d to %d, %v", end, after, err)
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("%d people: %d questions, %d would join a customer; half within %v, 99 of 100 within %v, all within %v",
		people, len(took), joins, took[len(took)/2], p99, took[len(took)-1])
	if joins < len(held)/4 || rounds(0) > 0 && p99 > matchBudget {
		t.Errorf("%d of %d join a customer; p99 %v, the budget is %v", joins, len(held), p99, matchBudget)
	}
}

// fillTown publishes a town but for some records, and gives what those say.
func fillTown(t *testing.T, d *keyedHub, c *client.Client, people, n int) []json.RawMessage {
	t.Helper()
	made, err := town.Generate(town.Config{People: people, Seed: 11})
	if err != nil {
		t.Fatal(err)
	}
	var held []json.RawMessage
	var batch []events.Envelope
	flush := func() {
		if len(batch) > 0 {
			submitPatiently(t, c, batch)
			batch = nil
		}
	}
	kept, seen := map[events.RecordKey]bool{}, 0
	for e := range made.Events() {
		if e.Type != events.CustomerRecordedV1 {
			continue
		}
		var about struct{ Record events.RecordKey }
		if err := json.Unmarshal(e.Data, &about); err != nil {
			t.Fatal(err)
		}
		if seen++; !kept[about.Record] && len(held) < n && seen%(made.Records()/n) == 0 {
			kept[about.Record], held = true, append(held, e.Data)
		}
		if kept[about.Record] {
			continue
		}
		if batch = append(batch, e); len(batch) == 500 {
			flush()
		}
	}
	flush()
	settleAll(t, d.hub)
	return held
}

// submitPatiently publishes, again where the hub was too busy: repeating is safe.
func submitPatiently(t *testing.T, c *client.Client, batch []events.Envelope) {
	t.Helper()
	for range 20 {
		res, err := c.Submit(t.Context(), batch)
		if err == nil && res.Rejected == 0 {
			return
		}
		if !errors.Is(err, events.ErrUnavailable) {
			t.Fatalf("publish: %v, %d rejected", err, res.Rejected)
		}
	}
	t.Fatal("the hub takes no events")
}

// settleAll waits until matching has decided about everything, and that is folded.
func settleAll(t *testing.T, h *hub) {
	t.Helper()
	end, err := h.log.LaneEnd(t.Context(), events.LaneRecord)
	if err == nil {
		err = h.resolver.Wait(t.Context(), end)
	}
	if err == nil {
		end, err = h.log.End(t.Context())
	}
	if err == nil {
		err = h.main.Wait(t.Context(), end)
	}
	if err != nil {
		t.Fatal(err)
	}
}
