package resolver_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
	"ficha/matching/resolver"
)

// tuned is an engine whose model for persons is the default one but for some lines.
func tuned(t *testing.T, changes ...string) *matching.Engine {
	t.Helper()
	models, err := matching.DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../person.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(changes...).Replace(string(raw))
	if text == string(raw) {
		t.Fatalf("%v changes nothing", changes)
	}
	if models.Person, err = matching.ParseModel([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return matching.NewEngine(models)
}

// codes writes causes as text, the decisive one with a star.
func codes(p resolver.PairExplanation) string {
	var out []string
	for _, c := range p.Causes {
		s := string(c.Code)
		if c.Verdict != "" {
			s += " " + string(c.Verdict) + " " + c.Event.ID
		}
		if c.Attribute != "" {
			s += " " + c.Attribute
		}
		if c.Decides {
			s = "*" + s
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func merged(minute int, a, b string) events.Envelope {
	return event("/s", fmt.Sprintf("m%d", minute), minute, events.CustomerMergedAtSourceV1, events.CustomerMergedAtSource{
		Survivor: events.RecordKey{Source: "/s", ID: a}, Losers: []events.RecordKey{{Source: "/s", ID: b}}})
}

func firm(id string, minute int) events.Envelope {
	return event("/s", fmt.Sprintf("%s-%d", id, minute), minute, events.CustomerRecordedV1, events.CustomerRecorded{
		Record: events.Record{RecordKey: events.RecordKey{Source: "/s", ID: id}}, Kind: events.Organization, Names: []events.Name{{Full: "Ixchop S.A."}}})
}

func TestExplainPairSaysWhy(t *testing.T) {
	a, b, c := uuidOf("/s", "a"), uuidOf("/s", "b"), uuidOf("/s", "c")
	ana := person("/s", "a", 1, "Ana", "Xol", "+50255000001", "1990-01-02")
	berta := person("/s", "b", 2, "Berta", "Caal", "+50255000002", "1991-02-03")
	for _, tt := range []struct {
		name string
		evs  []events.Envelope
		want string
	}{
		{"by evidence", []events.Envelope{ana, person("/s", "b", 2, "Ana", "Xol", "+50255000001", "1990-01-02")}, "*one_customer"},
		{"by a source", []events.Envelope{ana, berta, merged(3, "a", "b")}, "*stated_link, one_customer"},
		{"by a person", []events.Envelope{ana, berta, judged("v", 3, events.VerdictSame, []uuid.UUID{a, b})}, "*verdict same v, one_customer"},
		{"apart by a person", []events.Envelope{ana, person("/s", "b", 2, "Ana", "Xol", "+50255000001", "1990-01-02"),
			judged("v", 3, events.VerdictDifferent, []uuid.UUID{a}, []uuid.UUID{b})}, "*verdict different v"},
		{"a person changed their mind", []events.Envelope{ana, berta, judged("v", 3, events.VerdictSame, []uuid.UUID{a, b}),
			judged("w", 4, events.VerdictDifferent, []uuid.UUID{a}, []uuid.UUID{b})}, "*verdict different w, verdict_overruled same v, no_shared_key, below_review"},
		{"a person was not sure", []events.Envelope{namesake("a", 1, "male", ""), namesake("b", 2, "female", ""),
			judged("v", 3, events.VerdictUnsure, []uuid.UUID{a, b})}, "*review_band, verdict unsure v"},
		{"verdicts that contradict each other", []events.Envelope{ana, berta, person("/s", "c", 3, "Carla", "Tzul", "+50255000003", "1992-03-04"),
			judged("ab", 4, events.VerdictDifferent, []uuid.UUID{a}, []uuid.UUID{b}),
			judged("bc", 5, events.VerdictSame, []uuid.UUID{b, c}), judged("ca", 6, events.VerdictSame, []uuid.UUID{c, a})}, "*one_customer, verdict_conflict different ab"},
		{"apart by a verdict about another record", []events.Envelope{ana, person("/s", "b", 2, "Ana", "Xol", "+50255000001", "1990-01-02"),
			person("/s", "c", 3, "Carla", "Tzul", "+50255000003", "1992-03-04"), merged(4, "a", "c"),
			judged("bc", 5, events.VerdictDifferent, []uuid.UUID{b}, []uuid.UUID{c})}, "*verdict_between different bc"},
		{"withdrawn", []events.Envelope{ana, berta, withdrawn("/s", "b", 3)}, "*withdrawn"},
		{"withdrawn, of one customer", []events.Envelope{ana, person("/s", "b", 2, "Ana", "Xol", "+50255000001", "1990-01-02"), withdrawn("/s", "b", 3)}, "*withdrawn, one_customer"},
		{"a person and a firm", []events.Envelope{ana, firm("b", 2)}, "*different_kinds"},
		{"nothing in common", []events.Envelope{ana, berta}, "*no_shared_key, below_review"},
		{"too little in common", []events.Envelope{ana, person("/s", "b", 2, "Pedro", "Caal", "+50255000001", "")}, "*below_review"},
		{"a question for a person", []events.Envelope{namesake("a", 1, "male", ""), namesake("b", 2, "female", "")}, "*review_band"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHub(t)
			for _, e := range tt.evs {
				if e.Type == events.IdentityJudgedV1 {
					h.tell(t, e)
				} else {
					h.append(t, e)
				}
			}
			p, err := h.r.ExplainPair(t.Context(), b, a)
			if err != nil {
				t.Fatal(err)
			}
			if got := codes(p); got != tt.want {
				t.Errorf("causes: %s; want %s", got, tt.want)
			}
			checkExplanation(t, h, p, a, b)
		})
	}
}

// checkExplanation holds an explanation to what it is about: rows sum up, the two are
// together as the log says, and the way between them is one.
func checkExplanation(t *testing.T, h *hub, p resolver.PairExplanation, a, b uuid.UUID) {
	t.Helper()
	sum := int64(0)
	for _, r := range p.Evidence.Rows {
		sum += r.Weight
	}
	if len(p.Evidence.Rows) > 0 && sum != p.Evidence.Total {
		t.Errorf("rows sum up to %d, total %d", sum, p.Evidence.Total)
	}
	other, err := h.r.ExplainPair(t.Context(), a, b)
	if err != nil || codes(other) != codes(p) || other.Together != p.Together {
		t.Errorf("asked the other way round: %s, %v", codes(other), err)
	}
	for _, c := range p.Causes {
		if c.Code != resolver.CauseOneCustomer || len(c.Links) == 0 {
			continue
		}
		at := p.A
		for _, l := range c.Links {
			switch at {
			case l.A:
				at = l.B
			case l.B:
				at = l.A
			default:
				t.Fatalf("the way from %s to %s breaks off at %s: %+v", p.A, p.B, at, c.Links)
			}
		}
		if at != p.B {
			t.Errorf("the way from %s ends at %s, want %s", p.A, at, p.B)
		}
	}
}

// TestExplainPairSaysWhatIsRefused: what keeps a machine from joining two.
func TestExplainPairSaysWhatIsRefused(t *testing.T) {
	ana := func(id string, minute int, document string) events.Envelope {
		return event("/s", fmt.Sprintf("%s-%d", id, minute), minute, events.CustomerRecordedV1, events.CustomerRecorded{
			Record: events.Record{RecordKey: events.RecordKey{Source: "/s", ID: id}}, Kind: events.Person, BirthDate: "1990-01-02",
			Names: []events.Name{{Given: "Ana", Family: "Xol", Family2: "Caal"}}, Phones: []events.Phone{{Value: "+50255000001"}},
			Documents: []events.Document{{Kind: "dni", Number: document, Country: "ES"}}})
	}
	for _, tt := range []struct {
		name   string
		engine *matching.Engine
		evs    []events.Envelope
		a, b   string
		want   string
	}{
		{"an attribute", engine(t), []events.Envelope{ana("a", 1, "12345678Z"), ana("b", 2, "87654321X")}, "a", "b", "*exclusive_attribute document"},
		{"the size", tuned(t, "max_cluster: 200", "max_cluster: 2"), []events.Envelope{ana("a", 1, ""), ana("b", 2, ""), ana("c", 3, ""), merged(4, "a", "b"), merged(5, "b", "c"), merged(6, "c", "a")}, "", "", "*max_cluster, stated_link"},
		{"hot keys", tuned(t, "max_block: 200", "max_block: 2", "max: 60", "max: 2", "max: 100", "max: 2", "max: 40", "max: 2"),
			[]events.Envelope{ana("a", 1, ""), ana("b", 2, ""), ana("c", 3, ""), ana("d", 4, "")}, "a", "b", "*hot_keys_only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHub(t)
			h.r.Stop()
			r, err := resolver.New(resolver.Config{Log: h.log, State: h.state, Engine: tt.engine, Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			h.r = r
			r.Start(t.Context())
			h.append(t, tt.evs...)
			x, y := uuidOf("/s", tt.a), uuidOf("/s", tt.b)
			if tt.a == "" {
				x, y = apartIn(t, h, "a", "b", "c")
			}
			p, err := h.r.ExplainPair(t.Context(), x, y)
			if err != nil || p.Together {
				t.Fatalf("together %v, %v", p.Together, err)
			}
			if got := codes(p); got != tt.want {
				t.Errorf("causes: %s; want %s", got, tt.want)
			}
		})
	}
}

// apartIn gives two of some records that are not one customer.
func apartIn(t *testing.T, h *hub, ids ...string) (uuid.UUID, uuid.UUID) {
	t.Helper()
	for _, x := range ids {
		for _, y := range ids {
			if p, err := h.r.ExplainPair(t.Context(), uuidOf("/s", x), uuidOf("/s", y)); err == nil && !p.Together {
				return uuidOf("/s", x), uuidOf("/s", y)
			}
		}
	}
	t.Fatalf("all of %v are one customer", ids)
	return uuid.Nil, uuid.Nil
}

// TestExplainStrongest chooses the heaviest pair between two sets.
func TestExplainStrongest(t *testing.T) {
	h := newHub(t)
	h.append(t, person("/s", "a", 1, "Ana", "Xol", "+50255000001", "1990-01-02"), person("/s", "b", 2, "Berta", "Caal", "+50255000002", "1991-02-03"),
		person("/s", "c", 3, "Berta", "Caal", "", ""))
	a, b, c := uuidOf("/s", "a"), uuidOf("/s", "b"), uuidOf("/s", "c")
	p, err := h.r.ExplainStrongest(t.Context(), []uuid.UUID{a, b}, []uuid.UUID{c})
	if err != nil || p.A != b || p.B != c {
		t.Errorf("explained %s and %s, %v; want the two Bertas", p.A, p.B, err)
	}
	if _, err := h.r.ExplainPair(t.Context(), a, a); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("one record with itself: %v", err)
	}
	if _, err := h.r.ExplainPair(t.Context(), a, uuidOf("/s", "nobody")); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("a record that was never seen: %v", err)
	}
	if _, err := h.r.ExplainStrongest(t.Context(), nil, []uuid.UUID{a}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("no records: %v", err)
	}
}

// TestCodesAreDistinct: a code means one thing.
func TestCodesAreDistinct(t *testing.T) {
	all := resolver.Codes()
	if got := slices.Compact(slices.Sorted(slices.Values(all))); len(got) != len(all) || len(all) < 15 {
		t.Errorf("%d codes, %d of them different", len(all), len(got))
	}
}
