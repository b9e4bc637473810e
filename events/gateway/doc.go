// Package gateway is the only door to the log: it reads what publishers send,
// takes what is valid, and tells them about the rest where and why.
//
//	body ─▶ split ─▶ read strictly ─▶ envelope, permission, schema ─▶ append ─▶ answers
//	        items    side by side, each item by itself                one call    in order
//	                        │ refused, but may be a deny
//	                        ▼
//	              read leniently ─▶ provisional deny appended, bytes kept as a dead letter
//
// Invariants:
//
//   - Nothing is appended that its schema refuses, the hub's own events included.
//   - One bad event never rejects another.
//   - A deny is never rejected for its time: one from the future is taken with
//     the time it was recorded, and says so.
//   - A refused event that can be read as a deny binds before its sender is
//     answered. What cannot be read is taken as wider: a choice that is not
//     exactly "allow" is a deny, a scope that is not clean is everything.
//   - Of an event that is no JSON at all, what stands before the first byte that
//     is none is read the same way; nothing is ever guessed from raw bytes. What
//     names contact.stated and yields nobody to bind is kept as a dead letter.
//   - No answer, log line, reason or id quotes a value of an event.
package gateway
