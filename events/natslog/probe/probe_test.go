package probe_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"ficha/events"
	"ficha/events/natslog"
	"ficha/events/natslog/probe"
)

func start(t *testing.T) (*probe.Stream, *natslog.Server) {
	t.Helper()
	server, err := natslog.StartServer(natslog.ServerConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	s, err := probe.StartStream(t.Context(), server.Conn(), "PROBE")
	if err != nil {
		t.Fatal(err)
	}
	return s, server
}

func batch(from, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "message %d", from+i)
	}
	return out
}

func TestWhatIsPublishedIsConsumedInOrder(t *testing.T) {
	s, _ := start(t)
	if seq, err := s.PublishSingle(t.Context(), batch(1, 1)[0]); err != nil || seq != 1 {
		t.Fatalf("single: sequence %d, %v", seq, err)
	}
	if seq, err := s.PublishAtomic(t.Context(), batch(2, probe.MaxBatch)); err != nil || seq != probe.MaxBatch+1 {
		t.Fatalf("batch: sequence %d, %v", seq, err)
	}
	if end, err := s.End(t.Context()); err != nil || end != probe.MaxBatch+1 {
		t.Fatalf("end: %d, %v", end, err)
	}
	for _, c := range []struct{ after, until uint64 }{{0, probe.MaxBatch + 1}, {10, 12}, {12, 12}} {
		at := c.after
		err := s.Consume(t.Context(), c.after, c.until, func(seq uint64, data []byte) error {
			if at++; seq != at || string(data) != fmt.Sprintf("message %d", seq) {
				t.Fatalf("after %d came %d with %q", at-1, seq, data)
			}
			return nil
		})
		if err != nil || at != c.until {
			t.Errorf("consume (%d, %d]: ended at %d, %v", c.after, c.until, at, err)
		}
	}
}

func TestConsumeWaitsForWhatIsToCome(t *testing.T) {
	s, _ := start(t)
	got := make(chan error, 1)
	n := 0
	go func() { got <- s.Consume(t.Context(), 0, 3, func(uint64, []byte) error { n++; return nil }) }()
	if _, err := s.PublishAtomic(t.Context(), batch(1, 3)); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil || n != 3 {
		t.Fatalf("%d messages, %v", n, err)
	}
}

func TestConsumeEnds(t *testing.T) {
	s, _ := start(t)
	if _, err := s.PublishSingle(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if err := s.Consume(t.Context(), 0, 9, func(uint64, []byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("handle's error: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Consume(ctx, 0, 9, func(uint64, []byte) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestStreamsAreMadeOpenedAndDropped(t *testing.T) {
	s, server := start(t)
	if _, err := probe.StartStream(t.Context(), server.Conn(), "PROBE"); !errors.Is(err, events.ErrConflict) {
		t.Errorf("second start: %v", err)
	}
	read, err := probe.OpenStream(t.Context(), server.Conn(), "PROBE")
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Drop(t.Context()); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("dropping what was only opened: %v", err)
	}
	if _, err := s.PublishAtomic(t.Context(), nil); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("empty batch: %v", err)
	}
	if err := s.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := probe.OpenStream(t.Context(), server.Conn(), "PROBE"); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("opening what was dropped: %v", err)
	}
}
