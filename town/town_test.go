package town

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/internal/document"
	"ficha/internal/text"
)

func generate(t testing.TB, cfg Config) *Town {
	t.Helper()
	town, err := Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return town
}

// The bytes of a town are a promise: a demo, a bug report and a benchmark mean
// the same town by the same seed. A change of this hash is a change of the
// generator, to be named in the changelog.
func TestBytesAreFixed(t *testing.T) {
	const want = "a425c6793d5e299a41835c358db9f90c6178ad490c1a8819ca4baab5439b6903"
	town := generate(t, Config{People: 300, Seed: 7})
	h := sha256.New()
	if err := town.WriteNDJSON(h); err != nil {
		t.Fatal(err)
	}
	if err := town.WriteTruth(h); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("town of 300, seed 7: got %s, want %s", got, want)
	}
}

func TestSeedsDiffer(t *testing.T) {
	var a, b bytes.Buffer
	if err := generate(t, Config{People: 20, Seed: 1}).WriteNDJSON(&a); err != nil {
		t.Fatal(err)
	}
	if err := generate(t, Config{People: 20, Seed: 2}).WriteNDJSON(&b); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two seeds gave the same town")
	}
}

func TestValidate(t *testing.T) {
	for _, people := range []int{-1, maxPeople + 1} {
		if _, err := Generate(Config{People: people}); err == nil {
			t.Errorf("People %d: want an error", people)
		}
	}
}

// Events come in order of time, before Now, and name only records and
// interactions that were stated before.
func TestOrder(t *testing.T) {
	now := time.Date(2027, 3, 4, 5, 30, 0, 0, time.UTC)
	town := generate(t, Config{People: 1200, Now: now})
	known, ids := map[events.RecordKey]bool{}, map[string]bool{}
	last := now.AddDate(0, 0, -days-1)
	n := 0
	for e := range town.Events() {
		n++
		if e.Time.Before(last) || e.Time.After(now.Add(-time.Hour)) {
			t.Fatalf("event %s at %s: before %s or too late", e.ID, e.Time, last)
		}
		last = e.Time
		if ids[e.ID] {
			t.Fatalf("event id %s twice", e.ID)
		}
		ids[e.ID] = true
		for _, k := range names(t, e, known) {
			if !known[k] {
				t.Fatalf("%s %s names %s, which was not stated before", e.Type, e.ID, k)
			}
		}
	}
	if n != town.Len() {
		t.Errorf("Len %d, but %d events", town.Len(), n)
	}
}

// names gives the keys that an event refers to, after noting the ones that it states.
func names(t *testing.T, e events.Envelope, known map[events.RecordKey]bool) []events.RecordKey {
	t.Helper()
	d, err := events.Decode(events.Stored{Envelope: e})
	if err != nil {
		t.Fatal(err)
	}
	switch p := d.Payload.(type) {
	case *json.RawMessage:
		var c events.CustomerRecorded
		if err := json.Unmarshal(*p, &c); err != nil {
			t.Fatal(err)
		}
		known[c.Record.RecordKey] = true
	case *events.CustomerWithdrawn:
		return []events.RecordKey{p.Record.RecordKey}
	case *events.CustomerMergedAtSource:
		return append(p.Losers, p.Survivor)
	case *events.InteractionRecorded:
		known[p.Record.RecordKey] = true
		if p.Customer != nil {
			return []events.RecordKey{*p.Customer}
		}
	case *events.InteractionAssigned:
		return []events.RecordKey{p.Interaction, *p.Customer}
	case *events.InteractionWithdrawn:
		return []events.RecordKey{p.Record.RecordKey}
	case *events.ContactStated:
		return p.Records
	case *events.ContactStatementWithdrawn, *events.CustomerRestricted:
	default:
		t.Fatalf("unexpected type %s", e.Type)
	}
	return nil
}

// The sizes that the demo promises: about 2.4 records and 8 to 12 contacts a
// person, every kind of event.
func TestSizes(t *testing.T) {
	town := generate(t, Config{})
	kinds := map[events.Type]int{}
	denies, allows := 0, 0
	for e := range town.Events() {
		kinds[e.Type]++
		if e.Type == events.ContactStatedV1 {
			var s events.ContactStated
			if err := json.Unmarshal(e.Data, &s); err != nil {
				t.Fatal(err)
			}
			if s.Choice == events.Deny {
				denies++
			} else {
				allows++
			}
		}
	}
	t.Logf("%d events, %d records: %v; %d denies, %d allows", town.Len(), town.Records(), kinds, denies, allows)
	within(t, "records", town.Records(), 11000, 13500)
	within(t, "interactions", kinds[events.InteractionRecordedV1], 40000, 60000)
	within(t, "denies", denies, 150, 500)
	within(t, "allows", allows, 10, 80)
	for typ, least := range map[events.Type]int{
		events.CustomerWithdrawnV1: 80, events.CustomerMergedAtSourceV1: 50, events.CustomerRestrictedV1: 10,
		events.InteractionAssignedV1: 300, events.InteractionWithdrawnV1: 50, events.ContactStatementWithdrawnV1: 3,
	} {
		if kinds[typ] < least {
			t.Errorf("%s: %d, want at least %d", typ, kinds[typ], least)
		}
	}
}

func within(t *testing.T, what string, got, lo, hi int) {
	t.Helper()
	if got < lo || got > hi {
		t.Errorf("%s: %d, want %d to %d", what, got, lo, hi)
	}
}

// The shares of errors that damage.go states are really in the values: each
// record is written again by a careful pen and compared.
func TestTypoShare(t *testing.T) {
	town := generate(t, Config{People: 2000})
	values, wrong := 0, 0
	for no := range town.households {
		u := town.unit(no)
		for i := range u.records {
			dirty, n := town.values(u, i, u.records[i].at, false)
			clean, _ := town.values(u, i, u.records[i].at, true)
			values += n
			a, b := flat(dirty), flat(clean)
			for j := range a {
				if a[j] != b[j] {
					wrong++
				}
			}
		}
	}
	// A full name is one value of up to three words, so a little fewer differ.
	if share := wrong * 1000 / values; share < 70 || share > 85 {
		t.Errorf("typing errors in %d of %d values, %d ‰: want about 80 ‰", wrong, values, share)
	}
}

func flat(c events.CustomerRecorded) []string {
	n := first(c.Names)
	return []string{n.Given, n.Family, n.Family2, n.Full, c.BirthDate, first(c.Documents).Number, first(c.Phones).Value, first(c.Emails).Value, first(c.Addresses).Street}
}

// Who shares what, of the people themselves.
func TestShares(t *testing.T) {
	town := generate(t, Config{People: 6000})
	phones, people, namesakes, twins, moved := map[string]int{}, 0, 0, 0, 0
	for no := range town.households {
		u := town.unit(no)
		if u.movedAt != never {
			moved++
		}
		for i, p := range u.people {
			people++
			phones[p.phone.e164()]++
			for _, o := range u.people[:i] {
				if o.given == p.given && o.family == p.family && o.born != p.born {
					namesakes++
				}
				if o.born == p.born && o.family == p.family {
					twins++
				}
			}
		}
	}
	shared := 0
	for _, n := range phones {
		if n > 1 {
			shared++
		}
	}
	t.Logf("people %d, shared phones %d, namesakes %d, twins %d, moved %d of %d", people, shared, namesakes, twins, moved, town.households)
	within(t, "shared phones in ‰", shared*1000/people, 20, 40)
	within(t, "fathers and sons of one name", namesakes, 10, 120)
	within(t, "twins", twins, 10, 120)
	within(t, "moves in ‰", moved*1000/int(town.households), 100, 140)
}

// Every document has a right check digit before anybody mistypes it, and every
// number can be read in its region.
func TestDocumentsAndPhonesAreWellFormed(t *testing.T) {
	town := generate(t, Config{People: 4000})
	checked, documents, numbers := 0, map[string]string{}, map[string]string{}
	unique := func(seen map[string]string, value, owner string) {
		if was, ok := seen[value]; ok && was != owner {
			t.Errorf("%s and %s share a value that must be one's own", was, owner)
		}
		seen[value] = owner
	}
	look := func(id string, d events.Document, n number, c *country) {
		doc, ok := document.Normalise(d.Kind, d.Number, d.Country)
		if !ok || doc.Check == document.CheckWrong || doc.Kind != d.Kind {
			t.Errorf("%s of %s: %q read as %+v", d.Kind, d.Country, d.Number, doc)
		}
		if doc.Check == document.CheckValid {
			checked++
		}
		unique(documents, doc.Key(), id)
		for i := range uint64(10) {
			w := n.write(&dice{state: i})
			region := w.Region
			p, ok := contactpoint.Phone(w.Value, region)
			want := contactpoint.Point{Kind: contactpoint.KindPhone, Value: n.e164(), Readable: true}
			if !ok || p.Class() != want.Class() {
				t.Errorf("phone of %s written %q (%s): read as %+v", c.code, w.Value, region, p)
			}
		}
	}
	for no := range town.units() {
		u := town.unit(no)
		for i, p := range u.people {
			look(p.id, p.document, p.phone, u.country)
			if p.phone == (number{}) || i > 0 && p.phone == u.people[0].phone {
				continue
			}
			unique(numbers, p.phone.e164(), p.id)
		}
		if c := u.company; c != nil {
			look(c.id, c.document, c.phone, u.country)
			unique(numbers, c.phone.e164(), c.id)
		}
	}
	if checked < town.cfg.People*6/10 {
		t.Errorf("only %d documents with a check digit", checked)
	}
}

// Nothing of a person is in an id, a subject or a truth's name.
func TestIDsSayNothing(t *testing.T) {
	town := generate(t, Config{People: 400})
	for no := range town.households {
		u := town.unit(no)
		for _, r := range u.records {
			p := u.people[r.member]
			local, _, _ := strings.Cut(p.email, "@")
			for _, secret := range []string{p.phone.national, p.document.Number, local, strings.ToLower(plain(p.family))} {
				if len(secret) > 4 && strings.Contains(strings.ToLower(r.key.ID), strings.ToLower(secret)) {
					t.Errorf("id %s shows a value of its person", r.key.ID)
				}
			}
		}
	}
}

func TestTruthCoversEveryRecord(t *testing.T) {
	town := generate(t, Config{People: 800})
	truth := map[events.RecordKey]string{}
	for x := range town.Truth() {
		if truth[x.Record] != "" {
			t.Fatalf("%s twice", x.Record)
		}
		truth[x.Record] = x.Person
	}
	var all bytes.Buffer
	for e := range town.Events() {
		if e.Type == events.CustomerRecordedV1 {
			var c events.CustomerRecorded
			if err := json.Unmarshal(e.Data, &c); err != nil {
				t.Fatal(err)
			}
			if truth[c.Record.RecordKey] == "" {
				t.Errorf("no truth of %s", c.Record.RecordKey)
			}
		}
		all.Write(e.Data)
		all.WriteString(e.ID + e.Subject)
	}
	if len(truth) != town.Records() {
		t.Errorf("Records says %d, truth has %d", town.Records(), len(truth))
	}
	for _, person := range truth {
		if bytes.Contains(all.Bytes(), []byte(`"`+person+`"`)) {
			t.Fatalf("the truth's name %s is in an event", person)
		}
	}
}

// The story of the customer who said no: fourteen calls, the first before his
// no, thirteen after it, on one number, by two senders and several teams.
func TestDeclined(t *testing.T) {
	town := generate(t, Config{People: 50})
	story := town.Declined()
	if len(story.Records) != 2 || story.Records[0].Source != SourceCRM || story.Records[1].Source != SourceShop {
		t.Fatalf("records: %v", story.Records)
	}
	if story.Calls != declinedCalls || len(story.CallTimes) != declinedCalls || story.Phone == story.OtherPhone {
		t.Fatalf("story: %+v", story)
	}
	if span := story.CallTimes[13].Sub(story.CallTimes[0]); span > 21*24*time.Hour {
		t.Errorf("calls over %s, want three weeks", span)
	}
	calls, sources, teams, after := 0, map[string]bool{}, map[string]bool{}, 0
	stated := false
	for e := range town.Events() {
		switch e.Type {
		case events.InteractionRecordedV1:
			var x events.InteractionRecorded
			if err := json.Unmarshal(e.Data, &x); err != nil {
				t.Fatal(err)
			}
			if x.Direction != "outbound" || x.Channel != "voice" || first(x.ContactPoints).Phone != story.Phone {
				continue
			}
			calls++
			sources[e.Source], teams[x.Agent.Team] = true, true
			if stated {
				after++
			}
			if x.Product != story.Product || x.Purpose != story.Purpose || x.Campaign == "" {
				t.Errorf("call %d: %+v", calls, x)
			}
		case events.ContactStatedV1:
			if events.StatementID(e.Source, e.ID) != story.Statement {
				continue
			}
			stated = true
			var s events.ContactStated
			if err := json.Unmarshal(e.Data, &s); err != nil {
				t.Fatal(err)
			}
			if s.Choice != events.Deny || s.Records[0] != story.Records[0] || s.ContactPoints[0].Phone != story.Phone || s.Scope.Products[0] != story.Product || !e.Time.Equal(story.StatedAt) {
				t.Errorf("statement: %+v", s)
			}
		}
	}
	if calls != 14 || after != 13 || len(sources) != 2 || len(teams) < 3 {
		t.Errorf("%d calls, %d after the no, by %v, %v", calls, after, sources, teams)
	}
}

// A good matcher must be able to tell who is who: among the true pairs nearly
// all share a document, a contact point, or a birth date and a surname, at once
// or through a third record. And it must not be too easy: the same evidence
// with two words of the names in common joins some people who are two.
func TestRecordsCanBeLinked(t *testing.T) {
	town := generate(t, Config{People: 5000})
	person, values := map[string]string{}, map[string][]string{}
	words, truth := map[string]map[string]bool{}, map[string]map[string]bool{}
	for x := range town.Truth() {
		person[x.Record.ID] = x.Person
	}
	for no := range town.households {
		u := town.unit(no)
		for i := range u.records {
			c, _ := town.values(u, i, u.records[i].at, false)
			id := c.Record.ID
			words[id], truth[id] = map[string]bool{}, map[string]bool{person[id]: true}
			n := first(c.Names)
			for _, w := range text.Tokens(n.Given + " " + n.Family + " " + n.Family2 + " " + n.Full) {
				words[id][w] = true
			}
			for _, k := range keys(c) {
				values[k] = append(values[k], id)
			}
		}
	}
	possible, pairs, _ := pairCounts(union(values, truth), person)
	found, _, joined := pairCounts(union(values, words), person)
	t.Logf("%d true pairs: evidence for %.4f; naive rules: recall %.4f, precision %.4f", pairs, ratio(possible, pairs), ratio(found, pairs), ratio(found, joined))
	if ratio(possible, pairs) < .97 || ratio(found, pairs) < .93 {
		t.Error("the records do not identify their people")
	}
	if precision := ratio(found, joined); precision < .85 || precision > .99 {
		t.Errorf("precision of naive rules %.4f: want a town in which they are wrong now and then", precision)
	}
}

func ratio(a, b int) float64 { return float64(a) / float64(b) }

func keys(c events.CustomerRecorded) []string {
	var out []string
	for _, d := range c.Documents {
		out = append(out, "d"+d.Number)
	}
	for _, p := range c.Phones {
		point, _ := contactpoint.Phone(p.Value, p.Region)
		out = append(out, "p"+point.Tail())
	}
	for _, e := range c.Emails {
		out = append(out, "e"+e.Value)
	}
	if c.BirthDate != "" {
		n := first(c.Names)
		for _, w := range text.Tokens(n.Family + " " + n.Full) {
			out = append(out, "b"+c.BirthDate+w)
		}
	}
	for _, a := range c.Addresses {
		out = append(out, "a"+text.Fold(a.Street+" "+a.Number+" "+a.Locality+" "+strings.Split(first(c.Names).Given+" ", " ")[0]))
	}
	return out
}

// union joins records that share a value and two words of their names.
func union(values map[string][]string, words map[string]map[string]bool) map[string]string {
	parent := map[string]string{}
	var root func(string) string
	root = func(x string) string {
		if p, ok := parent[x]; ok && p != x {
			parent[x] = root(p)
			return parent[x]
		}
		return x
	}
	for _, ids := range values {
		for i, a := range ids {
			for _, b := range ids[:i] {
				common := 0
				for w := range words[a] {
					if words[b][w] {
						common++
					}
				}
				if common > 1 || common == 1 && min(len(words[a]), len(words[b])) <= 2 {
					parent[root(a)] = root(b)
				}
			}
		}
	}
	out := map[string]string{}
	for id := range words {
		out[id] = root(id)
	}
	return out
}

func pairCounts(group, person map[string]string) (found, pairs, joined int) {
	both, own, all := map[[2]string]int{}, map[string]int{}, map[string]int{}
	for id, g := range group {
		both[[2]string{g, person[id]}]++
		own[person[id]]++
		all[g]++
	}
	for _, n := range both {
		found += n * (n - 1) / 2
	}
	for _, n := range own {
		pairs += n * (n - 1) / 2
	}
	for _, n := range all {
		joined += n * (n - 1) / 2
	}
	return found, pairs, joined
}

type memoryFile struct{ bytes.Buffer }

func (*memoryFile) Close() error { return nil }

func TestWriteCSV(t *testing.T) {
	town := generate(t, Config{People: 200})
	files := map[string]*memoryFile{}
	err := town.WriteCSV(func(name string) (io.WriteCloser, error) {
		files[name] = &memoryFile{}
		return files[name], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 6 {
		t.Fatalf("%d files, want one for each of six systems", len(files))
	}
	ids := map[string]bool{}
	for name, f := range files {
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, r := range rows[1:] {
			ids[r[0]] = true
		}
	}
	if len(ids) != town.Records() {
		t.Errorf("%d records in the files, want %d", len(ids), town.Records())
	}
}

// A town keeps no more than its index: 12 bytes an event.
func TestTownIsSmall(t *testing.T) {
	town := generate(t, Config{People: 3000})
	if kept := cap(town.index) * 12; kept > 3000*14*12*2 {
		t.Errorf("index of %d bytes for 3,000 people", kept)
	}
	if size := reflect.TypeOf(entry{}).Size(); size != 12 {
		t.Errorf("an entry has %d bytes, the package says 12", size)
	}
}

func BenchmarkTown5000(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		town := generate(b, Config{})
		if err := town.WriteNDJSON(io.Discard); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(town.Len()), "events")
	}
}
