package events

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// knownTypes are all types that have a payload, with data that names most of
// their fields.
func knownTypes() map[Type]string {
	const key = `{"source":"/crm/bank","stream":"customer","id":"1"}`
	const uuid = `"3c2e3f8e-52a4-5a4b-8b5a-0f8f2f0c1d11"`
	return map[Type]string{
		CustomerWithdrawnV1:         `{"record":{"source":"/crm/bank","id":"1","revision":7},"reason":"deleted"}`,
		CustomerMergedAtSourceV1:    `{"survivor":` + key + `,"losers":[` + key + `]}`,
		CustomerRestrictedV1:        `{"record":` + key + `,"restriction":"blocked","from":"2026-01-02T03:04:05Z"}`,
		InteractionRecordedV1:       `{"record":` + key + `,"customer":` + key + `,"contact_points":[{"phone":"+50255501234"},{"handle":"ana","network":"x"},{"address":{"lines":["a","b"]}}],"channel":"voice","direction":"inbound","started_at":"2026-01-02T03:04:05Z","duration_s":0,"sentiment":-0.25,"agent":{"id":"a1"},"text":"«sí» <b> & \u2028 \ud83d\ude00","visibility":null}`,
		InteractionAssignedV1:       `{"interaction":` + key + `,"customer":null,"by":"a7"}`,
		InteractionWithdrawnV1:      `{"record":` + key + `}`,
		ContactStatedV1:             `{"choice":"deny","records":[` + key + `],"contact_points":[],"scope":{"channels":["voice"],"purposes":null},"stated_at":"2026-01-02T03:04:05Z","via":{"channel":"voice"},"ext":{"unconfirmed":true,"of":{"source":"/a","id":"b"}}}`,
		ContactStatementWithdrawnV1: `{"statement":"0123456789ABCDEF","by":"a"}`,
		IdentityResolvedV1:          `{"cause":12,"model":"m","engine":"e","groups":[],"links":[],"potential":[]}`,
		IdentityJudgedV1:            `{"sets":[[` + uuid + `],[` + uuid + `]],"verdict":"same","by":"a"}`,
		ImportStartedV1:             `{"run":"r","file_hash":"h","rows":9007199254740993,"ext":{"a":[1,2.50]}}`,
		ImportCompletedV1:           `{"run":"r","appended":3}`,
		ImportFailedV1:              `{"run":"r","error":"x"}`,
	}
}

// TestDecodeReadsAsTheStandardLibraryDoes: whoever reads the log with
// encoding/json sees the same payloads.
func TestDecodeReadsAsTheStandardLibraryDoes(t *testing.T) {
	for typ, data := range knownTypes() {
		d, err := Decode(Stored{Envelope: Envelope{Type: typ, Data: json.RawMessage(data)}})
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		want := reflect.New(reflect.TypeOf(d.Payload).Elem()).Interface()
		if err := json.Unmarshal([]byte(data), want); err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		if !reflect.DeepEqual(d.Payload, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", typ, d.Payload, want)
		}
	}
}

func TestDecodeKeepsCustomersRawAndSkipsUnknownTypes(t *testing.T) {
	const data = `{"record":{"source":"/a","id":"1"},"kind":"person","names":null}`
	d, err := Decode(Stored{Envelope: Envelope{Type: CustomerRecordedV1, Data: json.RawMessage(data)}})
	if raw, ok := d.Payload.(*json.RawMessage); err != nil || !ok || string(*raw) != data {
		t.Errorf("customer: %T, %v", d.Payload, err)
	}
	if d, err := Decode(Stored{Envelope: Envelope{Type: "x.y.v1", Data: json.RawMessage(`[`)}}); err != nil || d.Payload != nil {
		t.Errorf("unknown type: %v, %v", d.Payload, err)
	}
}

func TestDecodeRefusesOtherShapes(t *testing.T) {
	for _, data := range []string{``, `[]`, `{"record":"x"}`, `{"record":{}`, `{"duration_s":"3"}`, `{"duration_s":1.5}`} {
		if _, err := Decode(Stored{Envelope: Envelope{Type: InteractionRecordedV1, Data: json.RawMessage(data)}}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", data, err)
		}
	}
}

// BenchmarkDecode reads the data of an interaction, as every reader of the log does.
func BenchmarkDecode(b *testing.B) {
	s := Stored{Envelope: Envelope{Type: InteractionRecordedV1, Data: json.RawMessage(knownTypes()[InteractionRecordedV1])}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(s); err != nil {
			b.Fatal(err)
		}
	}
}
