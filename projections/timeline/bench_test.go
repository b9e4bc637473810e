package timeline_test

import (
	"fmt"
	"testing"

	"ficha/events"
	"ficha/projections"
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
