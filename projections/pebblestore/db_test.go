package pebblestore_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
)

func put(t testing.TB, s projections.Store, at events.Position, table projections.Table, key string) {
	t.Helper()
	c := projections.Commit{Runner: "r", At: at, To: at + 1, Changes: []projections.Change{{Table: table, Key: []byte(key), Value: []byte("v")}}}
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func space(t testing.TB, db *pebblestore.DB, name string) *pebblestore.Store {
	t.Helper()
	s, err := db.Store(name)
	if err != nil {
		t.Fatalf("open space: %v", err)
	}
	return s
}

func TestSpacesDoNotMix(t *testing.T) {
	db := openDB(t, vfs.NewMem())
	names := []string{"a", "ab", "a_b", "live"}
	for i, name := range names {
		s := space(t, db, name)
		for at := range i + 1 {
			put(t, s, events.Position(at), "t", name)
		}
	}
	if first, second := space(t, db, "a"), space(t, db, "a"); first != second {
		t.Error("the same space is two stores, whose positions would not be checked together")
	}
	if err := space(t, db, "a").Clear(t.Context(), "r", []projections.Table{"t"}); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		s := space(t, db, name)
		want := "t \"" + name + "\" \"v\"\n"
		if name == "a" {
			want = ""
		}
		if got := projectionstest.Dump(t, s); got != want {
			t.Errorf("space %s holds %q, want %q", name, got, want)
		}
		snap, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p, err := snap.Position(t.Context(), "r"); err != nil || name != "a" && p != events.Position(i+1) {
			t.Errorf("space %s is at %d, %v", name, p, err)
		}
		snap.Close()
	}
	for _, bad := range []string{"", "A", "a\x00b", strings.Repeat("a", 64)} {
		if _, err := db.Store(bad); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("space %q: %v, want ErrInvalid", bad, err)
		}
	}
}

func TestPromoteAndDrop(t *testing.T) {
	mem := vfs.NewMem()
	db := openDB(t, mem)
	put(t, space(t, db, pebblestore.FirstSpace), 0, "t", "old")
	put(t, space(t, db, "v2"), 0, "t", "new")
	if live, err := db.Live(t.Context()); live != pebblestore.FirstSpace || err != nil {
		t.Fatalf("live space %q, %v", live, err)
	}
	if err := db.Promote(t.Context(), "v2"); err != nil {
		t.Fatal(err)
	}
	if err := db.Drop(t.Context(), "v2"); !errors.Is(err, events.ErrConflict) {
		t.Errorf("dropping the live space: %v, want ErrConflict", err)
	}
	if err := db.Drop(t.Context(), pebblestore.FirstSpace); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openDB(t, mem)
	live, err := db.Live(t.Context())
	spaces, err2 := db.Spaces(t.Context())
	if live != "v2" || !slices.Equal(spaces, []string{"v2"}) || err != nil || err2 != nil {
		t.Errorf("after reopening: live %q, %v; spaces %q, %v", live, err, spaces, err2)
	}
	put(t, space(t, db, pebblestore.FirstSpace), 0, "t", "again") // a dropped space begins anew
	if err := db.Promote(t.Context(), "No name"); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("promoting a bad name: %v", err)
	}
}

func TestADroppedSpaceForgetsItsPosition(t *testing.T) {
	db := openDB(t, vfs.NewMem())
	s := space(t, db, "beside")
	put(t, s, 0, "t", "k")
	if err := db.Drop(t.Context(), "beside"); err != nil {
		t.Fatal(err)
	}
	put(t, s, 0, "t", "k")
}

// fullDisk says how much room is left.
type fullDisk struct {
	vfs.FS
	free uint64
}

func (f *fullDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free}, nil
}

func TestAFullDiskRefusesWritesAndHeals(t *testing.T) {
	disk := &fullDisk{FS: vfs.NewMem(), free: 1 << 40}
	s := openStore(t, disk)
	put(t, s, 0, "t", "before")
	disk.free = 1 << 20
	c := projections.Commit{Runner: "r", At: 1, To: 2, Changes: []projections.Change{{Table: "t", Key: []byte("during"), Value: []byte("v")}}}
	if err := s.Commit(t.Context(), c); !errors.Is(err, events.ErrUnavailable) || !strings.Contains(err.Error(), "disk") {
		t.Errorf("Commit gave %v, want ErrUnavailable and the reason", err)
	}
	if err := s.Clear(t.Context(), "r", []projections.Table{"t"}); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("Clear gave %v, want ErrUnavailable", err)
	}
	if err := s.db.IDIndex().Advance(t.Context(), 0, events.IndexState{Position: 1}, nil, true); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("Advance gave %v, want ErrUnavailable", err)
	}
	if got := projectionstest.Dump(t, s); got != "t \"before\" \"v\"\n" {
		t.Errorf("rows while the disk is full: %q", got)
	}
	disk.free = 1 << 40
	put(t, s, 1, "t", "after")
	if err := s.db.IDIndex().Advance(t.Context(), 0, events.IndexState{Position: 1}, nil, true); err != nil {
		t.Errorf("Advance with room again: %v", err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	cfg := pebblestore.Config{Dir: t.TempDir()}
	db, err := pebblestore.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := pebblestore.Open(cfg); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("opening twice: %v, want ErrUnavailable", err)
	}
}

func TestEverythingElseAfterClose(t *testing.T) {
	db := openDB(t, vfs.NewMem())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, live := db.Live(ctx)
	_, spaces := db.Spaces(ctx)
	_, unfinished := db.Unfinished(ctx)
	_, size := db.Size(ctx, "a")
	_, state := db.IDIndex().State(ctx)
	_, look := db.IDIndex().Lookup(ctx, []events.IDHash{{}})
	_, cursor := db.ResolverState().Cursor(ctx)
	_, _, get := db.ResolverState().Get(ctx, nil)
	var load error
	for _, err := range db.ResolverState().Load(ctx, nil) {
		load = err
	}
	for name, err := range map[string]error{
		"Live": live, "Spaces": spaces, "Promote": db.Promote(ctx, "a"), "Drop": db.Drop(ctx, "a"),
		"Unfinished": unfinished, "SetUnfinished": db.SetUnfinished(ctx, "a"), "Size": size,
		"State": state, "Lookup": look, "Advance": db.IDIndex().Advance(ctx, 0, events.IndexState{}, nil, true),
		"Cursor": cursor, "Get": get, "Load": load, "ResolverState.Clear": db.ResolverState().Clear(ctx),
	} {
		if !errors.Is(err, projections.ErrClosed) {
			t.Errorf("%s gave %v, want ErrClosed", name, err)
		}
	}
}

// TestDamagedFilesAreErrors flips bytes in table files: reads answer with errors,
// never with other rows, and the process goes on.
func TestDamagedFilesAreErrors(t *testing.T) {
	folder := t.TempDir()
	cfg := pebblestore.Config{Dir: folder, MemTableBytes: 256 << 10, CacheBytes: 1}
	db, err := pebblestore.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := space(t, db, "live")
	for at := range events.Position(800) {
		if err := s.Commit(t.Context(), crashCommit(at)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := dumpUntilError(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if n := damageTables(t, folder); n == 0 {
		t.Fatal("there was no table file to damage; the test shows nothing")
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	db, err = pebblestore.Open(cfg)
	if err != nil {
		t.Logf("refused to open: %v", err)
		return // an honest answer too
	}
	defer db.Close()
	got, failed := dumpUntilError(t.Context(), space(t, db, "live"))
	if failed == nil && got != want {
		t.Fatal("damaged files gave other rows without an error")
	}
	if failed != nil && !errors.Is(failed, events.ErrUnavailable) {
		t.Errorf("damaged files gave %v, want ErrUnavailable", failed)
	}
	if failed == nil {
		t.Fatal("the damage was in no byte that is read; the test shows nothing")
	}
}

func damageTables(t *testing.T, folder string) (n int) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".sst" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) < 8192 {
			return err
		}
		for i := 64; i < len(b)/2; i += 512 {
			b[i] ^= 0x5a
		}
		n++
		return os.WriteFile(path, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func dumpUntilError(ctx context.Context, s projections.Store) (string, error) {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer snap.Close()
	var b strings.Builder
	for _, table := range []projections.Table{"a", "b", "c"} {
		for row, err := range snap.Scan(ctx, table, projections.Range{}) {
			if err != nil {
				return "", err
			}
			b.WriteString(string(row.Key) + string(row.Value))
		}
	}
	return b.String(), nil
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]pebblestore.Config{
		"no folder":       {},
		"negative cache":  {Dir: "d", CacheBytes: -1},
		"too large table": {Dir: "d", MemTableBytes: 2 << 30},
	} {
		if _, err := pebblestore.Open(cfg); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

func TestUnfinishedSpaceIsNoted(t *testing.T) {
	mem := vfs.NewMem()
	db := openDB(t, mem)
	if got, err := db.Unfinished(t.Context()); got != "" || err != nil {
		t.Errorf("a new database has noted %q, %v", got, err)
	}
	for _, name := range []string{"rebuild_1", "rebuild_2"} {
		if err := db.SetUnfinished(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Unfinished(t.Context()); got != name || err != nil {
			t.Errorf("noted %q, %v; want %q", got, err, name)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openDB(t, mem)
	if got, err := db.Unfinished(t.Context()); got != "rebuild_2" || err != nil {
		t.Errorf("after reopening %q, %v", got, err)
	}
	if err := db.SetUnfinished(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Unfinished(t.Context()); got != "" || err != nil {
		t.Errorf("taken back %q, %v", got, err)
	}
	if err := db.SetUnfinished(t.Context(), "No name"); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("a bad name: %v", err)
	}
}

func TestSizeOfASpace(t *testing.T) {
	db := openDB(t, vfs.NewMem())
	value := []byte(strings.Repeat("abcdefgh", 1<<13))
	s := space(t, db, "big")
	for at := range events.Position(64) {
		c := projections.Commit{Runner: "r", At: at, To: at + 1, Changes: []projections.Change{{Table: "t", Key: []byte(at.String()), Value: value}}}
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.Size(t.Context(), "big"); err != nil || n == 0 || n > 64*uint64(len(value)) {
		t.Errorf("size %d, %v", n, err)
	}
	if n, err := db.Size(t.Context(), "none"); err != nil || n != 0 {
		t.Errorf("size of an empty space %d, %v", n, err)
	}
}
