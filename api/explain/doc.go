// Package explain puts into Spanish and English what the hub did and why: how a
// customer formed, why each value was chosen, what two records weigh together and why
// they are one customer or not.
//
//	facts of the folds, PairExplanation ──▶ structs with stable codes ──▶ sentences
//	                                         (for programs)               (catalogues es, en)
//
// What the package promises:
//
//   - Both catalogues hold every code that can occur, with the same gaps.
//   - Sentences name records and comparisons, never a value that a source stated.
//   - It reads nothing: what it explains is handed to it.
package explain
