package pebblestore

import (
	"bytes"
	"testing"
	"time"

	"ficha/events"
)

// FuzzDecodeIndexState: any bytes either are a state, which encodes to the same
// bytes again, or an error.
func FuzzDecodeIndexState(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeIndexState(events.IndexState{}))
	f.Add(encodeIndexState(events.IndexState{Position: 7, Epoch: time.Unix(1, 2).UTC(), Recorded: time.UnixMicro(3).UTC(), Door: events.Door{Taken: 9}}))
	f.Add(bytes.Repeat([]byte{1}, indexStateSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeIndexState(b)
		if err != nil {
			return
		}
		again, err := decodeIndexState(encodeIndexState(s))
		if err != nil || again != s {
			t.Fatalf("%+v became %+v, %v", s, again, err)
		}
	})
}
