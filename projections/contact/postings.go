package contact

import (
	"bytes"
	"context"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// The tables.
const (
	TableStatements   projections.Table = "contact_statements"
	TableByPoint      projections.Table = "contact_statements_by_point"
	TableByRecord     projections.Table = "contact_statements_by_record"
	TableWithdrawals  projections.Table = "contact_withdrawals"
	TableRestrictions projections.Table = "contact_restrictions"
)

const (
	folioBytes = 10
	// inline is how many folios the row of a point or record holds itself. Nearly
	// all hold one or two: one point read, without an iterator. Beyond, each has a
	// row of its own, so that a shared number with thousands of statements does not
	// rewrite an ever longer row.
	inline = 64
)

// folioKey is a folio in bytes; its spelling is read as people type it.
type folioKey [folioBytes]byte

// newFolioCoding gives the alphabet of events.StatementID (Crockford's base 32).
func newFolioCoding() *base32.Encoding {
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
}

// parseFolio reads a folio in any case, with spaces or dashes, and with the
// letters that people take for digits.
func parseFolio(s string) (folioKey, error) {
	s = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(s)))
	b, err := newFolioCoding().DecodeString(s)
	if err != nil || len(b) != folioBytes {
		return folioKey{}, fmt.Errorf("read folio: want 16 letters and digits: %w", events.ErrInvalid)
	}
	return folioKey(b), nil
}

// String gives the folio as events.StatementID writes it: 80 bits, five at a time.
func (k folioKey) String() string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var out [16]byte
	for i := range out {
		bit := i * 5
		v := uint16(k[bit/8]) << 8
		if bit/8+1 < len(k) {
			v |= uint16(k[bit/8+1])
		}
		out[i] = alphabet[v>>(11-bit%8)&31]
	}
	return string(out[:])
}

// pointKeys are the rows of TableByPoint that a statement on p stands in.
func pointKeys(p contactpoint.Point) []string {
	keys := []string{p.Class()}
	if tail := p.Tail(); tail != "" {
		keys = append(keys, tail)
		if !p.Readable {
			keys = append(keys, "?"+tail)
		}
	}
	return keys
}

// lookupKeys are the rows in which statements on points like p are found: of its
// class, and where one of the two numbers cannot be read, of its tail.
func lookupKeys(p contactpoint.Point) (class, tail string) {
	class = p.Class()
	switch t := p.Tail(); {
	case t == "":
		return class, ""
	case p.Readable:
		return class, "?" + t
	default:
		return class, t
	}
}

// post adds a folio to the row at key, once.
func post(w projections.Work, t projections.Table, key []byte, f folioKey) {
	row, _ := w.Get(t, key)
	if len(row) >= inline*folioBytes {
		if _, found := searchFolio(row, f); !found {
			w.Put(t, spillKey(key, f), []byte{})
		}
		return
	}
	i, found := searchFolio(row, f)
	if found {
		return
	}
	w.Put(t, slices.Clone(key), slices.Insert(slices.Clone(row), i*folioBytes, f[:]...))
}

func searchFolio(row []byte, f folioKey) (int, bool) {
	lo, hi := 0, len(row)/folioBytes
	for lo < hi {
		mid := (lo + hi) / 2
		switch c := bytes.Compare(row[mid*folioBytes:(mid+1)*folioBytes], f[:]); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

func spillKey(key []byte, f folioKey) []byte {
	return append(append(slices.Clone(key), 0), f[:]...)
}

// postings calls yield for every folio at key.
func postings(ctx context.Context, r projections.Reader, t projections.Table, key []byte, yield func(folioKey) error) error {
	row, ok, err := r.Get(ctx, t, key)
	if err != nil {
		return fmt.Errorf("read %s: %w", t, err)
	}
	if !ok {
		return nil
	}
	if len(row)%folioBytes != 0 {
		return fmt.Errorf("read %s: odd row: %w", t, events.ErrUnavailable)
	}
	for i := 0; i < len(row); i += folioBytes {
		if err := yield(folioKey(row[i : i+folioBytes])); err != nil {
			return err
		}
	}
	if len(row) < inline*folioBytes {
		return nil
	}
	for spilled, err := range r.Scan(ctx, t, projections.Prefix(append(slices.Clone(key), 0))) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", t, err)
		}
		if err := yield(folioKey(spilled.Key[len(spilled.Key)-folioBytes:])); err != nil {
			return err
		}
	}
	return nil
}
