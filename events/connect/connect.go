package connect

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"ficha/events"
)

// Sink takes events to the hub. Submit answers each event at its index, as
// [events.Gateway] does; an error concerns the whole batch, and the same batch
// again is safe.
type Sink interface {
	Submit(ctx context.Context, batch []events.Envelope) (events.SubmitResult, error)
}

// Format is how a file holds rows.
type Format string

// The formats. CSV has a header row and any common delimiter and encoding;
// NDJSON one object a line; JSON an array of objects, or objects one after
// another over several lines.
const (
	CSV    Format = "csv"
	NDJSON Format = "ndjson"
	JSON   Format = "json"
)

// Config says what to import and where to.
type Config struct {
	// Source is the system that the rows come from, such as /crm/bank. Required;
	// not [events.HubSource] or below it. It is also the source of the import's
	// own events.
	Source string
	// Stream of the records; default [events.DefaultStream].
	Stream string
	// Format; "" means: look at the first bytes.
	Format Format
	// Mapping says which column is what. The zero Mapping recognises columns by name.
	Mapping Mapping
	// Sink takes the events. Required.
	Sink Sink
	// Key is the secret that ids are hashed with, at least 16 bytes. The same key
	// must be given for every import of a source. Required.
	Key []byte
	// Run names this run, unique among all runs and without personal data: a
	// fresh UUID. A resumed run keeps its first name. Required unless DryRun.
	Run string
	// Time is when rows without a time of their own were true: usually the
	// file's modification time. Required.
	Time time.Time
	// Edition, where set, makes the rows' statements new ones although equal rows
	// were stated before: for a table without revisions and times in which a value
	// went back to what it was two exports ago. Usually empty.
	Edition string
	// Clock is for the import's own events and the checkpoint's interval. Required.
	Clock func() time.Time
	// Checkpoints remembers how far a file came in, and the Time of its first
	// import, which then holds for every later one; nil: runs cannot resume, and
	// flags of rows without times are stated anew where Time is another.
	Checkpoints Checkpoints
	// Progress is called after every batch, never at the same time twice; may be nil.
	Progress func(Progress)
	// Rejects takes rejected rows and remarks as CSV: row, result (rejected, or
	// kept where only a value of it was left out), code, pointer, detail, and
	// the row itself. It holds personal data. May be nil.
	Rejects io.Writer
	// DryRun maps and submits, but keeps no checkpoint and emits no events of the
	// import itself; use [Print] as Sink.
	DryRun bool
	// Limits bound what a file may hold; zero fields mean the defaults.
	Limits Limits
}

// Limits bound the memory that a file can claim.
type Limits struct {
	Row     int // bytes of a row; default 1 MiB
	Field   int // bytes of a field; default 64 KiB
	Columns int // columns of a CSV file, or values of an object; default 1,000
	Batch   int // events handed to the Sink at once; default 1,000
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	set(&l.Row, 1<<20)
	set(&l.Field, 64<<10)
	set(&l.Columns, 1000)
	set(&l.Batch, 1000)
	return l
}

// Validate says what is missing or wrong; the error wraps events.ErrInvalid.
func (c Config) Validate() error {
	problem := ""
	switch {
	case c.Source == "" || len(c.Source) > 200:
		problem = "name the source, such as /crm/bank"
	case c.Source == events.HubSource || strings.HasPrefix(c.Source, events.HubSource+"/"):
		problem = "the source is reserved for the hub itself"
	case c.Sink == nil:
		problem = "no sink"
	case len(c.Key) < 16:
		problem = "the key needs at least 16 bytes"
	case c.Run == "" && !c.DryRun:
		problem = "the run needs a name"
	case c.Time.IsZero():
		problem = "give the time of the rows"
	case c.Clock == nil:
		problem = "no clock"
	case c.Format != "" && c.Format != CSV && c.Format != NDJSON && c.Format != JSON:
		problem = "unknown format"
	}
	if problem != "" {
		return fmt.Errorf("check import: %s: %w", problem, events.ErrInvalid)
	}
	return c.Mapping.Validate()
}

// Progress says how far a run came. Bytes and Size are of the file's text as
// UTF-8; Size is 0 where the reader cannot tell.
type Progress struct {
	Counts
	Bytes int64
	Size  int64
}

// Counts are what became of rows. Rows = Appended + Unchanged + Duplicate +
// Rejected; Warned rows are among the others.
type Counts struct {
	Rows      int64 `json:"rows"`
	Appended  int64 `json:"appended"`
	Unchanged int64 `json:"unchanged"` // the same content of the same record was in the log
	Duplicate int64 `json:"duplicate"` // the same revision or event was in the log
	Rejected  int64 `json:"rejected"`
	Warned    int64 `json:"warned"` // kept, but a value of it was left out or looks damaged
	// Statements are the events about contact that rows gave beside their record,
	// appended now.
	Statements int64 `json:"statements"`
}

// Summary is what [Import] found and did.
type Summary struct {
	Counts
	Run       string            `json:"run,omitempty"`
	FileHash  string            `json:"file_hash,omitempty"` // SHA-256; "" where the reader cannot seek
	Format    Format            `json:"format"`
	Encoding  string            `json:"encoding"`
	Delimiter string            `json:"delimiter,omitempty"`
	DayFirst  string            `json:"day_first"` // yes, no, unknown: how 03/04/1980 is read
	Mapped    map[string]string `json:"mapped"`    // column → target
	Ignored   []string          `json:"ignored"`   // columns that became nothing
	Remarks   map[string]int64  `json:"remarks"`   // code → how often, of rejected and warned rows
	Resumed   bool              `json:"resumed"`
}
