package strictjson

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Item is one element of a batch, not yet read.
type Item struct {
	Raw []byte // shares the body's bytes
	// Err is set where the body cannot be read on from here: Raw is all the
	// rest, and no item follows.
	Err *Error
}

// bom is the byte order mark that some systems put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

// Array gives the elements of a JSON array without judging them: an element
// with a member named twice or bad text is an item like others. A syntax error
// is another matter, since nothing after it can be told apart for certain: the
// elements before it are given, then one item with the error and the rest.
// An error means that the body is no array, or has more than most elements.
func Array(body []byte, most int) ([]Item, error) {
	body = bytes.TrimPrefix(body, bom)
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if kind := dec.PeekKind(); kind != '[' {
		return nil, &Error{Code: NotAnArray, Detail: "is not a JSON array"}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, syntaxError(body, err)
	}
	var items []Item
	for dec.PeekKind() != ']' {
		from := dec.InputOffset()
		raw, err := dec.ReadValue()
		if err != nil {
			return append(items, Item{Raw: bytes.TrimLeft(body[from:], ", \t\r\n"), Err: syntaxError(body, err)}), nil
		}
		if len(items) == most {
			return nil, tooMany(most)
		}
		items = append(items, Item{Raw: raw})
	}
	if _, err := dec.ReadToken(); err != nil {
		return append(items, Item{Err: syntaxError(body, err)}), nil
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		rest := body[dec.InputOffset():]
		e := &Error{Code: TrailingData, Offset: dec.InputOffset(), Detail: "something follows the end of the array"}
		return append(items, Item{Raw: rest, Err: e}), nil
	}
	return items, nil
}

// Lines gives the lines of a body with one JSON text each (NDJSON), empty lines
// left out. An error means more than most lines.
func Lines(body []byte, most int) ([]Item, error) {
	body = bytes.TrimPrefix(body, bom)
	var items []Item
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(items) == most {
			return nil, tooMany(most)
		}
		items = append(items, Item{Raw: line})
	}
	return items, nil
}

// One gives a body that is a single text as its only item.
func One(body []byte) []Item {
	return []Item{{Raw: bytes.TrimSpace(bytes.TrimPrefix(body, bom))}}
}

func tooMany(most int) *Error {
	return &Error{Code: TooLarge, Detail: fmt.Sprintf("holds more than %d events", most)}
}
