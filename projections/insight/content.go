package insight

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"

	"ficha/projections"
)

// Content gives a line for each count and case, for projections.ContentDigest:
// the same statements and groups give the same lines in any order of arrival.
func Content(ctx context.Context, r projections.Reader) ([]string, error) {
	var lines []string
	for _, t := range []projections.Table{contacts, surveys} {
		width := map[projections.Table]int{contacts: 1, surveys: maxWidth}[t]
		for row, err := range r.Scan(ctx, t, projections.Range{}) {
			if err != nil {
				return nil, fmt.Errorf("scan %s: %w", t, err)
			}
			counts := tallies{width: width}
			if len(row.Key) < 4 || !counts.decode(row.Value) {
				return nil, damaged(t)
			}
			for _, c := range counts.rows {
				lines = append(lines, fmt.Sprintf("%s %s %02d %q %d", t, dayAt(row.Key), c.hour, row.Key[4:], c.n[:width]))
			}
		}
	}
	for row, err := range r.Scan(ctx, cases, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", cases, err)
		}
		if len(row.Key) != 24 {
			return nil, damaged(cases)
		}
		lines = append(lines, fmt.Sprintf("%s %s %d %s", cases, uuid.UUID(row.Key[8:]), openedAt(row.Key), hex.EncodeToString(row.Value)))
	}
	return lines, nil
}
