package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ficha/events"
)

// Checkpoint is how far a run came: everything before Offset was answered by
// the sink. Of a file that came in whole it keeps the time that was taken for
// rows without one, so that the same file means the same when it comes again.
type Checkpoint struct {
	Run     string           `json:"run"`
	Time    time.Time        `json:"time"` // Config.Time of the file's first import
	Done    bool             `json:"done,omitempty"`
	Offset  int64            `json:"offset"` // in the file's text as UTF-8
	Row     int64            `json:"row"`    // number of the last row before Offset
	Counts  Counts           `json:"counts"`
	Remarks map[string]int64 `json:"remarks,omitempty"`
	Saved   time.Time        `json:"saved"`
}

// Checkpoints keeps one checkpoint for each name. Names are made of letters,
// digits, - and _. A run has one caller at a time; several runs of unlike names
// may share a Checkpoints.
type Checkpoints interface {
	// Load gives the checkpoint, or an error that wraps events.ErrNotFound.
	Load(ctx context.Context, name string) (Checkpoint, error)
	// Save is durable when it returns.
	Save(ctx context.Context, name string, c Checkpoint) error
}

// FileCheckpoints keeps each checkpoint as a file NAME.json in a folder, written
// beside and renamed, so that a crash leaves the old one or the new one.
type FileCheckpoints struct{ dir string }

var _ Checkpoints = FileCheckpoints{}

// NewFileCheckpoints uses a folder, which is made on the first Save.
func NewFileCheckpoints(dir string) FileCheckpoints { return FileCheckpoints{dir: dir} }

func (f FileCheckpoints) path(name string) string { return filepath.Join(f.dir, name+".json") }

// Load implements [Checkpoints].
func (f FileCheckpoints) Load(ctx context.Context, name string) (Checkpoint, error) {
	if err := ctx.Err(); err != nil {
		return Checkpoint{}, err
	}
	b, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, fmt.Errorf("load checkpoint: %w", events.ErrNotFound)
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("load checkpoint: %w", err)
	}
	var c Checkpoint
	if err := json.Unmarshal(b, &c); err != nil || c.Offset < 0 || c.Row < 0 || c.Time.IsZero() {
		return Checkpoint{}, fmt.Errorf("load checkpoint: the file is damaged; delete it to import from the start: %w", events.ErrInvalid)
	}
	return c, nil
}

// Save implements [Checkpoints].
func (f FileCheckpoints) Save(ctx context.Context, name string, c Checkpoint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if err := f.write(name, b); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return nil
}

func (f FileCheckpoints) write(name string, b []byte) (err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.dir, name+".tmp*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name()))
		}
	}()
	if _, err := tmp.Write(b); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), f.path(name)); err != nil {
		return err
	}
	if err := syncDir(f.dir); err != nil {
		return err
	}
	return tmp.Close()
}

// syncDir makes a rename in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
