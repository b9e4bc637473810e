package rebuild

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"ficha/events"
	"ficha/projections"
)

// Comparison says how the rows of two spaces differ that stood at the same positions.
type Comparison struct {
	Live, Beside string // spaces
	Positions    map[string]events.Position
	Projections  []ProjectionDiff
	Other        []TableDiff // tables of no projection: dead letters, versions
}

// Equal says whether no row differs.
func (c Comparison) Equal() bool {
	return !slices.ContainsFunc(c.Projections, func(p ProjectionDiff) bool { return !p.Equal() }) &&
		!slices.ContainsFunc(c.Other, func(t TableDiff) bool { return !t.Equal() })
}

// ProjectionDiff compares one projection's rows.
type ProjectionDiff struct {
	Name, Runner string
	Rows         Digests
	// Content is what the rows say, leaving out ids and positions: nil where no row
	// differs, so that the content cannot, and where the projection has none. A side
	// whose rows cannot be read has no digest.
	Content *Digests
	Tables  []TableDiff
}

// Equal says whether no row differs.
func (p ProjectionDiff) Equal() bool { return p.Rows.Live == p.Rows.Beside }

// Digests are the digests of one thing in both spaces.
type Digests struct{ Live, Beside string }

// TableDiff counts the rows of one table.
type TableDiff struct {
	Table      projections.Table
	Same       uint64 // same key, same value
	Different  uint64 // same key, another value
	OnlyLive   uint64
	OnlyBeside uint64
	First      []string // keyed hashes of the first keys that differ, a few
}

// Equal says whether no row differs.
func (t TableDiff) Equal() bool { return t.Different+t.OnlyLive+t.OnlyBeside == 0 }

// mostNamed is how many differing rows of a table are named.
const mostNamed = 5

// Compare brings the space beside the live one to the live positions and compares
// all rows. Runners are held only until both spaces can be read at those
// positions. Errors are those of Switch.
func (b *Rebuilder) Compare(ctx context.Context) (c Comparison, err error) {
	done, err := b.work()
	if err != nil {
		return c, err
	}
	defer done()
	s, space, err := b.candidate(ctx)
	if err != nil {
		return c, err
	}
	c.Live, c.Beside = s.live, space
	var pair pair
	err = b.atEqualPositions(ctx, space, func(at map[string]events.Position, _ func() time.Duration) error {
		c.Positions = at
		pair, err = b.openBoth(ctx, space)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("compare with space %s: %w", space, err)
	}
	defer func() { err = errors.Join(err, pair.close()) }()
	return c, b.compare(ctx, pair, &c)
}

// pair is both spaces at one moment.
type pair struct{ live, beside projections.Snapshot }

func (p pair) close() error { return errors.Join(p.live.Close(), p.beside.Close()) }

func (b *Rebuilder) openBoth(ctx context.Context, space string) (p pair, err error) {
	beside, err := b.cfg.Spaces.Open(space, true)
	if err != nil {
		return p, err
	}
	if p.live, err = b.cfg.Store.Snapshot(ctx); err != nil {
		return p, fmt.Errorf("open snapshot: %w", err)
	}
	if p.beside, err = beside.Snapshot(ctx); err != nil {
		return p, errors.Join(fmt.Errorf("open snapshot: %w", err), p.live.Close())
	}
	return p, nil
}

func (b *Rebuilder) compare(ctx context.Context, p pair, c *Comparison) error {
	known := slices.Clone(b.cfg.Apart)
	for _, r := range b.cfg.Runners {
		for _, f := range r.Config.Folds {
			known = append(known, f.Tables()...)
			d, err := b.compareFold(ctx, p, f)
			if err != nil {
				return err
			}
			d.Runner = r.Config.Name
			c.Projections = append(c.Projections, d)
		}
	}
	others, err := otherTables(ctx, p, known)
	if err != nil {
		return err
	}
	for _, t := range others {
		d, err := compareTable(ctx, p.live, p.beside, t, differ{key: b.cfg.Key, live: projections.NewDigest(), beside: projections.NewDigest()})
		if err != nil {
			return err
		}
		c.Other = append(c.Other, d)
	}
	return nil
}

func (b *Rebuilder) compareFold(ctx context.Context, p pair, f projections.Fold) (ProjectionDiff, error) {
	d := ProjectionDiff{Name: f.Name()}
	var err error
	if d.Tables, d.Rows, err = CompareTables(ctx, p.live, p.beside, f.Tables(), b.cfg.Key); err != nil {
		return d, err
	}
	content := b.cfg.Content[f.Name()]
	if d.Equal() || content == nil {
		return d, nil
	}
	d.Content = new(Digests)
	for into, from := range map[*string]projections.Reader{&d.Content.Live: p.live, &d.Content.Beside: p.beside} {
		lines, err := content(ctx, from)
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		if err == nil {
			*into = projections.ContentDigest(lines)
		}
	}
	return d, nil
}

// otherTables lists what either side has beside the known tables.
func otherTables(ctx context.Context, p pair, known []projections.Table) ([]projections.Table, error) {
	var all []projections.Table
	for _, s := range []projections.Snapshot{p.live, p.beside} {
		tables, err := s.Tables(ctx)
		if err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		all = append(all, tables...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(t projections.Table) bool { return slices.Contains(known, t) }), nil
}

// CompareTables compares the rows of some tables of two readers, and gives the
// replay digests of both. key keys the hashes by which differing rows are named.
func CompareTables(ctx context.Context, live, beside projections.Reader, tables []projections.Table, key []byte) ([]TableDiff, Digests, error) {
	d := differ{key: key, live: projections.NewDigest(), beside: projections.NewDigest()}
	var out []TableDiff
	for _, t := range slices.Sorted(slices.Values(tables)) {
		one, err := compareTable(ctx, live, beside, t, d)
		if err != nil {
			return nil, Digests{}, err
		}
		out = append(out, one)
	}
	return out, Digests{Live: d.live.Sum(), Beside: d.beside.Sum()}, nil
}

// differ is what comparing needs beside the rows.
type differ struct {
	key          []byte
	live, beside *projections.Digest
}

// compareTable walks over both sides at once.
func compareTable(ctx context.Context, live, beside projections.Reader, t projections.Table, d differ) (TableDiff, error) {
	d.live.Table(t)
	d.beside.Table(t)
	a, b := follow(ctx, live, t), follow(ctx, beside, t)
	defer a.stop()
	defer b.stop()
	out := TableDiff{Table: t}
	for a.step() && b.step() && (a.more || b.more) {
		order := a.compare(b)
		if order <= 0 {
			d.live.Row(a.row)
		}
		if order >= 0 {
			d.beside.Row(b.row)
		}
		out.note(order, a, b, d.key)
		a.taken, b.taken = order <= 0, order >= 0
	}
	if err := errors.Join(a.err, b.err); err != nil {
		return out, fmt.Errorf("compare rows of %s: %w", t, err)
	}
	return out, nil
}

// note counts one key.
func (t *TableDiff) note(order int, live, beside *side, key []byte) {
	named := live.row.Key
	switch {
	case order < 0:
		t.OnlyLive++
	case order > 0:
		t.OnlyBeside++
		named = beside.row.Key
	case bytes.Equal(live.row.Value, beside.row.Value):
		t.Same++
		return
	default:
		t.Different++
	}
	if len(t.First) < mostNamed {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(t.Table + "\x00"))
		h.Write(named)
		t.First = append(t.First, hex.EncodeToString(h.Sum(nil)[:8]))
	}
}

// side is one of two scans that are walked over together.
type side struct {
	next  func() (projections.Row, error, bool)
	stop  func()
	row   projections.Row
	more  bool // row is one
	taken bool // row was dealt with
	err   error
}

func follow(ctx context.Context, r projections.Reader, t projections.Table) *side {
	s := &side{taken: true, more: true}
	s.next, s.stop = iter.Pull2(r.Scan(ctx, t, projections.Range{}))
	return s
}

// step reads the next row if the present one was dealt with; false upon an error.
func (s *side) step() bool {
	if s.taken && s.more && s.err == nil {
		s.row, s.err, s.more = s.next()
		s.taken = false
	}
	return s.err == nil
}

// compare orders the rows by key; a side without more rows comes last.
func (s *side) compare(o *side) int {
	switch {
	case !s.more:
		return 1
	case !o.more:
		return -1
	}
	return bytes.Compare(s.row.Key, o.row.Key)
}
