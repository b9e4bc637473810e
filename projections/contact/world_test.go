package contact

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/projectionstest"
)

// noon is the present of most tests; hour counts from it.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func hour(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

func key(id string) events.RecordKey {
	return events.RecordKey{Source: "/crm/bank", Stream: "customer", ID: id}
}

// who is an Identity from tables: customers by record, former companions, points.
type who struct {
	customer   map[uuid.UUID]uuid.UUID
	companions map[uuid.UUID][]Companion
	points     map[uuid.UUID][]contactpoint.Point // by record
}

func newWho() *who {
	return &who{customer: map[uuid.UUID]uuid.UUID{}, companions: map[uuid.UUID][]Companion{}, points: map[uuid.UUID][]contactpoint.Point{}}
}

// group makes the records one customer, whose id is the first one's.
func (w *who) group(ids ...string) *who {
	for _, id := range ids {
		w.customer[key(id).UUID()] = key(ids[0]).UUID()
	}
	return w
}

func (w *who) parted(a, b string, until events.Position) *who {
	x, y := key(a).UUID(), key(b).UUID()
	w.companions[x] = append(w.companions[x], Companion{Record: y, Until: until})
	w.companions[y] = append(w.companions[y], Companion{Record: x, Until: until})
	return w
}

func (w *who) holds(id string, points ...string) *who {
	for _, p := range points {
		w.points[key(id).UUID()] = append(w.points[key(id).UUID()], point(p))
	}
	return w
}

func point(s string) contactpoint.Point {
	if p, ok := contactpoint.Email(s); ok {
		return p
	}
	p, ok := contactpoint.Phone(s, "")
	if !ok {
		panic("no contact point: " + s)
	}
	return p
}

func (w *who) RecordsByPoint(_ context.Context, _ projections.Reader, p contactpoint.Point) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for id, points := range w.points {
		if slices.ContainsFunc(points, p.Same) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return ids, nil
}

func (w *who) Customer(_ context.Context, _ projections.Reader, id uuid.UUID) (uuid.UUID, bool, error) {
	g, ok := w.customer[id]
	return g, ok, nil
}

func (w *who) Members(_ context.Context, _ projections.Reader, golden uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for id, g := range w.customer {
		if g == golden {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return ids, nil
}

func (w *who) FormerCompanions(_ context.Context, _ projections.Reader, id uuid.UUID) ([]Companion, error) {
	return w.companions[id], nil
}

func (w *who) FirstParted(_ context.Context, _ projections.Reader, id uuid.UUID) (events.Position, error) {
	first := events.Position(0)
	for _, c := range w.companions[id] {
		if first == 0 || c.Until < first {
			first = c.Until
		}
	}
	return first, nil
}

func (w *who) Points(ctx context.Context, r projections.Reader, golden uuid.UUID) ([]contactpoint.Point, error) {
	ids, _ := w.Members(ctx, r, golden)
	var ps []contactpoint.Point
	for _, id := range ids {
		ps = append(ps, w.points[id]...)
	}
	return ps, nil
}

func (w *who) PointsTogether(_ context.Context, _ projections.Reader, ids []uuid.UUID) ([]contactpoint.Point, error) {
	var ps []contactpoint.Point
	for _, id := range ids {
		ps = append(ps, w.points[id]...)
	}
	return ps, nil
}

// said is a statement in short.
type said struct {
	choice   events.Choice
	at       time.Time // stated; recorded a minute later
	records  []string
	points   []string
	scope    events.Scope
	from     time.Time
	until    time.Time
	id       string // of the event; made up where empty
	source   string
	ext      *events.StatementExt
	recorded time.Time
}

func envelope(t testing.TB, typ events.Type, source, id string, at, recorded time.Time, data any) events.Envelope {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if source == "" {
		source = "/crm/bank"
	}
	if recorded.IsZero() {
		recorded = at.Add(time.Minute)
	}
	return events.Envelope{ID: id, Source: source, SpecVersion: "1.0", Type: typ, Time: at, RecordedTime: recorded, Data: b}
}

func (s said) event(t testing.TB, n int) events.Envelope {
	t.Helper()
	if s.id == "" {
		s.id = fmt.Sprintf("s%d", n)
	}
	in := events.ContactStated{Choice: s.choice, Scope: s.scope, StatedAt: stamp(s.at), Ext: s.ext,
		Via: events.Via{Channel: "voice", Agent: "a17"}, Reason: "not interested"}
	if !s.from.IsZero() {
		in.EffectiveFrom = stamp(s.from)
	}
	if !s.until.IsZero() {
		in.Until = stamp(s.until)
	}
	for _, r := range s.records {
		in.Records = append(in.Records, key(r))
	}
	for _, p := range s.points {
		if q := point(p); q.Kind == contactpoint.KindEmail {
			in.ContactPoints = append(in.ContactPoints, events.ContactPoint{Email: p})
		} else {
			in.ContactPoints = append(in.ContactPoints, events.ContactPoint{Phone: p})
		}
	}
	return envelope(t, events.ContactStatedV1, s.source, s.id, s.at, s.recorded, in)
}

func statedEvents(t testing.TB, list []said) []events.Envelope {
	t.Helper()
	var evs []events.Envelope
	for i, s := range list {
		evs = append(evs, s.event(t, i))
	}
	return evs
}

// fold folds events into a fresh store and gives its snapshot.
func fold(t testing.TB, evs ...events.Envelope) projections.Snapshot {
	t.Helper()
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, []projections.Fold{NewFold()}, evs...)
	return snapshot(t, store)
}

func snapshot(t testing.TB, store projections.Store) projections.Snapshot {
	t.Helper()
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = snap.Close() })
	return snap
}

// ask answers one request from the rows, as Checker does.
func ask(t testing.TB, r projections.Reader, ident Identity, req Request, now time.Time) Answer {
	t.Helper()
	l, err := load(t.Context(), r, ident, &req)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.widen(); err != nil {
		t.Fatal(err)
	}
	return Decide(&l.facts, &req, now)
}

// codesOf lists the codes that deny, in order, each once.
func codesOf(a Answer, effect Effect) []Code {
	codes := []Code{}
	for _, r := range a.Reasons {
		if r.Effect == effect && !slices.Contains(codes, r.Code) {
			codes = append(codes, r.Code)
		}
	}
	return codes
}
