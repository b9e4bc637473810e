// Package matching decides which source records are one person or one
// organisation. It is pure: no clock, no I/O, no randomness, no goroutines, and
// integer weights, so that the same records, model and engine give the same
// groups on every machine and in every order of arrival.
//
//	Record ──Prepare──▶ Prepared ──Put──▶ Index ──Edges──▶ []Edge ──Cluster──▶ Partition
//	         normalise             keys          candidates, scores       verdicts, groups
//
// # Score
//
// Weights are those of Fellegi and Sunter (A Theory for Record Linkage, JASA
// 1969): every comparison has ordered levels, a level weighs log2(m/u), missing
// values weigh nothing, and the sum starts from the prior odds. Names weigh by
// how common they are, from frozen tables.
//
// The simple sum has one blind spot: people of one household agree on surname,
// address and telephone without being one person, so that these agreements do
// not add up. The model therefore knows two ways of not being the same, stranger
// and kin, each with its own probabilities, and the total is the smaller of the
// two sums: evidence must tell the person from a stranger and from a brother.
//
// # Invariants
//
//   - Prepare is a pure function of the record and the engine, and never fails.
//   - Edges and Score are pure functions of what the index holds now: adding a
//     record and removing it again restores them.
//   - Cluster is a pure function of its component and the index; no order of its
//     inputs matters.
//   - A weight is an int64 in millibits (1000 = one bit = odds doubled).
package matching
