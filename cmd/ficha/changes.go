package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ficha/api/client"
	"ficha/projections/changes"
)

// changesFlags say what of the feed is wanted.
type changesFlags struct {
	after    string
	kinds    []string
	customer bool
	once     bool
}

func (a *app) changesCommand() *cobra.Command {
	var f changesFlags
	cmd := &cobra.Command{
		Use: "changes", Short: "follow what changes about customers", Args: cobra.NoArgs,
		Long: `Prints the change feed as it comes, until interrupted; with --json as the hub
sends it, an object a line. It says ids, never a customer's values. An id that
was printed goes into --after to go on behind it; --after 0 begins with the
oldest change that is kept (30 days).`,
		Example: "  ficha changes\n  ficha changes --after 0 --once --json\n  ficha changes --kinds merged,split,redirected",
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, k := range f.kinds {
				if !slices.Contains(kindNames(), k) {
					return usage("--kinds: there is no kind %q; there are %s", k, strings.Join(kindNames(), ", "))
				}
			}
			if f.after != "" {
				if _, err := changes.ParseID(f.after); err != nil {
					return usage("--after wants an id of a change, like 41 or 41.3; 0 is the beginning")
				}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if f.once {
				return a.showChanges(cmd.Context(), c, f)
			}
			return a.followChanges(cmd.Context(), c, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.after, "after", "", "begin behind this id (default: now)")
	flags.StringSliceVar(&f.kinds, "kinds", nil, "only these: "+strings.Join(kindNames(), ", "))
	flags.BoolVar(&f.customer, "include-customer", false, "with --json: each change with the customer as it is now")
	flags.BoolVar(&f.once, "once", false, "end where there is no more yet")
	completeWith(cmd, "kinds", kindNames()...)
	return cmd
}

func kindNames() []string {
	var names []string
	for _, k := range changes.Kinds() {
		names = append(names, string(k))
	}
	return names
}

func (f *changesFlags) include() []string {
	if f.customer {
		return []string{"customer"}
	}
	return nil
}

func (a *app) followChanges(ctx context.Context, c *client.Client, f changesFlags) error {
	err := c.Follow(ctx, client.Feed{After: f.after, Kinds: f.kinds, Include: f.include()}, func(e client.Change) error {
		if e.Kind == "position" {
			return nil
		}
		return a.showChange(e.Data)
	})
	return explainGone(err)
}

// showChanges prints what there is, page by page.
func (a *app) showChanges(ctx context.Context, c *client.Client, f changesFlags) error {
	from := client.Feed{After: f.after, Kinds: f.kinds, Include: f.include()}
	shown := 0
	for {
		page, err := c.Changes(ctx, from, pageSize)
		if err != nil {
			return explainGone(err)
		}
		for _, one := range page.Data {
			if err := a.showChange(one); err != nil {
				return err
			}
		}
		shown += len(page.Data)
		if from.After = page.LastEventID; page.NextCursor != nil {
			continue
		}
		if shown == 0 {
			a.say("nothing yet")
		}
		a.say("go on with: --after %s", page.LastEventID)
		return nil
	}
}

func explainGone(err error) error {
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusGone {
		return fmt.Errorf("%w\n  begin with what is kept: --after 0; or now, without --after", err)
	}
	return err
}

func (a *app) showChange(data []byte) error {
	if a.json {
		return a.print(json.RawMessage(data))
	}
	var c changes.Change
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("decode change: %w", err)
	}
	who := "anybody"
	if c.Version > 0 || c.Kind != changes.ContactFlip {
		who = c.Customer.String()
	}
	_, err := fmt.Fprintf(a.std.out, "%s  %-8s  %-12s  %s  %s\n", c.Time.Format(time.RFC3339), c.ID, c.Kind, who, aboutChange(&c))
	return err
}

// aboutChange says the rest in a few words.
func aboutChange(c *changes.Change) string {
	switch c.Kind {
	case changes.Created:
		return fmt.Sprintf("v%d, %d records", c.Version, len(c.Records))
	case changes.Changed:
		return fmt.Sprintf("v%d, %s", c.Version, strings.Join(c.Attributes, " "))
	case changes.Merged:
		return fmt.Sprintf("v%d, %d records, took in %d", c.Version, len(c.Records), len(c.Losers))
	case changes.Split:
		return fmt.Sprintf("v%d, %d records left, %d parts", c.Version, len(c.Records), len(c.Parts))
	case changes.Redirected:
		return "to " + c.To.String()
	case changes.ContactFlip:
		return strings.TrimSpace(fmt.Sprintf("%s, binding %d, freed %d", c.Choice, len(c.Binding), len(c.Freed)))
	}
	return ""
}
