package review

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

const (
	tableItems    projections.Table = "review_items"
	tableQueue    projections.Table = "review_queue"
	tableRecords  projections.Table = "review_records"
	tablePairs    projections.Table = "review_pairs"
	tableVerdicts projections.Table = "review_verdicts"
	tableDenies   projections.Table = "review_denies"
	tableSuspects projections.Table = "review_suspects"
	tablePatterns projections.Table = "review_patterns"
	tableCounts   projections.Table = "review_counts"
)

func tables() []projections.Table {
	return []projections.Table{tableItems, tableQueue, tableRecords, tablePairs, tableVerdicts, tableDenies,
		tableSuspects, tablePatterns, tableCounts}
}

// Prefixes of keys in tables of several kinds of rows.
const (
	verdictRow    = 'v' // + verdict → Judgement
	verdictRecord = 'r' // + record + verdict → empty
	verdictJob    = 'j' // + job 0x00 position + verdict → empty

	statementRow  = 's' // + folio → statement
	withdrawalRow = 'w' // + folio + source → empty
	confirmedRow  = 'c' // + folio + record → confirmation
	provisionRow  = 'o' // + folio of the valid form + folio → empty

	suspectRow   = 'c' // + customer → Suspect
	suspectScore = 's' // + score, highest first + customer → empty
)

// damaged is the error for a row that does not read as the fold wrote it.
func damaged(t projections.Table) error {
	return fmt.Errorf("decode row of %s: %w", t, events.ErrUnavailable)
}

func prefixed(kind byte, parts ...[]byte) []byte {
	b := append(make([]byte, 0, 64), kind)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func jobPrefix(job string) []byte { return append(append([]byte{verdictJob}, job...), 0) }

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 8), n) }

func uuidAtEnd(key []byte) uuid.UUID { return uuid.UUID(key[len(key)-16:]) }

// The queue's key: a letter for the state, when, the item. Undecided items come in
// the order in which they are due, the others newest first.

func stateLetter(s State) byte { return s[0] }

const queueKeySize = 1 + 8 + 16

func queueKey(it *Item) []byte {
	at := uint64(micros(it.DueAt))
	if !it.undecided() && it.Decision != nil {
		at = ^uint64(micros(it.Decision.At))
	}
	b := append(make([]byte, 0, queueKeySize), stateLetter(it.State))
	b = binary.BigEndian.AppendUint64(b, at)
	return append(b, it.ID[:]...)
}

// micros is a time in µs, 0 for times before 1970, so that numbers sort as times do.
func micros(t time.Time) int64 { return max(t.UnixMicro(), 0) }

func kindLetter(k Kind) byte { return k[0] }

// record is what the projection keeps of a source record, beside golden's rows:
// what must be looked at again when something happens to the record.
type record struct {
	pairs    []pairRef   // evidence that the record is an end of, sorted by other
	verdicts []uuid.UUID // in force, that name the record, sorted
	decided  []uuid.UUID // decided items that it is a record of, sorted
	denies   []string    // folios of denies in force that name it, sorted
	held     []string    // folios of denies that bind it by a hold, sorted
	suspect  bool        // the customer of this uuid is a suspect
	group    uuid.UUID   // the undecided group that the customer of this uuid is in; Nil: none
}

type pairRef struct{ other, item uuid.UUID }

func (r *record) empty() bool {
	return len(r.pairs)+len(r.verdicts)+len(r.decided)+len(r.denies)+len(r.held) == 0 && !r.suspect && r.group == uuid.Nil
}

const (
	isSuspect = 1 << iota
	isInGroup
)

// encode writes flags, the group if there is one, then each list with its length;
// folios are 16 characters.
func (r *record) encode() []byte {
	b := make([]byte, 1, 24+32*len(r.pairs)+16*(len(r.verdicts)+len(r.decided)+len(r.denies)+len(r.held)))
	if r.suspect {
		b[0] |= isSuspect
	}
	if r.group != uuid.Nil {
		b[0] |= isInGroup
		b = append(b, r.group[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(r.pairs)))
	for _, p := range r.pairs {
		b = append(append(b, p.other[:]...), p.item[:]...)
	}
	for _, ids := range [...][]uuid.UUID{r.verdicts, r.decided} {
		b = binary.AppendUvarint(b, uint64(len(ids)))
		for _, id := range ids {
			b = append(b, id[:]...)
		}
	}
	for _, folios := range [...][]string{r.denies, r.held} {
		b = binary.AppendUvarint(b, uint64(len(folios)))
		for _, f := range folios {
			b = append(b, f...)
		}
	}
	return b
}

const folioSize = 16

func decodeRecord(row []byte) (*record, error) {
	if len(row) == 0 {
		return nil, damaged(tableRecords)
	}
	r := &record{suspect: row[0]&isSuspect != 0}
	p := parser{rest: row[1:]}
	if row[0]&isInGroup != 0 {
		r.group = p.uuid()
	}
	for range p.number() {
		r.pairs = append(r.pairs, pairRef{other: p.uuid(), item: p.uuid()})
	}
	for _, ids := range [...]*[]uuid.UUID{&r.verdicts, &r.decided} {
		for range p.number() {
			*ids = append(*ids, p.uuid())
		}
	}
	for _, folios := range [...]*[]string{&r.denies, &r.held} {
		for range p.number() {
			*folios = append(*folios, string(p.take(folioSize)))
		}
	}
	if p.failed || len(p.rest) > 0 {
		return nil, damaged(tableRecords)
	}
	return r, nil
}

// parser reads what encode wrote; once it has failed it gives zeros.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) take(n int) []byte {
	if n > len(p.rest) {
		p.failed, p.rest = true, nil
		return make([]byte, n)
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) uuid() uuid.UUID { return uuid.UUID(p.take(16)) }

// number reads a length; one that cannot be is a failure.
func (p *parser) number() uint64 {
	n, k := binary.Uvarint(p.rest)
	if k <= 0 || n > uint64(len(p.rest)) {
		p.failed, p.rest = true, nil
		return 0
	}
	p.rest = p.rest[k:]
	return n
}
