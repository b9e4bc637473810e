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
// Invariants:
//
//   - Every published decision is closed: the union of its groups is the union
//     of the groups that it replaces.
//   - A decision's event id is a hash of its content, so a repeat is a duplicate.
//   - Nothing is decided before all earlier decisions were read.
package resolver
