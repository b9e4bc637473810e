package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ficha/api/steward"
)

func (a *app) reviewsExport() *cobra.Command {
	var f reviewFlags
	var format string
	cmd := &cobra.Command{
		Use: "export FILE", Short: "the queue as a table to decide in", Args: cobra.ExactArgs(1),
		Long: `Writes what fits as CSV or XLSX, by the file's name (- is standard output, as
CSV). Fill in the column "decision" (same, different, unsure; igual, distinto,
duda) and give the file to "ficha reviews import". At most 20,000 rows.`,
		Example: "  ficha reviews export queue.xlsx --kind pair\n  ficha reviews export - --state decided > decided.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.query()
			if err != nil {
				return err
			}
			if format == "" {
				format = strings.TrimPrefix(strings.ToLower(filepath.Ext(args[0])), ".")
			}
			if args[0] == "-" && format == "" {
				format = "csv"
			}
			if format != "csv" && format != "xlsx" {
				return usage("--format is csv or xlsx")
			}
			q.Set("format", format)
			c, err := a.client()
			if err != nil {
				return err
			}
			var file []byte
			if err := c.Do(cmd.Context(), http.MethodGet, "/v1/reviews:export?"+q.Encode(), nil, &file); err != nil {
				return err
			}
			if args[0] == "-" {
				_, err := a.std.out.Write(file)
				return err
			}
			if err := writeDurably(args[0], file, 0o600); err != nil {
				return fmt.Errorf("write %s: %w", args[0], err)
			}
			a.say("wrote %s", args[0])
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&format, "format", "", "csv or xlsx (default: by the file's name)")
	completeWith(cmd, "format", "csv", "xlsx")
	return cmd
}

func (a *app) reviewsImport() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: "decide what a table says", Args: cobra.ExactArgs(1),
		Long: `Reads a table that "ficha reviews export" wrote (- is standard input) and decides
each row whose column "decision" is filled in. Rows whose item has changed since
are left alone. What was decided is one job, which can be undone as a whole.

Exit code 5: some rows were stale or could not be used; each is named.`,
		Example: "  ficha reviews import queue.xlsx --dry-run\n  ficha reviews import queue.xlsx",
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := a.readFile(args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			path := "/v1/reviews:import"
			if dryRun {
				path += "?dry_run=true"
			}
			var out steward.Imported
			if err := c.Upload(cmd.Context(), path, "application/octet-stream", file, &out); err != nil {
				return err
			}
			return a.showImported(out, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would become of each row, and do nothing")
	return cmd
}

// readFile reads a file, or standard input for -.
func (a *app) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.std.in)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("read file: %w", err)
	}
	return b, nil
}

func (a *app) showImported(out steward.Imported, dryRun bool) error {
	if a.json {
		if err := a.print(out); err != nil {
			return err
		}
	} else {
		verb := "decided"
		if dryRun {
			verb = "would be decided"
		}
		fmt.Fprintf(a.std.out, "%d %s, %d unchanged, %d stale, %d not usable\n", out.Applied, verb, out.Unchanged, out.Stale, out.Errors)
		if out.Job != "" {
			fmt.Fprintf(a.std.out, "job %s; undo all of it: ficha jobs undo %s\n", out.Job, out.Job)
		}
	}
	for _, r := range out.Rows {
		if r.Result == steward.RowStale || r.Result == steward.RowError {
			a.say("line %d: %s: %s; %s", r.Line, r.Result, r.Detail, r.Remedy)
		}
	}
	if out.Stale+out.Errors > 0 {
		return &exitWith{code: exitPartial}
	}
	return nil
}
