// Package jobs does work that outlasts a request: ten thousand verdicts, taking
// them back, a rebuild. A job and its plan are kept in a bucket; so a hub that was
// killed takes every job up again where it last saved.
//
//	            ┌────────────── Resume ───────────────┐
//	            ▼                                     │
//	Plan ─▶ planned ─▶ running ─▶ done         cancelled, failed
//	                    │  ▲ └──── Cancel, error ─────▲
//	          the hub   ▼  │                          │
//	     cannot write  paused ──────── Cancel ────────┘
//
// Invariants:
//
//   - Progress and checkpoint are saved in one write, after the work that they
//     speak of. What lies between two saves may be done again after a crash; a kind
//     makes that harmless, by event ids that hang on job and thing alone.
//   - One worker for each kind, so that jobs of a kind never run beside each other
//     and a long one of another kind keeps nobody waiting. Among jobs of one kind
//     turns go round: who has used up his slice when saving goes to the end of the row.
//   - A job that is cancelled stops at its next save; what it did stays done.
//
// Keys in the bucket, ids being UUIDs of version 7, which sort by age:
//
//	job.<id>        the job, its checkpoint and who works on it, as JSON
//	plan.<id>.<n>   the n-th part of its plan, from 0, as JSON; gone when it is done
package jobs
