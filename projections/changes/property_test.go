package changes_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/changes"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

// subscriber is who builds on the feed, as docs/subscribers.md tells him to.
type subscriber struct {
	customers map[uuid.UUID][]uuid.UUID // id → records
	redirect  map[uuid.UUID]uuid.UUID
	version   map[uuid.UUID]uint64
	last      map[uuid.UUID]changes.ID
	cursor    changes.ID // what is durable of how far he has read
}

func newSubscriber() *subscriber {
	return &subscriber{customers: map[uuid.UUID][]uuid.UUID{}, redirect: map[uuid.UUID]uuid.UUID{}, version: map[uuid.UUID]uint64{}, last: map[uuid.UUID]changes.ID{}}
}

// apply takes one change, which may have come before.
func (s *subscriber) apply(c changes.Change) error {
	if c.Kind == changes.ContactFlip {
		return nil
	}
	if last, ok := s.last[c.Customer]; ok && c.ID.Compare(last) <= 0 {
		return nil
	}
	held := s.version[c.Customer]
	switch {
	case c.Version == held+1:
	case c.Version == held && c.Kind == changes.Redirected:
	default:
		return fmt.Errorf("change %s, %s of %s: version %d follows %d", c.ID, c.Kind, c.Customer, c.Version, held)
	}
	if c.Kind.Steps() && c.Version != held+1 {
		return fmt.Errorf("change %s is a %s and no step", c.ID, c.Kind)
	}
	s.version[c.Customer], s.last[c.Customer] = c.Version, c.ID
	if c.Kind == changes.Redirected {
		delete(s.customers, c.Customer)
		s.redirect[c.Customer] = c.To
		return nil
	}
	delete(s.redirect, c.Customer)
	records := make([]uuid.UUID, len(c.Records))
	for i, r := range c.Records {
		records[i] = r.UUID
	}
	s.customers[c.Customer] = records
	return nil
}

// answer follows redirects.
func (s *subscriber) answer(id uuid.UUID) (uuid.UUID, bool) {
	for range 20 {
		if _, ok := s.customers[id]; ok {
			return id, true
		}
		to, ok := s.redirect[id]
		if !ok {
			return uuid.Nil, false
		}
		id = to
	}
	return uuid.Nil, false
}

// TestSubscriberHoldsWhatTheHubHolds: whoever applies the feed, killed and resumed
// anywhere, with changes coming twice, holds golden's memberships, redirects and
// versions; and every id that he was ever told answers.
func TestSubscriberHoldsWhatTheHubHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := drawWorld(rt, 40)
		store := projectionstest.NewMemory()
		s, seen := newSubscriber(), map[uuid.UUID]bool{}
		for evs := x.evs; len(evs) > 0; {
			n := rapid.IntRange(1, len(evs)).Draw(rt, "batch")
			fold(t, store, evs[:n]...)
			evs = evs[n:]
			for range rapid.IntRange(0, 3).Draw(rt, "lives") {
				live(rt, t, store, s, seen)
			}
		}
		s.cursor = keepUp(rt, s, feed(t, snapshot(t, store), s.cursor), seen)
		requireSame(rt, t, snapshot(t, store), s, seen)
	})
}

// live reads some changes, and dies: what he applied is durable, the cursor perhaps not.
func live(rt *rapid.T, t *testing.T, store projections.Store, s *subscriber, seen map[uuid.UUID]bool) {
	all := feed(t, snapshot(t, store), s.cursor)
	n := rapid.IntRange(0, len(all)).Draw(rt, "applied")
	cursor := keepUp(rt, s, all[:n], seen)
	if rapid.Bool().Draw(rt, "cursor saved") {
		s.cursor = cursor
	}
}

func keepUp(rt *rapid.T, s *subscriber, all []changes.Change, seen map[uuid.UUID]bool) changes.ID {
	cursor := s.cursor
	for _, c := range all {
		if err := s.apply(c); err != nil {
			rt.Fatal(err)
		}
		noteIDs(c, seen)
		cursor = c.ID
	}
	return cursor
}

func noteIDs(c changes.Change, seen map[uuid.UUID]bool) {
	seen[c.Customer] = true
	for _, l := range c.Losers {
		seen[l] = true
	}
	for _, p := range c.Parts {
		seen[p.Customer] = true
	}
	for _, m := range c.Moved {
		seen[m.Record], seen[m.From], seen[m.To] = true, true, true
	}
	for _, r := range c.Records {
		seen[r.UUID] = true
	}
	if c.To != uuid.Nil {
		seen[c.To] = true
	}
	delete(seen, uuid.Nil)
}

func requireSame(rt *rapid.T, t *testing.T, r projections.Reader, s *subscriber, seen map[uuid.UUID]bool) {
	for id := range seen {
		if _, err := golden.Get(t.Context(), r, id); err != nil {
			rt.Fatalf("id %s was told and does not answer: %v", id, err)
		}
	}
	for _, name := range slices.Concat(names, ghosts) {
		want, ok, err := golden.CustomerOf(t.Context(), r, id(name))
		if err != nil {
			rt.Fatal(err)
		}
		got, has := s.answer(id(name))
		if has != ok || got != want {
			rt.Fatalf("record %s is of customer %s (%v), the subscriber says %s (%v)", name, want, ok, got, has)
		}
		if !ok {
			continue
		}
		c, err := golden.Get(t.Context(), r, want)
		if err != nil {
			rt.Fatal(err)
		}
		members, err := golden.Members(t.Context(), r, want)
		if err != nil {
			rt.Fatal(err)
		}
		records := slices.Clone(s.customers[want])
		slices.SortFunc(records, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
		if c.Version != s.version[want] || !slices.Equal(records, members) {
			rt.Fatalf("customer %s: version %d of %v, the subscriber has %d of %v", want, c.Version, members, s.version[want], records)
		}
	}
}

// TestReplayGivesTheSameOutbox: in one batch or one by one, the same bytes.
func TestReplayGivesTheSameOutbox(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := drawWorld(rt, 40)
		once, oneByOne := projectionstest.NewMemory(), projectionstest.NewMemory()
		fold(t, once, x.evs...)
		for _, e := range x.evs {
			fold(t, oneByOne, e)
		}
		tables := changes.New().Tables()
		a, b := projectionstest.Dump(t, once, tables...), projectionstest.Dump(t, oneByOne, tables...)
		if a != b {
			rt.Fatalf("one batch:\n%s\none by one:\n%s", a, b)
		}
	})
}

// TestWrittenAsChangeIsWritten: the fold's own encoding is that of the type.
func TestWrittenAsChangeIsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := drawWorld(rt, 25)
		store := projectionstest.NewMemory()
		fold(t, store, x.evs...)
		entries, err := changes.After(t.Context(), snapshot(t, store), changes.ID{}, 0)
		if err != nil {
			rt.Fatal(err)
		}
		for _, e := range entries {
			c, err := e.Decode()
			if err != nil {
				rt.Fatal(err)
			}
			b, err := json.Marshal(c)
			if err != nil {
				rt.Fatal(err)
			}
			if got, want := canonical(rt, e.JSON), canonical(rt, b); got != want {
				rt.Fatalf("written %s\nas type %s", got, want)
			}
		}
	})
}

func canonical(rt *rapid.T, b []byte) string {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		rt.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		rt.Fatal(err)
	}
	return string(out)
}

// TestNoFlipIsMissed: whenever the answer to "may we contact this customer?"
// becomes another one by an event, the feed says so for that id.
func TestNoFlipIsMissed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := drawWorld(rt, 30)
		store := projectionstest.NewMemory()
		before, cursor := map[uuid.UUID]string{}, changes.ID{}
		for i, e := range x.evs {
			fold(t, store, e)
			snap := snapshot(t, store)
			told := map[uuid.UUID]bool{}
			for _, c := range feed(t, snap, cursor) {
				cursor = c.ID
				if c.Kind == changes.ContactFlip || c.Kind == changes.Redirected {
					told[c.Customer] = true
				}
			}
			now := answers(rt, t, store, snap, events.Position(i+1))
			for id, answer := range now {
				// Who is redirected is told of the customer that he is part of.
				if own, _, err := golden.CustomerOf(t.Context(), snap, id); err != nil || own != id {
					continue
				}
				was, known := before[id]
				if !known {
					was = "allow"
				}
				if was != answer && !told[id] {
					rt.Fatalf("event %d, %s: customer %s was %q and is %q, and nobody is told", i+1, e.Type, id, was, answer)
				}
			}
			before = now
			snap.Close()
		}
	})
}

// answers asks the checker about every id: the decision and the folios behind it.
func answers(rt *rapid.T, t *testing.T, store projections.Store, r projections.Reader, at events.Position) map[uuid.UUID]string {
	checker, err := contact.NewChecker(contact.Config{
		Store: store, Runner: "test", Health: sound{}, Identity: contact.GoldenIdentity{}, Clock: then, Key: make([]byte, 32),
		LaneEnd:  func(context.Context) (events.Position, error) { return at, nil },
		End:      func(context.Context) (events.Position, error) { return at, nil },
		Position: func() events.Position { return at }, Wait: func(context.Context, events.Position) error { return nil },
	})
	if err != nil {
		rt.Fatal(err)
	}
	var ids []uuid.UUID
	var asked []contact.Request
	for _, name := range slices.Concat(names, ghosts) {
		if _, ok, err := golden.CustomerOf(t.Context(), r, id(name)); err == nil && ok {
			ids = append(ids, id(name))
			asked = append(asked, contact.Request{Who: contact.Who{CustomerID: id(name).String()}, Channel: "voice", Purpose: "marketing"})
		}
	}
	if len(asked) == 0 {
		return nil
	}
	got, err := checker.Check(t.Context(), asked, 0)
	if err != nil {
		rt.Fatal(err)
	}
	out := map[uuid.UUID]string{}
	for i, a := range got.Answers {
		out[ids[i]] = summary(a)
	}
	return out
}

func summary(a contact.Answer) string {
	var denies []string
	for _, r := range a.Reasons {
		if r.Effect == contact.EffectDeny {
			denies = append(denies, cmp.Or(r.Statement, "restricted"))
		}
	}
	slices.Sort(denies)
	return strings.Join(append([]string{string(a.Decision)}, slices.Compact(denies)...), " ")
}

type sound struct{}

func (sound) Damage() error { return nil }

func then() time.Time { return at(20_000) }
