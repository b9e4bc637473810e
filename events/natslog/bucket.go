package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// Bucket keeps values by key in a JetStream key-value bucket, in files, for what
// is no event and survives rebuilds: keys, users. Keys consist of letters, digits
// and - / _ = . only; others are ErrInvalid. Safe for concurrent use.
type Bucket struct{ kv jetstream.KeyValue }

// Bucket opens the bucket of that name, making it where it is missing.
func (l *Log) Bucket(ctx context.Context, name string) (*Bucket, error) {
	if !validPrefix(name) {
		return nil, fmt.Errorf("open bucket: name must be lower-case letters, digits and minus: %w", events.ErrInvalid)
	}
	full := l.names.prefix + "-" + name
	kv, err := l.js.KeyValue(ctx, full)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = l.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: full, History: 1, Storage: jetstream.FileStorage, Replicas: l.cfg.Replicas})
	}
	if err != nil {
		return nil, unavailable("open bucket", err)
	}
	return &Bucket{kv: kv}, nil
}

// Get gives the value at key and its revision, or ErrNotFound.
func (b *Bucket) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	e, err := b.kv.Get(ctx, key)
	if err != nil {
		return nil, 0, bucketError("get key", err)
	}
	return e.Value(), e.Revision(), nil
}

// Put sets the value at key, whatever was there, and gives the new revision.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	revision, err = b.kv.Put(ctx, key, value)
	return revision, bucketError("put key", err)
}

// Create sets the value at a key that has none, else ErrConflict.
func (b *Bucket) Create(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	revision, err = b.kv.Create(ctx, key, value)
	return revision, bucketError("create key", err)
}

// Update sets the value at key if its revision is still that one, else ErrConflict.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	next, err := b.kv.Update(ctx, key, value, revision)
	return next, bucketError("update key", err)
}

// Delete removes the value at key. A key without value stays without.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return bucketError("delete key", b.kv.Delete(ctx, key))
}

// Keys lists the keys that have values, sorted.
func (b *Bucket) Keys(ctx context.Context) ([]string, error) {
	keys, err := b.kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	if err != nil {
		return nil, bucketError("list keys", err)
	}
	slices.Sort(keys)
	return keys, nil
}

// bucketError gives errors of the bucket their sentinel; nil stays nil.
func bucketError(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrKeyDeleted):
		return fmt.Errorf("%s: %w", doing, events.ErrNotFound)
	case errors.Is(err, jetstream.ErrKeyExists), isFenced(err):
		return fmt.Errorf("%s: %w", doing, events.ErrConflict)
	case errors.Is(err, jetstream.ErrInvalidKey):
		return fmt.Errorf("%s: letters, digits and - / _ = . only: %w", doing, events.ErrInvalid)
	}
	return unavailable(doing, err)
}
