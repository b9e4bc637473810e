package natslog_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"go.uber.org/goleak"

	"ficha/events"
	"ficha/events/eventstest"
)

// spoil changes one byte of the event with that id in the log's files.
func spoil(t *testing.T, l *testLog, id string) {
	t.Helper()
	for _, path := range blocks(t, l) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(b, []byte(`"id":"`+id+`"`)); at >= 0 {
			b[at+20] ^= 0x01
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no file holds %s", id)
}

// TestMissingEventInLane: whoever reads one lane does not see positions follow
// each other, and must be told of a missing event all the same, wherever it begins.
func TestMissingEventInLane(t *testing.T) {
	open := func(t *testing.T) *testLog {
		l := newTestLog(t, nil)
		appendAll(t, l, eventstest.Events("e", 140)) // contact: positions 2, 6, 9, 13 …
		l.stop()
		spoil(t, l, "e-71") // position 72, contact
		l.start(t)
		return l
	}
	for name, after := range map[string]events.Position{
		"from the beginning":                      0,
		"from an event of the lane":               69,
		"from an event of another lane":           71,
		"from the missing event itself":           72,
		"from an event of another lane before":    70,
		"from far before, an event of the lane":   9,
		"from far before, one of another lane":    10,
		"from before the first event of the lane": 1,
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t)
			if err := l.Damage(); err != nil {
				t.Fatalf("found before anybody read: %v; the case shows nothing", err)
			}
			var last error
			for e, err := range l.Read(t.Context(), events.ReadOptions{After: after, Lane: events.LaneContact}) {
				if last = err; err == nil && e.Position > 72 {
					t.Errorf("position %d was given although 72 is missing", e.Position)
				}
			}
			if !errors.Is(last, events.ErrDamaged) || !errors.Is(l.Damage(), events.ErrDamaged) {
				t.Fatalf("the read ended with %v, Damage = %v", last, l.Damage())
			}
		})
	}
	t.Run("by its position", func(t *testing.T) {
		l := open(t)
		if _, err := l.Get(t.Context(), 72); !errors.Is(err, events.ErrDamaged) || !errors.Is(l.Damage(), events.ErrDamaged) {
			t.Errorf("Get = %v, Damage = %v", err, l.Damage())
		}
	})
	t.Run("others are still read", func(t *testing.T) {
		l := open(t)
		if _, err := l.Get(t.Context(), 73); err != nil {
			t.Errorf("Get: %v", err)
		}
		for _, err := range l.Read(t.Context(), events.ReadOptions{Lane: events.LaneRecord}) {
			if err != nil {
				t.Errorf("another lane: %v", err)
			}
		}
	})
}

func TestNothingKeepsRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	l := newTestLog(t, nil)
	appendAll(t, l, eventstest.Events("e", 50))
	for range 3 {
		for range l.Read(t.Context(), events.ReadOptions{Follow: true}) {
			break
		}
	}
	l.stop()
	goleak.VerifyNone(t, before)
}
