package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// benchOptions are the flags of `ficha bench`.
type benchOptions struct {
	workloads []string // names; none: all
	dir       string
	pairs     int
	strict    bool
	profile   string // directory for CPU profiles; "": none
	size      benchSize
}

// benchSize says how much each workload does. What is called a round is done
// once by each side of each pair, and once by each side before the first.
type benchSize struct {
	appends      int           // B1, B2: events a round
	customers    int           // B2, B4: customers that the events are about
	singles      int           // B4: events sent one by one, a round
	sightings    int           // B4: changes looked for in the golden record, a round
	contacts     int           // B5: persons who may be asked about
	asking       time.Duration // B5: how long each way of asking goes on, a round
	rebuilt      int           // B7: events in the log
	workloadTime time.Duration // how long one workload may take in all
}

func smallSize() benchSize {
	return benchSize{
		appends: 20_000, customers: 2_000, singles: 200, sightings: 100, contacts: 20_000,
		asking: 700 * time.Millisecond, rebuilt: 50_000, workloadTime: 5 * time.Minute,
	}
}

func fullSize() benchSize {
	return benchSize{
		appends: 200_000, customers: 50_000, singles: 2_000, sightings: 500, contacts: 1_000_000,
		asking: 5 * time.Second, rebuilt: 1_000_000, workloadTime: 2 * time.Hour,
	}
}

func (a *app) benchCommand() *cobra.Command {
	var o benchOptions
	var size string
	cmd := &cobra.Command{
		Use: "bench [WORKLOAD…]", Short: "measure the hub beside the raw limits of its parts",
		Long: "Each workload is run in turn with its raw limit, in this process and on the same\n" +
			"disk: raw, hub, raw, hub …, after a round of each that is not counted. Machines\n" +
			"differ and are noisy, so what is judged is the ratio of a pair, or, where people\n" +
			"wait, a figure; each time the median over the pairs.\n\n" + benchList() +
			"\nEverything is written to a temporary directory and removed. A missed budget is\n" +
			"reported; with --strict it also makes the exit code 6.",
		Example: "  ficha bench\n  ficha bench B1 B4 --pairs 9 --json\n  ficha bench B5 B7 --size full --dir /mnt/data",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.workloads = args
			switch size {
			case "small":
				o.size = smallSize()
			case "full":
				o.size = fullSize()
			default:
				return usage("--size is small or full")
			}
			return a.bench(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "", "where to make the temporary directory (default: the system's)")
	f.StringVar(&size, "size", "small", "small: about two minutes; full: a million events, a million customers")
	f.IntVar(&o.pairs, "pairs", 5, "how often raw and hub are measured")
	f.StringVar(&o.profile, "profile", "", "directory for a CPU profile of the hub's last round of each workload")
	f.BoolVar(&o.strict, "strict", false, "exit 6 when a budget is missed")
	return cmd
}

func benchList() string {
	var b strings.Builder
	for _, w := range workloads() {
		fmt.Fprintf(&b, "  %s  %s\n", w.name, w.about)
	}
	return b.String()
}

// workloads lists what can be measured, by the names of design and documentation.
func workloads() []workload {
	return []workload{appendWorkload(), endToEndWorkload(), oneEventWorkload(), contactWorkload(), rebuildWorkload()}
}

// chosen gives the workloads that the names ask for, in their own order.
func chosen(names []string) ([]workload, error) {
	all := workloads()
	if len(names) == 0 {
		return all, nil
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(w workload) bool { return strings.EqualFold(w.name, n) }) {
			return nil, usage("there is no workload %q; there are\n%s", n, benchList())
		}
	}
	return slices.DeleteFunc(all, func(w workload) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(w.name, n) })
	}), nil
}

func (a *app) bench(ctx context.Context, o benchOptions) error {
	list, err := chosen(o.workloads)
	if err != nil {
		return err
	}
	if o.pairs < 1 {
		return usage("--pairs is at least 1")
	}
	dir, err := os.MkdirTemp(o.dir, "ficha-bench-")
	if err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	defer os.RemoveAll(dir)
	a.say("%d processors, %s; %d pairs a workload", runtime.GOMAXPROCS(0), runtime.Version(), o.pairs)
	var all []measured
	for _, w := range list {
		lines, err := a.measureWorkload(ctx, w, o, filepath.Join(dir, w.name))
		if err != nil {
			return fmt.Errorf("measure %s: %w", w.name, err)
		}
		all = append(all, lines...)
	}
	if err := a.tellMeasured(all); err != nil {
		return err
	}
	if o.strict && slices.ContainsFunc(all, func(m measured) bool { return !m.Pass }) {
		return &exitWith{code: exitFindings}
	}
	return nil
}

// measureWorkload opens a workload in a directory of its own, lets its sides
// take turns, and leaves nothing behind.
func (a *app) measureWorkload(ctx context.Context, w workload, o benchOptions, dir string) (lines []measured, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.size.workloadTime, fmt.Errorf("took longer than %s", o.size.workloadTime))
	defer cancel()
	defer os.RemoveAll(dir)
	logger := slog.New(slog.NewTextHandler(a.std.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a.say("%s  %s", w.name, w.about)
	c, err := w.open(ctx, benchBed{dir: dir, size: o.size, logger: logger})
	if err != nil {
		return nil, orCause(ctx, err)
	}
	defer c.close()
	lines, err = takeTurns(ctx, w, profiledIn(o.profile, w.name, c), o.pairs, func(pair int, raw, hub []float64) {
		for i, l := range w.lines {
			a.say("    pair %d of %d  %s: %s%s, raw %s%s", pair, o.pairs, l.what, figure(hub[i]), l.unit, figure(raw[i]), l.unit)
		}
	})
	return lines, orCause(ctx, err)
}

// orCause says why ctx ended instead of that it did.
func orCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

func (a *app) tellMeasured(all []measured) error {
	if a.json {
		for _, m := range all {
			if err := a.print(m); err != nil {
				return err
			}
		}
		return nil
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "\tWORKLOAD\tHUB\tRAW LIMIT\tRATIO\tBUDGET\t\tCPUS")
	for _, m := range all {
		verdict := "pass"
		if !m.Pass {
			verdict = "MISS"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Workload, m.What, m.shown(m.Hub), strings.TrimSpace(m.shown(m.Raw)+" "+m.Limit), m.Ratio, m.Budget, verdict, busy(m.Processors))
	}
	return tw.Flush()
}

func busy(processors *float64) string {
	if processors == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", *processors)
}
