// Package projectionstest holds what tests of projections share:
//
//   - Exercise, the contract that every [projections.Store] is held to. There
//     are no exclusions: a store may claim more (Features), never be excused.
//   - Memory, a reference store for the tests of folds.
//   - Fold and its kin, which run folds over a few events without a log.
//   - BenchmarkStore, one set of workloads for all stores.
//
// Cases of the suite are named after the trap that they guard against, so that a
// failure says what kind of mistake was made.
package projectionstest
