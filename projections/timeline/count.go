package timeline

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"ficha/projections"
)

// CountOf says how many interactions belong to a customer record, because somebody
// said so or because they name it; at most limit. What hangs on a contact point
// alone is not counted: it belongs to whoever holds the point.
func CountOf(ctx context.Context, r projections.Reader, record uuid.UUID, limit int) (int, error) {
	rows := projections.Prefix([]byte(recordOwner(record)))
	rows.Limit = limit
	n := 0
	for _, err := range r.Scan(ctx, timeline, rows) {
		if err != nil {
			return 0, fmt.Errorf("count interactions: %w", err)
		}
		n++
	}
	return n, nil
}
