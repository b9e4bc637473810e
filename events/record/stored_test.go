package record_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"ficha/events"
	"ficha/events/record"
)

// TestStoredStateKeepsNone: a statement that names no phones any more is no
// silence about them, after the state was written and read as folds do it too.
func TestStoredStateKeepsNone(t *testing.T) {
	const has, none = `"mode":"full","phones":[{"value":"+502 5512 3456"}]`, `"mode":"full"`
	for _, said := range [][]string{{has, none}, {has, none, has}, {none, has, none}, {has, `"phones":null`, `"emails":[]`, has}} {
		var live, stored record.State
		for i, members := range said {
			e := events.Envelope{ID: fmt.Sprint(i), Source: "/crm", Type: events.CustomerRecordedV1, Time: time.Date(2026, 3, i+1, 0, 0, 0, 0, time.UTC),
				Data: json.RawMessage(`{"record":{"source":"/crm","id":"1"},"kind":"person",` + members + `}`)}
			for _, s := range []*record.State{&live, &stored} {
				if _, err := record.Apply(s, e); err != nil {
					t.Fatal(err)
				}
			}
			row, err := jsonv2.Marshal(&stored)
			if err != nil {
				t.Fatal(err)
			}
			stored = record.State{}
			if err := jsonv2.Unmarshal(row, &stored); err != nil {
				t.Fatal(err)
			}
			v, w := live.Values(), stored.Values()
			if got, want := stored.Holdings(&w), live.Holdings(&v); !reflect.DeepEqual(got, want) {
				t.Errorf("%q, after %d: stored %v, want %v", said, i+1, got, want)
			}
		}
	}
}
