package pebblestore_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
	"ficha/projections"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
)

// opened pairs a store with its database, so that the suite can close it.
type opened struct {
	*pebblestore.Store
	db *pebblestore.DB
	fs vfs.FS
}

const dir = "store"

func openDB(t testing.TB, fs vfs.FS) *pebblestore.DB {
	t.Helper()
	db, err := pebblestore.Open(pebblestore.Config{Dir: dir, FS: fs, CacheBytes: 8 << 20, MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func openStore(t testing.TB, fs vfs.FS) opened {
	t.Helper()
	db := openDB(t, fs)
	s, err := db.Store("live")
	if err != nil {
		t.Fatalf("open space: %v", err)
	}
	return opened{Store: s, db: db, fs: fs}
}

func TestContract(t *testing.T) {
	projectionstest.Exercise(t,
		func(t *testing.T) projections.Store { return openStore(t, vfs.NewMem()) },
		projectionstest.Features{
			Close: func(s projections.Store) error { return s.(opened).db.Close() },
			Reopen: func(t *testing.T, s projections.Store) projections.Store {
				o := s.(opened)
				if err := o.db.Close(); err != nil {
					t.Fatalf("close: %v", err)
				}
				return openStore(t, o.fs)
			},
		})
}

// TestContractOfUnsyncedCommits: a store to be filled is a store but for what a
// power cut leaves.
func TestContractOfUnsyncedCommits(t *testing.T) {
	type bulk struct {
		projections.Store
		db *pebblestore.DB
	}
	projectionstest.Exercise(t,
		func(t *testing.T) projections.Store {
			o := openStore(t, vfs.NewMem())
			return bulk{o.Unsynced(), o.db}
		},
		projectionstest.Features{Close: func(s projections.Store) error { return s.(bulk).db.Close() }})
}

func TestResolverStateContract(t *testing.T) {
	resolvertest.ExerciseState(t, func(t *testing.T) resolver.State { return openDB(t, vfs.NewMem()).ResolverState() })
}

func TestIDIndexContract(t *testing.T) {
	eventstest.ExerciseIDIndex(t, func(t *testing.T) eventstest.IDIndexUnderTest {
		fs := vfs.NewMem()
		db := openDB(t, fs)
		return eventstest.IDIndexUnderTest{
			Index: db.IDIndex(),
			Reopen: func(t *testing.T) events.IDIndex {
				if err := db.Close(); err != nil {
					t.Fatalf("close: %v", err)
				}
				return openDB(t, fs).IDIndex()
			},
		}
	})
}
