// Package steward is what stewards do: claim and decide what waits in the queue,
// merge and split customers by hand, take decisions back, and look before they leap.
//
//	item at version 41 ──Decide(If-Match "41-0")──▶ event review.<item>.41.0 ──▶ log
//	      another hub  ──Decide(If-Match "41-0")──▶ event review.<item>.41.0 ──▶ refused: Conflict
//
// Invariants:
//
//   - Of two decisions on one version of an item the log takes one: both have the
//     same event id. No lock and no lease is needed, and the same decision again is
//     the same event.
//   - A decision of several events is published behind its first one, which is the
//     one that the log refuses.
//   - A dry run appends nothing, and says what the resolver itself would do.
//   - Nothing here decides who is who: that is the resolver's, which is waited for
//     a little and never longer.
//
// Claims are in a bucket, not in the log: they say who looks at an item for the
// next quarter of an hour, and may be lost.
package steward
