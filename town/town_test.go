package town

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"ficha/events"
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
	const (
		whole = "490db766cdd3a89f1a5d1f528879232b06ce21b5246e6a91947cfdec261d7889"
		// Customers, contacts and what was said about contacting do not hang on what
		// else there is: figures of matching are the same with and without it.
		withoutDealings = "6b88cffcb2a6ca9459fb0bfc8192b3540ac91fbb8997ecf6507644726ab18803"
	)
	town := generate(t, Config{People: 300, Seed: 7})
	all, some := sha256.New(), sha256.New()
	if err := town.WriteNDJSON(all); err != nil {
		t.Fatal(err)
	}
	enc := json.NewEncoder(some)
	enc.SetEscapeHTML(false)
	for e := range town.Events() {
		if isDealing(e.Type) {
			continue
		}
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	for want, h := range map[string]hash.Hash{whole: all, withoutDealings: some} {
		if err := town.WriteTruth(h); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("town of 300, seed 7: got %s, want %s", got, want)
		}
	}
}

func isDealing(typ events.Type) bool {
	switch typ {
	case events.ContractChangedV1, events.OrderChangedV1, events.CaseChangedV1, events.SurveyAnsweredV1:
		return true
	}
	return false
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
	case *events.ContractChanged:
		return []events.RecordKey{*p.Customer}
	case *events.OrderChanged:
		return []events.RecordKey{*p.Customer}
	case *events.CaseChanged:
		return []events.RecordKey{*p.Customer}
	case *events.SurveyAnswered:
		return []events.RecordKey{*p.Customer, *p.About}
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
	dealings := kinds[events.ContractChangedV1] + kinds[events.OrderChangedV1] + kinds[events.CaseChangedV1] + kinds[events.SurveyAnsweredV1]
	within(t, "dealings", dealings*100/(town.Len()-dealings), 12, 25)
	for typ, least := range map[events.Type]int{
		events.ContractChangedV1: 2000, events.OrderChangedV1: 2000, events.CaseChangedV1: 2000, events.SurveyAnsweredV1: 700,
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
			if strings.Join(r[3:], "") == "" {
				t.Errorf("%s: a row of %s alone", name, r[0])
			}
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
