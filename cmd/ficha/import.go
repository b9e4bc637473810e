package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ficha/api/client"
	"ficha/events"
	"ficha/events/connect"
)

// importOptions are the flags of `ficha import`.
type importOptions struct {
	source, stream, mapping, preset, kind, region, zone, edition, at string
	columns                                                          []string
	format, rejects, state                                           string
	keep, full, dayFirst, monthFirst, dryRun                         bool
}

func (a *app) importCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use: "import FILE…", Short: "bring files into the hub", Args: cobra.MinimumNArgs(1),
		Long: `Reads CSV, NDJSON or JSON files and sends what their rows say as events. Columns
are recognised by name in English, Spanish and Portuguese, or mapped with --map.
An import that was cut short goes on where it stopped; the same file again
appends nothing. Rejected rows go to FILE.rejects.csv with their reasons.`,
		Example: `  ficha import customers.csv --source /crm/bank
  ficha import clientes.csv --source /shop/tienda --map 'Nro Cliente=id' --map 'Cel=phones' --region GT
  ficha import events.ndjson --source /crm/bank
  ficha import records.jsonl --source /demo --mapping senzing`,
		RunE: func(cmd *cobra.Command, args []string) error {
			rejected := false
			for _, file := range args {
				some, err := a.importFile(cmd.Context(), file, o)
				if err != nil {
					return fmt.Errorf("import %s: %w", filepath.Base(file), err)
				}
				rejected = rejected || some
			}
			if rejected {
				return &exitWith{code: exitPartial}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.source, "source", "", "system that the rows come from, like /crm/bank (required)")
	f.StringVar(&o.stream, "stream", "", "stream of the records (default customer)")
	f.StringVar(&o.mapping, "mapping", "", "mapping file (YAML), or the name of a known format: senzing")
	f.StringArrayVar(&o.columns, "map", nil, "column=target, like 'Apellidos=names.family'; repeatable; target ignore drops a column")
	f.StringVar(&o.kind, "kind", "", "person or organization, for rows that do not say")
	f.StringVar(&o.region, "region", "", "country (ISO 3166) of telephone numbers without one")
	f.StringVar(&o.zone, "zone", "", "time zone (IANA) of times without one (default UTC)")
	f.StringVar(&o.format, "format", "", "csv, ndjson or json (default: look at the file)")
	f.StringVar(&o.at, "time", "", "when the rows were true, RFC 3339 (default: the file's modification time)")
	f.StringVar(&o.edition, "edition", "", "makes equal rows new statements, see docs/import.md")
	f.StringVar(&o.rejects, "rejects", "", "file for rejected rows (default FILE.rejects.csv)")
	f.StringVar(&o.state, "state", defaultState(), "folder for checkpoints")
	f.BoolVar(&o.full, "full", false, "an empty cell states that there is no value")
	f.BoolVar(&o.keep, "keep-unmapped", false, "keep columns that nothing recognises under ext")
	f.BoolVar(&o.dayFirst, "day-first", false, "read 03/04/1980 as 3 April")
	f.BoolVar(&o.monthFirst, "month-first", false, "read 03/04/1980 as March 4")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the events instead of sending them")
	return cmd
}

// defaultState is where checkpoints are kept between runs.
func defaultState() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "ficha", "imports")
}

// importFile imports one file and says whether rows were rejected.
func (a *app) importFile(ctx context.Context, path string, o importOptions) (bool, error) {
	if o.source == "" {
		return false, usage("say which system the rows come from: --source /crm/bank")
	}
	mapping, err := o.readMapping()
	if err != nil {
		return false, &exitWith{exitUsage, err}
	}
	in, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return false, err
	}
	at, err := o.time(info.ModTime())
	if err != nil {
		return false, err
	}
	cfg := connect.Config{
		Source: o.source, Stream: o.stream, Format: connect.Format(o.format), Mapping: mapping, Time: at,
		Edition: o.edition, Clock: time.Now, DryRun: o.dryRun,
	}
	rejects := &lateFile{path: o.rejects}
	if o.rejects == "" {
		rejects.path = path + ".rejects.csv"
	}
	cfg.Rejects = rejects
	if err := a.connectSink(ctx, &cfg, o); err != nil {
		return false, err
	}
	bar := a.progress("importing "+filepath.Base(path), "rows", 0)
	cfg.Progress = func(p connect.Progress) { bar.at(p.Rows) }
	sum, err := connect.Import(ctx, cfg, in)
	bar.end()
	if err = errors.Join(err, rejects.Close()); err != nil {
		return false, err
	}
	return sum.Rejected > 0, a.showImport(path, sum, rejects)
}

func (o *importOptions) readMapping() (connect.Mapping, error) {
	var m connect.Mapping
	switch {
	case o.mapping == connect.PresetSenzing:
		m.Preset, m.Name = connect.PresetSenzing, connect.PresetSenzing
	case o.mapping != "":
		f, err := os.Open(o.mapping)
		if err != nil {
			return m, err
		}
		defer f.Close()
		if m, err = connect.ReadMapping(f); err != nil {
			return m, err
		}
	}
	if o.kind != "" {
		m.Kind = events.Kind(o.kind)
	}
	if o.region != "" {
		m.Region = strings.ToUpper(o.region)
	}
	if o.zone != "" {
		m.TimeZone = o.zone
	}
	if o.full {
		m.Mode = events.ModeFull
	}
	if o.dayFirst || o.monthFirst {
		m.DayFirst = &o.dayFirst
	}
	m.KeepUnmapped = m.KeepUnmapped || o.keep
	for _, c := range o.columns {
		var err error
		if m, err = m.With(c); err != nil {
			return m, err
		}
	}
	return m, m.Validate()
}

func (o *importOptions) time(modified time.Time) (time.Time, error) {
	if o.at == "" {
		if now := time.Now(); modified.After(now) {
			return now.UTC(), nil
		}
		return modified.UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, o.at)
	if err != nil {
		return at, usage("--time wants an RFC 3339 time, like 2026-03-01T00:00:00Z")
	}
	return at.UTC(), nil
}

// connectSink sets where events go, and the run's name and key, which the hub
// gives: ids are hashed with a key of the hub, so that imports from several
// machines agree.
func (a *app) connectSink(ctx context.Context, cfg *connect.Config, o importOptions) error {
	if o.dryRun {
		cfg.Sink, cfg.Key = connect.Print(a.std.out), []byte("a dry run's ids are not the hub's")
		return nil
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	var run struct {
		Run string `json:"run"`
		Key []byte `json:"id_key"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/imports", map[string]string{"source": o.source}, &run); err != nil {
		return err
	}
	cfg.Sink, cfg.Run, cfg.Key = patientSink{c}, run.Run, run.Key
	cfg.Checkpoints = connect.NewFileCheckpoints(o.state)
	return nil
}

// patientSink tries again for a while when the hub is away or busy: a long
// import should not end because of a restart.
type patientSink struct{ c *client.Client }

// Submit implements connect.Sink.
func (s patientSink) Submit(ctx context.Context, batch []events.Envelope) (events.SubmitResult, error) {
	pause := 100 * time.Millisecond
	for {
		res, err := s.c.Submit(ctx, batch)
		if err == nil || !errors.Is(err, events.ErrUnavailable) || pause > 10*time.Second {
			return res, err
		}
		select {
		case <-ctx.Done():
			return res, ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (a *app) showImport(path string, sum connect.Summary, rejects *lateFile) error {
	if a.json {
		return a.print(sum)
	}
	a.say("%s: %s rows: %s appended, %s unchanged, %s duplicates, %s rejected", filepath.Base(path), thousands(sum.Rows),
		thousands(sum.Appended), thousands(sum.Unchanged), thousands(sum.Duplicate), thousands(sum.Rejected))
	if len(sum.Ignored) > 0 {
		a.say("  ignored columns: %s (map them with --map, or keep them with --keep-unmapped)", strings.Join(sum.Ignored, ", "))
	}
	codes := make([]string, 0, len(sum.Remarks))
	for code := range sum.Remarks {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	for _, code := range codes {
		a.say("  %s: %s", code, thousands(sum.Remarks[code]))
	}
	if rejects.file != nil {
		a.say("  rejected rows and remarks are in %s; it holds personal data", rejects.path)
	}
	return nil
}

// lateFile makes its file when the first byte is written.
type lateFile struct {
	path string
	file *os.File
}

var _ io.WriteCloser = (*lateFile)(nil)

// Write makes the file at the first call.
func (l *lateFile) Write(b []byte) (int, error) {
	if l.file == nil {
		f, err := os.OpenFile(l.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return 0, err
		}
		l.file = f
	}
	return l.file.Write(b)
}

// Close closes what was made.
func (l *lateFile) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
