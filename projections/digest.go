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
	h := sha256.New()
	sorted := slices.Sorted(slices.Values(tables))
	for _, t := range sorted {
		writeLength(h, []byte(t))
		for row, err := range r.Scan(ctx, t, Range{}) {
			if err != nil {
				return "", fmt.Errorf("digest table %s: %w", t, err)
			}
			writeLength(h, row.Key)
			writeLength(h, row.Value)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

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
