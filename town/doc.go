// Package town makes up a town of customers: people and organisations of
// Guatemala, Mexico, Spain, Colombia and their neighbours, as a bank's CRM, its
// core system, a call centre, a web chat, a shop and a citizen office each see
// them, half a year of contacts with them, who said "do not call me", and what they
// have there: accounts, orders, complaints, and how content they are.
//
// It is what `ficha demo` plays and `ficha gen` writes. Nobody in it exists:
// names, numbers and documents are drawn from tables of this package, and
// e-mail addresses end in names reserved for examples (RFC 2606).
//
//	seed, unit number ──▶ unit (household or organisation) ──▶ plan of occurrences
//	                         people, addresses, records          time, kind, who
//	index: (time, unit, ordinal) sorted, 12 bytes an event ──▶ events in order of time
//
// Invariants:
//
//   - A unit is a pure function of seed and number, an event one of its unit and
//     ordinal. So the same Config gives the same bytes on every processor (all
//     arithmetic is on integers), and a town is streamed in the memory of its
//     index, whatever its size.
//   - No event is later than Config.Now.
//   - Native ids and event ids say nothing of the person; who is who is only in
//     [Town.Truth], never in an event.
//   - What is wrong with the values is wrong on purpose and in stated shares (see
//     damage.go): tests measure them.
package town
