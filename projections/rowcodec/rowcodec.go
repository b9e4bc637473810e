// Package rowcodec writes and reads what the rows of several projections are made
// of: numbers, texts, times, stamps. Rows are compact, since every event writes
// some, and are never compared as bytes: their keys are what is ordered.
package rowcodec

import (
	"encoding/binary"
	"time"

	"ficha/events"
)

// AppendText writes the length of s as a uvarint, then s.
func AppendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// AppendTime writes seconds (varint) and nanoseconds (uvarint) of Unix time.
func AppendTime(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
}

// AppendStamp writes time, 1 and the revision (varint) or 0, source and event.
func AppendStamp(b []byte, s events.Stamp) []byte {
	b = AppendTime(b, s.Time)
	if s.Revision == nil {
		b = append(b, 0)
	} else {
		b = binary.AppendVarint(append(b, 1), *s.Revision)
	}
	return AppendText(AppendText(b, s.Source), s.Event)
}

// Parser reads what the functions of this package wrote. Once it has failed it
// gives zeros, so that a row is read in one go and Failed asked at the end.
type Parser struct {
	rest   []byte
	failed bool
}

// Parse begins to read a row, which it keeps and shares.
func Parse(row []byte) Parser { return Parser{rest: row} }

// Failed says whether the row was not what was read.
func (p *Parser) Failed() bool { return p.failed }

// Rest gives what was not read yet.
func (p *Parser) Rest() []byte { return p.rest }

// Bytes reads n bytes; nil where there are fewer.
func (p *Parser) Bytes(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.failed, p.rest = true, nil
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// Byte reads one byte.
func (p *Parser) Byte() byte {
	if b := p.Bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// Number reads a uvarint.
func (p *Parser) Number() uint64 {
	n, k := binary.Uvarint(p.rest)
	p.skip(k)
	return n
}

// Signed reads a varint.
func (p *Parser) Signed() int64 {
	n, k := binary.Varint(p.rest)
	p.skip(k)
	return n
}

func (p *Parser) skip(k int) {
	if k <= 0 {
		p.failed, p.rest = true, nil
		return
	}
	p.rest = p.rest[k:]
}

// Text reads what AppendText wrote.
func (p *Parser) Text() string { return string(p.Bytes(p.Number())) }

// Time reads what AppendTime wrote, in UTC.
func (p *Parser) Time() time.Time {
	sec := p.Signed()
	return time.Unix(sec, int64(p.Number())).UTC()
}

// Stamp reads what AppendStamp wrote.
func (p *Parser) Stamp() events.Stamp {
	s := events.Stamp{Time: p.Time()}
	if p.Byte() == 1 {
		rev := p.Signed()
		s.Revision = &rev
	}
	s.Source, s.Event = p.Text(), p.Text()
	return s
}
