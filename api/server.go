package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ficha/api/explain"
	"ficha/api/feed"
	"ficha/api/steward/wording"
	"ficha/projections/contact"
)

// server holds what the routes share.
type server struct {
	cfg     Config
	api     huma.API
	access  map[string]access // by operation id; see accessTo
	metrics *metrics
	limits  *limits
	clicks  *clicks
	turns   *turns
	buried  *letterIndex
	origins *http.CrossOriginProtection

	summaries *contact.Summariser
	feed      *feed.Reader
	streams   atomic.Int64 // of the feed that are open
	story     explain.Words
	pairs     explain.PairWords
	words     wording.Catalogue // of the stewards' queue
}

// New gives the handler of all routes. It fails when cfg lacks something, or
// when an operation has no row in the table of roles. Safe for concurrent use.
// Deadlines for headers and bodies are the [http.Server]'s.
func New(cfg Config) (http.Handler, error) {
	s, m, err := build(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Pages != nil {
		m.ServeMux.Handle("GET /", cfg.Pages)
	}
	return s.frame(m), nil
}

func build(cfg Config) (*server, *mux, error) {
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	summaries, err := contact.NewSummariser(contact.GoldenIdentity{})
	if err != nil {
		return nil, nil, fmt.Errorf("build api: %w", err)
	}
	story, err := explain.LoadWords()
	if err != nil {
		return nil, nil, fmt.Errorf("build api: %w", err)
	}
	queue, err := wording.Load()
	if err != nil {
		return nil, nil, fmt.Errorf("build api: %w", err)
	}
	changeFeed, err := feed.NewReader(feed.ReaderConfig{Store: cfg.Store, Runner: cfg.Runner, Wait: cfg.Freshness.Wait, End: cfg.Log.End})
	if err != nil {
		return nil, nil, fmt.Errorf("build api: %w", err)
	}
	s := &server{feed: changeFeed, summaries: summaries, story: story, words: queue, cfg: cfg, limits: newLimits(cfg.Rate, cfg.Clock), clicks: newClicks(), turns: new(turns), origins: http.NewCrossOriginProtection()}
	if s.pairs, err = explain.LoadPairWords(); err != nil {
		return nil, nil, fmt.Errorf("build api: %w", err)
	}
	s.buried = newLetterIndex(cfg.DeadLetters, maxIndexedLetters)
	s.metrics = newMetrics(cfg)
	m := newMux()
	s.api = huma.NewAPI(s.humaConfig(), m)
	s.api.UseMiddleware(s.guard)
	s.routes()
	delete(s.api.OpenAPI().Components.Schemas.Map(), "ErrorModel") // huma's, never answered
	delete(s.api.OpenAPI().Components.Schemas.Map(), "ErrorDetail")
	table, err := checkTable(s.api)
	if err != nil {
		return nil, nil, fmt.Errorf("build api: %w", err)
	}
	s.access = table
	return s, m, nil
}

func (s *server) routes() {
	s.eventRoutes()
	s.customerRoutes()
	s.statementRoutes()
	s.interactionRoutes()
	s.contactRoutes()
	s.operationRoutes()
	s.keyRoutes()
	s.importRoutes()
	s.verifyRoutes()
	s.matchingRoutes()
	s.reviewsRoutes()
	s.stewardshipRoutes()
	s.pinsRoutes()
	s.formationRoutes()
	s.holdingsRoutes()
	s.insightsRoutes()
	s.changesRoutes()
	s.webhooksRoutes()
	s.asyncapiRoutes()
	s.projectionsRoutes()
	s.jobsRoutes()
	s.deadlettersRoutes()
	s.documentRoutes()
}

// humaConfig sets huma up without its own pages (they load from a CDN) and with
// a JSON reader that refuses what two readers could understand differently:
// members twice, invalid UTF-8, other letter case.
func (s *server) humaConfig() huma.Config {
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decodeJSON}
	cfg := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Ficha", Version: s.cfg.Build.Version,
				Description: "One record per customer, and one answer to: may we contact this person?",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "A key `ficha_<id>_<secret>`, see `ficha key create`."},
				},
			},
			Tags: []*huma.Tag{
				{Name: "events", Description: "What source systems state"},
				{Name: "customers", Description: "Golden records, look-up, timelines"},
				{Name: "contact", Description: "May we contact this customer?"},
				{Name: "reviews", Description: "What waits for a steward: decide, merge, split, undo"},
				{Name: "feed", Description: "What other systems are told: changes, webhooks"},
				{Name: "jobs", Description: "Work that outlasts a request"},
				{Name: "insights", Description: "Figures over all customers"},
				{Name: "operations", Description: "How the hub is"},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.replaceErrors},
	}
	return cfg
}

// replaceErrors turns huma's own error answers into problems. (Its package
// variable NewError would do so for every API in the process.)
func (s *server) replaceErrors(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	return s.problem(ctx.Context(), fromHuma(m)), nil
}

// schemaName keeps names of other packages apart from those of this one.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if path := t.PkgPath(); strings.HasPrefix(path, "ficha/") && path != "ficha/api" {
		pkg := path[strings.LastIndexByte(path, '/')+1:]
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

// decodeJSON is the reader of bodies. Its errors name places, never values.
func decodeJSON(data []byte, v any) error {
	err := json.Unmarshal(data, v, json.MatchCaseInsensitiveNames(false))
	if err == nil {
		return nil
	}
	if syntax, ok := asError[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("not valid JSON at byte %d", syntax.ByteOffset)
	}
	if semantic, ok := asError[*json.SemanticError](err); ok {
		return fmt.Errorf("wrong type at %q", string(semantic.JSONPointer))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("not valid JSON: it ends too early")
	}
	return fmt.Errorf("not readable as JSON")
}

// now is the present moment in UTC, whole milliseconds: what events of the desk carry.
func (s *server) now() time.Time { return s.cfg.Clock().UTC().Truncate(time.Millisecond) }
