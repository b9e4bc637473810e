package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/events"
)

func (a *app) customerCases() *cobra.Command {
	var who whoFlags
	var open bool
	var limit int
	cmd := &cobra.Command{
		Use: "cases [ID]", Short: "complaints, questions, requests … and how far they are", Args: cobra.MaximumNArgs(1),
		Long: `Lists the cases of a customer, newest first, ended ones too; --open leaves those
out. Marks: ! past its due date, ^ escalated. Times are UTC. --json prints the
hub's entries, one a line, with all that the source said.`,
		Example: "  ficha customer cases --phone +50255123456 --open\n  ficha customer cases --case R-2026-17 --json",
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
			q := url.Values{}
			if open {
				q.Set("open", "true")
			}
			return a.eachPage(cmd.Context(), c, "/v1/customers/"+url.PathEscape(id)+"/cases", q, limit, a.showCases)
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&open, "open", false, "only those that are not at their end")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many; 0: all")
	return cmd
}

// showCases prints when, what, how far, by whom, until when, and the title.
func (a *app) showCases(entries []json.RawMessage) error {
	if a.json {
		return a.printAll(entries)
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, raw := range entries {
		var e api.CaseEntry
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("decode case: %w", err)
		}
		var said events.CaseChanged
		if err := json.Unmarshal(e.Data, &said); err != nil {
			return fmt.Errorf("decode case: %w", err)
		}
		marks, due := "", ""
		if e.Overdue {
			marks += "!"
		}
		if e.Escalated {
			marks += "^"
		}
		if e.DueAt != nil {
			due = "due " + e.DueAt.UTC().Format("2006-01-02 15:04")
		}
		writeRow(tw, e.OpenedAt.UTC().Format("2006-01-02 15:04"), e.Kind, e.Status, marks, e.Number, e.Owner, due, words(said.Title))
	}
	return tw.Flush()
}
