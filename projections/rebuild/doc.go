// Package rebuild makes the rows of all runners a second time, from the log, in a
// space beside the live one; compares the two; and makes the new one the live one
// while questions go on being answered.
//
//	          Build                          Switch
//	(none) ──────────▶ unfinished ─▶ ready ─────────▶ live ─┐
//	  ▲                    │           │                    │ the former live space
//	  └──────── Drop ──────┴───────────┴──────── previous ◀─┘ stays, until the next Build
//	                                                │         or Drop
//	                                                └─ Switch brings it back
//
// A switch, step by step:
//
//	catch up with the live rows, round by round, until few events are missing
//	hold all runners ─▶ both spaces stand still; readers go on reading
//	catch up to the very same positions
//	exchange: carry over what is in no log · promote, on disk · readers and runners move
//	release
//
// Invariants:
//
//   - Nothing reads a space that is not the live one but Compare.
//   - Promote is the one step that decides. A process that dies before it starts
//     with the old rows, one that dies after it with the new ones; both stand at a
//     position of the log from which they are folded on.
//   - Rows are exchanged only at equal positions, for all runners at once, so that
//     whatever was visible before is visible after: an acknowledged deny too.
//   - A space whose witness saw another log than the live one's never becomes live
//     (Config.Carry refuses it).
//   - An unfinished space is gone on with, not begun anew: it knows its positions.
//   - One of Build, Compare, Switch and Drop runs at a time (ErrBusy).
package rebuild
