// Package pebblestore keeps projections in Pebble, an embedded ordered key-value
// store: no server to install, one folder, one process at a time.
//
// One database holds several spaces. A space is a whole set of tables with runner
// positions of its own, so that a rebuild can fill one beside the live one; which
// of them is live is written down in the database (Promote).
//
// Keys, in bytes; names hold only a–z, 0–9 and _, so the NUL after them ends them
// without doubt, and Pebble's byte order is the order that the contract asks for:
//
//	'r' space 00 table 00 key   → value        a row; key and value as they are
//	'p' space 00 runner         → 8 bytes      position, big endian
//	'i' hash (16)               → 32 bytes     id index: position (8, big endian), keyed
//	                                           content hash (16), recorded time (8, µs)
//	'j'                         → 193 bytes    state of the id index, see idstate.go
//	'm' "live"                  → space        the live space
//	'm' "unfinished"            → space        the space that a rebuild is filling
//	's' key                     → value        a row of the resolver's state
//	't'                         → 16 bytes     the resolver's cursor: positions in the
//	                                           record and the identity lane, big endian
//
// A commit is one Pebble batch (rows and position), fsynced before it returns. The
// position is compared under a lock per runner, which no other process can
// bypass: Pebble locks the folder. Every read takes place in a Pebble snapshot.
//
// Pebble panics when it is used after Close; this package counts its users and
// answers [projections.ErrClosed] instead.
package pebblestore
