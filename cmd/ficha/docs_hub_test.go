package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/events"
	"ficha/internal/testneeds"
	"ficha/schemas"
)

// documentedHub is a hub to try the documentation on, with a key of each role.
type documentedHub struct {
	url  string
	keys map[apikey.Role]string
	hub  *hub
}

func newDocumentedHub(t *testing.T) *documentedHub {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	h, err := openHub(t.Context(), hubConfig{Dir: t.TempDir(), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h.handler())
	t.Cleanup(func() {
		server.Close()
		h.close(logger)
	})
	d := &documentedHub{url: server.URL, keys: map[apikey.Role]string{}, hub: h}
	for _, role := range apikey.Roles() {
		var sources []string
		if role == apikey.Publisher {
			sources = []string{"/crm/bank"}
		}
		if d.keys[role], _, err = h.keys.Create(t.Context(), "docs-"+string(role), []apikey.Role{role}, sources); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); !h.identified.Load() || h.ready(t.Context()) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the hub does not get ready")
		}
	}
	return d
}

// do sends a request and gives status and body.
func (d *documentedHub) do(t *testing.T, method, url, body string, header http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// routes reads the operations out of the hub's OpenAPI document.
func (d *documentedHub) routes(t *testing.T) []string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	_, body := d.do(t, http.MethodGet, d.url+"/openapi.json", "", nil)
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	var all []string
	for path, operations := range doc.Paths {
		for method := range operations {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(all)
	return all
}

// TestDocsRolesAndRoutes asks each documented route with each role's key.
func TestDocsRolesAndRoutes(t *testing.T) {
	d := newDocumentedHub(t)
	header := []string{"route", "no key", "publisher", "agent", "steward", "system", "operator", "admin"}
	rows := page(t, "http.md").table(t, header...)
	var documented []string
	for _, row := range rows {
		route := codes(row[0])[0]
		documented = append(documented, route)
		for i, who := range header[1:] {
			d.mayOrNot(t, route, who, row[i+1])
		}
		for _, reserved := range []apikey.Role{apikey.Privacy, apikey.Auditor} {
			d.mayOrNot(t, route, string(reserved), map[bool]string{true: "●", false: "–"}[row[1] == "●"])
		}
	}
	sameWords(t, "routes", documented, d.routes(t))
}

// mayOrNot compares one cell of the table with what the hub answers.
func (d *documentedHub) mayOrNot(t *testing.T, route, who, cell string) {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	path = strings.ReplaceAll(path, "{id}", "00000000-0000-0000-0000-000000000000")
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}} // not a stream without end
	if who != "no key" {
		header.Set("Authorization", "Bearer "+d.keys[apikey.Role(who)])
	}
	body := ""
	if method == http.MethodPost {
		body = "{}"
	}
	if who == "no key" {
		status, _ := d.do(t, method, d.url+path, body, header.Clone())
		if local := cell == "local"; cell != "●" && local != (status == http.StatusOK) {
			t.Errorf("%s without a key from this machine: documented as %s, got %d", route, cell, status)
		} else if local {
			cell = "–" // from elsewhere
		}
	}
	header.Set("X-Forwarded-For", "192.0.2.1") // as from another machine
	status, _ := d.do(t, method, d.url+path, body, header)
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden
	switch cell {
	case "●":
		if refused {
			t.Errorf("%s for %s: documented as allowed, got %d", route, who, status)
		}
	case "–":
		if !refused {
			t.Errorf("%s for %s: documented as refused, got %d", route, who, status)
		}
	default:
		t.Errorf("%s for %s: %q is no mark", route, who, cell)
	}
}

// TestDocsCurlLines runs the curl lines of http.md one after another: each must
// succeed, and every route must have one, or be described on a page whose own test
// runs its lines. Then the tables of errors and metrics are
// compared with what the hub serves.
func TestDocsCurlLines(t *testing.T) {
	d := newDocumentedHub(t)
	vars := map[string]string{"FICHA_URL": d.url}
	for role, key := range d.keys {
		vars[strings.ToUpper(string(role))] = key
	}
	asked := map[string]bool{}
	for _, block := range page(t, "http.md").blocks("sh") {
		// One block at a time: later ones use what earlier ones answered.
		for _, words := range shellCommands(block, func(name string) string { return vars[name] }) {
			if name, value, ok := strings.Cut(words[0], "="); ok {
				vars[name] = value
				continue
			}
			d.curl(t, words, vars, asked)
		}
	}
	for _, own := range []string{"stewards.md", "operations.md"} {
		for _, route := range d.routes(t) {
			if strings.Contains(page(t, own).text, "`"+route+"`") {
				asked[route] = true
			}
		}
	}
	for _, route := range d.routes(t) {
		if !asked[route] {
			t.Errorf("%s has no curl line", route)
		}
	}
	d.checkErrors(t)
	d.checkMetrics(t)
}

// curl does what a curl command says.
func (d *documentedHub) curl(t *testing.T, words []string, vars map[string]string, asked map[string]bool) {
	t.Helper()
	method, url, body, header := "", "", "", http.Header{}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "-s":
		case "-X":
			i++
			method = words[i]
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ":")
			header.Add(name, strings.TrimSpace(value))
		case "-d":
			i++
			body = words[i]
		default:
			url = words[i]
		}
	}
	if method == "" {
		method = map[bool]string{true: http.MethodPost, false: http.MethodGet}[body != ""]
	}
	status, answer := d.do(t, method, url, body, header)
	if words[0] != "curl" || status != http.StatusOK {
		t.Errorf("%s answers %d: %.500s", strings.Join(words, " "), status, answer)
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(url, d.url), "?")
	for _, route := range d.routes(t) {
		form := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(route), `[^/:]+`)
		if regexp.MustCompile("^" + form + "$").MatchString(method + " " + path) {
			asked[route] = true
		}
	}
	remember(t, path, answer, vars)
}

// remember keeps what later lines need, and looks at answers that the text tells about.
func remember(t *testing.T, path, answer string, vars map[string]string) {
	t.Helper()
	var a struct {
		Customers []struct {
			ID string `json:"id"`
		} `json:"customers"`
		Statement string `json:"statement"`
		ID        string `json:"id"`
		Key       string `json:"key"`
		Secret    string `json:"secret"`
		Data      []any  `json:"data"`
		Answers   []struct {
			Decision string `json:"decision"`
		} `json:"answers"`
		Results []events.EventResult `json:"results"`
	}
	if json.Unmarshal([]byte(answer), &a) != nil {
		return // a page, or metrics
	}
	if len(a.Customers) == 1 {
		vars["ID"] = a.Customers[0].ID
	}
	if a.Statement != "" {
		vars["FOLIO"] = a.Statement
	}
	if a.Key != "" {
		vars["KEY_ID"] = a.ID
	}
	if a.Secret != "" {
		vars["WEBHOOK"] = a.ID
	}
	if strings.HasSuffix(path, "/interactions") {
		vars["INTERACTION"] = a.ID
	}
	switch path {
	case "/v1/customers:search":
		if len(a.Data) != 1 {
			t.Errorf("the search finds %d customers, want 1: %s", len(a.Data), answer)
		}
	case "/v1/contact-checks":
		if len(a.Answers) != 2 || a.Answers[0].Decision != "deny" || a.Answers[1].Decision != "allow" {
			t.Errorf("the checks answer %s", answer)
		}
	case "/v1/events":
		for _, r := range a.Results {
			if r.Status != events.StatusAppended || len(r.Warnings) > 0 {
				t.Errorf("the event %s is %s %v", r.ID, r.Status, r.Warnings)
			}
		}
	}
}

// checkErrors compares the table of problems with the hub's own reference page.
func (d *documentedHub) checkErrors(t *testing.T) {
	t.Helper()
	_, reference := d.do(t, http.MethodGet, d.url+"/docs", "", nil)
	var served, documented []string
	for _, m := range regexp.MustCompile(`<tr id="problem-(\w+)"><td>(\d+)</td>`).FindAllStringSubmatch(reference, -1) {
		served = append(served, m[2]+" "+m[1])
	}
	p := page(t, "http.md")
	for _, row := range p.table(t, "status", "code", "means", "do") {
		documented = append(documented, row[0]+" "+codes(row[1])[0])
	}
	sameWords(t, "problems", documented, served)
	for _, block := range p.blocks("json") {
		var shown api.Problem
		if err := strictly(block, &shown); err != nil || !slices.Contains(served, fmt.Sprint(shown.Status, " ", shown.Code)) {
			t.Errorf("the example is no problem of the hub: %v\n%s", err, block)
		}
	}
}

// checkMetrics compares the table of metrics with a scrape.
func (d *documentedHub) checkMetrics(t *testing.T) {
	t.Helper()
	_, scrape := d.do(t, http.MethodGet, d.url+"/metrics", "", nil)
	var served, documented []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(scrape, -1) {
		served = append(served, m[1])
	}
	for _, row := range page(t, "operations.md").table(t, "metric", "") {
		documented = append(documented, codes(row[0])...)
	}
	sameWords(t, "metrics", documented, served)
}

// strictly decodes JSON and refuses fields that are not there.
func strictly(text string, into any) error {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// TestDocsEventExamples validates every event of events.md as the gateway does,
// compares its data with the golden examples of its type, and wants one of each
// type. The one other block is an answer.
func TestDocsEventExamples(t *testing.T) {
	d := newDocumentedHub(t)
	registry, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	answers := 0
	for _, block := range page(t, "events.md").blocks("json") {
		var e events.Envelope
		if strictly(block, &e) != nil {
			var answer events.SubmitResult
			if err := strictly(block, &answer); err != nil || len(answer.Results) == 0 {
				t.Errorf("neither event nor answer: %v\n%s", err, block)
			}
			answers++
			continue
		}
		shown[string(e.Type)] = true
		res, err := d.hub.gateway.Validate(t.Context(), events.Principal{Name: "docs", Hub: true}, events.FormatEvent, []byte(block))
		if err != nil || res.Results[0].Status != events.StatusValid || len(res.Results[0].Warnings) > 0 {
			t.Errorf("the example of %s: %v %+v", e.Type, err, res.Results)
		}
		if !slices.ContainsFunc(goldenData(t, e.Type), func(golden string) bool { return golden == canonical(t, e.Data) }) {
			t.Errorf("the data of the example of %s is no golden example", e.Type)
		}
	}
	for _, typ := range registry.Types() {
		if !shown[typ] {
			t.Errorf("there is no example of %s", typ)
		}
	}
	if answers != 1 {
		t.Errorf("%d answers are shown, want 1", answers)
	}
	var documented []string
	lanes := page(t, "events.md").table(t, "type", "lane", "says")
	for _, row := range lanes {
		documented = append(documented, codes(row[0])...)
		for _, typ := range codes(row[0]) {
			if lane := events.Type(typ).Lane(); string(lane) != row[1] {
				t.Errorf("%s travels in lane %s, documented is %s", typ, lane, row[1])
			}
		}
	}
	sameWords(t, "types", documented, registry.Types())
}

// goldenData gives the data of a type's golden examples.
func goldenData(t *testing.T, typ events.Type) []string {
	t.Helper()
	root := testneeds.RepoRoot(t)
	var all []string
	for _, path := range globbed(t, root+"/schemas/testdata/"+string(typ)+"/valid-*.json") {
		all = append(all, canonical(t, []byte(readRepo(t, strings.TrimPrefix(path, root)))))
	}
	return all
}

// canonical writes JSON with sorted names.
func canonical(t *testing.T, text []byte) string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
