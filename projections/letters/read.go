package letters

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"ficha/events"
	"ficha/projections"
)

// Find gives what became of a dead letter; false: nothing, it waits.
func Find(ctx context.Context, r projections.Reader, n Name) (Settled, bool, error) {
	row, ok, err := r.Get(ctx, tableSettled, []byte(n.String()))
	if err != nil || !ok {
		return Settled{}, false, wrap(err)
	}
	s, err := decode(row)
	return s, err == nil, err
}

// CountSettled gives how many dead letters of a kind were retried or discarded.
func CountSettled(ctx context.Context, r projections.Reader, k Kind) (uint64, error) {
	row, ok, err := r.Get(ctx, tableCounts, []byte(k))
	if err != nil || !ok {
		return 0, wrap(err)
	}
	if len(row) != 8 {
		return 0, fmt.Errorf("read settled dead letters: count of %d bytes: %w", len(row), events.ErrDamaged)
	}
	return binary.BigEndian.Uint64(row), nil
}

// Content gives one line for every settled letter, for
// [projections.ContentDigest]. The same events in any order give the same lines.
func Content(ctx context.Context, r projections.Reader) ([]string, error) {
	var lines []string
	for row, err := range r.Scan(ctx, tableSettled, projections.Range{}) {
		if err != nil {
			return nil, wrap(err)
		}
		s, err := decode(row.Value)
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("letter %s %s by %q because %q", row.Key, s.Action, s.By, s.Reason))
	}
	return lines, nil
}

func decode(row []byte) (Settled, error) {
	var s Settled
	if err := json.Unmarshal(row, &s); err != nil {
		return Settled{}, fmt.Errorf("read settled dead letter: %w", events.ErrDamaged)
	}
	return s, nil
}

// wrap says where a read failed; nil stays nil.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read settled dead letters: %w", err)
}
