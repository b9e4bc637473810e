package strictjson

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// deepest is how deep jsontext reads before it gives up.
const deepest = 10_000

// deepValue gives the extent of the first value at or after from, if it is nested
// so deeply that jsontext does not read it. Brackets outside of texts are counted
// and nothing else is looked at: whoever reads the value refuses it anyway.
func deepValue(body []byte, from int64) (start, end int64, deep bool) {
	start = from + int64(len(body[from:])-len(bytes.TrimLeft(body[from:], ", \t\r\n")))
	depth, reached, inText := 0, 0, false
	for i := start; i < int64(len(body)); i++ {
		switch c := body[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '[' || c == '{':
			depth++
			reached = max(reached, depth)
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return start, i + 1, reached >= deepest
			}
		}
		if depth <= 0 && !inText {
			break // no array or object
		}
	}
	return start, start, false
}

// resume gives a decoder that stands in the array behind the value that ends at
// end, and what has to be added to its offsets. A zero takes the value's place.
func resume(body []byte, end int64) (*jsontext.Decoder, int64) {
	const before = "[0"
	dec := jsontext.NewDecoder(io.MultiReader(bytes.NewReader([]byte(before)), bytes.NewReader(body[end:])),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for range 2 {
		if _, err := dec.ReadToken(); err != nil {
			break // whoever reads on gets the same error
		}
	}
	return dec, end - int64(len(before))
}
