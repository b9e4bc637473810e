// Package changes folds what became of customers into the outbox of the change
// feed: what other systems are told, in order, as often as they ask.
//
//	golden's rows of this batch ─┐
//	customer.*  identity.resolved ┼─▶ Fold ─▶ changes ─▶ SSE · webhooks · JetStream
//	contact.*   value.*           ┘          (the outbox, 30 days)
//
// The fold runs after golden in the same runner and writes in the same commit, so
// the feed says neither more nor less than the rows. It says ids, record keys,
// folios and names of attributes, never a customer's values: who is told that a
// customer changed asks for the customer.
//
// Invariants:
//
//   - Every customer whose version an event moved gets exactly one change of kind
//     created, changed, merged, split or redirected with the new version, so a
//     customer's versions in the feed have no gaps. A redirected that follows
//     another customer, and every contact_flip, repeats the version that is there.
//   - Ids are position and ordinal of the event's change, so a replay of the log
//     gives the same outbox byte for byte.
//   - Whoever applies the changes in order holds the hub's memberships and
//     redirects, wherever he was interrupted: a change says what is, not what to add.
//   - contact_flip over-reports and never under-reports: a deny that begins to bind
//     a customer is told, whether it was stated, or came with a merge or a contact
//     point. That a statement begins or ends by the clock alone is not told.
//   - Rows are kept for 30 days by the recorded time of their events and then
//     dropped by later events, some at a time.
//
// Rows. Numbers are 8 bytes, big endian, unless said otherwise; uuids 16 bytes;
// folios the 10 bytes behind their 16 characters. An entry is folio and what the
// statement says (1 byte: 1 deny, 2 allow, 3 restriction; +16 of a record that
// this one was grouped with, +32 on a contact point).
//
//	changes            position, ordinal (2 bytes) → Change as JSON
//	change_customers   customer                    → number of attributes (1 byte), each its number (1 byte) and
//	                                                 CRC-32C (4 bytes); then the entries that bind the
//	                                                 customer, each with FNV-1a (8 bytes) of the point, or zero
//	change_records     record                      → bits (1 byte; 1: more was stated than is listed, 2: it lost a merge
//	                                                 at its source), number of records that lost one to it (2 bytes),
//	                                                 their uuids; entries
//	change_points      bucket                      → 1: more (1 byte); entries with FNV-1a of the class (8 bytes; zero:
//	                                                 a number that cannot be read)
//	change_statements  folio                       → bits (1 byte; 1: it is here, 2: withdrawn), says (1 byte); number (2
//	                                                 bytes) and FNV-1a (8 bytes) of sources that may withdraw it,
//	                                                 or that tried before it came; number and uuids of its records;
//	                                                 same of those that carried it away from a split; points: kind,
//	                                                 readable (1 byte each), length (2 bytes), value
//	change_state       "points"                    → kinds of contact points that statements name, as bits
//	                   "dropped"                   → key of the last change that was dropped
//
// The bucket of a phone is "tail:" and its last eight digits, of another point its
// equivalence class.
package changes
