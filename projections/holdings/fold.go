package holdings

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/projections"
)

const (
	holdings   projections.Table = "holdings"
	byCustomer projections.Table = "holdings_by_customer"
	numbers    projections.Table = "holding_numbers"
	cases      projections.Table = "cases"
)

// Kind says what a holding is.
type Kind byte

// The kinds. KindSerial is one of numbers only.
const (
	KindCase     Kind = 'c'
	KindOrder    Kind = 'o'
	KindContract Kind = 'k'
	KindSerial   Kind = 's'
)

// String is the kind as answers write it: case, order, contract, serial.
func (k Kind) String() string {
	switch k {
	case KindCase:
		return "case"
	case KindOrder:
		return "order"
	case KindContract:
		return "contract"
	case KindSerial:
		return "serial"
	}
	return "unknown"
}

// eventType is the type whose data a row of a kind holds.
func (k Kind) eventType() events.Type {
	switch k {
	case KindCase:
		return events.CaseChangedV1
	case KindOrder:
		return events.OrderChangedV1
	case KindContract:
		return events.ContractChangedV1
	}
	return ""
}

// Fold is the holdings projection. It has no state of its own.
type Fold struct{}

var _ projections.Fold = Fold{}

// New gives the fold.
func New() Fold { return Fold{} }

// Name is "holdings".
func (Fold) Name() string { return "holdings" }

// Version is that of the rows described in the package comment.
func (Fold) Version() int { return 1 }

// Tables lists the tables of the package comment.
func (Fold) Tables() []projections.Table {
	return []projections.Table{holdings, byCustomer, numbers, cases}
}

// Apply folds statements about cases, orders and contracts and skips everything
// else. It refuses statements that name no record (events.ErrInvalid).
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	switch e.Payload.(type) {
	case *events.CaseChanged:
		return change(w, KindCase, e)
	case *events.OrderChanged:
		return change(w, KindOrder, e)
	case *events.ContractChanged:
		return change(w, KindContract, e)
	}
	return nil
}

// holding is a row of holdings: the newest statement, and the earliest time of any.
type holding struct {
	kind  Kind
	id    uuid.UUID
	first time.Time
	said  record.Latest[statement]
}

// statement is what is stated, read: facts are drawn from data.
type statement struct {
	facts
	data []byte // as in the event
}

// facts are what the index rows are made of.
type facts struct {
	record   events.Record
	customer *events.RecordKey // nil where none is named
	at       string            // RFC 3339, as stated; "" where it is not
	numbers  []number
	brief    brief
}

// number is one by which a holding can be named, as its source writes it.
type number struct {
	kind  Kind
	value string
}

// factsOf reads a payload of one of the three types.
func factsOf(payload any) facts {
	f := statedFacts(payload)
	if f.customer != nil && !f.customer.IsZero() {
		f.brief.customer = f.customer.UUID()
	}
	return f
}

func statedFacts(payload any) facts {
	switch p := payload.(type) {
	case *events.CaseChanged:
		return caseFacts(p)
	case *events.OrderChanged:
		f := facts{record: p.Record, customer: p.Customer, at: p.OrderedAt, numbers: []number{{KindOrder, p.Number}}}
		for _, l := range p.Lines {
			f.numbers = appendSerials(f.numbers, l.SerialNumbers)
		}
		f.numbers = appendSerials(f.numbers, p.SerialNumbers)
		f.brief.status = p.Status
		return f
	case *events.ContractChanged:
		f := facts{record: p.Record, customer: p.Customer, at: cmp.Or(p.SignedAt, p.StartsAt), numbers: []number{{KindContract, p.Number}}}
		f.numbers = appendSerials(f.numbers, p.SerialNumbers)
		f.brief.status = p.Status
		return f
	}
	return facts{}
}

func caseFacts(p *events.CaseChanged) facts {
	return facts{
		record: p.Record, customer: p.Customer, at: p.OpenedAt, numbers: []number{{KindCase, p.Number}},
		brief: brief{
			status: p.Status, kind: p.Kind, owner: p.Owner, escalated: p.Escalated != nil && *p.Escalated,
			due: secondsOf(p.DueAt), expires: secondsOf(p.ExpiresAt),
		},
	}
}

func appendSerials(to []number, serials []string) []number {
	for _, s := range serials {
		to = append(to, number{KindSerial, s})
	}
	return to
}

// secondsOf reads a time into seconds of Unix time; 0 for none.
func secondsOf(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0
	}
	return t.Unix()
}

// change hears a statement and rewrites the index rows that it makes others.
func change(w projections.Work, kind Kind, e events.Decoded) error {
	said := statement{facts: factsOf(e.Payload), data: e.Data}
	if said.record.IsZero() {
		return fmt.Errorf("apply %s: no record named: %w", e.Type, events.ErrInvalid)
	}
	h := &holding{kind: kind, id: said.record.UUID()}
	var before []indexRow
	if v, ok := w.Get(holdings, h.key()); ok {
		if err := h.decode(v); err != nil {
			return err
		}
		before = h.rows()
	}
	earlier := h.first.IsZero() || e.Time.Before(h.first)
	if earlier {
		h.first = e.Time.UTC()
	}
	if news := h.said.Take(events.StampOf(e.Envelope, said.record.Revision), said); !news && !earlier {
		return nil
	}
	w.Put(holdings, h.key(), h.encode())
	rewrite(w, before, h.rows())
	return nil
}

// indexRow is a row of one of the tables that lead to a holding.
type indexRow struct {
	table      projections.Table
	key, value []byte
}

func (r indexRow) sameKey(o indexRow) bool {
	return r.table == o.table && string(r.key) == string(o.key)
}

func (r indexRow) same(o indexRow) bool { return r.sameKey(o) && string(r.value) == string(o.value) }

// rewrite puts the rows of after in the place of those of before.
func rewrite(w projections.Work, before, after []indexRow) {
	for _, r := range before {
		if !slices.ContainsFunc(after, r.sameKey) {
			w.Delete(r.table, r.key)
		}
	}
	for _, r := range after {
		if !slices.ContainsFunc(before, r.same) {
			w.Put(r.table, r.key, r.value)
		}
	}
}

// rows gives the index rows of a holding as it stands.
func (h *holding) rows() []indexRow {
	f := &h.said.Value.facts
	at := placeOf(h.at(), h.id)
	value := f.brief.encode()
	var out []indexRow
	if f.brief.customer != uuid.Nil {
		out = append(out, indexRow{byCustomer, customerKey(f.brief.customer, h.kind, at), value})
	}
	if h.kind == KindCase {
		out = append(out, indexRow{cases, statusKey(f.brief.status, at), value})
	}
	for _, n := range f.numbers {
		normal := Normal(n.value)
		if normal == "" {
			continue
		}
		r := indexRow{numbers, append(append(numberKey(n.kind, normal), byte(h.kind)), h.id[:]...), []byte{}}
		if !slices.ContainsFunc(out, r.sameKey) { // a source may name a serial number twice
			out = append(out, r)
		}
	}
	return out
}

// at is when it began, see the package comment.
func (h *holding) at() time.Time {
	if t, err := time.Parse(time.RFC3339, h.said.Value.at); err == nil {
		return t.UTC()
	}
	return h.first
}
