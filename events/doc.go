// Package events is the language of the hub: what an event is, which kinds
// there are, where one stands in the log, and what a log and a gateway owe to
// whoever calls them.
//
//	publisher ──▶ Gateway ──▶ Log (one fenced appender) ──▶ folds
//	             validate     duplicate? order, fsync        read by position
//
// Invariants that everything else stands on:
//
//   - The pair (source, id) is in the log at most once, for ever.
//   - A position is given once; positions grow by exactly one.
//   - RecordedTime never goes back from one position to the next.
//   - An event that was acknowledged is on disk (fsync) before the answer.
//   - Statements about one record are ordered by [Stamp], never by position,
//     so late and shuffled arrivals end the same.
//
// The package is a leaf: it imports nothing of the hub. Envelopes follow
// CloudEvents 1.0; the payload shapes are named after schema.org, FHIR Patient,
// Microsoft CDM and Adobe XDM consents (see docs/events.md).
package events
