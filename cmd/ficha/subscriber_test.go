package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/client"
	"ficha/events"
	"ficha/projections/changes"
	"ficha/town"
)

// TestStorySubscriberHoldsWhatTheHubHolds follows the change feed of a hub that is
// killed, rebuilt and switched while customers are merged, split and undone. The
// subscriber is killed too, and goes on from what it had stored. In the end it
// holds what the hub holds, and every id that the feed ever named answers.
func TestStorySubscriberHoldsWhatTheHubHolds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &feedWorld{rng: rand.New(rand.NewPCG(seed, 1)), data: t.TempDir(), sub: newCopyOfHub()}
	n := max(rounds(3)/16, 3)
	for round := range n {
		h := serveProcess(t, w.data)
		if round == 0 {
			tn, err := town.Generate(town.Config{People: 60, Seed: 7})
			if err != nil {
				t.Fatal(err)
			}
			mustSubmit(t, h.Client, slices.Collect(tn.Events())...)
			h.settled(t)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.follow(ctx, h.Client) }()
		for range 50 {
			w.decide(t, h.Client)
		}
		if round%2 == 1 {
			w.rebuild(t, h.Client)
		}
		for range 10 {
			w.decide(t, h.Client)
		}
		h.kill()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	h := serveProcess(t, w.data)
	end := h.settled(t)
	for was := uint64(0); was != end.Position; end = h.settled(t) { // the last verdict may wait for the resolver
		was = end.Position
		time.Sleep(500 * time.Millisecond)
	}
	w.sub.catchUp(t, h.Client)
	w.sub.compare(t, h.Client)
	t.Logf("%d rounds, %d merges, %d splits, %d undone, %d changes taken, subscriber killed %d times, %d ids answer",
		n, w.merges, w.splits, w.undone, w.sub.taken, w.kills, len(w.sub.last))
	if w.merges < n*5 || w.splits < n*5 || w.undone < n || w.kills < n {
		t.Error("too little happened: this shows nothing")
	}
}

// feedWorld is who decides, and who listens.
type feedWorld struct {
	rng                           *rand.Rand
	data                          string
	sub                           *copyOfHub // owned by follow while that runs
	merges, splits, undone, kills int
	reviews                       []string
}

// follow listens until ctx ends; now and then the subscriber loses what it had
// not stored, and goes on from there.
func (w *feedWorld) follow(ctx context.Context, c *client.Client) error {
	killed := errors.New("killed")
	rng := rand.New(rand.NewPCG(uint64(w.sub.taken), 2))
	for {
		stored := w.sub.clone()
		left := 1 + rng.IntN(40)
		err := c.Follow(ctx, client.Feed{After: w.sub.after}, func(ch client.Change) error {
			if err := w.sub.take(ch); err != nil {
				return err
			}
			if left--; left > 0 {
				return nil
			}
			return killed
		})
		var gone *client.Unreachable
		switch {
		case errors.Is(err, killed):
			if w.kills++; rng.IntN(2) == 0 {
				w.sub = stored // what came since was not stored
			}
		case ctx.Err() != nil, errors.As(err, &gone):
			return nil
		default:
			return err
		}
	}
}

// decide merges, splits, takes back, or states something new. The hub may refuse
// what makes no sense; it may not fail.
func (w *feedWorld) decide(t *testing.T, c *client.Client) {
	t.Helper()
	customer, err := w.anyCustomer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	switch w.rng.IntN(10) {
	case 0:
		key := customer.Records[0]
		mustSubmit(t, c, made(key.Source, uuid.NewString(), events.CustomerRecordedV1, events.CustomerRecorded{
			Record: events.Record{RecordKey: events.RecordKey{Source: key.Source, Stream: key.Stream, ID: key.ID}}, Kind: events.Person,
			Tier: fmt.Sprint("t", w.rng.IntN(100)),
		}))
	case 1, 2:
		if n := len(w.reviews); n > 0 && w.post(t, c, "/v1/reviews/"+w.reviews[n-1]+":undo", map[string]any{"reason": "slip"}) != "" {
			w.reviews = w.reviews[:n-1]
			w.undone++
		}
	case 3, 4, 5, 6:
		other, err := w.anyCustomer(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if other.ID != customer.ID && len(customer.Records)+len(other.Records) < 12 {
			if r := w.post(t, c, "/v1/customers:merge", map[string]any{"ids": []uuid.UUID{customer.ID, other.ID}}); r != "" {
				w.reviews = append(w.reviews, r)
				w.merges++
			}
		}
	default:
		if n := len(customer.Records); n > 1 {
			part := customer.Records[:1+w.rng.IntN(n-1)]
			if r := w.post(t, c, "/v1/customers/"+customer.ID.String()+":split", map[string]any{"records": part}); r != "" {
				w.reviews = append(w.reviews, r)
				w.splits++
			}
		}
	}
}

// seenCustomer is what the test reads of a customer.
type seenCustomer struct {
	ID      uuid.UUID `json:"id"`
	Version uint64    `json:"version"`
	Records []struct {
		Source     string    `json:"source"`
		Stream     string    `json:"stream"`
		ID         string    `json:"id"`
		RecordUUID uuid.UUID `json:"record_uuid"`
	} `json:"records"`
}

// anyCustomer reads a customer by one of the ids that were first told.
func (w *feedWorld) anyCustomer(t *testing.T, c *client.Client) (got seenCustomer, err error) {
	page, err := c.Changes(t.Context(), client.Feed{After: "0", Kinds: []string{"created"}}, 500)
	if err != nil {
		return got, err
	}
	var ch changes.Change
	if err := json.Unmarshal(page.Data[w.rng.IntN(len(page.Data))], &ch); err != nil {
		return got, err
	}
	return got, c.Do(t.Context(), http.MethodGet, "/v1/customers/"+ch.Customer.String(), nil, &got)
}

// post decides something and gives the id to undo it with; "" where the hub
// refused it as senseless.
func (w *feedWorld) post(t *testing.T, c *client.Client, path string, body any) string {
	t.Helper()
	var out struct {
		Review string `json:"review"`
	}
	err := c.Do(t.Context(), http.MethodPost, path, body, &out)
	var p *client.Problem
	if errors.As(err, &p) && p.Status < 500 {
		return ""
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return out.Review
}

// rebuild has the rows made anew and put in place.
func (w *feedWorld) rebuild(t *testing.T, c *client.Client) {
	t.Helper()
	var job struct {
		ID    string `json:"id"`
		State string `json:"state"`
		Error string `json:"error"`
	}
	if err := c.Do(t.Context(), http.MethodPost, "/v1/projections:rebuild", map[string]any{"switch": true}, &job); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); job.State != "done"; time.Sleep(20 * time.Millisecond) {
		if job.State == "failed" || time.Now().After(deadline) {
			var how, all json.RawMessage
			_ = c.Do(t.Context(), http.MethodGet, "/v1/projections", nil, &how)
			_ = c.Do(t.Context(), http.MethodGet, "/v1/jobs", nil, &all)
			t.Fatalf("the rebuild is %s: %s\n%s\n%s", job.State, job.Error, how, all)
		}
		if err := c.Do(t.Context(), http.MethodGet, "/v1/jobs/"+job.ID, nil, &job); err != nil {
			t.Fatal(err)
		}
	}
}

// copyOfHub is a subscriber's own copy: which records are which customer, and
// where old ids lead.
type copyOfHub struct {
	after     string
	customers map[uuid.UUID][]uuid.UUID
	versions  map[uuid.UUID]uint64
	redirects map[uuid.UUID]uuid.UUID
	last      map[uuid.UUID]changes.ID
	taken     int
}

func newCopyOfHub() *copyOfHub {
	return &copyOfHub{
		after: "0", customers: map[uuid.UUID][]uuid.UUID{}, versions: map[uuid.UUID]uint64{},
		redirects: map[uuid.UUID]uuid.UUID{}, last: map[uuid.UUID]changes.ID{},
	}
}

func (s *copyOfHub) clone() *copyOfHub {
	return &copyOfHub{
		after: s.after, taken: s.taken, customers: maps.Clone(s.customers), versions: maps.Clone(s.versions),
		redirects: maps.Clone(s.redirects), last: maps.Clone(s.last),
	}
}

// take applies a change as docs/subscribers.md says, and checks the order of versions.
func (s *copyOfHub) take(ch client.Change) error {
	s.after = ch.ID
	if ch.Kind == "position" {
		return nil
	}
	var c changes.Change
	if err := json.Unmarshal(ch.Data, &c); err != nil {
		return err
	}
	s.taken++
	if c.Kind == changes.ContactFlip {
		return nil
	}
	if c.ID.Compare(s.last[c.Customer]) <= 0 {
		return fmt.Errorf("change %s of %s comes after %s", c.ID, c.Customer, s.last[c.Customer])
	}
	_, was := s.customers[c.Customer]
	want := s.versions[c.Customer]
	if c.Kind != changes.Redirected || was {
		want++
	}
	if c.Version != want {
		return fmt.Errorf("change %s (%s) of %s has version %d, want %d", c.ID, c.Kind, c.Customer, c.Version, want)
	}
	s.versions[c.Customer], s.last[c.Customer] = c.Version, c.ID
	if c.Kind == changes.Redirected {
		delete(s.customers, c.Customer)
		s.redirects[c.Customer] = c.To
		return nil
	}
	delete(s.redirects, c.Customer)
	ids := make([]uuid.UUID, len(c.Records))
	for i, r := range c.Records {
		ids[i] = r.UUID
	}
	s.customers[c.Customer] = sorted(ids)
	return nil
}

// catchUp reads what is still to come.
func (s *copyOfHub) catchUp(t *testing.T, c *client.Client) {
	t.Helper()
	for more := true; more; {
		page, err := c.Changes(t.Context(), client.Feed{After: s.after}, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range page.Data {
			var head struct{ ID, Kind string }
			if err := json.Unmarshal(data, &head); err != nil {
				t.Fatal(err)
			}
			if err := s.take(client.Change{ID: head.ID, Kind: head.Kind, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		more = page.NextCursor != nil
	}
}

// compare asks the hub about every id that the feed ever named.
func (s *copyOfHub) compare(t *testing.T, c *client.Client) {
	t.Helper()
	for id := range s.last {
		at := id
		for to, ok := s.redirects[at]; ok; to, ok = s.redirects[at] {
			at = to
		}
		var got seenCustomer
		if err := c.Do(t.Context(), http.MethodGet, "/v1/customers/"+id.String(), nil, &got); err != nil {
			t.Errorf("id %s: %v", id, err)
			continue
		}
		ids := make([]uuid.UUID, len(got.Records))
		for i, r := range got.Records {
			ids[i] = r.RecordUUID
		}
		if got.ID != at || got.Version != s.versions[at] || !slices.Equal(sorted(ids), s.customers[at]) {
			t.Errorf("id %s: the hub says %s version %d of %v, the subscriber holds %s version %d of %v",
				id, got.ID, got.Version, ids, at, s.versions[at], s.customers[at])
		}
	}
}

func sorted(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}
