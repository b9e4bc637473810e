package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/sourcegraph/conc/pool"

	"ficha/events"
)

const (
	checkpointRows = 5000
	checkpointTime = time.Second
	batchBytes     = 4 << 20 // of data in a batch, so that its body stays small
	sampleRows     = 2000    // looked at for how dates and letters are meant
)

// batch is what goes to the sink at once, and the rows that it came from.
type batch struct {
	events []events.Envelope
	rows   []batchRow
	size   int
	row    int64 // number of the last row
	offset int64 // where the text goes on
}

// batchRow is a row's share of a batch.
type batchRow struct {
	row       row
	first, n  int // its events
	byContent bool
	rejected  *rowError
	notes     []rowError
}

// run is one import on its way.
type run struct {
	cfg     Config
	file    *file
	mapper  *mapper
	rejects *rejects
	summary Summary
	name    string // of the checkpoint; "" where none is kept
	saved   Checkpoint
	offset  int64
	row     int64
	stated  bool // import.started is in the log
}

// Import reads a file to its end and submits what its rows say. Where the
// reader can seek and Config.Checkpoints is set, a run that was cut short goes on
// where it stopped: call Import again with the same file and Config. The Summary
// is valid also with an error, as far as the run came; it then counts what the
// sink has answered.
//
// Errors wrap events.ErrInvalid where the file or the Config cannot be used, the
// context's error where it ended, else what Sink, Checkpoints or the reader gave.
func Import(ctx context.Context, cfg Config, r io.Reader) (Summary, error) {
	if err := cfg.Validate(); err != nil {
		return Summary{}, err
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Stream == "" {
		cfg.Stream = events.DefaultStream
	}
	x, err := begin(ctx, cfg, r)
	if err != nil {
		return Summary{}, err
	}
	err = x.all(ctx)
	return x.end(ctx, err)
}

// begin opens the file, finds a checkpoint, and gets the mapper ready.
func begin(ctx context.Context, cfg Config, r io.Reader) (*run, error) {
	f, err := openFile(ctx, r, cfg)
	if err != nil {
		return nil, err
	}
	x := &run{cfg: cfg, file: f}
	x.summary = Summary{Run: cfg.Run, FileHash: f.hash, Format: f.format, Encoding: f.letters.name}
	if f.format == CSV {
		x.summary.Delimiter = string(f.header.dialect.delimiter)
	}
	if err := x.resume(ctx); err != nil {
		return nil, err
	}
	if err := x.prepare(); err != nil {
		return nil, err
	}
	x.rejects, err = newRejects(cfg.Rejects, f.header.columns, x.summary.Resumed, x.summary.Remarks)
	return x, err
}

// resume takes up a checkpoint of the same file, source and mapping.
func (x *run) resume(ctx context.Context) error {
	if x.cfg.Checkpoints == nil || x.cfg.DryRun || x.file.hash == "" {
		return nil
	}
	x.name = newHasher(x.cfg.Key).id("checkpoint", x.cfg.Source, x.cfg.Stream, x.cfg.Edition, x.file.hash, x.cfg.Mapping.Revision())
	c, err := x.cfg.Checkpoints.Load(ctx, x.name)
	if errors.Is(err, events.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	x.cfg.Time = c.Time // ids of statements hang on it, and a copied file has another time
	if c.Done {
		return nil
	}
	x.saved, x.offset, x.row = c, c.Offset, c.Row
	x.summary.Run, x.summary.Counts, x.summary.Remarks, x.summary.Resumed = c.Run, c.Counts, c.Remarks, true
	return nil
}

// prepare builds the mapper from the mapping and what the head of the file shows.
func (x *run) prepare() error {
	cfg, f := x.cfg, x.file
	zone, err := cfg.Mapping.zone()
	if err != nil {
		return err
	}
	rules := &rules{mapping: cfg.Mapping, zone: zone, now: cfg.Time}
	x.mapper = &mapper{
		rules: rules, builder: builder{rules: rules, countries: &gazetteer{}}, router: cfg.Mapping.router(), columns: f.header.columns, hash: newHasher(cfg.Key),
		source: cfg.Source, stream: cfg.Stream, fileHash: f.hash, run: x.summary.Run, edition: cfg.Edition, mapRev: cfg.Mapping.Revision(), time: cfg.Time.UTC(), limits: cfg.Limits,
	}
	x.mapper.router.exclusive = f.format == CSV
	if slices.Contains(f.header.columns, "id") {
		x.mapper.router.route("id") // before others that are an id by their name too
	}
	mapped := cfg.Mapping.Preset != "" || f.format != CSV
	for _, column := range f.header.columns {
		t := x.mapper.router.route(column)
		x.mapper.targets = append(x.mapper.targets, t)
		mapped = mapped || t.field != ignored && t.field != nativeID && t.field != extension
	}
	if !mapped {
		return fmt.Errorf("map columns: none of the column names is known; map them with column=target: %w", events.ErrInvalid)
	}
	x.mapper.look(f.sample(sampleRows, cfg.Limits))
	return nil
}

// all reads, maps and submits to the end of the file: one goroutine maps the
// next batch while the other waits for the sink.
func (x *run) all(ctx context.Context) error {
	source, err := x.file.rows(x.offset, x.row, x.cfg.Limits)
	if err != nil {
		return err
	}
	batches := make(chan batch, 1)
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	p.Go(func(ctx context.Context) error {
		defer close(batches)
		return x.read(ctx, source, batches)
	})
	p.Go(func(ctx context.Context) error { return x.submitAll(ctx, batches) })
	return p.Wait()
}

// read maps rows into batches.
func (x *run) read(ctx context.Context, source rows, out chan<- batch) error {
	var b batch
	send := func() error {
		select {
		case out <- b:
			b = batch{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		next, err := source.next()
		if errors.Is(err, io.EOF) {
			if len(b.rows) == 0 {
				return nil
			}
			return send()
		}
		if err := b.add(x.mapper, next, err); err != nil {
			return err
		}
		if len(b.events) >= x.cfg.Limits.Batch || len(b.rows) >= 4*x.cfg.Limits.Batch || b.size >= batchBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
}

// add maps a row, or keeps why it could not be read. An error is not the row's.
func (b *batch) add(m *mapper, next row, problem error) error {
	entry := batchRow{row: next, first: len(b.events)}
	if problem == nil {
		var out mapped
		if out, problem = m.row(next); problem == nil {
			entry.n, entry.byContent, entry.notes = len(out.events), out.byContent, out.notes
			for _, e := range out.events {
				b.size += len(e.Data)
			}
			b.events = append(b.events, out.events...)
		}
	}
	if problem != nil && !errors.As(problem, &entry.rejected) {
		return problem
	}
	b.rows, b.row, b.offset = append(b.rows, entry), next.n, next.end
	return nil
}

// submitAll hands batches to the sink and keeps the books.
func (x *run) submitAll(ctx context.Context, batches <-chan batch) error {
	for b := range batches {
		var answer events.SubmitResult
		if len(b.events) > 0 {
			var err error
			if answer, err = x.cfg.Sink.Submit(ctx, b.events); err != nil {
				return fmt.Errorf("submit rows %d to %d: %w", b.rows[0].row.n, b.row, err)
			}
			if len(answer.Results) != len(b.events) {
				return fmt.Errorf("submit rows %d to %d: %d answers to %d events: %w", b.rows[0].row.n, b.row, len(answer.Results), len(b.events), events.ErrUnavailable)
			}
		}
		for _, entry := range b.rows {
			if err := x.book(entry, answer.Results); err != nil {
				return err
			}
		}
		x.offset, x.row = b.offset, b.row
		if err := x.begun(ctx); err != nil {
			return err
		}
		if err := x.checkpoint(ctx, false); err != nil {
			return err
		}
		if x.cfg.Progress != nil {
			x.cfg.Progress(Progress{Counts: x.summary.Counts, Bytes: x.offset, Size: x.file.size})
		}
	}
	return ctx.Err()
}

// book counts what became of a row and writes down what is odd about it.
func (x *run) book(entry batchRow, results []events.EventResult) error {
	x.summary.Rows++
	for _, n := range entry.notes {
		if err := x.rejects.add(remark{row: entry.row, why: n}); err != nil {
			return err
		}
	}
	rejected := entry.rejected
	for i := range entry.n {
		if why := x.bookEvent(entry, i, results[entry.first+i]); why != nil {
			if i > 0 { // the record came in, a statement beside it did not
				entry.notes = append(entry.notes, *why)
				if err := x.rejects.add(remark{row: entry.row, why: *why}); err != nil {
					return err
				}
				continue
			}
			rejected = why
		}
	}
	if rejected != nil {
		x.summary.Rejected++
		return x.rejects.add(remark{row: entry.row, rejected: true, why: *rejected})
	}
	if len(entry.notes) > 0 {
		x.summary.Warned++
	}
	return nil
}

// bookEvent counts the answer to event i of a row. It gives why it was rejected.
func (x *run) bookEvent(entry batchRow, i int, answer events.EventResult) *rowError {
	c := &x.summary.Counts
	switch {
	case answer.Status == events.StatusRejected:
		why := &rowError{Code: "rejected", Detail: "the hub rejected the event"}
		if len(answer.Errors) > 0 {
			e := answer.Errors[0]
			why = &rowError{Code: e.Code, Pointer: e.Pointer, Detail: e.Detail}
			if e.Remedy != "" {
				why.Detail += "; " + e.Remedy
			}
		}
		return why
	case i > 0:
		if answer.Status != events.StatusDuplicate {
			c.Statements++
		}
	case answer.Status != events.StatusDuplicate:
		c.Appended++
	case entry.byContent:
		c.Unchanged++
	default:
		c.Duplicate++
	}
	return nil
}

// checkpoint saves how far the run came: every 5,000 rows or second, and when must.
func (x *run) checkpoint(ctx context.Context, must bool) error {
	if err := x.rejects.flush(); err != nil {
		return err
	}
	now := x.cfg.Clock()
	if x.name == "" || !must && x.row-x.saved.Row < checkpointRows && now.Sub(x.saved.Saved) < checkpointTime {
		return nil
	}
	x.saved = Checkpoint{Run: x.summary.Run, Time: x.cfg.Time, Offset: x.offset, Row: x.row, Counts: x.summary.Counts, Remarks: maps.Clone(x.rejects.codes), Saved: now}
	return x.cfg.Checkpoints.Save(ctx, x.name, x.saved)
}

// end reports how the run ended. A run that its caller stopped is not reported:
// it goes on later.
func (x *run) end(ctx context.Context, failure error) (Summary, error) {
	x.summary.Remarks = x.rejects.codes
	x.summary.DayFirst = x.mapper.rules.order.String()
	x.summary.Mapped, x.summary.Ignored = x.mapper.router.lists()
	if failure == nil {
		err := x.rejects.flush()
		if err == nil && x.stated {
			err = x.report(ctx, events.ImportCompletedV1, "completed", "")
		}
		if err == nil && x.name != "" {
			err = x.cfg.Checkpoints.Save(ctx, x.name, Checkpoint{Run: x.summary.Run, Time: x.cfg.Time, Done: true, Counts: x.summary.Counts, Saved: x.cfg.Clock()})
		}
		return x.summary, err
	}
	last := context.WithoutCancel(ctx)
	failure = errors.Join(failure, x.save(last))
	if ctx.Err() == nil && x.stated {
		failure = errors.Join(failure, x.report(last, events.ImportFailedV1, fmt.Sprintf("failed-%d", x.row), "stopped before the end of the file; import it again to go on"))
	}
	return x.summary, failure
}

// save keeps the last checkpoint of a run that failed, where it came past the first row.
func (x *run) save(ctx context.Context) error {
	if x.row == 0 {
		return x.rejects.flush()
	}
	return x.checkpoint(ctx, true)
}

// begun states that the import began, once it has brought something: a file that
// is imported again appends nothing at all. A resumed run states it again, which
// is a duplicate where the first one got through.
func (x *run) begun(ctx context.Context) error {
	if x.stated || x.summary.Appended == 0 {
		return nil
	}
	if err := x.report(ctx, events.ImportStartedV1, "started", ""); err != nil {
		return err
	}
	x.stated = true
	return nil
}

// report emits an event about the import itself.
func (x *run) report(ctx context.Context, typ events.Type, what, failure string) error {
	if x.cfg.DryRun {
		return nil
	}
	c := x.summary.Counts
	if typ == events.ImportStartedV1 {
		c = Counts{} // the same at every attempt
	}
	data, err := json.Marshal(events.ImportRun{
		Run: x.summary.Run, FileHash: x.file.hash, Mapping: x.cfg.Mapping.label(), Rows: c.Rows, Appended: c.Appended,
		Unchanged: c.Unchanged, Duplicate: c.Duplicate, Rejected: c.Rejected, Error: failure,
	})
	if err != nil {
		return fmt.Errorf("report import: %w", err)
	}
	answer, err := x.cfg.Sink.Submit(ctx, []events.Envelope{{
		ID: "import-" + x.summary.Run + "-" + what, Source: x.cfg.Source, SpecVersion: "1.0", Type: typ, Time: x.cfg.Clock().UTC(), CorrelationID: x.summary.Run, Data: data,
	}})
	if err != nil {
		return fmt.Errorf("report import: %w", err)
	}
	if len(answer.Results) == 1 && answer.Results[0].Status == events.StatusRejected {
		return fmt.Errorf("report import: the hub rejected the report: %w", problems(answer.Results[0].Errors))
	}
	return nil
}

// problems makes an error of what the hub said.
func problems(list []events.Problem) error {
	if len(list) == 0 {
		return events.ErrInvalid
	}
	return &list[0]
}
