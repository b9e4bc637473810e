package record

import (
	stdjson "encoding/json"
	"slices"

	"github.com/go-json-experiment/json"

	"ficha/events"
)

// maxMoments is how many statements a Past keeps apart. Keeping the newest ones
// by stamp is order-free; a record that is stated more often than that loses who
// held its oldest contact points when, and no more.
const maxMoments = 128

// Past is what the statements about a record said of its contact points, for
// the question who held one when.
type Past struct {
	// First is the oldest statement that was a recording, once it is in Base.
	First *Moment `json:"first,omitempty"`
	// Base folds the statements that are older than all Moments.
	Base *Base `json:"base,omitempty"`
	// Moments are the newest statements, oldest first.
	Moments []Moment `json:"moments"`
}

// Moment is what one statement said: which contact points, or that the record is
// gone. A field is nil where the statement is silent, "[]" where it says none:
// omitempty would drop the latter.
type Moment struct {
	Stamp   events.Stamp       `json:"stamp"`
	Created string             `json:"created,omitempty"` // created_at, as stated
	Gone    bool               `json:"gone,omitzero"`
	Phones  stdjson.RawMessage `json:"phones,omitzero"`
	Emails  stdjson.RawMessage `json:"emails,omitzero"`
	Handles stdjson.RawMessage `json:"handles,omitzero"`
}

// Base is the latest word on each field and on being there, of old statements.
type Base struct {
	Gone    Latest[bool]               `json:"gone"`
	Phones  Latest[stdjson.RawMessage] `json:"phones,omitzero"`
	Emails  Latest[stdjson.RawMessage] `json:"emails,omitzero"`
	Handles Latest[stdjson.RawMessage] `json:"handles,omitzero"`
}

// momentOf reads what a recording says of contact points.
func momentOf(p Part) (Moment, error) {
	var said struct {
		Created string             `json:"created_at"`
		Phones  stdjson.RawMessage `json:"phones"`
		Emails  stdjson.RawMessage `json:"emails"`
		Handles stdjson.RawMessage `json:"handles"`
	}
	if err := json.Unmarshal(p.Data, &said); err != nil {
		return Moment{}, errNoObject()
	}
	return Moment{
		Stamp: p.Stamp, Created: said.Created,
		Phones: pointsSaid(said.Phones, p.Full), Emails: pointsSaid(said.Emails, p.Full), Handles: pointsSaid(said.Handles, p.Full),
	}, nil
}

// pointsSaid gives silence as nil, and "none" in whatever form as [].
func pointsSaid(raw stdjson.RawMessage, full bool) stdjson.RawMessage {
	if raw == nil && !full {
		return nil
	}
	if raw == nil || string(raw) == "null" {
		return stdjson.RawMessage("[]")
	}
	return raw
}

func (p *Past) has(s events.Stamp) bool {
	_, ok := p.search(s)
	return ok
}

func (p *Past) search(s events.Stamp) (int, bool) {
	return slices.BinarySearchFunc(p.Moments, s, func(m Moment, s events.Stamp) int { return m.Stamp.Compare(s) })
}

// add puts m in its place; when there are too many, the oldest goes into Base.
func (p *Past) add(m Moment) {
	i, known := p.search(m.Stamp)
	if known {
		return
	}
	p.Moments = slices.Insert(p.Moments, i, m)
	if len(p.Moments) <= maxMoments {
		return
	}
	oldest := p.Moments[0]
	p.Moments = slices.Delete(p.Moments, 0, 1)
	if p.Base == nil {
		p.Base = new(Base)
	}
	p.Base.take(oldest)
	if !oldest.Gone && (p.First == nil || oldest.Stamp.Compare(p.First.Stamp) < 0) {
		p.First = &Moment{Stamp: oldest.Stamp, Created: oldest.Created}
	}
}

func (b *Base) take(m Moment) {
	b.Gone.Take(m.Stamp, m.Gone)
	for _, f := range [...]struct {
		field *Latest[stdjson.RawMessage]
		said  stdjson.RawMessage
	}{{&b.Phones, m.Phones}, {&b.Emails, m.Emails}, {&b.Handles, m.Handles}} {
		if f.said != nil {
			f.field.Take(m.Stamp, f.said)
		}
	}
}
