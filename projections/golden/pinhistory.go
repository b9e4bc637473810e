package golden

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// PinWord is what a steward once said about a value: pinned, or gave free again.
type PinWord struct {
	Position  events.Position
	Attribute string
	Pinned    bool
	At        time.Time // stated, not recorded
	By        string
	Reason    string
}

// PinWords gives everything that was said about pinned values of one record, by
// attribute and position; without the values.
func PinWords(ctx context.Context, r projections.Reader, record uuid.UUID) ([]PinWord, error) {
	in := &reading{ctx: ctx, r: r}
	var out []PinWord
	var failed error
	in.Scan(pins, projections.Prefix(record[:]), func(row projections.Row) bool {
		var p pinSaid
		if failed = json.Unmarshal(row.Value, &p); failed != nil {
			failed = damaged(pins)
			return false
		}
		end := len(row.Key) - 8 // see pinKey
		out = append(out, PinWord{
			Position: events.Position(numberAt(row.Key, end)), Attribute: string(row.Key[16 : end-1]), Pinned: p.Value != nil, At: p.Stamp.Time, By: p.By, Reason: p.Reason,
		})
		return true
	})
	if failed != nil {
		return nil, failed
	}
	return out, in.err
}
