package contact

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/projectionstest"
)

const (
	phoneA = "+50255123456"
	phoneB = "+50244123456"
	mailA  = "ana@example.com"
)

func deny(at int) said  { return said{choice: events.Deny, at: hour(at)} }
func allow(at int) said { return said{choice: events.Allow, at: hour(at)} }

func (s said) on(records ...string) said { s.records = records; return s }
func (s said) at2(points ...string) said { s.points = points; return s }
func (s said) about(x events.Scope) said { s.scope = x; return s }

func purposes(p ...string) events.Scope { return events.Scope{Purposes: p} }
func products(p ...string) events.Scope { return events.Scope{Products: p} }
func onChannels(c ...string) events.Scope {
	return events.Scope{Channels: c}
}

// loan is the question of most cases: may marketing ring this number about a loan?
var loan = Request{Who: Who{Phone: phoneA}, Channel: "voice", Purpose: "marketing", Product: "loan"}

func TestDecideFromStatements(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA, mailA)
	cases := []struct {
		name string
		said []said
		req  Request
		want []Code // that deny; none: allow
	}{
		{"nothing was stated", nil, loan, nil},
		{"deny of everything on the record", []said{deny(-5).on("1")}, loan, []Code{PersonDenied}},
		{"deny of everything on the number", []said{deny(-5).at2(phoneA)}, loan, []Code{ContactPointDenied}},
		{"on both, each judged apart", []said{deny(-5).on("1").at2(phoneA)}, loan, []Code{PersonDenied, ContactPointDenied}},
		{"deny on another number", []said{deny(-5).at2(phoneB)}, loan, nil},
		{"deny on another record", []said{deny(-5).on("2")}, loan, nil},
		{"deny of another product", []said{deny(-5).on("1").about(products("card"))}, loan, nil},
		{"deny of that product", []said{deny(-5).on("1").about(products("card", " LOAN "))}, loan, []Code{PersonDenied}},
		{"deny of another channel", []said{deny(-5).on("1").about(onChannels("email"))}, loan, nil},
		{"deny of a channel by another name", []said{deny(-5).on("1").about(onChannels("Teléfono"))}, loan, []Code{PersonDenied}},
		{"deny of a channel nobody knows means all", []said{deny(-5).on("1").about(onChannels("carrier pigeon"))}, loan, []Code{PersonDenied}},
		{"deny of another purpose", []said{deny(-5).on("1").about(purposes("collection"))}, loan, nil},
		{"deny of a purpose in Spanish", []said{deny(-5).on("1").about(purposes("Publicidad"))}, loan, []Code{PersonDenied}},
		{"deny of a purpose nobody knows means marketing", []said{deny(-5).on("1").about(purposes("cupones"))}, loan, []Code{PersonDenied}},
		{"deny of marketing meets its kinds", []said{deny(-5).on("1").about(purposes("marketing"))},
			Request{Who: loan.Who, Channel: "voice", Purpose: "newsletter"}, []Code{PersonDenied}},
		{"deny of the newsletter does not meet the loan", []said{deny(-5).on("1").about(purposes("newsletter"))}, loan, nil},
		{"deny of another brand", []said{deny(-5).on("1").about(events.Scope{Brands: []string{"acme"}})},
			Request{Who: loan.Who, Channel: "voice", Purpose: "marketing", Brand: "other"}, nil},
		{"what the request leaves out is met", []said{deny(-5).on("1").about(events.Scope{Brands: []string{"acme"}, Topics: []string{"x"}})}, loan, []Code{PersonDenied}},
		{"a request without channel is met", []said{deny(-5).on("1").about(onChannels("email"))},
			Request{Who: loan.Who, Purpose: "marketing"}, []Code{PersonDenied}},
		{"a request with a channel nobody knows is met", []said{deny(-5).on("1").about(onChannels("email"))},
			Request{Who: loan.Who, Channel: "smoke", Purpose: "marketing"}, []Code{PersonDenied}},

		{"later allow of the same lifts", []said{deny(-5).on("1").about(products("loan")), allow(-4).on("1").about(products("loan"))}, loan, nil},
		{"earlier allow does not", []said{deny(-5).on("1").about(products("loan")), allow(-6).on("1").about(products("loan"))}, loan, []Code{PersonDenied}},
		{"at the same time the deny wins", []said{deny(-5).on("1"), allow(-5).on("1")}, loan, []Code{PersonDenied}},
		{"a deny after the allow counts again", []said{deny(-5).on("1"), allow(-4).on("1"), deny(-3).on("1")}, loan, []Code{PersonDenied}},
		{"yes to the newsletter does not reopen the loan", []said{deny(-5).on("1").about(products("loan")), allow(-4).on("1").about(purposes("newsletter"))}, loan, []Code{PersonDenied}},
		{"nor does yes to marketing: it names no product", []said{deny(-5).on("1").about(products("loan")), allow(-4).on("1").about(purposes("marketing"))}, loan, []Code{PersonDenied}},
		{"nor an allow of everything", []said{deny(-5).on("1").about(products("loan")), allow(-4).on("1")}, loan, []Code{PersonDenied}},
		{"a deny of everything reopens for what the allow covers", []said{deny(-5).on("1"), allow(-4).on("1").about(products("loan"))}, loan, nil},
		{"and for nothing else", []said{deny(-5).on("1"), allow(-4).on("1").about(products("card"))}, loan, []Code{PersonDenied}},
		{"an allow of everything lifts a deny of everything", []said{deny(-5).on("1"), allow(-4).on("1")}, loan, nil},
		{"an allow of more in the same dimension lifts", []said{deny(-5).on("1").about(products("loan")), allow(-4).on("1").about(products("loan", "card"))}, loan, nil},
		{"an allow must cover every dimension", []said{deny(-5).on("1").about(products("loan")),
			allow(-4).on("1").about(events.Scope{Products: []string{"loan"}, Channels: []string{"email"}})}, loan, []Code{PersonDenied}},
		{"an allow for a product does not cover a request without one", []said{deny(-5).on("1"), allow(-4).on("1").about(products("loan"))},
			Request{Who: loan.Who, Channel: "voice", Purpose: "marketing"}, []Code{PersonDenied}},
		{"nor does an allow of marketing cover a request without a purpose", []said{deny(-5).on("1"), allow(-4).on("1").about(purposes("marketing"))},
			Request{Who: loan.Who, Channel: "voice"}, []Code{PersonDenied}},
		{"an allow of an unknown purpose covers nothing", []said{deny(-5).on("1"), allow(-4).on("1").about(purposes("coupons"))},
			Request{Who: loan.Who, Channel: "voice", Purpose: "coupons"}, []Code{PersonDenied, UnknownPurpose}},
		{"an allow on the number does not lift the person's deny", []said{deny(-5).on("1"), allow(-4).at2(phoneA)}, loan, []Code{PersonDenied}},
		{"an allow on the person does not lift the number's deny", []said{deny(-5).at2(phoneA), allow(-4).on("1")}, loan, []Code{ContactPointDenied}},
		{"an allow on both lifts both", []said{deny(-5).on("1").at2(phoneA), allow(-4).on("1").at2(phoneA)}, loan, nil},

		{"unknown purpose", nil, Request{Who: loan.Who, Channel: "voice", Purpose: "coupons"}, []Code{UnknownPurpose}},
		{"nobody found: the number alone", []said{deny(-5).at2(phoneB)}, Request{Who: Who{Phone: phoneB}, Channel: "voice", Purpose: "marketing"}, []Code{ContactPointDenied}},
		{"nobody found, nothing stated", nil, Request{Who: Who{Phone: phoneB}, Channel: "voice", Purpose: "marketing"}, nil},
		{"unknown customer and no number", nil, Request{Who: Who{CustomerID: key("99").UUID().String()}, Channel: "voice", Purpose: "marketing"}, []Code{UnknownCustomer}},
		{"no name at all", nil, Request{Channel: "voice", Purpose: "marketing"}, []Code{UnreadableWho}},
		{"a number that is none", nil, Request{Who: Who{Phone: "n/a"}, Channel: "voice", Purpose: "marketing"}, []Code{UnreadableWho}},
		{"a customer id that is none", nil, Request{Who: Who{CustomerID: "x", Phone: phoneA}, Channel: "voice", Purpose: "marketing"}, []Code{UnreadableWho}},

		{"asked by customer: his own number counts", []said{deny(-5).at2(phoneA)}, Request{Who: Who{CustomerID: key("1").UUID().String()}, Channel: "sms", Purpose: "marketing"}, []Code{ContactPointDenied}},
		{"his number does not count for e-mail", []said{deny(-5).at2(phoneA)}, Request{Who: Who{CustomerID: key("1").UUID().String()}, Channel: "email", Purpose: "marketing"}, nil},
		{"found by e-mail, to be rung: his number counts", []said{deny(-5).at2(phoneA)}, Request{Who: Who{Email: mailA}, Channel: "voice", Purpose: "marketing"}, []Code{ContactPointDenied}},
		{"the number named counts, his e-mail does not", []said{deny(-5).at2(mailA)}, loan, nil},
		{"by record", []said{deny(-5).on("1")}, Request{Who: Who{Record: &events.RecordKey{Source: "/crm/bank", ID: "1"}}, Channel: "email", Purpose: "marketing"}, []Code{PersonDenied}},

		{"service is denied by a deny of everything", []said{deny(-5).on("1")}, Request{Who: loan.Who, Channel: "voice", Purpose: "service"}, []Code{PersonDenied}},
		{"service is not denied by a deny of marketing", []said{deny(-5).on("1").about(purposes("marketing"))}, Request{Who: loan.Who, Channel: "voice", Purpose: "service"}, nil},
		{"an emergency is never silenced", []said{deny(-5).on("1").at2(phoneA)}, Request{Who: loan.Who, Channel: "voice", Purpose: "emergency"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ask(t, fold(t, statedEvents(t, c.said)...), one, c.req, noon)
			if codes := codesOf(got, EffectDeny); !slices.Equal(codes, c.want) && len(codes)+len(c.want) > 0 {
				t.Errorf("denied by %v, want %v", codes, c.want)
			}
			if (got.Decision == DecisionDeny) != (len(c.want) > 0) {
				t.Errorf("decision %s with reasons %v", got.Decision, got.Reasons)
			}
		})
	}
}

func TestEquivalentPoints(t *testing.T) {
	for _, c := range []struct {
		denied, asked string
		decision      Decision
	}{
		{"+5215512345678", "+525512345678", DecisionDeny},
		{"+541151234567", "+5491151234567", DecisionDeny},
		{"+551187654321", "+5511987654321", DecisionDeny},
		{"55123456", phoneA, DecisionDeny}, // a number that cannot be completed binds by its last eight digits
		{phoneA, "55123456", DecisionDeny},
		{phoneA, "+50355123456", DecisionAllow}, // both can be read: another country
		{"j.ana+shop@gmail.com", "jana@googlemail.com", DecisionDeny},
		{"jana@example.com", "j.ana@example.com", DecisionAllow},
	} {
		req := Request{Purpose: "marketing"}
		if point(c.asked).Kind == "email" {
			req.Who.Email = c.asked
		} else {
			req.Who.Phone = c.asked
		}
		if got := ask(t, fold(t, deny(-5).at2(c.denied).event(t, 0)), newWho(), req, noon); got.Decision != c.decision {
			t.Errorf("deny on %s, asked for %s: %s", c.denied, c.asked, got.Decision)
		}
	}
}

func TestAllowLiftsTheVerySameFormOnly(t *testing.T) {
	for _, c := range []struct {
		denied, allowed, asked string
		decision               Decision
	}{
		{"+5215512345678", "+5215512345678", "+5215512345678", DecisionAllow},
		{"+5215512345678", "+525512345678", "+525512345678", DecisionDeny},
		{"+5215512345678", "+5215512345678", "+525512345678", DecisionDeny},
		{"55123456", phoneA, phoneA, DecisionDeny},
	} {
		snap := fold(t, deny(-5).at2(c.denied).event(t, 0), allow(-4).at2(c.allowed).event(t, 1))
		req := Request{Who: Who{Phone: c.asked}, Channel: "voice", Purpose: "marketing"}
		if got := ask(t, snap, newWho(), req, noon); got.Decision != c.decision {
			t.Errorf("deny %s, allow %s, asked %s: %s", c.denied, c.allowed, c.asked, got.Decision)
		}
	}
}

func TestSharedPointGivesTheStrictestAnswer(t *testing.T) {
	family := newWho().group("1").group("2").holds("1", phoneA).holds("2", phoneA)
	got := ask(t, fold(t, deny(-5).on("2").event(t, 0)), family, loan, noon)
	if got.Decision != DecisionDeny || !slices.Contains(codesOf(got, EffectDeny), PersonDenied) || !slices.Contains(codesOf(got, EffectNote), SharedContactPoint) {
		t.Errorf("got %s %v", got.Decision, got.Reasons)
	}
	if len(got.CustomerIDs) != 2 {
		t.Errorf("customers %v, want both", got.CustomerIDs)
	}
	got = ask(t, fold(t), family, loan, noon)
	if got.Decision != DecisionAllow || !slices.Contains(codesOf(got, EffectNote), SharedContactPoint) {
		t.Errorf("nothing stated: %s %v", got.Decision, got.Reasons)
	}
}

func TestPointOfTooManyHoldersIsDenied(t *testing.T) {
	crowd := newWho()
	for i := range maxHolders + 1 {
		crowd.group(fmt.Sprint(i)).holds(fmt.Sprint(i), phoneA)
	}
	got := ask(t, fold(t), crowd, loan, noon)
	if got.Decision != DecisionDeny || !slices.Equal(codesOf(got, EffectDeny), []Code{SharedContactPoint}) {
		t.Errorf("got %s %v", got.Decision, got.Reasons)
	}
}

func TestStatementsOnAPointBeyondTheInlineRow(t *testing.T) {
	var list []said
	for i := range inline + 40 {
		list = append(list, deny(-200+i).at2(phoneA).about(products(fmt.Sprint("p", i))))
	}
	snap := fold(t, statedEvents(t, list)...)
	for i := range list {
		req := Request{Who: Who{Phone: phoneA}, Channel: "voice", Purpose: "marketing", Product: fmt.Sprint("p", i)}
		if got := ask(t, snap, newWho(), req, noon); got.Decision != DecisionDeny || len(got.Reasons) != 1 {
			t.Fatalf("product %d: %s with %d reasons", i, got.Decision, len(got.Reasons))
		}
	}
	if got := ask(t, snap, newWho(), loan, noon); got.Decision != DecisionAllow {
		t.Errorf("loan: %s", got.Decision)
	}
}

func TestMembersAndLinkedRecords(t *testing.T) {
	// The first deny has position 1, the second 2.
	d := []said{deny(-5).on("1"), deny(-4).on("1").about(products("loan"))}
	ask1 := Request{Who: Who{Record: &events.RecordKey{Source: "/crm/bank", ID: "2"}}, Channel: "voice", Purpose: "marketing", Product: "loan"}
	for _, c := range []struct {
		name  string
		ident *who
		said  []said
		want  []Code
	}{
		{"records of one customer", newWho().group("1", "2"), d[:1], []Code{PersonDenied}},
		{"records of two customers", newWho().group("1").group("2"), d[:1], nil},
		{"parted after the deny: it still binds", newWho().group("1").group("2").parted("1", "2", 2), d[:1], []Code{PersonDenied, StatedOnLinkedRecord}},
		{"parted before the deny", newWho().group("1").group("2").parted("1", "2", 1), d[:1], nil},
		{"parted between two denies: only the first binds", newWho().group("1").group("2").parted("1", "2", 2), d, []Code{PersonDenied, StatedOnLinkedRecord}},
		{"together again", newWho().group("1", "2").parted("1", "2", 1), d[:1], []Code{PersonDenied}},
		{"a yes on the other record lifts nothing", newWho().group("1", "2"), []said{d[0], allow(-3).on("2")}, []Code{PersonDenied}},
		{"a yes on the linked record itself lifts", newWho().group("1").group("2").parted("1", "2", 2), []said{d[0], allow(-3).on("1")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask(t, fold(t, statedEvents(t, c.said)...), c.ident, ask1, noon)
			if codes := codesOf(got, EffectDeny); !slices.Equal(codes, c.want) && len(codes)+len(c.want) > 0 {
				t.Errorf("denied by %v, want %v", codes, c.want)
			}
			if c.name == "a yes on the other record lifts nothing" && !slices.Contains(codesOf(got, EffectNote), StatedOnLinkedRecord) {
				t.Errorf("the idle yes is not noted: %v", got.Reasons)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	window := said{choice: events.Deny, at: hour(-5), from: hour(1), until: hour(3), records: []string{"1"}}
	one := newWho().group("1").holds("1", phoneA)
	for _, c := range []struct {
		name    string
		said    []said
		at      time.Time
		knownAt time.Time
		want    Decision
	}{
		{"before it is effective", []said{window}, hour(0), time.Time{}, DecisionAllow},
		{"from its first moment", []said{window}, hour(1), time.Time{}, DecisionDeny},
		{"until its last", []said{window}, hour(3).Add(-1), time.Time{}, DecisionDeny},
		{"not at its end", []said{window}, hour(3), time.Time{}, DecisionAllow},
		{"a time before now is now: clocks are slow and zones are wrong", []said{deny(-1).on("1")}, hour(-6), time.Time{}, DecisionDeny},
		{"as known before it was stated", []said{deny(-2).on("1")}, hour(-3), hour(-3), DecisionAllow},
		{"as known after it was stated", []said{deny(-2).on("1")}, hour(-1), hour(-1), DecisionDeny},
		{"a deny that arrived later was not known", []said{{choice: events.Deny, at: hour(-5), recorded: hour(-1), records: []string{"1"}}}, hour(-2), hour(-2), DecisionAllow},
		{"an allow that has ended lifts no more", []said{deny(-5).on("1"), {choice: events.Allow, at: hour(-4), until: hour(-1), records: []string{"1"}}}, hour(0), time.Time{}, DecisionDeny},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := loan
			req.At, req.KnownAt = c.at, c.knownAt
			got := ask(t, fold(t, statedEvents(t, c.said)...), one, req, noon)
			if got.Decision != c.want {
				t.Errorf("got %s %v, want %s", got.Decision, got.Reasons, c.want)
			}
			if !c.knownAt.IsZero() && got.ValidUntil.After(noon) {
				t.Errorf("an answer about the past is valid until %v", got.ValidUntil)
			}
		})
	}
}

func TestStatedAfterRecordedCountsAsRecorded(t *testing.T) {
	// The allow claims to be later than the deny, but the log had it before.
	snap := fold(t, said{choice: events.Allow, at: hour(5), from: hour(-4), recorded: hour(-3), records: []string{"1"}}.event(t, 0),
		said{choice: events.Deny, at: hour(-2), recorded: hour(-2), records: []string{"1"}}.event(t, 1))
	if got := ask(t, snap, newWho().group("1").holds("1", phoneA), loan, noon); got.Decision != DecisionDeny {
		t.Errorf("got %s", got.Decision)
	}
}

func TestNextAllowedAndValidity(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA)
	ends := func(d said, h int) said { d.until = hour(h); return d }
	for _, c := range []struct {
		name string
		said []said
		want time.Time
	}{
		{"one deny that ends", []said{ends(deny(-5).on("1"), 10)}, hour(10)},
		{"the last of two", []said{ends(deny(-5).on("1"), 10), ends(deny(-5).at2(phoneA), 7)}, hour(10)},
		{"one without end", []said{ends(deny(-5).on("1"), 10), deny(-5).at2(phoneA)}, time.Time{}},
		{"a deny to come reaches further", []said{ends(deny(-5).on("1"), 10),
			{choice: events.Deny, at: hour(-4), from: hour(9), until: hour(20), records: []string{"1"}}}, hour(20)},
	} {
		got := ask(t, fold(t, statedEvents(t, c.said)...), one, loan, noon)
		if c.want.IsZero() != (got.NextAllowedAt == nil) || got.NextAllowedAt != nil && !got.NextAllowedAt.Equal(c.want) {
			t.Errorf("%s: next allowed %v, want %v", c.name, got.NextAllowedAt, c.want)
		}
	}
	if got := ask(t, fold(t), one, loan, noon); !got.ValidUntil.Equal(noon.Add(Validity)) || got.NextAllowedAt != nil {
		t.Errorf("an allow is valid until %v", got.ValidUntil)
	}
	soon := said{choice: events.Deny, at: hour(-5), from: noon.Add(20 * time.Second), records: []string{"1"}}
	if got := ask(t, fold(t, soon.event(t, 0)), one, loan, noon); got.Decision != DecisionAllow || !got.ValidUntil.Equal(soon.from) {
		t.Errorf("with a deny in 20 seconds: %s valid until %v", got.Decision, got.ValidUntil)
	}
}

func TestAlternatives(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA, mailA)
	for _, c := range []struct {
		name string
		said []said
		req  Request
		want []string
	}{
		{"voice only", []said{deny(-5).on("1").about(onChannels("voice"))}, loan, []string{"email", "whatsapp", "sms", "fax"}},
		{"the number altogether", []said{deny(-5).at2(phoneA)}, loan, []string{"email"}},
		{"the number, and the e-mail too", []said{deny(-5).at2(phoneA), deny(-5).at2(mailA)}, loan, []string{}},
		{"everything", []said{deny(-5).on("1")}, loan, []string{}},
		{"another product by e-mail", []said{deny(-5).at2(phoneA), deny(-5).at2(mailA).about(products("card"))}, loan, []string{"email"}},
		{"allowed: none needed", nil, loan, []string{}},
		{"nobody found: only what the number serves", []said{deny(-5).at2(phoneB).about(onChannels("voice"))},
			Request{Who: Who{Phone: phoneB}, Channel: "voice", Purpose: "marketing"}, []string{"whatsapp", "sms", "fax"}},
	} {
		if got := ask(t, fold(t, statedEvents(t, c.said)...), one, c.req, noon); !slices.Equal(got.Alternatives, c.want) {
			t.Errorf("%s: alternatives %v, want %v", c.name, got.Alternatives, c.want)
		}
	}
}

func restricted(t *testing.T, id, record, kind string, at int, until time.Time) events.Envelope {
	t.Helper()
	in := events.CustomerRestricted{Record: events.Record{RecordKey: key(record)}, Restriction: kind}
	if !until.IsZero() {
		in.Until = stamp(until)
	}
	return envelope(t, events.CustomerRestrictedV1, "", id, hour(at), time.Time{}, in)
}

func TestRestrictions(t *testing.T) {
	one := newWho().group("1", "2").holds("1", phoneA)
	for _, c := range []struct {
		name string
		evs  []events.Envelope
		want []Code
	}{
		{"blocked on any record", []events.Envelope{restricted(t, "r1", "2", "blocked", -5, time.Time{})}, []Code{Restricted}},
		{"deceased", []events.Envelope{restricted(t, "r1", "1", "deceased", -5, time.Time{})}, []Code{Deceased}},
		{"ended", []events.Envelope{restricted(t, "r1", "1", "blocked", -5, hour(-1))}, nil},
		{"ended by a later word", []events.Envelope{restricted(t, "r1", "1", "blocked", -5, time.Time{}), restricted(t, "r2", "1", "blocked", -4, hour(-3))}, nil},
		{"the later word counts, whichever came last", []events.Envelope{restricted(t, "r2", "1", "blocked", -4, hour(-3)), restricted(t, "r1", "1", "blocked", -5, time.Time{})}, nil},
		{"another kind stays", []events.Envelope{restricted(t, "r1", "1", "legal_hold", -5, time.Time{}), restricted(t, "r2", "1", "blocked", -4, hour(-3))}, []Code{Restricted}},
	} {
		got := ask(t, fold(t, c.evs...), one, loan, noon)
		if codes := codesOf(got, EffectDeny); !slices.Equal(codes, c.want) && len(codes)+len(c.want) > 0 {
			t.Errorf("%s: denied by %v, want %v", c.name, codes, c.want)
		}
	}
	late := newWho().group("1").group("2").holds("1", phoneA).parted("1", "2", 1)
	if got := ask(t, fold(t, restricted(t, "r1", "2", "blocked", -5, time.Time{})), late, loan, noon); got.Decision != DecisionAllow {
		t.Errorf("restricted after they were parted: %v", got.Reasons)
	}
	parted := newWho().group("1").group("2").holds("1", phoneA).parted("1", "2", 2)
	got := ask(t, fold(t, restricted(t, "r1", "2", "blocked", -5, time.Time{})), parted, loan, noon)
	if codes := codesOf(got, EffectDeny); !slices.Equal(codes, []Code{StatedOnLinkedRecord, Restricted}) {
		t.Errorf("restricted while grouped: denied by %v", codes)
	}
}

func provisional(of string, at int) said {
	return said{choice: events.Deny, at: hour(at), id: "prov-" + of, source: events.HubSource + "/gateway", records: []string{"1"},
		ext: &events.StatementExt{Unconfirmed: true, Of: &events.EventID{Source: "/crm/bank", ID: of}, Problem: "/scope: unknown field"}}
}

func TestProvisionalDenyUntilItsValidForm(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA)
	prov := provisional("x7", -5).event(t, 0)
	got := ask(t, fold(t, prov), one, loan, noon)
	if !slices.Equal(codesOf(got, EffectDeny), []Code{UnconfirmedStatement}) {
		t.Fatalf("alone: %v", got.Reasons)
	}
	valid := said{choice: events.Deny, at: hour(-5), id: "x7", records: []string{"1"}, scope: products("card")}.event(t, 0)
	for _, evs := range [][]events.Envelope{{prov, valid}, {valid, prov}} {
		if got := ask(t, fold(t, evs...), one, loan, noon); got.Decision != DecisionAllow {
			t.Errorf("replaced by a deny of the card: %s %v", got.Decision, got.Reasons)
		}
	}
	withdrawn := envelope(t, events.ContactStatementWithdrawnV1, "", "w", hour(-1), time.Time{},
		events.ContactStatementWithdrawn{Statement: events.StatementID(prov.Source, prov.ID)})
	if got := ask(t, fold(t, prov, withdrawn), one, loan, noon); got.Decision != DecisionAllow {
		t.Errorf("withdrawn: %s", got.Decision)
	}
	// Another provisional deny is no valid form.
	chain := provisional("prov-x7", -5)
	chain.ext.Of.Source = events.HubSource + "/gateway"
	if got := ask(t, fold(t, prov, chain.event(t, 1)), one, loan, noon); len(statementsOf(got, UnconfirmedStatement)) != 2 {
		t.Errorf("two provisional denies: %v", got.Reasons)
	}
	// From anybody else the note means nothing.
	s := provisional("x7", -5)
	s.source = "/crm/bank"
	if got := ask(t, fold(t, s.event(t, 0), valid), one, loan, noon); !slices.Equal(codesOf(got, EffectDeny), []Code{PersonDenied}) {
		t.Errorf("from a publisher: %v", got.Reasons)
	}
}

func TestWithdrawalBeforeOrAfterItsStatement(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA)
	d := deny(-5).on("1").event(t, 0)
	folio := events.StatementID(d.Source, d.ID)
	withdraw := func(id, by string, at int) events.Envelope {
		return envelope(t, events.ContactStatementWithdrawnV1, "", id, hour(at), time.Time{}, events.ContactStatementWithdrawn{Statement: folio, By: by})
	}
	first, second := withdraw("w1", "a17", -4), withdraw("w2", "a18", -3)
	for _, evs := range [][]events.Envelope{{d, first, second}, {first, second, d}, {second, d, first}} {
		snap := fold(t, evs...)
		if got := ask(t, snap, one, loan, noon); got.Decision != DecisionAllow {
			t.Errorf("got %s", got.Decision)
		}
		v, err := FindStatement(t.Context(), snap, " "+folio[:4]+"-"+folio[4:], noon)
		if err != nil || v.Status != StatusWithdrawn || v.Withdrawn.By != "a17" {
			t.Errorf("statement: %+v, %v", v, err)
		}
	}
}

func TestApplyRefusesWhatWouldWidenAnAllow(t *testing.T) {
	raw := func(id, data string) events.Envelope {
		e := deny(-1).on("1").event(t, 0)
		e.ID, e.Data = id, []byte(data)
		return e
	}
	_, refused := projectionstest.TryFold(t, projectionstest.NewMemory(), []projections.Fold{NewFold()},
		raw("a", `{"choice":"allow","records":[{"source":"s","id":"1"}],"stated_at":"2026-03-02T09:00:00Z","until":"soon"}`),
		raw("b", `{"choice":"allow","records":[{"source":"s","id":"1"}],"stated_at":"2026-03-02T09:00:00Z","scope":{"products":["  "]}}`),
		raw("c", `{"choice":"deny","contact_points":[{"phone":"n/a"}],"stated_at":"2026-03-02T09:00:00Z"}`),
		raw("d", `{"choice":"perhaps","records":[{"source":"s","id":"1"}],"stated_at":"2026-03-02T09:00:00Z"}`),
		raw("e", `{"choice":"deny","records":[{"source":"s","id":"1"}],"stated_at":"yesterday","until":"soon","scope":{"products":[" "]}}`),
	)
	var indexes []int
	for _, r := range refused {
		indexes = append(indexes, r.Index)
	}
	if !slices.Equal(indexes, []int{0, 1, 2, 3}) {
		t.Errorf("refused %v, want the allows, the deny of nobody and the odd choice, not the readable deny", indexes)
	}
}

func TestObligatoryPurposeKeepsTheReasonsAsNotes(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA)
	req := loan
	req.Purpose = "statutory notice"
	got := ask(t, fold(t, deny(-5).on("1").event(t, 0)), one, req, noon)
	if notes := codesOf(got, EffectNote); !slices.Equal(notes, []Code{PersonDenied, ObligatoryPurpose}) {
		t.Errorf("notes %v", notes)
	}
}

func TestReasonSaysWhenWhereAndToWhom(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA)
	d := deny(-5).on("1").about(products("loan")).event(t, 0)
	got := ask(t, fold(t, d), one, loan, noon)
	if len(got.Reasons) != 1 {
		t.Fatalf("reasons %v", got.Reasons)
	}
	r := got.Reasons[0]
	if r.Statement != events.StatementID(d.Source, d.ID) || !r.Since.Equal(hour(-5)) || r.Via == nil || r.Via.Agent != "a17" ||
		r.Why != "not interested" || !slices.Equal(r.Scope.Products, []string{"loan"}) {
		t.Errorf("reason %+v", r)
	}
}
