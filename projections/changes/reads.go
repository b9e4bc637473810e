package changes

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"ficha/events"
	"ficha/projections"
)

// Entry is a change as the outbox holds it.
type Entry struct {
	ID   ID
	JSON []byte // a Change; read-only
}

// Decode reads the change.
func (e Entry) Decode() (Change, error) {
	var c Change
	if err := json.Unmarshal(e.JSON, &c); err != nil {
		return c, damaged(outbox)
	}
	return c, nil
}

// Kind reads what happened, past everything else.
func (e Entry) Kind() (Kind, error) {
	var kind Kind
	ok := eachMember(e.JSON, func(name, value []byte) bool {
		if string(name) != "kind" || len(value) < 2 {
			return true
		}
		kind = Kind(value[1 : len(value)-1])
		return false
	})
	if !ok || kind == "" {
		return "", damaged(outbox)
	}
	return kind, nil
}

// After gives the changes behind an id in order, at most limit.
func After(ctx context.Context, r projections.Reader, after ID, limit int) ([]Entry, error) {
	from := append(after.key(), 0) // the first key behind it
	var out []Entry
	for row, err := range r.Scan(ctx, outbox, projections.Range{From: from, Limit: limit}) {
		if err != nil {
			return nil, fmt.Errorf("read changes: %w", err)
		}
		id, ok := idOf(row.Key)
		if !ok {
			return nil, damaged(outbox)
		}
		out = append(out, Entry{ID: id, JSON: row.Value})
	}
	return out, nil
}

// Get gives one change, or events.ErrNotFound: it was dropped, or never was.
func Get(ctx context.Context, r projections.Reader, id ID) (Entry, error) {
	v, ok, err := r.Get(ctx, outbox, id.key())
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("read change: %w", err)
	case !ok:
		return Entry{}, fmt.Errorf("read change %s: %w", id, events.ErrNotFound)
	}
	return Entry{ID: id, JSON: v}, nil
}

// Dropped gives the id of the last change that was dropped for its age. Who has
// not read up to it has missed changes. Zero: none was.
func Dropped(ctx context.Context, r projections.Reader) (ID, error) {
	v, ok, err := r.Get(ctx, stateTable, droppedKey())
	if err != nil {
		return ID{}, fmt.Errorf("read what was dropped: %w", err)
	}
	if !ok {
		return ID{}, nil
	}
	id, ok := idOf(v)
	if !ok {
		return ID{}, damaged(stateTable)
	}
	return id, nil
}
