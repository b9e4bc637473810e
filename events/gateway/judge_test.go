package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ficha/events"
)

func TestSourcesOfThePrincipal(t *testing.T) {
	record := func(source string) string { return `{"record":{"source":"` + source + `","id":"1"},"kind":"person"}` }
	everything := events.Principal{Sources: []string{"*"}}
	cases := []struct {
		name, event, want string
		who               events.Principal
	}{
		{"own", customer("a"), "", bank},
		{"below", customer("a", "source", `"/crm/bank/eu"`), "", bank},
		{"beside, by letters", customer("a", "source", `"/crm/bank2"`), "source_not_allowed /source", bank},
		{"another's", customer("a", "source", `"/crm/other"`), "source_not_allowed /source", bank},
		{"none", customer("a"), "source_not_allowed /data/record/source, source_not_allowed /source", events.Principal{}},
		{"all", customer("a", "source", `"/any"`), "", everything},
		{"the hub's", customer("a", "source", `"/ficha"`), "source_not_allowed /source", everything},
		{"below the hub's", customer("a", "source", `"/ficha/gateway"`), "source_not_allowed /source", everything},
		{"the hub's, disguised", customer("a", "source", `"//%66ICHA//x"`), "source_not_allowed /source", everything},
		{"only like the hub's", customer("a", "source", `"/fichas"`), "", everything},
		{"the hub's, by the hub", customer("a", "source", `"/ficha/desk"`), "", theHub},
		{"another's record", event("a", "customer.recorded.v1", record("/shop")), "source_not_allowed /data/record/source", bank},
		{"own record of another system", event("a", "customer.recorded.v1", record("/pbx/bank")), "", bank},
		{"withdrawn", event("a", "customer.withdrawn.v1", `{"record":{"source":"/shop","id":"1"},"reason":"deleted"}`), "source_not_allowed /data/record/source", bank},
		{"merged", event("a", "customer.merged_at_source.v1", `{"survivor":{"source":"/crm/bank","id":"1"},"losers":[{"source":"/crm/bank","id":"2"},{"source":"/shop","id":"3"}]}`), "source_not_allowed /data/losers/1/source", bank},
		{"survivor", event("a", "customer.merged_at_source.v1", `{"survivor":{"source":"/shop","id":"1"},"losers":[{"source":"/crm/bank","id":"2"}]}`), "source_not_allowed /data/survivor/source", bank},
		{"about anybody's customer", event("a", "contact.stated.v1", `{"choice":"deny","records":[{"source":"/shop","id":"1"}],"stated_at":"2026-03-02T09:20:00Z"}`), "", bank},
		{"verdict", event("a", "identity.judged.v1", `{"sets":[["123e4567-e89b-12d3-a456-426614174000"]],"verdict":"same"}`), "type_not_allowed /type", bank},
		{"verdict by who may all", event("a", "identity.judged.v1", `{"sets":[["123e4567-e89b-12d3-a456-426614174000"]],"verdict":"same"}`), "", everything},
		{"resolved", event("a", "identity.resolved.v1", `{"cause":1,"model":"m","engine":"1","groups":[]}`), "type_not_allowed /type", everything},
		{"resolved by the hub", event("a", "identity.resolved.v1", `{"cause":1,"model":"m","engine":"1","groups":[]}`), "", theHub},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, nil)
			res, err := d.Submit(t.Context(), c.who, events.FormatEvent, []byte(c.event))
			if err != nil {
				t.Fatal(err)
			}
			if got := codes(res.Results[0].Errors); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestADenyIsNeverRejectedForItsTime(t *testing.T) {
	d := open(t, nil)
	future := strings.Replace(denyData, "2026-03-02T09:20:00Z", "2031-01-01T00:00:00Z", 1)
	r := d.one(event("a", "contact.stated.v1", future, "time", `"2031-01-01T00:00:00Z"`))
	if r.Status != events.StatusAppended || codes(r.Warnings) != "time_adjusted /time, time_adjusted /data/stated_at" || r.Statement == "" {
		t.Fatalf("got %+v", r)
	}
	if s := d.stored()[0]; !s.Time.Equal(noon) || s.RecordedTime.Before(s.Time) {
		t.Errorf("stored with time %v, recorded %v", s.Time, s.RecordedTime)
	}
	d.now = noon.Add(time.Hour)
	if again := d.one(event("a", "contact.stated.v1", future, "time", `"2031-01-01T00:00:00Z"`)); again.Status != events.StatusDuplicate {
		t.Errorf("sent again an hour later: %+v", again)
	}
	if r := d.one(event("b", "contact.stated.v1", denyData, "time", `"0001-01-01T00:00:00Z"`)); r.Status != events.StatusAppended {
		t.Errorf("a deny with a filler for its time: %+v", r)
	}
	if r := d.one(event("c", "contact.stated.v1", strings.Replace(denyData, "extra-financing", "no-such-product", 1))); r.Status != events.StatusAppended {
		t.Errorf("a deny of an unknown product: %+v", r)
	}
	r = d.one(event("d", "contact.stated.v1", strings.Replace(allowData, "2026-", "2031-", 1), "time", `"2031-03-02T09:20:00Z"`))
	if codes(r.Errors) != "future_time /data/stated_at, future_time /time" || r.Statement != "" {
		t.Errorf("an allow from the future: %+v", r)
	}
}

func TestSupersededVersionsAreBroughtUpToDate(t *testing.T) {
	d := open(t, nil)
	old := `{"choice":"deny","contact_point":{"phone":"+50255550101"},"purpose":"marketing","stated_at":"2026-03-02T09:20:00Z"}`
	r := d.one(event("a", "contact.stated.v0", old))
	if r.Status != events.StatusAppended || r.Statement == "" {
		t.Fatalf("got %+v", r)
	}
	s := d.stored()[0]
	var data events.ContactStated
	if err := json.Unmarshal(s.Data, &data); err != nil || s.Type != events.ContactStatedV1 || s.DataSchema != "ficha:///schemas/contact.stated.v1.json" {
		t.Fatalf("stored %s %s: %v", s.Type, s.Data, err)
	}
	if len(data.ContactPoints) != 1 || len(data.Scope.Purposes) != 1 {
		t.Errorf("stored %s", s.Data)
	}
	if again := d.one(event("a", "contact.stated.v0", old)); again.Status != events.StatusDuplicate {
		t.Errorf("sent again: %+v", again)
	}
}
