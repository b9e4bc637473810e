// Package golden folds what the sources state about customers, and the decisions
// about who is who, into golden records: one document per customer with, for each
// value, where it comes from and which rule chose it.
//
//	customer.recorded   ─┐                      ┌─▶ golden_records   what is known of each customer
//	customer.withdrawn  ─┼─▶ source_records ─▶ survivorship
//	value.(un)pinned    ─┤                      │
//	identity.resolved   ─┴─▶ memberships   ─────┘
//
// The fold never compares or clusters: it reads which records are one customer
// from identity.resolved and refuses a decision that is not closed. A record is a
// customer of its own as soon as it is in the log.
//
// A customer's id is the uuid of its anchor: of its records, withdrawn or not,
// the one that was first in the log. So every record's uuid answers as a customer
// id for ever; where it is not the anchor's, the answer says redirected_from. A
// customer whose records are all withdrawn stays as an empty tombstone.
//
// Survivorship depends on the statements alone: ties are broken by record keys
// and values, never by positions, so shuffled arrivals end with the same values.
//
// A steward's pin outranks survivorship. It hangs on a record and goes with it
// through merges and splits; of several pins of an attribute on the records of one
// customer the latest by stamp shows, and a single value gives way to it, while of
// a list it comes first. It stays while its record is withdrawn, and when its record
// is stated again; a tombstone shows nothing. Pinned telephones, e-mail addresses
// and handles count for who is found behind a contact point and for how to reach
// the customer, since both keep denies; they say nothing of when the point was
// held, so no interaction is attributed by them.
//
// Rows. Numbers are 8 bytes, big endian; uuids 16 bytes; ∞ is the greatest number.
//
//	source_records     record                        → first seen, last position, flags (1 byte: 1 live, 2 has pins), record.State as JSON
//	record_versions    record, position              → the statement as JSON (type, source, id, time, data)
//	memberships        'r', record, to               → customer, from       in force while from ≤ position < to
//	                   'g', customer, to, record     → from                 the same by customer; to is ∞ while it lasts
//	golden_records     customer                      → version, position, live (1 byte), Customer as JSON (empty: redirected)
//	identity_links     a, b (a < b)                  → events.IdentityLink as JSON, links inside customers
//	potential_matches  record, other                 → the same, pairs that wait for a verdict; both directions
//	former_companions  record, other                 → since, until per time that they were grouped, oldest first
//	                   record                        → position of the decision that parted it from another one first
//	source_merges      loser                         → record.Latest[events.RecordKey] as JSON, the survivor at the source
//	contact_points     bucket 0x00 point 0x00 record → flags (1 byte), then from, to per span in µs of Unix time
//	documents          number 0x00 kind/country 0x00 record → 1: has it now, 0: had it
//	search_tokens      'n' name token 0x00 record    → all name tokens of that statement, for checking the others
//	                   's' sound key 0x00 record     → same
//	                   'd' end of number 0x00 record → all digits of the number
//	                   'i' native id 0x00 record     → empty
//	recorded_times     ms of Unix time               → last position recorded in it
//	pins               record attribute 0x00 position → stamp, value (none: unpinned), by, reason as JSON
//	golden_counts      "all"                         → the seven numbers of Counts
//
// A record that no decision has moved yet has no membership rows: it is its own
// customer from its first position on. The bucket of a phone is its last eight
// digits, so that one scan finds every form that might be the same number; other
// points have their equivalence class. Search tokens of old values stay.
package golden
