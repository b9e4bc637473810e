package changes_test

import (
	"fmt"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/changes"
	"ficha/projections/golden"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
)

// BenchmarkFold says what the change feed adds to the folding of an event, with
// denies on some of the contact points, in batches of a thousand over Pebble.
func BenchmarkFold(b *testing.B) {
	x := &world{}
	for i := range 20 {
		x.stated(events.Deny, nil, events.ContactPoint{Phone: fmt.Sprintf("+50255%06d", i*50)}, events.ContactPoint{Email: fmt.Sprintf("mj%d@example.com", i)})
	}
	stated := len(x.evs)
	for i := range 1000 {
		x.recorded(fmt.Sprint("n", i), 0, object{
			"names":      []object{{"given": "María José", "family": "Núñez", "family2": "García"}},
			"birth_date": "1980-02-11", "gender": "female", "segment": "retail",
			"phones": []object{{"value": fmt.Sprintf("+502 55%06d", i)}}, "emails": []object{{"value": fmt.Sprintf("mj%d@example.com", i)}},
			"documents": []object{{"kind": "dpi", "number": fmt.Sprintf("%013d", i), "country": "GT"}},
			"addresses": []object{{"street": "4a Avenida", "number": "12-34", "locality": "Guatemala", "postal_code": "01010", "country": "GT"}},
		})
	}
	for i := 0; i < 1000; i += 2 {
		x.resolved([]string{fmt.Sprint("n", i), fmt.Sprint("n", i+1)})
	}
	decoded := make([]events.Decoded, len(x.evs))
	for i, s := range projectionstest.Stored(b, 0, x.evs...) {
		var err error
		if decoded[i], err = events.Decode(s); err != nil {
			b.Fatal(err)
		}
	}
	snap := emptyPebble(b)
	for name, evs := range map[string][2]int{"customer.recorded": {stated, stated + 1000}, "identity.resolved": {stated + 1000, len(decoded)}} {
		b.Run(name, func(b *testing.B) {
			n, took := 0, time.Duration(0)
			for b.Loop() {
				w := projections.NewWork(b.Context(), snap)
				apply(b, w, decoded[:evs[0]], golden.New(), changes.New())
				for _, e := range decoded[evs[0]:evs[1]] {
					apply(b, w, []events.Decoded{e}, golden.New())
					began := time.Now()
					apply(b, w, []events.Decoded{e}, changes.New())
					took += time.Since(began)
					n++
				}
			}
			b.ReportMetric(float64(took.Nanoseconds())/float64(n), "ns/event")
		})
	}
}

func apply(b *testing.B, w *projections.Overlay, evs []events.Decoded, folds ...projections.Fold) {
	for _, e := range evs {
		for _, f := range folds {
			if err := w.Apply(f, e); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func emptyPebble(b *testing.B) projections.Snapshot {
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
	return snapshot(b, store)
}
