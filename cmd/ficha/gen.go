package main

import (
	"bufio"
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
		RunE: func(*cobra.Command, []string) error {
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
			if err := a.writeTown(t, format, out); err != nil {
				return err
			}
			a.say("%s events, %s source records", thousands(int64(t.Len())), thousands(int64(t.Records())))
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&people, "people", 5000, "how many persons live in the town")
	f.Uint64Var(&seed, "seed", 1, "which town")
	f.StringVar(&format, "format", "ndjson", "ndjson (CloudEvents) or csv (customer records, a file a source)")
	f.StringVar(&out, "out", "", "file for ndjson, folder for csv (default: standard output, the folder town)")
	f.StringVar(&truth, "truth", "", "write source,stream,id,person to this file")
	f.StringVar(&now, "now", "", "end of the story (default 2026-09-01T00:00:00Z)")
	return cmd
}

func (a *app) writeTown(t *town.Town, format, out string) error {
	switch format {
	case "ndjson":
		if out != "" && out != "-" {
			return writeFile(out, t.WriteNDJSON)
		}
		w := bufio.NewWriterSize(a.std.out, 1<<20)
		if err := t.WriteNDJSON(w); err != nil {
			return err
		}
		return w.Flush()
	case "csv":
		if out == "" {
			out = "town"
		}
		if err := os.MkdirAll(out, 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		return t.WriteCSV(func(name string) (io.WriteCloser, error) { return os.Create(filepath.Join(out, name)) })
	}
	return usage("--format is ndjson or csv, not %q", format)
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
