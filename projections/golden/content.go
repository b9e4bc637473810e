package golden

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ficha/events"
	"ficha/projections"
)

// content is what a golden record says about the world: which live records are
// one customer, and the surviving values. Uuids, positions and redirects are left
// out, and so are tombstones.
type content struct {
	Records    []string          `json:"records"`
	Kind       events.Kind       `json:"kind"`
	Name       string            `json:"display_name"`
	Single     map[string]any    `json:"single"`
	Names      []string          `json:"names"`
	Documents  []events.Document `json:"documents"`
	Phones     []string          `json:"phones"`
	Emails     []string          `json:"emails"`
	Addresses  []events.Address  `json:"addresses"`
	Handles    []events.Handle   `json:"handles"`
	Tags       []string          `json:"tags"`
	Relations  []events.Relation `json:"relations"`
	Attributes map[string]any    `json:"attributes"`
}

// Content gives one line of canonical JSON for each live customer, for
// projections.ContentDigest: the same statements and groups give the same lines
// in any order of arrival.
func Content(ctx context.Context, r projections.Reader) ([]string, error) {
	var lines []string
	for row, err := range r.Scan(ctx, goldenRecords, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", goldenRecords, err)
		}
		g := parseGolden(row.Value)
		if !g.live {
			continue
		}
		c, err := g.customer()
		if err != nil {
			return nil, err
		}
		line, err := contentLine(&c)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func contentLine(c *Customer) (string, error) {
	b, err := json.Marshal(contentOf(c))
	if err != nil {
		return "", fmt.Errorf("encode content: %w", err)
	}
	line := jsontext.Value(b)
	if err := line.Canonicalize(); err != nil {
		return "", fmt.Errorf("encode content: %w", err)
	}
	return string(line), nil
}

func contentOf(c *Customer) content {
	out := content{Kind: c.Kind, Name: c.DisplayName, Single: map[string]any{}, Attributes: map[string]any{}}
	for _, m := range c.Records {
		if m.Live {
			out.Records = append(out.Records, m.RecordKey.String())
		}
	}
	for name, v := range map[string]*Value[string]{"birth_date": c.BirthDate, "death_date": c.DeathDate, "gender": c.Gender, "language": c.Language,
		"nationality": c.Nationality, "lifecycle": c.Lifecycle, "segment": c.Segment, "tier": c.Tier, "organization": c.Organization} {
		if v != nil {
			out.Single[name] = v.Value
		}
	}
	if c.VIP != nil {
		out.Single["vip"] = c.VIP.Value
	}
	if c.Preferences != nil {
		out.Single["preferences"] = c.Preferences.Value
	}
	for name, v := range c.Attributes {
		out.Attributes[name] = v.Value
	}
	for _, n := range c.Names {
		out.Names = append(out.Names, FullName(n.Value))
	}
	for _, p := range c.Phones {
		out.Phones = append(out.Phones, p.Value.Value)
	}
	for _, e := range c.Emails {
		out.Emails = append(out.Emails, e.Value.Value)
	}
	out.Documents, out.Addresses, out.Handles = bare(c.Documents), bare(c.Addresses), bare(c.Handles)
	out.Tags, out.Relations = bare(c.Tags), bare(c.Relations)
	return out
}

// bare drops where values come from.
func bare[T any](vs []Value[T]) []T {
	out := make([]T, len(vs))
	for i, v := range vs {
		out[i] = v.Value
	}
	return out
}
