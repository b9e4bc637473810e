package pebblestore

import (
	"encoding/binary"
	"fmt"
	"time"

	"ficha/events"
)

// indexStateVersion is the first byte of a stored state. After it come 24 numbers
// of 8 bytes, big endian: position; seconds and nanoseconds of the epoch; taken,
// appended, duplicate, refused and dead of Door, then of Carried; recorded time in
// µs; events per lane; last positions per lane.
const indexStateVersion = 1

const indexStateSize = 1 + 8*(1+2+5+5+1+2*len(events.Lanes))

func encodeIndexState(s events.IndexState) []byte {
	b := make([]byte, 1, indexStateSize)
	b[0] = indexStateVersion
	b = binary.BigEndian.AppendUint64(b, uint64(s.Position))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Epoch.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Epoch.Nanosecond()))
	for _, d := range [...]events.Door{s.Door, s.Carried} {
		for _, n := range [...]uint64{d.Taken, d.Appended, d.Duplicate, d.Refused, d.Dead} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	}
	b = binary.BigEndian.AppendUint64(b, uint64(s.Recorded.UnixMicro()))
	for _, n := range s.LaneCounts {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	for _, p := range s.LaneEnds {
		b = binary.BigEndian.AppendUint64(b, uint64(p))
	}
	return b
}

func decodeIndexState(b []byte) (events.IndexState, error) {
	var s events.IndexState
	if len(b) != indexStateSize || b[0] != indexStateVersion {
		return s, fmt.Errorf("read state of id index: %d bytes in an unknown form: %w", len(b), events.ErrUnavailable)
	}
	rest := b[1:]
	next := func() uint64 {
		n := binary.BigEndian.Uint64(rest)
		rest = rest[8:]
		return n
	}
	s.Position = events.Position(next())
	seconds := int64(next())
	s.Epoch = time.Unix(seconds, int64(next())).UTC()
	for _, d := range [...]*events.Door{&s.Door, &s.Carried} {
		for _, n := range [...]*uint64{&d.Taken, &d.Appended, &d.Duplicate, &d.Refused, &d.Dead} {
			*n = next()
		}
	}
	s.Recorded = time.UnixMicro(int64(next())).UTC()
	for i := range s.LaneCounts {
		s.LaneCounts[i] = next()
	}
	for i := range s.LaneEnds {
		s.LaneEnds[i] = events.Position(next())
	}
	return s, nil
}
