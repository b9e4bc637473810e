package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/review"
)

// stewardsDay is a hub with something of everything in its queue, and what the
// lines of stewards.md call it.
type stewardsDay struct {
	*keyedHub
	t    *testing.T
	vars map[string]string
}

func newStewardsDay(t *testing.T) *stewardsDay {
	t.Helper()
	atShell(t)
	d := &stewardsDay{keyedHub: newKeyedHub(t), t: t, vars: map[string]string{}}
	t.Setenv("FICHA_URL", d.url)
	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])
	evs := lookAlikes(12)
	for n, family2 := range []string{"Barrientos", "", "Quintanilla"} { // a group
		evs = append(evs, made("/crm/bank", fmt.Sprint("g", n), events.CustomerRecordedV1, events.CustomerRecorded{
			Record: events.Record{RecordKey: events.RecordKey{Source: "/crm/bank", ID: fmt.Sprint("g", n)}}, Kind: events.Person,
			Names:  []events.Name{{Given: "Hermenegildo", Family: "Ixtabalan", Family2: family2}},
			Phones: []events.Phone{{Value: fmt.Sprintf("+502%08d", 31234567+9876543*n)}}, Emails: []events.Email{{Value: fmt.Sprintf("h%d@example.com", n)}},
		}))
	}
	publish(t, d.keyedHub, evs)
	record := func(n int) events.RecordKey { return events.RecordKey{Source: "/crm/bank", ID: fmt.Sprint("t", n)} }
	d.vars["FICHA_URL"], d.vars["STEWARD"] = d.url, d.keys[apikey.Steward]
	// The last two pairs are for merging by hand, and for a refusal that binds after a split.
	d.vars["ID"], d.vars["THAT"], d.vars["RECORD"] = record(20).UUID().String(), record(22).UUID().String(), "/crm/bank:t22"
	wantExit(t, exitOK, "", "customer", "merge", record(16).UUID().String(), record(18).UUID().String())
	publish(t, d.keyedHub, []events.Envelope{denyOfRecord("/crm/bank", "no-1", record(16))})
	wantExit(t, exitOK, "", "customer", "split", record(16).UUID().String(), "--record", "/crm/bank:t18")
	d.name()
	d.vars["REVIEW"], d.vars["SECOND"] = d.vars["PAIR"], d.vars["ANOTHER"]
	return d
}

// name looks up what the next block calls by name.
func (d *stewardsDay) name() {
	d.t.Helper()
	if err := d.settle(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	rowsOfNow(d.t, d.hub, func(s projections.Snapshot) {
		items, _, err := review.List(d.t.Context(), s, review.Filter{}, "", review.MaxLimit)
		if err != nil {
			d.t.Fatal(err)
		}
		pairs := 0
		for _, it := range items {
			switch {
			case it.Kind == review.KindGroup:
				d.vars["GROUP"], d.vars["OTHER"] = it.ID.String(), it.Customers[2].String()
			case it.Kind == review.KindHold:
				d.vars["HOLD"] = it.ID.String()
			case it.Group != uuid.Nil || slices.Contains(it.Customers, crmUUID("t20")) || slices.Contains(it.Customers, crmUUID("t22")):
			case pairs == 0:
				d.vars["PAIR"], d.vars["PATTERN"] = it.ID.String(), it.Pattern
				pairs++
			case pairs == 1:
				d.vars["ANOTHER"] = it.ID.String()
				pairs++
			}
		}
		n := 0
		for _, it := range items {
			if it.Kind == review.KindPair && it.Pattern == d.vars["PATTERN"] {
				n++
			}
		}
		d.vars["COUNT"] = fmt.Sprint(n)
	})
	d.nameAnswers()
}

func crmUUID(id string) uuid.UUID {
	return events.RecordKey{Source: "/crm/bank", ID: id}.UUID()
}

// nameAnswers looks up what earlier lines were answered.
func (d *stewardsDay) nameAnswers() {
	d.t.Helper()
	c := &client.Client{BaseURL: d.url, Key: d.keys[apikey.Steward]}
	if second := d.vars["SECOND"]; second != "" {
		var it api.ReviewAnswer
		if err := c.Do(d.t.Context(), http.MethodGet, reviewPath(second), nil, &it); err != nil {
			d.t.Fatal(err)
		}
		d.vars["ETAG"] = it.ETag
	}
	var list api.JobsAnswer
	if err := c.Do(d.t.Context(), http.MethodGet, "/v1/jobs?kind=reviews.decide", nil, &list); err != nil {
		d.t.Fatal(err)
	}
	if len(list.Data) > 0 {
		d.vars["JOB"] = list.Data[0].ID
	}
}

// run does what a line says.
func (d *stewardsDay) run(words []string) {
	d.t.Helper()
	if args, ok := fichaArgs(words); ok {
		code, out, said := runMain(d.t, args...)
		if code != exitOK {
			d.t.Errorf("%s: exit %d\n%s%s", strings.Join(words, " "), code, out, said)
		}
		if _, verdict, ok := strings.Cut(out, "undo it: ficha reviews undo "); ok {
			d.vars["VERDICT"] = strings.TrimSpace(verdict)
		}
		return
	}
	if words[0] != "curl" {
		d.t.Errorf("what is this: %q", words)
		return
	}
	dh := &documentedHub{url: d.url, keys: d.keys, hub: d.hub}
	dh.curl(d.t, words, d.vars, map[string]bool{})
}

// TestDocsStewards runs every line of stewards.md on a hub with such a queue, and
// looks at what it says of codes and answers.
func TestDocsStewards(t *testing.T) {
	p := page(t, "stewards.md") // before the test goes to a folder of its own
	d := newStewardsDay(t)
	lines := 0
	for _, block := range p.blocks("sh") {
		d.name()
		known := func(name string) string {
			if d.vars[name] == "" {
				t.Errorf("$%s is nothing here:\n%s", name, block)
			}
			return d.vars[name]
		}
		if strings.Contains(block, "VERDICT") { // named by the lines before it
			d.vars["VERDICT"] = "$VERDICT"
		}
		for _, words := range shellCommands(block, known) {
			for i := range words {
				words[i] = strings.ReplaceAll(words[i], "$VERDICT", d.vars["VERDICT"])
				if i > 0 && words[i-1] == "--expect" { // the number of the page is that of another queue
					words[i] = d.vars["COUNT"]
				}
			}
			d.run(words)
			lines++
		}
	}
	if lines < 30 {
		t.Errorf("only %d lines", lines)
	}
	for _, block := range p.blocks("json") {
		var shown api.Problem
		if err := strictly(block, &shown); err != nil || shown.Conflict == nil {
			t.Errorf("the example is no problem of the hub: %v\n%s", err, block)
		}
	}
	var kinds []string
	for _, row := range p.table(t, "kind", "asks", "due after") {
		kinds = append(kinds, codes(row[0])...)
	}
	sameWords(t, "kinds", kinds, []string{string(review.KindPair), string(review.KindGroup), string(review.KindHold), string(review.KindVerdict)})
}
