package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func envelopes() *rapid.Generator[Envelope] {
	return rapid.Custom(func(t *rapid.T) Envelope {
		moment := func(label string) time.Time {
			return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, label)).UTC()
		}
		data, err := json.Marshal(map[string]any{
			"n": rapid.Int64().Draw(t, "n"),
			"s": rapid.String().Draw(t, "s"),
			"l": rapid.SliceOf(rapid.String()).Draw(t, "l"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return Envelope{
			ID:            rapid.StringN(1, 40, -1).Draw(t, "id"),
			Source:        rapid.StringN(1, 40, -1).Draw(t, "source"),
			SpecVersion:   "1.0",
			Type:          Type(rapid.SampledFrom([]string{"customer.recorded.v1", "contact.stated.v1", "x.y.v9"}).Draw(t, "type")),
			Subject:       rapid.String().Draw(t, "subject"),
			Time:          moment("time"),
			RecordedTime:  moment("recorded"),
			CorrelationID: rapid.String().Draw(t, "correlation"),
			Data:          data,
		}
	})
}

// FuzzDecodeStored: whatever the bytes are, decoding ends with an event or with
// ErrDamaged.
func FuzzDecodeStored(f *testing.F) {
	good, err := Encode(Envelope{ID: "1", Source: "/a", Type: CustomerRecordedV1, Data: json.RawMessage(`{}`)}, Door{Taken: 300, InLane: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:5])
	f.Add([]byte{})
	f.Add([]byte{0x01})
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00null"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := DecodeStored(7, b); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("error is not ErrDamaged: %v", err)
		}
	})
}

func TestDecodeGivesWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := envelopes().Draw(t, "envelope")
		n := rapid.Uint64()
		d := Door{n.Draw(t, "taken"), n.Draw(t, "appended"), n.Draw(t, "duplicate"), n.Draw(t, "refused"), n.Draw(t, "dead"), n.Draw(t, "inlane")}
		b, err := Encode(e, d)
		if err != nil {
			t.Fatal(err)
		}
		s, err := DecodeStored(9, b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Bytes, b) || s.Door != d || s.Position != 9 {
			t.Fatalf("got %+v", s)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, e.Data); err != nil {
			t.Fatal(err)
		}
		e.Data = compact.Bytes()
		var want, got any
		if json.Unmarshal(e.Data, &want) != nil || json.Unmarshal(s.Data, &got) != nil || !reflect.DeepEqual(want, got) {
			t.Fatalf("data: got %s want %s", s.Data, e.Data)
		}
		s.Data, e.Data = nil, nil
		if !reflect.DeepEqual(s.Envelope, e) {
			t.Fatalf("got  %+v\nwant %+v", s.Envelope, e)
		}
	})
}

func TestDecodeRefusesOtherCodecs(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":          {},
		"unknown codec":  {0x7f, 1, 2, 3},
		"short counters": {codecJSON, 1, 2, 0x80},
		"no envelope":    {codecJSON, 0, 0, 0, 0, 0, 0},
		"half envelope":  append([]byte{codecJSON, 0, 0, 0, 0, 0, 0}, `{"id":"1`...),
	} {
		if _, err := DecodeStored(3, b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
}

func TestHashContentSeesContentOnly(t *testing.T) {
	key := []byte("0123456789abcdef")
	hash := func(typ Type, data string) ContentHash {
		t.Helper()
		h, err := HashContent(key, typ, []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	base := hash("a.b.v1", `{"a":1,"b":[1.0,"x"]}`)
	for _, same := range []string{`{ "b" : [1,"x"] , "a":1}`, `{"a":1,"b":[1.00,"\u0078"]}`} {
		// 1.0 is a fraction by its spelling; 1 a whole number. Canonical forms agree.
		if got := hash("a.b.v1", same); got != base {
			t.Errorf("%s: another hash", same)
		}
	}
	for name, other := range map[string]ContentHash{
		"type":    hash("a.c.v1", `{"a":1,"b":[1.0,"x"]}`),
		"value":   hash("a.b.v1", `{"a":2,"b":[1.0,"x"]}`),
		"order":   hash("a.b.v1", `{"a":1,"b":["x",1.0]}`),
		"missing": hash("a.b.v1", `{"b":[1.0,"x"]}`),
		"null":    hash("a.b.v1", `{"a":1,"b":[1.0,"x"],"c":null}`),
	} {
		if other == base {
			t.Errorf("another %s gives the same hash", name)
		}
	}
	if hash("a.b.v1", `{"id":9007199254740993}`) == hash("a.b.v1", `{"id":9007199254740992}`) {
		t.Error("64-bit ids collapse")
	}
	if a, _ := HashContent([]byte("another key 0123"), "a.b.v1", []byte(`{"a":1,"b":[1.0,"x"]}`)); a == base {
		t.Error("the key makes no difference")
	}
	for _, bad := range []string{``, `{`, `{"a":1,"a":2}`, `nul`} {
		if _, err := HashContent(key, "a.b.v1", []byte(bad)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", bad, err)
		}
	}
}

func TestHashIDSeparatesParts(t *testing.T) {
	if HashID("/a", "bc") == HashID("/ab", "c") {
		t.Error("source and id run together")
	}
}

func benchEvent() Envelope {
	return Envelope{
		ID: "abcdef0123456789", Source: "/crm/bank", SpecVersion: "1.0", Type: CustomerRecordedV1, Subject: "customer:123456",
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), RecordedTime: time.Date(2026, 1, 2, 3, 4, 6, 123456000, time.UTC), DataSchema: "customer.recorded.v1",
		Data: json.RawMessage(`{"record":{"source":"/crm/bank","id":"123456"},"kind":"person","names":[{"given":"Ana Lucía","family":"Ejemplo","family2":"Prueba"}],"phones":[{"value":"+50200000000","use":"mobile"}],"emails":[{"value":"ana@example.com"}],"birth_date":"1980-02-03","documents":[{"kind":"dpi","number":"0000000000000","country":"GT"}]}`),
	}
}

func BenchmarkEncode(b *testing.B) {
	e := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(e, Door{Taken: 1 << 20}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeStored(b *testing.B) {
	stored, err := Encode(benchEvent(), Door{Taken: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeStored(1, stored); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHashContent(b *testing.B) {
	e := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := HashContent([]byte("0123456789abcdef"), e.Type, e.Data); err != nil {
			b.Fatal(err)
		}
	}
}
