package resolver_test

import (
	"context"
	"testing"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
	"ficha/town"
)

// BenchmarkDecide decides about the records of a town, from the first to the last.
func BenchmarkDecide(b *testing.B) {
	made, err := town.Generate(town.Config{People: 4000})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	var told []events.Envelope
	for e := range made.Events() {
		if e.Type == events.CustomerRecordedV1 {
			told, n = append(told, e), n+1
		}
	}
	e := engine(b)
	for b.Loop() {
		log := eventstest.NewLog(clock)
		if _, err := log.Append(context.Background(), told); err != nil {
			b.Fatal(err)
		}
		r, err := resolver.New(resolver.Config{Log: log, State: resolvertest.NewMemory(), Engine: e, Clock: clock})
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Settle(context.Background(), 500); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
