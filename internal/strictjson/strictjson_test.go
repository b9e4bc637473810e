package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestReadRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	cases := []struct {
		name, text string
		code       Code
		pointer    string
	}{
		{"empty", ``, InvalidJSON, ""},
		{"cut short", `{"a":{"b":"x`, InvalidJSON, "/a/b"},
		{"cut after colon", `{"a":`, InvalidJSON, "/a"},
		{"bare word", `{"a":nope}`, InvalidJSON, "/a"},
		{"single quotes", `{'a':1}`, InvalidJSON, ""},
		{"comment", `{"a":1 /* x */}`, InvalidJSON, ""},
		{"trailing comma", `{"a":[1,]}`, InvalidJSON, "/a"},
		{"NaN", `{"a":{"b":NaN}}`, InvalidJSON, "/a/b"},
		{"minus infinity", `[-Infinity]`, InvalidJSON, "/0"},
		{"leading zero", `{"a":01}`, InvalidJSON, ""},
		{"twice", `{"a":1,"b":{"c":1,"c":2}}`, DuplicateKey, "/b/c"},
		{"twice, once escaped", `{"a":1,"\u0061":2}`, DuplicateKey, "/a"},
		{"raw NUL in text", "{\"a\":\"x\x00y\"}", NULCharacter, "/a"},
		{"raw NUL between", "{\"a\":\x001}", NULCharacter, "/a"},
		{"escaped NUL", `{"a":["x\u0000y"]}`, NULCharacter, "/a/0"},
		{"escaped NUL in name", `{"a\u0000":1}`, NULCharacter, "/a\x00"},
		{"high surrogate alone", `{"a":"x\ud83dy"}`, InvalidUnicode, "/a"},
		{"low surrogate alone", `{"a":"\udE00"}`, InvalidUnicode, "/a"},
		{"two high surrogates", `{"a":"\ud83d\ud83d"}`, InvalidUnicode, "/a"},
		{"surrogate in name", `{"\ud800":1}`, InvalidUnicode, ""},
		{"Latin-1 bytes", "{\"a\":\"Nu\xf1ez\"}", InvalidUnicode, "/a"},
		{"overlong", "{\"a\":\"\xc0\xaf\"}", InvalidUnicode, "/a"},
		{"too deep", deep(33), TooDeep, strings.Repeat("/a", 32)},
		{"arrays too deep", strings.Repeat("[", 100_000), TooDeep, strings.Repeat("/0", 31)},
		{"exponent", `{"a":1e999999999}`, NumberRange, "/a"},
		{"small exponent", `{"a":1e-999999999}`, NumberRange, "/a"},
		{"long number", `{"a":` + strings.Repeat("9", 41) + `}`, NumberRange, "/a"},
		{"trailing", `{"a":1} {"a":2}`, TrailingData, ""},
		{"trailing bracket", `{"a":1}]`, TrailingData, ""},
		{"too many", "[" + strings.Repeat("0,", 60_000) + "0]", TooManyValues, "/49998"},
	}
	r := NewReader(Limits{})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := r.Read([]byte(c.text), "")
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("want an *Error, got %v", err)
			}
			if e.Code != c.code || e.Pointer != c.pointer {
				t.Errorf("got %s at %q (%v), want %s at %q", e.Code, e.Pointer, err, c.code, c.pointer)
			}
			if e.Offset < 0 || e.Offset > int64(len(c.text)) {
				t.Errorf("offset %d is outside of the text", e.Offset)
			}
		})
	}
}

func TestReadGivesWhatEncodingJSONGives(t *testing.T) {
	texts := []string{
		`null`, `true`, `false`, `0`, `-1.5e10`, `"x"`, `[]`, `{}`, ` [ 1 , "a\nb" , {"ñ":"\u00f1\ud83d\ude00"} ] `,
		strings.Repeat("[", 32) + strings.Repeat("]", 32), `{"":{"":""}}`, `9007199254740993`,
	}
	r := NewReader(Limits{})
	for _, text := range texts {
		doc, err := r.Read([]byte(text), "")
		if err != nil {
			t.Errorf("read %s: %v", text, err)
			continue
		}
		if want := plain(t, []byte(text)); !reflect.DeepEqual(doc.Tree, want) {
			t.Errorf("read %s: got %#v, want %#v", text, doc.Tree, want)
		}
	}
}

func plain(t testing.TB, text []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("encoding/json refuses what Reader took: %v", err)
	}
	return v
}

func TestReadGivesTheMembersExtent(t *testing.T) {
	r := NewReader(Limits{})
	text := `{"a":{"data":0}, "data" : { "x" : "a \" b" , "data":1} ,"z":[]}`
	doc, err := r.Read([]byte(text), "data")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(doc.Member), `{ "x" : "a \" b" , "data":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(Compact(nil, doc.Member)), `{"x":"a \" b","data":1}`; got != want {
		t.Errorf("compact: got %s, want %s", got, want)
	}
	if doc, _ := r.Read([]byte(`{"a":1}`), "data"); doc.Member != nil {
		t.Errorf("a member that is not there has the extent %s", doc.Member)
	}
}

func TestReaderKeepsNothingOfTheTextBefore(t *testing.T) {
	r := NewReader(Limits{})
	first := []byte(`{"name":"first","data":{"a":1}}`)
	a, err := r.Read(first, "data")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"name": "first", "data": map[string]any{"a": json.Number("1")}}
	_, _ = r.Read([]byte(`{"name":`), "data")
	copy(first, bytes.Repeat([]byte("x"), len(first)))
	if !reflect.DeepEqual(a.Tree, any(want)) {
		t.Errorf("the tree changed with later reads: %v", a.Tree)
	}
	if _, err := r.Read([]byte(`{"name":"third"}`), "data"); err != nil {
		t.Errorf("a broken text spoils the next: %v", err)
	}
}

func TestArray(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	cases := []struct {
		name, body string
		items      []string
		code       Code // of the last item
	}{
		{"empty", ` [ ] `, nil, ""},
		{"two", "\xef\xbb\xbf[ {\"a\":1} , 2 ]", []string{`{"a":1}`, `2`}, ""},
		{"bad items do not hurt others", `[{"a":1,"a":2},"\ud800",3]`, []string{`{"a":1,"a":2}`, `"\ud800"`, `3`}, ""},
		{"syntax error in the second", `[{"a":1},{"a":},{"a":3}]`, []string{`{"a":1}`, `{"a":},{"a":3}]`}, InvalidJSON},
		{"cut short", `[{"a":1},{"a":`, []string{`{"a":1}`, `{"a":`}, InvalidJSON},
		{"not closed", `[1`, []string{`1`, ``}, InvalidJSON},
		{"something follows", `[1] x`, []string{`1`, ` x`}, TrailingData},
		{"too deep for any reader", `[1,{"a":"]}\"",` + `"b":` + deep + `},` + deep + ` ,{"c":"` + "\u00fc" + `"}]`, []string{`1`, `{"a":"]}\"","b":` + deep + `}`, deep, `{"c":"` + "\u00fc" + `"}`}, ""},
		{"too deep, then a syntax error", `[` + deep + `,{"a":}]`, []string{deep, `{"a":}]`}, InvalidJSON},
		{"too deep, then a comma too many", `[` + deep + `,]`, []string{deep, `]`}, InvalidJSON},
		{"too deep, then no comma", `[` + deep + `"x"]`, []string{deep, `"x"]`}, InvalidJSON},
		{"too deep, then the end", `[` + deep, []string{deep, ``}, InvalidJSON},
		{"too deep, then something", `[` + deep + `] x`, []string{deep, ` x`}, TrailingData},
		{"too deep and not closed", `[` + deep[:len(deep)-1] + ` `, []string{deep[:len(deep)-1] + ` `}, InvalidJSON},
		{"raw NUL", "[1,\"\x00\"]", []string{`1`, "\"\x00\"]"}, NULCharacter},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			items, err := Array([]byte(c.body), 10)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			var code Code
			for _, it := range items {
				got = append(got, string(it.Raw))
				if it.Err != nil {
					code = it.Err.Code
				}
			}
			if !reflect.DeepEqual(got, c.items) || code != c.code {
				t.Errorf("got %q %q, want %q %q", got, code, c.items, c.code)
			}
		})
	}
}

func TestArrayPlacesErrorsBehindWhatIsTooDeep(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	plain, err := Array([]byte(`[1,2,{"a":{"b":nope}}]`), 10)
	if err != nil {
		t.Fatal(err)
	}
	behind, err := Array([]byte(`[1,`+deep+`,{"a":{"b":nope}}]`), 10)
	if err != nil {
		t.Fatal(err)
	}
	want, got := plain[2].Err, behind[2].Err
	if got.Code != want.Code || got.Detail != want.Detail || got.Pointer != want.Pointer || got.Offset != want.Offset+int64(len(deep))-1 {
		t.Errorf("got %+v, want %+v moved by %d", got, want, len(deep)-1)
	}
}

func TestArrayAndLinesRefuseBodies(t *testing.T) {
	for body, code := range map[string]Code{``: NotAnArray, `{}`: NotAnArray, `hello`: NotAnArray, `[1,2,3]`: TooLarge} {
		_, err := Array([]byte(body), 2)
		var e *Error
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("Array(%q): got %v, want %s", body, err, code)
		}
	}
	if _, err := Lines([]byte("1\n2\n\n3"), 2); err == nil {
		t.Error("Lines takes more lines than allowed")
	}
	items, err := Lines([]byte("\r\n{\"a\":1}\r\n\n  {bad}\n3"), 3)
	if err != nil || len(items) != 3 || string(items[0].Raw) != `{"a":1}` || string(items[1].Raw) != `{bad}` {
		t.Errorf("Lines: got %v, %v", items, err)
	}
}

func TestLenientReadsUpToTheFirstError(t *testing.T) {
	cases := []struct {
		text     string
		want     any
		complete bool
	}{
		{`{"a":1,"a":"x","a":[]}`, map[string]any{"a": Many{json.Number("1"), "x", []any{}}}, true},
		{`{"a":"x","b":{"c":["y","z`, map[string]any{"a": "x", "b": map[string]any{"c": []any{"y"}}}, false},
		{`{"a":"x\ud800"}`, map[string]any{"a": "x\ufffd"}, true},
		{"{\"a\":\"Nu\xf1ez\"}", map[string]any{"a": "Nu\ufffdez"}, true},
		{`{"a":null,"b":nope}`, map[string]any{"a": nil}, false},
		{`hello`, nil, false},
		{``, nil, false},
	}
	for _, c := range cases {
		got, complete := Lenient([]byte(c.text), Limits{})
		if !reflect.DeepEqual(got, c.want) || complete != c.complete {
			t.Errorf("%s: got %#v %v, want %#v %v", c.text, got, complete, c.want, c.complete)
		}
	}
	if _, complete := Lenient([]byte(strings.Repeat("[", 1_000_000)), Limits{}); complete {
		t.Error("an endless nesting counts as complete")
	}
}

// Hostile texts of a megabyte must cost no more than time in proportion.
func TestHostileTextsTakeLinearTime(t *testing.T) {
	const n = 1 << 20
	texts := map[string]string{
		"brackets":    strings.Repeat("[", n),
		"braces":      strings.Repeat(`{"a":`, n/5),
		"backslashes": `"` + strings.Repeat(`\\`, n/2),
		"quotes":      strings.Repeat(`"`, n),
		"zeros":       "[" + strings.Repeat("0,", n/2),
		"names":       "{" + strings.Repeat(`"a":1,`, n/6),
		"deep values": "[" + strings.Repeat(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+",", n/20_000) + "0]",
		"space":       strings.Repeat(" ", n),
	}
	for name, text := range texts {
		start := time.Now()
		_, _ = NewReader(Limits{}).Read([]byte(text), "data")
		_, _ = Array([]byte(text), 10_000)
		_, _ = Lenient([]byte(text), Limits{})
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,"x",{"b":null}]}`, `[{"a":1},{"a":1,"a":2},nope`, `{"data":{"x":" \" "}}`, "\"\\ud800\"", "\x00", `[1e400]`, "\xef\xbb\xbf{}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		doc, err := NewReader(Limits{}).Read(text, "data")
		if err == nil {
			if want := plain(t, text); !reflect.DeepEqual(doc.Tree, want) {
				t.Fatalf("tree differs from encoding/json")
			}
			again, err := NewReader(Limits{}).Read(Compact(nil, text), "data")
			if err != nil || !reflect.DeepEqual(again.Tree, doc.Tree) {
				t.Fatalf("the compact text is another one: %v", err)
			}
			if tree, complete := Lenient(text, Limits{}); !complete || !reflect.DeepEqual(tree, doc.Tree) {
				t.Fatalf("Lenient reads a good text differently")
			}
			checkMember(t, doc)
		}
		if items, err := Array(text, 100); err == nil {
			for i, it := range items {
				if it.Err != nil && i != len(items)-1 {
					t.Fatalf("an item follows a syntax error")
				}
			}
		}
		if !bytes.Equal(given, text) {
			t.Fatal("the text was changed")
		}
	})
}

func checkMember(t *testing.T, doc Document) {
	top, ok := doc.Tree.(map[string]any)
	if !ok {
		return
	}
	want, ok := top["data"]
	if ok != (doc.Member != nil) {
		t.Fatalf("member there: %v, extent there: %v", ok, doc.Member != nil)
	}
	if ok && !reflect.DeepEqual(plain(t, doc.Member), want) {
		t.Fatalf("the member's extent is not its value")
	}
}

func BenchmarkRead(b *testing.B) {
	text := []byte(`{"specversion":"1.0","id":"pbx-1-7","source":"/pbx/bank","type":"interaction.recorded.v1","time":"2026-03-02T09:15:00Z","data":{"record":{"source":"/pbx/bank","stream":"call","id":"7"},"customer":{"source":"/crm/bank","stream":"customer","id":"1"},"contact_points":[{"phone":"+50255123456"}],"channel":"voice","direction":"outbound","started_at":"2026-03-02T09:15:00Z","ended_at":"2026-03-02T09:17:10Z","duration_s":130,"purpose":"marketing","product":"extra-financing","outcome":"not_interested","agent":{"id":"a17","team":"sales"},"campaign":"loan-spring"}}`)
	r := NewReader(Limits{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(text, "data"); err != nil {
			b.Fatal(err)
		}
	}
}
