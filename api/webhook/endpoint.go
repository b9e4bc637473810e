package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"ficha/api/bucket"
	"ficha/events"
	"ficha/projections/changes"
)

// Settings are what an operator says about an endpoint.
type Settings struct {
	URL         string         `json:"url"`
	Kinds       []changes.Kind `json:"kinds,omitempty"` // empty: all
	Description string         `json:"description,omitempty"`
}

// Endpoint is somewhere that changes are sent to.
type Endpoint struct {
	ID string `json:"id"`
	Settings
	CreatedAt time.Time `json:"created_at"`
	// Active is false once the receiver has answered 410 Gone; retry wakes it.
	Active bool `json:"active"`
}

// Masked gives the endpoint with whatever its address says behind "?" left out:
// that is where people put secrets.
func (e Endpoint) Masked() Endpoint {
	u, err := url.Parse(e.URL)
	if err != nil {
		e.URL = ""
		return e
	}
	if u.RawQuery != "" {
		u.RawQuery = ""
		e.URL = u.String() + "?…"
	}
	return e
}

// State is how far an endpoint is.
type State struct {
	Cursor      changes.ID `json:"cursor"`                 // everything up to it was delivered or is dead
	Attempts    int        `json:"attempts,omitempty"`     // failed ones at the change behind the cursor
	NextAt      time.Time  `json:"next_at,omitzero"`       // of the next attempt
	LastError   Outcome    `json:"last_error,omitempty"`   // of the last failed attempt
	LastStatus  int        `json:"last_status,omitempty"`  // its HTTP status
	LastFailed  time.Time  `json:"last_failed,omitzero"`   //
	LastSuccess time.Time  `json:"last_success,omitzero"`  //
	Delivered   uint64     `json:"delivered,omitempty"`    // changes so far
	Missed      bool       `json:"missed,omitempty"`       // changes were dropped for their age before they could be sent
	DeadDropped uint64     `json:"dead_dropped,omitempty"` // dead deliveries that are no longer listed
}

// DeadDelivery is a change that could not be delivered.
type DeadDelivery struct {
	Change  changes.ID `json:"change"`
	At      time.Time  `json:"at"` // of the last attempt
	Outcome Outcome    `json:"outcome"`
	Status  int        `json:"status,omitempty"`
}

// The limits.
const (
	MaxEndpoints = 100
	MaxDead      = 1000 // dead deliveries listed for an endpoint; the oldest ones go
)

// store keeps endpoints in a bucket: settings, state and dead deliveries under
// keys of their own, so that the worker and the desk do not overwrite each other.
type store struct{ b bucket.Bucket }

func endpointKey(id string) string { return "endpoint." + id }
func stateKey(id string) string    { return "state." + id }
func deadKey(id string) string     { return "dead." + id }

// load reads the value at key into v. False: there is none.
func (s store) load(ctx context.Context, key string, v any) (revision uint64, ok bool, err error) {
	b, revision, err := s.b.Get(ctx, key)
	if errors.Is(err, events.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read webhook: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return 0, false, fmt.Errorf("read webhook: what is kept cannot be read: %w", events.ErrUnavailable)
	}
	return revision, true, nil
}

// save writes v at key: where revision is zero as a new one, else in the place of
// that one. ErrConflict: somebody else did.
func (s store) save(ctx context.Context, key string, v any, revision uint64) (uint64, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode webhook: %w", err)
	}
	if revision == 0 {
		revision, err = s.b.Create(ctx, key, b)
	} else {
		revision, err = s.b.Update(ctx, key, b, revision)
	}
	if err != nil {
		return 0, fmt.Errorf("keep webhook: %w", err)
	}
	return revision, nil
}

// endpoint reads one, or gives events.ErrNotFound.
func (s store) endpoint(ctx context.Context, id string) (e Endpoint, revision uint64, err error) {
	if !validID(id) {
		return e, 0, fmt.Errorf("read webhook: %w", events.ErrNotFound)
	}
	revision, ok, err := s.load(ctx, endpointKey(id), &e)
	if err == nil && !ok {
		err = fmt.Errorf("read webhook %s: %w", id, events.ErrNotFound)
	}
	return e, revision, err
}

// endpoints lists all, oldest first.
func (s store) endpoints(ctx context.Context) ([]Endpoint, error) {
	keys, err := s.b.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	var out []Endpoint
	for _, key := range keys {
		id, ok := strings.CutPrefix(key, "endpoint.")
		if !ok {
			continue
		}
		e, _, err := s.endpoint(ctx, id)
		if errors.Is(err, events.ErrNotFound) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b Endpoint) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return out, nil
}

// remove deletes an endpoint and all that is kept of it.
func (s store) remove(ctx context.Context, id string) error {
	for _, key := range []string{endpointKey(id), stateKey(id), deadKey(id)} {
		if err := s.b.Delete(ctx, key); err != nil {
			return fmt.Errorf("remove webhook: %w", err)
		}
	}
	return nil
}

// validID keeps what is no id of an endpoint from being asked for as a key.
func validID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
