// Package natslog is the log on NATS JetStream, and the NATS server inside the
// process for hubs that have no other.
//
//	Append ──▶ queue ──▶ appender (one goroutine)
//	                        │ 1. look the ids up in the id index; which are new?
//	                        │ 2. write the new ones: a few singly, many as one atomic
//	                        │    batch, the first fenced by the expected last sequence
//	                        │ 3. note the last event in the tail file
//	                        │ 4. answer; 5. advance the id index
//	                        ▼
//	FICHA_LOG  ficha.log.<lane>.<family>.<happening>.<00–63>
//
// Rules that the pieces keep together:
//
//   - The appender writes only when the id index stands at the log's end. After
//     a restart, a lost fence or a write of unknown outcome it first reads what
//     the log holds beyond the index.
//   - A fence that does not hold means that somebody else wrote: read that, plan
//     again. An outcome that is not known is settled by reading what follows the
//     expected sequence and comparing it, byte by byte, with what was sent.
//   - Nothing rests on message ids of JetStream (they are forgotten after minutes).
//   - JetStream may come back from damaged files with an earlier last sequence
//     and healthy. So the tail file beside the log remembers the last event that
//     was acknowledged; a log that does not hold it is damaged, takes no writes
//     and says so (see events.Health).
//   - What is found rests on files that do not all go back together: the log, the
//     tail file, and the id index and witness in the store. A data directory that
//     is replaced by an older copy as a whole knows nothing of what it lacks; that
//     is for whoever restores backups: let the sources send again from that day on.
//   - In a process that is the only appender, readers are given no event before
//     its write was acknowledged: JetStream hands out messages of a batch while
//     it still syncs them.
//
// # Clients
//
// Where the embedded server listens, other programs are let in with an API key,
// each key into an account of its own that imports from the hub's account what the
// key may do (see [ListenConfig]). The hub's account, with the log and all other
// streams, is the hub's alone: what a client names as a reply subject, or has
// JetStream deliver to, leads into its own account.
//
// # Tail file
//
// Two slots of 512 bytes, written in turn: magic "FICHATL1", position (uint64),
// epoch (int64, Unix nanoseconds), SHA-256 of the stored bytes, CRC-32C of all
// that; integers little endian, the rest zero. The valid slot with the higher
// position counts. It is written after the log's fsync and not synced itself, so
// it is never ahead of the log, whatever fails.
package natslog
