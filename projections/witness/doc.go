// Package witness keeps an account of the log of its own, so that a log that lost
// or changed what was acknowledged is found out.
//
//	log ──▶ Fold  ──▶ position, running hash, counts, checkpoints   (rows of the store)
//	  └───▶ Guard ──▶ compares the log with them: at start, each minute, on demand
//	                     └─▶ MarkDamaged
//
// The stream beneath the log numbers its messages itself, and after damage may
// begin again at an earlier number while it calls itself healthy. So the witness
// never trusts numbers alone: it hashes every event's bytes, each hash over the one
// before, and the guard compares hashes, the log's epoch, and holes: the last event
// each minute, all of them once a day.
//
// The fold counts every event that it is given. What the appender counted at the
// door must agree ([Guard.Equation]): an event that was dropped on its way to the
// folds shows as an imbalance.
//
// Rows (numbers are 8 bytes, big endian):
//
//	witness              "head"            → position, folded, hash of the last event, running hash, its door's six counters
//	                     "lane/" + lane    → events of that lane
//	                     "type/" + type    → events of that type
//	witness_checkpoints  position          → running hash, every 4,096 events
//	witness_epoch        "epoch"           → when the log's storage was created (RFC 3339), set by the guard and
//	                                         no part of a rebuild
//	                     "found"           → what the last full verification found, while that was damage; likewise
package witness
