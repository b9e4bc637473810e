package timeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// content is what a row of timeline says about the world.
type content struct {
	Owner       string          `json:"owner"` // record uuid, or contact point
	At          string          `json:"at"`
	Interaction string          `json:"interaction"` // key of its record
	Data        json.RawMessage `json:"data"`
}

// Content gives one line of canonical JSON for each interaction and whom it belongs to, for
// projections.ContentDigest.
func Content(ctx context.Context, r projections.Reader) ([]string, error) {
	var lines []string
	for row, err := range r.Scan(ctx, timeline, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", timeline, err)
		}
		line, err := contentLine(ctx, r, row.Key)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func contentLine(ctx context.Context, r projections.Reader, key []byte) (string, error) {
	owner, at, err := ownerOf(key)
	if err != nil {
		return "", err
	}
	id := at.interaction()
	v, _, err := r.Get(ctx, interactions, id[:])
	if err != nil {
		return "", fmt.Errorf("read %s: %w", interactions, err)
	}
	x, err := decode(v)
	if err != nil {
		return "", err
	}
	var said struct {
		Record events.RecordKey `json:"record"`
	}
	if err := json.Unmarshal(x.said.Value.data, &said); err != nil {
		return "", damaged()
	}
	b, err := json.Marshal(content{Owner: owner, At: at.at().Format("2006-01-02T15:04:05.000000Z"), Interaction: said.Record.String(), Data: x.said.Value.data})
	if err != nil {
		return "", fmt.Errorf("encode content: %w", err)
	}
	line := jsontext.Value(b)
	if err := line.Canonicalize(); err != nil {
		return "", fmt.Errorf("encode content: %w", err)
	}
	return string(line), nil
}

// ownerOf reads a whole key of timeline.
func ownerOf(key []byte) (string, place, error) {
	switch {
	case len(key) == 1+16+placeSize && key[0] == 'r':
		begin := string(key[:17])
		at, _ := splitKey(begin, key)
		return uuid.UUID(key[1:17]).String(), at, nil
	case len(key) > 0 && key[0] == 'p':
		for i, c := range key {
			if c == 0 && len(key) > i+1+placeSize {
				at, end := splitKey(string(key[:i+1]), key)
				return pointAt(end).Key(), at, nil
			}
		}
	}
	return "", place{}, fmt.Errorf("decode key of %s: %w", timeline, events.ErrUnavailable)
}
