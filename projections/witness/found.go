package witness

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ficha/events"
	"ficha/projections"
)

// What a full verification finds lies where the check at the start does not look.
// So it is written down: a restart must not make a damaged log a sound one. Only a
// full verification that finds nothing takes it back.

func foundKey() []byte { return []byte("found") }

// remember notes what a verification ended with; an error that is no damage says
// nothing either way.
func (g *Guard) remember(ctx context.Context, err error) error {
	row := projections.Change{Table: epochs, Key: foundKey()}
	switch {
	case errors.Is(err, events.ErrDamaged):
		row.Value = []byte(strings.TrimSuffix(err.Error(), ": "+events.ErrDamaged.Error()))
	case err != nil:
		return err
	}
	was, recallErr := g.found(ctx)
	if recallErr != nil || was == string(row.Value) {
		return errors.Join(err, recallErr)
	}
	if commitErr := g.cfg.Store.Commit(ctx, projections.Commit{Runner: guardRunner, Changes: []projections.Change{row}}); commitErr != nil {
		return errors.Join(err, fmt.Errorf("note what was found in log: %w", commitErr))
	}
	return err
}

// recall gives what an earlier verification found, as damage.
func (g *Guard) recall(ctx context.Context) error {
	was, err := g.found(ctx)
	if err != nil || was == "" {
		return err
	}
	return damage("found by a full check earlier: %s", was)
}

// found reads the note, "" for none.
func (g *Guard) found(ctx context.Context) (string, error) {
	snap, err := g.cfg.Store.Snapshot(ctx)
	if err != nil {
		return "", fmt.Errorf("check log: %w", err)
	}
	defer snap.Close()
	v, _, err := snap.Get(ctx, epochs, foundKey())
	if err != nil {
		return "", fmt.Errorf("read %s: %w", epochs, err)
	}
	return string(v), nil
}
