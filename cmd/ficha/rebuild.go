package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/api/jobs"
	"ficha/projections/rebuild"
)

func (a *app) projectionsRebuild() *cobra.Command {
	var o api.RebuildOrder
	var wait bool
	cmd := &cobra.Command{
		Use: "rebuild", Short: "make all rows anew, beside the live ones", Args: cobra.NoArgs,
		Long: `Folds the whole log into a space beside the live one, which goes on serving. It is a
job of the hub, which survives a restart; --wait shows how far it is, and whoever
stops waiting does not stop it. When no hub runs on --data, the command does it
itself; interrupted, the next one goes on. Nothing is published again.`,
		Example: "  ficha projections rebuild --wait\n  ficha projections rebuild --switch --wait\n  ficha projections rebuild --data ./ficha-data",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRows(cmd.Context(), func(r rows, h *hub) error {
				if h != nil {
					return a.rebuildHere(cmd.Context(), h, o)
				}
				return a.rebuildThere(cmd.Context(), r.(remoteRows), o, wait)
			})
		},
	}
	cmd.Flags().BoolVar(&o.Switch, "switch", false, "make the rows the live ones as soon as they are finished")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it is done, and show how far it is")
	return cmd
}

// rebuildHere makes the rows of a hub that does not run anew.
func (a *app) rebuildHere(ctx context.Context, h *hub, o api.RebuildOrder) error {
	s, err := h.rebuilds.State(ctx)
	if err != nil {
		return err
	}
	bar := a.progress("folding again", "events", 0)
	defer bar.end()
	if b := s.Beside; b != nil && b.State == rebuild.Unfinished {
		a.say("going on with space %s: %d of %d events are folded", b.Space, b.Done, b.Total)
		bar.goesOn(int64(b.Done), int64(b.Total))
	}
	space, err := h.rebuilds.Build(ctx, func(p rebuild.Progress) { bar.atPart(int64(p.Done), int64(p.Done), int64(p.Total)) })
	if err != nil {
		if errors.Is(err, context.Canceled) {
			a.say("interrupted; the same command goes on from here")
		}
		return err
	}
	bar.end()
	if o.Switch {
		s, err := projectionDesk{h}.Switch(ctx)
		if err != nil {
			return err
		}
		return a.showSwitch(s)
	}
	if a.json {
		list, err := projectionDesk{h}.List(ctx)
		if err != nil {
			return err
		}
		return a.print(list)
	}
	_, err = fmt.Fprintf(a.std.out, "space %s is ready; next: ficha projections diff, ficha projections switch\n", space)
	return err
}

// rebuildThere has the hub that runs do it.
func (a *app) rebuildThere(ctx context.Context, r remoteRows, o api.RebuildOrder, wait bool) error {
	var job jobs.Job
	if err := r.c.Do(ctx, http.MethodPost, "/v1/projections:rebuild", o, &job); err != nil {
		return err
	}
	if wait {
		var err error
		if job, err = a.awaitRebuild(ctx, r, job); err != nil {
			return err
		}
	}
	if a.json {
		if err := a.print(job); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.std.out, "job %s is %s: %d of %d events\n", job.ID, job.State, job.Done, job.Total)
	}
	if job.State == jobs.Failed || job.State == jobs.Cancelled {
		return fmt.Errorf("the rebuild was %s%s", job.State, reason(job.Error))
	}
	return nil
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// awaitRebuild follows a job until it ends.
func (a *app) awaitRebuild(ctx context.Context, r remoteRows, job jobs.Job) (jobs.Job, error) {
	bar := a.progress("folding again", "events", 0)
	defer bar.end()
	bar.goesOn(int64(job.Done), int64(job.Total))
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for !job.State.Ended() {
		select {
		case <-ctx.Done():
			a.say("the hub goes on; ficha projections list shows how far it is")
			return job, ctx.Err()
		case <-tick.C:
		}
		var now jobs.Job
		if err := r.c.Do(ctx, http.MethodGet, "/v1/jobs/"+job.ID, nil, &now); err != nil {
			return job, err
		}
		job = now
		bar.atPart(int64(job.Done), int64(job.Done), int64(job.Total))
	}
	return job, nil
}
