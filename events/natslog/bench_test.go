package natslog_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"ficha/events"
)

// benchEvents gives n events of about 590 stored bytes.
func benchEvents(prefix string, n int) []events.Envelope {
	out := make([]events.Envelope, n)
	for i := range out {
		id := prefix + strconv.Itoa(i)
		out[i] = events.Envelope{
			ID: id, Source: "/crm/bank", SpecVersion: "1.0", Type: events.CustomerRecordedV1, Subject: "customer:" + id, DataSchema: "customer.recorded.v1",
			Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Data: []byte(`{"record":{"source":"/crm/bank","id":"` + id + `"},"kind":"person","names":[{"given":"Ana Lucía","family":"Ejemplo","family2":"Prueba"}],"phones":[{"value":"+50200000000","use":"mobile"}],"emails":[{"value":"ana.lucia@example.com"}],"birth_date":"1980-02-03","documents":[{"kind":"dpi","number":"0000000000000","country":"GT"}]}`),
		}
	}
	return out
}

// BenchmarkAppend appends one event a call from so many callers at once, and
// whole batches from one.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l := newTestLog(b, nil)
			batch := benchEvents("e", b.N)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						if _, err := l.Append(b.Context(), batch[i:i+1]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			rate(b, b.N)
		})
	}
	for _, callers := range []int{1, 2} {
		b.Run(fmt.Sprintf("callers=%d/batch=1000", callers), func(b *testing.B) {
			l := newTestLog(b, nil)
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						if _, err := l.Append(b.Context(), benchEvents(fmt.Sprintf("e%d-", i), 1000)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			rate(b, 1000*b.N)
		})
	}
}

func rate(b *testing.B, n int) {
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRawPublish is the limit for BenchmarkAppend: the same bytes straight
// into a stream, singly and in atomic batches.
func BenchmarkRawPublish(b *testing.B) {
	for _, size := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			l := newTestLog(b, nil)
			js, err := jetstream.New(l.server.Conn())
			if err != nil {
				b.Fatal(err)
			}
			if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "RAW", Subjects: []string{"raw.>"}, Discard: jetstream.DiscardNew, AllowAtomicPublish: true}); err != nil {
				b.Fatal(err)
			}
			e := benchEvents("e", 1)[0]
			e.RecordedTime = e.Time
			data, err := events.Encode(e, events.Door{Taken: 1 << 20})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				if err := rawPublish(b.Context(), js, data, size); err != nil {
					b.Fatal(err)
				}
			}
			rate(b, size*b.N)
		})
	}
}

func rawPublish(ctx context.Context, js jetstream.JetStream, data []byte, size int) error {
	if size == 1 {
		_, err := js.Publish(ctx, "raw.record.customer.recorded.00", data)
		return err
	}
	batch := make([]*nats.Msg, size)
	for i := range batch {
		batch[i] = &nats.Msg{Subject: fmt.Sprintf("raw.record.customer.recorded.%02d", i%64), Data: data, Header: nats.Header{}}
	}
	_, err := jetstreamext.PublishMsgBatch(ctx, js, batch, jetstreamext.BatchFlowControl{AckFirst: false})
	return err
}

// BenchmarkRead reads a log of 200,000 events, whole and one lane of it.
func BenchmarkRead(b *testing.B) {
	const n = 200_000
	l := newTestLog(b, nil)
	for i := 0; i < n; i += 10_000 {
		if _, err := l.Append(b.Context(), benchEvents(fmt.Sprintf("e%d-", i), 10_000)); err != nil {
			b.Fatal(err)
		}
	}
	for _, lane := range []events.Lane{"", events.LaneRecord} {
		b.Run("lane="+string(lane), func(b *testing.B) {
			for range b.N {
				got := 0
				for _, err := range l.Read(b.Context(), events.ReadOptions{Lane: lane}) {
					if err != nil {
						b.Fatal(err)
					}
					got++
				}
				if got != n {
					b.Fatalf("read %d events", got)
				}
			}
			rate(b, n*b.N)
		})
	}
}

// BenchmarkFollow is the time from Append's answer to the event's arrival at a
// reader that waits for it.
func BenchmarkFollow(b *testing.B) {
	l := newTestLog(b, nil)
	arrived := make(chan time.Time)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() {
		for _, err := range l.Read(ctx, events.ReadOptions{Follow: true}) {
			if err != nil {
				return
			}
			arrived <- time.Now()
		}
	}()
	batch := benchEvents("e", b.N)
	var late time.Duration
	b.ResetTimer()
	for i := range batch {
		if _, err := l.Append(b.Context(), batch[i:i+1]); err != nil {
			b.Fatal(err)
		}
		answered := time.Now()
		late += max(0, (<-arrived).Sub(answered))
	}
	b.ReportMetric(float64(late.Microseconds())/float64(b.N), "µs-after-answer")
}

func BenchmarkGet(b *testing.B) {
	l := newTestLog(b, nil)
	if _, err := l.Append(b.Context(), benchEvents("e", 5000)); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := range b.N {
		if _, err := l.Get(b.Context(), events.Position(i%5000+1)); err != nil {
			b.Fatal(err)
		}
	}
}
