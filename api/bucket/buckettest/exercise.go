package buckettest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ficha/api/bucket"
	"ficha/events"
)

// Exercise holds a bucket to the contract. Each case has a fresh, empty one.
func Exercise(t *testing.T, fresh func(testing.TB) bucket.Bucket) {
	t.Helper()
	for name, run := range map[string]func(*testing.T, bucket.Bucket){
		"get and put": exercisePut, "create": exerciseCreate, "update": exerciseUpdate,
		"delete": exerciseDelete, "keys": exerciseKeys, "values": exerciseValues, "racing": exerciseRace,
	} {
		t.Run(name, func(t *testing.T) { run(t, fresh(t)) })
	}
}

func exercisePut(t *testing.T, b bucket.Bucket) {
	if _, _, err := b.Get(t.Context(), "job.1"); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("get of nothing: %v", err)
	}
	first := must(t)(b.Put(t.Context(), "job.1", []byte("a")))
	second := must(t)(b.Put(t.Context(), "job.1", []byte("b")))
	wantValue(t, b, "job.1", "b", second)
	if second <= first {
		t.Errorf("revisions %d, %d do not grow", first, second)
	}
	if _, err := b.Put(t.Context(), "with space", nil); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("a key with a space: %v", err)
	}
}

func exerciseCreate(t *testing.T, b bucket.Bucket) {
	rev := must(t)(b.Create(t.Context(), "a_b-c.D9", []byte("1")))
	if _, err := b.Create(t.Context(), "a_b-c.D9", []byte("2")); !errors.Is(err, events.ErrConflict) {
		t.Errorf("created twice: %v", err)
	}
	wantValue(t, b, "a_b-c.D9", "1", rev)
}

func exerciseUpdate(t *testing.T, b bucket.Bucket) {
	if _, err := b.Update(t.Context(), "k", []byte("x"), 7); !errors.Is(err, events.ErrConflict) {
		t.Errorf("update of nothing: %v", err)
	}
	rev := must(t)(b.Create(t.Context(), "k", []byte("1")))
	next := must(t)(b.Update(t.Context(), "k", []byte("2"), rev))
	if _, err := b.Update(t.Context(), "k", []byte("3"), rev); !errors.Is(err, events.ErrConflict) {
		t.Errorf("update of what moved: %v", err)
	}
	wantValue(t, b, "k", "2", next)
}

func exerciseDelete(t *testing.T, b bucket.Bucket) {
	must(t)(b.Put(t.Context(), "k", []byte("1")))
	for range 2 {
		if err := b.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.Get(t.Context(), "k"); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("get of what was deleted: %v", err)
	}
	rev := must(t)(b.Create(t.Context(), "k", []byte("2")))
	wantValue(t, b, "k", "2", rev)
}

func exerciseKeys(t *testing.T, b bucket.Bucket) {
	if keys, err := b.Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("keys of an empty bucket: %v, %v", keys, err)
	}
	for _, k := range []string{"plan.2.10", "job.1", "plan.2.9", "gone"} {
		must(t)(b.Put(t.Context(), k, []byte("x")))
	}
	if err := b.Delete(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	keys, err := b.Keys(t.Context())
	if want := []string{"job.1", "plan.2.10", "plan.2.9"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys %v, %v, want %v", keys, err, want)
	}
}

func exerciseValues(t *testing.T, b bucket.Bucket) {
	for _, v := range []string{"", "\x00\xff", strings.Repeat("v", bucket.MaxValue)} {
		rev := must(t)(b.Put(t.Context(), "k", []byte(v)))
		wantValue(t, b, "k", v, rev)
	}
	value := []byte("mine")
	rev := must(t)(b.Put(t.Context(), "k", value))
	value[0] = 'f'
	got, _, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	got[1] = 'o'
	wantValue(t, b, "k", "mine", rev)
}

// exerciseRace has many increase one number: each must count.
func exerciseRace(t *testing.T, b bucket.Bucket) {
	must(t)(b.Create(t.Context(), "n", nil))
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 10 && failed.Load() == nil; {
				v, rev, err := b.Get(t.Context(), "n")
				if err == nil {
					_, err = b.Update(t.Context(), "n", append(v, 'x'), rev)
				}
				if err == nil {
					done++
				} else if !errors.Is(err, events.ErrConflict) {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
	if v, _, err := b.Get(t.Context(), "n"); err != nil || len(v) != 80 {
		t.Errorf("80 increments gave %d, %v", len(v), err)
	}
}

func must(t *testing.T) func(uint64, error) uint64 {
	return func(rev uint64, err error) uint64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
}

func wantValue(t *testing.T, b bucket.Bucket, key, value string, revision uint64) {
	t.Helper()
	got, rev, err := b.Get(t.Context(), key)
	if err != nil || !bytes.Equal(got, []byte(value)) || rev != revision {
		t.Errorf("get: %d bytes at revision %d, %v; want %d at %d", len(got), rev, err, len(value), revision)
	}
}
