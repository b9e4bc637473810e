// Package letters notes what people decided about dead letters: events that could
// not be taken from the inbox, were refused although they may be a deny, or could
// not be folded. The letters themselves are elsewhere:
//
//	inbox-17         events.DeadLetters, number 17      original bytes and reason
//	fold-golden-812  dead_letters of the projection     the event is in the log at 812
//	      │
//	      ▼ a person retries or discards
//	deadletter.retried.v1 · deadletter.discarded.v1 ──▶ Fold ──▶ rows
//
// Rows:
//
//	letters_settled   id of the letter            → Settled as JSON
//	letters_counts    kind of letter: inbox, fold → how many of it are settled, 8 bytes
//
// Invariants:
//
//   - Only the hub's own events ([Source]) settle a letter.
//   - A letter that was both retried and discarded is retried, in whatever order
//     the two came: its event is in the log.
//   - A letter counts once, however often it was settled.
package letters
