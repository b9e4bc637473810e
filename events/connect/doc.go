// Package connect turns files of foreign systems into events: one pass,
// constant memory, resumable, and the same file again appends nothing.
//
//	bytes ─▶ sniff ─▶ rows ─▶ mapping ─▶ events ─▶ batches ─▶ Sink
//	        encoding  CSV     columns    keyed ids            │
//	        delimiter NDJSON  → targets                  checkpoint
//	        dates     JSON                               rejects
//
// A row becomes customer.recorded.v1; a flag such as "do not call" becomes
// contact.stated.v1, a flag such as "deleted" customer.withdrawn.v1. Rows that
// are CloudEvents already pass as they are.
//
// Invariants:
//
//   - Event ids depend on nothing but key, source, stream and the row (and for
//     rows without an id on the file's hash and the row's number), so that a
//     repeat is a duplicate at the hub, whether after a crash or a month later.
//   - A native id that is a phone, an e-mail address or a document is replaced
//     by a keyed hash before it becomes an id anywhere.
//   - A bad row is rejected alone, with its number, a code and the reason; what
//     is kept although a value of it could not be read is reported too.
//   - Columns that nobody mapped never become values of a record unless asked
//     for, and are listed in the [Summary].
//   - Errors and summaries quote no values. Only the rejects file holds rows.
package connect
