// Package contact answers the question "may we contact this customer?": it folds
// what was stated about being contacted, and decides.
//
//	contact.stated              ─┐
//	contact.statement_withdrawn ─┼─▶ Fold ─▶ rows ─▶ load ─▶ Facts ─▶ Decide ─▶ Answer
//	contact.hold_confirmed      ─┤                     ▲
//	customer.restricted         ─┘    Identity (who is who, package golden)
//
// [Checker] puts it together for callers: it makes sure that the rows include
// every statement acknowledged before it was asked, reads one snapshot, and says
// deny whenever it cannot know.
//
// Invariants:
//
//   - Statements are kept by source record and by contact point, never by golden
//     id: a merge or split rewrites nobody's wishes. Who is who is asked when deciding.
//   - Rows do not depend on the order of arrival: a withdrawal may come before the
//     statement, the valid form of a provisional deny before or after it.
//   - [Decide] is pure: the same facts, request and time give the same answer.
//   - Adding a deny never turns a deny into an allow, and nor does any merge or
//     split: a record carries away from a group every deny that bound it there,
//     until a person confirms that the deny is not its customer's.
//   - Only the source that made a statement, or the hub, takes it back.
//   - Where a code, a time or a form cannot be read, a deny reaches further and an
//     allow reaches less.
//
// Rows. Folios are the 10 bytes behind the 16 characters; uuids 16 bytes; values
// are the binary forms of codec.go, each with a version byte.
//
//	contact_statements            folio                    → the whole statement
//	contact_withdrawals           folio                    → by whom, why, when; each source's earliest by stamp
//	contact_statements_by_point   point                    → folios, sorted, at most 64
//	                              point 0x00 folio         → empty; those beyond 64
//	contact_statements_by_record  record uuid              → same
//	                              record uuid 0x00 folio   → same
//	contact_holds_confirmed       folio record uuid        → by whom, why, when, at which position; by stamp
//	contact_restrictions          record uuid              → every restriction stated, by stamp
//
// A point is its equivalence class ("phone:+525512345678"), and for phones also
// its last eight digits: "tail:…" for every number, "?tail:…" for numbers that
// could not be read, so that a readable number need not look at the others.
package contact
