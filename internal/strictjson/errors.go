package strictjson

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Code says what is wrong, in a word that stays.
type Code string

// The codes.
const (
	InvalidJSON    Code = "invalid_json"    // not JSON (RFC 8259)
	DuplicateKey   Code = "duplicate_key"   // one object names a member twice
	InvalidUnicode Code = "invalid_unicode" // bytes that are not UTF-8, or half a surrogate pair
	NULCharacter   Code = "nul_character"   // U+0000, raw or escaped
	NumberRange    Code = "number_range"    // a number that is too long or too large
	TooDeep        Code = "too_deep"
	TooManyValues  Code = "too_many_values"
	TooLarge       Code = "too_large"
	TrailingData   Code = "trailing_data"
	NotAnArray     Code = "not_an_array"
)

// Error is one thing wrong with a text.
type Error struct {
	Code    Code
	Pointer string // RFC 6901, to the value or member that is wrong
	Offset  int64  // bytes from the start of the text, at or after what is wrong
	Detail  string // in plain words, to be read after the pointer; quotes no value
}

func (e *Error) Error() string {
	if e.Pointer == "" {
		return string(e.Code) + ": " + e.Detail
	}
	return string(e.Code) + " at " + e.Pointer + ": " + e.Detail
}

// syntaxError says in our words what jsontext found in raw.
func syntaxError(raw []byte, err error) *Error {
	e := &Error{Code: InvalidJSON, Offset: int64(len(raw)), Detail: "ends before the JSON text is complete"}
	var s *jsontext.SyntacticError
	if !errors.As(err, &s) {
		return e
	}
	e.Pointer, e.Offset = string(s.JSONPointer), s.ByteOffset
	switch at := raw[min(max(e.Offset, 0), int64(len(raw))):]; {
	case errors.Is(err, jsontext.ErrDuplicateName):
		e.Code, e.Detail = DuplicateKey, "is named twice in one object"
	case errors.Is(err, io.ErrUnexpectedEOF) && !brokenText(at):
	case len(at) > 0 && at[0] == 0:
		e.Code, e.Detail = NULCharacter, "holds a NUL character"
	case brokenText(at):
		e.Code, e.Detail = InvalidUnicode, "holds text that is not Unicode"
	case notFinite(at):
		e.Detail = "is NaN or infinite, which JSON does not have"
	default:
		e.Detail = "is not JSON from this byte on"
	}
	return e
}

// brokenText says whether b begins with bytes that are not UTF-8, or with the
// escape of half a surrogate pair.
func brokenText(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if b[0] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(b)
		return r == utf8.RuneError && n == 1
	}
	return len(b) >= 4 && b[0] == '\\' && b[1] == 'u' && (b[2] == 'd' || b[2] == 'D') && strings.IndexByte("89abcdefABCDEF", b[3]) >= 0
}

func notFinite(b []byte) bool {
	b = bytes.TrimLeft(b, "+-")
	return bytes.HasPrefix(b, []byte("NaN")) || bytes.HasPrefix(b, []byte("Infinity"))
}
