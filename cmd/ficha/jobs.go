package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/api/client"
	"ficha/api/jobs"
)

func (a *app) jobsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "jobs", Short: "work that outlasts a request",
		Long: `Bulk decisions, imports of decisions, undoing them, and rebuilds are jobs: a hub
that is killed takes them up again where they were.`,
		Example: "  ficha jobs list\n  ficha jobs undo \"$JOB\" --wait",
	}, a.jobsList(), a.jobsShow(), a.jobsChange("cancel", "stop a job after the part that it is at; what it did stays done"),
		a.jobsChange("resume", "have a job that was cancelled or failed go on"), a.jobsUndo())
}

func (a *app) jobsList() *cobra.Command {
	var kind, state string
	limit := 50
	cmd := &cobra.Command{
		Use: "list", Short: "jobs, newest first", Args: cobra.NoArgs,
		Example: "  ficha jobs list --state running",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 200 {
				return usage("--limit wants a number from 1 to 200")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {fmt.Sprint(limit)}}
			if kind != "" {
				q.Set("kind", kind)
			}
			if state != "" {
				q.Set("state", state)
			}
			var page api.JobsAnswer
			if err := c.Do(cmd.Context(), http.MethodGet, "/v1/jobs?"+q.Encode(), nil, &page); err != nil {
				return err
			}
			for _, j := range page.Data {
				if err := a.showJob(j); err != nil {
					return err
				}
			}
			if page.NextCursor != nil {
				a.say("there is more; --limit shows more of them")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only of this kind, such as reviews.decide")
	cmd.Flags().StringVar(&state, "state", "", "only in this state")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most")
	completeWith(cmd, "state", "planned", "running", "paused", "cancelled", "done", "failed")
	return cmd
}

func jobPath(id string) string { return "/v1/jobs/" + url.PathEscape(id) }

func (a *app) jobsShow() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "one job", Args: cobra.ExactArgs(1),
		Example: "  ficha jobs show \"$JOB\" --wait",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var j jobs.Job
			if err := c.Do(cmd.Context(), http.MethodGet, jobPath(args[0]), nil, &j); err != nil {
				return err
			}
			return a.followJob(cmd.Context(), c, j, wait)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended")
	return cmd
}

// jobsChange is cancel or resume.
func (a *app) jobsChange(verb, short string) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		Example: "  ficha jobs " + verb + " \"$JOB\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeJob(cmd.Context(), args[0], verb, nil, wait)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended")
	return cmd
}

func (a *app) jobsUndo() *cobra.Command {
	var wait bool
	var q api.JobUndoRequest
	cmd := &cobra.Command{
		Use: "undo ID", Short: "take back everything that a job decided", Args: cobra.ExactArgs(1),
		Long: `Undoes a bulk decision or an import of decisions as a whole, by a job of its own.
The customers are then what they would be without.`,
		Example: "  ficha jobs undo \"$JOB\" --reason mistaken --wait",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeJob(cmd.Context(), args[0], "undo", q, wait)
		},
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; kept with every verdict that is taken back")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended")
	return cmd
}

func (a *app) changeJob(ctx context.Context, id, verb string, body any, wait bool) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var j jobs.Job
	if err := c.Do(ctx, http.MethodPost, jobPath(id)+":"+verb, body, &j); err != nil {
		return err
	}
	return a.followJob(ctx, c, j, wait)
}

// followJob prints a job, when it has ended if that is to be waited for. Exit code
// 1: it failed; 5: some of it did.
func (a *app) followJob(ctx context.Context, c *client.Client, j jobs.Job, wait bool) error {
	if wait {
		var err error
		if j, err = a.awaitJob(ctx, c, j); err != nil {
			return err
		}
	}
	if err := a.showJob(j); err != nil {
		return err
	}
	switch {
	case j.State == jobs.Failed:
		return fmt.Errorf("the job failed%s", reason(j.Error))
	case wait && j.Failed > 0:
		return &exitWith{code: exitPartial}
	}
	return nil
}

// awaitJob follows a job until it ends.
func (a *app) awaitJob(ctx context.Context, c *client.Client, j jobs.Job) (jobs.Job, error) {
	bar := a.progress(j.Kind, "done", int64(j.Total))
	defer bar.end()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !j.State.Ended() {
		select {
		case <-ctx.Done():
			a.say("the hub goes on; ficha jobs show %s says how far it is", j.ID)
			return j, ctx.Err()
		case <-tick.C:
		}
		var now jobs.Job
		if err := c.Do(ctx, http.MethodGet, jobPath(j.ID), nil, &now); err != nil {
			return j, err
		}
		j = now
		done := int64(j.Done + j.Skipped + j.Failed)
		bar.atPart(done, done, int64(j.Total))
	}
	return j, nil
}

func (a *app) showJob(j jobs.Job) error {
	if a.json {
		return a.print(j)
	}
	state := string(j.State)
	if j.Stopping {
		state += ", stopping"
	}
	_, err := fmt.Fprintf(a.std.out, "%s  %s  %s: %d of %d done, %d skipped, %d failed; by %s at %s\n",
		j.ID, j.Kind, state, j.Done, j.Total, j.Skipped, j.Failed, onScreen(j.By), j.CreatedAt.UTC().Format("2006-01-02 15:04:05"))
	if j.Error != "" {
		a.say("%s", onScreen(j.Error))
	}
	return err
}
