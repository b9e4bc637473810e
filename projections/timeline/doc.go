// Package timeline folds interactions into what happened with each customer, in
// order of time.
//
// An interaction is a record of its own system, stated as a whole: the newest
// statement by stamp is what it says, a withdrawal removes it, a later statement
// brings it back. So edits, deletions and late arrivals end the same in any order.
//
// It belongs to the record that it is assigned to (a person's word), else to the
// customer record that it names, else to the contact points that it names. Rows
// hang on records and points, never on golden ids: merges and splits move no
// row. What hangs on a point is shown with a customer only while that customer
// alone held the point at that time; otherwise the person is unknown ([ByPoint]).
//
// Rows:
//
//	interactions  uuid of the interaction's record → what is known of it, see encode
//	timeline      'r', customer record, time, uuid       → channel 0x00 direction
//	              'p', bucket 0x00, time, uuid, point    → channel 0x00 direction
//
// Time is in µs, as 8 bytes that sort from newest to oldest. The bucket of a phone
// is its last eight digits, of another point its equivalence class; the point
// (1 if readable, then its key) ends the key, since two of one bucket may occur
// in one interaction.
package timeline
