package apikey

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/events"
)

// memory is a Store in a map that counts its reads.
type memory struct {
	mu    sync.Mutex
	rows  map[string][]byte
	reads int
	fail  error
}

func (m *memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if m.fail != nil {
		return nil, 0, m.fail
	}
	b, ok := m.rows[key]
	if !ok {
		return nil, 0, events.ErrNotFound
	}
	return b, 1, nil
}

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[key] = bytes.Clone(value)
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, key)
	return nil
}

func (m *memory) Keys(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.rows)), nil
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func setUp(t *testing.T) (*Keys, *memory, *clock) {
	t.Helper()
	store := &memory{rows: map[string][]byte{}}
	c := &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	keys, err := New(Config{Store: store, ServerKey: bytes.Repeat([]byte{7}, 32), Clock: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return keys, store, c
}

func TestAKeyOpensAndItsHashDoesNot(t *testing.T) {
	keys, store, _ := setUp(t)
	ctx := t.Context()
	key, info, err := keys.Create(ctx, "dialler", []Role{System, Agent, System}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := keys.Authenticate(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != info.ID || p.Name != "dialler" || !slices.Equal(p.Roles, []Role{Agent, System}) {
		t.Errorf("principal = %+v", p)
	}
	_, secret, _ := split(key)
	for name, b := range store.rows {
		if strings.Contains(string(b), secret) || strings.Contains(name, secret) {
			t.Errorf("the store holds the secret under %s", name)
		}
	}
}

func TestForeignKeysAreUnknown(t *testing.T) {
	keys, _, _ := setUp(t)
	ctx := t.Context()
	key, _, err := keys.Create(ctx, "a", []Role{Agent}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := keys.Create(ctx, "b", []Role{Admin}, nil)
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ := split(key)
	otherID, _, _ := split(other)
	changed := []byte(secret)
	if changed[0] = 'a'; secret[0] == 'a' {
		changed[0] = 'b'
	}
	for name, k := range map[string]string{
		"empty":          "",
		"prefix only":    "ficha_",
		"no secret":      "ficha_" + id,
		"empty secret":   "ficha_" + id + "_",
		"wrong secret":   "ficha_" + id + "_" + string(changed),
		"secret of a":    "ficha_" + otherID + "_" + secret,
		"unknown id":     "ficha_aaaaaaaa_" + secret,
		"longer":         key + "a",
		"upper case":     strings.ToUpper(key),
		"foreign prefix": "other_" + id + "_" + secret,
		"dots in id":     "ficha_a.>.*.aa_" + secret,
	} {
		if _, err := keys.Authenticate(ctx, k); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s: %v, want ErrUnknownKey", name, err)
		}
	}
}

func TestAnotherServerKeyKnowsNobody(t *testing.T) {
	keys, store, c := setUp(t)
	key, _, err := keys.Create(t.Context(), "a", []Role{Agent}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(Config{Store: store, ServerKey: bytes.Repeat([]byte{8}, 32), Clock: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Authenticate(t.Context(), key); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("%v, want ErrUnknownKey", err)
	}
}

// TestRoleRemovalActsWithinASecond: with two processes over one store, what one
// takes away the other stops believing after at most a second.
func TestRoleRemovalActsWithinASecond(t *testing.T) {
	here, store, c := setUp(t)
	there, err := New(Config{Store: store, ServerKey: bytes.Repeat([]byte{7}, 32), Clock: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	key, info, err := here.Create(ctx, "a", []Role{Agent, Steward}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.Authenticate(ctx, key); err != nil {
		t.Fatal(err)
	}
	if _, err := here.Change(ctx, info.ID, []Role{Agent}, nil); err != nil {
		t.Fatal(err)
	}
	if p, err := here.Authenticate(ctx, key); err != nil || p.Has(Steward) {
		t.Errorf("where it was changed: %+v, %v; want at once", p, err)
	}
	c.now = c.now.Add(time.Second)
	if p, err := there.Authenticate(ctx, key); err != nil || p.Has(Steward) {
		t.Errorf("elsewhere after a second: %+v, %v", p, err)
	}
	if err := here.Revoke(ctx, info.ID); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Second)
	if _, err := there.Authenticate(ctx, key); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("revoked key: %v, want ErrUnknownKey", err)
	}
	if err := here.Revoke(ctx, info.ID); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("revoke twice: %v, want ErrNotFound", err)
	}
	for _, odd := range []string{"", ">", "*", "a b", "../key"} {
		if err := here.Revoke(ctx, odd); !errors.Is(err, events.ErrNotFound) {
			t.Errorf("revoke %q: %v, want ErrNotFound", odd, err)
		}
	}
}

func TestTheStoreIsNotAskedEachTime(t *testing.T) {
	keys, store, _ := setUp(t)
	key, _, err := keys.Create(t.Context(), "a", []Role{Agent}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := store.reads
	for range 100 {
		if _, err := keys.Authenticate(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		_, _ = keys.Authenticate(t.Context(), "ficha_aaaaaaaa_"+strings.Repeat("a", 32))
	}
	if n := store.reads - before; n != 2 {
		t.Errorf("%d reads for two keys within a moment, want 2", n)
	}
}

func TestWithoutStoreNobodyGetsIn(t *testing.T) {
	keys, store, c := setUp(t)
	key, _, err := keys.Create(t.Context(), "a", []Role{Agent}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Authenticate(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	store.fail = events.ErrUnavailable
	c.now = c.now.Add(time.Second)
	if _, err := keys.Authenticate(t.Context(), key); !errors.Is(err, events.ErrUnavailable) || errors.Is(err, ErrUnknownKey) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	keys, store, _ := setUp(t)
	for name, c := range map[string]struct {
		name    string
		roles   []Role
		sources []string
	}{
		"no name":              {"", []Role{Agent}, nil},
		"control in name":      {"a\nb", []Role{Agent}, nil},
		"long name":            {strings.Repeat("a", 129), []Role{Agent}, nil},
		"no role":              {"a", nil, nil},
		"unknown role":         {"a", []Role{"root"}, nil},
		"publisher of nothing": {"a", []Role{Publisher}, nil},
		"odd source":           {"a", []Role{Publisher}, []string{"crm"}},
	} {
		if _, _, err := keys.Create(t.Context(), c.name, c.roles, c.sources); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if len(store.rows) != 0 {
		t.Errorf("%d keys stored, want none", len(store.rows))
	}
}

func TestListIsOldestFirst(t *testing.T) {
	keys, store, c := setUp(t)
	store.rows["other.thing"] = []byte("{}")
	for _, name := range []string{"first", "second", "third"} {
		if _, _, err := keys.Create(t.Context(), name, []Role{Publisher}, []string{"/crm/bank", "/pbx"}); err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(time.Minute)
	}
	all, err := keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	if !slices.Equal(names, []string{"first", "second", "third"}) {
		t.Errorf("names = %v", names)
	}
}

func TestNewRefuses(t *testing.T) {
	store := &memory{rows: map[string][]byte{}}
	long := bytes.Repeat([]byte{1}, 32)
	for name, cfg := range map[string]Config{
		"no store":         {ServerKey: long, Clock: time.Now},
		"no clock":         {Store: store, ServerKey: long},
		"short server key": {Store: store, ServerKey: long[:31], Clock: time.Now},
	} {
		if _, err := New(cfg); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

func TestOwns(t *testing.T) {
	for _, c := range []struct {
		own, source string
		want        bool
	}{
		{"/crm/bank", "/crm/bank", true},
		{"/crm/bank", "/crm/bank/eu", true},
		{"/crm/bank/", "/crm/bank/eu", true},
		{"/crm/bank", "/crm/bankrupt", false},
		{"/crm/bank", "/crm", false},
		{"*", "/anything", true},
		{"/crm/bank", "", false},
	} {
		if got := (Principal{Sources: []string{c.own}}).Owns(c.source); got != c.want {
			t.Errorf("%q owns %q: %v, want %v", c.own, c.source, got, c.want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("ficha_aaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("ficha__")
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, key string) {
		id, secret, ok := split(key)
		if ok && prefix+id+"_"+secret != key {
			t.Errorf("%q was taken apart into %q and %q", key, id, secret)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	store := &memory{rows: map[string][]byte{}}
	keys, err := New(Config{Store: store, ServerKey: bytes.Repeat([]byte{7}, 32), Clock: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	key, _, err := keys.Create(b.Context(), "a", []Role{System}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := keys.Authenticate(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}
