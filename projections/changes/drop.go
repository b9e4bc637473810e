package changes

import (
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"ficha/events"
	"ficha/projections"
)

// Kept is how long a change is kept, by the recorded time of its event.
const Kept = 30 * 24 * time.Hour

const (
	dropEvery = 64  // events; so that most of them need not look
	dropMost  = 512 // changes at a time
)

// drop deletes changes that are too old by the time of the present event.
func drop(w projections.Work, e events.Decoded) error {
	if e.Position%dropEvery != 0 {
		return nil
	}
	before := e.RecordedTime.Add(-Kept)
	first := projections.Range{Limit: 1}
	if v, ok := w.Get(stateTable, droppedKey()); ok {
		first.From = v
	}
	if n, err := expired(w, first, before); err != nil || len(n) == 0 {
		return err
	}
	first.Limit = dropMost
	old, err := expired(w, first, before)
	if err != nil {
		return err
	}
	for _, key := range old {
		w.Delete(outbox, key)
	}
	w.Put(stateTable, droppedKey(), old[len(old)-1])
	return nil
}

// expired gives the keys at the front of a range whose changes are from before t.
func expired(w projections.Work, r projections.Range, t time.Time) (keys [][]byte, err error) {
	w.Scan(outbox, r, func(row projections.Row) bool {
		var c struct {
			Time time.Time `json:"time"`
		}
		if jsonv2.Unmarshal(row.Value, &c) != nil {
			err = damaged(outbox)
			return false
		}
		if !c.Time.Before(t) {
			return false
		}
		keys = append(keys, row.Key)
		return true
	})
	return keys, err
}
