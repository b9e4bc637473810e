package review

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// statement is what the projection keeps of a contact.stated: whether it is a deny
// that binds persons, and where it is held over customers by former groups.
type statement struct {
	Event    events.EventID  `json:"event"`
	Position events.Position `json:"position"`
	Records  []uuid.UUID     `json:"records,omitempty"` // of a deny, sorted; none: it binds no person
	// Of is set on a provisional deny: the event that it was read out of.
	Of *events.EventID `json:"of,omitempty"`
	// Customers are those that there are items for, Held the records that it binds
	// without naming them; both sorted.
	Customers []uuid.UUID `json:"customers,omitempty"`
	Held      []uuid.UUID `json:"held,omitempty"`
}

// confirmation is a contact.hold_confirmed as it is kept for one record.
type confirmation struct {
	Event    events.EventID  `json:"event"`
	Position events.Position `json:"position"`
	At       time.Time       `json:"at"` // recorded time
	By       string          `json:"by,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

// readFolio reads a folio as people write it: in any case, with spaces or dashes,
// and with the letters that they take for digits.
func readFolio(s string) (string, error) {
	s = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(s)))
	_, err := base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).DecodeString(s)
	if err != nil || len(s) != folioSize {
		return "", fmt.Errorf("read folio: want %d letters and digits: %w", folioSize, events.ErrInvalid)
	}
	return s, nil
}

func fromHub(source string) bool {
	return source == events.HubSource || strings.HasPrefix(source, events.HubSource+"/")
}

// applyStated keeps a statement. One about nobody is the contact projection's to
// refuse; it is the valid form of nothing.
func applyStated(w projections.Work, e events.Decoded, p *events.ContactStated) error {
	var records []uuid.UUID
	for _, k := range p.Records {
		if !k.IsZero() {
			records = append(records, k.UUID())
		}
	}
	if len(records)+len(p.ContactPoints) == 0 {
		return nil
	}
	t := newTurn(w, e.Stored)
	folio := events.StatementID(e.Source, e.ID)
	st := &statement{Event: events.EventID{Source: e.Source, ID: e.ID}, Position: e.Position}
	if p.Choice == events.Deny {
		st.Records = sorted(records)
	}
	if x := p.Ext; x != nil && x.Unconfirmed && fromHub(e.Source) {
		st.Of = &events.EventID{}
		if x.Of != nil {
			st.Of = x.Of
			w.Put(tableDenies, prefixed(provisionRow, []byte(events.StatementID(x.Of.Source, x.Of.ID)), []byte(folio)), []byte{})
		}
	}
	t.putJSON(tableDenies, statementKey(folio), st)
	if t.binds(folio, st) {
		t.noteDeny(folio, st, with)
		t.folios[folio] = true
	}
	if st.Of == nil {
		t.endProvisional(folio)
	}
	return t.finish()
}

func statementKey(folio string) []byte { return prefixed(statementRow, []byte(folio)) }

// endProvisional lets the provisional denies go that a statement is the valid form of.
func (t *turn) endProvisional(folio string) {
	var over []string
	t.w.Scan(tableDenies, projections.Prefix(prefixed(provisionRow, []byte(folio))), func(row projections.Row) bool {
		over = append(over, string(row.Key[len(row.Key)-folioSize:]))
		return true
	})
	for _, f := range over {
		t.endDeny(f)
	}
}

// endDeny makes the holds of a deny anew that may count no more.
func (t *turn) endDeny(folio string) {
	st, ok := readJSON[statement](t, tableDenies, statementKey(folio))
	if !ok || t.binds(folio, st) {
		return
	}
	t.noteDeny(folio, st, without)
	t.folios[folio] = true
}

// noteDeny changes the folios that the rows of the records named keep.
func (t *turn) noteDeny(folio string, st *statement, change func(folios []string, f string, compare func(a, b string) int) []string) {
	for _, id := range st.Records {
		r := t.record(id)
		r.denies = change(r.denies, folio, strings.Compare)
	}
}

// binds says whether a statement is a deny about records that was neither taken
// back nor, being provisional, replaced by the valid form of its event.
func (t *turn) binds(folio string, st *statement) bool {
	if len(st.Records) == 0 {
		return false
	}
	if st.Of != nil && *st.Of != (events.EventID{}) {
		valid, ok := readJSON[statement](t, tableDenies, statementKey(events.StatementID(st.Of.Source, st.Of.ID)))
		if ok && valid.Of == nil {
			return false
		}
	}
	begin := prefixed(withdrawalRow, []byte(folio))
	ended := false
	t.w.Scan(tableDenies, projections.Prefix(begin), func(row projections.Row) bool {
		ended = st.endedBy(string(row.Key[len(begin):]))
		return !ended
	})
	return !ended
}

// endedBy says whether a withdrawal by a source counts: the one that made the
// statement, the hub, or the one whose event a provisional deny was read out of.
func (st *statement) endedBy(source string) bool {
	return source == st.Event.Source || fromHub(source) || st.Of != nil && source == st.Of.Source
}

func applyStatementWithdrawn(w projections.Work, e events.Decoded, p *events.ContactStatementWithdrawn) error {
	folio, err := readFolio(p.Statement)
	if err != nil {
		return err
	}
	w.Put(tableDenies, prefixed(withdrawalRow, []byte(folio), []byte(e.Source)), []byte{})
	t := newTurn(w, e.Stored)
	t.endDeny(folio)
	return t.finish()
}

func applyHoldConfirmed(w projections.Work, e events.Decoded, p *events.ContactHoldConfirmed) error {
	folio, err := readFolio(p.Statement)
	if err != nil {
		return err
	}
	t := newTurn(w, e.Stored)
	c := confirmation{Event: events.EventID{Source: e.Source, ID: e.ID}, Position: e.Position, At: e.RecordedTime.UTC(), By: p.By, Reason: p.Reason}
	for _, id := range sorted(slices.Clone(p.Records)) {
		key := confirmedKey(folio, id)
		held := t.confirmations(folio, id)
		t.putJSON(tableDenies, key, append(held, c))
	}
	t.folios[folio] = true
	return t.finish()
}

func confirmedKey(folio string, record uuid.UUID) []byte {
	return prefixed(confirmedRow, []byte(folio), record[:])
}

// confirmations gives who freed a record of a statement, in the order of the log.
func (t *turn) confirmations(folio string, record uuid.UUID) []confirmation {
	cs, ok := readJSON[[]confirmation](t, tableDenies, confirmedKey(folio, record))
	if !ok {
		return nil
	}
	return *cs
}

// freedAfter gives the first confirmation after a position, nil for none.
func freedAfter(cs []confirmation, p events.Position) *confirmation {
	for i := range cs {
		if cs[i].Position > p {
			return &cs[i]
		}
	}
	return nil
}
