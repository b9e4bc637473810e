package witness

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"ficha/events"
	"ficha/projections"
)

const (
	heads       projections.Table = "witness"
	checkpoints projections.Table = "witness_checkpoints"
	epochs      projections.Table = "witness_epoch"
)

// checkpointEvery is how many events lie between two checkpoints.
const checkpointEvery = 4096

// Fold counts and hashes every event. It has no state of its own.
type Fold struct{}

var _ projections.EnvelopeFold = Fold{}

// New gives the fold.
func New() Fold { return Fold{} }

// Name is "witness".
func (Fold) Name() string { return "witness" }

// Version is that of the rows described in the package comment.
func (Fold) Version() int { return 1 }

// Tables lists the tables of the fold; witness_epoch is the guard's.
func (Fold) Tables() []projections.Table { return []projections.Table{heads, checkpoints} }

// FoldsEnvelopes: events whose data cannot be read are in the log too.
func (Fold) FoldsEnvelopes() {}

// Apply takes note of any event. One that is not after the last one means that
// the log went back (events.ErrDamaged).
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	var h head
	if v, ok := w.Get(heads, headKey()); ok {
		var err error
		if h, err = decodeHead(v); err != nil {
			return err
		}
	}
	if e.Position <= h.position {
		return fmt.Errorf("witness event at %d after %d: %w", e.Position, h.position, events.ErrDamaged)
	}
	h.note(e.Stored)
	w.Put(heads, headKey(), h.encode())
	increment(w, "lane/"+string(e.Type.Lane()))
	increment(w, "type/"+string(e.Type))
	if uint64(e.Position)%checkpointEvery == 0 {
		w.Put(checkpoints, checkpointKey(e.Position), append([]byte(nil), h.running[:]...))
	}
	return nil
}

func increment(w projections.Work, key string) {
	n := uint64(1)
	if v, ok := w.Get(heads, []byte(key)); ok && len(v) == 8 {
		n += binary.BigEndian.Uint64(v)
	}
	w.Put(heads, []byte(key), binary.BigEndian.AppendUint64(nil, n))
}

// hash is a SHA-256.
type hash [sha256.Size]byte

// head is what is known of the log up to the last event that was folded.
type head struct {
	position events.Position
	folded   uint64
	last     hash // of the bytes of the event at position
	running  hash // over the running hash before it, and last
	door     events.Door
}

func (h *head) note(e events.Stored) {
	h.position, h.door = e.Position, e.Door
	h.folded++
	h.chain(e.Bytes)
}

// chain hashes an event's bytes onto what went before.
func (h *head) chain(b []byte) {
	h.last = sha256.Sum256(b)
	var both [2 * sha256.Size]byte
	copy(both[:], h.running[:])
	copy(both[sha256.Size:], h.last[:])
	h.running = sha256.Sum256(both[:])
}

const headSize = 8 + 8 + 2*sha256.Size + 6*8

func (h *head) encode() []byte {
	b := make([]byte, 0, headSize)
	b = binary.BigEndian.AppendUint64(b, uint64(h.position))
	b = binary.BigEndian.AppendUint64(b, h.folded)
	b = append(append(b, h.last[:]...), h.running[:]...)
	for _, n := range counters(&h.door) {
		b = binary.BigEndian.AppendUint64(b, *n)
	}
	return b
}

func decodeHead(v []byte) (head, error) {
	if len(v) != headSize {
		return head{}, fmt.Errorf("decode row of %s: %w", heads, events.ErrUnavailable)
	}
	h := head{position: events.Position(binary.BigEndian.Uint64(v)), folded: binary.BigEndian.Uint64(v[8:])}
	copy(h.last[:], v[16:])
	copy(h.running[:], v[16+sha256.Size:])
	for i, n := range counters(&h.door) {
		*n = binary.BigEndian.Uint64(v[16+2*sha256.Size+8*i:])
	}
	return h, nil
}

func counters(d *events.Door) [6]*uint64 {
	return [...]*uint64{&d.Taken, &d.Appended, &d.Duplicate, &d.Refused, &d.Dead, &d.InLane}
}

func headKey() []byte { return []byte("head") }

func checkpointKey(p events.Position) []byte { return binary.BigEndian.AppendUint64(nil, uint64(p)) }
