package events

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// DefaultStream is the stream of a record whose source names none.
const DefaultStream = "customer"

// recordNamespace is frozen: every record's uuid, and so every customer id that
// was ever given out, hangs on it.
var recordNamespace = uuid.MustParse("6c1c2f6e-3b0c-5f0a-9d52-1b6d0f1c4a11")

// RecordKey names one record of one source system.
type RecordKey struct {
	Source string `json:"source"`
	Stream string `json:"stream,omitempty"` // "" means DefaultStream
	ID     string `json:"id"`
}

// Normal gives the key with the default stream filled in.
func (k RecordKey) Normal() RecordKey {
	if k.Stream == "" {
		k.Stream = DefaultStream
	}
	return k
}

// UUID is the record's identity in the hub: UUIDv5 over the three parts, each
// prefixed by its length (4 bytes, big endian), so that no two keys collide by
// concatenation.
func (k RecordKey) UUID() uuid.UUID {
	k = k.Normal()
	b := make([]byte, 0, 64)
	for _, s := range [...]string{k.Source, k.Stream, k.ID} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return uuid.NewSHA1(recordNamespace, b)
}

// IsZero says whether the key names nothing.
func (k RecordKey) IsZero() bool { return k.Source == "" && k.ID == "" }

// Compare orders keys by source, stream, id.
func (k RecordKey) Compare(o RecordKey) int {
	return cmp.Or(strings.Compare(k.Source, o.Source), strings.Compare(k.Stream, o.Stream), strings.Compare(k.ID, o.ID))
}

// Record is a record key as an event states it, with the source's own revision
// of it where it keeps one.
type Record struct {
	RecordKey
	Revision *int64 `json:"revision,omitempty"`
}

// Stamp orders the statements about one record: by time, then by revision where
// both have one, then by source and event id. It never depends on arrival.
// Revision decides only between equal times, as a source that counts revisions
// but repeats times (second resolution) needs.
type Stamp struct {
	Time     time.Time `json:"time"`
	Revision *int64    `json:"rev,omitempty"`
	Source   string    `json:"src"`
	Event    string    `json:"ev"`
}

// StampOf gives the stamp of what e says about the record with revision rev (nil: none).
func StampOf(e Envelope, rev *int64) Stamp {
	return Stamp{Time: e.Time.UTC(), Revision: rev, Source: e.Source, Event: e.ID}
}

// Compare gives -1, 0 or 1. It is a total order: a stamp without revision comes
// before every stamp with one at the same time.
func (s Stamp) Compare(o Stamp) int {
	if c := s.Time.Compare(o.Time); c != 0 {
		return c
	}
	switch {
	case s.Revision == nil && o.Revision != nil:
		return -1
	case s.Revision != nil && o.Revision == nil:
		return 1
	case s.Revision != nil && *s.Revision != *o.Revision:
		return cmp.Compare(*s.Revision, *o.Revision)
	}
	return cmp.Or(strings.Compare(s.Source, o.Source), strings.Compare(s.Event, o.Event))
}

// IsZero says whether nothing was stated yet.
func (s Stamp) IsZero() bool { return s.Time.IsZero() && s.Event == "" }

func (k RecordKey) String() string { return fmt.Sprintf("%s:%s:%s", k.Source, k.Normal().Stream, k.ID) }
