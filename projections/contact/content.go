package contact

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// Content gives one line for every statement, restriction and confirmed hold, for
// projections.ContentDigest: what they say, not when or where in the log they
// arrived. The same events in any order give the same lines.
func Content(ctx context.Context, r projections.Reader) ([]string, error) {
	var lines []string
	for row, err := range r.Scan(ctx, TableStatements, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", TableStatements, err)
		}
		line, err := statementLine(ctx, r, row)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	for row, err := range r.Scan(ctx, TableRestrictions, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", TableRestrictions, err)
		}
		list, err := decodeRestrictions(uuid.UUID(row.Key), row.Value)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			lines = append(lines, strings.Join([]string{"restriction", x.Record.String(), x.Kind, x.Stamp.Source, x.Stamp.Event,
				contentTime(x.Stamp.Time), contentTime(x.From), contentTime(x.Until)}, "\t"))
		}
	}
	return holdLines(ctx, r, lines)
}

func holdLines(ctx context.Context, r projections.Reader, lines []string) ([]string, error) {
	for row, err := range r.Scan(ctx, TableHolds, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", TableHolds, err)
		}
		if len(row.Key) != folioBytes+16 {
			return nil, fmt.Errorf("read %s: odd key: %w", TableHolds, events.ErrUnavailable)
		}
		f, id := folioKey(row.Key[:folioBytes]), uuid.UUID(row.Key[folioBytes:])
		list, err := decodeConfirmations(id, row.Value)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			lines = append(lines, strings.Join([]string{"hold", f.String(), id.String(), x.Stamp.Source, x.Stamp.Event,
				contentTime(x.Stamp.Time), strconv.Quote(x.By), strconv.Quote(x.Reason)}, "\t"))
		}
	}
	return lines, nil
}

func statementLine(ctx context.Context, r projections.Reader, row projections.Row) (string, error) {
	if len(row.Key) != folioBytes {
		return "", fmt.Errorf("read %s: odd key: %w", TableStatements, events.ErrUnavailable)
	}
	s, err := readStatement(ctx, r, folioKey(row.Key))
	if err != nil {
		return "", err
	}
	v := s.view(s.StatedAt)
	v.Position, v.RecordedAt, v.Status = 0, time.Time{}, ""
	b, err := json.Marshal(struct {
		StatementView
		Superseded bool `json:"superseded"`
	}{v, !s.SupersededAt.IsZero()})
	if err != nil {
		return "", fmt.Errorf("write statement line: %w", err)
	}
	return "statement\t" + string(b), nil
}

func contentTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339Nano)
}
