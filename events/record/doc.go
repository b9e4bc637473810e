// Package record says what one source record states now, merged from all that
// its source ever stated about it.
//
//	customer.recorded  ─┐
//	customer.recorded  ─┼─▶ Apply ─▶ State ─▶ Values   the merged fields, each with its stamp
//	customer.withdrawn ─┘               └───▶ Holdings  which contact points it had, and when
//
// Statements are ordered by [events.Stamp], never by arrival. A State keeps of
// each statement only the fields that no later one has set: a statement in mode
// full hides everything before it, one in mode patch hides the fields that it
// names (null hides and says nothing). Attributes and ext are merged key by key.
//
// Invariants:
//
//   - The same set of statements gives the same State, byte for byte in JSON, in
//     whatever order and however often they were applied.
//   - A State is bounded: values in force, plus at most maxMoments past
//     statements about contact points; what is older is folded into one.
//   - Apply refuses what it cannot read and leaves the State as it was, so
//     [State.Values] cannot fail on a State that Apply has built.
//
// Whole-object statements (interactions, restrictions) need less: see [Latest].
package record
