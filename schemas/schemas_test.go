package schemas_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"ficha/events"
	"ficha/internal/strictjson"
	"ficha/schemas"

	"pgregory.net/rapid"
)

// published are the types of package events. A constant that is missing here is
// caught by TestEveryTypeOfPackageEventsIsHere.
var published = []events.Type{
	events.CustomerRecordedV1, events.CustomerWithdrawnV1, events.CustomerMergedAtSourceV1, events.CustomerRestrictedV1,
	events.InteractionRecordedV1, events.InteractionAssignedV1, events.InteractionWithdrawnV1,
	events.ContactStatedV1, events.ContactStatementWithdrawnV1,
	events.IdentityResolvedV1, events.IdentityJudgedV1, events.IdentityJudgementWithdrawnV1,
	events.ContactHoldConfirmedV1, events.ValuePinnedV1, events.ValueUnpinnedV1,
	events.CaseChangedV1, events.OrderChangedV1, events.ContractChangedV1, events.SurveyAnsweredV1,
	events.DeadLetterRetriedV1, events.DeadLetterDiscardedV1,
	events.ImportStartedV1, events.ImportCompletedV1, events.ImportFailedV1,
}

func registry(t testing.TB) *schemas.Registry {
	t.Helper()
	r, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tree(t testing.TB, text []byte) any {
	t.Helper()
	doc, err := strictjson.NewReader(strictjson.Limits{}).Read(text, "")
	if err != nil {
		t.Fatal(err)
	}
	return doc.Tree
}

func examples(t testing.TB, typ, kind string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", typ, kind+"-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]byte)
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(p), ".json")] = b
	}
	return out
}

func TestEveryTypeOfPackageEventsIsHere(t *testing.T) {
	src, err := os.ReadFile("../events/types.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), " Type = \""); n != len(published) {
		t.Errorf("package events has %d types, this test knows %d", n, len(published))
	}
	var names []string
	for _, typ := range published {
		names = append(names, string(typ))
	}
	slices.Sort(names)
	if got := registry(t).Types(); !slices.Equal(got, names) {
		t.Errorf("schemas of %v, want %v", got, names)
	}
}

func TestEveryTypeHasExamplesBothWays(t *testing.T) {
	for _, typ := range append(registry(t).Types(), "contact.stated.v0") {
		for _, kind := range []string{"valid", "invalid"} {
			if len(examples(t, typ, kind)) == 0 {
				t.Errorf("%s has no %s example in testdata", typ, kind)
			}
		}
	}
	folders, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !registry(t).Knows(f.Name()) {
			t.Errorf("examples of %s, which has no schema", f.Name())
		}
	}
}

func TestValidExamplesFitAndDecode(t *testing.T) {
	r := registry(t)
	for _, typ := range append(r.Types(), "contact.stated.v0") {
		for name, text := range examples(t, typ, "valid") {
			t.Run(typ+"/"+name, func(t *testing.T) {
				if v := r.Validate(typ, tree(t, text)); len(v) > 0 {
					t.Fatalf("does not fit: %+v", v)
				}
				now, data, err := schemas.Upcast(typ, text)
				if err != nil {
					t.Fatal(err)
				}
				stored := events.Stored{Envelope: events.Envelope{Type: events.Type(now), Data: data}, Position: 1}
				decoded, err := events.Decode(stored)
				if err != nil || decoded.Payload == nil {
					t.Fatalf("decode: %v, payload %v", err, decoded.Payload)
				}
				into := decoded.Payload
				if now == string(events.CustomerRecordedV1) {
					into = new(events.CustomerRecorded)
				}
				if err := json.Unmarshal(data, into); err != nil {
					t.Errorf("the struct of package events does not take it: %v", err)
				}
			})
		}
	}
}

func TestInvalidExamplesAreExplained(t *testing.T) {
	r := registry(t)
	type where struct{ Pointer, Code string }
	for _, typ := range append(r.Types(), "contact.stated.v0") {
		for name, text := range examples(t, typ, "invalid") {
			t.Run(typ+"/"+name, func(t *testing.T) {
				var example struct {
					Data   json.RawMessage
					Errors []where
				}
				if err := json.Unmarshal(text, &example); err != nil {
					t.Fatal(err)
				}
				var got []where
				for _, v := range r.Validate(typ, tree(t, example.Data)) {
					got = append(got, where{v.Pointer, v.Code})
					if v.Detail == "" || v.Remedy == "" {
						t.Errorf("%s at %s has no detail or no remedy: %+v", v.Code, v.Pointer, v)
					}
				}
				if !reflect.DeepEqual(got, example.Errors) {
					t.Errorf("got %v, want %v", got, example.Errors)
				}
			})
		}
	}
}

// The struct's own JSON must fit: what the hub builds is validated like the rest.
func TestStructsOfPackageEventsFit(t *testing.T) {
	r := registry(t)
	yes := true
	cases := map[events.Type]any{
		events.CustomerRecordedV1: events.CustomerRecorded{Record: events.Record{RecordKey: events.RecordKey{Source: "/a", ID: "1"}}, Kind: events.Person, VIP: &yes},
		events.ContactStatedV1: events.ContactStated{
			Choice: events.Deny, ContactPoints: []events.ContactPoint{{Phone: "1"}}, StatedAt: "2026-03-02T09:15:00Z",
			Ext: &events.StatementExt{Unconfirmed: true, Of: &events.EventID{Source: "/a", ID: "1"}, Problem: "schema"},
		},
		events.InteractionAssignedV1: events.InteractionAssigned{Interaction: events.RecordKey{Source: "/a", ID: "1"}},
		events.ImportStartedV1:       events.ImportRun{Run: "r"},
	}
	for typ, data := range cases {
		b, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if v := r.Validate(string(typ), tree(t, b)); len(v) > 0 {
			t.Errorf("%s: %s does not fit: %+v", typ, b, v)
		}
	}
}

func TestUpcastIsGoldenAndFits(t *testing.T) {
	r := registry(t)
	for name, text := range examples(t, "contact.stated.v0", "upcast") {
		t.Run(name, func(t *testing.T) {
			var example struct {
				Given, Want json.RawMessage
				Type        string
			}
			if err := json.Unmarshal(text, &example); err != nil {
				t.Fatal(err)
			}
			given := slices.Clone(example.Given)
			typ, data, err := schemas.Upcast("contact.stated.v0", example.Given)
			if err != nil || typ != example.Type {
				t.Fatalf("upcast: %s, %v", typ, err)
			}
			if !reflect.DeepEqual(tree(t, data), tree(t, example.Want)) {
				t.Errorf("got %s, want %s", data, example.Want)
			}
			if v := r.Validate(typ, tree(t, data)); len(v) > 0 {
				t.Errorf("the new version does not fit: %+v", v)
			}
			if !slices.Equal(given, example.Given) {
				t.Error("upcast changes what it is given")
			}
		})
	}
}

func TestUpcastLeavesCurrentTypesAlone(t *testing.T) {
	r := registry(t)
	for _, typ := range append(r.Types(), "someone.else.v1") {
		got, data, err := schemas.Upcast(typ, []byte(`{"a":1}`))
		if got != typ || string(data) != `{"a":1}` || err != nil {
			t.Errorf("%s became %s %s, %v", typ, got, data, err)
		}
	}
	if _, data, err := schemas.Upcast("contact.stated.v0", []byte(`[`)); err == nil || string(data) != `[` {
		t.Errorf("broken data: got %s, %v", data, err)
	}
}

func TestUnknownTypeNamesTheNearest(t *testing.T) {
	r := registry(t)
	for typ, want := range map[string]string{
		"customer.recorded.v2": "customer.recorded.v1",
		"Contact.Stated.v1":    "contact.stated.v1",
		"interaction.record":   "interaction.recorded.v1",
		"contact.started.v1":   "contact.stated.v1",
	} {
		v := r.Validate(typ, map[string]any{})
		if len(v) != 1 || v[0].Code != "unknown_type" || v[0].Pointer != "/type" || !strings.Contains(v[0].Remedy, want) {
			t.Errorf("%s: got %+v, want %s in the remedy", typ, v, want)
		}
	}
	for _, typ := range []string{"", "weather.reported.v1", strings.Repeat("x", 10_000)} {
		if v := r.Validate(typ, nil); len(v) != 1 || !strings.Contains(v[0].Remedy, "customer.recorded.v1") {
			t.Errorf("%.20s: got %+v", typ, v)
		}
	}
}

func TestViolationsQuoteNoValueAndAreBounded(t *testing.T) {
	r := registry(t)
	many := make(map[string]any)
	for i := range 1000 {
		many[strings.Repeat("k", i+1)] = "secret-value"
	}
	got := r.Validate("customer.recorded.v1", many)
	if len(got) != 50 {
		t.Errorf("got %d violations, want 50", len(got))
	}
	data := map[string]any{"record": "secret-value", "kind": "secret-value", "birth_date": "secret-value", "language": "secret-value!", "nationality": "secret-value",
		"phones": []any{map[string]any{"value": "secret-value", "region": "secret-value"}}, "names": []any{map[string]any{"given": strings.Repeat("secret-value", 100)}}}
	for _, v := range append(got, r.Validate("customer.recorded.v1", data)...) {
		if strings.Contains(v.Detail+v.Remedy, "secret") || len(v.Pointer) > 200 {
			t.Errorf("quotes a value: %+v", v)
		}
	}
}

func TestValidateGivesTheSameInAnyOrderAndInParallel(t *testing.T) {
	r := registry(t)
	var example struct{ Data json.RawMessage }
	if err := json.Unmarshal(examples(t, "interaction.recorded.v1", "invalid")["invalid-points"], &example); err != nil {
		t.Fatal(err)
	}
	data := tree(t, example.Data)
	want := r.Validate("interaction.recorded.v1", data)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := r.Validate("interaction.recorded.v1", data); !reflect.DeepEqual(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestDocumentsStandAlone(t *testing.T) {
	r := registry(t)
	for _, typ := range r.Types() {
		doc, ok := r.Document(typ)
		if !ok || strings.Contains(string(doc), "$ref") || !strings.Contains(string(doc), r.ID(typ)) {
			t.Errorf("%s: the document refers to others or has another id", typ)
		}
	}
	if _, ok := r.Document("nothing.v1"); ok {
		t.Error("a document of an unknown type")
	}
}

func TestValidExamplesTakeTheQuickWay(t *testing.T) {
	r := registry(t)
	for _, typ := range r.Types() {
		for name, text := range examples(t, typ, "valid") {
			if !r.FitsQuickly(typ, tree(t, text)) {
				t.Errorf("%s/%s goes to the library", typ, name)
			}
		}
	}
}

// What the library refuses must never pass the quick way.
func TestQuickNeverTakesWhatTheLibraryRefuses(t *testing.T) {
	r := registry(t)
	for _, typ := range r.Types() {
		for name, text := range examples(t, typ, "valid") {
			rapid.Check(t, func(rt *rapid.T) {
				data := spoil(rt, tree(t, text))
				if r.FitsQuickly(typ, data) && !r.FitsByLibrary(typ, data) {
					rt.Fatalf("%s/%s: quick takes %v", typ, name, data)
				}
			})
		}
	}
}

// spoil changes data in one place, somewhere.
func spoil(t *rapid.T, v any) any {
	instead := []any{nil, true, "", "x", strings.Repeat("ñ", 101), strings.Repeat("x", 1001), json.Number("1"), json.Number("1.0"),
		json.Number("-1"), json.Number("1.00000000000000000001"), json.Number("12345678901234567890"), []any{}, []any{"x"}, map[string]any{},
		map[string]any{"id": "1"}, "2026-02-30", "2026-03-02T09:15:00Z", "2026-03-02T09:15:60Z", "GT", "a\nb"}
	switch v := v.(type) {
	case map[string]any:
		name := rapid.SampledFrom(append(slices.Sorted(maps.Keys(v)), "", "x", "ext", "phone", "network")).Draw(t, "member")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			delete(v, name)
		case 1:
			v[name] = rapid.SampledFrom(instead).Draw(t, "instead")
		default:
			if in, ok := v[name]; ok {
				v[name] = spoil(t, in)
			}
		}
		return v
	case []any:
		if len(v) > 0 && rapid.Bool().Draw(t, "inside") {
			i := rapid.IntRange(0, len(v)-1).Draw(t, "item")
			v[i] = spoil(t, v[i])
			return v
		}
		return append(v, rapid.SampledFrom(instead).Draw(t, "instead"))
	}
	return rapid.SampledFrom(instead).Draw(t, "instead")
}

// FuzzValidate: whatever fits decodes; whatever does not is explained.
func FuzzValidate(f *testing.F) {
	r := registry(f)
	for i, typ := range r.Types() {
		for _, text := range examples(f, typ, "valid") {
			f.Add(uint8(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, text []byte) {
		doc, err := strictjson.NewReader(strictjson.Limits{}).Read(text, "")
		if err != nil {
			return
		}
		types := r.Types()
		typ := types[int(i)%len(types)]
		violations := r.Validate(typ, doc.Tree)
		for _, v := range violations {
			if v.Pointer == "" || v.Code == "" || v.Detail == "" || v.Remedy == "" {
				t.Fatalf("unexplained: %+v", v)
			}
		}
		if (len(violations) == 0) != r.FitsByLibrary(typ, doc.Tree) {
			t.Fatalf("%s: the library says otherwise", typ)
		}
		if len(violations) == 0 {
			if _, err := events.Decode(events.Stored{Envelope: events.Envelope{Type: events.Type(typ), Data: text}}); err != nil {
				t.Fatalf("%s fits and does not decode: %v", typ, err)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	r := registry(b)
	for _, c := range []struct{ typ, example string }{
		{"interaction.recorded.v1", "valid-call"}, {"interaction.recorded.v1", "valid-least"},
		{"customer.recorded.v1", "valid-person"}, {"contact.stated.v1", "valid-deny"},
	} {
		data := tree(b, examples(b, c.typ, "valid")[c.example])
		b.Run(c.typ+"/"+c.example, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := r.Validate(c.typ, data); len(v) > 0 {
					b.Fatal(v)
				}
			}
		})
		b.Run(c.typ+"/"+c.example+"/library", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !r.FitsByLibrary(c.typ, data) {
					b.Fatal("does not fit")
				}
			}
		})
	}
}
