package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ficha/api"
)

func (a *app) projectionsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "projections", Short: "the rows that answers are read from: how far they are, and making them anew",
		Long: `Rows are folded from the log and can be made anew from it, in a space beside the
live one, while that goes on serving; then compared with it, and made the live
ones without a restart. Asks the hub that runs on --data (or at --url), or works on
the files when none runs.`,
		Example: "  ficha projections list\n  ficha projections rebuild --wait\n  ficha projections diff\n  ficha projections switch",
	}, a.projectionsList(), a.projectionsRebuild(), a.projectionsDiff(), a.projectionsSwitch(), a.projectionsDrop())
}

// rows is what the commands need of a hub, running or not.
type rows interface {
	List(ctx context.Context) (api.ProjectionList, error)
	Diff(ctx context.Context) (api.ProjectionDiffs, error)
	Switch(ctx context.Context) (api.SwitchAnswer, error)
	Drop(ctx context.Context) error
}

// withRows calls do with what asks the hub that runs, or else with what works on
// the files; then the hub that does not run is given, too.
func (a *app) withRows(ctx context.Context, do func(rows, *hub) error) error {
	if a.url != "" || a.data == "" || hubRuns(ctx, a.data) {
		c, err := a.client()
		if err != nil {
			return err
		}
		c.HTTP = &http.Client{} // comparing is waited for, however long it takes
		return do(remoteRows{c}, nil)
	}
	if err := needData(a.data); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(a.std.err, &slog.HandlerOptions{Level: slog.LevelError}))
	h, err := openClosedHub(ctx, closedHubConfig(a.data, logger))
	if err != nil {
		return err
	}
	defer h.close(logger)
	if err := h.openStopped(ctx); err != nil {
		return err
	}
	return do(projectionDesk{h}, h)
}

// remoteRows asks a hub that runs.
type remoteRows struct {
	c interface {
		Do(ctx context.Context, method, path string, body, out any) error
	}
}

// List asks how far everything is.
func (r remoteRows) List(ctx context.Context) (l api.ProjectionList, err error) {
	return l, r.c.Do(ctx, http.MethodGet, "/v1/projections", nil, &l)
}

// Diff has the hub compare.
func (r remoteRows) Diff(ctx context.Context) (d api.ProjectionDiffs, err error) {
	return d, r.c.Do(ctx, http.MethodPost, "/v1/projections:diff", nil, &d)
}

// Switch has the hub move to the other rows.
func (r remoteRows) Switch(ctx context.Context) (s api.SwitchAnswer, err error) {
	return s, r.c.Do(ctx, http.MethodPost, "/v1/projections:switch", nil, &s)
}

// Drop has the hub remove the other rows.
func (r remoteRows) Drop(ctx context.Context) error {
	return r.c.Do(ctx, http.MethodPost, "/v1/projections:drop", nil, nil)
}

func (a *app) projectionsList() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use: "list", Short: "position, lag, speed and dead letters of every projection", Args: cobra.NoArgs,
		Long: `Lists the projections with how far they are, and the space beside the live one with
how far that is. With --watch again every second, until interrupted.`,
		Example: "  ficha projections list\n  ficha projections list --watch\n  ficha projections list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRows(cmd.Context(), func(r rows, _ *hub) error { return a.listProjections(cmd.Context(), r, watch) })
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "list again every second")
	return cmd
}

func (a *app) listProjections(ctx context.Context, r rows, watch bool) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		list, err := r.List(ctx)
		if err == nil {
			err = a.showProjections(list)
		}
		if err != nil || !watch {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (a *app) showProjections(l api.ProjectionList) error {
	if a.json {
		return a.print(l)
	}
	w := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROJECTION\tRUNNER\tVERSION\tPOSITION\tBEHIND\tLAG\tEVENTS/S\tDEAD")
	for _, p := range l.Data {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%.1f s\t%.0f\t%d\t%s\n", p.Name, p.Runner, p.Version, p.Position, p.Behind, p.LagSeconds, p.PerSecond, p.DeadLetters, p.Error)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.std.out, "space %s is live, about %s on disk; the log ends at %d\n", l.Space, mebibytes(l.Bytes), l.Position)
	if b := l.Beside; b != nil {
		fmt.Fprintf(a.std.out, "space %s is beside it, %s: %d of %d events, about %s on disk\n", b.Space, b.State, b.Done, b.Total, mebibytes(b.Bytes))
		if b.PerSecond > 0 {
			fmt.Fprintf(a.std.out, "%.0f events/s, about %s left\n", b.PerSecond, time.Duration(b.LeftS*float64(time.Second)).Round(time.Second))
		}
	}
	return nil
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func (a *app) projectionsDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff", Short: "compare rows made anew with the live ones", Args: cobra.NoArgs,
		Long: `Brings the rows made anew to the position of the live ones and compares every row.
Keys are named by keyed hashes, since they may name customers. Exit code 6 when
something differs.`,
		Example: "  ficha projections diff\n  ficha projections diff --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRows(cmd.Context(), func(r rows, _ *hub) error {
				defer a.stillWaiting("comparing")()
				d, err := r.Diff(cmd.Context())
				if err != nil {
					return err
				}
				return a.showDiffs(d)
			})
		},
	}
}

func (a *app) showDiffs(d api.ProjectionDiffs) error {
	if a.json {
		if err := a.print(d); err != nil {
			return err
		}
	} else {
		for _, p := range d.Projections {
			a.showDiff(p)
		}
		for _, t := range d.Other {
			a.showTable(t)
		}
	}
	if !d.Equal {
		return &exitWith{code: exitFindings}
	}
	a.say("space %s holds the same rows as %s", d.Beside, d.Live)
	return nil
}

func (a *app) showDiff(p api.ProjectionDiff) {
	rows := uint64(0)
	for _, t := range p.Tables {
		rows += t.Same
		a.showTable(t)
	}
	if p.Equal {
		fmt.Fprintf(a.std.out, "%s: %d rows, all equal, digest %.16s…\n", p.Name, rows, p.Rows.Live)
		return
	}
	fmt.Fprintf(a.std.out, "%s: rows DIFFER, digests %.16s… and %.16s…\n", p.Name, p.Rows.Live, p.Rows.Beside)
	if c := p.Content; c != nil && c.Live == c.Beside {
		fmt.Fprintf(a.std.out, "%s: they say the same all the same, but for ids and positions\n", p.Name)
	}
}

// showTable names a table with differences.
func (a *app) showTable(t api.TableDiff) {
	if t.Different+t.OnlyLive+t.OnlyBeside > 0 {
		fmt.Fprintf(a.std.out, "  %s: %d equal, %d different, %d only in the live rows, %d only in the others; first: %v\n",
			t.Table, t.Same, t.Different, t.OnlyLive, t.OnlyBeside, t.First)
	}
}

func (a *app) projectionsSwitch() *cobra.Command {
	return &cobra.Command{
		Use: "switch", Short: "make the rows beside the live ones the live ones", Args: cobra.NoArgs,
		Long: `Lets the rows that were made anew catch up and has everybody read them from then
on, without a restart. The former ones stay, and the same command goes back to
them, until the next rebuild or "ficha projections drop".`,
		Example: "  ficha projections switch",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRows(cmd.Context(), func(r rows, _ *hub) error {
				defer a.stillWaiting("catching up")()
				s, err := r.Switch(cmd.Context())
				if err != nil {
					return err
				}
				return a.showSwitch(s)
			})
		},
	}
}

func (a *app) showSwitch(s api.SwitchAnswer) error {
	if a.json {
		return a.print(s)
	}
	_, err := fmt.Fprintf(a.std.out, "space %s is live, in place of %s; folding stood still for %d ms\n", s.To, s.From, s.HeldMS)
	return err
}

func (a *app) projectionsDrop() *cobra.Command {
	return &cobra.Command{
		Use: "drop", Short: "remove the rows beside the live ones", Args: cobra.NoArgs,
		Long:    "Gives the room of the space beside the live one back: of one that was made anew, or of the former live one.",
		Example: "  ficha projections drop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRows(cmd.Context(), func(r rows, _ *hub) error {
				if err := r.Drop(cmd.Context()); err != nil {
					return err
				}
				a.say("there is only the live space now")
				return nil
			})
		},
	}
}
