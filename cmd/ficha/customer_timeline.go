package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ficha/events"
	"ficha/projections/timeline"
)

func (a *app) customerTimeline() *cobra.Command {
	var who whoFlags
	var limit int
	cmd := &cobra.Command{
		Use: "timeline [ID]", Short: "what we have done together, newest first", Args: cobra.MaximumNArgs(1),
		Long: `Lists interactions over all channels: ← from the customer, → to the customer.
Times are UTC. --json prints the hub's entries, one a line, with all that the
source said.`,
		Example: "  ficha customer timeline --phone +50255123456\n  ficha customer timeline --record /crm/bank:1 --limit 0 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage("--limit is 0 (all) or more")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			id, err := a.customerID(cmd.Context(), c, args, &who)
			if err != nil {
				return err
			}
			return a.eachPage(cmd.Context(), c, "/v1/customers/"+url.PathEscape(id)+"/timeline", url.Values{}, limit, a.showEntries)
		},
	}
	who.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many; 0: all")
	return cmd
}

// showEntries aligns each page by itself.
func (a *app) showEntries(rows []json.RawMessage) error {
	if a.json {
		return a.printAll(rows)
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, raw := range rows {
		if err := showEntry(tw, raw); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// showEntry prints when, how, about what, with which end, by whom, and the subject.
func showEntry(w io.Writer, raw json.RawMessage) error {
	var e timeline.Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("decode timeline: %w", err)
	}
	var i events.InteractionRecorded
	if err := json.Unmarshal(e.Data, &i); err != nil {
		return fmt.Errorf("decode interaction: %w", err)
	}
	arrow := map[string]string{"inbound": "←", "outbound": "→"}[e.Direction]
	if arrow == "" {
		arrow = " "
	}
	who := ""
	if i.Agent != nil {
		who = words(i.Agent.ID, inBrackets(i.Agent.Team))
	}
	if e.PersonUnknown {
		who = words(who, "shared number, person unknown")
	}
	writeRow(w, e.At.UTC().Format("2006-01-02 15:04"), arrow+" "+e.Channel, words(i.Purpose, i.Product), i.Outcome, who, words(i.Subject))
	return nil
}
