package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"ficha/events"
	"ficha/projections"
)

// readProblems are what any read of the projections may answer with.
var readProblems = []int{http.StatusConflict, http.StatusUnprocessableEntity}

// AtLeast asks a read to include a position.
type AtLeast struct {
	MinPosition uint64 `query:"min_position" doc:"The answer includes everything up to this position, else 409 stale after a second"`
	Header      uint64 `header:"Ficha-Position" doc:"Same as min_position"`
}

func (a AtLeast) position() events.Position { return events.Position(max(a.MinPosition, a.Header)) }

// AsOf says what an answer includes.
type AsOf struct {
	Position         events.Position `json:"position" doc:"The answer includes every event up to this one"`
	ResolvedPosition events.Position `json:"resolved_position" doc:"Up to where matching has decided"`
}

// view is the folds' rows of one moment.
type view struct {
	projections.Snapshot
	asOf AsOf
}

// view waits for the position asked for and opens the rows. Close it.
func (s *server) view(ctx context.Context, least events.Position) (*view, error) {
	if err := s.wait(ctx, least); err != nil {
		return nil, err
	}
	// Read before the snapshot is opened: it never claims more than is in there.
	resolved := s.cfg.Freshness.Resolved()
	snap, err := s.cfg.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	p, err := snap.Position(ctx, s.cfg.Runner)
	if err != nil {
		return nil, errors.Join(err, snap.Close())
	}
	return &view{Snapshot: snap, asOf: AsOf{Position: p, ResolvedPosition: min(resolved, p)}}, nil
}

// wait gives the projections a second to reach a position.
func (s *server) wait(ctx context.Context, p events.Position) error {
	if p == 0 {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	err := s.cfg.Freshness.Wait(waiting, p)
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	stale, reached := *problemOf(errStale), s.cfg.Freshness.Position()
	stale.Position = &reached
	return &stale
}

// waitAsPreferred honours "Prefer: wait=N" (RFC 7240) after a write: it returns
// what to say in Preference-Applied, nothing if reads do not show p in time.
func (s *server) waitAsPreferred(ctx context.Context, prefer string, p events.Position) string {
	n := preferredWait(prefer)
	if n == 0 || p == 0 {
		return ""
	}
	waiting, cancel := context.WithTimeout(ctx, time.Duration(n)*time.Second)
	defer cancel()
	if s.cfg.Freshness.Wait(waiting, p) != nil {
		return "" // the write stands; the answer merely comes without the promise
	}
	return "wait=" + itoa(n)
}

// preferredWait reads N of wait=N, at most 30 seconds.
func preferredWait(prefer string) int {
	for part := range strings.FieldsFuncSeq(prefer, func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.Atoi(strings.Trim(value, `"`)); err == nil && strings.EqualFold(name, "wait") && n > 0 {
			return min(n, 30)
		}
	}
	return 0
}

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
