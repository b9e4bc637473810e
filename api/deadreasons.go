package api

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"ficha/events"
	"ficha/projections/letters"
	"ficha/projections/runner"
)

// deadReasons gives the projections that could not fold the event at a position.
// Most hubs have no dead letters, so the counts are asked first.
func deadReasons(ctx context.Context, v *view, p events.Position) ([]DeadReason, error) {
	counts, err := runner.CountDeadLetters(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	var found []DeadReason
	for _, projection := range slices.Sorted(maps.Keys(counts)) {
		key := binary.BigEndian.AppendUint64(append([]byte(projection), 0), uint64(p))
		b, ok, err := v.Get(ctx, runner.DeadLettersTable, key)
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		if !ok {
			continue
		}
		var letter runner.DeadLetter
		if err := json.Unmarshal(b, &letter); err != nil {
			return nil, fmt.Errorf("decode dead letter: %w", events.ErrUnavailable)
		}
		name := letters.OfFold(projection, p)
		settled, _, err := letters.Find(ctx, v, name)
		if err != nil {
			return nil, err
		}
		found = append(found, DeadReason{Where: projection, Reason: letter.Reason, Letter: name.String(), Settled: settled.Action})
	}
	return found, nil
}
