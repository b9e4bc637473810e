package timeline_test

import (
	"fmt"
	"testing"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
	"ficha/projections/timeline"
)

func decoded(b *testing.B, evs ...events.Envelope) []events.Decoded {
	b.Helper()
	out := make([]events.Decoded, len(evs))
	for i, e := range projectionstest.Stored(b, 0, evs...) {
		d, err := events.Decode(e)
		if err != nil {
			b.Fatal(err)
		}
		out[i] = d
	}
	return out
}

func BenchmarkFoldInteraction(b *testing.B) {
	var evs []events.Envelope
	for i := range 1000 {
		evs = append(evs, call(fmt.Sprint("e", i), fmt.Sprint(i), i, i, ofCustomer(fmt.Sprint(i%50))+`,"duration_s":240,"outcome":"answered","subject":"invoice of October","agent":{"id":"a17","team":"t1"},"queue":"billing"`))
	}
	batch := decoded(b, evs...)
	snap, err := projectionstest.NewMemory().Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	f := timeline.New()
	b.ReportAllocs()
	folded := 0
	for b.Loop() {
		w := projections.NewWork(b.Context(), snap)
		for _, e := range batch {
			if err := w.Apply(f, e); err != nil {
				b.Fatal(err)
			}
		}
		folded += len(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(folded), "ns/event")
}

// BenchmarkPage reads pages of a customer with 10,000 interactions, half of them
// known by the number alone, from an embedded store.
func BenchmarkPage(b *testing.B) {
	db, err := pebblestore.Open(pebblestore.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	store, err := db.Store("live")
	if err != nil {
		b.Fatal(err)
	}
	evs := []events.Envelope{customer("c", "a", 0, "+50255123456")}
	for i := range 10_000 {
		whose := ofCustomer("a")
		if i%2 == 0 {
			whose = ofPhone("+50255123456")
		}
		evs = append(evs, call(fmt.Sprint("e", i), fmt.Sprint(i), i, i, whose))
	}
	for at := 0; at < len(evs); at += 1000 {
		projectionstest.Fold(b, store, folds(), evs[at:min(at+1000, len(evs))]...)
	}
	snap, err := store.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	first, err := timeline.Read(b.Context(), snap, timeline.Query{Customer: recordID("a"), Limit: timeline.MaxLimit})
	if err != nil || len(first.Entries) != timeline.MaxLimit {
		b.Fatal(len(first.Entries), err)
	}
	for name, q := range map[string]timeline.Query{
		"newest":          {},
		"next":            {Cursor: first.Next},
		"500":             {Limit: timeline.MaxLimit},
		"nothing matches": {Filter: timeline.Filter{Channels: []string{"fax"}}},
	} {
		q.Customer = recordID("a")
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := timeline.Read(b.Context(), snap, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
