package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What follows harms files, in the ways that damage_test.go lists.

func (w *wreck) path(name string) string { return filepath.Join(w.dir, name) }

func (w *wreck) remove(t *testing.T, name string) { t.Helper(); w.removePath(t, w.path(name)) }

func (w *wreck) removePath(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// restore puts the older copy in the place of a file or folder.
func (w *wreck) restore(t *testing.T, name string) {
	t.Helper()
	w.remove(t, name)
	from, to := filepath.Join(w.older, name), w.path(name)
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		copyDir(t, from, to)
		return
	}
	w.restoreFile(t, to)
}

// restoreFile does so for one file; one that was not there yet goes.
func (w *wreck) restoreFile(t *testing.T, path string) {
	t.Helper()
	name, err := filepath.Rel(w.dir, path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(w.older, name))
	if errors.Is(err, fs.ErrNotExist) {
		w.removePath(t, path)
		return
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// cut keeps the first part of a file.
func (w *wreck) cut(t *testing.T, path string, share float64) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, int64(float64(info.Size())*share))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit of the byte that lies at a share of the file.
func (w *wreck) flip(t *testing.T, path string, share float64) {
	t.Helper()
	w.change(t, path, share, 1, func(b []byte) { b[0] ^= 0x10 })
}

// zero overwrites a range with zeros.
func (w *wreck) zero(t *testing.T, path string, share float64, length int64) {
	t.Helper()
	w.change(t, path, share, length, func(b []byte) { clear(b) })
}

// change rewrites bytes in the middle of a file; an empty file stays as it is.
func (w *wreck) change(t *testing.T, path string, share float64, length int64, how func([]byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return
	}
	from := int64(float64(len(b)) * share)
	how(b[from:min(from+length, int64(len(b)))])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// messages is the folder with the log's messages.
func (w *wreck) messages(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(w.path(dirLog + "/jetstream/*/streams/FICHA_LOG/msgs"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the log's messages are in %v, %v", found, err)
	}
	return found[0]
}

// blocks lists the files with messages, oldest first.
func (w *wreck) blocks(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(w.messages(t), "*.blk"))
	if err != nil || len(found) < 2 {
		t.Fatalf("%d message files, the story needs 2: %v", len(found), err)
	}
	slices.SortFunc(found, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return found
}

func (w *wreck) newest(t *testing.T) string {
	t.Helper()
	b := w.blocks(t)
	return b[len(b)-1]
}

// forget removes what JetStream notes about its blocks, so that it has to read
// them when it starts.
func (w *wreck) forget(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(w.messages(t), "index.db")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// logFiles lists all files of the log's stream.
func (w *wreck) logFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Dir(w.messages(t)), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 4 {
		t.Fatalf("the log's files are %v, %v", files, err)
	}
	return files
}
