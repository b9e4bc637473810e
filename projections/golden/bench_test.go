package golden_test

import (
	"fmt"
	"testing"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
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
