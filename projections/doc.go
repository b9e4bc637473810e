// Package projections is the contract between the folds, which turn events into
// rows, and the stores, which keep rows.
//
//	log ──▶ runner ──▶ decode once ──▶ Fold.Apply(work, event) …  each fold its own tables
//	                                        │ reads and writes go through Work
//	                                        ▼
//	                     Store.Commit(rows + position)   one atomic step, or nothing
//
// Invariants:
//
//   - A fold is pure: same rows and same event give the same changes; no clock,
//     no randomness, no I/O of its own, no context. Times and ids come from the event.
//   - Rows and the position that they reflect are committed in one step, and only
//     if the position is still what the runner read (ErrPositionMoved). So every
//     event has its effect exactly once, whoever races.
//   - A fold is total: it skips types that it does not know, and answers what it
//     cannot apply with an error, upon which the runner writes a dead letter in
//     the same commit and goes on.
//   - A projection is disposable: its tables can be dropped and made again from
//     the log, byte for byte.
package projections
