package changes_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ficha/events"
	"ficha/projections/changes"
	"ficha/projections/golden"
)

func TestIDs(t *testing.T) {
	for in, want := range map[string]changes.ID{"0": changes.Through(0), "41": changes.Through(41), "41.3": {Position: 41, Ordinal: 3}, "18446744073709551615.65534": {Position: 1<<64 - 1, Ordinal: 65534}} {
		got, err := changes.ParseID(in)
		if err != nil || got != want || got.String() != in {
			t.Errorf("%q reads as %+v, %v and is written %q", in, got, err, got)
		}
	}
	for _, in := range []string{"", "-1", "+1", "1.", ".1", "1.65535", "1.70000", "1.2.3", "a", "1.a", "1. 2", "18446744073709551616", "1.+2"} {
		if got, err := changes.ParseID(in); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%q reads as %v, %v", in, got, err)
		}
	}
	a, b := changes.ID{Position: 1, Ordinal: 5}, changes.ID{Position: 2}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 || changes.Through(1).Compare(a) <= 0 || changes.Through(1).Compare(b) >= 0 {
		t.Error("ids are out of order")
	}
}

// TestAttributesAreThoseOfACustomer: a member of golden's document that nobody
// listed here would change without being told.
func TestAttributesAreThoseOfACustomer(t *testing.T) {
	listed := append(changes.Attributes(), "id", "redirected_from", "version", "position")
	typ := reflect.TypeFor[golden.Customer]()
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if name != "-" && !slices.Contains(listed, name) {
			t.Errorf("golden.Customer has %q; append it to attributes and raise the fold's version", name)
		}
	}
}

// TestRecordIsRead: however the data of an event is laid out.
func TestRecordIsRead(t *testing.T) {
	for _, data := range []string{
		`{"record":{"source":"/crm","id":"1"},"kind":"person"}`,
		`{"kind":"person","names":[{"full":"\"record\":{\\"}],"record":{"id":"1","source":"/crm"}}`,
		`{"\u0072ecord":{"source":"/crm","id":"1"},"kind":"person"}`,
		`{ "kind" : "person" , "record" : { "source" : "/crm" , "id" : "1" } }`,
	} {
		x := &world{}
		x.say(events.CustomerRecordedV1, 0, json.RawMessage(data))
		x.evs[0].Data = json.RawMessage(data)
		if got := told(t, x, 0); !slices.Equal(got, []string{"created 1 v1 +1"}) {
			t.Errorf("%s: %q", data, got)
		}
	}
}
