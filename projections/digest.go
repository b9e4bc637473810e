package projections

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// ReplayDigest hashes every row of the tables, in order: the same log gives the
// same digest on every store, however often it was replayed.
func ReplayDigest(ctx context.Context, r Reader, tables []Table) (string, error) {
	d := NewDigest()
	for _, t := range slices.Sorted(slices.Values(tables)) {
		d.Table(t)
		for row, err := range r.Scan(ctx, t, Range{}) {
			if err != nil {
				return "", fmt.Errorf("digest table %s: %w", t, err)
			}
			d.Row(row)
		}
	}
	return d.Sum(), nil
}

// Digest makes a [ReplayDigest] of rows that are read for something else too.
type Digest struct{ h hash.Hash }

// NewDigest gives the digest of no tables.
func NewDigest() *Digest { return &Digest{h: sha256.New()} }

// Table begins a table; tables come sorted, those without rows too.
func (d *Digest) Table(t Table) { writeLength(d.h, []byte(t)) }

// Row adds the next row of the table, by key.
func (d *Digest) Row(r Row) {
	writeLength(d.h, r.Key)
	writeLength(d.h, r.Value)
}

// Sum is the digest of what was added.
func (d *Digest) Sum() string { return hex.EncodeToString(d.h.Sum(nil)) }

func writeLength(h hash.Hash, b []byte) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(b)))
	h.Write(n[:])
	h.Write(b)
}

// ContentDigest hashes what the hub says about the world, leaving out ids,
// positions and redirects: the same statements in any order of arrival give the
// same digest. Each projection writes its content as lines; their order does not matter.
func ContentDigest(lines []string) string {
	sorted := slices.Sorted(slices.Values(lines))
	sum := sha256.Sum256([]byte(strings.Join(sorted, "\n")))
	return hex.EncodeToString(sum[:])
}
