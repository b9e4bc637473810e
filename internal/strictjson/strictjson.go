// Package strictjson reads JSON that strangers send, and takes nothing on
// trust: a member named twice, text that is not Unicode, a NUL, a number that no
// float64 holds, nesting without end and bytes after the end are all errors,
// each with where it is (JSON pointer and byte offset). What encoding/json lets
// through in silence here would let two readers of one event see different things.
//
//	body ──▶ Array / Lines ──▶ Items ──▶ Reader.Read ──▶ Tree + raw extent of one member
//	         one cheap scan    may run side by side
//
// Lenient is the opposite: it makes out as much as it can of bytes that were
// refused, for the one case where not reading them would harm somebody.
//
// No function quotes a value in its errors. All run in linear time.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound what a document may ask of its reader. A zero field takes the default.
type Limits struct {
	Depth  int // nested objects and arrays; default 32
	Values int // objects, arrays and scalars in all; default 50,000
	Number int // bytes of a number's literal; default 40
}

func (l Limits) withDefaults() Limits {
	if l.Depth <= 0 {
		l.Depth = 32
	}
	if l.Values <= 0 {
		l.Values = 50_000
	}
	if l.Number <= 0 {
		l.Number = 40
	}
	return l
}

// Document is one JSON text, read.
type Document struct {
	// Tree holds map[string]any, []any, string, json.Number, bool and nil.
	Tree any
	// Member is the value of the top-level member asked for, as it stands in the
	// text (it shares the text's bytes); nil where there is none.
	Member []byte
}

// Reader reads documents one after the other and keeps what can be used again.
// It is not safe for concurrent use: give each goroutine its own.
type Reader struct {
	limits Limits
	dec    *jsontext.Decoder
	names  map[string]string // member names seen before: saves an allocation each
	raw    []byte
	left   int // values that may still come
}

// NewReader makes a reader with the limits.
func NewReader(limits Limits) *Reader {
	return &Reader{
		limits: limits.withDefaults(),
		dec:    jsontext.NewDecoder(new(bytes.Buffer)),
		names:  make(map[string]string),
	}
}

// Read reads raw, which must be exactly one JSON text, and notes the extent of
// the top-level member of that name ("": of none). The error is an *Error.
func (r *Reader) Read(raw []byte, member string) (Document, error) {
	r.raw, r.left = raw, r.limits.Values
	r.dec.Reset(bytes.NewBuffer(raw))
	var doc Document
	tree, err := r.value(func(name string, extent []byte) {
		if name == member && member != "" {
			doc.Member = extent
		}
	})
	if err != nil {
		return Document{}, err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Document{}, &Error{Code: TrailingData, Offset: r.dec.InputOffset(), Detail: "something follows the end of the JSON text"}
	}
	doc.Tree = tree
	return doc, nil
}

// value reads the next value. seen is told of each member of an object at this level.
func (r *Reader) value(seen func(string, []byte)) (any, error) {
	if r.left--; r.left < 0 {
		return nil, r.fail(TooManyValues, "holds too many values")
	}
	switch kind := r.dec.PeekKind(); kind {
	case '{':
		return r.object(seen)
	case '[':
		return r.array()
	case '"':
		return r.text()
	case '0':
		return r.number()
	default:
		tok, err := r.dec.ReadToken()
		if err != nil {
			return nil, syntaxError(r.raw, err)
		}
		switch tok.Kind() {
		case 't':
			return true, nil
		case 'f':
			return false, nil
		}
		return nil, nil
	}
}

func (r *Reader) object(seen func(string, []byte)) (any, error) {
	if err := r.open(); err != nil {
		return nil, err
	}
	members := make(map[string]any)
	for r.dec.PeekKind() != '}' {
		name, err := r.name()
		if err != nil {
			return nil, err
		}
		from := r.dec.InputOffset()
		v, err := r.value(nil)
		if err != nil {
			return nil, err
		}
		members[name] = v
		if seen != nil {
			seen(name, extent(r.raw, from, r.dec.InputOffset()))
		}
	}
	return members, r.close()
}

func (r *Reader) array() (any, error) {
	if err := r.open(); err != nil {
		return nil, err
	}
	items := []any{}
	for r.dec.PeekKind() != ']' {
		v, err := r.value(nil)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, r.close()
}

func (r *Reader) open() error {
	if r.dec.StackDepth() >= r.limits.Depth {
		return r.fail(TooDeep, "is nested too deeply")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return syntaxError(r.raw, err)
	}
	return nil
}

func (r *Reader) close() error {
	if _, err := r.dec.ReadToken(); err != nil {
		return syntaxError(r.raw, err)
	}
	return nil
}

// name reads a member's name; the same bytes give the same string.
func (r *Reader) name() (string, error) {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return "", syntaxError(r.raw, err)
	}
	if known, ok := r.names[string(raw)]; ok {
		return known, nil
	}
	name, err := r.unquote(raw)
	if err == nil && len(raw) <= 64 && len(r.names) < 1024 {
		r.names[string(raw)] = name
	}
	return name, err
}

func (r *Reader) text() (any, error) {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return nil, syntaxError(r.raw, err)
	}
	return r.unquote(raw)
}

func (r *Reader) unquote(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", r.fail(InvalidUnicode, "holds text that is not Unicode")
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return "", r.fail(NULCharacter, "holds a NUL character")
	}
	return string(b), nil
}

func (r *Reader) number() (any, error) {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return nil, syntaxError(r.raw, err)
	}
	if !r.limits.holds(raw) {
		return nil, r.fail(NumberRange, "is a number that is too long or too large")
	}
	return json.Number(raw), nil
}

// holds says whether a number's literal is short and within what a float64 can
// hold. A small text such as 1e999999999 would otherwise cost whoever computes
// with it exactly a gigabyte.
func (l Limits) holds(literal []byte) bool {
	if len(literal) > l.Number {
		return false
	}
	i := bytes.IndexAny(literal, "eE")
	if i < 0 {
		return true
	}
	exponent := strings.TrimLeft(strings.TrimLeft(string(literal[i+1:]), "+-"), "0")
	return len(exponent) < 3 // 40 digits and 99 stay far inside of 1e308
}

func (r *Reader) fail(code Code, detail string) *Error {
	return &Error{Code: code, Pointer: string(r.dec.StackPointer()), Offset: r.dec.InputOffset(), Detail: detail}
}

// extent is raw[from:to] without the colon and space that precede a member's value.
func extent(raw []byte, from, to int64) []byte {
	b := raw[from:to]
	for len(b) > 0 && (b[0] == ':' || isSpace(b[0])) {
		b = b[1:]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Compact appends a JSON text to dst without the white space between its
// tokens. The text must be valid: what [Reader.Read] took.
func Compact(dst, text []byte) []byte {
	inString, from := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inString = !inString
		case inString && c == '\\':
			i++
		case !inString && isSpace(c):
			dst = append(dst, text[from:i]...)
			from = i + 1
		}
	}
	return append(dst, text[from:]...)
}
