package golden_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"ficha/events"
	"ficha/projections/golden"
)

// grouped makes one customer of records 1, 2 … stated at hours 0, 1 ….
func grouped(t *testing.T, members ...string) golden.Customer {
	t.Helper()
	var n serial
	var evs []events.Envelope
	var all []string
	for i, m := range members {
		r := fmt.Sprint(i + 1)
		evs, all = append(evs, n.recorded(r, at(i), m)), append(all, r)
	}
	return get(t, folded(t, append(evs, n.resolved(at(50), events.IdentityResolved{}, all))...), "1")
}

func TestSingleValuesSurvive(t *testing.T) {
	birth := func(c golden.Customer) *golden.Value[string] { return c.BirthDate }
	tier := func(c golden.Customer) *golden.Value[string] { return c.Tier }
	gender := func(c golden.Customer) *golden.Value[string] { return c.Gender }
	for _, c := range []struct {
		name    string
		members []string
		field   func(golden.Customer) *golden.Value[string]
		value   string
		record  string
		rule    golden.Rule
		also    int
	}{
		{"only one states it", []string{`"tier":"a"`, ``}, tier, "a", "1", golden.RuleOnly, 0},
		{"all agree: credit goes to the latest", []string{`"tier":"a"`, `"tier":"a"`}, tier, "a", "2", golden.RuleAgreed, 1},
		{"the latest word on what changes", []string{`"tier":"a"`, `"tier":"a"`, `"tier":"b"`}, tier, "b", "3", golden.RuleRecent, 2},
		{"the fuller date", []string{`"birth_date":"1980-02-11"`, `"birth_date":"1980"`}, birth, "1980-02-11", "1", golden.RuleComplete, 1},
		{"a filler is no date", []string{`"birth_date":"1980"`, `"birth_date":"1900-01-01"`}, birth, "1980", "1", golden.RuleComplete, 1},
		{"the majority on what does not change", []string{`"birth_date":"1980-02-11"`, `"birth_date":"1980-02-11"`, `"birth_date":"1980-11-02"`}, birth, "1980-02-11", "2", golden.RuleFrequent, 2},
		{"the latest where none has a majority", []string{`"birth_date":"1980-02-11"`, `"birth_date":"1980-11-02"`}, birth, "1980-11-02", "2", golden.RuleRecent, 1},
		{"known over unknown", []string{`"gender":"female"`, `"gender":"unknown"`, `"gender":"unknown"`}, gender, "female", "1", golden.RuleComplete, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := c.field(grouped(t, c.members...))
			if v == nil || v.Value != c.value || v.Record != key(c.record) || v.Rule != c.rule || len(v.Also) != c.also {
				t.Errorf("got %+v", v)
			}
		})
	}
}

func TestTiesDoNotDependOnArrival(t *testing.T) {
	var n serial
	a, b := n.recorded("1", at(0), `"tier":"x"`), n.recorded("2", at(0), `"tier":"y"`)
	join := n.resolved(at(1), events.IdentityResolved{}, []string{"1", "2"})
	for _, evs := range [][]events.Envelope{{a, b, join}, {b, a, join}} {
		if v := get(t, folded(t, evs...), "1").Tier; v.Value != "x" || v.Rule != golden.RuleTie {
			t.Errorf("got %+v, want x by tie", v)
		}
	}
}

func TestNamesSurvive(t *testing.T) {
	c := grouped(t, `"names":[{"given":"María José","family":"Núñez","family2":"García"}]`, `"names":[{"full":"Pepa","use":"nickname"},{"given":"Maria Jose","family":"Nunez"}]`,
		`"names":[{"given":"MARÍA JOSÉ","family":"NÚÑEZ"}]`)
	var got []string
	for _, v := range c.Names {
		got = append(got, fmt.Sprintf("%s %s %s %d", golden.FullName(v.Value), v.Record.ID, v.Rule, len(v.Also)))
	}
	if want := "María José Núñez García 1 only 0|MARÍA JOSÉ NÚÑEZ 3 agreed 1|Pepa 2 only 0"; strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if c.DisplayName != "María José Núñez García" {
		t.Errorf("display name %q", c.DisplayName)
	}
}

func TestContactPointsAreUnions(t *testing.T) {
	c := grouped(t, `"phones":[{"value":"5512-3456","region":"GT","use":"home"},{"value":"123456"}],"emails":[{"value":"mj@gmail.com","verified":true}]`,
		`"phones":[{"value":"+502 5512 3456"},{"value":"+5215512345678"}],"emails":[{"value":"new@example.com"},{"value":"M.J@gmail.com"}]`)
	var phones []string
	for _, p := range c.Phones {
		phones = append(phones, fmt.Sprintf("%s(%s)%s/%s+%d", p.Value.Value, p.Raw, p.Record.ID, p.Rule, len(p.Also)))
	}
	if got, want := strings.Join(phones, " "), "+50255123456(+502 5512 3456)2/agreed+1 +5215512345678()2/only+0 123456()1/only+0"; got != want {
		t.Errorf("phones\n%s\n%s", got, want)
	}
	var emails []string
	for _, e := range c.Emails {
		emails = append(emails, fmt.Sprintf("%s/%v/%s", e.Value.Value, e.Verified, e.Rule))
	}
	if got, want := strings.Join(emails, " "), "mj@gmail.com/true/agreed new@example.com/false/only"; got != want {
		t.Errorf("emails %s, want %s", got, want)
	}
}

func TestAddressesMoveTogether(t *testing.T) {
	c := grouped(t, `"addresses":[{"street":"4a Avenida","number":"12-34","locality":"Guatemala"},{"locality":"Cobán"}]`, `"addresses":[{"lines":["somewhere"]}]`)
	if len(c.Addresses) != 2 || c.Addresses[0].Value.Street != "4a Avenida" || c.Addresses[1].Record != key("1") || c.Addresses[0].Rule != golden.RuleComplete || len(c.Addresses[0].Also) != 1 {
		t.Errorf("addresses %+v", c.Addresses)
	}
}

func TestDocumentsAreNormal(t *testing.T) {
	c := grouped(t, `"documents":[{"kind":"dpi","number":"2365 48710 0101","country":"GT"}]`, `"documents":[{"kind":"cui","number":"2365487100101"}]`)
	if len(c.Documents) != 1 || c.Documents[0].Value.Number != "2365487100101" || c.Documents[0].Rule != golden.RuleAgreed {
		t.Errorf("documents %+v", c.Documents)
	}
}

// The shape that callers build on.
func TestCustomerAsJSON(t *testing.T) {
	c := grouped(t, `"names":[{"given":"Ana"}],"birth_date":"1980-02-11","phones":[{"value":"+50255123456","use":"home"}],"vip":true,"attributes":{"plan":"x"}`)
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	const rec = `"record":{"source":"/crm","stream":"customer","id":"1"},"rule":"only","also":[]`
	want := `{"id":"` + id("1").String() + `","live":true,"kind":"person","display_name":"Ana","names":[{"value":{"given":"Ana"},` + rec + `}],` +
		`"birth_date":{"value":"1980-02-11",` + rec + `},"documents":[],"phones":[{"value":"+50255123456",` + rec + `,"use":"home"}],"emails":[],"addresses":[],"handles":[],` +
		`"vip":{"value":true,` + rec + `},"tags":[],"relations":[],"attributes":{"plan":{"value":"x",` + rec + `}},` +
		`"records":[{"source":"/crm","stream":"customer","id":"1","record_uuid":"` + id("1").String() + `","live":true,"first_seen":1}],"version":1,"position":1}`
	if string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}

func TestDisplayNameOfTheNameless(t *testing.T) {
	for want, members := range map[string]string{
		"Acme, S.A.":      `"organization":"Acme, S.A.","emails":[{"value":"a@example.com"}]`,
		"a@example.com":   `"emails":[{"value":"A@example.com"}],"phones":[{"value":"+50255123456"}]`,
		"+50255123456":    `"phones":[{"value":"+50255123456"}],"handles":[{"handle":"x","network":"x"}]`,
		"pepa":            `"handles":[{"handle":"pepa","network":"x"}]`,
		"":                `"tier":"x"`,
		"Full As Written": `"names":[{"full":"Full  As Written","prefix":"Dr"}]`,
	} {
		if got := grouped(t, members).DisplayName; got != want {
			t.Errorf("%s: display name %q, want %q", members, got, want)
		}
	}
}
