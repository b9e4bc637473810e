package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"ficha/api/apikey"
)

// TestOpenAPIIsComplete: every operation says what it is, who may, and what may
// go wrong; every reference leads somewhere.
func TestOpenAPIIsComplete(t *testing.T) {
	h := newHub(t)
	eachOperation(t, h, func(method, path string, op operation) {
		name := method + " " + path
		if op.Summary == "" || len(op.Tags) != 1 || op.Security == nil {
			t.Errorf("%s: summary %q, tags %v, security %v", name, op.Summary, op.Tags, op.Security)
		}
		if _, ok := op.Responses["200"]; !ok {
			t.Errorf("%s: no 200", name)
		}
		if _, ok := op.Responses["default"]; ok {
			t.Errorf("%s: a default response says nothing", name)
		}
		problems := 0
		for status, r := range op.Responses {
			if status == "200" {
				continue
			}
			problems++
			if r.Content["application/problem+json"]["schema"] == nil {
				t.Errorf("%s: %s is no problem", name, status)
			}
		}
		if problems < 2 {
			t.Errorf("%s: %d problem responses", name, problems)
		}
		for _, p := range op.Parameters {
			if p["description"] == nil {
				t.Errorf("%s: parameter %v has no description", name, p["name"])
			}
		}
	})
	w := h.call("", "GET", "/openapi.json", nil)
	if ct := w.Header().Get("Content-Type"); ct != "application/openapi+json" {
		t.Errorf("content type %q", ct)
	}
	var doc struct {
		OpenAPI    string `json:"openapi"`
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("openapi %q, %v", doc.OpenAPI, err)
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("reference to %s leads nowhere", ref[1])
		}
	}
	if doc.Components.Schemas["ErrorModel"] != nil {
		t.Error("huma's own error is in the document, though it is never answered")
	}
}

// TestExamplesAreValid checks every example of the document against its schema.
func TestExamplesAreValid(t *testing.T) {
	h := newHub(t)
	s, _, err := build(h.config)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, item := range s.api.OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			if op.RequestBody != nil {
				n += checkExamples(t, s, path+" request", op.RequestBody.Content)
			}
			n += checkExamples(t, s, path+" answer", op.Responses["200"].Content)
		}
	}
	if n < 15 {
		t.Errorf("only %d examples", n)
	}
}

func checkExamples(t *testing.T, s *server, where string, content map[string]*huma.MediaType) (n int) {
	t.Helper()
	for ct, media := range content {
		if media.Example == nil {
			if ct == "application/json" && !strings.Contains(where, "events") {
				t.Errorf("%s: no example", where)
			}
			continue
		}
		n++
		var v any
		b, err := json.Marshal(media.Example)
		if err == nil {
			err = json.Unmarshal(b, &v)
		}
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		res := &huma.ValidateResult{}
		huma.Validate(s.api.OpenAPI().Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
		for _, e := range res.Errors {
			t.Errorf("%s, %s: %v", where, ct, e)
		}
	}
	return n
}

// TestReferencePage: offline, without script, complete.
func TestReferencePage(t *testing.T) {
	h := newHub(t)
	w := h.call("", "GET", "/docs", nil)
	page := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	for _, bad := range []string{`="http`, "url(", "@import", "<script", "style=", "onclick", "<link", "<img"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, base64.StdEncoding.EncodeToString(sum[:])) || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q does not allow the page's own style", csp)
	}
	eachOperation(t, h, func(_, path string, op operation) {
		if !strings.Contains(page, `<article id="`+op.ID+`"`) || !strings.Contains(page, path) {
			t.Errorf("%s %s is not on the page", op.ID, path)
		}
	})
	for _, r := range slices.Concat(rules[:], routeProblems[:]) {
		if !strings.Contains(page, `id="problem-`+r.code+`"`) {
			t.Errorf("problem %s is not on the page", r.code)
		}
	}
}

// TestAnswersFitTheirSchemas: what is really sent is what the document says.
func TestAnswersFitTheirSchemas(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	second := maria("2")
	second.Data = []byte(strings.Replace(string(second.Data), "1980-02-11", "1980-11-02", 1))
	h.tell(joined(h.tell(second), crm("1"), crm("2")), rang("1", crm("1"), start, "inbound", "a1"))
	customer := "/v1/customers/" + crm("1").UUID().String()
	deny := ask[StatementAnswer](h, apikey.Agent, "POST", statementsOf("1"), stateDeny)
	s, _, err := build(h.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, route string
		body                any
	}{
		{"GET", customer, "/v1/customers/{id}", nil},
		{"GET", customer + "/timeline", "/v1/customers/{id}/timeline", nil},
		{"GET", customer + "/statements", "/v1/customers/{id}/statements", nil},
		{"POST", customer + "/statements", "/v1/customers/{id}/statements", stateDeny},
		{"POST", customer + "/interactions", "/v1/customers/{id}/interactions", `{"channel":"chat","direction":"inbound"}`},
		{"POST", "/v1/statements/" + deny.Statement + ":withdraw", "/v1/statements/{id}:withdraw", nil},
		{"POST", "/v1/customers:lookup", "/v1/customers:lookup", `{"phone":"+50255123456"}`},
		{"POST", "/v1/customers:search", "/v1/customers:search", `{"q":"nunez"}`},
		{"POST", "/v1/contact-checks", "/v1/contact-checks", exampleChecks()},
		{"POST", "/v1/events", "/v1/events", oneEvent},
		{"POST", "/v1/events", "/v1/events", `{"id":"x"}`},
		{"POST", "/v1/events:validate", "/v1/events:validate", oneEvent},
		{"POST", "/v1/events:status", "/v1/events:status", `{"ids":[{"source":"/crm/bank","id":"maria-1"},{"source":"a","id":"b"}]}`},
		{"GET", "/v1/status", "/v1/status", nil},
		{"GET", "/version", "/version", nil},
	} {
		w := h.call(apikey.Admin, c.method, c.path, c.body)
		if w.Code != 200 {
			t.Fatalf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
		op := s.api.OpenAPI().Paths[c.route].Get
		if c.method == "POST" {
			op = s.api.OpenAPI().Paths[c.route].Post
		}
		checkAgainst(t, s, c.method+" "+c.path, op.Responses["200"].Content["application/json"].Schema, w.Body.Bytes())
	}
	w := h.call(apikey.Admin, "POST", "/v1/customers:search", `{"q":1}`)
	checkAgainst(t, s, "problem", s.api.OpenAPI().Components.Schemas.Schema(typeOf[Problem](), true, ""), w.Body.Bytes())
}

func checkAgainst(t *testing.T, s *server, name string, schema *huma.Schema, body []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	res := &huma.ValidateResult{}
	huma.Validate(s.api.OpenAPI().Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
	for _, e := range res.Errors {
		t.Errorf("%s: %v in %s", name, e, body)
	}
}

func TestProse(t *testing.T) {
	for in, want := range map[string]string{
		"say `deny` or <b>": "say <code>deny</code> or &lt;b&gt;", "`<i>`": "<code>&lt;i&gt;</code>", "a ` b": "a ` b", "": "",
	} {
		if got := string(prose(in)); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
}
