package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/gateway"
)

func TestSubmitAppendsWhatIsValid(t *testing.T) {
	d := open(t, nil)
	res := d.submit(events.FormatBatch, "[\n"+customer("a")+" , "+event("b", "contact.stated.v1", denyData)+","+event("c", "interaction.recorded.v1", callData)+"]")
	if len(res.Results) != 3 || res.Position != 3 || res.Rejected != 0 {
		t.Fatalf("got %+v", res)
	}
	for i, r := range res.Results {
		if r.Status != events.StatusAppended || r.Position != events.Position(i+1) || r.Source != "/crm/bank" || r.ID != string(rune('a'+i)) || r.RecordedTime.IsZero() {
			t.Errorf("answer %d: %+v", i, r)
		}
	}
	if want := events.StatementID("/crm/bank", "b"); res.Results[1].Statement != want || res.Results[0].Statement != "" {
		t.Errorf("folios %q and %q, want none and %q", res.Results[0].Statement, res.Results[1].Statement, want)
	}
	stored := d.stored()
	if got := string(stored[0].Data); got != customerData {
		t.Errorf("stored data %s", got)
	}
	if stored[0].DataSchema != "ficha:///schemas/customer.recorded.v1.json" || !stored[0].Time.Equal(noon.Add(-165*time.Minute)) {
		t.Errorf("stored envelope %+v", stored[0].Envelope)
	}
	if d.seen[events.StatusAppended] != 3 {
		t.Errorf("the observer saw %v", d.seen)
	}
}

func TestEnvelopeRules(t *testing.T) {
	long := `"` + strings.Repeat("x", 257) + `"`
	cases := []struct {
		name, event, want string
	}{
		{"nothing", `{}`, "required /data, required /id, required /source, required /specversion, required /time, required /type"},
		{"nulls are as good as nothing", `{"id":null,"data":null,"time":null}`, "required /data, required /id, required /source, required /specversion, required /time, required /type"},
		{"empty id", customer("", "id", `""`), "required /id"},
		{"long id", customer("a", "id", long), "invalid_attribute /id"},
		{"256 characters are fine", customer("a", "id", `"`+strings.Repeat("ñ", 256)+`"`), ""},
		{"control character in id", customer("a", "id", `"a\u0007b"`), "invalid_attribute /id"},
		{"number as id", customer("a", "id", `7`), "invalid_attribute /id"},
		{"long subject", customer("a", "subject", long), "invalid_attribute /subject"},
		{"specversion", customer("a", "specversion", `"0.3"`), "invalid_attribute /specversion"},
		{"source with space", customer("a", "source", `"/crm/bank/a b"`), "invalid_attribute /source"},
		{"source with dot segment", customer("a", "source", `"/crm/bank/../core"`), "invalid_attribute /source"},
		{"type missing", customer("a", "type", ""), "required /type"},
		{"unknown type", event("a", "customer.recorded.v2", customerData), "unknown_type /type"},
		{"time without offset", customer("a", "time", `"2026-03-02T09:15:00"`), "invalid_attribute /time"},
		{"time as number", customer("a", "time", `1772442900`), "invalid_attribute /time"},
		{"time missing", customer("a", "time", ""), "required /time"},
		{"time before there were computers", customer("a", "time", `"0001-01-01T00:00:00Z"`), "time_out_of_range /time"},
		{"year zero and an offset", customer("a", "time", `"0000-01-01T00:00:00+10:00"`), "time_out_of_range /time"},
		{"year ten thousand in UTC", customer("a", "time", `"9999-12-31T23:59:59-10:00"`), "future_time /time"},
		{"six minutes ahead", customer("a", "time", `"2026-03-02T12:06:00Z"`), "future_time /time"},
		{"four minutes ahead", customer("a", "time", `"2026-03-02T12:04:00Z"`), ""},
		{"content type", customer("a", "datacontenttype", `"text/xml"`), "invalid_attribute /datacontenttype"},
		{"content type with charset", customer("a", "datacontenttype", `"application/json; charset=utf-8"`), ""},
		{"extension", customer("a", "traceparent", `"00-0-0-01"`), "unknown_attribute /traceparent"},
		{"extension to escape", customer("a", "a/b", `1`), "unknown_attribute /a~1b"},
		{"binary data", customer("a", "data", "", "data_base64", `"e30="`), "required /data, invalid_attribute /data_base64"},
		{"optional attributes", customer("a", "subject", `"customer:1"`, "correlationid", `"r"`, "causationid", `"c"`, "mapname", `"m"`, "maprev", `"1"`, "dataschema", `"x"`), ""},
		{"schema", event("a", "customer.recorded.v1", `{"record":{"source":"/crm/bank"},"kind":"cat"}`), "schema /data/kind, schema /data/record/id"},
		{"data no object", event("a", "customer.recorded.v1", `"x"`), "schema /data"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, nil)
			r := d.one(c.event)
			if got := codes(r.Errors); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if n := len(d.stored()); (n == 1) != (c.want == "") || (r.Status == events.StatusAppended) != (c.want == "") {
				t.Errorf("status %s, %d events in the log", r.Status, n)
			}
			for _, p := range r.Errors {
				if p.Detail == "" || p.Remedy == "" {
					t.Errorf("no detail or remedy: %+v", p)
				}
			}
		})
	}
}

func TestRecordedTimeOfAPublisherIsIgnoredWithAWarning(t *testing.T) {
	d := open(t, nil)
	r := d.one(customer("a", "recordedtime", `"1999-01-01T00:00:00Z"`))
	if r.Status != events.StatusAppended || codes(r.Warnings) != "ignored_attribute /recordedtime" || !d.stored()[0].RecordedTime.Equal(noon) {
		t.Errorf("got %+v, recorded %v", r, d.stored()[0].RecordedTime)
	}
}

func TestBrokenJSONOfEachKind(t *testing.T) {
	cases := []struct{ name, event, want string }{
		{"named twice", `{"id":"a","id":"b","source":"/crm/bank"}`, "duplicate_key /id"},
		{"nested", `{"id":"a","data":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "too_deep"},
		{"NUL", `{"id":"a\u0000"}`, "nul_character /id"},
		{"lone surrogate", `{"id":"\ud800"}`, "invalid_unicode /id"},
		{"Latin-1", "{\"id\":\"\xf1\"}", "invalid_unicode /id"},
		{"huge number", `{"id":"a","data":{"x":1e999999999}}`, "number_range /data/x"},
		{"no object", `[1]`, "invalid_json"},
		{"not JSON", `{"id":nope}`, "invalid_json /id"},
		{"NaN", `{"id":NaN}`, "invalid_json /id"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, nil)
			// One line between two good ones: only that one is rejected.
			res := d.submit(events.FormatNDJSON, customer("1")+"\n"+c.event+"\r\n"+customer("2")+"\n")
			if len(res.Results) != 3 || res.Rejected != 1 || len(d.stored()) != 2 {
				t.Fatalf("got %+v", res)
			}
			if got := codes(res.Results[1].Errors); !strings.HasPrefix(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestBodiesThatAreNone(t *testing.T) {
	d := open(t, func(c *gateway.Config) { c.Limits = gateway.Limits{Body: 10_000, Event: 5_000, Batch: 5} })
	cases := []struct {
		name   string
		format events.Format
		body   string
		code   string
	}{
		{"empty event", events.FormatEvent, "", "invalid_json"},
		{"text", events.FormatEvent, "hello", "invalid_json"},
		{"cut short", events.FormatEvent, customer("a")[:50], "invalid_json"},
		{"array as event", events.FormatEvent, "[" + customer("a") + "]", "invalid_json"},
		{"two events as one", events.FormatEvent, customer("a") + customer("b"), "trailing_data"},
		{"event as batch", events.FormatBatch, customer("a"), "invalid_json"},
		{"text as batch", events.FormatBatch, "hello", "invalid_json"},
		{"too many", events.FormatBatch, "[" + strings.Repeat("{},", 5) + "{}]", "too_large"},
		{"too many lines", events.FormatNDJSON, strings.Repeat("{}\n", 6), "too_large"},
		{"too large", events.FormatEvent, strings.Repeat(" ", 10_001), "too_large"},
		{"format", "text/csv", "a,b", "unknown_format"},
	}
	for _, c := range cases {
		for name, call := range map[string]func(context.Context, events.Principal, events.Format, []byte) (events.SubmitResult, error){"Submit": d.Submit, "Validate": d.Validate} {
			_, err := call(t.Context(), bank, c.format, []byte(c.body))
			var p *events.Problem
			if !errors.As(err, &p) || p.Code != c.code || !errors.Is(err, events.ErrInvalid) {
				t.Errorf("%s %s: got %v, want %s", name, c.name, err, c.code)
			}
		}
	}
	if len(d.stored()) != 0 {
		t.Error("something was appended")
	}
}

func TestLargeBodiesAndEvents(t *testing.T) {
	d := open(t, nil)
	big := event("big", "interaction.recorded.v1", strings.TrimSuffix(callData, "}")+`,"ext":{"x":"`+strings.Repeat("x", 1<<20)+`"}}`)
	res := d.submit(events.FormatBatch, "["+customer("1")+","+big+","+customer("2")+"]")
	if got := codes(res.Results[1].Errors); got != "too_large" || len(d.stored()) != 2 || res.Results[1].ID != "big" {
		t.Errorf("got %+v", res.Results[1])
	}
	_, err := d.Submit(t.Context(), bank, events.FormatBatch, []byte("["+strings.Repeat(" ", 10<<20)+"]"))
	var p *events.Problem
	if !errors.As(err, &p) || p.Code != "too_large" {
		t.Errorf("a body of 10 MiB: %v", err)
	}
}

func TestASyntaxErrorSparesTheEventsBeforeIt(t *testing.T) {
	d := open(t, nil)
	res := d.submit(events.FormatBatch, "["+customer("1")+","+customer("2")+`,{"id":},`+customer("3")+"]")
	if len(res.Results) != 3 || len(d.stored()) != 2 || !strings.HasPrefix(codes(res.Results[2].Errors), "invalid_json") {
		t.Errorf("got %+v", res)
	}
	if empty := d.submit(events.FormatBatch, "[]"); empty.Results == nil || len(empty.Results) != 0 {
		t.Errorf("an empty batch: %+v", empty)
	}
}

func TestDuplicatesAndReusedIDs(t *testing.T) {
	d := open(t, nil)
	first := d.one(event("a", "contact.stated.v1", denyData))
	again := d.one(event("a", "contact.stated.v1", strings.ReplaceAll(denyData, ",", " ,\n")))
	if again.Status != events.StatusDuplicate || again.Position != first.Position || again.Statement != first.Statement {
		t.Errorf("sent again: %+v, first %+v", again, first)
	}
	d.one(customer("b"))
	other := d.one(event("b", "customer.recorded.v1", strings.Replace(customerData, "Ana", "Eva", 1)))
	if other.Status != events.StatusRejected || codes(other.Errors) != "id_reused /id" || other.Errors[0].Remedy == "" || other.ID != "b" {
		t.Errorf("reused: %+v", other)
	}
	if len(d.stored()) != 2 {
		t.Errorf("%d events in the log, want 2", len(d.stored()))
	}
	res := d.submit(events.FormatBatch, "["+customer("c")+","+customer("c")+"]")
	if res.Results[0].Status != events.StatusAppended || res.Results[1].Status != events.StatusDuplicate || res.Results[1].Position != res.Results[0].Position {
		t.Errorf("twice in one body: %+v", res)
	}
}

func TestADamagedOrFailingLogAppendsNothing(t *testing.T) {
	d := open(t, nil)
	d.log.SetDamage(fmt.Errorf("rewound: %w", events.ErrDamaged))
	if _, err := d.Submit(t.Context(), bank, events.FormatEvent, []byte(customer("a"))); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("submit: %v", err)
	}
	if _, err := d.Publish(t.Context(), theHub, []events.Envelope{{}}); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("publish: %v", err)
	}
	if err := d.MoveInbox(t.Context(), []gateway.InboxMessage{{Source: "/crm/bank", Bytes: []byte("x")}}); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("inbox: %v", err)
	}
	if res, err := d.Validate(t.Context(), bank, events.FormatEvent, []byte(customer("a"))); err != nil || res.Results[0].Status != events.StatusValid {
		t.Errorf("validate needs no log: %+v, %v", res, err)
	}
	d.log.SetDamage(nil)
	d.log.FailAppends(events.ErrUnavailable)
	if _, err := d.Submit(t.Context(), bank, events.FormatEvent, []byte(customer("a"))); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("submit: %v", err)
	}
	if len(d.stored()) != 0 || len(d.letters()) != 0 {
		t.Error("something was appended or buried")
	}
}

func TestValidateAnswersTheSameAndAppendsNothing(t *testing.T) {
	d := open(t, nil)
	body := "[" + customer("a") + "," + event("b", "customer.recorded.v1", `{}`) + "," + event("c", "contact.stated.v1", `{"choice":"no","contact_points":["5555 0101"]}`) + "]"
	res, err := d.Validate(t.Context(), bank, events.FormatBatch, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if res.Results[0].Status != events.StatusValid || res.Results[1].Status != events.StatusRejected || res.Rejected != 2 || res.Position != 0 {
		t.Errorf("got %+v", res)
	}
	if codes(res.Results[2].Warnings) != "would_bind_provisionally" || res.Results[2].Statement != "" {
		t.Errorf("a deny in a wrong form: %+v", res.Results[2])
	}
	if len(d.stored())+len(d.letters()) != 0 {
		t.Error("something was appended or buried")
	}
	submitted := d.submit(events.FormatBatch, body)
	for i := range res.Results {
		if codes(res.Results[i].Errors) != codes(submitted.Results[i].Errors) {
			t.Errorf("event %d: Validate says %s, Submit %s", i, codes(res.Results[i].Errors), codes(submitted.Results[i].Errors))
		}
	}
}

func TestPublishHoldsTheHubToTheSameRules(t *testing.T) {
	d := open(t, nil)
	good := events.Envelope{ID: "a", Source: "/ficha/desk", Type: events.ContactStatedV1, Time: noon, Data: json.RawMessage(denyData), RecordedTime: noon.Add(time.Hour)}
	bad := good
	bad.ID, bad.Data = "b", json.RawMessage(`{"choice":"allow"}`)
	broken := good
	broken.ID, broken.Data = "c", json.RawMessage(`{"choice":"allow","choice":`)
	empty := events.Envelope{}
	res, err := d.Publish(t.Context(), theHub, []events.Envelope{good, bad, broken, empty})
	if err != nil {
		t.Fatal(err)
	}
	if res.Results[0].Status != events.StatusAppended || res.Results[0].Statement == "" || res.Rejected != 3 {
		t.Errorf("got %+v", res)
	}
	if s := d.stored(); len(s) != 1 || s[0].SpecVersion != "1.0" || s[0].DataSchema == "" || !s[0].RecordedTime.Equal(noon) {
		t.Errorf("stored %+v", s)
	}
	if got := codes(res.Results[1].Errors); got != "schema /data, schema /data/stated_at" {
		t.Errorf("bad data: %s", got)
	}
	if got := codes(res.Results[2].Errors); !strings.HasPrefix(got, "duplicate_key /data/choice") {
		t.Errorf("broken data: %s", got)
	}
}

// unfit is a log that cannot hold events with a certain word in their data.
type unfit struct{ *eventstest.Log }

func (u unfit) Append(ctx context.Context, batch []events.Envelope) ([]events.Appended, error) {
	for _, e := range batch {
		if strings.Contains(string(e.Data), "unfit") {
			return nil, fmt.Errorf("append: %w", events.ErrTooLarge)
		}
	}
	return u.Log.Append(ctx, batch)
}

func TestAnEventThatTheLogCannotHoldFailsAlone(t *testing.T) {
	d := open(t, nil)
	d = open(t, func(c *gateway.Config) { c.Log = unfit{d.log} })
	var parts []string
	for i := range 9 {
		e := customer(fmt.Sprint(i))
		if i == 4 {
			e = strings.Replace(e, "Ana", "unfit", 1)
		}
		parts = append(parts, e)
	}
	res := d.submit(events.FormatNDJSON, strings.Join(parts, "\n"))
	for i, r := range res.Results {
		if (r.Status == events.StatusAppended) != (i != 4) {
			t.Errorf("event %d: %+v", i, r)
		}
	}
	if codes(res.Results[4].Errors) != "too_large" {
		t.Errorf("got %+v", res.Results[4])
	}
}

func TestManyEventsKeepTheirOrder(t *testing.T) {
	d := open(t, func(c *gateway.Config) { c.Workers = 8 })
	var parts []string
	for i := range 2000 {
		if i%7 == 3 {
			parts = append(parts, event(fmt.Sprint(i), "customer.recorded.v1", `{}`))
			continue
		}
		parts = append(parts, customer(fmt.Sprint(i)))
	}
	res := d.submit(events.FormatBatch, "["+strings.Join(parts, ",")+"]")
	var last events.Position
	for i, r := range res.Results {
		if r.ID != fmt.Sprint(i) || (r.Status == events.StatusRejected) != (i%7 == 3) {
			t.Fatalf("answer %d is %+v", i, r)
		}
		if r.Status == events.StatusAppended {
			if r.Position != last+1 {
				t.Fatalf("event %d at position %d after %d", i, r.Position, last)
			}
			last = r.Position
		}
	}
}

func TestSubmitFromManyGoroutines(t *testing.T) {
	d := open(t, nil)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				r, err := d.Submit(t.Context(), bank, events.FormatEvent, []byte(customer(fmt.Sprint(w, "-", i))))
				if err != nil || r.Results[0].Status != events.StatusAppended {
					t.Errorf("got %+v, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
	if len(d.stored()) != 160 {
		t.Errorf("%d events in the log, want 160", len(d.stored()))
	}
}

func TestConfigSaysWhatIsMissing(t *testing.T) {
	_, err := gateway.New(gateway.Config{})
	for _, field := range []string{"Log", "Health", "DeadLetters", "Schemas", "Key"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}
