package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
	"ficha/projections/golden"
	"ficha/projections/oracletest"
	"ficha/town"
)

// TestStoryFiguresOfATown streams a town through a whole hub and compares what it
// answers of contacts, surveys and cases with a recount straight from its log;
// then sources change their minds, and it compares again.
func TestStoryFiguresOfATown(t *testing.T) {
	people := 1200
	if testing.Short() {
		people = 150
	}
	d := newKeyedHub(t)
	end := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	made, err := town.Generate(town.Config{People: people, Now: end})
	if err != nil {
		t.Fatal(err)
	}
	c := &client.Client{BaseURL: d.url, Key: d.keys[apikey.Admin]}
	if err := sendAll(t.Context(), c, made, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if err := d.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	compareWithLog(t, d, c)
	var changes []events.Envelope
	n := 0
	for e := range made.Events() {
		if n++; n%40 == 0 {
			changes = append(changes, changed(e, n, end)...)
		}
	}
	publish(t, d, changes)
	compareWithLog(t, d, c)
}

// changed gives what a source might say later of what it said: another segment,
// another customer, deleted, or the same again.
func changed(e events.Envelope, n int, at time.Time) []events.Envelope {
	later := e
	later.ID, later.Time = "later-"+e.ID, at
	data := string(e.Data)
	switch e.Type {
	case events.CustomerRecordedV1:
		data = `{"segment":"gold",` + data[1:]
		if strings.Contains(data[1:], `,"segment":`) {
			return nil
		}
	case events.InteractionRecordedV1:
		if n%2 == 0 {
			record, _, _ := strings.Cut(data[len(`{"record":`):], "}")
			later.Type, data = events.InteractionWithdrawnV1, `{"record":`+record+`}}`
		} else {
			data = strings.Replace(data, `"channel":"voice"`, `"channel":"whatsapp"`, 1)
		}
	case events.SurveyAnsweredV1:
		data = strings.Replace(data, `"score":10`, `"score":2`, 1)
	case events.CaseChangedV1:
		data = strings.Replace(data, `"kind":"complaint"`, `"kind":"incident"`, 1)
	default:
		return nil
	}
	later.Data = []byte(data)
	return []events.Envelope{later}
}

// compareWithLog recounts the log of a hub.
func compareWithLog(t *testing.T, d *keyedHub, c *client.Client) {
	t.Helper()
	zone, err := time.LoadLocation("America/Guatemala")
	if err != nil {
		t.Fatal(err)
	}
	var log []events.Envelope
	for s, err := range d.log.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, s.Envelope)
	}
	get := func(path string, out any) {
		t.Helper()
		if err := c.Do(t.Context(), http.MethodGet, "/v1/insights/"+path+"&from=2024-11-01&to=2025-07-01&zone=America/Guatemala", nil, out); err != nil {
			t.Fatal(err)
		}
	}
	compareContacts(t, log, zone, get)
	compareSurveys(t, d, log, zone, get)
	compareCases(t, log, zone, get)
}

func compareContacts(t *testing.T, log []events.Envelope, zone *time.Location, get func(string, any)) {
	t.Helper()
	recount, err := oracletest.Contacts(log, zone)
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]int64{}, map[string]int64{}
	for key, n := range recount {
		p := strings.Split(key, " ") // day hour channel direction source outcome
		want[strings.Join([]string{p[0][:7], p[1], p[2], p[3], p[4], p[5]}, " ")] += n
	}
	var f api.ContactFigures
	get("contacts?by=month,hour,channel,direction,source,outcome", &f)
	for _, r := range f.Rows {
		got[fmt.Sprintf("%s %02d %s %s %s %s", *r.Month, *r.Hour, *r.Channel, *r.Direction, *r.Source, *r.Outcome)] = r.Contacts
	}
	if len(want) < 100 || !maps.Equal(got, want) {
		t.Errorf("contacts: %d rows differ from the recount's %d, of %d and %d", differing(got, want), len(want), f.Totals.Contacts, len(recount))
	}
}

func compareSurveys(t *testing.T, d *keyedHub, log []events.Envelope, zone *time.Location, get func(string, any)) {
	t.Helper()
	snap, err := d.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	recount, err := oracletest.Surveys(log, zone, func(k events.RecordKey) (string, error) {
		c, err := golden.Get(t.Context(), snap, k.UUID())
		if errors.Is(err, events.ErrNotFound) || err == nil && c.Segment == nil {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return c.Segment.Value, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for key, a := range recount {
		sum, _ := a.Sum.Float64()
		want[key] = fmt.Sprint(a.Responses, a.Promoters, a.Passives, a.Detractors, sum)
	}
	for _, kind := range []string{"nps", "csat"} {
		var f api.SurveyFigures
		get("nps?by=month,survey,scale,segment&kind="+kind, &f)
		for _, r := range f.Rows {
			got[fmt.Sprintf("%s %s %s %s %s", *r.Month, kind, *r.Survey, *r.Scale, *r.Segment)] = fmt.Sprint(r.Responses, r.Promoters, r.Passives, r.Detractors, *r.ScoreSum)
		}
	}
	if len(want) < 10 || !maps.Equal(got, want) {
		t.Errorf("surveys: %d rows differ\n%v\nrecount\n%v", differing(got, want), got, want)
	}
}

func compareCases(t *testing.T, log []events.Envelope, zone *time.Location, get func(string, any)) {
	t.Helper()
	recount, err := oracletest.Cases(log, zone, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for key, h := range recount {
		want[key] = fmt.Sprint(h.Cases, h.Open, h.Overdue, h.Escalated, h.Resolved, nearest(h.Took, 50), nearest(h.Took, 90), nearest(h.Answered, 50), nearest(h.Answered, 90))
	}
	var f api.CaseFigures
	get("cases?by=month,kind,status,source", &f)
	for _, r := range f.Rows {
		got[fmt.Sprintf("%s %s %s %s", *r.Month, *r.Kind, *r.Status, *r.Source)] = fmt.Sprint(r.Cases, r.Open, r.Overdue, r.Escalated, r.Resolved,
			orNone(r.ResolutionMinutes.P50), orNone(r.ResolutionMinutes.P90), orNone(r.FirstAnswerMinutes.P50), orNone(r.FirstAnswerMinutes.P90))
	}
	if len(want) < 10 || !maps.Equal(got, want) {
		t.Errorf("cases: %d rows differ\n%v\nrecount\n%v", differing(got, want), got, want)
	}
	if open := int64(f.Backlog.Open); open != f.Totals.Open || int64(f.Backlog.Overdue) != f.Totals.Overdue {
		t.Errorf("backlog %+v, but %d open and %d overdue in all", f.Backlog, f.Totals.Open, f.Totals.Overdue)
	}
}

// nearest is a percentile of sorted values: the first one that enough are not above.
func nearest(sorted []int64, percent int) int64 {
	for i, v := range sorted {
		if (i+1)*100 >= percent*len(sorted) {
			return v
		}
	}
	return -1
}

func orNone(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

func differing[V comparable](a, b map[string]V) int {
	n := 0
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			n++
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			n++
		}
	}
	return n
}

// dealings are cases, holdings and answers of the person that townspeople makes.
func dealings() []events.Envelope {
	whose := &events.RecordKey{Source: "/crm/bank", ID: "1"}
	own := func(stream, id string) events.Record {
		return events.Record{RecordKey: events.RecordKey{Source: "/desk", Stream: stream, ID: id}}
	}
	yes, one, score := true, 1.0, 9.0
	return []events.Envelope{
		stated("d1", "/desk", events.CaseChangedV1, "2026-02-02T10:00:00Z", events.CaseChanged{Record: own("case", "1"), Customer: whose, Kind: "complaint", Status: "in_progress",
			Number: "R-2026-17", Title: "Cobro\nduplicado", OpenedAt: "2026-02-01T16:00:00Z", DueAt: "2026-02-03T16:00:00Z", FirstResponseAt: "2026-02-01T16:45:00Z", Owner: "a17", Escalated: &yes}),
		stated("d2", "/desk", events.CaseChangedV1, "2026-02-02T11:00:00Z", events.CaseChanged{Record: own("case", "2"), Customer: whose, Kind: "question", Status: "resolved",
			OpenedAt: "2026-01-15T10:00:00Z", ResolvedAt: "2026-01-15T12:00:00Z"}),
		stated("d3", "/desk", events.ContractChangedV1, "2026-01-12T10:00:00Z", events.ContractChanged{Record: own("contract", "1"), Customer: whose, Number: "K-77/1", Status: "active", Product: "mortgage",
			SignedAt: "2025-11-03T00:00:00Z", Amount: &events.Money{Amount: "250000.00", Currency: "GTQ"}}),
		stated("d4", "/desk", events.OrderChangedV1, "2026-01-20T10:00:00Z", events.OrderChanged{Record: own("order", "1"), Customer: whose, Number: "P-9", Status: "placed", OrderedAt: "2026-01-20T09:58:00Z",
			Lines: []events.OrderLine{{Product: "kitchen", Description: "Horno", Quantity: &one, SerialNumbers: []string{"SN-00417"}}}}),
		stated("d5", "/desk", events.SurveyAnsweredV1, "2026-02-02T12:00:00Z", events.SurveyAnswered{Record: own("answer", "1"), Customer: whose, Survey: "after-call", AnsweredAt: "2026-02-02T12:00:00Z", Kind: "nps", Score: &score}),
	}
}

func TestCasesAndHoldingsFromTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, append(townspeople(), dealings()...))
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])

	const open = "2026-02-01 16:00  complaint  in_progress  !^  R-2026-17  a17  due 2026-02-03 16:00  Cobro duplicado\n"
	const ended = "2026-01-15 10:00  question   resolved\n"
	sameText(t, wantExit(t, exitOK, "", "customer", "cases", "--case", "r2026 17"), open+ended)
	sameText(t, wantExit(t, exitOK, "", "customer", "cases", "--phone", "+50255123456", "--open"), open)
	if o := objects(t, wantExit(t, exitOK, "there is more", "customer", "cases", "--record", "/shop:77", "--limit", "1", "--json")); len(o) != 1 || o[0]["number"] != "R-2026-17" {
		t.Errorf("cases --json: %v", o)
	}
	wantExit(t, exitOK, "nothing yet", "customer", "cases", "--record", "/crm/bank:3")
	wantExit(t, exitUsage, "--limit", "customer", "cases", "--limit", "-1", "x")
	wantExit(t, exitNotFound, "no customer has it", "customer", "cases", "--contract", "K-78")

	sameText(t, wantExit(t, exitOK, "", "customer", "holdings", "--serial", "sn00417"),
		"2026-01-20  order     placed  P-9\n"+
			"                              1 ×     Horno       SN-00417\n"+
			"2025-11-03  contract  active  K-77/1  mortgage  250000.00 GTQ\n")
	if o := objects(t, wantExit(t, exitOK, "", "customer", "holdings", "--order", "P9", "--kind", "contract", "--json")); len(o) != 1 || o[0]["kind"] != "contract" {
		t.Errorf("holdings --json: %v", o)
	}
	wantExit(t, exitUsage, "--kind", "customer", "holdings", "--kind", "case", "x")
	wantExit(t, exitUsage, "--limit", "customer", "holdings", "--limit", "-1", "x")
	wantExit(t, exitUsage, "not both", "customer", "holdings", "x", "--contract", "K-77")
}

func TestInsightFromTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, append(townspeople(), dealings()...))
	t.Setenv("FICHA_KEY", d.keys[apikey.Operator])

	sameText(t, wantExit(t, exitOK, "from 2026-02-01 to 2026-02-04 (not included), America/Guatemala",
		"insight", "contacts", "--from", "2026-02-01", "--to", "2026-02-04", "--by", "day,hour,outcome", "--zone", "America/Guatemala"),
		"DAY         HOUR  OUTCOME         CONTACTS\n2026-02-01  09    not_interested  1\n2026-02-03  10    –               1\ntotal                             2\n")
	sameText(t, wantExit(t, exitOK, "", "insight", "nps", "--from", "2026-01-01", "--to", "2026-03-01", "--by", "month,segment"),
		"MONTH    SEGMENT  RESPONSES  SCORED  PROMOTERS  PASSIVES  DETRACTORS  NPS  AVERAGE\n"+
			"2026-02  –        1          1       1          0         0           100  9\ntotal             1          1       1          0         0           100  9\n")
	sameText(t, wantExit(t, exitOK, "backlog: 1 open, 1 overdue, 1 escalated", "insight", "cases", "--from", "2026-01-01", "--to", "2026-03-01", "--by", "kind"),
		"KIND       CASES  OPEN  OVERDUE  ESCALATED  RESOLVED  ANSWER P50  P90  END P50  P90\n"+
			"complaint  1      1     1        1          0         45          45   –        –\n"+
			"question   1      0     0        0          1         –           –    120      120\n"+
			"total      2      1     1        1          1         45          45   120      120\n")
	if o := objects(t, wantExit(t, exitOK, "", "insight", "nps", "--kind", "csat", "--json")); len(o) != 1 || o[0]["kind"] != "csat" {
		t.Errorf("nps --json: %v", o)
	}
	if o := objects(t, wantExit(t, exitOK, "", "insight", "cases", "--kind", "question", "--from", "2026-01-01", "--to", "2026-03-01", "--json")); len(o) != 1 || fmt.Sprint(o[0]["totals"].(map[string]any)["cases"]) != "1" {
		t.Errorf("cases --json: %v", o)
	}
	wantExit(t, exitUsage, "by", "insight", "contacts", "--by", "customer")
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])
	wantExit(t, exitError, "needs one of the roles steward", "insight", "contacts")
}

func sameText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDocsInsights runs every line of insights.md, with curl and in the shell.
func TestDocsInsights(t *testing.T) {
	blocks := page(t, "insights.md").blocks("sh")
	atShell(t)
	d := newDocumentedHub(t)
	admin := &client.Client{BaseURL: d.url, Key: d.keys[apikey.Admin]}
	mustSubmit(t, admin, append(townspeople(), dealings()...)...)
	if err := d.hub.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FICHA_URL", d.url)
	t.Setenv("FICHA_KEY", d.keys[apikey.Admin])
	vars := map[string]string{"FICHA_URL": d.url, "AGENT": d.keys[apikey.Agent], "OPERATOR": d.keys[apikey.Operator]}
	lines := 0
	for _, block := range blocks {
		for line := range strings.Lines(block) { // one at a time: the first look-up gives the others their ID
			for _, words := range shellCommands(line, func(name string) string { return vars[name] }) {
				lines++
				if words[0] == "curl" {
					d.curl(t, words, vars, map[string]bool{})
					continue
				}
				if out := wantExit(t, exitOK, "", words[1:]...); out == "" {
					t.Errorf("%s prints nothing", line)
				}
			}
		}
	}
	if lines < 10 || vars["ID"] == "" {
		t.Errorf("%d lines, ID %q", lines, vars["ID"])
	}
}
