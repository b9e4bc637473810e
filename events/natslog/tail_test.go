package natslog

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ficha/events"
)

func FuzzDecodeTail(f *testing.F) {
	good := tail{position: 7, epoch: time.Unix(0, 1234567890).UTC(), hash: sha256.Sum256([]byte("x"))}.encode()
	f.Add(good)
	f.Add(good[:60])
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, tailSlot))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := decodeTail(b)
		if ok && !bytes.Equal(got.encode()[:tailBody+4], b[:tailBody+4]) {
			t.Fatalf("decoded %+v from other bytes", got)
		}
	})
}

// TestTornTailIsNoticed changes every byte of a slot in turn.
func TestTornTailIsNoticed(t *testing.T) {
	want := tail{position: 1 << 40, epoch: time.Unix(0, 1234567890123456789).UTC(), hash: sha256.Sum256([]byte("x"))}
	slot := want.encode()
	if got, ok := decodeTail(slot); !ok || got != want {
		t.Fatalf("decoded %+v, %v", got, ok)
	}
	for i := range tailBody + 4 {
		bad := bytes.Clone(slot)
		bad[i]++
		if _, ok := decodeTail(bad); ok {
			t.Errorf("byte %d changed and nobody noticed", i)
		}
	}
}

func TestTailFileKeepsTheLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tail")
	epoch := time.Unix(0, 42).UTC()
	f, _, made, err := openTail(path)
	if err != nil || !made {
		t.Fatalf("made %v, %v", made, err)
	}
	for p := events.Position(1); p < 6; p++ {
		want := tail{position: p, epoch: epoch, hash: sha256.Sum256([]byte{byte(p)})}
		if err := f.write(want); err != nil {
			t.Fatal(err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		var got tail
		if f, got, made, err = openTail(path); err != nil || made || got != want {
			t.Fatalf("opened %+v, %v, %v; want %+v", got, made, err, want)
		}
	}
	f.close()
	if err := os.WriteFile(path, make([]byte, 2*tailSlot), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := openTail(path); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("a zeroed file: %v, want ErrDamaged", err)
	}
}
