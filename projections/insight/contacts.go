package insight

import (
	"encoding/binary"
	"strings"
	"time"

	"ficha/events"
	"ficha/events/record"
	"ficha/projections"
	"ficha/projections/rowcodec"
)

// interaction is a row of insight_counted about an interaction.
type interaction struct {
	said      record.Latest[contact]
	withdrawn record.Latest[struct{}]
}

// contact is what an interaction is counted as: its hour, and the rest of the key
// in insight_contacts.
type contact struct {
	hour int64  // of UTC, Unix time
	kind string // channel, direction, source, outcome, with 0x00 between them
}

func contactStated(w projections.Work, e events.Envelope, p *events.InteractionRecorded) error {
	at, err := time.Parse(time.RFC3339, p.StartedAt)
	if err != nil {
		at = e.Time
	}
	said := contact{
		hour: floorDiv(at.Unix(), 3600),
		kind: string(appendParts(make([]byte, 0, 64), p.Channel, p.Direction, p.Record.Source, p.Outcome)),
	}
	return changeContact(w, p.Record.RecordKey, func(x *interaction) bool {
		return x.said.Take(events.StampOf(e, p.Record.Revision), said)
	})
}

func contactWithdrawn(w projections.Work, e events.Envelope, p *events.InteractionWithdrawn) error {
	return changeContact(w, p.Record.RecordKey, func(x *interaction) bool {
		return x.withdrawn.Take(events.StampOf(e, p.Record.Revision), struct{}{})
	})
}

// changeContact lets take hear a statement about an interaction and, if that is
// news, counts the interaction as what it is now instead of what it was.
func changeContact(w projections.Work, key events.RecordKey, take func(*interaction) bool) error {
	own, err := ownKey(ofInteraction, key)
	if err != nil {
		return err
	}
	var x interaction
	if v, ok := w.Get(counted, own); ok && !x.decode(v) {
		return damaged(counted)
	}
	was, counts := x.said.Value, x.counts()
	if !take(&x) {
		return nil
	}
	w.Put(counted, own, x.encode())
	if counts == x.counts() && was == x.said.Value {
		return nil
	}
	if counts {
		if err := was.count(w, -1); err != nil {
			return err
		}
	}
	if x.counts() {
		return x.said.Value.count(w, 1)
	}
	return nil
}

// counts says whether the interaction is there at its source.
func (x *interaction) counts() bool {
	return !x.said.IsZero() && (x.withdrawn.IsZero() || x.said.Stamp.Compare(x.withdrawn.Stamp) > 0)
}

func (c contact) count(w projections.Work, sign int64) error {
	day := floorDiv(c.hour, 24)
	key := append(appendDay(make([]byte, 0, 4+len(c.kind)), Day(day)), c.kind...)
	return count(w, contacts, key, 1, byte(c.hour-24*day), [maxWidth]int64{1}, sign)
}

const (
	hasSaid = 1 << iota
	hasWithdrawn
)

// encode writes flags (1 byte), then for each that is set: the stamp (withdrawn);
// the stamp with the hour and the rest of the key (said).
func (x *interaction) encode() []byte {
	b := make([]byte, 1, 112)
	if !x.withdrawn.IsZero() {
		b[0] |= hasWithdrawn
		b = rowcodec.AppendStamp(b, x.withdrawn.Stamp)
	}
	if !x.said.IsZero() {
		b[0] |= hasSaid
		b = rowcodec.AppendStamp(b, x.said.Stamp)
		b = binary.AppendVarint(b, x.said.Value.hour)
		b = append(b, x.said.Value.kind...)
	}
	return b
}

func (x *interaction) decode(v []byte) bool {
	p := rowcodec.Parse(v)
	flags := p.Byte()
	if flags&hasWithdrawn != 0 {
		x.withdrawn.Stamp = p.Stamp()
	}
	if flags&hasSaid != 0 {
		x.said.Stamp = p.Stamp()
		x.said.Value.hour = p.Signed()
		x.said.Value.kind = string(p.Rest())
	}
	return !p.Failed()
}

// parts reads texts that appendParts wrote.
func parts(b []byte, n int) ([]string, bool) {
	all := strings.SplitN(string(b), "\x00", n)
	return all, len(all) == n
}
