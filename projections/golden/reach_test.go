package golden_test

import (
	"errors"
	"slices"
	"testing"

	"ficha/events"
	"ficha/projections/golden"
)

func TestReachIsThatOfTheGoldenRecord(t *testing.T) {
	var n serial
	snap := folded(t,
		n.recorded("1", at(0), `"phones":[{"value":"55123456","region":"GT"},{"value":"x1"}],"emails":[{"value":"Ana@Example.com"}],"addresses":[{"street":"Calle 1","country":"GT"}]`),
		n.recorded("2", at(1), `"phones":[{"value":"+50255123456"}],"handles":[{"handle":"ana","network":"telegram"}]`),
		n.recorded("3", at(2), `"names":[{"full":"Nadie"}]`),
		n.resolved(at(3), events.IdentityResolved{Cause: 3}, []string{"1", "2"}))
	for _, r := range []string{"1", "2", "3"} {
		c := get(t, snap, r)
		var want golden.Reached
		for _, p := range c.Phones {
			want.Phones = append(want.Phones, p.Value.Value)
		}
		for _, e := range c.Emails {
			want.Emails = append(want.Emails, e.Value.Value)
		}
		for _, h := range c.Handles {
			want.Handles = append(want.Handles, h.Value)
		}
		for _, a := range c.Addresses {
			want.Addresses = append(want.Addresses, a.Value)
		}
		got, err := golden.Reach(t.Context(), snap, id(r))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Phones, want.Phones) || !slices.Equal(got.Emails, want.Emails) || !slices.Equal(got.Handles, want.Handles) || len(got.Addresses) != len(want.Addresses) {
			t.Errorf("%s: got %+v, want %+v", r, got, want)
		}
		for i := range want.Addresses {
			if got.Addresses[i].Street != want.Addresses[i].Street {
				t.Errorf("%s: address %d: got %+v, want %+v", r, i, got.Addresses[i], want.Addresses[i])
			}
		}
	}
	if got, _ := golden.Reach(t.Context(), snap, id("1")); len(got.Phones) == 0 || len(got.Emails) != 1 || len(got.Handles) != 1 || len(got.Addresses) != 1 {
		t.Errorf("the group's reach is %+v", got)
	}
	if _, err := golden.Reach(t.Context(), snap, id("9")); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
}
