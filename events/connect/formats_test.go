package connect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"ficha/events"
)

func TestNDJSON(t *testing.T) {
	const text = `{"id": 7, "first_name": "Ana", "last_name": "Ruiz", "phones": ["+50255123456", "+50255123457"], "address": {"city": "Cobán", "country": "GT"}, "nothing": null}

not json
["a list"]
{"id": 8, "name": "Eva", "emails": [{"value": "eva@example.com", "use": "work"}], "birthday": "1980-02-11T00:00:00Z"}
{"id": 9, "name": "Leo", "a": {"b": {"c": 1}}, "big": 12345678901234567890}`
	h := newHub(t)
	var out bytes.Buffer
	cfg := config(h)
	cfg.Rejects = &out
	s := importText(t, cfg, text)
	if s.Format != NDJSON || s.Rows != 5 || s.Appended != 3 {
		t.Fatalf("%+v", s)
	}
	equal(t, "rejects", rejected(t, &out), []string{"2 rejected invalid_json ", "3 rejected invalid_json "})
	got := h.records(t)
	if c := got[0]; c.Record.ID != "7" || c.Names[0].Given != "Ana" || len(c.Phones) != 2 || c.Phones[1].Value != "+50255123457" || c.Addresses[0].Locality != "Cobán" {
		t.Errorf("%+v", c)
	}
	if c := got[1]; c.Emails[0] != (events.Email{Value: "eva@example.com", Use: "work"}) || c.BirthDate != "1980-02-11" {
		t.Errorf("%+v", c)
	}
	equal(t, "ignored", s.Ignored, []string{"a.b.c", "big", "nothing"})
}

// An array of objects, or objects over several lines one after another.
func TestJSON(t *testing.T) {
	for name, text := range map[string]string{
		"array":   "[\n {\"id\":1,\"name\":\"Ana [\\\"x\\\"] {\"},\n {\"id\":2,\"name\":\"Eva\"} , 17, {\"id\":3,\"name\":}, {\"id\":4,\"name\":\"Leo\"}\n]\n",
		"objects": "{\n \"id\":1,\n \"name\":\"Ana\"\n}\n{\n \"id\":2, \"name\":\"Eva\"\n}\n17\n{\n \"id\":3,\"name\":\n}\n{ \"id\":4,\"name\":\"Leo\"}",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			var out bytes.Buffer
			cfg := config(h)
			cfg.Rejects = &out
			s := importText(t, cfg, text)
			if s.Format != JSON || s.Rows != 5 || s.Appended != 3 {
				t.Errorf("%+v", s)
			}
			equal(t, "rejects", rejected(t, &out), []string{"3 rejected invalid_json ", "4 rejected invalid_json "})
		})
	}
}

func TestJSONResumes(t *testing.T) {
	for name, pattern := range map[string][3]string{"array": {"[", ",", "]"}, "lines": {"", "\n", "\n"}} {
		t.Run(name, func(t *testing.T) {
			var rows []string
			for i := range 40 {
				rows = append(rows, fmt.Sprintf(`{"name":"Persona Ñ %d","phone":"+5025512%04d"}`, i, i))
			}
			text := pattern[0] + strings.Join(rows, pattern[1]) + pattern[2]
			whole, h := newHub(t), newHub(t)
			importText(t, config(whole), text)
			h.failAt, h.failure = 4, errDown
			cfg := config(h)
			cfg.Limits.Batch, cfg.Checkpoints = 7, NewFileCheckpoints(t.TempDir())
			if _, err := Import(t.Context(), cfg, strings.NewReader(text)); err == nil {
				t.Fatal("want an error")
			}
			if s := importText(t, cfg, text); !s.Resumed || s.Rows != 40 {
				t.Fatalf("%+v", s)
			}
			want, got := whole.of(events.CustomerRecordedV1), h.of(events.CustomerRecordedV1)
			if len(want) != len(got) {
				t.Fatalf("%d events, want %d", len(got), len(want))
			}
			for i := range want {
				if want[i].ID != got[i].ID {
					t.Fatalf("row %d has another id", i)
				}
			}
		})
	}
}

// Events come through as they are; the hub says what is wrong with them.
func TestCloudEvents(t *testing.T) {
	const text = `{"specversion":"1.0","id":"e1","source":"/crm/test","type":"customer.recorded.v1","time":"2026-03-02T09:15:00Z","data":{"record":{"source":"/crm/test","id":"1"},"kind":"person","names":[{"full":"Ana"}]}}
{"specversion":"1.0","id":"e2","source":"/crm/test","type":"contact.stated.v1","time":"2026-03-02T09:15:00Z","data":{"choice":"deny","contact_points":[{"phone":"+50255123456"}],"stated_at":"2026-03-02T09:15:00Z"}}
{"specversion":"1.0","id":"e1","source":"/crm/test","type":"customer.recorded.v1","time":"2026-03-02T09:15:00Z","data":{"record":{"source":"/crm/test","id":"1"},"kind":"person","names":[{"full":"Ana"}]}}
{"specversion":"1.0","id":"e3","source":"/crm/test","type":"customer.recorded.v1","time":"2026-03-02T09:15:00Z","data":{"kind":"robot"}}
{"specversion":"1.0","id":7,"source":"/crm/test","type":"customer.recorded.v1","data":{}}
`
	h := newHub(t)
	s := importText(t, config(h), text)
	if s.Appended != 2 || s.Duplicate != 1 || s.Rejected != 2 || s.Remarks["invalid_envelope"] != 1 {
		t.Errorf("%+v", s)
	}
	if e := h.of(events.ContactStatedV1); len(e) != 1 || e[0].ID != "e2" || e[0].CorrelationID != "run-1" {
		t.Errorf("%+v", e)
	}
}

func TestLimits(t *testing.T) {
	h := newHub(t)
	cfg := config(h)
	cfg.Limits = Limits{Row: 2000, Field: 200, Columns: 5}
	wide, long := strings.Repeat("x,", 6), strings.Repeat("y", 300)
	text := "id,name\n1,Ana\n2," + long + "\n" + wide + "\n3,\"" + strings.Repeat("z", 5000) + "\"\n4," + strings.Repeat("w", 9000) + "\n5,Leo\n"
	s := importText(t, cfg, text)
	if s.Appended != 2 || s.Rejected != 4 || s.Remarks["field_too_long"] != 1 || s.Remarks["too_many_columns"] != 1 || s.Remarks["row_too_long"] != 2 {
		t.Errorf("%+v", s)
	}
	cfg.Run = "lines"
	s = importText(t, cfg, `{"id":6,"name":"Ana"}`+"\n"+`{"id":7,"name":"`+strings.Repeat("x", 5000)+`"}`+"\n"+`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}`+"\n"+
		strings.Repeat(`{"a":`, 30)+"1"+strings.Repeat("}", 30)+"\n"+`{"id":8,"name":"Leo"}`)
	if s.Appended != 2 || s.Rejected != 3 || s.Remarks["too_deep"] != 1 || s.Remarks["too_many_columns"] != 1 || s.Remarks["row_too_long"] != 1 {
		t.Errorf("%+v", s)
	}
	cfg.Run = "array"
	s = importText(t, cfg, `[{"id":11,"name":"Ana"},{"id":12,"name":"`+strings.Repeat("x", 50000)+`"},{"id":13,"name":"Leo"}]`)
	if s.Appended != 1 || s.Remarks["row_too_long"] != 1 {
		t.Errorf("%+v", s)
	}
	if _, err := Import(t.Context(), cfg, strings.NewReader("a,b,c,d,e,f,name\n")); err == nil {
		t.Error("too many columns in the header: want an error")
	}
	if _, err := Import(t.Context(), cfg, strings.NewReader("")); err == nil {
		t.Error("an empty file: want an error")
	}
}

func TestSenzingPreset(t *testing.T) {
	const text = `{"DATA_SOURCE":"WATCH LIST","RECORD_ID":"A1","RECORD_TYPE":"PERSON","FEATURES":[{"NAME_TYPE":"PRIMARY","NAME_LAST":"Roe","NAME_FIRST":"Jane"},{"NAME_TYPE":"AKA","NAME_FULL":"Janie Roe"},{"DATE_OF_BIRTH":"31/1/1980"},{"ADDR_TYPE":"HOME","ADDR_LINE1":"1 Some Road","ADDR_CITY":"Nowhere","ADDR_COUNTRY":"US"},{"PHONE_TYPE":"MOBILE","PHONE_NUMBER":"202-555-0101"},{"EMAIL_ADDRESS":"jane@example.com"},{"PASSPORT_NUMBER":"X1","PASSPORT_COUNTRY":"US"},{"SSN_NUMBER":"000-12-3456"},{"NATIONAL_ID_NUMBER":"77","NATIONAL_ID_COUNTRY":"ES"},{"EMPLOYER":"Acme"}],"AMOUNT":"100"}
{"DATA_SOURCE":"REF","RECORD_ID":"B2","RECORD_TYPE":"ORGANIZATION","NAMES":[{"PRIMARY_NAME_ORG":"Acme Ltd"}],"BUSINESS_PHONE_NUMBER":"202-555-0102","ADDR_FULL":"2 Some Road, Nowhere"}
`
	h := newHub(t)
	cfg := config(h)
	cfg.Mapping.Preset = PresetSenzing
	s := importText(t, cfg, text)
	got := h.records(t)
	if s.Appended != 2 || len(got) != 2 {
		t.Fatalf("%+v", s)
	}
	equal(t, "ignored", s.Ignored, []string{"AMOUNT"})
	c := got[0]
	if c.Record.Source != "/crm/test/watch-list" || c.Record.ID != "A1" || len(c.Names) != 2 || c.Names[0].Family != "Roe" || c.Names[1].Use != "aka" || c.BirthDate != "1980-01-31" || c.Organization != "Acme" {
		t.Errorf("%+v", c)
	}
	if c.Addresses[0].Lines[0] != "1 Some Road" || c.Addresses[0].Use != "home" || c.Phones[0].Region != "US" || len(c.Documents) != 3 {
		t.Errorf("%+v", c)
	}
	for _, d := range c.Documents {
		want := map[string]string{"passport": "US", "ssn": "US", "national_id": "ES"}[d.Kind]
		if d.Country != want {
			t.Errorf("%+v", d)
		}
	}
	if o := got[1]; o.Kind != events.Organization || o.Names[0].Full != "Acme Ltd" || o.Phones[0].Value != "202-555-0102" {
		t.Errorf("%+v", o)
	}
}

func TestOrganizations(t *testing.T) {
	c, _ := one(t, Mapping{}, "id,razon_social,nit,telefono\n1,Ferretería El Faro S.A.,1234567-9,22334455\n")
	if c.Kind != events.Organization || c.Names[0].Full != "Ferretería El Faro S.A." || c.Documents[0].Kind != "nit" {
		t.Errorf("%+v", c)
	}
	c, _ = one(t, Mapping{Kind: events.Organization}, "id,name,city\n1,El Faro,Mixco\n")
	if c.Kind != events.Organization || c.Names[0].Full != "El Faro" {
		t.Errorf("%+v", c)
	}
	c, _ = one(t, Mapping{}, "id,first_name,company\n1,Ana,El Faro\n")
	if c.Kind != events.Person || c.Organization != "El Faro" {
		t.Errorf("%+v", c)
	}
	c, _ = one(t, Mapping{}, "id,first_name,company,city\n1,,El Faro,Mixco\n")
	if c.Kind != events.Organization || c.Names[0].Full != "El Faro" || c.Organization != "" {
		t.Errorf("%+v", c)
	}
}
