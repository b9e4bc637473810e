package connect

import (
	"bytes"
	"encoding/json"
	"io"
)

// jsonLines reads NDJSON: one object a line, blank lines left out.
type jsonLines struct {
	w *window
	n int64
}

func (r *jsonLines) next() (row, error) {
	for {
		text := r.w.bytes()
		i := bytes.IndexByte(text, '\n')
		switch {
		case i >= 0 || r.w.eof && len(text) > 0:
			if i < 0 {
				i = len(text) - 1
			}
			line := bytes.TrimSpace(text[:i+1])
			r.w.advance(i + 1)
			if len(line) == 0 {
				continue
			}
			r.n++
			return object(r.n, r.w.off, line)
		case r.w.eof:
			return row{}, io.EOF
		case r.w.full():
			r.n++
			out := row{n: r.n, raw: clip(text)}
			if err := r.w.skipLine('\n'); err != nil {
				return row{}, err
			}
			out.end = r.w.off
			return out, &rowError{Code: "row_too_long", Detail: "the line is longer than a row may be"}
		}
		if err := r.w.more(); err != nil {
			return row{}, err
		}
	}
}

// object checks that a row's text is one JSON object.
func object(n, end int64, text []byte) (row, error) {
	out := row{n: n, end: end}
	if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		out.raw = clip(text)
		return out, &rowError{Code: "invalid_json", Detail: "the row is not a JSON object"}
	}
	out.object = bytes.Clone(text)
	return out, nil
}

// jsonValues reads the objects of an array, or objects that follow one another
// over several lines. Objects are cut by their braces, so that one with an error
// inside is rejected alone.
type jsonValues struct {
	w *window
	n int64
}

func (r *jsonValues) next() (row, error) {
	for {
		text := r.w.bytes()
		from := skipBetween(text)
		r.w.advance(from)
		if text = text[from:]; len(text) > 0 {
			if size := valueSize(text); size > 0 || r.w.eof {
				if size == 0 {
					size = len(text) // the file ends inside an object
				}
				r.n++
				value := text[:size]
				r.w.advance(size)
				return object(r.n, r.w.off, value)
			}
		}
		switch {
		case r.w.eof:
			return row{}, io.EOF
		case r.w.full():
			// Where the object ends cannot be known without reading it: the rest is lost.
			r.n++
			out := row{n: r.n, raw: clip(text)}
			for !r.w.eof {
				r.w.advance(r.w.end - r.w.start)
				if err := r.w.more(); err != nil {
					return row{}, err
				}
			}
			r.w.advance(r.w.end - r.w.start)
			out.end = r.w.off
			return out, &rowError{Code: "row_too_long", Detail: "an object is longer than a row may be, or never ends; nothing after it could be read"}
		}
		if err := r.w.more(); err != nil {
			return row{}, err
		}
	}
}

// skipBetween gives how many bytes lie before the next value.
func skipBetween(b []byte) int {
	for i, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n', ',', '[', ']':
		default:
			return i
		}
	}
	return len(b)
}

// valueSize gives where the value at the front ends, 0 where it does not end in
// b. What is no object ends at the next comma, bracket or line.
func valueSize(b []byte) int {
	if b[0] != '{' {
		return max(0, bytes.IndexAny(b, ",]\n"))
	}
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
