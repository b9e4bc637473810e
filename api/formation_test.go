package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/api/explain"
	"ficha/events"
)

// movedOut is María with another number, stated two hours later.
func movedOut(id string) events.Envelope {
	return event("moved-"+id, events.CustomerRecordedV1, start.Add(2*time.Hour), events.CustomerRecorded{
		Record: events.Record{RecordKey: crm(id)}, Kind: events.Person, Phones: []events.Phone{{Value: "+502 4433 2211"}},
	})
}

// apart is the decision that records are a customer each.
func apart(cause events.Position, keys ...events.RecordKey) events.Envelope {
	var groups []events.IdentityGroup
	for _, k := range keys {
		groups = append(groups, events.IdentityGroup{{Record: k.UUID(), Position: cause}})
	}
	e := event("apart-"+keys[0].ID, events.IdentityResolvedV1, start, events.IdentityResolved{Cause: cause, Model: "m", Engine: "e", Groups: groups})
	e.Source = events.HubSource + "/resolver"
	return e
}

func path(id, below string, query ...string) string {
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	p := "/v1/customers/" + crm(id).UUID().String() + below
	if len(q) > 0 {
		p += "?" + q.Encode()
	}
	return p
}

func TestCustomerAsOf(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.at = start.Add(3 * time.Hour)
	h.tell(movedOut("1"))
	h.at = start.Add(24 * time.Hour)
	at := func(d time.Duration) string { return start.Add(d).Format(time.RFC3339) }
	for _, c := range []struct {
		name  string
		query []string
		want  string
	}{
		{"now", nil, "+50244332211"},
		{"before it moved at the source", []string{"at", at(time.Hour)}, "+50255123456"},
		{"after it moved, before the hub heard", []string{"at", at(150 * time.Minute)}, "+50255123456"},
		{"the same, as known today", []string{"at", at(150 * time.Minute), "known_at", at(24 * time.Hour)}, "+50244332211"},
		{"before it moved, as known today", []string{"at", at(time.Hour), "known_at", at(24 * time.Hour)}, "+50255123456"},
		{"all that was known then", []string{"known_at", at(time.Hour)}, "+50255123456"},
		{"known in the future is known now", []string{"known_at", at(99 * time.Hour)}, "+50244332211"},
	} {
		got := ask[CustomerAnswer](h, apikey.Agent, "GET", path("1", "", c.query...), nil)
		if len(got.Phones) == 0 || got.Phones[0].Value.Value != c.want {
			t.Errorf("%s: phones %+v, want %s first", c.name, got.Phones, c.want)
		}
		if past := c.query != nil; past != (got.AsOf != nil) || past == (got.Contact != nil) {
			t.Errorf("%s: as_of %v, contact %v", c.name, got.AsOf, got.Contact)
		}
		if !got.Masked || strings.Contains(got.BirthDate.Value, "1980") {
			t.Errorf("%s: an agent sees %q", c.name, got.BirthDate.Value)
		}
	}
	wantProblem(t, h.call(apikey.Agent, "GET", path("1", "", "at", at(-48*time.Hour)), nil), http.StatusNotFound, "not_found")
	wantProblem(t, h.call(apikey.Agent, "GET", path("1", "", "at", "yesterday"), nil), http.StatusUnprocessableEntity, "invalid")
}

func TestExplainEveryValue(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.tell(joined(h.tell(jose("2")), crm("1"), crm("2")))
	for lang, want := range map[string]string{
		"en": "Date of birth: from /crm/bank 1, because no other record states it.",
		"es": "Fecha de nacimiento: de /crm/bank 1, porque ningún otro registro lo declara.",
	} {
		c := ask[CustomerAnswer](h, apikey.Steward, "GET", path("1", "", "explain", "true"), nil, "Accept-Language", lang)
		explained := map[string]int{}
		for _, e := range c.Explanations {
			explained[e.Attribute]++
			if e.Attribute == "birth_date" && e.Text != want {
				t.Errorf("%s: %q, want %q", lang, e.Text, want)
			}
			if strings.ContainsAny(e.Text, "{}") || strings.Contains(e.Text, "55123456") {
				t.Errorf("%s: %q has a gap or a value", lang, e.Text)
			}
		}
		if explained["names"] != len(c.Names) || explained["phones"] != len(c.Phones) || explained["documents"] != len(c.Documents) {
			t.Errorf("%s: explained %v", lang, explained)
		}
	}
	if c := ask[CustomerAnswer](h, apikey.Steward, "GET", path("1", ""), nil); c.Explanations != nil {
		t.Errorf("explained without being asked: %+v", c.Explanations)
	}
}

func kinds(steps []explain.Step) []explain.StepKind {
	out := make([]explain.StepKind, len(steps))
	for i, s := range steps {
		out[i] = s.Kind
	}
	return out
}

func TestHowACustomerFormed(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	seen := h.tell(jose("2"))
	h.tell(joined(seen, crm("1"), crm("2")))
	f := ask[FormationAnswer](h, apikey.Steward, "GET", path("2", "/how"), nil)
	if got, want := kinds(f.Steps), []explain.StepKind{explain.StepSeen, explain.StepSeen, explain.StepJoined}; !slices.Equal(got, want) {
		t.Fatalf("steps %v, want %v", got, want)
	}
	joint := f.Steps[2]
	if len(joint.Joined) != 2 || len(joint.Links) != 1 || joint.Model != "m" || joint.Engine != "e" || joint.Cause == nil || joint.Cause.Position != seen {
		t.Errorf("joined: %+v", joint)
	}
	if !strings.HasPrefix(joint.Text, "/crm/bank 1 and /crm/bank 2 became one customer.") || !strings.Contains(joint.Text, "9.0 bits") {
		t.Errorf("in words: %q", joint.Text)
	}
	if len(f.Links) != 1 || f.Links[0].Text == "" || len(f.Records) != 2 {
		t.Errorf("now: %+v", f)
	}

	h.tell(apart(seen, crm("1"), crm("2")))
	for _, id := range []string{"1", "2"} {
		f := ask[FormationAnswer](h, apikey.Steward, "GET", path(id, "/how"), nil, "Accept-Language", "es")
		last := f.Steps[len(f.Steps)-1]
		if last.Kind != explain.StepParted || len(last.Parted) != 2 || !strings.Contains(last.Text, "son clientes distintos desde entonces") {
			t.Errorf("record %s after the split: %+v", id, last)
		}
		if len(f.Records) != 1 || len(f.Links) != 0 || len(f.Steps) != 3 {
			t.Errorf("record %s now: %d records, %d links, %d steps", id, len(f.Records), len(f.Links), len(f.Steps))
		}
	}
}

func TestHistoryPagesToTheEnd(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.tell(joined(h.tell(jose("2")), crm("1"), crm("2")))
	h.at = start.Add(3 * time.Hour)
	h.tell(movedOut("1"))
	var got []string
	cursor := []string{"limit", "1"}
	for {
		page := ask[HistoryAnswer](h, apikey.Steward, "GET", path("1", "/history", cursor...), nil)
		for _, e := range page.Data {
			got = append(got, e.Kind)
			if e.At.IsZero() || (e.Statement == nil) == (e.Step == nil) {
				t.Errorf("entry %+v", e)
			}
			if e.Step != nil && e.Step.Text == "" {
				t.Errorf("step without words: %+v", e.Step)
			}
		}
		if page.NextCursor == nil {
			break
		}
		cursor = []string{"limit", "1", "cursor", *page.NextCursor}
	}
	if want := []string{"stated", "joined", "stated", "stated"}; !slices.Equal(got, want) {
		t.Errorf("history %v, want %v", got, want)
	}
	newest := ask[HistoryAnswer](h, apikey.Steward, "GET", path("1", "/history"), nil).Data[0].Statement
	if newest.ID != "moved-1" || !slices.Equal(newest.Attributes, []string{"phones"}) {
		t.Errorf("newest statement %+v", newest)
	}
	wantProblem(t, h.call(apikey.Steward, "GET", path("1", "/history", "cursor", "x"), nil), http.StatusUnprocessableEntity, "invalid")
}

func TestRecordsSayWhatEachSourceSays(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	h.tell(joined(h.tell(jose("2")), crm("1"), crm("2")))
	h.at = start.Add(3 * time.Hour)
	h.tell(movedOut("1"))
	full := ask[RecordsAnswer](h, apikey.Steward, "GET", path("2", "/records"), nil)
	if len(full.Data) != 2 || full.Masked {
		t.Fatalf("records %+v", full)
	}
	first := full.Data[0]
	if first.ID != "1" || first.Statements != 2 || !first.StatedAt.Equal(start.Add(2*time.Hour)) || first.Data.BirthDate != "1980-02-11" || first.Data.Phones[0].Value != "+502 4433 2211" {
		t.Errorf("first %+v %+v", first, first.Data)
	}
	part := ask[RecordsAnswer](h, apikey.Agent, "GET", path("2", "/records"), nil)
	if d := part.Data[0].Data; !part.Masked || strings.Contains(d.BirthDate, "1980") || strings.Contains(d.Documents[0].Number, "AB123") {
		t.Errorf("an agent sees %+v", d)
	}
}

func TestHowTellsWhatPeopleDecided(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	seen := h.tell(jose("2"))
	judged := event("j1", events.IdentityJudgedV1, start, events.IdentityJudged{
		Sets: [][]uuid.UUID{{crm("1").UUID(), crm("2").UUID()}}, Verdict: events.VerdictSame, By: "s3", Reason: "same document",
	})
	h.tell(judged)
	h.tell(joined(seen, crm("1"), crm("2")))
	h.tell(event("p1", events.ValuePinnedV1, start, events.ValuePinned{Record: crm("1"), Attribute: "birth_date", Value: []byte(`"1980-02-12"`), By: "s4"}))
	h.tell(event("w1", events.IdentityJudgementWithdrawnV1, start, events.IdentityJudgementWithdrawn{
		Judgement: events.EventID{Source: judged.Source, ID: judged.ID}, By: "s5",
	}))
	f := ask[FormationAnswer](h, apikey.Steward, "GET", path("1", "/how"), nil)
	want := []explain.StepKind{explain.StepSeen, explain.StepSeen, explain.StepJudged, explain.StepJoined, explain.StepPinned, explain.StepTakenBack}
	if got := kinds(f.Steps); !slices.Equal(got, want) {
		t.Fatalf("steps %v, want %v", got, want)
	}
	if said := f.Steps[2]; said.By != "s3" || said.Review == nil || said.Text != "s3 said that these records are the same customer. Reason: same document." {
		t.Errorf("verdict: %+v", said)
	}
	if pinned := f.Steps[4]; pinned.Text != "s4 set a value by hand: Date of birth." || strings.Contains(pinned.Text, "1980") {
		t.Errorf("pin: %+v", pinned)
	}
	if back := f.Steps[5]; back.By != "s5" || back.Text != "s5 took a decision back." {
		t.Errorf("taken back: %+v", back)
	}
	page := ask[HistoryAnswer](h, apikey.Steward, "GET", path("1", "/history"), nil)
	if len(page.Data) != 6 || page.Data[0].Kind != "verdict_withdrawn" || page.Data[5].Kind != "stated" {
		t.Errorf("history has %d entries: %+v", len(page.Data), page.Data)
	}
}
