package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/events"
	"ficha/projections/contact"
)

func (a *app) customerMerge() *cobra.Command {
	var q api.MergeRequest
	var seen string
	cmd := &cobra.Command{
		Use: "merge ID…", Short: "say that customers are one", Args: cobra.MinimumNArgs(1),
		Long: `Makes customers one, whatever rules and earlier verdicts say. Look first with
--dry-run: who would be who, what would move, which contact answers would change.
It prints the review with which all of it can be undone.

With one ID it says that the records of this customer are one person, which ends
every suspicion that they are not.`,
		Example: "  ficha customer merge \"$ID\" \"$OTHER\" --dry-run\n  ficha customer merge \"$ID\" \"$OTHER\" --reason duplicate",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, text := range args {
				id, err := uuid.Parse(text)
				if err != nil {
					return usage("merge wants customer ids")
				}
				q.IDs = append(q.IDs, id)
			}
			return a.act(cmd.Context(), "/v1/customers:merge", seen, q)
		},
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; kept with the verdict")
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "say what would come of it, and do nothing")
	cmd.Flags().StringVar(&seen, "if-match", "", "only if the first customer still has this ETag")
	return cmd
}

// act sends a merge or split and prints what came of it.
func (a *app) act(ctx context.Context, path, seen string, request any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var out api.ActAnswer
	if err := c.IfMatch(seen).Do(ctx, http.MethodPost, path, request, &out); err != nil {
		return err
	}
	if out.Preview != nil {
		return a.showPreview(out.Preview)
	}
	if a.json {
		return a.print(out)
	}
	a.sayUnresolved(out.Resolved)
	for _, r := range out.Redirected {
		fmt.Fprintf(a.std.out, "%s is %s now\n", r.From, r.To)
	}
	fmt.Fprintf(a.std.out, "%s at position %d; undo it: ficha reviews undo %s\n", out.Status, out.Position, out.Review)
	return nil
}

// showPreview prints what a dry run tells. Exit code 6: it would not come about.
func (a *app) showPreview(p *api.PreviewAnswer) error {
	if a.json {
		if err := a.print(p); err != nil {
			return err
		}
	} else {
		showGroups(a.std.out, "now  ", p.Before)
		showGroups(a.std.out, "then ", p.After)
		for _, r := range p.Redirects {
			fmt.Fprintf(a.std.out, "%s would be %s\n", r.From, r.To)
		}
		for _, m := range p.Moves {
			fmt.Fprintf(a.std.out, "moves: %s with %d interactions\n", recordText(m.Record), m.Interactions)
		}
		fmt.Fprintf(a.std.out, "contact answers that would change: %s\n", flips(p.Contact))
		for _, o := range p.Overridden {
			fmt.Fprintf(a.std.out, "overrides: %s by %s at %s%s\n", o.Verdict, onScreen(nameOr(o.By)), o.At, onScreen(reason(o.Reason)))
		}
		for _, r := range p.Refused {
			fmt.Fprintf(a.std.out, "would wait for a steward: %s and %s: %s\n", r.A, r.B, onScreen(r.Text))
		}
	}
	if p.Achievable {
		return nil
	}
	for _, o := range p.Obstacles {
		a.say("it would not come about: %s (%s)", o.Text, o.Code)
	}
	return &exitWith{code: exitFindings}
}

func showGroups(w io.Writer, when string, groups []api.GroupAnswer) {
	for _, g := range groups {
		fmt.Fprintf(w, "%s %s  %s\n", when, g.Customer, onScreen(nameOr(g.DisplayName)))
		for _, r := range g.Records {
			fmt.Fprintf(w, "        %s\n", recordText(r))
		}
	}
}

func recordText(r api.ReviewRecord) string {
	return onScreen(shortKey(events.RecordKey{Source: r.Source, Stream: r.Stream, ID: r.ID}))
}

// flips sums up which contact answers would change.
func flips(c contact.Comparison) string {
	if len(c.Flips) == 0 {
		return "none"
	}
	text := ""
	for i, f := range c.Flips {
		if i == 5 {
			return text + fmt.Sprintf("; and %d more", len(c.Flips)-i)
		}
		if i > 0 {
			text += "; "
		}
		text += onScreen(words(f.Channel, f.Purpose, f.Product, "from", string(f.Before), "to", string(f.After)))
	}
	if c.Truncated {
		text += "; and perhaps more"
	}
	return text
}
