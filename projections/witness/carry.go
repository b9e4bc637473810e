package witness

import (
	"context"
	"fmt"

	"ficha/events"
	"ficha/projections"
)

// Epochs is the table of the guard's own rows. They are in no log: a rebuild does
// not make them, see Carry.
const Epochs = epochs

// Carry brings what the guard has noted into another set of rows, before that
// takes the place of the first. Both stand still, at the same position. It refuses
// (events.ErrDamaged) when the two were folded from different events: then the log
// is not what it was when the first was folded, and the proof must not be lost.
func Carry(ctx context.Context, from projections.Reader, to projections.Store) error {
	there, err := to.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("carry over what the guard noted: %w", err)
	}
	defer there.Close()
	was, err := readHead(ctx, from)
	if err != nil {
		return err
	}
	is, err := readHead(ctx, there)
	if err != nil {
		return err
	}
	if was.position != is.position {
		return fmt.Errorf("carry over what the guard noted: the witness is at %d and at %d: %w", was.position, is.position, events.ErrConflict)
	}
	if was.running != is.running {
		return damage("folded again, the log gives another running hash up to position %d than was noted", was.position)
	}
	changes, err := guardRows(ctx, from, there)
	if err != nil || len(changes) == 0 {
		return err
	}
	if err := to.Commit(ctx, projections.Commit{Runner: guardRunner, Changes: changes}); err != nil {
		return fmt.Errorf("carry over what the guard noted: %w", err)
	}
	return nil
}

// guardRows gives what makes the guard's rows of one place those of another.
func guardRows(ctx context.Context, from, to projections.Reader) ([]projections.Change, error) {
	var out []projections.Change
	for _, key := range [][]byte{epochKey(), foundKey()} {
		was, ok, err := from.Get(ctx, epochs, key)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", epochs, err)
		}
		is, there, err := to.Get(ctx, epochs, key)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", epochs, err)
		}
		switch {
		case ok && (!there || string(is) != string(was)):
			out = append(out, projections.Change{Table: epochs, Key: key, Value: was})
		case !ok && there:
			out = append(out, projections.Change{Table: epochs, Key: key})
		}
	}
	return out, nil
}
