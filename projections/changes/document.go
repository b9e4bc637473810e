package changes

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"ficha/projections/golden"
)

// attributes are the members of a golden record by which a change says what
// differs. Their place in this list is stored: append only, and raise the fold's
// version with it.
var attributes = [...]string{
	"live", "kind", "display_name", "names", "birth_date", "death_date", "gender", "documents", "phones", "emails", "addresses",
	"handles", "language", "nationality", "preferences", "lifecycle", "segment", "tier", "vip", "tags", "organization", "relations",
	"attributes", "records",
}

// Places in the list of attributes.
const (
	attrPhones    = 8
	attrEmails    = 9
	attrAddresses = 10
	attrHandles   = 11
	attrRecords   = 23
)

// document is a golden record taken apart into its members, unread.
type document [len(attributes)][]byte

// readDocument takes a golden record's document apart. False: it is not what
// golden writes.
func readDocument(doc []byte) (d document, ok bool) {
	next := 0 // golden writes members in the order of the list, most of the time
	ok = eachMember(doc, func(name, value []byte) bool {
		i := indexOf(name, next)
		if i >= 0 {
			d[i], next = value, i+1
		}
		return true
	})
	return d, ok
}

func indexOf(name []byte, from int) int {
	for k := range attributes {
		if i := (from + k) % len(attributes); string(name) == attributes[i] {
			return i
		}
	}
	return -1
}

// fingerprint is the checksum of each attribute that says something, by its place.
type fingerprint [len(attributes)]uint32

func (d *document) fingerprint() (f fingerprint) {
	table := crc32.MakeTable(crc32.Castagnoli)
	for i, v := range d {
		if len(v) > 2 || len(v) > 0 && !bytes.Equal(v, []byte("[]")) && !bytes.Equal(v, []byte(`""`)) && !bytes.Equal(v, []byte("{}")) {
			f[i] = max(1, crc32.Checksum(v, table)) // zero: says nothing
		}
	}
	return f
}

// differences lists the places at which two differ.
func (f *fingerprint) differences(o *fingerprint) []int {
	var out []int
	for i := range f {
		if f[i] != o[i] {
			out = append(out, i)
		}
	}
	return out
}

// touchesPoints says whether how to reach the customer may be among the differences.
func touchesPoints(places []int) bool {
	return slices.ContainsFunc(places, func(i int) bool {
		return i == attrPhones || i == attrEmails || i == attrAddresses || i == attrHandles
	})
}

func (f *fingerprint) append(b []byte) []byte {
	at := len(b)
	b = append(b, 0)
	for i, sum := range f {
		if sum != 0 {
			b[at]++
			b = binary.BigEndian.AppendUint32(append(b, byte(i)), sum)
		}
	}
	return b
}

func (f *fingerprint) read(r *reader) {
	for range r.byte() {
		i, sum := int(r.byte()), binary.BigEndian.Uint32(r.take(4))
		if i < len(f) {
			f[i] = sum
		} else {
			r.short = true
		}
	}
}

// eachMember calls yield for the members of a compact JSON object, names without
// quotes, until it returns false. It looks for where values end and at nothing
// else; false: that is not to be seen.
func eachMember(obj []byte, yield func(name, value []byte) bool) bool {
	if len(obj) < 2 || obj[0] != '{' || obj[len(obj)-1] != '}' {
		return false
	}
	i, end := 1, len(obj)-1
	for i < end {
		n := endOfString(obj[:end], i)
		if n < 0 || n >= end || obj[n] != ':' {
			return false
		}
		v := endOfValue(obj[:end], n+1)
		if v < 0 || v == n+1 || v < end && obj[v] != ',' || v == end-1 {
			return false
		}
		if !yield(obj[i+1:n-1], obj[n+1:v]) {
			return true
		}
		i = v + 1
	}
	return true
}

// eachElement calls yield for the elements of a compact JSON array.
func eachElement(list []byte, yield func(element []byte)) {
	if len(list) < 2 || list[0] != '[' {
		return
	}
	for i, end := 1, len(list)-1; i < end; {
		v := endOfValue(list[:end], i)
		if v <= i {
			return
		}
		yield(list[i:v])
		i = v + 1
	}
}

// endOfString gives the index behind the string that begins at i, -1 if none does.
func endOfString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; ; i++ {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return -1
		}
		i += q
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
}

// endOfValue gives the index behind the value that begins at i: a comma of the
// same depth, or the end; -1 where brackets do not close.
func endOfValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = endOfString(b, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return -1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	if depth != 0 {
		return -1
	}
	return i
}

// scanned is a customer's row with its document taken apart.
type scanned struct {
	golden.CustomerRow
	members document
	prints  fingerprint
}

func scan(row golden.CustomerRow) (*scanned, bool) {
	s := &scanned{CustomerRow: row}
	var ok bool
	if s.members, ok = readDocument(row.Document); ok {
		s.prints = s.members.fingerprint()
	}
	return s, ok
}

// Attributes lists the names that changes call attributes by.
func Attributes() []string { return slices.Clone(attributes[:]) }
