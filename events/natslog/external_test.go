package natslog_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ficha/events/eventstest"
	"ficha/events/natslog"
)

// TestExternalServer uses a server that is reached by URL, as a cluster is.
func TestExternalServer(t *testing.T) {
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("server does not start")
	}
	conn, err := natslog.Connect(natslog.ConnectConfig{URL: ns.ClientURL(), Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, powerSafe := range []bool{false, true} {
		l, err := natslog.Open(t.Context(), natslog.Config{Conn: conn, Shared: true, AssumePowerSafe: powerSafe, Index: &eventstest.IDIndex{}, ContentKey: contentKey, Logger: logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), eventstest.Events("e", 40)); err != nil {
			t.Error(err)
		}
		if n := checkOnceIn(t, l); n != 40 {
			t.Errorf("%d events", n)
		}
		info, err := l.Info(t.Context())
		want := map[bool]string{false: natslog.ProcessSafe, true: natslog.PowerSafe}[powerSafe]
		if err != nil || info.Durability != want {
			t.Errorf("Info = %+v, %v; want durability %s", info, err, want)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
