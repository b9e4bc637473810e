package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections/contact"
)

// benchHub has a thousand customers, every tenth of whom said no, and logs as a
// hub does in production.
func benchHub(b *testing.B) *hub {
	h := newHub(b, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelInfo}))
	})
	var evs []events.Envelope
	for i := range 1000 {
		e := maria(strconv.Itoa(i))
		e.Data = bytes.Replace(e.Data, []byte("+502 5512 3456"), []byte("+502 5512 "+strconv.Itoa(3000+i)), 1)
		evs = append(evs, e)
		if i%10 == 0 {
			evs = append(evs, event("no-"+strconv.Itoa(i), events.ContactStatedV1, start, events.ContactStated{
				Choice: events.Deny, Records: []events.RecordKey{crm(strconv.Itoa(i))}, StatedAt: "2026-03-02T09:00:00Z",
				Scope: events.Scope{Purposes: []string{"marketing"}},
			}))
		}
	}
	h.gateway.lag = true
	h.tell(evs...)
	h.catchUp()
	b.ResetTimer()
	return h
}

func checksBody(b *testing.B, n int) []byte {
	in := ChecksRequest{}
	for i := range n {
		in.Checks = append(in.Checks, contact.Request{
			Who: contact.Who{Phone: "+5025512" + strconv.Itoa(3000+i%1000)}, Channel: "voice", Purpose: "marketing", Product: "extra-financing",
		})
	}
	body, err := json.Marshal(in)
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// BenchmarkCheck is one check through the whole handler, without a network.
func BenchmarkCheck(b *testing.B) { benchmarkChecks(b, 1) }

// BenchmarkChecks is a thousand checks in one request.
func BenchmarkChecks(b *testing.B) { benchmarkChecks(b, 1000) }

func benchmarkChecks(b *testing.B, n int) {
	h := benchHub(b)
	body := checksBody(b, n)
	b.ReportAllocs()
	for b.Loop() {
		if w := h.call(apikey.System, "POST", "/v1/contact-checks", body); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}

// BenchmarkCheckHTTP is one check per request over loopback, connections kept.
func BenchmarkCheckHTTP(b *testing.B) {
	h := benchHub(b)
	server := httptest.NewServer(h.handler)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	body := checksBody(b, 1)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequest("POST", server.URL+"/v1/contact-checks", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+h.keys[apikey.System])
			res, err := client.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
				b.Fatal(res.StatusCode, err)
			}
			res.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}

// BenchmarkLookup is a look-up by telephone number.
func BenchmarkLookup(b *testing.B) {
	h := benchHub(b)
	for b.Loop() {
		if w := h.call(apikey.System, "POST", "/v1/customers:lookup", `{"phone":"+50255123005"}`); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
