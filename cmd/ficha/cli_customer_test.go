package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
)

// stated is an event of a time that a test names.
func stated(id, source string, typ events.Type, at string, data any) events.Envelope {
	e := made(source, id, typ, data)
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	e.Time = when
	return e
}

// townspeople is what the shell's tests look at: a person whom two systems know,
// a company, two who share a telephone, calls, and a refusal.
func townspeople() []events.Envelope {
	const jan = "2026-01-10T09:00:00Z"
	key := func(source, id string) events.Record {
		return events.Record{RecordKey: events.RecordKey{Source: source, ID: id}}
	}
	call := func(id, at, direction, outcome string) events.Envelope {
		return stated(id, "/pbx", events.InteractionRecordedV1, at, events.InteractionRecorded{
			Record:   events.Record{RecordKey: events.RecordKey{Source: "/pbx", Stream: "call", ID: id}},
			Customer: &events.RecordKey{Source: "/crm/bank", ID: "1"}, Channel: "voice", Direction: direction, StartedAt: at,
			Purpose: "marketing", Product: "extra-financing", Outcome: outcome, Subject: "Oferta\nde crédito", Agent: &events.Agent{ID: "a17", Team: "sales"},
		})
	}
	person := func(id, source, record string, c events.CustomerRecorded) events.Envelope {
		c.Record, c.Kind = key(source, record), cmp.Or(c.Kind, events.Person)
		return stated(id, source, events.CustomerRecordedV1, jan, c)
	}
	return []events.Envelope{
		person("e1", "/crm/bank", "1", events.CustomerRecorded{
			Names: []events.Name{{Given: "María José", Family: "Núñez", Family2: "García"}}, BirthDate: "1980-02-11",
			Documents: []events.Document{{Kind: "dpi", Number: "2365487100101", Country: "GT"}},
			Phones:    []events.Phone{{Value: "+502 5512 3456", Use: "mobile"}}, Emails: []events.Email{{Value: "mj@example.com"}},
		}),
		person("e2", "/shop", "77", events.CustomerRecorded{
			Names: []events.Name{{Given: "Maria Jose", Family: "Nuñez", Family2: "Garcia"}}, BirthDate: "1980-02-11",
			Documents: []events.Document{{Kind: "dpi", Number: "2365 48710 0101", Country: "GT"}},
			Phones:    []events.Phone{{Value: "+502 5512 3456"}},
			Addresses: []events.Address{{Street: "12 avenida", Number: "7-31", Unit: "zona 11", Locality: "Guatemala", Country: "GT"}},
			Tags:      []string{"a", "b", "c", "d", "e", "f", "g"},
		}),
		person("e3", "/crm/bank", "2", events.CustomerRecorded{Kind: events.Organization, Names: []events.Name{{Full: "Distribuidora Larramendi S.A."}},
			Documents: []events.Document{{Kind: "nit", Number: "576937K", Country: "GT"}}}),
		person("e4", "/crm/bank", "3", events.CustomerRecorded{Names: []events.Name{{Given: "Otto", Family: "Xol"}}, Phones: []events.Phone{{Value: "+502 4444 1111"}}}),
		person("e5", "/crm/bank", "4", events.CustomerRecorded{Names: []events.Name{{Given: "Wendy", Family: "Zapeta"}}, Phones: []events.Phone{{Value: "+502 4444 1111"}}}),
		call("c1", "2026-02-01T15:00:00Z", "outbound", "not_interested"),
		call("c2", "2026-02-03T16:30:00Z", "inbound", ""),
		stated("s1", "/pbx", events.ContactStatedV1, "2026-02-01T15:05:00Z", events.ContactStated{
			Records: []events.RecordKey{{Source: "/crm/bank", ID: "1"}}, ContactPoints: []events.ContactPoint{{Phone: "+50255123456"}},
			Choice: events.Deny, Scope: events.Scope{Purposes: []string{"marketing"}, Products: []string{"extra-financing"}},
			StatedAt: "2026-02-01T15:05:00Z", Via: events.Via{Channel: "voice", Agent: "a17"}, Reason: "not interested",
		}),
	}
}

// shownCard is what an agent sees of the person, but for id and folio.
const shownCard = `María José Núñez García  (person, 2 source records)
ID

name      María José Núñez García                 /crm/bank:1  all agree
born      ····-··-··                              /crm/bank:1  all agree
document  DPI ····0101 (GT)                       /crm/bank:1  all agree
phone     +50255123456 (mobile)                   /crm/bank:1  all agree
email     mj@example.com                          /crm/bank:1  only one says so
address   12 avenida 7-31 zona 11, Guatemala, GT  /shop:77     only one says so
tag       a                                       /shop:77     only one says so
          b                                       /shop:77     only one says so
          c                                       /shop:77     only one says so
          d                                       /shop:77     only one says so
          e                                       /shop:77     only one says so
records   /crm/bank:1
          /shop:77

contact (to read; before contacting anybody, ask POST /v1/contact-checks)
  marketing may not use  email, whatsapp, sms, voice, letter, visit, fax
  refused: The customer asked not to be contacted like this.
           Somebody asked that this number or address not be used like this.
           since 2026-02-01; about marketing of extra-financing; stated to voice a17; because “not interested”; folio FOLIO
document numbers and birth dates are masked for your role
left out: 4 more; --all shows everything
`

// TestCustomerFromTheShell looks at customers as an agent does.
func TestCustomerFromTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, townspeople())
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])

	card := wantExit(t, exitOK, "", "customer", "show", "--phone", "5512 3456 ")
	id := regexp.MustCompile(`(?m)^[0-9a-f-]{36}$`).FindString(card)
	got := regexp.MustCompile(`folio [0-9A-Z]+`).ReplaceAllString(strings.Replace(card, id, "ID", 1), "folio FOLIO")
	if id == "" || got != shownCard {
		t.Fatalf("the card is\n%s\nwant\n%s", got, shownCard)
	}
	for _, who := range [][]string{{id}, {"--email", "MJ@example.com"}, {"--record", "/shop:77"}, {"--record", "/shop:customer:77"}, {"--document", "dpi:2365487100101:GT"}, {"--document", "2365487100101"}} {
		if got := wantExit(t, exitOK, "", append([]string{"customer", "show"}, who...)...); got != card {
			t.Errorf("show %v gives another card:\n%s", who, got)
		}
	}
	if o := objects(t, wantExit(t, exitOK, "", "customer", "show", id, "--json")); len(o) != 1 || o[0]["id"] != id {
		t.Errorf("show --json: %v", o)
	}
	wantExit(t, exitNotFound, "no customer has it", "customer", "show", "--phone", "+50211111111")
	wantExit(t, exitNotFound, "there is no such customer", "customer", "show", "nobody")
	checkSeveral(t)

	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])
	all := wantExit(t, exitOK, "", "customer", "show", id, "--all")
	for _, want := range []string{"1980-02-11", "DPI 2365487100101 (GT)", "· 1980-02-11", "          g  "} {
		if !strings.Contains(all, want) {
			t.Errorf("a steward's --all lacks %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "left out") || strings.Contains(all, "masked") {
		t.Errorf("--all says that something is left out:\n%s", all)
	}
	t.Setenv("FICHA_KEY", d.keys[apikey.Publisher])
	wantExit(t, exitError, "needs one of the roles agent", "customer", "show", id)
}

// publish sends events and waits until all is folded and matched.
func publish(t *testing.T, d *keyedHub, all []events.Envelope) {
	t.Helper()
	mustSubmit(t, &client.Client{BaseURL: d.url, Key: d.keys[apikey.Admin]}, all...)
	if err := d.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestOddCustomers shows what a card has to say beside values.
func TestOddCustomers(t *testing.T) {
	const id, old = "cdf7fcde-fb45-55f3-a383-1f70b1f14dda", "3106b57e-b9c1-554b-9699-2d2e57e03fea"
	for _, c := range []struct{ name, body, want string }{
		{"withdrawn", `{"id":"` + id + `","live":false,"display_name":"","records":[{"source":"/pbx","stream":"customer","id":"7","live":false}]}`,
			"no name  (1 source record)\n" + id + "\nwithdrawn: no source keeps a record of this customer any more\n\nrecords  /pbx:7  withdrawn\n\n" +
				"contact (to read; before contacting anybody, ask POST /v1/contact-checks)\n  no way to reach this customer is known\n"},
		{"merged away", `{"id":"` + id + `","redirected_from":"` + old + `","live":true,"kind":"person","display_name":"Ana","records":[]}`,
			"Ana  (person, 0 source records)\n" + id + "\nredirected from " + old + "\n"},
		{"potential matches", `{"id":"` + id + `","live":true,"display_name":"Ana","records":[],"potential_matches":[{"customer":"` + old + `","weight":7250,"levels":["name same","born same"]}]}`,
			"potential match  " + old + ", weight 7.2 bits (name same, born same)\n"},
		{"no JSON", `nothing`, ""},
	} {
		var w strings.Builder
		err := showCustomer(&w, []byte(c.body), false)
		if (err != nil) != (c.want == "") || !strings.Contains(w.String(), c.want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, w.String(), c.want)
		}
	}
}

// checkSeveral asks for a telephone that two customers share.
func checkSeveral(t *testing.T) {
	t.Helper()
	out := wantExit(t, exitConflict, "2 customers share it", "customer", "show", "--phone", "+50244441111")
	if !strings.Contains(out, "  Otto Xol\n") || !strings.Contains(out, "  Wendy Zapeta\n") {
		t.Errorf("the customers to choose among:\n%s", out)
	}
	if o := objects(t, wantExit(t, exitConflict, "", "customer", "timeline", "--phone", "+50244441111", "--json")); len(o) != 2 {
		t.Errorf("with --json: %v", o)
	}
}

// TestSearchAndTimelineFromTheShell finds customers and what was done with them.
func TestSearchAndTimelineFromTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, townspeople())
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])

	found := wantExit(t, exitOK, "", "customer", "search", "larramendi")
	if !regexp.MustCompile(`^ID +NAME +KIND +FOUND BY\n[0-9a-f-]{36}  Distribuidora Larramendi S.A.  organization  name\n$`).MatchString(found) {
		t.Errorf("search says\n%s", found)
	}
	if o := objects(t, wantExit(t, exitOK, "", "customer", "search", "garcia", "nunez", "--json")); len(o) != 1 || o[0]["found"] != "name" {
		t.Errorf("search --json says %v", o)
	}
	if out := wantExit(t, exitNotFound, "nobody found", "customer", "search", "00000000000", "--json"); out != "" {
		t.Errorf("nobody found, but printed %q", out)
	}

	const calls = "2026-02-03 16:30  ← voice  marketing extra-financing                  a17 (sales)  Oferta de crédito\n" +
		"2026-02-01 15:00  → voice  marketing extra-financing  not_interested  a17 (sales)  Oferta de crédito\n"
	if out := wantExit(t, exitOK, "", "customer", "timeline", "--record", "/shop:77"); out != calls {
		t.Errorf("timeline:\n%swant\n%s", out, calls)
	}
	first, _, _ := strings.Cut(calls, "\n")
	if out := wantExit(t, exitOK, "there is more", "customer", "timeline", "--record", "/shop:77", "--limit", "1"); words(out) != words(first) {
		t.Errorf("the first of the timeline: %q", out)
	}
	if o := objects(t, wantExit(t, exitOK, "", "customer", "timeline", "--record", "/shop:77", "--json", "--limit", "0")); len(o) != 2 || o[1]["direction"] != "outbound" {
		t.Errorf("timeline --json says %v", o)
	}
	wantExit(t, exitOK, "nothing yet", "customer", "timeline", "--record", "/crm/bank:3")
}

// TestNothingForgesTheScreen holds what sources write to not moving the cursor.
func TestNothingForgesTheScreen(t *testing.T) {
	for in, want := range map[string]string{
		"María José":              "María José",
		"a\x1b[2Jb":               "a [2Jb",
		"a\nrecords  /crm/bank:1": "a records  /crm/bank:1",
		"a\tb\r\u0085c\u007f":     "a b  c ",
		"abc\u202edef\u2066":      "abc def ",
		"نور\u200cالدین":          "نور\u200cالدین", // joiners belong to the letters
	} {
		if got := onScreen(in); got != want {
			t.Errorf("onScreen(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestScopeInWords says what a statement is about.
func TestScopeInWords(t *testing.T) {
	for _, c := range []struct {
		scope *events.Scope
		want  string
	}{
		{nil, "everything"},
		{&events.Scope{}, "everything"},
		{&events.Scope{Purposes: []string{"marketing", "survey"}}, "marketing or survey"},
		{&events.Scope{Channels: []string{"voice"}, Products: []string{"loan"}, Brands: []string{"b"}, Topics: []string{"news"}}, "of loan for brand b on news by voice"},
	} {
		if got := scopeText(c.scope); got != c.want {
			t.Errorf("scopeText(%+v) = %q, want %q", c.scope, got, c.want)
		}
	}
}

// TestValuesInWords writes names, addresses and documents in one line.
func TestValuesInWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{nameText(events.Name{Given: "Ana", Middle: "Luz", Family: "Ruiz", Family2: "Mora", Full: "Ana L. Ruiz"}), "Ana Luz Ruiz Mora"},
		{nameText(events.Name{Prefix: "Dr.", Full: "Ana Ruiz"}), "Dr. Ana Ruiz"},
		{addressText(events.Address{Lines: []string{"Box 7"}, Street: "Calle 1", Number: "2", PostalCode: "01001", Locality: "Mixco", Country: "GT"}), "Box 7, Calle 1 2, 01001 Mixco, GT"},
		{addressText(events.Address{}), ""},
		{documentText(events.Document{Kind: "dpi", Number: "1"}), "DPI 1"},
		{handleText(events.Handle{Handle: "@ana", Network: "x"}), "@ana (x)"},
		{shortKey(events.RecordKey{Source: "/a", Stream: "customer", ID: "1"}), "/a:1"},
		{shortKey(events.RecordKey{Source: "/a", Stream: "lead", ID: "1"}), "/a:lead:1"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	for _, key := range []events.RecordKey{{Source: "/a", ID: "1"}, {Source: "/a", Stream: "lead", ID: "x:y"}} {
		if back, err := recordIn(shortKey(key)); err != nil || fmt.Sprint(back) != fmt.Sprint(key) {
			t.Errorf("%v reads back as %v, %v", key, back, err)
		}
	}
}
