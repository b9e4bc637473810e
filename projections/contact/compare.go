package contact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// What bounds one comparison. What lies beyond is not looked at, and the
// comparison says so.
const (
	// MaxFlips is how many flips are listed.
	MaxFlips = 500
	// MaxParts is how many parts are compared: records that were one customer, and are
	// one after.
	MaxParts = 200
	// MaxCodes is how many channels, purposes and products each are tried.
	MaxCodes = 8
	// fewBounds is up to how many statements about one customer further codes than
	// the usual ones are tried.
	fewBounds = 512
)

// AnyOther stands for a product that no statement names.
const AnyOther = "*"

// Flip is an answer that would be another one.
type Flip struct {
	Records []uuid.UUID `json:"records"` // whom it is about: the records that would be one customer, sorted
	Was     []uuid.UUID `json:"was"`     // the customer that some of them are part of now, sorted
	Channel string      `json:"channel"`
	Purpose string      `json:"purpose"`
	Product string      `json:"product,omitempty"` // none: none is said; AnyOther: one that no statement names
	Before  Decision    `json:"before"`
	After   Decision    `json:"after"`
	// Statements are the folios of what decides then and not now, sorted.
	Statements []string `json:"statements"`
	// Reasons are those of the answer then that deny, with their texts.
	Reasons []Reason `json:"reasons"`
}

// Comparison is what [Checker.Comparison] found.
type Comparison struct {
	Flips     []Flip `json:"flips"`
	Truncated bool   `json:"truncated,omitempty"` // there was more than the limits allow to look at or list
}

// Compare gives the flips of Comparison, at most MaxFlips.
func (c *Checker) Compare(ctx context.Context, before, after [][]uuid.UUID) ([]Flip, error) {
	all, err := c.Comparison(ctx, before, after)
	return all.Flips, err
}

// Comparison says which standing answers would change if records that are grouped
// as before were grouped as after: a dry run of a merge, a split or an undo. Both
// name the same records, each once, and all records of the customers that they
// touch (ErrInvalid otherwise). For each part that is in one group before and in
// one after, it asks about the four usual channels and purposes and those that the
// statements found name, without a product, with each that they name, and with
// another one, by the contact points that the part takes along. (A point that
// somebody else takes along stays denied as it was: that is no change.) Confirmed
// holds, and holds that would come to be, count as in any answer, so no flip is
// from deny to allow.
// ErrUnavailable: it could not be made sure that all statements are included.
func (c *Checker) Comparison(ctx context.Context, before, after [][]uuid.UUID) (_ Comparison, err error) {
	out := Comparison{Flips: []Flip{}}
	if err := sameRecords(before, after); err != nil {
		return out, err
	}
	if err := c.cfg.Health.Damage(); err != nil {
		return out, fmt.Errorf("compare contact answers: %w", events.ErrDamaged)
	}
	need, err := c.fresh(ctx, 0)
	if err != nil {
		return out, fmt.Errorf("compare contact answers: %w", unavailable(err))
	}
	snap, err := c.cfg.Store.Snapshot(ctx)
	if err != nil {
		return out, fmt.Errorf("compare contact answers: %w", err)
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	if at, err := snap.Position(ctx, c.cfg.Runner); err != nil || at < need {
		return out, fmt.Errorf("compare contact answers: %w", unavailable(err))
	}
	x := comparer{ctx: ctx, r: snap, checker: c, now: c.cfg.Clock().UTC(), out: &out,
		before: regroup(c.cfg.Identity, before, nil), after: regroup(c.cfg.Identity, after, before)}
	err = x.run()
	return out, err
}

// unavailable turns staleness into what callers know.
func unavailable(err error) error {
	if err == nil || errors.Is(err, errStale) {
		return events.ErrUnavailable
	}
	return err
}

// sameRecords checks that both sides group the same records, each once.
func sameRecords(before, after [][]uuid.UUID) error {
	a, b := sortedIDs(slices.Concat(before...)), sortedIDs(slices.Concat(after...))
	if !slices.Equal(a, b) || len(slices.Compact(slices.Clone(a))) != len(a) {
		return fmt.Errorf("compare contact answers: the groups do not hold the same records, each once: %w", events.ErrInvalid)
	}
	return nil
}

func sortedIDs(ids []uuid.UUID) []uuid.UUID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// regrouped is an Identity in which some records are grouped otherwise.
type regrouped struct {
	Identity
	groups [][]uuid.UUID
	of     map[uuid.UUID]int // record → group
	parted map[uuid.UUID][]Companion
	points map[uuid.UUID][]contactpoint.Point // by the group's id
}

var _ Identity = (*regrouped)(nil)

// regroup gives ident with the records grouped as they are in groups. Those that
// are together in apart, and are not in groups, have been parted just now.
func regroup(ident Identity, groups, apart [][]uuid.UUID) *regrouped {
	g := &regrouped{Identity: ident, of: map[uuid.UUID]int{}, parted: map[uuid.UUID][]Companion{}, points: map[uuid.UUID][]contactpoint.Point{}}
	for i, ids := range groups {
		g.groups = append(g.groups, sortedIDs(ids))
		for _, id := range ids {
			g.of[id] = i
		}
	}
	for _, ids := range apart {
		for _, a := range ids {
			for _, b := range ids {
				if g.of[a] != g.of[b] {
					g.parted[a] = append(g.parted[a], Companion{Record: b, Since: endless - 1, Until: endless - 1})
				}
			}
		}
	}
	return g
}

// Customer implements Identity: a group's id is its first record.
func (g *regrouped) Customer(ctx context.Context, r projections.Reader, id uuid.UUID) (uuid.UUID, bool, error) {
	if i, ok := g.of[id]; ok {
		return g.groups[i][0], true, nil
	}
	return g.Identity.Customer(ctx, r, id)
}

// Members implements Identity.
func (g *regrouped) Members(ctx context.Context, r projections.Reader, golden uuid.UUID) ([]uuid.UUID, error) {
	if i, ok := g.of[golden]; ok {
		return g.groups[i], nil
	}
	return g.Identity.Members(ctx, r, golden)
}

// FormerCompanions implements Identity.
func (g *regrouped) FormerCompanions(ctx context.Context, r projections.Reader, record uuid.UUID) ([]Companion, error) {
	cs, err := g.Identity.FormerCompanions(ctx, r, record)
	return append(slices.Clone(cs), g.parted[record]...), err
}

// FirstParted implements Identity.
func (g *regrouped) FirstParted(ctx context.Context, r projections.Reader, record uuid.UUID) (events.Position, error) {
	first, err := g.Identity.FirstParted(ctx, r, record)
	if first == 0 && len(g.parted[record]) > 0 {
		first = endless - 1
	}
	return first, err
}

// Points implements Identity.
func (g *regrouped) Points(ctx context.Context, r projections.Reader, golden uuid.UUID) ([]contactpoint.Point, error) {
	if ps, ok := g.points[golden]; ok {
		return ps, nil
	}
	return g.Identity.Points(ctx, r, golden)
}

// comparer is one comparison.
type comparer struct {
	ctx           context.Context // of the one call that it serves
	r             projections.Reader
	checker       *Checker
	now           time.Time
	before, after *regrouped
	out           *Comparison
}

// part is the records that are in one group before and in one after.
type part struct {
	records []uuid.UUID
	was, is []uuid.UUID
}

func (x *comparer) run() error {
	parts := x.parts()
	if len(parts) > MaxParts {
		parts, x.out.Truncated = parts[:MaxParts], true
	}
	for _, p := range parts {
		if len(x.out.Flips) == MaxFlips {
			x.out.Truncated = true
			return nil
		}
		if err := x.part(p); err != nil {
			return fmt.Errorf("compare contact answers: %w", err)
		}
	}
	return nil
}

// parts gives those of which the customer changes, in the order of the groups after.
func (x *comparer) parts() []part {
	var all []part
	for _, is := range x.after.groups {
		byWas := map[int]int{} // group before → index into all
		for _, id := range is {
			i := x.before.of[id]
			at, seen := byWas[i]
			if !seen {
				at = len(all)
				byWas[i] = at
				all = append(all, part{was: x.before.groups[i], is: is})
			}
			all[at].records = append(all[at].records, id)
		}
	}
	return slices.DeleteFunc(all, func(p part) bool { return slices.Equal(p.was, p.is) })
}

// part compares the answers about one part.
func (x *comparer) part(p part) error {
	points, read := x.after.points[p.is[0]]
	if !read {
		var err error
		if points, err = x.checker.cfg.Identity.PointsTogether(x.ctx, x.r, p.is); err != nil {
			return err
		}
	}
	own, err := x.checker.cfg.Identity.PointsTogether(x.ctx, x.r, p.records)
	if err != nil {
		return err
	}
	own = slices.DeleteFunc(own, func(q contactpoint.Point) bool { return !slices.Contains(points, q) })
	x.before.points[p.was[0]], x.after.points[p.is[0]] = own, points
	was, err := x.facts(x.before, p.records[0])
	if err != nil {
		return err
	}
	is, err := x.facts(x.after, p.records[0])
	if err != nil {
		return err
	}
	x.ask(p, was, is)
	return nil
}

func (x *comparer) facts(ident Identity, record uuid.UUID) (*Facts, error) {
	l, err := load(x.ctx, x.r, ident, &Request{Who: Who{CustomerID: record.String()}})
	if err == nil {
		err = l.widen()
	}
	if err != nil {
		return nil, err
	}
	return &l.facts, nil
}

// ask puts every question that matters to the facts before and after.
func (x *comparer) ask(p part, was, is *Facts) {
	channels, purposes, products := x.codes(was, is)
	for _, channel := range channels {
		for _, purpose := range purposes {
			plain := x.one(p, was, is, Request{Channel: channel, Purpose: purpose})
			x.add(plain)
			for _, product := range products {
				f := x.one(p, was, is, Request{Channel: channel, Purpose: purpose, Product: product})
				if f != nil && product == nobodys {
					f.Product = AnyOther
				}
				if f != nil && plain != nil && f.After == plain.After && slices.Equal(f.Statements, plain.Statements) {
					continue // said already
				}
				x.add(f)
			}
		}
	}
}

func (x *comparer) add(f *Flip) {
	switch {
	case f == nil:
	case len(x.out.Flips) == MaxFlips:
		x.out.Truncated = true
	default:
		x.out.Flips = append(x.out.Flips, *f)
	}
}

// one asks one question, and gives nil where the answer stays.
func (x *comparer) one(p part, was, is *Facts, req Request) *Flip {
	before, after := judge{facts: was, asked: req.asked(), at: x.now}, judge{facts: is, asked: req.asked(), at: x.now}
	if before.denied() == after.denied() {
		return nil
	}
	f := &Flip{Records: p.is, Was: p.was, Channel: req.Channel, Purpose: req.Purpose, Product: req.Product,
		Before: DecisionAllow, After: DecisionDeny, Statements: []string{}, Reasons: []Reason{}}
	if before.denied() {
		f.Before, f.After = DecisionDeny, DecisionAllow
	}
	for _, r := range after.reasons() {
		if r.Effect != EffectDeny {
			continue
		}
		f.Reasons = append(f.Reasons, r)
		if r.Statement != "" && !slices.Contains(f.Statements, r.Statement) {
			f.Statements = append(f.Statements, r.Statement)
		}
	}
	slices.Sort(f.Statements)
	x.checker.words.explain(f.Reasons)
	return f
}

// codes gives what to ask about: the usual codes, then those that the statements
// name, in order.
func (x *comparer) codes(was, is *Facts) (channels, purposes, products []string) {
	channels = []string{"voice", "sms", "whatsapp", "email"}
	purposes = []string{string(ClassMarketing), string(ClassService), string(ClassCollection), string(ClassSurvey)}
	if len(was.Bounds)+len(is.Bounds) > fewBounds {
		x.out.Truncated = true
		return channels, purposes, nil
	}
	var more events.Scope
	for _, f := range [...]*Facts{was, is} {
		for i := range f.Bounds {
			scope := &f.Bounds[i].Statement.Scope
			more.Channels = append(more.Channels, scope.Channels...)
			more.Purposes = append(more.Purposes, scope.Purposes...)
			more.Products = append(more.Products, scope.Products...)
		}
	}
	askable := func(code string) bool {
		_, class, known := purposeCode(code)
		return known && class != ClassObligatory
	}
	products = x.with(nil, more.Products, func(string) bool { return true })
	if len(products) > 0 {
		products = append(products, nobodys)
	}
	return x.with(channels, more.Channels, func(c string) bool { return channelBit(c) != 0 }), x.with(purposes, more.Purposes, askable), products
}

// nobodys is the code of a product that no statement can name.
const nobodys = "\x00"

func (x *comparer) with(usual, more []string, askable func(string) bool) []string {
	slices.Sort(more)
	for _, code := range slices.Compact(more) {
		if slices.Contains(usual, code) || !askable(code) {
			continue
		}
		if len(usual) == MaxCodes {
			x.out.Truncated = true
			break
		}
		usual = append(usual, code)
	}
	return usual
}
