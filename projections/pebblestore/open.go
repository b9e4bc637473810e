package pebblestore

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ficha/events"
	"ficha/projections"
)

// Config says where and how the database is kept.
type Config struct {
	// Dir is the folder; it is made if it does not exist.
	Dir string
	// FS is the file system that Dir is on. Default: the machine's.
	FS vfs.FS
	// CacheBytes is the memory for blocks read from disk; room that no table in
	// memory uses is taken too. Default: 128 MiB.
	CacheBytes int64
	// MemTableBytes is the size of the table in memory that collects writes; up
	// to four of them exist at a time. Default: 64 MiB.
	MemTableBytes uint64
	// MinFreeBytes is how much room the disk must have left for a write to be
	// tried: Pebble cannot go on after a write that fails half-way, so writes are
	// refused with ErrUnavailable before that. Default: 64 MiB.
	MinFreeBytes uint64
	// Logger hears of Pebble's warnings and errors. Default: none.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 128 << 20
	}
	if c.MemTableBytes == 0 {
		c.MemTableBytes = 64 << 20
	}
	if c.MinFreeBytes == 0 {
		c.MinFreeBytes = 64 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate says with an ErrInvalid what is wrong with the configuration.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("check store configuration: Dir is empty: %w", events.ErrInvalid)
	case c.CacheBytes < 0:
		return fmt.Errorf("check store configuration: CacheBytes is negative: %w", events.ErrInvalid)
	case c.MemTableBytes > 1<<30:
		return fmt.Errorf("check store configuration: MemTableBytes is over 1 GiB: %w", events.ErrInvalid)
	}
	return nil
}

// DB is an open database. Safe for concurrent use.
type DB struct {
	cfg Config
	ids idIndex
	res resolverState

	mu     sync.RWMutex // held shared by every use of pdb, alone by Close
	closed bool
	pdb    *pebble.DB

	registry  sync.Mutex // guards what follows
	stores    map[string]*Store
	snapshots map[*snapshot]struct{}
}

// Open opens the database in cfg.Dir, making it if there is none. A folder that
// another process holds is an ErrUnavailable.
func Open(cfg Config) (*DB, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	// Pebble takes the room of its tables in memory out of the cache's: without
	// room for both, two tables would leave no block cached at all.
	cache := pebble.NewCache(cfg.CacheBytes + memTables*int64(cfg.MemTableBytes))
	defer cache.Unref() // Open takes a reference of its own
	pdb, err := pebble.Open(cfg.Dir, options(cfg, cache))
	if err != nil {
		return nil, fmt.Errorf("open store: %w", unavailable(err))
	}
	d := &DB{
		cfg:       cfg,
		pdb:       pdb,
		stores:    make(map[string]*Store),
		snapshots: make(map[*snapshot]struct{}),
	}
	d.ids.db, d.res.db = d, d
	return d, nil
}

// memTables is how many tables in memory may exist before writes wait.
const memTables = 4

// options are Pebble's, for many small rows that are written in large batches
// and read by point and short range.
func options(cfg Config, cache *pebble.Cache) *pebble.Options {
	o := &pebble.Options{
		Cache:                       cache,
		FS:                          cfg.FS,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                cfg.MemTableBytes,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       40,
		LBaseMaxBytes:               64 << 20,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		Logger:                      logger{cfg.Logger},
		EventListener:               listener(cfg.Logger),
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].IndexBlockSize = 64 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // about 1 % false answers
	}
	return o
}

// listener reports what an operator should know; Pebble's own default is to end
// the process at a damaged block, where an error to the reader is enough.
func listener(log *slog.Logger) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { log.Error("store: background work failed", "error", err) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			log.Error("store: damaged data", "file", info.Path, "error", info.Details)
		},
		DiskSlow:        func(info pebble.DiskSlowInfo) { log.Warn("store: slow disk", "took", info.Duration) },
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) { log.Warn("store: writes wait", "reason", info.Reason) },
	}
}

// logger brings Pebble's messages to slog. Its messages name files and levels,
// no keys.
type logger struct{ log *slog.Logger }

func (l logger) Infof(format string, args ...any) {
	l.log.Debug("store: " + fmt.Sprintf(format, args...))
}
func (l logger) Errorf(format string, args ...any) {
	l.log.Error("store: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble calls it when it can neither go on nor undo (a
// log write failed half-way). Going down is safe: what was committed is on disk.
func (l logger) Fatalf(format string, args ...any) {
	message := "store: " + fmt.Sprintf(format, args...)
	l.log.Error(message)
	panic(message)
}

// Close waits for calls in progress, closes snapshots that are still open, and
// then the database. Every later call answers [projections.ErrClosed].
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	errs := []error{d.closeSnapshots()}
	if err := d.pdb.Close(); err != nil {
		errs = append(errs, fmt.Errorf("close store: %w", err))
	}
	return errors.Join(errs...)
}

func (d *DB) closeSnapshots() error {
	d.registry.Lock()
	open := make([]*snapshot, 0, len(d.snapshots))
	for s := range d.snapshots {
		open = append(open, s)
	}
	d.registry.Unlock()
	var errs []error
	for _, s := range open {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// use takes a share of the database until done is called.
func (d *DB) use() error {
	d.mu.RLock()
	if d.closed {
		d.mu.RUnlock()
		return projections.ErrClosed
	}
	return nil
}

func (d *DB) done() { d.mu.RUnlock() }

// roomToWrite refuses a write that the disk may have no room for. Where room
// cannot be asked for (a file system in memory), the write is tried.
func (d *DB) roomToWrite() error {
	usage, err := d.cfg.FS.GetDiskUsage(d.cfg.Dir)
	if err == nil && usage.AvailBytes < d.cfg.MinFreeBytes {
		return fmt.Errorf("disk almost full, %d MiB left of the %d MiB that must stay free: %w",
			usage.AvailBytes>>20, d.cfg.MinFreeBytes>>20, events.ErrUnavailable)
	}
	return nil
}

// apply writes a batch: to disk when sync is true, else to the log's buffer.
func (d *DB) apply(b *pebble.Batch, sync bool) error {
	if err := d.roomToWrite(); err != nil {
		return err
	}
	mode := pebble.NoSync
	if sync {
		mode = pebble.Sync
	}
	if err := b.Commit(mode); err != nil {
		return unavailable(err)
	}
	return nil
}

// unavailable marks what Pebble could not do as something that may work later.
func unavailable(err error) error { return fmt.Errorf("%w: %w", events.ErrUnavailable, err) }
