package connect

import (
	"bytes"
	"errors"
	"io"
)

func indexByte(b []byte, c byte) int { return bytes.IndexByte(b, c) }

// dialect is how a CSV file separates fields and lines.
type dialect struct{ delimiter, eol byte }

// cells is one record's fields, all in one buffer.
type cells struct {
	buf  []byte
	ends []int
}

func (c *cells) reset() { c.buf, c.ends = c.buf[:0], c.ends[:0] }

func (c *cells) close() { c.ends = append(c.ends, len(c.buf)) }

// fields gives the fields; the strings are their own copy.
func (c *cells) fields() []string {
	all, out, from := string(c.buf), make([]string, len(c.ends)), 0
	for i, to := range c.ends {
		out[i], from = all[from:to], to
	}
	return out
}

// What can be wrong with the text of a record. All are the row's problem alone.
var (
	errMore      = errors.New("the record does not end here")
	errQuote     = errors.New("text after a closing quote")
	errManyCells = errors.New("too many columns")
	errLongCell  = errors.New("field too long")
)

// scan reads the first record of data into c and gives how many bytes it takes,
// line end included. At the end of the text (eof) a last line needs no line end.
// errMore: data ends within the record; within an open quote, if eof.
func (d dialect) scan(data []byte, eof bool, limits Limits, c *cells) (int, error) {
	c.reset()
	var problem error
	i := 0
	for {
		n, end, err := d.cell(data[i:], eof, limits, c)
		if errors.Is(err, errMore) {
			return 0, err
		}
		if err != nil && problem == nil {
			problem = err
		}
		i += n
		if c.close(); len(c.ends) > limits.Columns {
			problem = errManyCells
			c.reset() // keep memory bounded; the record is lost anyway
		}
		if end {
			return i, problem
		}
	}
}

// cell reads one field and the delimiter or line end after it; end says which.
func (d dialect) cell(data []byte, eof bool, limits Limits, c *cells) (n int, end bool, err error) {
	from, i := len(c.buf), 0
	if len(data) > 0 && data[0] == '"' {
		closed := false
		if i, closed = unquote(data[1:], eof, c); !closed {
			return 0, false, errMore
		}
		i++
	}
	j := i
	for ; j < len(data) && data[j] != d.delimiter && data[j] != d.eol; j++ {
	}
	if j == len(data) && !eof {
		return 0, false, errMore
	}
	rest := data[i:j]
	if end = j == len(data) || data[j] == d.eol; end && d.eol == '\n' {
		rest = bytes.TrimSuffix(rest, []byte{'\r'})
	}
	if i > 0 && len(bytes.TrimSpace(rest)) > 0 {
		err = errQuote
	}
	if i == 0 {
		c.buf = append(c.buf, rest...)
	}
	if len(c.buf)-from > limits.Field {
		c.buf, err = c.buf[:from], errLongCell
	}
	return min(j+1, len(data)), end, err
}

// unquote reads up to the closing quote and gives how many bytes that took. A
// quote at the very end of data closes only at the end of the text.
func unquote(data []byte, eof bool, c *cells) (int, bool) {
	for i := 0; ; {
		q := bytes.IndexByte(data[i:], '"')
		if q < 0 {
			return 0, false
		}
		c.buf = append(c.buf, data[i:i+q]...)
		i += q + 1
		switch {
		case i == len(data):
			return i, eof
		case data[i] != '"':
			return i, true
		}
		c.buf = append(c.buf, '"')
		i++
	}
}

// csvRows reads the rows of a CSV file after its header.
type csvRows struct {
	w       *window
	d       dialect
	limits  Limits
	columns int
	n       int64
	c       cells
}

// next gives the next row, lines without any value left out; io.EOF at the end. A *rowError
// is about one row only.
func (r *csvRows) next() (row, error) {
	for {
		out, blank, err := r.record()
		if err != nil || !blank {
			return out, err
		}
	}
}

func (r *csvRows) record() (out row, blank bool, err error) {
	for {
		size, err := r.d.scan(r.w.bytes(), r.w.eof, r.limits, &r.c)
		switch {
		case r.w.eof && r.w.start == r.w.end:
			return row{}, false, io.EOF
		case !errors.Is(err, errMore):
			return r.cut(size, err)
		case r.w.eof:
			return r.line("unclosed_quote", "a quote is opened and never closed")
		case r.w.full():
			return r.line("row_too_long", "the row is longer than a row may be, or a quote is never closed")
		}
		if err := r.w.more(); err != nil {
			return row{}, false, err
		}
	}
}

// cut takes the scanned record out of the text. One that runs over several lines
// and does not fit the header has a stray quote in it: then only its first line
// is rejected, and the next is read anew.
func (r *csvRows) cut(size int, problem error) (row, bool, error) {
	text := r.w.bytes()[:size]
	code, detail := "", ""
	switch {
	case errors.Is(problem, errQuote):
		code, detail = "stray_quote", "there is text after a closing quote"
	case errors.Is(problem, errManyCells):
		code, detail = "too_many_columns", "the row has more columns than a file may have"
	case errors.Is(problem, errLongCell):
		code, detail = "field_too_long", "a field is longer than a field may be"
	case len(bytes.TrimSpace(r.c.buf)) == 0: // an empty line, or a spreadsheet's line of empty cells
		r.w.advance(size)
		return row{}, true, nil
	case len(r.c.ends) != r.columns:
		code, detail = "column_count", "the row has not as many columns as the header"
	default:
		r.n++
		out := row{n: r.n, cells: r.c.fields()}
		r.w.advance(size)
		out.end = r.w.off
		return out, false, nil
	}
	if first := bytes.IndexByte(text, r.d.eol) + 1; first > 0 && first < size {
		return r.line(code, detail)
	}
	return r.reject(size, code, detail)
}

// line rejects the first line in view and reads on after it.
func (r *csvRows) line(code, detail string) (row, bool, error) {
	if i := bytes.IndexByte(r.w.bytes(), r.d.eol); i >= 0 {
		return r.reject(i+1, code, detail)
	}
	r.n++
	out := row{n: r.n, raw: clip(r.w.bytes())}
	if err := r.w.skipLine(r.d.eol); err != nil {
		return row{}, false, err
	}
	out.end = r.w.off
	return out, false, &rowError{Code: code, Detail: detail}
}

func (r *csvRows) reject(size int, code, detail string) (row, bool, error) {
	r.n++
	out := row{n: r.n, raw: clip(bytes.TrimRight(r.w.bytes()[:size], "\r\n"))}
	r.w.advance(size)
	out.end = r.w.off
	return out, false, &rowError{Code: code, Detail: detail}
}

// clip copies what a rejects file shows of a broken row.
func clip(b []byte) []byte { return bytes.Clone(b[:min(len(b), 4096)]) }
