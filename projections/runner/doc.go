// Package runner moves events into stores. It is the only code that does.
//
//	Log.Read ──▶ chunks ──▶ decode ∥ decode ∥ … ──▶ Fold.Apply, in order ──▶ Store.Commit
//	one reader               in parallel            one Work per batch       rows + position
//
// A batch is what is there when the last commit has ended: one event when they
// trickle (it is committed at once), up to Config.BatchEvents when they queue.
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
//     fail leaves nothing behind and is folded again.
//   - An event that a fold refuses becomes a dead letter of that projection in the
//     same commit; the position moves on. Other folds are not concerned.
//   - Nothing is folded after a place where the log is damaged.
//   - Rows are of the folds' present versions, all of them: a fold with another
//     version than its rows clears the tables of all folds of the runner, which
//     then replays from the first event.
package runner
