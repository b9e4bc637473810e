package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ficha/town"
)

func (a *app) genCommand() *cobra.Command {
	var people int
	var seed uint64
	var format, out, truth, now string
	cmd := &cobra.Command{
		Use: "gen", Short: "make a synthetic town with truth labels", Args: cobra.NoArgs,
		Long: `Makes a town of customers seen by six systems: NDJSON CloudEvents on standard
output, or CSV files, one a source, in a folder. The same seed gives the same bytes.`,
		Example: "  ficha gen --people 5000 --seed 1 --truth truth.csv > events.ndjson\n  ficha gen --format csv --out ./town",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if people < 1 {
				return usage("--people is at least 1")
			}
			if format != "ndjson" && format != "csv" {
				return usage("--format is ndjson or csv, not %q", format)
			}
			cfg := town.Config{People: people, Seed: seed}
			if now != "" {
				at, err := time.Parse(time.RFC3339, now)
				if err != nil {
					return usage("--now wants an RFC 3339 time, like 2026-09-01T00:00:00Z")
				}
				cfg.Now = at
			}
			t, err := town.Generate(cfg)
			if err != nil {
				return &exitWith{exitUsage, err}
			}
			if truth != "" {
				if err := writeFile(truth, t.WriteTruth); err != nil {
					return err
				}
			}
			if err := a.writeTown(cmd.Context(), t, format, out); err != nil {
				return err
			}
			return a.showTown(t, format, out)
		},
	}
	f := cmd.Flags()
	f.IntVar(&people, "people", 5000, "how many persons live in the town")
	f.Uint64Var(&seed, "seed", 1, "which town")
	f.StringVar(&format, "format", "ndjson", "ndjson (CloudEvents) or csv (customer records, a file a source)")
	f.StringVar(&out, "out", "", "file for ndjson, folder for csv (default: standard output, the folder town)")
	f.StringVar(&truth, "truth", "", "write source,stream,id,person to this file")
	f.StringVar(&now, "now", "", "end of the story (default 2026-09-01T00:00:00Z)")
	completeWith(cmd, "format", "ndjson", "csv")
	return cmd
}

// showTown says how much was made; as an object only where the events themselves
// are not on standard output.
func (a *app) showTown(t *town.Town, format, out string) error {
	if a.json && (format == "csv" || toFile(out)) {
		return a.print(map[string]int{"events": t.Len(), "source_records": t.Records()})
	}
	if format == "csv" {
		a.say("%s source records", thousands(int64(t.Records())))
		return nil
	}
	a.say("%s events, %s source records", thousands(int64(t.Len())), thousands(int64(t.Records())))
	return nil
}

func toFile(out string) bool { return out != "" && out != "-" }

// lineCount shows progress by the lines written, to one file or to several, and
// ends the writing when it is to end.
type lineCount struct {
	lines int64
	bar   *progress
	ended func() error // gives an error once the writing is to end
}

// countedFile is a file whose lines are counted.
type countedFile struct {
	io.WriteCloser
	count *lineCount
}

// Write counts and passes on.
func (f countedFile) Write(b []byte) (int, error) {
	if err := f.count.ended(); err != nil {
		return 0, err
	}
	f.count.lines += int64(bytes.Count(b, []byte{'\n'}))
	f.count.bar.at(f.count.lines)
	return f.WriteCloser.Write(b)
}

func (a *app) writeTown(ctx context.Context, t *town.Town, format, out string) error {
	if format == "csv" {
		return a.writeSheets(ctx, t, out)
	}
	count := &lineCount{bar: a.progress("writing the town", "events", int64(t.Len())), ended: ctx.Err}
	defer count.bar.end()
	write := func(w io.Writer) error { return t.WriteNDJSON(countedFile{noClose{w}, count}) }
	if toFile(out) {
		return writeFile(out, write)
	}
	w := bufio.NewWriterSize(a.std.out, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

// noClose is a file that somebody else closes.
type noClose struct{ io.Writer }

// Close does nothing.
func (noClose) Close() error { return nil }

func (a *app) writeSheets(ctx context.Context, t *town.Town, folder string) error {
	if folder == "" {
		folder = "town"
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	count := &lineCount{bar: a.progress("writing the town", "rows", 0), ended: ctx.Err}
	defer count.bar.end()
	return t.WriteCSV(func(name string) (io.WriteCloser, error) {
		f, err := os.Create(filepath.Join(folder, name))
		return countedFile{f, count}, err
	})
}

// writeFile writes a whole file through write.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}
