package review

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// evidenceLine is what an undecided pair or group says about the world. A record's
// uuid is made of its key, so it is no id of the hub's own.
type evidenceLine struct {
	Kind    Kind             `json:"kind"`
	Reasons []evidenceReason `json:"reasons"`
}

type evidenceReason struct {
	Code   string    `json:"code"`
	A      uuid.UUID `json:"a"`
	B      uuid.UUID `json:"b"`
	Weight int64     `json:"weight"`
}

// verdictLine is what a verdict in force says.
type verdictLine struct {
	Verdict events.Verdict `json:"verdict"`
	Sets    [][]uuid.UUID  `json:"sets"` // each sorted, sorted
}

// Content gives one line of JSON for each undecided pair and group, and for each
// verdict in force that newer ones do not contradict, for projections.ContentDigest.
// Left out are ids, positions and times, and what depends on when things were
// known: whether a person was unsure about this very evidence, holds (which follow
// former groups), and what is decided, which its verdict says.
func Content(ctx context.Context, r projections.Reader) ([]string, error) {
	var lines []string
	for row, err := range r.Scan(ctx, tableItems, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", tableItems, err)
		}
		var it Item
		if jsonv2.Unmarshal(row.Value, &it) != nil {
			return nil, damaged(tableItems)
		}
		if it.undecided() && it.Kind != KindHold {
			lines = append(lines, jsonLine(evidenceOf(&it)))
		}
	}
	all, err := verdictsInForce(ctx, r)
	if err != nil {
		return nil, err
	}
	holding := uncontradicted(all)
	for _, j := range all {
		if j.Verdict == events.VerdictUnsure || holding[j.ID] {
			lines = append(lines, jsonLine(verdictOf(j)))
		}
	}
	return lines, nil
}

func evidenceOf(it *Item) evidenceLine {
	l := evidenceLine{Kind: it.Kind}
	for i := range it.Reasons {
		x := &it.Reasons[i]
		l.Reasons = append(l.Reasons, evidenceReason{Code: x.Code, A: x.A, B: x.B, Weight: x.Weight})
	}
	return l
}

func verdictOf(j *Judgement) verdictLine {
	l := verdictLine{Verdict: j.Verdict}
	for _, set := range j.Sets {
		l.Sets = append(l.Sets, sorted(slices.Clone(set)))
	}
	slices.SortFunc(l.Sets, func(a, b []uuid.UUID) int { return slices.CompareFunc(a, b, compareIDs) })
	return l
}

// jsonLine encodes the lines above, which hold nothing that JSON cannot.
func jsonLine(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("line of content cannot be encoded: " + err.Error())
	}
	return string(b)
}

// verdictsInForce gives those that were not taken back.
func verdictsInForce(ctx context.Context, r projections.Reader) ([]*Judgement, error) {
	var out []*Judgement
	for row, err := range r.Scan(ctx, tableVerdicts, projections.Prefix([]byte{verdictRow})) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", tableVerdicts, err)
		}
		j := new(Judgement)
		if jsonv2.Unmarshal(row.Value, j) != nil {
			return nil, damaged(tableVerdicts)
		}
		if j.InForce() {
			out = append(out, j)
		}
	}
	return out, nil
}
