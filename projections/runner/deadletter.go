package runner

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"

	"ficha/events"
	"ficha/projections"
)

// The runner's own tables.
const (
	// DeadLettersTable holds the events that folds refused: projection, NUL,
	// position (8 bytes, big endian) → DeadLetter as JSON.
	DeadLettersTable projections.Table = "dead_letters"
	// countsTable holds the number of dead letters per projection, in decimal.
	countsTable projections.Table = "dead_letter_counts"
)

// DeadLetter is an event that a fold could not apply. The event itself is in the
// log at Position.
type DeadLetter struct {
	Projection string          `json:"projection"`
	Position   events.Position `json:"position"`
	Type       events.Type     `json:"type"`
	Source     string          `json:"source"`
	Reason     string          `json:"reason"` // no personal data: codes, pointers, rules
}

// longestReason keeps a talkative error from filling the store.
const longestReason = 500

// bury writes a dead letter beside the rows of the batch.
func bury(w projections.Work, f projections.Fold, e events.Stored, why error) DeadLetter {
	reason := why.Error()
	d := DeadLetter{Projection: f.Name(), Position: e.Position, Type: e.Type, Source: e.Source, Reason: reason[:min(len(reason), longestReason)]}
	value, err := json.Marshal(d)
	if err != nil { // strings and a number: cannot be
		value = []byte(`{}`)
	}
	key := deadLetterKey(d.Projection, d.Position)
	if _, again := w.Get(DeadLettersTable, key); !again {
		n := count(w.Get(countsTable, []byte(d.Projection)))
		w.Put(countsTable, []byte(d.Projection), strconv.AppendUint(nil, n+1, 10))
	}
	w.Put(DeadLettersTable, key, value)
	return d
}

func deadLetterKey(projection string, p events.Position) []byte {
	return binary.BigEndian.AppendUint64(deadLetterPrefix(projection), uint64(p))
}

func deadLetterPrefix(projection string) []byte { return append([]byte(projection), 0) }

func count(value []byte, ok bool) uint64 {
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		return 0 // nobody but bury writes it
	}
	return n
}

// DeadLetters lists the dead letters of a projection (of all, when it is ""), by
// projection and position.
func DeadLetters(ctx context.Context, r projections.Reader, projection string) iter.Seq2[DeadLetter, error] {
	rng := projections.Range{}
	if projection != "" {
		rng = projections.Prefix(deadLetterPrefix(projection))
	}
	return func(yield func(DeadLetter, error) bool) {
		for row, err := range r.Scan(ctx, DeadLettersTable, rng) {
			var d DeadLetter
			if err == nil {
				err = json.Unmarshal(row.Value, &d)
			}
			if err != nil {
				yield(d, fmt.Errorf("list dead letters: %w", err))
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// CountDeadLetters gives the number of dead letters per projection that has any.
func CountDeadLetters(ctx context.Context, r projections.Reader) (map[string]uint64, error) {
	counts := make(map[string]uint64)
	for row, err := range r.Scan(ctx, countsTable, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("count dead letters: %w", err)
		}
		counts[string(row.Key)] = count(row.Value, true)
	}
	return counts, nil
}
