package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"ficha/events"
	"ficha/events/gateway"
	"ficha/internal/strictjson"
	"ficha/schemas"
)

// sink is a log that takes everything and keeps nothing.
type sink struct{ events.Log }

func (sink) Append(_ context.Context, batch []events.Envelope) ([]events.Appended, error) {
	out := make([]events.Appended, len(batch))
	for i := range out {
		out[i] = events.Appended{Outcome: events.OutcomeAppended, Position: events.Position(i + 1)}
	}
	return out, nil
}

func batchOfCalls(n int) []string {
	var out []string
	for i := range n {
		data := fmt.Sprintf(`{"record":{"source":"/pbx/bank","stream":"call","id":"%d"},"customer":{"source":"/crm/bank","id":"1"},"contact_points":[{"phone":"+50255550101"}],"channel":"voice","direction":"outbound","started_at":"2026-03-02T09:15:00Z","ended_at":"2026-03-02T09:17:10Z","duration_s":130,"purpose":"marketing","product":"extra-financing","outcome":"not_interested","agent":{"id":"a17","team":"sales"},"campaign":"loan-spring","ext":{"line":"3"}}`, i)
		out = append(out, event(fmt.Sprint("call-", i), "interaction.recorded.v1", data, "source", `"/pbx/bank"`))
	}
	return out
}

// BenchmarkBatch compares Submit with what cannot be saved: reading the same
// events once and validating them, and with encoding/json reading them alone.
func BenchmarkBatch(b *testing.B) {
	const n = 1000
	calls := batchOfCalls(n)
	body := []byte("[" + strings.Join(calls, ",") + "]")
	registry, err := schemas.New()
	if err != nil {
		b.Fatal(err)
	}
	perEvent := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint("submit/workers=", workers), func(b *testing.B) {
			d := open(b, func(c *gateway.Config) { c.Log, c.Workers = sink{}, workers })
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				res, err := d.Submit(b.Context(), bank, events.FormatBatch, body)
				if err != nil || res.Rejected > 0 {
					b.Fatal(err, res.Rejected)
				}
			}
			perEvent(b)
		})
	}
	b.Run("read and validate", func(b *testing.B) {
		r := strictjson.NewReader(strictjson.Limits{})
		for b.Loop() {
			for _, c := range calls {
				doc, err := r.Read([]byte(c), "data")
				if err != nil || len(registry.Validate("interaction.recorded.v1", doc.Tree.(map[string]any)["data"])) > 0 {
					b.Fatal(err)
				}
			}
		}
		perEvent(b)
	})
	b.Run("encoding json", func(b *testing.B) {
		for b.Loop() {
			for _, c := range calls {
				var e events.Envelope
				if err := json.Unmarshal([]byte(c), &e); err != nil {
					b.Fatal(err)
				}
			}
		}
		perEvent(b)
	})
}

func BenchmarkOne(b *testing.B) {
	d := open(b, func(c *gateway.Config) { c.Log = sink{} })
	body := []byte(batchOfCalls(1)[0])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Submit(b.Context(), bank, events.FormatEvent, body); err != nil {
			b.Fatal(err)
		}
	}
}
