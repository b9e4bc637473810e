package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed reference.html
var referenceHTML string

//go:embed reference.css
var referenceCSS string

// documentRoutes adds the OpenAPI document and its reference page. Both are made
// once, at the first request, when all operations are known.
func (s *server) documentRoutes() {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) })
	s.plain(route{
		id: opOpenAPI, method: http.MethodGet, path: "/openapi.json", tag: "operations",
		summary: "This interface as an OpenAPI 3.1 document",
	}, "application/openapi+json", func(w http.ResponseWriter, r *http.Request) {
		b, err := document()
		s.writeDocument(w, r, "application/openapi+json", b, err)
	})
	page := sync.OnceValues(func() ([]byte, error) { return referencePage(s.api.OpenAPI()) })
	hash := sha256.Sum256([]byte(referenceCSS))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	s.plain(route{
		id: opDocs, method: http.MethodGet, path: "/docs", tag: "operations",
		summary: "This interface as a page", text: "Loads nothing from anywhere and runs no script.",
	}, "text/html", func(w http.ResponseWriter, r *http.Request) {
		b, err := page()
		w.Header().Set("Content-Security-Policy", policy)
		s.writeDocument(w, r, "text/html; charset=utf-8", b, err)
	})
}

func (s *server) writeDocument(w http.ResponseWriter, r *http.Request, contentType string, b []byte, err error) {
	if err != nil {
		writeProblem(w, s.problem(r.Context(), fmt.Errorf("render document: %w", err)))
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b) // the client may be gone
}

// reference is what the page shows.
type reference struct {
	Title, Version, Text string
	CSS                  template.CSS
	Tags                 []referenceTag
	Schemas              []referenceSchema
	Problems             []referenceProblem
}

type referenceTag struct {
	Name, Text string
	Operations []referenceOperation
}

type referenceOperation struct {
	ID, Method, Path, Summary, Text string
	Access                          string
	Parameters                      []*huma.Param
	Requests                        []referenceBody
	Answer                          string // example
	Statuses                        []string
}

type referenceBody struct{ Type, Example string }

type referenceSchema struct{ Name, JSON string }

type referenceProblem struct {
	Status              int
	Code, Title, Remark string
}

// prose gives a text of ours as HTML: what stands between backticks is code, the
// rest is escaped. A backtick without its fellow stays one.
func prose(s string) template.HTML {
	parts := strings.Split(s, "`")
	var b strings.Builder
	for i, part := range parts {
		part = template.HTMLEscapeString(part)
		switch {
		case i%2 == 0:
			b.WriteString(part)
		case i == len(parts)-1:
			b.WriteString("`" + part)
		default:
			b.WriteString("<code>" + part + "</code>")
		}
	}
	return template.HTML(b.String())
}

// referencePage renders the OpenAPI document as one static page.
func referencePage(doc *huma.OpenAPI) ([]byte, error) {
	t, err := template.New("reference").Funcs(template.FuncMap{"prose": prose}).Parse(referenceHTML)
	if err != nil {
		return nil, fmt.Errorf("parse reference page: %w", err)
	}
	ref := reference{Title: doc.Info.Title, Version: doc.Info.Version, Text: doc.Info.Description, CSS: template.CSS(referenceCSS)}
	for _, tag := range doc.Tags {
		ref.Tags = append(ref.Tags, referenceTag{Name: tag.Name, Text: tag.Description, Operations: referenceOperations(doc, tag.Name)})
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		ref.Schemas = append(ref.Schemas, referenceSchema{Name: name, JSON: pretty(schemas[name])})
	}
	ref.Problems = referenceProblems()
	var b bytes.Buffer
	if err := t.Execute(&b, ref); err != nil {
		return nil, fmt.Errorf("render reference page: %w", err)
	}
	return b.Bytes(), nil
}

func referenceOperations(doc *huma.OpenAPI, tag string) []referenceOperation {
	var all []referenceOperation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, op := range operationsOf(doc.Paths[path]) {
			if slices.Contains(op.Tags, tag) {
				all = append(all, referenceOf(op))
			}
		}
	}
	return all
}

func referenceOf(op *huma.Operation) referenceOperation {
	r := referenceOperation{
		ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Text: op.Description,
		Access: accessWords(op.OperationID), Parameters: op.Parameters, Statuses: slices.Sorted(maps.Keys(op.Responses)),
	}
	if op.RequestBody != nil {
		for _, ct := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
			r.Requests = append(r.Requests, referenceBody{Type: ct, Example: pretty(op.RequestBody.Content[ct].Example)})
		}
	}
	if ok := op.Responses["200"]; ok != nil {
		if body := ok.Content["application/json"]; body != nil {
			r.Answer = pretty(body.Example)
		}
	}
	return r
}

func accessWords(operation string) string {
	a, _ := accessTo(operation)
	switch {
	case a.open:
		return "no key"
	case a.local:
		return "no key from this machine, else " + roleNames(a.roles)
	}
	return roleNames(a.roles)
}

func referenceProblems() []referenceProblem {
	var all []referenceProblem
	for _, r := range slices.Concat(rules[:], routeProblems[:]) {
		p := referenceProblem{Status: r.status, Code: r.code, Title: r.title, Remark: r.remark}
		if !slices.ContainsFunc(all, func(o referenceProblem) bool { return o.Code == p.Code }) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b referenceProblem) int {
		if a.Status != b.Status {
			return a.Status - b.Status
		}
		return strings.Compare(a.Code, b.Code)
	})
	return all
}

func pretty(v any) string {
	if v == nil {
		return ""
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return ""
	}
	return string(b)
}
