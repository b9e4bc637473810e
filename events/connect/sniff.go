package connect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"ficha/events"
)

// headBytes is how much of a file is looked at before its first row is read.
// Everything that is decided by looking is decided on the head alone, so that a
// resumed run decides the same.
const headBytes = 256 << 10

// letters is how a file's bytes are letters.
type letters struct {
	name   string
	bom    int               // bytes to skip
	decode encoding.Encoding // nil: UTF-8 as it is
}

// sniffLetters tells UTF-8, UTF-16 and Windows-1252 (of which Latin-1 is the
// part that matters) apart by byte order mark, zero bytes and validity.
func sniffLetters(head []byte, whole bool) letters {
	utf16 := func(e unicode.Endianness) encoding.Encoding { return unicode.UTF16(e, unicode.IgnoreBOM) }
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		return letters{name: "utf-8", bom: 3}
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return letters{name: "utf-16le", bom: 2, decode: utf16(unicode.LittleEndian)}
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return letters{name: "utf-16be", bom: 2, decode: utf16(unicode.BigEndian)}
	}
	even, odd := zeros(head)
	switch n := len(head) / 2; {
	case n > 4 && odd > n/2 && even < n/10:
		return letters{name: "utf-16le", decode: utf16(unicode.LittleEndian)}
	case n > 4 && even > n/2 && odd < n/10:
		return letters{name: "utf-16be", decode: utf16(unicode.BigEndian)}
	}
	if !whole {
		head = wholeRunes(head)
	}
	if utf8.Valid(head) {
		return letters{name: "utf-8"}
	}
	return letters{name: "windows-1252", decode: charmap.Windows1252}
}

// zeros counts zero bytes at even and odd places.
func zeros(b []byte) (even, odd int) {
	for i, c := range b {
		if c == 0 {
			if i%2 == 0 {
				even++
			} else {
				odd++
			}
		}
	}
	return even, odd
}

// wholeRunes cuts a rune off the end that the head's end has split.
func wholeRunes(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// text gives the file's text as UTF-8, from r that stands after the byte order mark.
func (l letters) text(r io.Reader) io.Reader {
	if l.decode == nil {
		return r
	}
	return l.decode.NewDecoder().Reader(r)
}

// repair reads text that is not UTF-8 as Windows-1252: a file whose head was
// ASCII may still turn out to be of that kind.
func repair(s string) (string, bool) {
	if utf8.ValidString(s) {
		return s, false
	}
	fixed, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "�"), true
	}
	return fixed, true
}

// sniffFormat looks at the first byte that is not blank.
func sniffFormat(head []byte) Format {
	switch text := bytes.TrimLeft(head, " \t\r\n"); {
	case len(text) == 0:
		return CSV
	case text[0] == '[':
		return JSON
	case text[0] == '{':
		line, _, whole := bytes.Cut(text, []byte{'\n'})
		if whole && !json.Valid(bytes.TrimSpace(line)) && !nextLineIsObject(text) {
			return JSON // one object over several lines
		}
		return NDJSON
	}
	return CSV
}

// nextLineIsObject tells NDJSON with a broken first line from an object that
// runs over several lines.
func nextLineIsObject(text []byte) bool {
	for i, line := range bytes.SplitN(text, []byte{'\n'}, 5) {
		if line = bytes.TrimSpace(line); i > 0 && len(line) > 0 && line[0] == '{' && json.Valid(line) {
			return true
		}
	}
	return false
}

// header is what the first lines of a CSV file say.
type header struct {
	dialect dialect
	columns []string
	size    int // bytes up to the first row
}

// sniffHeader finds delimiter and line end and reads the column names. A first
// line "sep=;" as spreadsheets write it is obeyed.
func sniffHeader(head []byte, whole bool, limits Limits) (header, error) {
	h := header{dialect: dialect{delimiter: ',', eol: '\n'}}
	if !bytes.Contains(head, []byte{'\n'}) && bytes.Contains(head, []byte{'\r'}) {
		h.dialect.eol = '\r'
	}
	if line, _, ok := bytes.Cut(head, []byte{h.dialect.eol}); ok && len(bytes.TrimSpace(line)) == 5 && bytes.EqualFold(line[:4], []byte("sep=")) {
		h.dialect.delimiter, h.size = line[4], len(line)+1
	} else {
		h.dialect.delimiter = sniffDelimiter(head, whole, h.dialect.eol, limits)
	}
	for text := head[h.size:]; len(text) > 0 && (text[0] == '\n' || text[0] == '\r'); text = head[h.size:] {
		h.size++
	}
	var c cells
	n, err := h.dialect.scan(head[h.size:], whole, limits, &c)
	if err != nil {
		return h, fmt.Errorf("read header: %w: %w", err, events.ErrInvalid)
	}
	h.size += n
	h.columns = c.fields()
	for i, name := range h.columns {
		fixed, _ := repair(name)
		h.columns[i] = strings.TrimSpace(fixed)
	}
	if !slices.ContainsFunc(h.columns, func(s string) bool { return s != "" }) {
		return h, fmt.Errorf("read header: the file has no column names in its first line: %w", events.ErrInvalid)
	}
	return h, nil
}

// sniffDelimiter takes the delimiter that cuts most of the first lines into the
// same number of columns, more than one; of equals, the one that gives more columns.
func sniffDelimiter(head []byte, whole bool, eol byte, limits Limits) byte {
	best, bestScore := byte(','), 0
	for _, delimiter := range [...]byte{',', ';', '\t', '|'} {
		d := dialect{delimiter: delimiter, eol: eol}
		var c cells
		first, same, lines := 0, 0, 0
		for text := head; len(text) > 0 && lines < 50; lines++ {
			n, err := d.scan(text, whole, limits, &c)
			if err != nil && n == 0 {
				break
			}
			text = text[n:]
			if lines == 0 {
				first = len(c.ends)
			}
			if len(c.ends) == first {
				same++
			}
		}
		if first < 2 || lines == 0 {
			continue
		}
		if score := 1000*same/lines + min(first, 400); score > bestScore {
			best, bestScore = delimiter, score
		}
	}
	return best
}
