package webhook

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"ficha/api/bucket"
	"ficha/api/feed"
	"ficha/events"
	"ficha/projections/changes"
)

// Config says where endpoints are kept and how changes are sent.
type Config struct {
	Bucket bucket.Bucket // keeps endpoints; required
	Reader *feed.Reader  // required
	Secret []byte        // signing secrets are derived from it; at least 32 bytes; required
	Guard  Guard         // who may be dialled; default: public addresses over https

	Agent   string         // User-Agent; default "ficha"
	Roots   *x509.CertPool // whom certificates are believed from; default: the system's
	Timeout time.Duration  // of one request; default 15 s
	// Pauses are those between attempts; when they are used up the change is dead.
	// Default: 5 s, 30 s, 2 m, 10 m, 30 m, 1 h, 3 h. Each is lengthened at random by
	// up to a fifth, so that a receiver that comes back is not met by all at once.
	Pauses []time.Duration
	// SaveEvery is how long a cursor may go unsaved while deliveries succeed: after
	// a crash that much is sent again. Default 1 s.
	SaveEvery time.Duration

	Clock  func() time.Time                           // default time.Now
	Sleep  func(context.Context, time.Duration) error // returns ctx's error when that ends first; default: a timer
	Rand   io.Reader                                  // ids of endpoints; default crypto/rand
	Jitter func() float64                             // from 0 up to 1; default: random
	Logger *slog.Logger                               // default: discards
}

func pauses() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour}
}

func (c Config) withDefaults() (Config, error) {
	if c.Bucket == nil || c.Reader == nil || len(c.Secret) < 32 {
		return c, fmt.Errorf("configure webhooks: bucket, reader and a secret of 32 bytes are required: %w", events.ErrInvalid)
	}
	c.Agent, c.Timeout, c.SaveEvery = cmp.Or(c.Agent, "ficha"), cmp.Or(c.Timeout, sendTimeout), cmp.Or(c.SaveEvery, time.Second)
	if c.Pauses == nil {
		c.Pauses = pauses()
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Jitter == nil {
		c.Jitter = mathrand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Desk keeps endpoints and sends them changes. Safe for concurrent use.
type Desk struct {
	cfg    Config
	store  store
	sender *sender

	mu      sync.Mutex
	life    context.Context // set by Start
	workers map[string]*worker
}

// New gives a desk that sends nothing until Start. ErrInvalid: something is missing.
func New(cfg Config) (*Desk, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Desk{
		cfg: cfg, store: store{cfg.Bucket}, workers: map[string]*worker{},
		sender: newSender(cfg.Guard, cfg.Roots, cfg.Timeout, cfg.Agent),
	}, nil
}

// Start sends changes to all endpoints until ctx ends or Stop.
func (d *Desk) Start(ctx context.Context) error {
	all, err := d.store.endpoints(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life = ctx
	for _, e := range all {
		d.begin(e.ID)
	}
	return nil
}

// begin starts a worker for an endpoint; d.mu is held.
func (d *Desk) begin(id string) {
	if d.life == nil || d.life.Err() != nil || d.workers[id] != nil {
		return
	}
	w := &worker{desk: d, id: id, done: make(chan struct{}), kicks: make(chan struct{}, 1)}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(d.life)
	d.workers[id] = w
	go w.run(ctx)
}

// Stop ends all sending and waits for it.
func (d *Desk) Stop() {
	d.mu.Lock()
	all := d.workers
	d.workers, d.life = map[string]*worker{}, nil
	d.mu.Unlock()
	for _, w := range all {
		w.cancel()
	}
	for _, w := range all {
		<-w.done
	}
	d.sender.close()
}

// Created is a new endpoint with its signing secret, which is shown this once.
type Created struct {
	Endpoint
	Secret string `json:"secret"`
}

// Create adds an endpoint, which is sent what changes behind an id. key makes it
// repeatable: the same key with the same settings is the same endpoint. "": none.
// ErrInvalid: the settings will not do. ErrConflict: the key came with others.
func (d *Desk) Create(ctx context.Context, s Settings, after changes.ID, key string) (Created, error) {
	if err := d.check(s); err != nil {
		return Created{}, err
	}
	id, err := d.newID(key)
	if err != nil {
		return Created{}, err
	}
	e := Endpoint{ID: id, Settings: s, CreatedAt: d.cfg.Clock().UTC().Truncate(time.Millisecond), Active: true}
	if key != "" {
		if was, _, err := d.store.endpoint(ctx, id); err == nil {
			return d.again(was, s)
		} else if !errors.Is(err, events.ErrNotFound) {
			return Created{}, err
		}
	}
	all, err := d.store.endpoints(ctx)
	if err != nil {
		return Created{}, err
	}
	if len(all) >= MaxEndpoints {
		return Created{}, fmt.Errorf("make webhook: there are %d, remove one: %w", len(all), events.ErrInvalid)
	}
	// The state first: an endpoint that is there has one.
	if _, err := d.store.save(ctx, stateKey(id), State{Cursor: after}, 0); err != nil && !errors.Is(err, events.ErrConflict) {
		return Created{}, err
	}
	if _, err := d.store.save(ctx, endpointKey(id), e, 0); err != nil {
		return Created{}, err
	}
	d.mu.Lock()
	d.begin(id)
	d.mu.Unlock()
	return Created{Endpoint: e, Secret: shown(d.secret(id))}, nil
}

func (d *Desk) again(was Endpoint, s Settings) (Created, error) {
	if was.URL != s.URL || was.Description != s.Description || !slices.Equal(was.Kinds, s.Kinds) {
		return Created{}, fmt.Errorf("make webhook: the same key made another one: %w", events.ErrConflict)
	}
	return Created{Endpoint: was, Secret: shown(d.secret(was.ID))}, nil
}

func (d *Desk) check(s Settings) error {
	if err := d.cfg.Guard.CheckURL(s.URL); err != nil {
		return err
	}
	for _, k := range s.Kinds {
		if !slices.Contains(changes.Kinds(), k) {
			return fmt.Errorf("make webhook: there is no kind %q of change: %w", k, events.ErrInvalid)
		}
	}
	return nil
}

// newID makes an id: of a key by hashing it, else at random.
func (d *Desk) newID(key string) (string, error) {
	raw := make([]byte, 10)
	if key != "" {
		copy(raw, d.derive("id of "+key))
	} else if _, err := io.ReadFull(d.cfg.Rand, raw); err != nil {
		return "", fmt.Errorf("make webhook: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw)), nil
}

func (d *Desk) derive(what string) []byte {
	h := hmac.New(sha256.New, d.cfg.Secret)
	h.Write([]byte(what))
	return h.Sum(nil)
}

// secret gives an endpoint's signing secret.
func (d *Desk) secret(id string) []byte { return d.derive("signing secret of " + id) }

// shown writes a secret as Standard Webhooks has it.
func shown(secret []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(secret) }

// View is an endpoint with how far it is.
type View struct {
	Endpoint
	State   State
	Pending int // changes that wait, at most 1,000 are counted
	Dead    []DeadDelivery
}

// Get gives an endpoint with its state and dead deliveries, or events.ErrNotFound.
func (d *Desk) Get(ctx context.Context, id string) (View, error) {
	e, _, err := d.store.endpoint(ctx, id)
	if err != nil {
		return View{}, err
	}
	return d.view(ctx, e)
}

func (d *Desk) view(ctx context.Context, e Endpoint) (View, error) {
	v := View{Endpoint: e}
	if _, _, err := d.store.load(ctx, stateKey(e.ID), &v.State); err != nil {
		return v, err
	}
	if _, _, err := d.store.load(ctx, deadKey(e.ID), &v.Dead); err != nil {
		return v, err
	}
	page, err := d.cfg.Reader.Page(ctx, feed.Query{After: v.State.Cursor, Kinds: e.Kinds})
	if err != nil && !errors.Is(err, feed.ErrGone) && !errors.Is(err, feed.ErrFuture) {
		return v, err
	}
	v.Pending = len(page.Changes)
	return v, nil
}

// List gives all endpoints with their states, oldest first.
func (d *Desk) List(ctx context.Context) ([]View, error) {
	all, err := d.store.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]View, len(all))
	for i, e := range all {
		if out[i], err = d.view(ctx, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Delete ends an endpoint, or gives events.ErrNotFound. What is under way to it
// may still arrive.
func (d *Desk) Delete(ctx context.Context, id string) error {
	if _, _, err := d.store.endpoint(ctx, id); err != nil {
		return err
	}
	d.mu.Lock()
	w := d.workers[id]
	delete(d.workers, id)
	d.mu.Unlock()
	if w != nil {
		w.cancel()
		<-w.done
	}
	return d.store.remove(ctx, id)
}

// Tried says how one request went.
type Tried struct {
	Outcome Outcome
	Status  int // of the answer; zero: none
	Took    time.Duration
}

// Test sends an endpoint a message of type "test", once.
func (d *Desk) Test(ctx context.Context, id string) (Tried, error) {
	e, _, err := d.store.endpoint(ctx, id)
	if err != nil {
		return Tried{}, err
	}
	raw := make([]byte, 10)
	if _, err := io.ReadFull(d.cfg.Rand, raw); err != nil {
		return Tried{}, fmt.Errorf("make test message: %w", err)
	}
	now := d.cfg.Clock()
	m := message{ID: "test." + strings.ToLower(base32.StdEncoding.EncodeToString(raw)) + "." + id, Type: "test", Timestamp: now.UTC(), Data: []byte(`{}`)}
	outcome, status := d.sender.send(ctx, e.URL, d.secret(id), now, m)
	return Tried{Outcome: outcome, Status: status, Took: d.cfg.Clock().Sub(now)}, nil
}

// Retry ends the pause of an endpoint, wakes one that had answered Gone, and has
// its dead deliveries tried again, oldest first, before anything else. It gives
// how many there are.
func (d *Desk) Retry(ctx context.Context, id string) (dead int, err error) {
	e, revision, err := d.store.endpoint(ctx, id)
	if err != nil {
		return 0, err
	}
	if !e.Active {
		e.Active = true
		if _, err := d.store.save(ctx, endpointKey(id), e, revision); err != nil {
			return 0, err
		}
	}
	var list []DeadDelivery
	if _, _, err := d.store.load(ctx, deadKey(id), &list); err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begin(id)
	if w := d.workers[id]; w != nil {
		w.kick()
	}
	return len(list), nil
}
