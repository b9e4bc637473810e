// Package golden folds what the sources state about customers, and the decisions
// about who is who, into golden records: one document per customer with, for each
// value, where it comes from and which rule chose it.
//
//	customer.recorded   ─┐                      ┌─▶ golden_records   what is known of each customer
//	customer.withdrawn  ─┼─▶ source_records ─▶ survivorship
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
// Rows. Numbers are 8 bytes, big endian; uuids 16 bytes; ∞ is the greatest number.
//
//	source_records     record                        → first seen, last position, live (1 byte), record.State as JSON
//	record_versions    record, position              → the statement as JSON (type, source, id, time, data)
//	memberships        'r', record, to               → customer, from       in force while from ≤ position < to
//	                   'g', customer, to, record     → from                 the same by customer; to is ∞ while it lasts
//	golden_records     customer                      → version, position, live (1 byte), Customer as JSON (empty: redirected)
//	identity_links     a, b (a < b)                  → events.IdentityLink as JSON, links inside customers
//	potential_matches  record, other                 → the same, pairs that wait for a verdict; both directions
//	former_companions  record, other                 → position of the decision that parted them
//	source_merges      loser                         → record.Latest[events.RecordKey] as JSON, the survivor at the source
//	contact_points     bucket 0x00 point 0x00 record → flags (1 byte), then from, to per span in µs of Unix time
//	documents          number 0x00 kind/country 0x00 record → 1: has it now, 0: had it
//	search_tokens      'n' name token 0x00 record    → all name tokens of that statement, for checking the others
//	                   's' sound key 0x00 record     → same
//	                   'd' end of number 0x00 record → all digits of the number
//	                   'i' native id 0x00 record     → empty
//	recorded_times     ms of Unix time               → last position recorded in it
//	golden_counts      "all"                         → the six numbers of Counts
//
// A record that no decision has moved yet has no membership rows: it is its own
// customer from its first position on. The bucket of a phone is its last eight
// digits, so that one scan finds every form that might be the same number; other
// points have their equivalence class. Search tokens of old values stay.
package golden
