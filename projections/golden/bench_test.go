package golden_test

import (
	"fmt"
	"testing"
	"time"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
)

// decoded makes n new records of distinct people, ready to be folded.
func decoded(b *testing.B, n int) []events.Decoded {
	b.Helper()
	var s serial
	given := []string{"María José", "Juan Carlos", "Ana Lucía", "Pedro", "Carmen Rosa"}
	family := []string{"Núñez", "García", "Hernández", "de la Cruz", "Xicará", "Pérez"}
	evs := make([]events.Envelope, n)
	for i := range evs {
		evs[i] = s.recorded(fmt.Sprint(i), at(0), fmt.Sprintf(`"names":[{"given":%q,"family":%q,"family2":%q}],"birth_date":"19%02d-02-11","gender":"female",
			"phones":[{"value":"+502 55%06d"}],"emails":[{"value":"mj%d@example.com"}],"documents":[{"kind":"dpi","number":"%013d","country":"GT"}],
			"addresses":[{"street":"4a Avenida","number":"12-34","locality":"Guatemala","postal_code":"01010","country":"GT"}],"segment":"retail"`,
			given[i%5], family[i%6], family[i/6%6], i%100, i, i, i))
	}
	out := make([]events.Decoded, n)
	for i, e := range projectionstest.Stored(b, 0, evs...) {
		d, err := events.Decode(e)
		if err != nil {
			b.Fatal(err)
		}
		out[i] = d
	}
	return out
}

func BenchmarkFoldNewRecord(b *testing.B) {
	evs := decoded(b, 1000)
	snap, err := projectionstest.NewMemory().Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	f := golden.New()
	b.ReportAllocs()
	rows, folded := 0, 0
	for b.Loop() {
		w := projections.NewWork(b.Context(), snap)
		for _, e := range evs {
			if err := w.Apply(f, e); err != nil {
				b.Fatal(err)
			}
		}
		rows, folded = rows+len(w.Changes()), folded+len(evs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(folded), "ns/record")
	b.ReportMetric(float64(rows)/float64(folded), "rows/record")
}

// benchCustomers is how many customers the store of the read benchmarks holds.
const benchCustomers = 50_000

// filled gives a snapshot of an embedded store with benchCustomers customers.
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
	evs := decoded(b, benchCustomers)
	began := time.Now()
	for at := 0; at < len(evs); at += 1000 {
		commitBatch(b, store, evs[at:at+1000])
	}
	b.Logf("%d records folded and committed, %.0f/s", len(evs), float64(len(evs))/time.Since(began).Seconds())
	return snapshot(b, store)
}

func commitBatch(b *testing.B, store projections.Store, evs []events.Decoded) {
	b.Helper()
	snap, err := store.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	w := projections.NewWork(b.Context(), snap)
	for _, e := range evs {
		if err := w.Apply(golden.New(), e); err != nil {
			b.Fatal(err)
		}
	}
	c := projections.Commit{Runner: "bench", At: evs[0].Position - 1, To: evs[len(evs)-1].Position, Changes: w.Changes()}
	if err := store.Commit(b.Context(), c); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkReads(b *testing.B) {
	snap := filled(b)
	b.Run("get", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			get(b, snap, fmt.Sprint(i*7919%benchCustomers))
		}
	})
	b.Run("by phone", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			p, _ := contactpoint.Phone(fmt.Sprintf("+50255%06d", i*7919%benchCustomers), "")
			if ids, err := golden.RecordsByPoint(b.Context(), snap, p); err != nil || len(ids) != 1 {
				b.Fatal(ids, err)
			}
		}
	})
	for _, q := range []string{"maria nunez garcia", "garcia", "ped", "gimenes", "gonsales peres", "5512", "551234", "55012345", "mj777@example.com", "0000000004", "nobody anywhere"} {
		b.Run("search "+q, func(b *testing.B) {
			for b.Loop() {
				search(b, snap, q)
			}
		})
	}
}
