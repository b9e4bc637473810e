package contact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/projectionstest"
)

// history is a random past: who is who, and what was said.
type history struct {
	ident     *who
	said      []said
	withdrawn map[int]bool // by index into said
}

var (
	someRecords  = []string{"1", "2", "3", "4"}
	somePoints   = []string{"+525512345678", "+5215512345678", "12345678", "+50255123456", "ana@example.com", "a.na+x@gmail.com"}
	someChannels = []string{"voice", "sms", "email", "pigeon"}
	somePurposes = []string{"marketing", "newsletter", "service", "cupones", "emergency"}
	someProducts = []string{"loan", "card"}
)

func drawHistory(t *rapid.T) history {
	h := history{ident: newWho(), withdrawn: map[int]bool{}}
	groups := rapid.SampledFrom([][][]string{{{"1"}, {"2"}, {"3"}}, {{"1", "2"}, {"3"}}, {{"1", "2", "3"}}, {{"1", "3"}, {"2"}}}).Draw(t, "groups")
	for _, g := range groups {
		h.ident.group(g...)
	}
	for range rapid.IntRange(0, 2).Draw(t, "partings") {
		a, b := rapid.SampledFrom(someRecords[:3]).Draw(t, "a"), rapid.SampledFrom(someRecords).Draw(t, "b")
		if a != b {
			h.ident.parted(a, b, events.Position(rapid.IntRange(1, 8).Draw(t, "until")))
		}
	}
	for _, r := range someRecords[:3] {
		h.ident.holds(r, rapid.SliceOfNDistinct(rapid.SampledFrom(somePoints), 0, 2, rapid.ID).Draw(t, "holds"+r)...)
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "statements") {
		h.said = append(h.said, drawSaid(t, "s"))
		if rapid.IntRange(0, 9).Draw(t, "withdrawn") == 0 {
			h.withdrawn[i] = true
		}
	}
	return h
}

func drawSaid(t *rapid.T, name string) said {
	some := func(from []string, label string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID).Draw(t, name+label)
	}
	s := said{choice: rapid.SampledFrom([]events.Choice{events.Deny, events.Allow}).Draw(t, name+"choice"),
		at:      hour(-rapid.IntRange(1, 4).Draw(t, name+"at")),
		records: some(someRecords, "records"), points: some(somePoints, "points"),
		scope: events.Scope{Channels: some(someChannels, "channels"), Purposes: some(somePurposes, "purposes"), Products: some(someProducts, "products")}}
	if len(s.records)+len(s.points) == 0 {
		s.records = []string{"1"}
	}
	if rapid.IntRange(0, 3).Draw(t, name+"window") == 0 {
		s.from = hour(rapid.IntRange(-3, 2).Draw(t, name+"from"))
		s.until = s.from.Add(time.Duration(rapid.IntRange(1, 6).Draw(t, name+"length")) * time.Hour)
	}
	return s
}

func drawRequest(t *rapid.T) Request {
	maybe := func(from []string, label string) string {
		return rapid.SampledFrom(append([]string{""}, from...)).Draw(t, label)
	}
	req := Request{Channel: maybe(someChannels, "channel"), Purpose: maybe(somePurposes, "purpose"), Product: maybe(someProducts, "product")}
	switch rapid.IntRange(0, 3).Draw(t, "who") {
	case 0:
		req.Who.CustomerID = key(rapid.SampledFrom(someRecords).Draw(t, "id")).UUID().String()
	case 1:
		req.Who.Phone = rapid.SampledFrom(somePoints[:4]).Draw(t, "phone")
	case 2:
		req.Who.Email = rapid.SampledFrom(somePoints[4:]).Draw(t, "email")
	case 3:
		k := key(rapid.SampledFrom(someRecords).Draw(t, "record"))
		req.Who.Record, req.Who.Phone = &k, somePoints[3]
	}
	if rapid.Bool().Draw(t, "later") {
		req.At = hour(rapid.IntRange(0, 5).Draw(t, "at"))
	}
	return req
}

func (h *history) events(t testing.TB) []events.Envelope {
	evs := statedEvents(t, h.said)
	for i := range h.said {
		if h.withdrawn[i] {
			evs = append(evs, envelope(t, events.ContactStatementWithdrawnV1, "", fmt.Sprint("w", i), hour(0), time.Time{},
				events.ContactStatementWithdrawn{Statement: events.StatementID("/crm/bank", fmt.Sprint("s", i))}))
		}
	}
	return evs
}

// oracle answers by the words of the rules, slowly: over everything ever said,
// without rows, masks or indexes. It gives the folios that deny.
type oracle struct {
	h   *history
	req Request
	at  time.Time
}

func (o oracle) denying() []string {
	found := map[string]bool{}
	for i, d := range o.h.said {
		if d.choice != events.Deny || !o.valid(i) || !o.denyIsAbout(d) {
			continue
		}
		for _, how := range o.ways(i) {
			lifted := false
			for k, a := range o.h.said {
				if a.choice == events.Allow && o.valid(k) && a.at.After(d.at) && o.allowCovers(a) && namesAll(a, d) &&
					slices.Contains(o.exactWays(k), how.exact) && how.exact != "" {
					lifted = true
				}
			}
			if !lifted {
				found[events.StatementID("/crm/bank", fmt.Sprint("s", i))] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (o oracle) valid(i int) bool {
	s := o.h.said[i]
	from := s.at
	if !s.from.IsZero() {
		from = s.from
	}
	return !o.h.withdrawn[i] && !from.After(o.at) && (s.until.IsZero() || s.until.After(o.at))
}

// way is how a statement reaches the request; exact names what an allow must be
// about to lift it, "" where no allow can.
type way struct{ exact string }

func (o oracle) ways(i int) []way {
	var ws []way
	s := o.h.said[i]
	for _, r := range s.records {
		if o.person(r, events.Position(i+1)) {
			ws = append(ws, way{"record " + r})
		}
	}
	for _, q := range o.pointsThatMatter() {
		for _, p := range s.points {
			if !sameNumber(point(p), q) {
				continue
			}
			if slices.ContainsFunc(s.points, func(x string) bool { return point(x) == q }) {
				ws = append(ws, way{"point " + q.Key()})
			} else {
				ws = append(ws, way{})
			}
		}
	}
	return ws
}

func (o oracle) exactWays(k int) []string {
	var out []string
	for _, r := range o.h.said[k].records {
		out = append(out, "record "+r)
	}
	for _, p := range o.h.said[k].points {
		out = append(out, "point "+point(p).Key())
	}
	return out
}

func sameNumber(a, b contactpoint.Point) bool {
	if a.Class() == b.Class() {
		return true
	}
	return (!a.Readable || !b.Readable) && a.Tail() != "" && a.Tail() == b.Tail()
}

func (o oracle) asked() []contactpoint.Point {
	var ps []contactpoint.Point
	for _, s := range []string{o.req.Who.Phone, o.req.Who.Email} {
		if s != "" {
			ps = append(ps, point(s))
		}
	}
	return ps
}

func (o oracle) customers() map[uuid.UUID]bool {
	found := map[uuid.UUID]bool{}
	add := func(id uuid.UUID) {
		if g, ok := o.h.ident.customer[id]; ok {
			found[g] = true
		}
	}
	if o.req.Who.CustomerID != "" {
		add(uuid.MustParse(o.req.Who.CustomerID))
	}
	if o.req.Who.Record != nil {
		add(o.req.Who.Record.UUID())
	}
	for _, q := range o.asked() {
		for id, ps := range o.h.ident.points {
			if slices.ContainsFunc(ps, func(p contactpoint.Point) bool { return sameNumber(p, q) }) {
				add(id)
			}
		}
	}
	return found
}

// person: the record is one of the customer's, or was grouped with one after the
// statement at the position.
func (o oracle) person(record string, stated events.Position) bool {
	id := key(record).UUID()
	mine := map[uuid.UUID]bool{}
	for r, g := range o.h.ident.customer {
		if o.customers()[g] {
			mine[r] = true
		}
	}
	if o.req.Who.Record != nil {
		mine[o.req.Who.Record.UUID()] = true
	}
	if mine[id] {
		return true
	}
	for m := range mine {
		for _, c := range o.h.ident.companions[m] {
			if c.Record == id && stated < c.Until {
				return true
			}
		}
	}
	return false
}

func (o oracle) pointsThatMatter() []contactpoint.Point {
	asked := o.asked()
	use := func(p contactpoint.Point) bool {
		switch o.req.Channel {
		case "voice", "sms":
			return p.Kind == contactpoint.KindPhone
		case "email":
			return p.Kind == contactpoint.KindEmail
		}
		return true
	}
	if slices.ContainsFunc(asked, use) {
		return asked
	}
	for id, ps := range o.h.ident.points {
		if o.customers()[o.h.ident.customer[id]] {
			for _, p := range ps {
				if use(p) {
					asked = append(asked, p)
				}
			}
		}
	}
	return asked
}

func (o oracle) denyIsAbout(d said) bool {
	knownChannel := o.req.Channel != "" && o.req.Channel != "pigeon"
	channel := len(d.scope.Channels) == 0 || !knownChannel || slices.Contains(d.scope.Channels, o.req.Channel) || slices.Contains(d.scope.Channels, "pigeon")
	purpose := len(d.scope.Purposes) == 0 || o.req.Purpose == "" || slices.Contains(d.scope.Purposes, o.req.Purpose)
	if o.req.Purpose == "newsletter" || o.req.Purpose == "cupones" || o.req.Purpose == "marketing" {
		purpose = purpose || slices.Contains(d.scope.Purposes, "marketing") || slices.Contains(d.scope.Purposes, "cupones")
	}
	product := len(d.scope.Products) == 0 || o.req.Product == "" || slices.Contains(d.scope.Products, o.req.Product)
	return channel && purpose && product
}

func (o oracle) allowCovers(a said) bool {
	in := func(list []string, code string) bool {
		return len(list) == 0 || code != "" && code != "pigeon" && code != "cupones" && slices.Contains(list, code)
	}
	purpose := in(a.scope.Purposes, o.req.Purpose) || o.req.Purpose == "newsletter" && slices.Contains(a.scope.Purposes, "marketing")
	return in(a.scope.Channels, o.req.Channel) && purpose && in(a.scope.Products, o.req.Product)
}

func namesAll(a, d said) bool {
	return (len(d.scope.Channels) == 0 || len(a.scope.Channels) > 0) && (len(d.scope.Purposes) == 0 || len(a.scope.Purposes) > 0) &&
		(len(d.scope.Products) == 0 || len(a.scope.Products) > 0)
}

func statementsOf(a Answer, codes ...Code) []string {
	found := map[string]bool{}
	for _, r := range a.Reasons {
		if r.Statement != "" && slices.Contains(codes, r.Code) {
			found[r.Statement] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestDecideAgreesWithOracle(t *testing.T) {
	denials, allows := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		h, req := drawHistory(rt), drawRequest(rt)
		got := ask(t, fold(t, h.events(t)...), h.ident, req, noon)
		at := req.At
		if at.IsZero() {
			at = noon
		}
		want := oracle{h: &h, req: req, at: at}.denying()
		if have := statementsOf(got, PersonDenied, ContactPointDenied); !slices.Equal(have, want) {
			rt.Fatalf("statements that deny: %v, oracle %v", have, want)
		}
		unknown := req.Who.CustomerID == key("4").UUID().String()
		denied := (len(want) > 0 || unknown || req.Purpose == "cupones") && req.Purpose != "emergency"
		if denied != (got.Decision == DecisionDeny) {
			rt.Fatalf("decision %s, oracle denies: %v (%v)", got.Decision, denied, got.Reasons)
		}
		if denied {
			denials++
		} else {
			allows++
		}
	})
	if least := enough(10); denials < least || allows < least {
		t.Errorf("%d denials and %d allows: the histories say too little", denials, allows)
	}
}

func TestAddingADenyNeverAllows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h, req := drawHistory(rt), drawRequest(rt)
		evs := h.events(t)
		for i := range rapid.IntRange(0, 3).Draw(rt, "confirmations") { // of what was said, and of what will be
			evs = append(evs, confirms(t, fmt.Sprint("c", i), fmt.Sprint("s", rapid.IntRange(0, len(h.said)).Draw(rt, "held")), rapid.SampledFrom(someRecords).Draw(rt, "freed")))
		}
		before := ask(t, fold(t, evs...), h.ident, req, noon)
		more := drawSaid(rt, "more")
		more.choice = events.Deny
		evs = append(evs, more.event(t, len(h.said)))
		after := ask(t, fold(t, evs...), h.ident, req, noon)
		if before.Decision == DecisionDeny && after.Decision == DecisionAllow {
			rt.Fatalf("deny of %v\nbecame allow", before.Reasons)
		}
		for _, alt := range after.Alternatives {
			if before.Decision == DecisionDeny && !slices.Contains(before.Alternatives, alt) {
				rt.Fatalf("channel %s is offered only after another deny", alt)
			}
		}
	})
}

// An alternative is a promise: asked about that channel, the answer is allow.
func TestAlternativesAreAllowed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h, req := drawHistory(rt), drawRequest(rt)
		snap := fold(t, h.events(t)...)
		for _, alt := range ask(t, snap, h.ident, req, noon).Alternatives {
			other := req
			other.Channel = alt
			// On the point that would be used there: those of the request that do, or the customer's.
			if point := channelBit(alt); req.Who.Phone != "" && !point.fits(contactpoint.KindPhone) || req.Who.Email != "" && !point.fits(contactpoint.KindEmail) {
				continue
			}
			if got := ask(t, snap, h.ident, other, noon); got.Decision != DecisionAllow {
				rt.Fatalf("alternative %s of %+v is denied: %v", alt, req, got.Reasons)
			}
		}
	})
}

func TestNextAllowedIsAllowedAndNothingBefore(t *testing.T) {
	foreseen := 0
	rapid.Check(t, func(rt *rapid.T) {
		h, req := drawHistory(rt), drawRequest(rt)
		for i := range h.said { // denies that end, so that there is something to foresee
			if s := &h.said[i]; s.until.IsZero() {
				s.until = hour(rapid.IntRange(1, 9).Draw(rt, "end"))
			}
		}
		snap := fold(t, h.events(t)...)
		got := ask(t, snap, h.ident, req, noon)
		if got.NextAllowedAt == nil {
			return
		}
		foreseen++
		then := req
		then.At = *got.NextAllowedAt
		if a := ask(t, snap, h.ident, then, noon); a.Decision != DecisionAllow {
			rt.Fatalf("at %v: %v", then.At, a.Reasons)
		}
		then.At = then.At.Add(-time.Nanosecond)
		if a := ask(t, snap, h.ident, then, noon); a.Decision == DecisionAllow {
			rt.Fatalf("allowed just before %v already", *got.NextAllowedAt)
		}
	})
	if foreseen < enough(5) {
		t.Errorf("only %d histories had a next time", foreseen)
	}
}

func TestOrderOfArrivalNeverMatters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		evs := h.events(t)
		for i := range rapid.IntRange(0, 3).Draw(rt, "restrictions") {
			in := events.CustomerRestricted{Record: events.Record{RecordKey: key(rapid.SampledFrom(someRecords).Draw(rt, "restricted"))}, Restriction: "blocked"}
			evs = append(evs, envelope(t, events.CustomerRestrictedV1, "", fmt.Sprint("r", i), hour(-rapid.IntRange(1, 3).Draw(rt, "when")), time.Time{}, in))
		}
		for i := range rapid.IntRange(0, 3).Draw(rt, "confirmations") {
			evs = append(evs, confirms(t, fmt.Sprint("h", i), fmt.Sprint("s", rapid.IntRange(0, 3).Draw(rt, "held")), rapid.SampledFrom(someRecords).Draw(rt, "freed")))
		}
		if rapid.Bool().Draw(rt, "stranger") {
			w := events.ContactStatementWithdrawn{Statement: events.StatementID("/crm/bank", "s0"), By: "x"}
			evs = append(evs, envelope(t, events.ContactStatementWithdrawnV1, "/dialler", "x", hour(-9), time.Time{}, w))
		}
		for i := range evs { // one recorded time, so that only the order differs
			evs[i].RecordedTime = noon
		}
		prov := provisional("s0", -2).event(t, 0)
		prov.RecordedTime = noon
		evs = append(evs, prov)
		tried := func(evs []events.Envelope) string { // a stranger's withdrawal is refused, or waits, as it arrives
			store := projectionstest.NewMemory()
			projectionstest.TryFold(t, store, []projections.Fold{NewFold()}, evs...)
			return contentOf(t, snapshot(t, store))
		}
		want := tried(evs)
		for seed := range uint64(4) {
			if got := tried(projectionstest.Shuffle(seed, evs)); got != want {
				rt.Fatalf("seed %d:\n%s\n--- not ---\n%s", seed, got, want)
			}
		}
	})
}

func contentOf(t testing.TB, r projections.Reader) string {
	t.Helper()
	lines, err := Content(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// enough is how many cases of a kind a run must have met to prove something; a
// short run draws a fifth of the histories.
func enough(n int) int {
	if testing.Short() {
		return max(1, n/5)
	}
	return n
}
