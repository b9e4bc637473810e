package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ficha/api/client"
	"ficha/events"
)

// TestHubOnExternalNATS runs the hub on a server of its own process's making that
// is reached over TCP, closes it, opens it again and finds everything.
func TestHubOnExternalNATS(t *testing.T) {
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true,
		StoreDir: t.TempDir(), SyncAlways: true, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	defer func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	}()
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS server is not ready")
	}
	cfg := hubConfig{Dir: t.TempDir(), NATSURL: ns.ClientURL(), AssumePowerSafe: true, Insecure: true, Logger: slog.New(slog.DiscardHandler)}
	f := newFeed("/crm/a")
	batch := append(f.batch(), f.batch()...)
	var position events.Position
	for round := range 2 {
		h, err := openHub(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(h.handler())
		c := &client.Client{BaseURL: srv.URL}
		res, err := c.Submit(t.Context(), batch)
		if err != nil || res.Rejected > 0 {
			t.Fatalf("round %d: %v, %d rejected", round, err, res.Rejected)
		}
		if err := h.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		var s statusAnswer
		if err := c.Do(t.Context(), http.MethodGet, "/v1/status", nil, &s); err != nil {
			t.Fatal(err)
		}
		if round > 0 && (res.Position != position || !s.Equation.Balanced) {
			t.Errorf("after opening again: position %d, was %d; %+v", res.Position, position, s)
		}
		if s.Durability != "power-safe" || !s.Log.OK {
			t.Errorf("status = %+v", s)
		}
		position = res.Position
		srv.Close()
		h.close(cfg.Logger)
	}
}
