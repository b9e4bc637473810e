package insight

import (
	"encoding/binary"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/rowcodec"
)

// countedCase is a row of insight_counted about a case.
type countedCase struct {
	stamp  events.Stamp
	first  time.Time // the earliest time of any statement about it
	stated bool      // the statement in force has opened_at
	opened int64     // seconds of Unix time: of its row in insight_cases
}

// caseRow is a row of insight_cases: what figures need of a case. Times are
// seconds of Unix time, 0 where there is none.
type caseRow struct {
	kind, status, channel, source string
	escalated                     bool
	ended, answered, due, expires int64
}

// caseChanged counts a case, in the place of what was said of it before.
func caseChanged(w projections.Work, e events.Envelope, p *events.CaseChanged) error {
	own, err := ownKey(ofCase, p.Record.RecordKey)
	if err != nil {
		return err
	}
	var was countedCase
	v, known := w.Get(counted, own)
	if known && !was.decode(v) {
		return damaged(counted)
	}
	x, stamp := was, events.StampOf(e, p.Record.Revision)
	if !known || e.Time.Before(x.first) {
		x.first = e.Time.UTC()
	}
	news := !known || stamp.Compare(x.stamp) > 0
	var row []byte
	if news {
		x.stamp, row = stamp, readCase(p).encode()
		x.opened, x.stated = secondsOf(p.OpenedAt)
	} else if row, known = w.Get(cases, was.rowKey(own)); !known {
		return damaged(cases)
	}
	if !x.stated {
		x.opened = x.first.Unix()
	}
	if !news && x.first.Equal(was.first) {
		return nil // an old statement that says nothing new
	}
	if known && x.opened != was.opened {
		w.Delete(cases, was.rowKey(own))
	}
	w.Put(cases, x.rowKey(own), row)
	w.Put(counted, own, x.encode())
	return nil
}

// readCase takes from a statement what the row keeps.
func readCase(p *events.CaseChanged) *caseRow {
	c := &caseRow{kind: p.Kind, status: p.Status, channel: p.Channel, source: p.Record.Source, escalated: p.Escalated != nil && *p.Escalated}
	ended, ok := secondsOf(p.ResolvedAt)
	if !ok {
		ended, _ = secondsOf(p.ClosedAt)
	}
	c.ended = ended
	c.answered, _ = secondsOf(p.FirstResponseAt)
	c.due, _ = secondsOf(p.DueAt)
	c.expires, _ = secondsOf(p.ExpiresAt)
	return c
}

// secondsOf reads a time into seconds of Unix time; false for none.
func secondsOf(s string) (int64, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, false
	}
	return t.Unix(), true
}

// secondsOffset makes seconds of any year sort as unsigned numbers.
const secondsOffset = 1 << 62

// rowKey is the case's key in insight_cases.
func (x *countedCase) rowKey(own []byte) []byte {
	return append(openedKey(x.opened), own[1:]...)
}

// openedKey begins the keys of the cases that were opened in a second.
func openedKey(seconds int64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(seconds+secondsOffset))
}

func openedAt(key []byte) int64 { return int64(binary.BigEndian.Uint64(key)) - secondsOffset }

func (x *countedCase) encode() []byte {
	b := rowcodec.AppendTime(rowcodec.AppendStamp(make([]byte, 1, 64), x.stamp), x.first)
	b[0] = byte(yes(x.stated))
	return binary.AppendVarint(b, x.opened)
}

func (x *countedCase) decode(v []byte) bool {
	p := rowcodec.Parse(v)
	x.stated = p.Byte() == 1
	x.stamp, x.first = p.Stamp(), p.Time()
	x.opened = p.Signed()
	return !p.Failed()
}

func (c *caseRow) encode() []byte {
	b := make([]byte, 1, 96)
	b[0] = byte(yes(c.escalated))
	for _, s := range [...]string{c.kind, c.status, c.channel, c.source} {
		b = rowcodec.AppendText(b, s)
	}
	for _, t := range [...]int64{c.ended, c.answered, c.due, c.expires} {
		b = binary.AppendVarint(b, t)
	}
	return b
}

func decodeCase(v []byte) (caseRow, bool) {
	p := rowcodec.Parse(v)
	var c caseRow
	c.escalated = p.Byte() == 1
	for _, s := range [...]*string{&c.kind, &c.status, &c.channel, &c.source} {
		*s = p.Text()
	}
	for _, t := range [...]*int64{&c.ended, &c.answered, &c.due, &c.expires} {
		*t = p.Signed()
	}
	return c, !p.Failed()
}

// open says whether a case waits for its end at a time.
func (c *caseRow) open(now int64) bool {
	switch c.status {
	case "resolved", "closed", "cancelled":
		return false
	}
	return c.expires == 0 || c.expires > now
}

func (c *caseRow) overdue(now int64) bool { return c.open(now) && c.due != 0 && c.due < now }

// took gives the minutes to the end; false where it has none, or one before the
// opening.
func (c *caseRow) took(opened int64) (int64, bool) {
	if c.status != "resolved" && c.status != "closed" {
		return 0, false
	}
	return minutes(opened, c.ended)
}

// minutes gives the whole minutes between; false where there is no end, or one
// before the beginning.
func minutes(from, to int64) (int64, bool) {
	if to == 0 || to < from {
		return 0, false
	}
	return (to - from) / 60, true
}
