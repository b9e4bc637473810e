package golden

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// pinSaid is a row of pins: one value.pinned or value.unpinned.
type pinSaid struct {
	Stamp  events.Stamp       `json:"stamp"`
	Value  stdjson.RawMessage `json:"value,omitempty"` // none: unpinned
	By     string             `json:"by,omitempty"`
	Reason string             `json:"reason,omitempty"`
}

// pin is a row with the attribute that it is about.
type pin struct {
	attribute string
	pinSaid
}

// applyPin keeps what a steward says about an attribute, and makes the customer
// that the record belongs to now anew. A record that was not seen yet gets its
// pins when it is. ErrInvalid: no such attribute, or the value is none of it.
func applyPin(w projections.Work, e events.Decoded) error {
	k, p, err := readPin(e)
	if err != nil {
		return fmt.Errorf("read %s: %w", e.Type, err)
	}
	row, err := json.Marshal(&p.pinSaid)
	if err != nil {
		return fmt.Errorf("encode pin: %w", events.ErrInvalid)
	}
	id := k.UUID()
	src, old, err := loadForChange(w, id)
	if err != nil {
		return err
	}
	noteTime(w, e.Stored)
	n := readCounts(w)
	n.Pins++
	w.Put(pins, pinKey(id, p.attribute, e.Position), row)
	if src != nil {
		src.pinned = true
		if err := repin(w, id, src, old, e.Position, &n); err != nil {
			return err
		}
	}
	writeCounts(w, n)
	return nil
}

// repin writes what hangs on the pins of a record that was seen.
func repin(w projections.Work, id uuid.UUID, src *sourceRecord, old []indexRow, at events.Position, n *Counts) error {
	m, err := memberOf(w, id, src)
	if err != nil {
		return err
	}
	if err := writeSource(w, id, src); err != nil {
		return err
	}
	reindex(w, old, indexOf(m, &src.state))
	return rebuildAround(w, m, at, n)
}

func readPin(e events.Decoded) (events.RecordKey, pin, error) {
	p := pin{pinSaid: pinSaid{Stamp: events.StampOf(e.Envelope, nil)}}
	var k events.RecordKey
	switch in := e.Payload.(type) {
	case *events.ValuePinned:
		k, p.attribute, p.By, p.Reason = in.Record, in.Attribute, in.By, in.Reason
		if p.Value = compact(in.Value); p.Value == nil {
			return k, p, fmt.Errorf("no value: %w", events.ErrInvalid)
		}
		if _, err := ReadPinned(p.attribute, p.Value); err != nil {
			return k, p, err
		}
	case *events.ValueUnpinned:
		k, p.attribute, p.By, p.Reason = in.Record, in.Attribute, in.By, in.Reason
	}
	if k.IsZero() || !pinnable(p.attribute) {
		return k, p, fmt.Errorf("no record, or no attribute that can be pinned: %w", events.ErrInvalid)
	}
	return k.Normal(), p, nil
}

func hasPins(r rows, id uuid.UUID) bool {
	found := false
	rg := projections.Prefix(id[:])
	rg.Limit = 1
	r.Scan(pins, rg, func(projections.Row) bool {
		found = true
		return false
	})
	return found
}

// compact writes JSON without white space, nil for what is none or null.
func compact(raw stdjson.RawMessage) stdjson.RawMessage {
	var b bytes.Buffer
	if stdjson.Compact(&b, raw) != nil || b.Len() == 0 || b.String() == "null" {
		return nil
	}
	return b.Bytes()
}

func pinPrefix(id uuid.UUID, attribute string) []byte {
	b := append(append(make([]byte, 0, 16+len(attribute)+9), id[:]...), attribute...)
	return append(b, 0)
}

func pinKey(id uuid.UUID, attribute string, p events.Position) []byte {
	return appendNumber(pinPrefix(id, attribute), p)
}

// pinsOf gives the pins of a record that hold, by attribute: for each the last word
// by stamp. Those that were recorded after position known, or are of later than at
// (zero: any time), do not count.
func pinsOf(r rows, id uuid.UUID, known events.Position, at time.Time) ([]pin, error) {
	var all []pin
	var failed error
	r.Scan(pins, projections.Prefix(id[:]), func(row projections.Row) bool {
		p := pin{attribute: string(row.Key[16 : len(row.Key)-9])}
		if events.Position(numberAt(row.Key, len(row.Key)-8)) > known {
			return true
		}
		if failed = json.Unmarshal(row.Value, &p.pinSaid); failed != nil {
			failed = damaged(pins)
			return false
		}
		if !at.IsZero() && p.Stamp.Time.After(at) {
			return true
		}
		last := len(all) - 1
		if last < 0 || all[last].attribute != p.attribute {
			all = append(all, p)
		} else if p.Stamp.Compare(all[last].Stamp) > 0 {
			all[last] = p
		}
		return true
	})
	if failed != nil {
		return nil, failed
	}
	return holding(all), nil
}

// holding drops the pins that were taken back.
func holding(all []pin) []pin {
	held := all[:0]
	for _, p := range all {
		if p.Value != nil {
			held = append(held, p)
		}
	}
	return held
}

// Pin is a value that a steward pinned, and that holds.
type Pin struct {
	Record    events.RecordKey   `json:"record"`
	Attribute string             `json:"attribute"`
	Value     stdjson.RawMessage `json:"value"` // as customer.recorded.v1 writes one value
	By        string             `json:"by,omitempty"`
	At        time.Time          `json:"at"`
	Reason    string             `json:"reason,omitempty"`
}

// Pins gives the pins that hold on the records of the customer that an id stands
// for, by record key and attribute. Where several are of one attribute, the latest
// is the one that shows.
func Pins(ctx context.Context, r projections.Reader, id uuid.UUID) ([]Pin, error) {
	in := &reading{ctx: ctx, r: r}
	c, ok := getCustomer(in, id)
	if !ok {
		return nil, in.err
	}
	var out []Pin
	for _, m := range c.Records {
		held, err := pinsOf(in, m.ID, forever, time.Time{})
		if err != nil {
			return nil, err
		}
		for _, p := range held {
			out = append(out, Pin{Record: m.Normal(), Attribute: p.attribute, Value: p.Value, By: p.By, At: p.Stamp.Time, Reason: p.Reason})
		}
	}
	return out, in.err
}

// LastPin gives the time of the last word about an attribute, pinned or unpinned,
// on the records of the customer that an id stands for; zero: there was none.
func LastPin(ctx context.Context, r projections.Reader, id uuid.UUID, attribute string) (time.Time, error) {
	in := &reading{ctx: ctx, r: r}
	var last time.Time
	customer, ok := customerOf(in, id)
	if !ok {
		return last, in.err
	}
	for _, m := range membersOf(in, customer) {
		var failed error
		in.Scan(pins, projections.Prefix(pinPrefix(m, attribute)), func(row projections.Row) bool {
			var p pinSaid
			if failed = json.Unmarshal(row.Value, &p); failed != nil {
				return false
			}
			if p.Stamp.Time.After(last) {
				last = p.Stamp.Time
			}
			return true
		})
		if failed != nil {
			return last, damaged(pins)
		}
	}
	return last, in.err
}

// declared begins the names of attributes that a site declares itself.
const declared = "attributes."

// pinnable says whether an attribute can be pinned.
func pinnable(attribute string) bool {
	switch attribute {
	case "names", "birth_date", "death_date", "gender", "documents", "phones", "emails", "addresses", "handles",
		"language", "nationality", "lifecycle", "segment", "tier", "vip", "organization", "preferences":
		return true
	}
	name, ok := strings.CutPrefix(attribute, declared)
	return ok && name != "" && !strings.Contains(name, "\x00")
}
