package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/events"
)

func (a *app) reviewsClaim() *cobra.Command {
	var release bool
	var seen string
	cmd := &cobra.Command{
		Use: "claim ID", Short: "show others that you look at an item", Args: cobra.ExactArgs(1),
		Long: `Claims an item for 15 minutes; claimed again, it begins anew. What somebody else
has claimed is taken over only with --if-match and the ETag that shows his claim.`,
		Example: "  ficha reviews claim \"$REVIEW\"\n  ficha reviews claim \"$REVIEW\" --release",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var body []byte
			if err := c.IfMatch(seen).Do(cmd.Context(), http.MethodPost, reviewPath(args[0])+":claim", api.ClaimRequest{Release: release}, &body); err != nil {
				return err
			}
			return a.showReview(body)
		},
	}
	cmd.Flags().BoolVar(&release, "release", false, "let it go")
	ifMatchFlag(cmd, &seen)
	return cmd
}

func ifMatchFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "if-match", "*", "only if the item still has this ETag")
}

// verdictIn reads a verdict on the command line.
func verdictIn(word string) (events.Verdict, error) {
	switch v := events.Verdict(word); v {
	case events.VerdictSame, events.VerdictDifferent, events.VerdictUnsure:
		return v, nil
	}
	return "", usage("a verdict is same, different or unsure")
}

func (a *app) reviewsDecide() *cobra.Command {
	var q api.DecideRequest
	var seen string
	var exclude []string
	cmd := &cobra.Command{
		Use: "decide ID VERDICT", Short: "same, different or unsure", Args: cobra.ExactArgs(2),
		Long: `Decides an item. same makes its customers one (but for those named with
--exclude), different keeps them apart whatever the evidence, unsure leaves the
queue until the evidence changes. Of a hold, different frees the customer from the
refusal, for good; same makes it one with whoever stated it.

Without --if-match the item is decided as it is, unless somebody else has decided
or claimed it: then exit code 4.`,
		Example: "  ficha reviews decide \"$REVIEW\" same --reason moved --dry-run\n" +
			"  ficha reviews decide \"$REVIEW\" different --if-match '\"812-0\"'",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if q.Verdict, err = verdictIn(args[1]); err != nil {
				return err
			}
			for _, text := range exclude {
				id, err := uuid.Parse(text)
				if err != nil {
					return usage("--exclude wants a customer id or the uuid of a record")
				}
				q.Exclude = append(q.Exclude, id)
			}
			return a.decide(cmd.Context(), reviewPath(args[0])+":decide", seen, q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Reason, "reason", "", "why; kept with the decision")
	f.StringArrayVar(&exclude, "exclude", nil, "with same: a customer, or a record by its uuid, that is somebody else; may be repeated")
	f.BoolVar(&q.DryRun, "dry-run", false, "say what would come of it, and do nothing")
	ifMatchFlag(cmd, &seen)
	return cmd
}

func (a *app) reviewsUndo() *cobra.Command {
	var q api.UndoRequest
	var seen string
	cmd := &cobra.Command{
		Use: "undo ID", Short: "take a decision back", Args: cobra.ExactArgs(1),
		Long: `Takes the decision of an item back: its customers are what they would be without.
Merges and splits are undone with the review that they print.`,
		Example: "  ficha reviews undo \"$REVIEW\" --reason slip\n  ficha reviews undo \"$REVIEW\" --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(cmd.Context(), reviewPath(args[0])+":undo", seen, q)
		},
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; kept with the undo")
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "say what would come of it, and do nothing")
	ifMatchFlag(cmd, &seen)
	return cmd
}

// decide sends a decision or an undo and prints what came of it.
func (a *app) decide(ctx context.Context, path, seen string, request any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var out api.DecideAnswer
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
	fmt.Fprintf(a.std.out, "%s at position %d; review %s\n", out.Status, out.Position, out.Review)
	return nil
}

// sayUnresolved tells that the customers are not what was asked for yet.
func (a *app) sayUnresolved(resolved bool) {
	if !resolved {
		a.say("matching has not come to it yet, or something else stands against it; look again: ficha reviews show")
	}
}
