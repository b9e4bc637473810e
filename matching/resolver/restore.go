package resolver

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/google/uuid"
	"github.com/sourcegraph/conc/iter"

	"ficha/events"
	"ficha/events/record"
	"ficha/matching"
)

// loadChunk is how many records are normalised together while loading.
const loadChunk = 4096

// restore fills the book from the saved state and then from the log, up to the
// last decision in it, and appends what those decisions lack. It gives the
// cursor from which to go on.
func (r *Resolver) restore(ctx context.Context) (Cursor, error) {
	at, err := r.cfg.State.Cursor(ctx)
	if err != nil {
		return at, err
	}
	r.known(at)
	for _, load := range []func(context.Context) error{r.loadRecords, r.loadGroups, r.loadStated, r.loadOpen, r.loadVerdicts} {
		if err := load(ctx); err != nil {
			return at, err
		}
	}
	r.loadEdges()
	return r.catchUp(ctx, at)
}

// catchUp reads decisions that were appended but not saved, and the records that
// they looked at. Deciding earlier would see those records as absent.
func (r *Resolver) catchUp(ctx context.Context, at Cursor) (Cursor, error) {
	to := at
	w := r.newWrites()
	var cause events.Position
	var identity []events.Stored
	for e, err := range r.cfg.Log.Read(ctx, events.ReadOptions{After: at.Identity, Lane: events.LaneIdentity}) {
		if err != nil {
			return at, err
		}
		identity, to.Identity = append(identity, e), e.Position
		cause = max(cause, causeOf(e))
	}
	if err := r.takeIdentity(w, identity); err != nil {
		return at, err
	}
	records, err := r.recordsUntil(ctx, at.Record, cause)
	if err != nil {
		return at, err
	}
	if err := r.takeRecords(ctx, w, records); err != nil {
		return at, err
	}
	if n := len(records); n > 0 {
		to.Record = records[n-1].Position
	}
	if to == at {
		return at, nil
	}
	if _, err := r.decide(ctx, w, to); err != nil {
		return at, err
	}
	if err := r.cfg.State.Save(ctx, at, to, w.rows()); err != nil {
		return at, fmt.Errorf("save resolver state: %w", err)
	}
	return to, nil
}

func (r *Resolver) recordsUntil(ctx context.Context, after, until events.Position) ([]events.Stored, error) {
	var out []events.Stored
	if until <= after {
		return nil, nil
	}
	for e, err := range r.cfg.Log.Read(ctx, events.ReadOptions{After: after, Lane: events.LaneRecord}) {
		if err != nil {
			return nil, err
		}
		if e.Position > until {
			break
		}
		out = append(out, e)
	}
	return out, nil
}

// causeOf gives up to where a decision looked; zero for other events.
func causeOf(e events.Stored) events.Position {
	if e.Type != events.IdentityResolvedV1 {
		return 0
	}
	var d struct {
		Cause events.Position `json:"cause"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return 0
	}
	return d.Cause
}

func (r *Resolver) loadRecords(ctx context.Context) error {
	var ids []uuid.UUID
	var rows []*recordRow
	flush := func() {
		for i, p := range r.prepareRows(ids, rows) {
			r.book.see(ids[i], rows[i].First)
			if p == nil {
				r.book.see(ids[i], rows[i].Last)
			} else {
				r.book.Put(p, ids[i], rows[i].Last)
			}
		}
		ids, rows = ids[:0], rows[:0]
	}
	for row, err := range r.cfg.State.Load(ctx, []byte{rowRecord}) {
		if err != nil {
			return fmt.Errorf("load records: %w", err)
		}
		v := new(recordRow)
		if err := json.Unmarshal(row.Value, v); err != nil {
			return fmt.Errorf("decode resolver record: %w", err)
		}
		ids, rows = append(ids, idIn(row.Key)), append(rows, v)
		if len(ids) == loadChunk {
			flush()
		}
	}
	flush()
	return nil
}

func (r *Resolver) loadGroups(ctx context.Context) error {
	members := map[uuid.UUID][]uuid.UUID{}
	for row, err := range r.cfg.State.Load(ctx, []byte{rowGroup}) {
		if err != nil {
			return fmt.Errorf("load groups: %w", err)
		}
		var v groupRow
		if err := json.Unmarshal(row.Value, &v); err != nil {
			return fmt.Errorf("decode resolver group: %w", err)
		}
		id := idIn(row.Key)
		m := r.book.see(id, 0)
		m.group, m.link, m.sum = v.Group, v.Link, v.Sum
		members[v.Group] = append(members[v.Group], id)
	}
	for first, ids := range members {
		if len(ids) > 1 {
			r.book.groups[first] = sortIDs(ids)
		}
	}
	return nil
}

func (r *Resolver) loadStated(ctx context.Context) error {
	for row, err := range r.cfg.State.Load(ctx, []byte{rowStated}) {
		if err != nil {
			return fmt.Errorf("load stated links: %w", err)
		}
		if len(row.Key) == 33 {
			r.book.State(uuid.UUID(row.Key[1:17]), uuid.UUID(row.Key[17:33]))
		}
	}
	return nil
}

func (r *Resolver) loadOpen(ctx context.Context) error {
	for row, err := range r.cfg.State.Load(ctx, []byte{rowOpen}) {
		if err != nil {
			return fmt.Errorf("load potential matches: %w", err)
		}
		r.book.open.load(row)
	}
	clear(r.book.open.touched)
	return nil
}

func (r *Resolver) loadVerdicts(ctx context.Context) error {
	for row, err := range r.cfg.State.Load(ctx, []byte{rowWithdrawn}) {
		if err != nil {
			return fmt.Errorf("load withdrawn verdicts: %w", err)
		}
		r.book.verdicts.withdraw(eventIn(row.Key))
	}
	for row, err := range r.cfg.State.Load(ctx, []byte{rowVerdict}) {
		if err != nil {
			return fmt.Errorf("load verdicts: %w", err)
		}
		var v verdict
		if err := json.Unmarshal(row.Value, &v); err != nil {
			return fmt.Errorf("decode verdict: %w", err)
		}
		r.book.verdicts.judge(eventIn(row.Key), v)
	}
	return nil
}

// loadEdges reads every live record's edges from the index, once all are in it.
func (r *Resolver) loadEdges() {
	var live []uuid.UUID
	for id, m := range r.book.members {
		if m.live {
			live = append(live, id)
		}
	}
	sortIDs(live)
	for len(live) > 0 {
		n := min(len(live), loadChunk)
		for i, edges := range r.edgesOf(live[:n]) {
			r.book.refreshEdges(live[i], edges)
		}
		live = live[n:]
	}
}

// prepareRows normalises records on all processors; nil where one is not live.
func (r *Resolver) prepareRows(ids []uuid.UUID, rows []*recordRow) []*matching.Prepared {
	type job struct {
		id  uuid.UUID
		row *recordRow
	}
	jobs := make([]job, len(ids))
	for i := range ids {
		jobs[i] = job{ids[i], rows[i]}
	}
	m := iter.Mapper[job, *matching.Prepared]{MaxGoroutines: runtime.GOMAXPROCS(0)}
	return m.Map(jobs, func(j *job) *matching.Prepared {
		if !j.row.State.Live() {
			return nil
		}
		return r.cfg.Engine.Prepare(toCompare(j.id, j.row.Source, j.row.State))
	})
}

// toCompare turns what a source record says into what the matcher compares.
func toCompare(id uuid.UUID, source string, s record.State) matching.Record {
	c := s.Customer()
	out := matching.Record{
		ID: id, Source: source, Kind: matching.Kind(c.Kind), BirthDate: c.BirthDate,
		Gender: c.Gender, Organization: c.Organization,
	}
	region := s.Region()
	for _, n := range c.Names {
		out.Names = append(out.Names, matching.Name(n))
	}
	for _, d := range c.Documents {
		out.Documents = append(out.Documents, matching.Document{Kind: d.Kind, Number: d.Number, Country: d.Country})
	}
	for _, p := range c.Phones {
		phone := matching.Phone{Value: p.Value, Region: p.Region}
		if phone.Region == "" {
			phone.Region = region
		}
		out.Phones = append(out.Phones, phone)
	}
	for _, e := range c.Emails {
		out.Emails = append(out.Emails, e.Value)
	}
	for _, a := range c.Addresses {
		out.Addresses = append(out.Addresses, matching.Address{Lines: a.Lines, Street: a.Street, Number: a.Number,
			Unit: a.Unit, Locality: a.Locality, Region: a.Region, PostalCode: a.PostalCode, Country: a.Country})
	}
	for _, h := range c.Handles {
		out.Handles = append(out.Handles, matching.Handle(h))
	}
	return out
}

func idIn(key []byte) uuid.UUID { return uuid.UUID(key[1:17]) }

func eventIn(key []byte) events.EventID {
	source, id, _ := strings.Cut(string(key[1:]), "\x00")
	return events.EventID{Source: source, ID: id}
}
