package golden

import (
	stdjson "encoding/json"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// Version is one statement about a record as it came, and where it stands in the log.
type Version struct {
	Position events.Position    `json:"position,omitzero"`
	Type     events.Type        `json:"type"`
	Source   string             `json:"source"`
	ID       string             `json:"id"`
	Time     time.Time          `json:"time"`
	Data     stdjson.RawMessage `json:"data"`
}

func (v Version) envelope() events.Envelope {
	return events.Envelope{Type: v.Type, Source: v.Source, ID: v.ID, Time: v.Time, Data: v.Data}
}

func writeVersion(w projections.Work, id uuid.UUID, e events.Stored) error {
	row, err := encodeVersion(e.Envelope)
	if err != nil {
		return err
	}
	w.Put(recordVersions, versionKey(id, e.Position), row)
	return nil
}

// encodeVersion writes a Version as JSON. The data is JSON already, and is most
// of it.
func encodeVersion(e events.Envelope) ([]byte, error) {
	b := make([]byte, 0, 160+len(e.Data))
	var err error
	for _, m := range [...]struct{ label, text string }{
		{`{"type":`, string(e.Type)}, {`,"source":`, e.Source}, {`,"id":`, e.ID}, {`,"time":`, e.Time.UTC().Format(time.RFC3339Nano)},
	} {
		if b, err = jsontext.AppendQuote(append(b, m.label...), m.text); err != nil {
			return nil, fmt.Errorf("encode statement: %w", events.ErrInvalid)
		}
	}
	b = append(append(b, `,"data":`...), e.Data...)
	return append(b, '}'), nil
}

// scanVersions gives the statements about a record up to position p, in order of arrival.
func scanVersions(r rows, id uuid.UUID, p events.Position, yield func(Version) bool) error {
	to := projections.PrefixEnd(id[:])
	if p < forever {
		to = versionKey(id, p+1)
	}
	var failed error
	r.Scan(recordVersions, projections.Range{From: versionKey(id, 0), To: to}, func(row projections.Row) bool {
		var v Version
		if failed = json.Unmarshal(row.Value, &v); failed != nil {
			failed = damaged(recordVersions)
			return false
		}
		v.Position = events.Position(numberAt(row.Key, 16))
		return yield(v)
	})
	return failed
}
