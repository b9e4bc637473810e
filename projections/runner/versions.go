package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"ficha/events"
	"ficha/projections"
)

// versionsTable says of which version the rows of a projection are: its name →
// versionRow as JSON. The rows belong to runners, not to folds, and survive Clear.
const versionsTable projections.Table = "projection_versions"

// versionRow also lists the tables, so that a version that has fewer of them
// still clears the old ones.
type versionRow struct {
	Version int                 `json:"version"`
	Tables  []projections.Table `json:"tables"`
}

func (v versionRow) equal(o versionRow) bool {
	return v.Version == o.Version && slices.Equal(v.Tables, o.Tables)
}

func rowOf(f projections.Fold) versionRow {
	return versionRow{Version: f.Version(), Tables: slices.Sorted(slices.Values(f.Tables()))}
}

// prepare brings the store to where folding can go on, and gives the position:
// zero, with cleared tables, when rows of another version were there.
func (r *Runner) prepare(ctx context.Context) (events.Position, error) {
	at, stored, err := r.look(ctx)
	if err != nil {
		return 0, err
	}
	if stored.fresh(r.cfg.Folds) {
		return at, nil
	}
	if at == 0 && len(stored) == 0 {
		return 0, r.noteVersions(ctx) // a new store
	}
	for _, f := range r.cfg.Folds {
		if was := stored[f.Name()]; !was.equal(rowOf(f)) {
			r.cfg.Logger.Info("rows are of another version; everything is folded again from the first event", "runner", r.cfg.Name,
				"projection", f.Name(), "stored_version", was.Version, "version", f.Version(), "position", at)
		}
	}
	return 0, r.startOver(ctx, stored)
}

// versions are the stored rows of this runner's folds, by name.
type versions map[string]versionRow

func (v versions) fresh(folds []projections.Fold) bool {
	return !slices.ContainsFunc(folds, func(f projections.Fold) bool {
		row, ok := v[f.Name()]
		return !ok || !row.equal(rowOf(f))
	})
}

func (r *Runner) look(ctx context.Context) (events.Position, versions, error) {
	snap, err := r.cfg.Store.Snapshot(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("open snapshot: %w", err)
	}
	defer snap.Close()
	at, err := snap.Position(ctx, r.cfg.Name)
	if err != nil {
		return 0, nil, fmt.Errorf("read position of %s: %w", r.cfg.Name, err)
	}
	found := make(versions)
	for _, f := range r.cfg.Folds {
		value, ok, err := snap.Get(ctx, versionsTable, []byte(f.Name()))
		if err != nil {
			return 0, nil, fmt.Errorf("read version of %s: %w", f.Name(), err)
		}
		if !ok {
			continue
		}
		var row versionRow
		if err := json.Unmarshal(value, &row); err != nil {
			row = versionRow{Version: -1} // no version at all: clear and replay
		}
		found[f.Name()] = row
	}
	return at, found, nil
}

// startOver clears what the folds have written, and then notes their versions.
// Between the two steps the position is zero and the old versions are noted, so
// a crash there only means clearing again.
func (r *Runner) startOver(ctx context.Context, stored versions) error {
	var tables []projections.Table
	for _, f := range r.cfg.Folds {
		tables = append(tables, f.Tables()...)
		tables = append(tables, stored[f.Name()].Tables...)
	}
	slices.Sort(tables)
	if err := r.cfg.Store.Clear(ctx, r.cfg.Name, slices.Compact(tables)); err != nil {
		return fmt.Errorf("clear tables of %s: %w", r.cfg.Name, err)
	}
	return r.noteVersions(ctx)
}

func (r *Runner) noteVersions(ctx context.Context) error {
	changes, err := r.freshRows(ctx)
	if err != nil {
		return err
	}
	if err := r.cfg.Store.Commit(ctx, projections.Commit{Runner: r.cfg.Name, Changes: changes}); err != nil {
		return fmt.Errorf("note versions of %s: %w", r.cfg.Name, err)
	}
	return nil
}

// freshRows drops the dead letters of this runner's folds and sets the versions.
func (r *Runner) freshRows(ctx context.Context) ([]projections.Change, error) {
	snap, err := r.cfg.Store.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	defer snap.Close()
	work := projections.NewWork(ctx, snap)
	folds := slices.SortedFunc(slices.Values(r.cfg.Folds), func(a, b projections.Fold) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, f := range folds {
		work.Scan(DeadLettersTable, projections.Prefix(deadLetterPrefix(f.Name())), func(row projections.Row) bool {
			work.Delete(DeadLettersTable, row.Key)
			return true
		})
		work.Delete(countsTable, []byte(f.Name()))
		value, err := json.Marshal(rowOf(f))
		if err != nil {
			return nil, fmt.Errorf("encode version of %s: %w", f.Name(), err)
		}
		work.Put(versionsTable, []byte(f.Name()), value)
	}
	return work.Changes(), work.Err()
}
