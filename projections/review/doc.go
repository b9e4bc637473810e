// Package review folds what waits for a steward: the queue of potential matches
// and of denies that hang on former groups, the verdicts that were given, and the
// customers that look over-merged.
//
//	golden's rows (who is who, potential matches) ─┐
//	identity.judged, identity.withdrawn ───────────┼─▶ items ─▶ queue, counts, patterns
//	contact.stated … hold_confirmed ───────────────┘
//	golden's documents, links ────────────────────────▶ suspects
//
// The fold stands after golden in one runner, and reads golden's rows of the same
// moment. It never compares records: which pairs wait, and why, identity.resolved
// has said.
//
// An item is a question with its evidence:
//
//	         evidence appears             a verdict covers it, a hold is confirmed
//	(none) ────────────────────▶ open ──────────────────────────────────────────▶ decided
//	   ▲                         ▲  │ ▲                                              │
//	   │   evidence vanishes     │  │ └────── taken back, the evidence is there ─────┤
//	   ├─────────────────────────│──┤                                                │
//	   │          other evidence │  ▼ a verdict is unsure                            │
//	   │                        unsure                                               │
//	   └────────────────────── taken back, no evidence is there ─────────────────────┘
//
// Invariants:
//
//   - An item's id is made of what it is about (two customers, several, a statement
//     and a customer, a verdict), so the same question has the same id again.
//   - A pair under a verdict `same` or `different` in force is not open, even
//     before the resolver has reacted; except that the resolver, knowing the
//     verdict, says that verdicts conflict.
//   - Of several verdicts the newest by stamp decides; one that newer verdicts
//     contradict decides nothing, just as the resolver leaves it out whole. `unsure`
//     counts only where no other verdict does, and only as long as the evidence is
//     what it was when it was given.
//   - A verdict is about customers: it covers a question when it names a live
//     record of every side. One that the desk gave for an item decides that item.
//   - What was decided stays readable for as long as its verdict is in force, with
//     the records and the evidence that it was decided on.
//   - Every customer pair with an open potential match between its records is one
//     item; three to ten customers that such pairs connect are one more, of kind
//     group; larger sets are left as pairs.
//   - Only a confirmation frees a record of a hold; a `same` verdict may answer it.
//   - Rows are a function of golden's rows and of the verdicts, statements and
//     confirmations folded so far. Of the order of arrival they depend in ids,
//     times, holds, what an unsure verdict was about, and decided items.
//
// Rows. Uuids are 16 bytes, numbers 8, folios 16 characters; times are µs of Unix
// time; JSON is that of the exported types, where there is no other word.
//
//	review_items     item                               → Item as JSON
//	review_queue     state (1 letter), time, item       → kind (1 letter), weight, 1: a verdict that decided an item (1 byte);
//	                                                      time is when it is due; for decided and withdrawn ones
//	                                                      the complement of when it was decided
//	review_records   record                             → flags (1 byte: 1 its uuid is a suspect, 2 a customer in a
//	                                                      group), that group, if any; pairs of other record and
//	                                                      item, verdicts in force, decided items, folios of denies
//	                                                      that name it, folios of denies held over it: each list
//	                                                      after its length (uvarint)
//	review_pairs     customer, customer                 → item: an undecided pair; both directions
//	review_verdicts  'v' verdict                        → Judgement as JSON
//	                 'r' record, verdict                → empty
//	                 'j' job 0x00 position, verdict     → empty
//	review_denies    's' folio                          → JSON: event, position, records of a deny, the event it was
//	                                                      read out of, customers and records it is held over
//	                 'w' folio, source                  → empty: that source took it back
//	                 'c' folio, record                  → JSON: who freed the record, in the order of the log
//	                 'o' folio, folio                   → empty: the second is a provisional deny for the first
//	review_suspects  'c' customer                       → Suspect as JSON
//	                 's' complement of score, customer  → empty
//	review_patterns  'p' pattern                        → how many open pairs have it
//	review_counts    "all"                              → 16 numbers: open, unsure, decided, withdrawn of pairs, groups,
//	                                                      holds, verdicts
package review
