package resolver_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ficha/events"
	"ficha/matching/resolver"
)

// TestWhoLeavesMakesRoom: three who are one by the evidence are more than a machine may
// make; once one of them is withdrawn, or says something else, the other two are one.
func TestWhoLeavesMakesRoom(t *testing.T) {
	ana := func(id string, minute int) events.Envelope {
		return person("/s", id, minute, "Ana", "Xol", "+50255000001", "1990-01-02")
	}
	for name, leave := range map[string]events.Envelope{
		"withdrawn":  withdrawn("/s", "c", 4),
		"restated":   person("/s", "c", 4, "Tomás", "Quiej", "+50255000009", "1961-07-30"),
		"now a firm": firm("c", 4),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.r.Stop()
			r, err := resolver.New(resolver.Config{Log: h.log, State: h.state, Engine: tuned(t, "max_cluster: 200", "max_cluster: 2"), Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			h.r = r
			r.Start(t.Context())
			h.append(t, ana("a", 1), ana("b", 2), ana("c", 3))
			if got := groups(t, h.log); got != "a b c" {
				t.Fatalf("groups = %q; want all apart", got)
			}
			h.append(t, leave)
			if got := groups(t, h.log); !strings.HasPrefix(got, "a+b") {
				t.Errorf("groups = %q; want a and b together", got)
			}
		})
	}
}

// TestWhoLeavesMakesRoomForAnotherMatch: of twelve potential matches of a record ten
// are open; as they are withdrawn, the next take their places.
func TestWhoLeavesMakesRoomForAnotherMatch(t *testing.T) {
	h := newHub(t)
	evs, rng := []events.Envelope{namesake("x", 1, "male", "")}, rand.New(rand.NewPCG(1, 1))
	for i := range 12 {
		evs = append(evs, namesake(fmt.Sprintf("n%02d", i), 2+i, "female", fmt.Sprintf("%013d", rng.Int64N(1e13))))
	}
	h.append(t, evs...)
	for i := range 12 {
		if got, want := strings.Count(h.openPairs(t), "-x"), min(10, 12-i); got != want {
			t.Errorf("after %d withdrawals %d pairs are open, want %d", i, got, want)
		}
		h.append(t, withdrawn("/s", fmt.Sprintf("n%02d", i), 20+i))
	}
}
