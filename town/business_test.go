package town

import (
	"encoding/json"
	"testing"
	"time"

	"ficha/events"
)

// payloads reads the data of the town's events of a type, oldest first.
func payloads[T any](t *testing.T, town *Town, typ events.Type) (all []T, at []time.Time) {
	t.Helper()
	for e := range town.Events() {
		if e.Type != typ {
			continue
		}
		var p T
		if err := json.Unmarshal(e.Data, &p); err != nil {
			t.Fatal(err)
		}
		all, at = append(all, p), append(at, e.Time)
	}
	return all, at
}

func parsed(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A case goes forward: each of its statements knows what the one before knew, and
// no time in it is later than the statement.
func TestCasesTellAStory(t *testing.T) {
	town := generate(t, Config{People: 1500})
	all, at := payloads[events.CaseChanged](t, town, events.CaseChangedV1)
	last := map[events.RecordKey]events.CaseChanged{}
	counts := map[string]int{}
	for i, c := range all {
		key := c.Record.RecordKey
		was, seen := last[key]
		if !seen {
			counts["opened"]++
			if c.Status != "open" || parsed(t, c.OpenedAt) != at[i] {
				t.Fatalf("a case begins as %+v", c)
			}
		} else if was.OpenedAt != c.OpenedAt || was.Number != c.Number || was.Kind != c.Kind || was.FirstResponseAt != "" && was.FirstResponseAt != c.FirstResponseAt {
			t.Fatalf("%+v becomes %+v", was, c)
		}
		for _, s := range []string{c.FirstResponseAt, c.ResolvedAt} {
			if s != "" && (parsed(t, s).After(at[i]) || parsed(t, s).Before(parsed(t, c.OpenedAt))) {
				t.Fatalf("at %s: %+v", at[i], c)
			}
		}
		last[key] = c
	}
	for _, c := range last {
		counts[c.Status]++
		if c.Escalated != nil {
			counts["escalated"]++
		}
		if c.Status != "resolved" && parsed(t, c.DueAt).Before(town.cfg.Now) {
			counts["overdue"]++
		}
	}
	t.Log(counts)
	for what, least := range map[string]int{"resolved": counts["opened"] / 2, "open": 10, "in_progress": 20, "escalated": 20, "overdue": 20} {
		if counts[what] < least {
			t.Errorf("%s: %d of %d, want at least %d", what, counts[what], counts["opened"], least)
		}
	}
}

// The complaint of the customer who said no is escalated and not answered.
func TestDeclinedComplains(t *testing.T) {
	town := generate(t, Config{People: 20})
	story := town.Declined()
	all, _ := payloads[events.CaseChanged](t, town, events.CaseChangedV1)
	n := 0
	for _, c := range all {
		if *c.Customer != story.Records[0] {
			continue
		}
		if n++; n == 2 && (c.Escalated == nil || c.FirstResponseAt != "" || c.Status != "open" || !parsed(t, c.DueAt).Before(town.cfg.Now)) {
			t.Errorf("the complaint ends as %+v", c)
		}
	}
	if n != 2 {
		t.Errorf("%d statements about his complaint, want 2", n)
	}
}

// What an order says is what the contact said; sales have lines and serial numbers.
func TestOrdersGoWithTheirContacts(t *testing.T) {
	town := generate(t, Config{People: 800})
	contacts, _ := payloads[events.InteractionRecorded](t, town, events.InteractionRecordedV1)
	placed := map[string]events.InteractionRecorded{}
	for _, c := range contacts {
		if c.Order != "" && c.OutcomeRaw == "" { // as it was first stated
			placed[c.Order] = c
		}
	}
	orders, _ := payloads[events.OrderChanged](t, town, events.OrderChangedV1)
	serials := map[string]string{}
	for _, o := range orders {
		c, ok := placed[o.Number]
		if !ok || c.Outcome != "sale" || c.StartedAt != o.OrderedAt || len(o.Lines) == 0 || o.Lines[0].Product != c.Product {
			t.Fatalf("order %+v of contact %+v", o, c)
		}
		for _, l := range o.Lines {
			for _, s := range l.SerialNumbers {
				if other := serials[s]; other != "" && other != o.Number {
					t.Errorf("serial number %s in two orders", s)
				}
				serials[s] = o.Number
			}
		}
	}
	if len(orders) < 300 || len(serials) < 50 {
		t.Errorf("%d orders, %d serial numbers", len(orders), len(serials))
	}
}

// Those whose call was passed on recommend the bank less.
func TestAnswersGoWithTheirContacts(t *testing.T) {
	town := generate(t, Config{People: 1000})
	contacts, _ := payloads[events.InteractionRecorded](t, town, events.InteractionRecordedV1)
	outcomes := map[events.RecordKey]string{}
	for _, c := range contacts {
		if _, edited := outcomes[c.Record.RecordKey]; !edited {
			outcomes[c.Record.RecordKey] = c.Outcome
		}
	}
	answers, _ := payloads[events.SurveyAnswered](t, town, events.SurveyAnsweredV1)
	promoters, detractors := 0, 0
	for _, a := range answers {
		if a.Kind != "nps" {
			continue
		}
		if *a.Score >= 9 {
			promoters++
		}
		if *a.Score < 7 {
			detractors++
		}
		if outcomes[*a.About] == "escalated" && *a.Score >= 7 {
			t.Errorf("score %v after a call that was escalated", *a.Score)
		}
	}
	if promoters == 0 || detractors == 0 || promoters < detractors {
		t.Errorf("%d promoters, %d detractors", promoters, detractors)
	}
}
