package review

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
)

// benchPeople is how many people, of two records each, the store holds.
const benchPeople = 10_000

func decoded(b *testing.B, after events.Position, evs []events.Envelope) []events.Decoded {
	b.Helper()
	out := make([]events.Decoded, len(evs))
	for i, s := range projectionstest.Stored(b, after, evs...) {
		d, err := events.Decode(s)
		if err != nil {
			b.Fatal(err)
		}
		out[i] = d
	}
	return out
}

func envelope(b *testing.B, typ events.Type, n int, data any) events.Envelope {
	b.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		b.Fatal(err)
	}
	return events.Envelope{ID: fmt.Sprint(typ, n), Source: "/bench", SpecVersion: "1.0", Type: typ, Time: at(0), RecordedTime: at(0), Data: raw}
}

func someone(b *testing.B, n int) events.Envelope {
	return envelope(b, events.CustomerRecordedV1, n, events.CustomerRecorded{Record: events.Record{RecordKey: keyOf(n)}, Kind: events.Person,
		Names: []events.Name{{Given: "María José", Family: "Núñez", Family2: fmt.Sprint("García", n/2)}}, BirthDate: "1980-02-11",
		Phones: []events.Phone{{Value: fmt.Sprintf("+502 55%06d", n)}}, Emails: []events.Email{{Value: fmt.Sprintf("mj%d@example.com", n)}},
		Documents: []events.Document{{Kind: "dpi", Number: fmt.Sprintf("%013d", n/2), Country: "GT"}}})
}

// decision joins the two records of a person, or leaves them for a steward.
func decision(b *testing.B, n int, joined, waits bool) events.Envelope {
	x, y := idOf(2*n), idOf(2*n+1)
	d := events.IdentityResolved{Model: "m", Engine: "e", Groups: []events.IdentityGroup{{{Record: x}}, {{Record: y}}}}
	if joined {
		d.Groups = []events.IdentityGroup{{{Record: x}, {Record: y}}}
		d.Links = []events.IdentityLink{{A: x, B: y, Weight: 9000, Rule: "score", Levels: []string{"name=same", "document=same"}}}
	}
	if waits {
		d.Potential = []events.IdentityLink{{A: x, B: y, Weight: 500, Rule: "score", Levels: []string{"name=same", "birth_date=close"}}}
	}
	return envelope(b, events.IdentityResolvedV1, n, d)
}

// filled gives a snapshot of an embedded store that holds the people; half of them
// joined already.
func filled(b *testing.B) projections.Snapshot {
	b.Helper()
	db, err := pebblestore.Open(pebblestore.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	store, err := db.Store("live")
	if err != nil {
		b.Fatal(err)
	}
	var evs []events.Envelope
	for n := range 2 * benchPeople {
		evs = append(evs, someone(b, n))
	}
	for n := range benchPeople / 2 {
		evs = append(evs, decision(b, n, true, false))
	}
	for i := 0; i < len(evs); i += 1000 {
		projectionstest.Fold(b, store, folds(), evs[i:min(i+1000, len(evs))]...)
	}
	return snapshotOf(b, store)
}

// BenchmarkFold measures what this fold adds to golden's work on an event, in
// batches as the runner makes them.
func BenchmarkFold(b *testing.B) {
	const batch = 500
	snap := filled(b)
	for _, c := range []struct {
		name string
		make func(n int) events.Envelope
	}{
		{"two records become one", func(n int) events.Envelope { return decision(b, benchPeople/2+n, true, false) }},
		{"two records wait", func(n int) events.Envelope { return decision(b, benchPeople/2+n, false, true) }},
		{"new record", func(n int) events.Envelope { return someone(b, 2*benchPeople+n) }},
		{"grouped record anew", func(n int) events.Envelope { return someone(b, n) }},
		{"verdict", func(n int) events.Envelope {
			return envelope(b, events.IdentityJudgedV1, n, events.IdentityJudged{Verdict: events.VerdictSame, Sets: [][]uuid.UUID{{idOf(2 * n), idOf(2*n + 1)}}})
		}},
		{"deny", func(n int) events.Envelope {
			return envelope(b, events.ContactStatedV1, n, events.ContactStated{Choice: events.Deny, Records: []events.RecordKey{keyOf(n)}, StatedAt: "2026-03-01T09:00:00Z"})
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var evs []events.Envelope
			for n := range batch {
				evs = append(evs, c.make(n))
			}
			ready := decoded(b, 1_000_000, evs)
			var mine, golds time.Duration
			folded := 0
			for b.Loop() {
				w := projections.NewWork(b.Context(), snap)
				for _, e := range ready {
					began := time.Now()
					if err := w.Apply(golden.New(), e); err != nil {
						b.Fatal(err)
					}
					between := time.Now()
					if err := w.Apply(New(), e); err != nil {
						b.Fatal(err)
					}
					golds, mine = golds+between.Sub(began), mine+time.Since(between)
				}
				folded += len(ready)
			}
			b.ReportMetric(float64(mine.Nanoseconds())/float64(folded), "ns/review")
			b.ReportMetric(float64(golds.Nanoseconds())/float64(folded), "ns/golden")
		})
	}
}
