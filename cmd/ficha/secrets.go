package main

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretFile holds the one secret of a data directory, from which all keys are
// derived. Whoever loses it loses every API key and the id index's content
// hashes, but no event; whoever copies it can test guesses against hashes.
const secretFile = "secret"

const secretSize = 32

// What each derived key is for. Names are frozen: a changed name is another key.
const (
	forContent   = "content hashes of the id index"
	forAPIKeys   = "api keys"
	forDecisions = "contact decision ids"
	forDesk      = "ids of what is stated over HTTP"
	forDenies    = "ids of provisional denies"
	forRows      = "names of rows that differ"
	forWebhooks  = "signing secrets of webhooks"
)

// secrets derives keys from the data directory's secret.
type secrets struct{ root []byte }

// openSecrets reads the secret, or makes one in a new directory. A directory that
// has been used has one: with another, every key would be unknown and every event
// that is sent again would look like a different one.
func openSecrets(dir string, used bool) (secrets, error) {
	path := filepath.Join(dir, secretFile)
	b, err := os.ReadFile(path)
	switch {
	case err == nil && len(b) != secretSize:
		return secrets{}, fmt.Errorf("read secret: %s has %d bytes, want %d; restore it from a backup", secretFile, len(b), secretSize)
	case err == nil:
		return secrets{b}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return secrets{}, fmt.Errorf("read secret: %w", err)
	case used:
		return secrets{}, fmt.Errorf("the file named %s is missing from a data directory that has been used; restore it from a backup (without one, see docs/operations.md)", secretFile)
	}
	b = make([]byte, secretSize)
	if _, err := rand.Read(b); err != nil {
		return secrets{}, fmt.Errorf("make secret: %w", err)
	}
	if err := placeDurably(path, b, 0o600, os.Link); err != nil {
		if isThere(path) { // another process made it in this moment
			return openSecrets(dir, used)
		}
		return secrets{}, err
	}
	return secrets{b}, nil
}

// key derives the key for one purpose.
func (s secrets) key(purpose string) ([]byte, error) {
	k, err := hkdf.Key(sha256.New, s.root, nil, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive key for %s: %w", purpose, err)
	}
	return k, nil
}

// writeDurably writes a file whole or not at all, in place of an older one.
func writeDurably(path string, b []byte, mode fs.FileMode) error {
	return placeDurably(path, b, mode, os.Rename)
}

// placeDurably writes and syncs a temporary file, puts it in place (os.Rename, or
// os.Link, which fails when the name is taken), and syncs the directory.
func placeDurably(path string, b []byte, mode fs.FileMode, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = place(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
