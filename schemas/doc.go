// Package schemas holds the JSON Schema (2020-12) of each event type and
// version, and says in plain words where data does not fit it.
//
// One file per type and version, named after it; shapes.json holds what several
// share. A schema allows what the hub's folds can read and nothing else: fields
// that the hub does not know are welcome under ext, and an error anywhere else,
// so that a misspelt field is told to its sender and not lost in silence.
//
// Types are drafts until release 1.0 and immutable afterwards: what changes
// then is a new file with the next version, and a step in [Upcast] that turns
// data of the old one into the new. The examples in testdata/<type> are read by
// tests for ever.
//
// Some words are the hub's own and mean nothing to other validators: the formats
// line (no control characters), partial-date (YYYY[-MM[-DD]], a real date),
// int64 (digits only, 64 bits) and contact-point (exactly one way to reach
// somebody); and the keyword remedy, what to tell a sender whose data fails there.
//
// The package is a leaf: it knows types as strings and imports nothing of the hub.
package schemas
