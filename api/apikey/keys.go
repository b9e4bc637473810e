package apikey

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"ficha/events"
)

// ErrUnknownKey: the key is malformed, revoked or was never given out. Which of
// them is not said.
var ErrUnknownKey = errors.New("unknown key")

// Store keeps a few hundred small values by key. Safe for concurrent use.
// natslog's bucket is one.
type Store interface {
	// Get gives the value and its revision, or events.ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, uint64, error)
	// Put stores durably before it returns.
	Put(ctx context.Context, key string, value []byte) error
	// Delete removes; removing what is not there is no error.
	Delete(ctx context.Context, key string) error
	// Keys lists all keys, in any order.
	Keys(ctx context.Context) ([]string, error)
}

// Config is what [New] needs.
type Config struct {
	Store     Store            // required
	ServerKey []byte           // required, at least 32 bytes; another one makes every key unknown
	Clock     func() time.Time // required
	Rand      io.Reader        // source of ids and secrets; default crypto/rand
	TTL       time.Duration    // how long a stored grant is believed without reading it again; default and at most 1 s
}

// Keys makes and checks keys. Safe for concurrent use.
type Keys struct {
	cfg Config

	mu    sync.Mutex
	cache map[string]cached // by id; known and unknown ones
}

// cached is what the store said about an id, and when.
type cached struct {
	grant grant
	known bool
	at    time.Time
}

// maxCached bounds the cache against callers that try ids.
const maxCached = 4096

// grant is the stored form of a key.
type grant struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Roles     []Role    `json:"roles"`
	Sources   []string  `json:"sources,omitempty"`
	Hash      []byte    `json:"hash"` // see Keys.hash
	CreatedAt time.Time `json:"created_at"`
}

// Info describes a key without its secret.
type Info struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Roles     []Role    `json:"roles"`
	Sources   []string  `json:"sources,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// New checks cfg and gives the keys over its store.
func New(cfg Config) (*Keys, error) {
	if cfg.Store == nil || cfg.Clock == nil {
		return nil, fmt.Errorf("configure keys: store and clock are required: %w", events.ErrInvalid)
	}
	if len(cfg.ServerKey) < 32 {
		return nil, fmt.Errorf("configure keys: server key has %d bytes, want at least 32: %w", len(cfg.ServerKey), events.ErrInvalid)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.TTL <= 0 || cfg.TTL > time.Second {
		cfg.TTL = time.Second
	}
	return &Keys{cfg: cfg, cache: map[string]cached{}}, nil
}

// Create makes a key and gives it, this once: afterwards only its hash is known.
// ErrInvalid: the name, a role or a source cannot be.
func (k *Keys) Create(ctx context.Context, name string, roles []Role, sources []string) (string, Info, error) {
	if err := checkGrant(name, roles, sources); err != nil {
		return "", Info{}, fmt.Errorf("create key: %w", err)
	}
	random := make([]byte, 5+20)
	if _, err := io.ReadFull(k.cfg.Rand, random); err != nil {
		return "", Info{}, fmt.Errorf("create key: %w", err)
	}
	id, secret := encoding.EncodeToString(random[:5]), encoding.EncodeToString(random[5:])
	g := grant{
		ID: id, Name: name,
		Roles:     slices.Compact(slices.Sorted(slices.Values(roles))),
		Sources:   slices.Compact(slices.Sorted(slices.Values(sources))),
		Hash:      k.hash(id, secret),
		CreatedAt: k.cfg.Clock().UTC(),
	}
	if err := k.put(ctx, g); err != nil {
		return "", Info{}, fmt.Errorf("create key: %w", err)
	}
	return prefix + id + "_" + secret, g.info(), nil
}

// Change sets the roles and sources of a key; the secret stays. ErrNotFound: no
// such key. It is in force here at once, in other processes within the TTL.
func (k *Keys) Change(ctx context.Context, id string, roles []Role, sources []string) (Info, error) {
	g, known, err := k.load(ctx, id)
	if err != nil {
		return Info{}, fmt.Errorf("change key: %w", err)
	}
	if !known {
		return Info{}, fmt.Errorf("change key: %w", events.ErrNotFound)
	}
	if err := checkGrant(g.Name, roles, sources); err != nil {
		return Info{}, fmt.Errorf("change key: %w", err)
	}
	g.Roles = slices.Compact(slices.Sorted(slices.Values(roles)))
	g.Sources = slices.Compact(slices.Sorted(slices.Values(sources)))
	if err := k.put(ctx, g); err != nil {
		return Info{}, fmt.Errorf("change key: %w", err)
	}
	return g.info(), nil
}

// Revoke removes a key. ErrNotFound: no such key. It stops working here at once,
// in other processes within the TTL.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	_, known, err := k.load(ctx, id)
	if err == nil && !known {
		err = events.ErrNotFound
	}
	if err == nil {
		err = k.cfg.Store.Delete(ctx, storeKey(id))
	}
	k.forget(id)
	if err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	return nil
}

// List gives all keys, oldest first, without secrets.
func (k *Keys) List(ctx context.Context) ([]Info, error) {
	names, err := k.cfg.Store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var all []Info
	for _, name := range names {
		id, ok := strings.CutPrefix(name, storePrefix)
		if !ok {
			continue // the store may hold other small things beside keys
		}
		g, known, err := k.load(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		if known {
			all = append(all, g.info())
		}
	}
	slices.SortFunc(all, func(a, b Info) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// Authenticate gives the principal that a key stands for. ErrUnknownKey: it is
// none of ours, or no longer. Another error: the store did not answer.
func (k *Keys) Authenticate(ctx context.Context, key string) (Principal, error) {
	id, secret, ok := split(key)
	if !ok {
		return Principal{}, ErrUnknownKey
	}
	g, known, err := k.recent(ctx, id)
	if err != nil {
		return Principal{}, fmt.Errorf("authenticate: %w", err)
	}
	// The hash is computed for unknown ids too, so that time does not tell them apart.
	if !hmac.Equal(k.hash(id, secret), g.Hash) || !known {
		return Principal{}, ErrUnknownKey
	}
	return Principal{ID: g.ID, Name: g.Name, Roles: g.Roles, Sources: g.Sources}, nil
}

// recent gives the grant as of at most TTL ago.
func (k *Keys) recent(ctx context.Context, id string) (grant, bool, error) {
	now := k.cfg.Clock()
	k.mu.Lock()
	c, ok := k.cache[id]
	k.mu.Unlock()
	if age := now.Sub(c.at); ok && age >= 0 && age < k.cfg.TTL {
		return c.grant, c.known, nil
	}
	g, known, err := k.load(ctx, id)
	if err != nil {
		return grant{}, false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.cache) >= maxCached {
		clear(k.cache)
	}
	// `now` was read before the store was: the entry is never younger than it says.
	k.cache[id] = cached{grant: g, known: known, at: now}
	return g, known, nil
}

// load reads the store; no such id is no error.
func (k *Keys) load(ctx context.Context, id string) (grant, bool, error) {
	if !written(id, 8) {
		return grant{}, false, nil
	}
	b, _, err := k.cfg.Store.Get(ctx, storeKey(id))
	if errors.Is(err, events.ErrNotFound) {
		return grant{}, false, nil
	}
	if err != nil {
		return grant{}, false, fmt.Errorf("read key: %w", err)
	}
	var g grant
	if err := json.Unmarshal(b, &g); err != nil {
		return grant{}, false, fmt.Errorf("decode stored key: %w", events.ErrUnavailable)
	}
	return g, g.ID == id, nil
}

func (k *Keys) put(ctx context.Context, g grant) error {
	b, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if err := k.cfg.Store.Put(ctx, storeKey(g.ID), b); err != nil {
		return fmt.Errorf("store key: %w", err)
	}
	k.forget(g.ID)
	return nil
}

func (k *Keys) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.cache, id)
}

// hash is what is stored of a secret. The id is part of it, so that a stored
// hash cannot be moved to a key with more roles.
func (k *Keys) hash(id, secret string) []byte {
	m := hmac.New(sha256.New, k.cfg.ServerKey)
	m.Write([]byte(id))
	m.Write([]byte{0})
	m.Write([]byte(secret))
	return m.Sum(nil)
}

func (g grant) info() Info {
	return Info{ID: g.ID, Name: g.Name, Roles: g.Roles, Sources: g.Sources, CreatedAt: g.CreatedAt}
}

const (
	prefix      = "ficha_"
	storePrefix = "key."
)

func storeKey(id string) string { return storePrefix + id }

// encoding writes ids (8 characters) and secrets (32) without the underscore
// that separates them.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// split takes a key apart. Only what Create could have made passes, so that no
// foreign text reaches the store as a key.
func split(key string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	return id, secret, ok && written(id, 8) && written(secret, 32)
}

func written(s string, length int) bool {
	return len(s) == length && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '2' || r > '7')
	})
}
