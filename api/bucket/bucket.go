// Package bucket is the contract of a small key-value store with revisions, in
// which the hub keeps what is no event and must survive a rebuild: jobs, claims.
//
//	Create ──▶ revision 7 ──Update(7)──▶ revision 9 ──Update(7)──▶ ErrConflict
//
// Who read a value and wants to write it anew names the revision that he read, so
// that of two writers one is told that he came second. Package natslog has one on
// JetStream; package buckettest one in memory, and the suite that both pass.
package bucket

import "context"

// Bucket keeps values by key. Keys consist of letters, digits and - _ . only, at
// most 200 of them; values are at most [MaxValue] long. Safe for concurrent use.
type Bucket interface {
	// Get gives the value at key and its revision, or events.ErrNotFound. The value
	// is the caller's.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Put sets the value at key, whatever was there, and gives the new revision.
	// Revisions of one key grow.
	Put(ctx context.Context, key string, value []byte) (revision uint64, err error)
	// Create sets the value at a key that has none, else events.ErrConflict.
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	// Update sets the value at key if its revision is still that one, else
	// events.ErrConflict; so it is for a key that has none.
	Update(ctx context.Context, key string, value []byte, revision uint64) (next uint64, err error)
	// Delete removes the value at key. A key without value stays without.
	Delete(ctx context.Context, key string) error
	// Keys lists the keys that have values, sorted.
	Keys(ctx context.Context) ([]string, error)
}

// MaxValue is how many bytes a value has at most: what fits into a message of a
// NATS server that nobody configured, with room for its headers.
const MaxValue = 512 << 10
