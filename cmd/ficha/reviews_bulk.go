package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"ficha/api"
)

func (a *app) reviewsBulk() *cobra.Command {
	var f reviewFlags
	var reason string
	var dryRun, wait bool
	expect, sample := -1, 10
	cmd := &cobra.Command{
		Use: "bulk VERDICT", Short: "decide everything that a filter lets through", Args: cobra.ExactArgs(1),
		Long: `Decides all pairs and groups that fit, as a job that can be cancelled, resumed and
undone as a whole ("ficha jobs"). Look first with --dry-run; then repeat with
--expect and the number that it told: should there be others by then, nothing is
done (exit code 4).`,
		Example: "  ficha reviews bulk same --kind pair --pattern \"$PATTERN\" --dry-run\n" +
			"  ficha reviews bulk same --kind pair --pattern \"$PATTERN\" --expect 212 --wait",
		RunE: func(cmd *cobra.Command, args []string) error {
			q := api.BulkRequest{Reason: reason, DryRun: dryRun}
			var err error
			if q.Verdict, err = verdictIn(args[0]); err != nil {
				return err
			}
			if q.Filter, err = f.filter(); err != nil {
				return err
			}
			switch {
			case dryRun:
				q.Sample = &sample
			case expect < 0:
				return usage("say --dry-run to see how many there are, then --expect with that number")
			default:
				q.Expect = &expect
			}
			return a.bulk(cmd.Context(), q, wait)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept with every verdict")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would come of it, and do nothing")
	cmd.Flags().IntVar(&expect, "expect", expect, "how many there are, as the dry run told")
	cmd.Flags().IntVar(&sample, "sample", sample, "with --dry-run: how many to show, up to 50")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the job is done")
	return cmd
}

func (a *app) bulk(ctx context.Context, q api.BulkRequest, wait bool) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var out api.BulkAnswer
	if err := c.Do(ctx, http.MethodPost, "/v1/reviews:bulk", q, &out); err != nil {
		return err
	}
	if out.Job != nil {
		return a.followJob(ctx, c, *out.Job, wait)
	}
	if a.json {
		return a.print(out.Preview)
	}
	p := out.Preview
	fmt.Fprintf(a.std.out, "%d items about %d customers would be decided; %d customers fewer\n", p.Total, p.Customers, p.Merges)
	if p.LeftOut {
		a.say("more fit than one job decides; the rest would be left")
	}
	for _, one := range p.Patterns {
		fmt.Fprintf(a.std.out, "%7d  %s\n", one.Count, onScreen(one.Pattern))
	}
	fmt.Fprintf(a.std.out, "contact answers that would change for these %d: %s\n", len(p.Sample), flips(p.Contact))
	for i := range p.Sample {
		fmt.Fprintf(a.std.out, "  %s\n", onScreen(sampleLine(&p.Sample[i])))
	}
	return nil
}

func sampleLine(it *api.ReviewAnswer) string {
	line := it.ID.String()
	for _, c := range it.Customers {
		line += " | " + nameOr(c.DisplayName)
	}
	return line
}
