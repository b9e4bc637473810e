package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/record"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
)

// strangers is a [Matcher] that knows nobody.
type strangers struct{}

func (strangers) Match(context.Context, events.RecordKey, record.State) (resolver.Matched, error) {
	return resolver.Matched{}, nil
}

func (strangers) Recorded(context.Context, events.RecordKey) (record.State, error) {
	return record.State{}, nil
}

func (strangers) ExplainPair(context.Context, uuid.UUID, uuid.UUID) (resolver.PairExplanation, error) {
	return resolver.PairExplanation{}, fmt.Errorf("record was never seen: %w", events.ErrNotFound)
}

func (s strangers) ExplainStrongest(ctx context.Context, as, bs []uuid.UUID) (resolver.PairExplanation, error) {
	return s.ExplainPair(ctx, as[0], bs[0])
}

// newMatchingHub is a hub on whose log a resolver runs.
func newMatchingHub(t testing.TB) (*hub, *resolver.Resolver) {
	t.Helper()
	models, err := matching.DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	var r *resolver.Resolver
	h := newHub(t, func(c *Config) {
		r, err = resolver.New(resolver.Config{Log: c.Log.(*eventstest.Log), State: resolvertest.NewMemory(), Engine: matching.NewEngine(models), Clock: c.Clock})
		if err != nil {
			t.Fatal(err)
		}
		c.Matcher = r
	})
	r.Start(t.Context())
	t.Cleanup(r.Stop)
	return h, r
}

// settle waits until the resolver has decided about everything and folds what it said.
func (h *hub) settle(r *resolver.Resolver) {
	h.t.Helper()
	for lane, wait := range map[events.Lane]func(context.Context, events.Position) error{events.LaneRecord: r.Wait, events.LaneIdentity: r.WaitIdentity} {
		end, err := h.log.LaneEnd(h.t.Context(), lane)
		if err == nil {
			err = wait(h.t.Context(), end)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.catchUp()
}

// somebody states a record of a source.
func somebody(source, id string, c events.CustomerRecorded) events.Envelope {
	c.Record, c.Kind = events.Record{RecordKey: events.RecordKey{Source: source, ID: id}}, events.Person
	e := event(source+id, events.CustomerRecordedV1, start.Add(-time.Hour), c)
	e.Source = source
	return e
}

func mariaAt(source, id string) events.Envelope {
	return somebody(source, id, events.CustomerRecorded{
		Names: []events.Name{{Given: "María José", Family: "Núñez", Family2: "García"}}, BirthDate: "1980-02-11",
		Phones: []events.Phone{{Value: "+50255123456"}}, Documents: []events.Document{{Kind: "dpi", Number: "2365487100101", Country: "GT"}},
	})
}

const mariaAgain = `{"kind":"person","names":[{"full":"Maria Jose Nuñez Garcia"}],"birth_date":"1980-02-11","phones":[{"value":"5512 3456","region":"GT"}],"documents":[{"kind":"dpi","number":"2365487100101","country":"GT"}]}`

func TestMatchTellsWhoItWouldBe(t *testing.T) {
	h, r := newMatchingHub(t)
	h.tell(mariaAt("/crm", "1"), mariaAt("/shop", "2"), somebody("/crm", "3", events.CustomerRecorded{Names: []events.Name{{Given: "Pedro", Family: "Ajú"}}}))
	h.settle(r)
	before, _ := h.log.End(t.Context())
	got := ask[MatchAnswer](h, apikey.Agent, "POST", "/v1/customers:match", `{"record":`+mariaAgain+`}`, "Accept-Language", "es")
	customer := events.RecordKey{Source: "/crm", ID: "1"}.UUID()
	if got.Known || !slices.Equal(got.Joins, []uuid.UUID{customer}) || len(got.Candidates) != 2 {
		t.Fatalf("got %+v; want to join %s, with its two records as candidates", got, customer)
	}
	for _, c := range got.Candidates {
		sum := int64(0)
		for _, e := range c.Evidence {
			sum += e.Weight
			if e.Text == "" {
				t.Errorf("evidence without text: %+v", e)
			}
		}
		if c.CustomerID != customer || c.Record == nil || c.DisplayName == "" || !c.Joins || sum != c.Weight || c.Band != matching.BandMatch || c.Probability < 0.99 {
			t.Errorf("candidate %+v", c)
		}
	}
	if text := got.Candidates[0].Evidence[0].Text; !strings.HasPrefix(text, "Antes de comparar") {
		t.Errorf("not in Spanish: %s", text)
	}
	if after, _ := h.log.End(t.Context()); after != before {
		t.Errorf("the log grew from %d to %d", before, after)
	}
	one := ask[MatchAnswer](h, apikey.Agent, "POST", "/v1/customers:match", `{"record":`+mariaAgain+`,"limit":1}`)
	if len(one.Candidates) != 1 {
		t.Errorf("limit 1 gives %d", len(one.Candidates))
	}
}

// TestMatchOfAKnownRecord is about a change of it: the hub's other statements stay.
func TestMatchOfAKnownRecord(t *testing.T) {
	h, r := newMatchingHub(t)
	h.tell(mariaAt("/crm", "1"), somebody("/crm", "3", events.CustomerRecorded{Names: []events.Name{{Given: "María José", Family: "Núñez", Family2: "García"}}, BirthDate: "1980-02-11"}))
	h.settle(r)
	q := `{"record":{"record":{"source":"/crm","id":"3"},"kind":"person","birth_date":"1955-07-30","mode":"patch"}}`
	got := ask[MatchAnswer](h, apikey.System, "POST", "/v1/customers:match", q)
	if !got.Known || len(got.Joins) != 0 || len(got.Candidates) > 1 {
		t.Errorf("got %+v; want the known record to leave the other", got)
	}
	q = `{"record":{"record":{"source":"/crm","id":"3"},"kind":"person","gender":"female","mode":"patch"}}`
	if got := ask[MatchAnswer](h, apikey.System, "POST", "/v1/customers:match", q); !got.Known || len(got.Joins) != 1 {
		t.Errorf("got %+v; want the record to stay with the other: its name is known", got)
	}
}

func TestMatchSaysWhatIsWrong(t *testing.T) {
	h, _ := newMatchingHub(t)
	for body, pointer := range map[string]string{
		`{"record":{"kind":"person","names":[{"given":7}]}}`:                       "/record/names/0/given",
		`{"record":{"kind":"person","nombre":"x"}}`:                                "/record/nombre",
		`{"record":{"kind":"person","birth_date":"11/02/1980"}}`:                   "/record/birth_date",
		`{"record":{"kind":"person","record":{"source":"/crm","id":7}}}`:           "/record/record/id",
		`{"record":{"kind":"person","record":"/crm"}}`:                             "/record/record",
		`{"record":{"kind":"person","phones":[{"value":"+50255123456","x":"y"}]}}`: "/record/phones/0/x",
		`{"record":{"names":[]}}`:                                                  "/record/kind",
		`{"record":7}`:                                                             "/record",
		`{"limit":3}`:                                                              "/record",
		`{"record":{"kind":"person"},"limit":21}`:                                  "/limit",
	} {
		p := wantProblem(t, h.call(apikey.Agent, "POST", "/v1/customers:match", body), 422, "invalid")
		if len(p.Errors) == 0 || !slices.ContainsFunc(p.Errors, func(e events.Problem) bool { return e.Pointer == pointer || e.Pointer == "" && pointer == "/record" }) {
			t.Errorf("%s: pointers %+v, want %s", body, p.Errors, pointer)
		}
		if strings.Contains(fmt.Sprint(p), "50255123456") || strings.Contains(fmt.Sprint(p), "11/02/1980") {
			t.Errorf("%s: the problem quotes a value: %+v", body, p)
		}
	}
}

// TestMatchShowsNoDocuments: an agent learns that numbers agree, not what they are.
func TestMatchShowsNoDocuments(t *testing.T) {
	h, r := newMatchingHub(t)
	h.tell(mariaAt("/crm", "1"))
	h.settle(r)
	q := `{"record":{"kind":"person","names":[{"full":"Maria Jose Nuñez Garcia"}],"phones":[{"value":"+50255123456"}]}}`
	for _, role := range []apikey.Role{apikey.Agent, apikey.Steward} {
		body := h.call(role, "POST", "/v1/customers:match", q).Body.String()
		if !strings.Contains(body, "Núñez") || strings.Contains(body, "2365487100101") || strings.Contains(body, "1980-02-11") {
			t.Errorf("as %s: %s", role, body)
		}
	}
}

func TestMatchIsUnavailableWhileTheResolverIsNot(t *testing.T) {
	h, r := newMatchingHub(t)
	r.Stop()
	p := wantProblem(t, h.call(apikey.Agent, "POST", "/v1/customers:match", `{"record":`+mariaAgain+`}`), 503, "unavailable")
	if p.Detail == "" {
		t.Error("no reason is given")
	}
}

func TestExplainPairs(t *testing.T) {
	h, r := newMatchingHub(t)
	h.tell(mariaAt("/crm", "1"), mariaAt("/shop", "2"), somebody("/crm", "3", events.CustomerRecorded{Names: []events.Name{{Given: "Pedro", Family: "Ajú"}}, Gender: "male"}),
		somebody("/shop", "4", events.CustomerRecorded{Names: []events.Name{{Given: "Pedro", Family: "Ajú"}}, Gender: "female"}))
	h.settle(r)
	id := func(source, id string) string { return events.RecordKey{Source: source, ID: id}.UUID().String() }
	key := func(source, id string) string { return fmt.Sprintf(`{"source":%q,"id":%q}`, source, id) }
	for _, c := range []struct {
		name, a, b string
		together   bool
		strongest  bool
		code       resolver.Code
		text       string
	}{
		{"records by key", key("/crm", "1"), key("/shop", "2"), true, false, resolver.CauseOneCustomer, "They are one customer: /crm 1 – /shop 2 (by evidence"},
		{"a customer and its record", `"` + id("/crm", "1") + `"`, `"` + id("/shop", "2") + `"`, true, false, resolver.CauseOneCustomer, "They are one customer"},
		{"two customers", `"` + id("/crm", "1") + `"`, `"` + id("/crm", "3") + `"`, false, true, resolver.CauseNoSharedKey, "They are not compared"},
		{"in the review band", key("/crm", "3"), `"` + id("/shop", "4") + `"`, false, true, resolver.CauseReviewBand, "The evidence makes them a potential match"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask[PairAnswer](h, apikey.Steward, "POST", "/v1/pairs:explain", `{"a":`+c.a+`,"b":`+c.b+`}`)
			sum := int64(0)
			for _, e := range got.Evidence {
				sum += e.Weight
			}
			if got.Together != c.together || got.Strongest != c.strongest || sum != got.Weight || len(got.Evidence) == 0 {
				t.Errorf("got %+v", got)
			}
			if len(got.Causes) == 0 || got.Causes[0].Code != c.code || !got.Causes[0].Decides || !strings.HasPrefix(got.Causes[0].Text, c.text) {
				t.Errorf("causes %+v, want %s first: %s", got.Causes, c.code, c.text)
			}
			if !slices.Contains(got.Text, got.Causes[0].Text) || len(got.Text) != len(got.Evidence)+len(got.Causes)+2 {
				t.Errorf("text %q", got.Text)
			}
		})
	}
	wantProblem(t, h.call(apikey.Steward, "POST", "/v1/pairs:explain", `{"a":`+key("/crm", "9")+`,"b":`+key("/crm", "1")+`}`), 404, "not_found")
	wantProblem(t, h.call(apikey.Steward, "POST", "/v1/pairs:explain", `{"a":"nobody","b":`+key("/crm", "1")+`}`), 404, "not_found")
	wantProblem(t, h.call(apikey.Steward, "POST", "/v1/pairs:explain", `{"a":`+key("/crm", "1")+`,"b":"`+id("/crm", "1")+`"}`), 422, "invalid")
	wantProblem(t, h.call(apikey.Steward, "POST", "/v1/pairs:explain", `{"a":`+key("/crm", "1")+`}`), 422, "invalid")
}

// TestMatchingAnswersFitTheirSchemas: what is really sent is what the document says.
func TestMatchingAnswersFitTheirSchemas(t *testing.T) {
	h, r := newMatchingHub(t)
	h.tell(mariaAt("/crm", "1"), mariaAt("/shop", "2"))
	h.settle(r)
	s, _, err := build(h.config)
	if err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]string{
		"/v1/customers:match": `{"record":` + mariaAgain + `}`,
		"/v1/pairs:explain":   `{"a":{"source":"/crm","id":"1"},"b":{"source":"/shop","id":"2"}}`,
	} {
		w := h.call(apikey.Admin, "POST", path, body)
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		checkAgainst(t, s, path, s.api.OpenAPI().Paths[path].Post.Responses["200"].Content["application/json"].Schema, w.Body.Bytes())
		if !json.Valid(w.Body.Bytes()) {
			t.Error("not JSON")
		}
	}
}
