// Package sheet writes what waits for a steward as a table that office programs
// open, and reads the decisions that were written into it.
//
//	[]Row ─▶ WriteCSV, WriteXLSX ─▶ file ─▶ somebody decides ─▶ file ─▶ Read ─▶ []Row
//
// One row a pair, group or hold, under a header line. The columns, in this order;
// a letter for each customer of the widest row stands at the end of name and record:
//
//	review_id version state kind weight probability pattern reasons
//	name_a record_a name_b record_b …
//	decision reason by at
//
// A cell that a spreadsheet would take for a formula (it begins with = + - @, tab
// or return, and is no number) is written with a ' before it, which reading takes
// away. Reading finds columns by their name, English or Spanish, in any order,
// needs review_id and decision, and ignores others.
package sheet

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ficha/events"
)

// Row is one line.
type Row struct {
	Line        int    // in the file that it was read from, 1 being the header
	Review      string // id
	Version     uint64 // of what was looked at; zero: the file does not say
	State       string
	Kind        string
	Weight      float64 // bits
	Probability float64
	Pattern     string
	Reasons     []string // codes
	Customers   []Customer
	Decision    string // as written; see Word
	Reason      string
	By          string
	At          time.Time
}

// Customer is one of those that a row is about.
type Customer struct {
	Name    string
	Records []string // source:stream:id
}

// MaxRows is how many rows a file may have beside its header.
const MaxRows = 20_000

// maxCustomers is how many customers a row has at most: those of a group.
const maxCustomers = 10

// ErrFormat: the file is no such table. The text says why, without a value of it.
var ErrFormat = fmt.Errorf("not a table of reviews: %w", events.ErrInvalid)

// ErrTooMany: the file has more than MaxRows rows.
var ErrTooMany = fmt.Errorf("more than %d rows: %w", MaxRows, events.ErrTooLarge)

// Word reads a decision as people write it, in English or Spanish. False: it is
// none. "" is true with "": nobody has decided.
func Word(s string) (events.Verdict, bool) {
	v, ok := map[string]events.Verdict{
		"": "", "same": events.VerdictSame, "igual": events.VerdictSame, "iguales": events.VerdictSame,
		"different": events.VerdictDifferent, "distinto": events.VerdictDifferent, "distintos": events.VerdictDifferent,
		"diferente": events.VerdictDifferent, "diferentes": events.VerdictDifferent,
		"unsure": events.VerdictUnsure, "duda": events.VerdictUnsure, "dudoso": events.VerdictUnsure,
	}[strings.ToLower(strings.TrimSpace(s))]
	return v, ok
}

// header gives the columns of a table whose widest row has n customers.
func header(n int) []string {
	cols := []string{"review_id", "version", "state", "kind", "weight", "probability", "pattern", "reasons"}
	for i := range n {
		letter := string(rune('a' + i))
		cols = append(cols, "name_"+letter, "record_"+letter)
	}
	return append(cols, "decision", "reason", "by", "at")
}

// widest gives how many customers the widest row has.
func widest(rows []Row) int {
	n := 2
	for _, r := range rows {
		n = max(n, len(r.Customers))
	}
	return min(n, maxCustomers)
}

// cells writes a row under header(n).
func (r *Row) cells(n int) []string {
	out := []string{
		r.Review, strconv.FormatUint(r.Version, 10), r.State, r.Kind,
		strconv.FormatFloat(r.Weight, 'f', 3, 64), strconv.FormatFloat(r.Probability, 'f', 4, 64),
		r.Pattern, strings.Join(r.Reasons, " "),
	}
	for i := range n {
		c := Customer{}
		if i < len(r.Customers) {
			c = r.Customers[i]
		}
		out = append(out, c.Name, strings.Join(c.Records, " | "))
	}
	at := ""
	if !r.At.IsZero() {
		at = r.At.UTC().Format(time.RFC3339)
	}
	out = append(out, r.Decision, r.Reason, r.By, at)
	for i := range out {
		out[i] = safe(out[i])
	}
	return out
}

var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// risky says whether a spreadsheet would run a cell, were it not for quotes
// before it.
func risky(cell string) bool {
	cell = strings.TrimLeft(cell, "'")
	return cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) && !number.MatchString(cell)
}

// safe keeps a spreadsheet from running what a source system wrote.
func safe(cell string) string {
	if risky(cell) {
		return "'" + cell
	}
	return cell
}

// plain is the reverse of safe.
func plain(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && risky(rest) {
		return rest
	}
	return cell
}

// columns says where in a header line the columns are that reading needs.
type columns struct {
	review, version, decision, reason int
}

// columnsOf finds them. ErrFormat: one that is needed is missing, or is there twice.
func columnsOf(line []string) (columns, error) {
	c := columns{-1, -1, -1, -1}
	for i, cell := range line {
		at := map[string]*int{
			"review_id": &c.review, "review": &c.review, "id": &c.review, "revisión": &c.review, "revision": &c.review,
			"version": &c.version, "versión": &c.version,
			"decision": &c.decision, "decisión": &c.decision,
			"reason": &c.reason, "motivo": &c.reason,
		}[strings.ToLower(strings.TrimSpace(cell))]
		if at == nil {
			continue
		}
		if *at >= 0 {
			return c, fmt.Errorf("column %d says the same as column %d: %w", i+1, *at+1, ErrFormat)
		}
		*at = i
	}
	var missing []error
	if c.review < 0 {
		missing = append(missing, errors.New("there is no column review_id"))
	}
	if c.decision < 0 {
		missing = append(missing, errors.New("there is no column decision"))
	}
	if len(missing) > 0 {
		return c, fmt.Errorf("%w: %w", errors.Join(missing...), ErrFormat)
	}
	return c, nil
}

// row reads a line. A version that is no number makes the row one of no version
// that anything has, so that it is told to be stale.
func (c columns) row(line []string, n int) Row {
	cell := func(i int) string {
		if i < 0 || i >= len(line) {
			return ""
		}
		return strings.TrimSpace(plain(line[i]))
	}
	r := Row{Line: n, Review: cell(c.review), Decision: cell(c.decision), Reason: cell(c.reason)}
	if v := cell(c.version); v != "" {
		var err error
		if r.Version, err = strconv.ParseUint(v, 10, 64); err != nil {
			r.Version = ^uint64(0)
		}
	}
	return r
}

// rowsOf reads lines under their header. Empty ones are left out.
func rowsOf(lines [][]string, numbers []int) ([]Row, error) {
	if len(lines) == 0 {
		return nil, fmt.Errorf("it is empty: %w", ErrFormat)
	}
	c, err := columnsOf(lines[0])
	if err != nil {
		return nil, err
	}
	var rows []Row
	for i, line := range lines[1:] {
		if strings.TrimSpace(strings.Join(line, "")) == "" {
			continue
		}
		if len(rows) == MaxRows {
			return nil, ErrTooMany
		}
		rows = append(rows, c.row(line, numbers[i+1]))
	}
	return rows, nil
}
