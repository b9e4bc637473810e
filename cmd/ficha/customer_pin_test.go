package main

import (
	"strings"
	"testing"

	"ficha/api/apikey"
)

// TestPinFromTheShell pins and unpins as a steward does.
func TestPinFromTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, townspeople())
	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])
	o := objects(t, wantExit(t, exitOK, "", "customer", "show", "--record", "/crm/bank:3", "--json"))
	id := o[0]["id"].(string)

	pin := func(args ...string) string {
		return wantExit(t, exitOK, "", append([]string{"customer", "pin", id}, args...)...)
	}
	if got := pin("birth_date", "1991-07-30", "--reason", "seen on the identity card"); !strings.HasPrefix(got, "pinned birth_date on /crm/bank:3, position ") {
		t.Errorf("pin says %q", got)
	}
	if o := objects(t, pin("names", `{"given":"Otto René","family":"Xol"}`, "--record", "/crm/bank:3", "--json")); len(o) != 1 || o[0]["attribute"] != "names" {
		t.Errorf("pin --json: %v", o)
	}
	pin("tier", "1") // text, although it reads as a number
	pin("vip", "true")
	if err := d.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	card := wantExit(t, exitOK, "", "customer", "show", id, "--all")
	for _, want := range []string{"Otto René Xol", "1991-07-30", "pinned by a steward"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	if got := wantExit(t, exitOK, "", "customer", "unpin", id, "birth_date"); !strings.HasPrefix(got, "unpinned birth_date on /crm/bank:3, position ") {
		t.Errorf("unpin says %q", got)
	}
	wantExit(t, exitNotFound, "no such pinned value", "customer", "unpin", id, "gender")
	wantExit(t, exitConflict, "changed by shell steward", "customer", "pin", id, "tier", "gold", "--if-match", `"1"`)
	wantExit(t, exitUsage, "value: is not a date", "customer", "pin", id, "birth_date", "yesterday")
	wantExit(t, exitUsage, "--record wants", "customer", "pin", id, "tier", "x", "--record", "nobody")
	wantExit(t, exitNotFound, "no such customer", "customer", "pin", "nobody", "tier", "x")
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])
	wantExit(t, exitError, "needs one of the roles steward", "customer", "pin", id, "tier", "x")
}
