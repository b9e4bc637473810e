package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

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
	var base int64 // what the decoder's offsets lack
	for dec.PeekKind() != ']' {
		from := base + dec.InputOffset()
		raw, err := dec.ReadValue()
		end := base + dec.InputOffset()
		start := end - int64(len(raw))
		if err != nil {
			var deep bool
			if start, end, deep = deepValue(body, from); !deep {
				e := moved(syntaxError(body[base:], err), base, len(items))
				return append(items, Item{Raw: bytes.TrimLeft(body[from:], ", \t\r\n"), Err: e}), nil
			}
			dec, base = resume(body, end)
		}
		if len(items) == most {
			return nil, tooMany(most)
		}
		items = append(items, Item{Raw: body[start:end:end]})
	}
	if _, err := dec.ReadToken(); err != nil {
		return append(items, Item{Err: moved(syntaxError(body[base:], err), base, len(items))}), nil
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		rest := base + dec.InputOffset()
		e := &Error{Code: TrailingData, Offset: rest, Detail: "something follows the end of the array"}
		return append(items, Item{Raw: body[rest:], Err: e}), nil
	}
	return items, nil
}

// moved gives an error of a decoder that began at base the place that it has in
// the whole array, where it concerns the item of that number.
func moved(e *Error, base int64, item int) *Error {
	if base == 0 {
		return e
	}
	e.Offset += base
	if _, inside, ok := strings.Cut(strings.TrimPrefix(e.Pointer, "/"), "/"); ok {
		e.Pointer = "/" + strconv.Itoa(item) + "/" + inside
	} else if e.Pointer != "" {
		e.Pointer = "/" + strconv.Itoa(item)
	}
	return e
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
