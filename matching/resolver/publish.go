package resolver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ficha/events"
)

// maxEventBytes bounds the data of one identity.resolved; larger decisions are
// published as several closed ones.
const maxEventBytes = 256 << 10

// Source is the envelope source of the resolver's events.
const Source = events.HubSource + "/resolver"

// announce builds the events that state the parts: closed, in order, each under
// the size limit where its parts allow.
func (b *Book) announce(parts []Part, cause events.Position, now time.Time) ([]events.Envelope, error) {
	var out []events.Envelope
	open := b.opening(cause)
	size := 0
	flush := func() error {
		if len(open.Groups) == 0 {
			return nil
		}
		slices.SortFunc(open.Potential, compareLinks) // a pair between two parts is in both
		open.Potential = slices.CompactFunc(open.Potential, func(p, q events.IdentityLink) bool { return compareLinks(p, q) == 0 })
		e, err := envelope(open, now)
		if err != nil {
			return err
		}
		out = append(out, e)
		open, size = b.opening(cause), 0
		return nil
	}
	for _, p := range parts {
		n := sizeOf(p)
		if size > 0 && size+n > maxEventBytes {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		size += n
		b.add(&open, p)
	}
	return out, flush()
}

func (b *Book) opening(cause events.Position) events.IdentityResolved {
	return events.IdentityResolved{Cause: cause, Model: b.engine.ModelVersion(), Engine: b.engine.Version()}
}

func (b *Book) add(d *events.IdentityResolved, p Part) {
	for _, g := range p.Groups {
		members := make(events.IdentityGroup, len(g))
		for i, id := range g {
			members[i] = events.GroupMember{Record: id, Position: b.members[id].last}
		}
		d.Groups = append(d.Groups, members)
	}
	d.Links = append(d.Links, p.Links...)
	d.Potential = append(d.Potential, p.Potential...)
}

// sizeOf estimates the JSON size of a part from above.
func sizeOf(p Part) int {
	n := 0
	for _, g := range p.Groups {
		n += 4 + 90*len(g)
	}
	for _, l := range p.Links {
		n += linkSize(l)
	}
	for _, l := range p.Potential {
		n += linkSize(l)
	}
	return n
}

func linkSize(l events.IdentityLink) int {
	n := 160 + len(l.RefusedBy)
	for _, level := range l.Levels {
		n += len(level) + 3
	}
	return n
}

// envelope wraps a decision; its id is a hash of what it says, so that saying it
// again after a crash is a duplicate.
func envelope(d events.IdentityResolved, now time.Time) (events.Envelope, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return events.Envelope{}, fmt.Errorf("encode decision: %w", err)
	}
	sum := sha256.Sum256(data)
	return events.Envelope{
		ID: hex.EncodeToString(sum[:16]), Source: Source, SpecVersion: "1.0",
		Type: events.IdentityResolvedV1, Time: now.UTC(), Data: data,
	}, nil
}
