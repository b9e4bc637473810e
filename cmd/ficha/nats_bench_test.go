package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ficha/api/apikey"
	"ficha/town"
)

// BenchmarkContactCheck asks one check at a time from 16 callers, over HTTP and
// over NATS, of the same hub in the same run. It reports checks a second and the
// 99th percentile.
func BenchmarkContactCheck(b *testing.B) {
	quiet := slog.New(slog.DiscardHandler)
	h, err := openHub(b.Context(), hubConfig{Dir: b.TempDir(), NATSListen: natsListen{Addr: "127.0.0.1:0"}, Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer h.close(quiet)
	at, err := listen(settings{Listen: "127.0.0.1:0"}, h.handler())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = at.stop() }()
	key, _, err := h.keys.Create(b.Context(), "bench", []apikey.Role{apikey.Admin}, []string{"*"})
	if err != nil {
		b.Fatal(err)
	}
	tn, err := town.Generate(town.Config{People: 1000, Seed: 1, Now: townNow(time.Now())})
	if err != nil {
		b.Fatal(err)
	}
	a := &app{std: streams{out: io.Discard, err: io.Discard}}
	if _, err := a.stream(b.Context(), h, at.url, key, tn); err != nil {
		b.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"checks":[{"who":{"phone":%q},"channel":"voice","purpose":"marketing"}]}`, tn.Declined().Phone)
	b.Run("http", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
		measureCallers(b, func() error { return checkOverHTTP(client, at.url, key, body) })
	})
	b.Run("nats", func(b *testing.B) {
		conn, err := nats.Connect(h.natsURL(), nats.Token(key))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		measureCallers(b, func() error { return checkOverNATS(conn, key, body) })
	})
}

func checkOverHTTP(client *http.Client, url, key string, body []byte) error {
	r, err := http.NewRequest(http.MethodPost, url+"/v1/contact-checks", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	return nil
}

func checkOverNATS(conn *nats.Conn, key string, body []byte) error {
	m := nats.NewMsg("ficha.contact.check")
	m.Data = body
	m.Header.Set("Authorization", "Bearer "+key)
	answer, err := conn.RequestMsg(m, 10*time.Second)
	if err == nil && answer.Header.Get("Nats-Service-Error-Code") != "" {
		err = fmt.Errorf("answered %s", answer.Header.Get("Nats-Service-Error-Code"))
	}
	return err
}

// measureCallers calls b.N times from 16 goroutines.
func measureCallers(b *testing.B, call func() error) {
	const callers = 16
	took := make([]time.Duration, b.N)
	var wg sync.WaitGroup
	b.ResetTimer()
	for c := range callers {
		wg.Go(func() {
			for i := c; i < b.N; i += callers {
				began := time.Now()
				if err := call(); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}
