package events

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// IDHash stands for the pair (source, id) of an event: the first 16 bytes of
// SHA-256 over both, the source prefixed by its length (4 bytes, big endian).
type IDHash [16]byte

// HashID gives the hash of an event's name.
func HashID(source, id string) IDHash {
	b := make([]byte, 0, 128)
	b = binary.BigEndian.AppendUint32(b, uint32(len(source)))
	b = append(b, source...)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	return IDHash(sum[:16])
}

// ContentHash stands for an event's type and data: the first 16 bytes of an
// HMAC-SHA256, keyed, because the hash of a telephone number is guessed in minutes.
type ContentHash [16]byte

// HashContent gives the keyed hash of an event's type and data. Data is brought
// into its canonical form (RFC 8785) first, so that the order of members, white
// space and the spelling of fractions make no difference; only whole numbers keep
// their digits, since 64-bit ids do not survive as floating point. Data that is
// no JSON, or names a member twice, is ErrInvalid.
func HashContent(key []byte, t Type, data []byte) (ContentHash, error) {
	canonical := jsontext.Value(bytes.Clone(data))
	if err := canonical.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		return ContentHash{}, fmt.Errorf("hash content of %s: data is no JSON value: %w", t, ErrInvalid)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(t))
	mac.Write([]byte{0})
	mac.Write(canonical)
	return ContentHash(mac.Sum(nil)[:16]), nil
}

// IDEntry is what the id index knows about one event. The zero Position says
// that there is none.
type IDEntry struct {
	Hash     IDHash
	Position Position
	Content  ContentHash
	Recorded time.Time // RecordedTime of the event; whole microseconds, UTC
}

// IndexState is the appender's memory of the log as of Position.
type IndexState struct {
	Position Position
	Epoch    time.Time // of the log that is indexed; whole nanoseconds, UTC
	// Door is the running count, with what no event carries yet: duplicates
	// after the last event. InLane is not used.
	Door Door
	// Carried is the count that the event at Position carries. The difference
	// to Door is what the next event has to bring into the log. InLane is not used.
	Carried    Door
	Recorded   time.Time            // RecordedTime of the event at Position; whole microseconds, UTC
	LaneCounts [len(Lanes)]uint64   // events per lane, in the order of [Lanes]
	LaneEnds   [len(Lanes)]Position // last position per lane, in the order of [Lanes]
}

// IDIndex finds events by (source, id). It belongs to one appender and may be
// thrown away: the appender makes it again from the log. Implementations are
// safe for concurrent use and are held to eventstest.ExerciseIDIndex.
type IDIndex interface {
	// State gives what the last Advance set; the zero state in a new index.
	State(ctx context.Context) (IndexState, error)

	// Lookup answers each hash at the same index; one that is not in the index
	// has the zero Position.
	Lookup(ctx context.Context, hashes []IDHash) ([]IDEntry, error)

	// Advance adds entries and sets the state, in one atomic step, if the state's
	// position is still at; else ErrConflict and nothing is written. An entry
	// whose hash is there already stays as it was: the first one counts.
	// next.Position may equal at (only the door moved). With sync everything up
	// to now, earlier Advances included, is on disk when it returns nil; without,
	// the latest Advances may be lost in a crash, but only from the end. The caller
	// may use entries again afterwards.
	Advance(ctx context.Context, at Position, next IndexState, entries []IDEntry, sync bool) error
}

// LaneIndex is the place of a lane in [Lanes].
func LaneIndex(l Lane) int {
	for i, lane := range Lanes {
		if lane == l {
			return i
		}
	}
	return len(Lanes) - 1
}
