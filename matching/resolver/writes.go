package resolver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/matching"
)

// The kinds of rows in the saved state, by first byte of the key.
const (
	rowRecord    = 'r' // + uuid → recordRow
	rowGroup     = 'g' // + uuid → groupRow
	rowStated    = 's' // + uuid + uuid → empty: a link stated by a source
	rowVerdict   = 'v' // + event → verdict
	rowOpen      = 'p' // + uuid + uuid → checksum: a potential match as last published
	rowWithdrawn = 'w' // + event → empty: a verdict taken back
)

// recordRow is what the resolver keeps of a source record.
type recordRow struct {
	Source string          `json:"source"`
	State  record.State    `json:"state"`
	First  events.Position `json:"first"`
	Last   events.Position `json:"last"`
}

// groupRow is what was last decided about a record.
type groupRow struct {
	Group uuid.UUID `json:"group"`
	Link  uuid.UUID `json:"link,omitzero"`
	Sum   uint64    `json:"sum,omitempty"`
}

// writes gathers what one batch changes: in the book at once, in the saved state
// at its end.
type writes struct {
	r       *Resolver
	records map[uuid.UUID]*recordRow
	groups  map[uuid.UUID]bool
	other   []Row
	dirty   []uuid.UUID
}

func (r *Resolver) newWrites() *writes {
	return &writes{r: r, records: map[uuid.UUID]*recordRow{}, groups: map[uuid.UUID]bool{}}
}

func (w *writes) touchGroup(id uuid.UUID) { w.groups[id] = true }

func (w *writes) dirtyRecords() []uuid.UUID { return sortIDs(w.dirty) }

// takeRecords reads events of the record lane into the book.
func (r *Resolver) takeRecords(ctx context.Context, w *writes, batch []events.Stored) error {
	var changed []uuid.UUID
	for _, e := range batch {
		id, err := r.takeRecord(ctx, w, e)
		switch {
		case errors.Is(err, events.ErrInvalid):
			// The gateway lets no such event in; the golden fold counts it as dead.
			r.cfg.Logger.Warn("record event not understood", "position", e.Position, "type", e.Type)
		case err != nil:
			return err
		case id != uuid.Nil:
			changed = append(changed, id)
		}
	}
	changed = sortIDs(changed)
	prepared := r.prepare(changed, w)
	for i, id := range changed {
		row := w.records[id]
		r.book.see(id, row.First)
		if prepared[i] == nil {
			w.dirty = append(w.dirty, r.book.Withdraw(id, row.Last)...)
		} else {
			w.dirty = append(w.dirty, r.book.Put(prepared[i], id, row.Last)...)
		}
	}
	return nil
}

// takeRecord applies one event and gives the record that it changed, or Nil.
func (r *Resolver) takeRecord(ctx context.Context, w *writes, e events.Stored) (uuid.UUID, error) {
	switch e.Type {
	case events.CustomerRecordedV1, events.CustomerWithdrawnV1:
		var about struct {
			Record events.Record `json:"record"`
		}
		if err := json.Unmarshal(e.Data, &about); err != nil {
			return uuid.Nil, fmt.Errorf("read record of %s at %d: %w", e.Type, e.Position, events.ErrInvalid)
		}
		id := about.Record.UUID()
		row, err := r.rowOf(ctx, w, id)
		if err != nil {
			return uuid.Nil, err
		}
		if _, err := record.Apply(&row.State, e.Envelope); err != nil {
			return uuid.Nil, fmt.Errorf("apply %s at %d: %w", e.Type, e.Position, events.ErrInvalid)
		}
		if row.First == 0 {
			row.First = e.Position
		}
		row.Source, row.Last = about.Record.Source, max(row.Last, e.Position)
		w.records[id] = row
		return id, nil
	case events.CustomerMergedAtSourceV1:
		var m events.CustomerMergedAtSource
		if err := json.Unmarshal(e.Data, &m); err != nil {
			return uuid.Nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, events.ErrInvalid)
		}
		for _, loser := range m.Losers {
			a, b := m.Survivor.UUID(), loser.UUID()
			w.dirty = append(w.dirty, r.book.State(a, b)...)
			w.other = append(w.other, Row{Key: pairKey(a, b), Value: []byte{}})
		}
	}
	return uuid.Nil, nil
}

// rowOf gives the row of a record as the batch has left it so far.
func (r *Resolver) rowOf(ctx context.Context, w *writes, id uuid.UUID) (*recordRow, error) {
	if row := w.records[id]; row != nil {
		return row, nil
	}
	row := new(recordRow)
	if r.book.members[id] == nil {
		return row, nil
	}
	value, ok, err := r.cfg.State.Get(ctx, key(rowRecord, id))
	if err != nil {
		return nil, fmt.Errorf("read resolver record: %w", err)
	}
	if ok {
		if err := json.Unmarshal(value, row); err != nil {
			return nil, fmt.Errorf("decode resolver record: %w", err)
		}
	}
	return row, nil
}

// prepare normalises the changed records on all processors; nil where a record
// is not live.
func (r *Resolver) prepare(changed []uuid.UUID, w *writes) []*matching.Prepared {
	rows := make([]*recordRow, len(changed))
	for i, id := range changed {
		rows[i] = w.records[id]
	}
	return r.prepareRows(changed, rows)
}

// takeIdentity reads events of the identity lane into the book. Decisions that
// this resolver has appended since it started are in the book already.
func (r *Resolver) takeIdentity(w *writes, batch []events.Stored) error {
	var made []ruling
	var taken []events.EventID
	for _, e := range batch {
		if err := r.takeIdentityEvent(w, e, &made, &taken); err != nil {
			return err
		}
	}
	w.dirty = append(w.dirty, r.book.verdicts.rule(made, taken)...)
	return nil
}

func (r *Resolver) takeIdentityEvent(w *writes, e events.Stored, made *[]ruling, taken *[]events.EventID) error {
	d, err := events.Decode(e)
	if err != nil {
		r.cfg.Logger.Warn("identity event not understood", "position", e.Position, "type", e.Type)
		return nil
	}
	id := events.EventID{Source: e.Source, ID: e.ID}
	switch p := d.Payload.(type) {
	case *events.IdentityJudged:
		v := verdict{Stamp: events.StampOf(e.Envelope, nil), Sets: p.Sets, What: p.Verdict}
		value, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode verdict: %w", err)
		}
		*made = append(*made, ruling{id, v})
		w.other = append(w.other, Row{Key: eventKey(rowVerdict, id), Value: value})
	case *events.IdentityJudgementWithdrawn:
		*taken = append(*taken, p.Judgement)
		w.other = append(w.other,
			Row{Key: eventKey(rowVerdict, p.Judgement)}, Row{Key: eventKey(rowWithdrawn, p.Judgement), Value: []byte{}})
	case *events.IdentityResolved:
		if e.Position > r.appended {
			r.book.adopt(*p)
			for _, g := range p.Groups {
				for _, m := range g {
					w.touchGroup(m.Record)
				}
			}
		}
	}
	return nil
}

// adopt makes a decision from the log the book's state.
func (b *Book) adopt(d events.IdentityResolved) {
	groups := make([][]uuid.UUID, len(d.Groups))
	for i, g := range d.Groups {
		for _, m := range g {
			b.see(m.Record, m.Position)
			groups[i] = append(groups[i], m.Record)
		}
		groups[i] = sortIDs(groups[i])
	}
	b.regroup(groups)
	slices.SortFunc(d.Links, compareLinks)
	b.open.replace(groups, sumsOf(d.Potential, func(l events.IdentityLink) uint64 { return sumOf(l, sumOfLevels(l.Levels)) }))
	for _, g := range groups {
		sum := checksum(g, d.Links)
		for _, id := range g {
			b.members[id].sum = sum
		}
	}
	for _, l := range d.Links {
		b.noteLink(l.A, l.B)
		b.noteLink(l.B, l.A)
	}
}

// rows gives everything to save, each key once.
func (w *writes) rows() []Row {
	out := append(w.other, w.r.book.open.saved()...)
	for id, row := range w.records {
		out = append(out, Row{Key: key(rowRecord, id), Value: mustJSON(row)})
	}
	for id := range w.groups {
		if m := w.r.book.members[id]; m != nil {
			out = append(out, Row{Key: key(rowGroup, id), Value: mustJSON(groupRow{Group: m.group, Link: m.link, Sum: m.sum})})
		}
	}
	return out
}

// mustJSON encodes the resolver's own rows, whose types have nothing that JSON
// cannot hold.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("resolver row cannot be encoded: " + err.Error())
	}
	return b
}

func key(kind byte, id uuid.UUID) []byte { return append([]byte{kind}, id[:]...) }

func pairKey(a, b uuid.UUID) []byte { return append(key(rowStated, a), b[:]...) }

func eventKey(kind byte, e events.EventID) []byte {
	return append(append(append([]byte{kind}, e.Source...), 0), e.ID...)
}
