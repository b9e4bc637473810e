package review

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// DefaultLimit and MaxLimit are the sizes of a page of every list.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}

// load reads a row of JSON; ErrNotFound: there is none.
func load[T any](ctx context.Context, r projections.Reader, t projections.Table, key []byte) (T, error) {
	var v T
	row, ok, err := r.Get(ctx, t, key)
	switch {
	case err != nil:
		return v, fmt.Errorf("read %s: %w", t, err)
	case !ok:
		return v, fmt.Errorf("read %s: %w", t, events.ErrNotFound)
	}
	if json.Unmarshal(row, &v) != nil {
		return v, damaged(t)
	}
	return v, nil
}

// Get gives the item with an id: of the queue, or a verdict (see [VerdictID]).
// events.ErrNotFound: there is none, or what it asked has vanished undecided.
func Get(ctx context.Context, r projections.Reader, id uuid.UUID) (Item, error) {
	it, err := load[Item](ctx, r, tableItems, id[:])
	if !errors.Is(err, events.ErrNotFound) {
		return it, err
	}
	j, err := load[Judgement](ctx, r, tableVerdicts, prefixed(verdictRow, id[:]))
	switch {
	case err == nil && j.stated():
		return *j.item(), nil
	case err == nil || errors.Is(err, events.ErrNotFound):
		return Item{}, fmt.Errorf("get review %s: %w", id, events.ErrNotFound)
	}
	return Item{}, err
}

// FindVerdict gives the verdict that an event stated. events.ErrNotFound: the
// event was not seen, or is no verdict.
func FindVerdict(ctx context.Context, r projections.Reader, e events.EventID) (Judgement, error) {
	id := VerdictID(e)
	j, err := load[Judgement](ctx, r, tableVerdicts, prefixed(verdictRow, id[:]))
	if err == nil && !j.stated() {
		err = fmt.Errorf("find verdict: %w", events.ErrNotFound)
	}
	if err != nil {
		return Judgement{}, err
	}
	return j, nil
}

// VerdictsOf gives the verdicts that name a record in the order of the log, those
// that were taken back too. None: nil.
func VerdictsOf(ctx context.Context, r projections.Reader, record uuid.UUID) ([]Judgement, error) {
	var out []Judgement
	for row, err := range r.Scan(ctx, tableVerdicts, projections.Prefix(prefixed(verdictRecord, record[:]))) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", tableVerdicts, err)
		}
		id := uuidAtEnd(row.Key)
		j, err := load[Judgement](ctx, r, tableVerdicts, prefixed(verdictRow, id[:]))
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	slices.SortFunc(out, func(a, b Judgement) int { return cmp.Compare(a.Position, b.Position) })
	return out, nil
}

// ByJob gives the verdicts of a job in the order of the log, those that were taken
// back too. It yields at most one error, last.
func ByJob(ctx context.Context, r projections.Reader, job string) iter.Seq2[Judgement, error] {
	return func(yield func(Judgement, error) bool) {
		if job == "" {
			return
		}
		for row, err := range r.Scan(ctx, tableVerdicts, projections.Prefix(jobPrefix(job))) {
			if err != nil {
				yield(Judgement{}, fmt.Errorf("scan %s: %w", tableVerdicts, err))
				return
			}
			id := uuidAtEnd(row.Key)
			j, err := load[Judgement](ctx, r, tableVerdicts, prefixed(verdictRow, id[:]))
			if !yield(j, err) || err != nil {
				return
			}
		}
	}
}

// CountByState counts pairs by state, from one row.
func CountByState(ctx context.Context, r projections.Reader) (map[State]uint64, error) {
	c, err := ReadCounts(ctx, r)
	return c[KindPair], err
}

// ReadCounts counts everything by kind and state, from one row.
func ReadCounts(ctx context.Context, r projections.Reader) (Counts, error) {
	row, _, err := r.Get(ctx, tableCounts, countsKey())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", tableCounts, err)
	}
	return decodeCounts(row), nil
}

// PatternCount says how many open pairs have one pattern of evidence.
type PatternCount struct {
	Pattern string `json:"pattern"`
	Count   uint64 `json:"count"`
}

// Patterns counts open pairs by pattern, in the order of their texts.
func Patterns(ctx context.Context, r projections.Reader) ([]PatternCount, error) {
	var out []PatternCount
	for row, err := range r.Scan(ctx, tablePatterns, projections.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", tablePatterns, err)
		}
		if len(row.Value) != 8 {
			return nil, damaged(tablePatterns)
		}
		out = append(out, PatternCount{Pattern: string(row.Key[1:]), Count: binary.BigEndian.Uint64(row.Value)})
	}
	return out, nil
}

// Suspects gives customers that look over-merged, the worst first: limit of them
// (0: DefaultLimit; at most MaxLimit), and the cursor of the page after; "" at the
// end. events.ErrInvalid: after is no cursor of this list.
func Suspects(ctx context.Context, r projections.Reader, after string, limit int) ([]Suspect, string, error) {
	rg := projections.Prefix([]byte{suspectScore})
	rg.Limit = pageSize(limit) + 1
	if after != "" {
		last, err := parseCursor(after, 8+16)
		if err != nil {
			return nil, "", err
		}
		rg.From = projections.PrefixEnd(prefixed(suspectScore, last))
	}
	var out []Suspect
	next := ""
	for row, err := range r.Scan(ctx, tableSuspects, rg) {
		if err != nil {
			return nil, "", fmt.Errorf("scan %s: %w", tableSuspects, err)
		}
		if len(out) == rg.Limit-1 {
			return out, next, nil
		}
		id := uuidAtEnd(row.Key)
		s, err := load[Suspect](ctx, r, tableSuspects, prefixed(suspectRow, id[:]))
		if err != nil {
			return nil, "", err
		}
		out, next = append(out, s), formatCursor(row.Key[1:])
	}
	return out, "", nil
}

// FindSuspect gives what speaks against one customer. events.ErrNotFound: nothing
// does, or it is no customer's id now.
func FindSuspect(ctx context.Context, r projections.Reader, customer uuid.UUID) (Suspect, error) {
	return load[Suspect](ctx, r, tableSuspects, prefixed(suspectRow, customer[:]))
}

func formatCursor(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func parseCursor(s string, size int) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != size {
		return nil, fmt.Errorf("read cursor: it is none of this list: %w", events.ErrInvalid)
	}
	return b, nil
}
