package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/text/language"

	"ficha/events"
	"ficha/events/connect"
)

// importOptions are the flags of `ficha import`.
type importOptions struct {
	source, stream, mapping, kind, region, zone, edition, at string
	columns                                                  []string
	format, rejects, state                                   string
	keep, full, dayFirst, monthFirst, dryRun                 bool
}

func (a *app) importCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use: "import FILE…", Short: "bring files into the hub", Args: cobra.MinimumNArgs(1),
		Long: `Reads CSV, NDJSON or JSON files and sends what their rows say as events. Columns
are recognised by name in English, Spanish and Portuguese, or mapped with --map.
An import that was cut short goes on where it stopped; the same file again
appends nothing. Rejected rows go to FILE.rejects.csv with their reasons, and the
exit code is 5. A hub that is away is waited for.`,
		Example: `  ficha import customers.csv --source /crm/bank
  ficha import clientes.csv --source /shop/tienda --map 'Nro Cliente=id' --map 'Cel=phones' --region GT
  ficha import events.ndjson --source /crm/bank
  ficha import records.jsonl --source /demo --mapping senzing`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(args); err != nil {
				return err
			}
			return a.importFiles(cmd.Context(), args, o)
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
	completeWith(cmd, "format", "csv", "ndjson", "json")
	completeWith(cmd, "kind", "person", "organization")
	return cmd
}

// validate says what is wrong with the flags before anything is read.
func (o *importOptions) validate(files []string) error {
	switch {
	case o.source == "":
		return usage("say which system the rows come from: --source /crm/bank")
	case slices.Contains(files, "-"):
		return usage("an import goes on where it stopped, which needs a file: write standard input to one first")
	case o.rejects != "" && len(files) > 1:
		return usage("--rejects names one file, for the rejected rows of one; leave it out, and each FILE gets FILE.rejects.csv")
	case o.dayFirst && o.monthFirst:
		return usage("--day-first and --month-first exclude each other")
	case o.format != "" && !slices.Contains([]connect.Format{connect.CSV, connect.NDJSON, connect.JSON}, connect.Format(o.format)):
		return usage("--format is csv, ndjson or json, not %q", o.format)
	}
	if o.region != "" {
		if r, err := language.ParseRegion(o.region); err != nil || !r.IsCountry() || len(o.region) != 2 {
			return usage("--region wants a country of two letters, like GT, not %q", o.region)
		}
	}
	return nil
}

// importFiles imports one file after the other. What cannot be read or sent ends
// it; the files before are in.
func (a *app) importFiles(ctx context.Context, files []string, o importOptions) error {
	rejected := false
	for _, file := range files {
		some, err := a.importFile(ctx, file, o)
		if errors.Is(err, context.Canceled) {
			a.say("%s is not in whole; the same command goes on where it stopped", filepath.Base(file))
		}
		if err != nil {
			return fmt.Errorf("import %s: %w", filepath.Base(file), err)
		}
		rejected = rejected || some
	}
	if rejected {
		return &exitWith{code: exitPartial}
	}
	return nil
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
	mapping, err := o.readMapping()
	if err != nil {
		return false, &exitWith{exitUsage, err}
	}
	in, at, err := o.open(path)
	if err != nil {
		return false, err
	}
	defer in.Close()
	cfg := connect.Config{
		Source: o.source, Stream: o.stream, Format: connect.Format(o.format), Mapping: mapping, Time: at,
		Edition: o.edition, Clock: time.Now, DryRun: o.dryRun,
	}
	rejects := &rejectsFile{path: o.rejects}
	if o.rejects == "" {
		rejects.path = path + ".rejects.csv"
	}
	cfg.Rejects = rejects
	if err := a.connectSink(ctx, &cfg, o); err != nil {
		return false, err
	}
	bar := a.progress("importing "+filepath.Base(path), "rows", 0)
	cfg.Progress = func(p connect.Progress) { bar.atPart(p.Rows, p.Bytes, p.Size) }
	sum, err := connect.Import(ctx, cfg, in)
	bar.end()
	if err = errors.Join(err, rejects.Close()); err != nil {
		return false, err
	}
	return sum.Rejected > 0, a.showImport(path, sum, rejects.name())
}

// open opens a file and says when its rows were true.
func (o *importOptions) open(path string) (*os.File, time.Time, error) {
	in, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, time.Time{}, missing("there is no such file")
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := in.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = usage("it is no file")
	}
	var at time.Time
	if err == nil {
		at, err = o.time(info.ModTime())
	}
	if err != nil {
		return nil, at, errors.Join(err, in.Close())
	}
	return in, at, nil
}

func (o *importOptions) readMapping() (connect.Mapping, error) {
	var m connect.Mapping
	switch {
	case o.mapping == connect.PresetSenzing:
		m.Preset, m.Name = connect.PresetSenzing, connect.PresetSenzing
	case o.mapping != "":
		f, err := os.Open(o.mapping)
		if err != nil {
			return m, fmt.Errorf("--mapping wants a file, or the name senzing: %w", err)
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
