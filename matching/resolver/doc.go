// Package resolver decides which source records are one customer and states it
// in the log.
//
//	record lane ──▶ records ──▶ index: keys, candidates, edges ─┐
//	identity lane ─▶ verdicts, own earlier decisions            ▼
//	                              touched component ──▶ cluster ──▶ identity.resolved ──▶ log
//
// It is a process manager: it reads facts, decides, and appends a fact. The
// decision is a pure function of the current records, stated links, verdicts,
// model and engine ([Book] holds them and does no I/O), never of their order of
// arrival. What the groups are is the fold of identity.resolved: after a restart
// or a crash the resolver reads its own decisions first and appends only what
// differs.
//
// It also answers questions, between two batches and from the same book: what
// verdicts would make of the customers ([Resolver.Foresee]), whom a record would be
// ([Resolver.Match]), why two records are one customer or not
// ([Resolver.ExplainPair]). A supposition changes the book and is taken back by a
// journal before the next event is read:
//
//	question ──▶ change ──▶ decide ──▶ answer
//	               │ old values            │
//	               └──────▶ journal ◀──────┘ take back, last change first
//
// Verdicts are read from newest to oldest, each taken unless it contradicts those
// already taken. One that a single newer one contradicts was overruled by a person;
// one that it takes several to contradict goes to a person, as a potential match
// refused by [RefusedVerdictConflict]. Pairs between groups that a verdict keeps
// apart are no potential matches.
//
// Invariants:
//
//   - Every published decision is closed: the union of its groups is the union
//     of the groups that it replaces.
//   - A decision's event id is a hash of its content, so a repeat is a duplicate.
//   - Nothing is decided before all earlier decisions were read.
//   - A question leaves no trace, in the book or in the log.
//   - Which verdicts hold depends on the verdicts alone, never on the records.
package resolver
