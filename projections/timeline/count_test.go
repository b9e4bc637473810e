package timeline_test

import (
	"testing"

	"ficha/events"
	"ficha/projections/timeline"
)

// TestCountOf counts what belongs to a record, and nothing that hangs on its phone.
func TestCountOf(t *testing.T) {
	evs := []events.Envelope{
		customer("c1", "1", 0, "+50255123456"), customer("c2", "2", 0, "+50255123457"),
		call("i1", "1", 1, 1, ofCustomer("1")), call("i2", "2", 2, 2, ofCustomer("1")), call("i3", "3", 3, 3, ofCustomer("2")),
		call("i4", "4", 4, 4, ofPhone("+50255123456")), assigned("a1", "3", 5, "1"), withdrawn("w1", "2", 6),
	}
	r := folded(t, evs...)
	for _, c := range []struct {
		record      string
		limit, want int
	}{{"1", 10, 2}, {"1", 1, 1}, {"2", 10, 0}, {"nobody", 10, 0}} {
		if got, err := timeline.CountOf(t.Context(), r, recordID(c.record), c.limit); err != nil || got != c.want {
			t.Errorf("record %s, at most %d: %d, %v, want %d", c.record, c.limit, got, err, c.want)
		}
	}
}
