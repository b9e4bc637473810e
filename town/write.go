package town

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ficha/events"
)

// WriteNDJSON writes the events in order of time, one CloudEvent a line.
func (t *Town) WriteNDJSON(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	for e := range t.Events() {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

// WriteTruth writes who is who as CSV: source, stream, id, person.
func (t *Town) WriteTruth(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"source", "stream", "id", "person"}}
	for x := range t.Truth() {
		rows = append(rows, []string{x.Record.Source, x.Record.Stream, x.Record.ID, x.Person})
		if len(rows) == 1000 {
			if err := c.WriteAll(rows); err != nil {
				return fmt.Errorf("write truth: %w", err)
			}
			rows = rows[:0]
		}
	}
	if err := c.WriteAll(rows); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}

// csvColumns are the columns of [Town.WriteCSV], all of which an import
// recognises by name.
var csvColumns = []string{"id", "time", "kind", "full_name", "given_name", "surname1", "surname2", "birth_date", "gender",
	"document_kind", "document_number", "document_country", "phone", "phone_region", "email", "street", "street_number", "unit", "city", "state", "postcode", "country"}

// csvValues is the first of csvColumns that says something of the customer.
const csvValues = 3

// WriteCSV writes the customer records as each system would export them, a
// file per system: open is asked once for each source, in order of the first
// statement, with a name such as crm-bank.csv. A record that was stated again
// has a row per statement, in order of time; withdrawals and contacts are left out,
// and statements that say nothing of the customer.
func (t *Town) WriteCSV(open func(name string) (io.WriteCloser, error)) (err error) {
	type sheet struct {
		file io.WriteCloser
		csv  *csv.Writer
	}
	sheets := make(map[string]sheet)
	defer func() {
		for _, s := range sheets {
			s.csv.Flush()
			for _, e := range [...]error{s.csv.Error(), s.file.Close()} {
				if e != nil && err == nil {
					err = fmt.Errorf("write customers: %w", e)
				}
			}
		}
	}()
	for h := range t.happenings() {
		c, ok := h.payload.(events.CustomerRecorded)
		if !ok {
			continue
		}
		row := csvRow(h.envelope.Time, c)
		if !slices.ContainsFunc(row[csvValues:], func(v string) bool { return v != "" }) {
			continue // it moved, and the system keeps neither address nor number: an import would refuse a row of an id alone
		}
		s, ok := sheets[h.envelope.Source]
		if !ok {
			name := strings.ReplaceAll(strings.Trim(h.envelope.Source, "/"), "/", "-") + ".csv"
			f, err := open(name)
			if err != nil {
				return fmt.Errorf("open %s: %w", name, err)
			}
			s = sheet{file: f, csv: csv.NewWriter(f)}
			sheets[h.envelope.Source] = s
			if err := s.csv.Write(csvColumns); err != nil {
				return fmt.Errorf("write customers: %w", err)
			}
		}
		if err := s.csv.Write(row); err != nil {
			return fmt.Errorf("write customers: %w", err)
		}
	}
	return nil
}

// csvRow flattens what a system states; it has at most one of each thing.
func csvRow(at time.Time, c events.CustomerRecorded) []string {
	n, doc := first(c.Names), first(c.Documents)
	phone, a := first(c.Phones), first(c.Addresses)
	row := []string{c.Record.ID, at.Format(time.RFC3339), string(c.Kind), n.Full, n.Given, n.Family, n.Family2, c.BirthDate, c.Gender,
		doc.Kind, doc.Number, doc.Country, phone.Value, phone.Region, first(c.Emails).Value, a.Street, a.Number, a.Unit, a.Locality, a.Region, a.PostalCode, a.Country}
	return row
}

func first[T any](list []T) T {
	if len(list) == 0 {
		var none T
		return none
	}
	return list[0]
}
