package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ficha/api/client"
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
			return a.showTimeline(cmd.Context(), c, id, limit)
		},
	}
	who.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many; 0: all")
	return cmd
}

// timelinePage is how many entries are asked for at once.
const timelinePage = 200

// showTimeline reads page after page until limit (0: to the end); each page is
// aligned by itself, so that a long timeline shows at once.
func (a *app) showTimeline(ctx context.Context, c *client.Client, id string, limit int) error {
	cursor, shown := "", 0
	for {
		var page struct {
			Data []json.RawMessage `json:"data"`
			Next *string           `json:"next_cursor"`
		}
		size := timelinePage
		if limit > 0 {
			size = min(size, limit-shown)
		}
		q := url.Values{"limit": {strconv.Itoa(size)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		if err := c.Do(ctx, http.MethodGet, "/v1/customers/"+url.PathEscape(id)+"/timeline?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		if err := a.showEntries(page.Data); err != nil {
			return err
		}
		shown += len(page.Data)
		switch {
		case page.Next == nil || *page.Next == "":
			if shown == 0 {
				a.say("nothing yet")
			}
			return nil
		case limit > 0 && shown >= limit:
			a.say("there is more; --limit 0 shows all")
			return nil
		}
		cursor = *page.Next
	}
}

func (a *app) showEntries(rows []json.RawMessage) error {
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, raw := range rows {
		if a.json {
			if err := a.print(raw); err != nil {
				return err
			}
			continue
		}
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
	row := []string{e.At.UTC().Format("2006-01-02 15:04"), arrow + " " + e.Channel, words(i.Purpose, i.Product), i.Outcome, who, words(i.Subject)}
	for len(row) > 0 && row[len(row)-1] == "" { // nothing to align, nothing to pad
		row = row[:len(row)-1]
	}
	for n := range row {
		row[n] = onScreen(row[n])
	}
	_, err := fmt.Fprintln(w, strings.Join(row, "\t"))
	return err
}
