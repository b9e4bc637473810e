package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"ficha/api/explain"
	"ficha/events"
	"ficha/projections/golden"
)

// FormationAnswer tells how a customer came to be, step by step.
type FormationAnswer struct {
	AsOf
	ID      uuid.UUID        `json:"id" format:"uuid"`
	Records []CustomerRecord `json:"records" doc:"What it consists of now"`
	Steps   []explain.Step   `json:"steps" doc:"Oldest first"`
	Links   []explain.Link   `json:"links" doc:"The evidence that holds the records together now"`
	Dropped int              `json:"steps_left_out,omitempty" doc:"Oldest steps that are not listed"`
}

type formationOutput struct{ Body FormationAnswer }

// maxSteps bounds the steps of one answer. Customers have a handful; one whose
// number is shared by a town may have thousands.
const maxSteps = 500

func (s *server) formationRoutes() {
	register(s, route{
		id: opHow, method: http.MethodGet, path: "/v1/customers/{id}/how", tag: "customers",
		summary: "How a customer formed",
		text: "Every step since its oldest record came in: which records were joined or parted, upon which evidence, by which model and engine, " +
			"or by whom and why. Texts are in the language of `Accept-Language`.",
		problems: append(readProblems, http.StatusNotFound), response: exampleFormation(),
	}, s.getFormation)
	s.historyRoutes()
}

func (s *server) getFormation(ctx context.Context, in *customerInput) (*formationOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	c, err := customerAt(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	f := newFormation(s, v, c)
	out := FormationAnswer{AsOf: v.asOf, ID: c.ID, Records: recordsIn(c)}
	if out.Steps, err = f.steps(ctx); err != nil {
		return nil, fmt.Errorf("tell how customer formed: %w", err)
	}
	if out.Links, err = f.linksNow(ctx); err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	if n := len(out.Steps) - maxSteps; n > 0 {
		out.Steps, out.Dropped = out.Steps[n:], n
	}
	lang := languageOf(in.Accept)
	levels := s.levels(lang)
	for i := range out.Steps {
		s.story.Tell(&out.Steps[i], lang, levels)
	}
	now := explain.Step{Links: out.Links}
	s.story.Tell(&now, lang, levels)
	return &formationOutput{Body: out}, nil
}

// formation gathers the steps of one customer from its memberships and the
// decisions in the log that made them.
type formation struct {
	s        *server
	view     *view
	customer golden.Customer
	keys     map[uuid.UUID]events.RecordKey    // of records that were looked at
	moves    map[uuid.UUID][]golden.Membership // likewise
}

func newFormation(s *server, v *view, c golden.Customer) *formation {
	return &formation{s: s, view: v, customer: c, keys: map[uuid.UUID]events.RecordKey{}, moves: map[uuid.UUID][]golden.Membership{}}
}

// steps gives every step, oldest first, without words.
func (f *formation) steps(ctx context.Context) ([]explain.Step, error) {
	var out []explain.Step
	decided := map[events.Position]bool{}
	for _, m := range f.customer.Records {
		f.keys[m.ID] = m.RecordKey
		seen, err := f.seen(ctx, m)
		if err != nil {
			return nil, err
		}
		out = append(out, seen)
		if err := f.decisions(ctx, m.ID, decided); err != nil {
			return nil, err
		}
	}
	for p, there := range decided {
		if !there {
			continue
		}
		step, err := f.decision(ctx, p)
		if err != nil {
			return nil, err
		}
		if step != nil {
			out = append(out, *step)
		}
	}
	people, err := f.people(ctx)
	if err != nil {
		return nil, err
	}
	out = append(out, people...)
	slices.SortFunc(out, func(a, b explain.Step) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Kind, b.Kind))
	})
	return out, nil
}

// decisions notes the positions of the decisions that changed a record's
// customers while it belonged to them: who came, and who went.
func (f *formation) decisions(ctx context.Context, id uuid.UUID, at map[events.Position]bool) error {
	moves, err := f.movesOf(ctx, id)
	if err != nil {
		return err
	}
	for _, m := range moves {
		stays, err := golden.Stays(ctx, f.view, m.Customer)
		if err != nil {
			return err
		}
		for _, s := range stays {
			for _, p := range [2]events.Position{s.From, s.To} {
				if p > m.From && (m.To == 0 || p <= m.To) || p == m.From {
					at[p] = p != 0
				}
			}
		}
	}
	return nil
}

// seen is the step in which a record came in.
func (f *formation) seen(ctx context.Context, m golden.Member) (explain.Step, error) {
	e, err := f.s.cfg.Log.Get(ctx, m.FirstSeen)
	if err != nil {
		return explain.Step{}, err
	}
	key := m.RecordKey
	return explain.Step{Position: m.FirstSeen, At: e.RecordedTime, Kind: explain.StepSeen, Record: &key}, nil
}

// decision is what one identity.resolved did to the customer's present records;
// nil where it moved none between groups.
func (f *formation) decision(ctx context.Context, p events.Position) (*explain.Step, error) {
	e, err := f.s.cfg.Log.Get(ctx, p)
	if err != nil {
		return nil, err
	}
	d, err := events.Decode(e)
	if err != nil {
		return nil, err
	}
	resolved, ok := d.Payload.(*events.IdentityResolved)
	if !ok {
		return nil, nil
	}
	step := &explain.Step{Position: p, At: e.RecordedTime, Model: resolved.Model, Engine: resolved.Engine}
	if err := f.regrouped(ctx, step, resolved); err != nil {
		return nil, err
	}
	switch {
	case len(step.Joined) > 0 && len(step.Parted) > 0:
		step.Kind = explain.StepRegrouped
	case len(step.Joined) > 0:
		step.Kind = explain.StepJoined
	case len(step.Parted) > 0:
		step.Kind = explain.StepParted
	default:
		return nil, nil
	}
	return step, f.because(ctx, step, resolved.Cause)
}

// regrouped says what a decision joined into, and parted from, the groups of the
// customer's present records.
func (f *formation) regrouped(ctx context.Context, step *explain.Step, d *events.IdentityResolved) error {
	touched, left := map[int]bool{}, map[uuid.UUID]bool{} // groups after, customers before
	into, from := map[int]parts{}, map[uuid.UUID]parts{}
	for i, g := range d.Groups {
		for _, m := range g {
			before, err := f.customerBefore(ctx, m.Record, step.Position)
			if err != nil {
				return err
			}
			into[i] = into[i].with(before.String(), m.Record)
			from[before] = from[before].with(itoa(i), m.Record)
			if f.mine(m.Record) {
				touched[i], left[before] = true, true
			}
		}
	}
	for i := range touched {
		if len(into[i]) > 1 {
			if err := f.joined(ctx, step, into[i], d.Links); err != nil {
				return err
			}
		}
	}
	for customer := range left {
		if len(from[customer]) > 1 {
			apart, err := f.named(ctx, from[customer])
			if err != nil {
				return err
			}
			step.Parted = append(step.Parted, apart...)
		}
	}
	slices.SortFunc(step.Joined, compareGroups)
	slices.SortFunc(step.Parted, compareGroups)
	return nil
}

// parts are the records of a group by what they were, or became, part of.
type parts map[string][]uuid.UUID

func (p parts) with(part string, id uuid.UUID) parts {
	if p == nil {
		p = parts{}
	}
	p[part] = append(p[part], id)
	return p
}

func compareGroups(a, b []events.RecordKey) int {
	return slices.CompareFunc(a, b, events.RecordKey.Compare)
}

func (f *formation) mine(id uuid.UUID) bool {
	return slices.ContainsFunc(f.customer.Records, func(m golden.Member) bool { return m.ID == id })
}

// joined adds parts that became one group, and the links between them.
func (f *formation) joined(ctx context.Context, step *explain.Step, ps parts, links []events.IdentityLink) error {
	groups, err := f.named(ctx, ps)
	if err != nil {
		return err
	}
	step.Joined = append(step.Joined, groups...)
	part := map[uuid.UUID]string{}
	for name, ids := range ps {
		for _, id := range ids {
			part[id] = name
		}
	}
	for _, l := range links {
		if a, b := part[l.A], part[l.B]; a != "" && b != "" && a != b {
			link, err := f.link(ctx, l)
			if err != nil {
				return err
			}
			step.Links = append(step.Links, link)
		}
	}
	return nil
}

// named gives the keys of records, part by part, in order of their keys.
func (f *formation) named(ctx context.Context, ps parts) ([][]events.RecordKey, error) {
	out := make([][]events.RecordKey, 0, len(ps))
	for _, ids := range ps {
		keys := make([]events.RecordKey, len(ids))
		for i, id := range ids {
			var err error
			if keys[i], err = f.key(ctx, id); err != nil {
				return nil, err
			}
		}
		slices.SortFunc(keys, events.RecordKey.Compare)
		out = append(out, keys)
	}
	return out, nil
}

func (f *formation) link(ctx context.Context, l events.IdentityLink) (explain.Link, error) {
	a, err := f.key(ctx, l.A)
	if err != nil {
		return explain.Link{}, err
	}
	b, err := f.key(ctx, l.B)
	return explain.Link{A: a, B: b, Weight: l.Weight, Rule: l.Rule, Levels: l.Levels}, err
}

// key gives the key of a record, which may be another customer's by now.
func (f *formation) key(ctx context.Context, id uuid.UUID) (events.RecordKey, error) {
	if k, ok := f.keys[id]; ok {
		return k, nil
	}
	c, err := golden.Get(ctx, f.view, id)
	if err != nil {
		return events.RecordKey{}, fmt.Errorf("read record: %w", err)
	}
	for _, m := range c.Records {
		f.keys[m.ID] = m.RecordKey
	}
	return f.keys[id], nil
}

// customerBefore gives the customer that a record belonged to right before a position.
func (f *formation) customerBefore(ctx context.Context, id uuid.UUID, p events.Position) (uuid.UUID, error) {
	moves, err := f.movesOf(ctx, id)
	if err != nil {
		return uuid.Nil, err
	}
	for _, m := range moves {
		if m.From < p && (m.To == 0 || m.To >= p) {
			return m.Customer, nil
		}
	}
	return id, nil
}

func (f *formation) movesOf(ctx context.Context, id uuid.UUID) ([]golden.Membership, error) {
	if m, ok := f.moves[id]; ok {
		return m, nil
	}
	m, err := golden.Memberships(ctx, f.view, id)
	f.moves[id] = m
	return m, err
}

// because names the event upon which matching decided.
func (f *formation) because(ctx context.Context, step *explain.Step, cause events.Position) error {
	e, err := f.s.cfg.Log.Get(ctx, cause)
	if errors.Is(err, events.ErrNotFound) {
		return nil // decided before anything was read, as after a restart
	}
	if err != nil {
		return fmt.Errorf("read cause: %w", err)
	}
	step.Cause = &explain.Cause{Position: cause, Type: e.Type, Source: e.Source}
	return nil
}

// linksNow gives the evidence that holds the customer together.
func (f *formation) linksNow(ctx context.Context) ([]explain.Link, error) {
	links, err := golden.Links(ctx, f.view, f.customer.ID)
	if err != nil {
		return nil, err
	}
	out := make([]explain.Link, len(links))
	for i, l := range links {
		if out[i], err = f.link(ctx, l); err != nil {
			return nil, err
		}
	}
	return out, nil
}
