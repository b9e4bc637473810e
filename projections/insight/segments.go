package insight

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/rowcodec"
)

// respondent is a row of insight_respondents: who has answered, and what.
type respondent struct {
	segment string // under which the answers are counted
	answers []uuid.UUID
}

func readRespondent(w projections.Work, customer uuid.UUID) (respondent, bool, error) {
	v, ok := w.Get(respondents, customer[:])
	if !ok {
		return respondent{}, false, nil
	}
	p := rowcodec.Parse(v)
	r := respondent{segment: p.Text()}
	if p.Failed() || len(p.Rest())%16 != 0 {
		return r, false, damaged(respondents)
	}
	for ids := p.Rest(); len(ids) > 0; ids = ids[16:] {
		r.answers = append(r.answers, uuid.UUID(ids[:16]))
	}
	return r, true, nil
}

func (r *respondent) write(w projections.Work, customer uuid.UUID) {
	if len(r.answers) == 0 {
		w.Delete(respondents, customer[:])
		return
	}
	b := rowcodec.AppendText(make([]byte, 0, 16+len(r.segment)+16*len(r.answers)), r.segment)
	for _, id := range r.answers {
		b = append(b, id[:]...)
	}
	w.Put(respondents, customer[:], b)
}

// enter counts an answer under its customer's segment.
func enter(w projections.Work, own uuid.UUID, a *answer) error {
	if a.customer == uuid.Nil {
		return a.count(w, "", 1)
	}
	r, known, err := readRespondent(w, a.customer)
	if err != nil {
		return err
	}
	if !known {
		if r.segment, err = segmentOf(w, a.customer); err != nil {
			return err
		}
	}
	i, _ := slices.BinarySearchFunc(r.answers, own, compareIDs) // in order, so that the row does not depend on arrival
	r.answers = slices.Insert(r.answers, i, own)
	r.write(w, a.customer)
	return a.count(w, r.segment, 1)
}

// leave takes the count of an answer back.
func leave(w projections.Work, own uuid.UUID, a *answer) error {
	if a.customer == uuid.Nil {
		return a.count(w, "", -1)
	}
	r, known, err := readRespondent(w, a.customer)
	if err != nil {
		return err
	}
	i, found := slices.BinarySearchFunc(r.answers, own, compareIDs)
	if !known || !found {
		return damaged(respondents)
	}
	r.answers = slices.Delete(r.answers, i, i+1)
	r.write(w, a.customer)
	return a.count(w, r.segment, -1)
}

// segmentsChanged counts answers anew whose customer may have another segment
// since e: a record of it was stated, withdrawn, moved or pinned.
func segmentsChanged(w projections.Work, e events.Decoded) error {
	switch p := e.Payload.(type) {
	case *json.RawMessage: // customer.recorded
		key, err := recordIn(e.Data)
		if err != nil {
			return err
		}
		return recountCustomer(w, key)
	case *events.CustomerWithdrawn:
		return recountCustomer(w, p.Record.RecordKey)
	case *events.ValuePinned:
		return recountCustomer(w, p.Record)
	case *events.ValueUnpinned:
		return recountCustomer(w, p.Record)
	case *events.IdentityResolved:
		for _, g := range p.Groups {
			for _, m := range g {
				if err := recount(w, m.Record); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// recordIn reads which record a statement is about.
func recordIn(data []byte) (events.RecordKey, error) {
	var said struct {
		Record events.RecordKey `json:"record"`
	}
	if err := jsonv2.Unmarshal(data, &said, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return said.Record, fmt.Errorf("read %s: %w", events.CustomerRecordedV1, events.ErrInvalid) // the cause may quote the data
	}
	return said.Record, nil
}

// recountCustomer counts the answers of a record and of all that is one customer
// with it.
func recountCustomer(w projections.Work, key events.RecordKey) error {
	for _, id := range (golden.Folded{Work: w}).Group(key.UUID()) {
		if err := recount(w, id); err != nil {
			return err
		}
	}
	return nil
}

// recount moves the answers of a record to the segment that its customer has now.
func recount(w projections.Work, customer uuid.UUID) error {
	r, known, err := readRespondent(w, customer)
	if err != nil || !known {
		return err
	}
	now, err := segmentOf(w, customer)
	if err != nil || now == r.segment {
		return err
	}
	for _, own := range r.answers {
		v, ok := w.Get(counted, append([]byte{ofSurvey}, own[:]...))
		var x record.Latest[answer]
		if !ok || !decodeAnswer(&x, v) {
			return damaged(counted)
		}
		if err := x.Value.count(w, r.segment, -1); err != nil {
			return err
		}
		if err := x.Value.count(w, now, 1); err != nil {
			return err
		}
	}
	r.segment = now
	r.write(w, customer)
	return nil
}

// segmentOf gives the segment of the customer that a record belongs to; "" where
// nobody states one, or the record itself was never seen.
func segmentOf(w projections.Work, id uuid.UUID) (string, error) {
	in := golden.Folded{Work: w}
	row, ok := in.Row(in.Owner(id))
	if !ok || len(row.Document) == 0 {
		return "", nil
	}
	var c struct {
		Segment struct {
			Value string `json:"value"`
		} `json:"segment"`
	}
	if err := jsonv2.Unmarshal(row.Document, &c); err != nil {
		return "", damaged(respondents)
	}
	return c.Segment.Value, nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
