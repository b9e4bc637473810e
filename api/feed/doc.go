// Package feed hands the change feed on: to whoever reads it here, page by page,
// and to the stream that other systems read.
//
//	outbox rows (package projections/changes)
//	   │            ▲ Wait: the next commit
//	   ├─▶ Reader ──┴─▶ GET /v1/changes · webhooks      each has his own id behind which he is
//	   └─▶ Publisher ─▶ Stream (FICHA_CHANGES)          behind the stream's last message
//
// Invariants:
//
//   - What is read is in the store: on disk, and committed together with the rows
//     that it speaks of. Who is told of a change and then asks finds it.
//   - Nobody keeps a list of who has read what: a reader names the last change
//     that he has, the publisher asks the stream for it. So neither a restart nor
//     a rebuild of the rows repeats or leaves out anything.
//   - Of two publishers one writes; the other is refused by the stream's sequence,
//     looks where it ends now and goes on from there.
package feed
