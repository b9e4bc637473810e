// Package runner moves events into stores. It is the only code that does.
//
//	Log.Read ──▶ chunks ──▶ decode ∥ decode ∥ … ──▶ Fold.Apply, in order ──▶ Store.Commit
//	one reader               in parallel            one Work per batch       rows + position
//
//	batch 1   fold ──▶ commit
//	batch 2            fold ──────▶ commit      reads its rows over what batch 1 wrote
//	batch 3                         fold ─────▶ …
//
// A batch is what is there when the last one was folded: one event when they
// trickle (it is committed at once), up to Config.BatchEvents when they queue. One
// batch is folded while the one before it is committed; no more are in flight.
//
// Rebuild and CatchUp fold up to a position instead of following the log. Where
// they begin with empty tables they know what was never written, and do not look
// for it. Hold keeps a runner still, so that the rows of its store can be exchanged.
//
// States of a Runner:
//
//	New ──Start──▶ running ──ErrPositionMoved──▶ reads the position again ─┐
//	                │  ▲ └────────────────────────────────────────◀───────┤
//	                │  └──after a pause, longer each time──── retrying ◀──┤ any other error
//	                │                                                      │
//	                ├──ErrDamaged, store or log closed, stray write──▶ halted: Err says why
//	                └──Stop──▶ stopped ──Start──▶ running
//
// Invariants:
//
//   - Rows and position move in one commit. A batch whose reads, folding or commit
//     fail leaves nothing behind and is folded again, and so is the one after it.
//   - How the events are cut into batches makes no difference to the rows.
//   - An event that a fold refuses becomes a dead letter of that projection in the
//     same commit; the position moves on. Other folds are not concerned.
//   - Nothing is folded after a place where the log is damaged.
//   - Rows are of the folds' present versions, all of them: a fold with another
//     version than its rows clears the tables of all folds of the runner, which
//     then replays from the first event.
package runner
