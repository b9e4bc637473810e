package holdings

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"ficha/projections"
)

// content is what a row of holdings says about the world.
type content struct {
	Kind   string          `json:"kind"`
	Record string          `json:"record"` // key of its own record
	Owner  string          `json:"owner"`  // uuid of the customer record; "" for nobody's
	At     string          `json:"at"`
	Data   json.RawMessage `json:"data"`
}

// Content gives one line of canonical JSON for each holding, for
// projections.ContentDigest: the same statements give the same lines in any order
// of arrival.
func Content(ctx context.Context, r projections.Reader) ([]string, error) {
	var lines []string
	for row, err := range r.Scan(ctx, holdings, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", holdings, err)
		}
		if len(row.Key) != 17 {
			return nil, damaged(holdings)
		}
		h := &holding{kind: Kind(row.Key[0]), id: uuid.UUID(row.Key[1:])}
		if err := h.decode(row.Value); err != nil {
			return nil, err
		}
		line, err := h.content()
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (h *holding) content() (string, error) {
	f := &h.said.Value.facts
	c := content{Kind: h.kind.String(), Record: f.record.String(), At: h.at().Format("2006-01-02T15:04:05.000000Z"), Data: h.said.Value.data}
	if f.brief.customer != uuid.Nil {
		c.Owner = f.brief.customer.String()
	}
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode content: %w", err)
	}
	line := jsontext.Value(b)
	if err := line.Canonicalize(); err != nil {
		return "", fmt.Errorf("encode content: %w", err)
	}
	return string(line), nil
}
