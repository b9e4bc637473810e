package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/events"
)

func (a *app) reviewsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "one item, with the evidence", Args: cobra.ExactArgs(1),
		Long: `Shows an item of the queue, or a verdict. The last line is its ETag: with
--if-match it holds a decision to what you saw here.`,
		Example: "  ficha reviews show \"$REVIEW\"\n  ficha reviews show \"$REVIEW\" --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var body []byte
			if err := c.Do(cmd.Context(), http.MethodGet, reviewPath(args[0]), nil, &body); err != nil {
				return err
			}
			return a.showReview(body)
		},
	}
}

func reviewPath(id string) string { return "/v1/reviews/" + url.PathEscape(id) }

// showReview prints an item as the hub answers it.
func (a *app) showReview(body []byte) error {
	if a.json {
		_, err := fmt.Fprintf(a.std.out, "%s\n", strings.TrimSpace(string(body)))
		return err
	}
	var it api.ReviewAnswer
	if err := json.Unmarshal(body, &it); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	w := a.std.out
	fmt.Fprintf(w, "%s  %s, %s\n", it.ID, it.Kind, it.State)
	if it.Probability != nil {
		fmt.Fprintf(w, "%s likely to be one (weight %.1f bits)\n", percent(it.Probability), float64(*it.Weight)/1000)
	}
	if text := dueText(&it); text != "" {
		fmt.Fprintln(w, text)
	}
	for _, c := range it.Customers {
		fmt.Fprintf(w, "customer  %s  %s\n", c.ID, onScreen(nameOr(c.DisplayName)))
		for _, r := range it.Records {
			if r.Customer != nil && *r.Customer == c.ID {
				showRecordOf(w, r)
			}
		}
	}
	for _, r := range it.Records {
		if r.Customer == nil {
			showRecordOf(w, r)
		}
	}
	showReasons(w, &it)
	fmt.Fprintf(w, "etag      %s\n", it.ETag)
	return nil
}

func showRecordOf(w io.Writer, r api.ReviewRecord) {
	fmt.Fprintf(w, "  record  %s\n", onScreen(shortKey(events.RecordKey{Source: r.Source, Stream: r.Stream, ID: r.ID})))
}

// showReasons prints why an item waits, each text once, and what was decided.
func showReasons(w io.Writer, it *api.ReviewAnswer) {
	var said []string
	for _, r := range it.Reasons {
		if slices.Contains(said, r.Text) {
			continue
		}
		said = append(said, r.Text)
		fmt.Fprintf(w, "why       %s\n", onScreen(r.Text))
		if r.Evidence != "" {
			fmt.Fprintf(w, "          %s\n", onScreen(r.Evidence))
		}
		if r.Statement != "" {
			fmt.Fprintf(w, "          folio %s\n", r.Statement)
		}
	}
	if d := it.Decision; d != nil {
		fmt.Fprintf(w, "decided   %s by %s at %s%s\n", d.Verdict, onScreen(nameOr(d.By)), d.At.UTC().Format("2006-01-02 15:04:05"), onScreen(reason(d.Reason)))
		if d.Withdrawn != nil {
			fmt.Fprintf(w, "undone    by %s at %s\n", onScreen(nameOr(d.Withdrawn.By)), d.Withdrawn.At.UTC().Format("2006-01-02 15:04:05"))
		}
	}
}

func (a *app) reviewsSuspects() *cobra.Command {
	limit := 50
	cmd := &cobra.Command{
		Use: "suspects", Short: "customers that look like several people, the worst first", Args: cobra.NoArgs,
		Long: `Split such a customer with "ficha customer split", or say that it is one person
after all with "ficha customer merge ID": then it is suspect no more.`,
		Example: "  ficha reviews suspects --limit 20",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 500 {
				return usage("--limit wants a number from 1 to 500")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var page struct {
				Data []json.RawMessage `json:"data"`
				Next *string           `json:"next_cursor"`
			}
			if err := c.Do(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/suspects?limit=%d", limit), nil, &page); err != nil {
				return err
			}
			for _, raw := range page.Data {
				if err := a.showSuspect(raw); err != nil {
					return err
				}
			}
			if page.Next != nil {
				a.say("there is more; --limit shows more of them")
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most")
	return cmd
}

func (a *app) showSuspect(raw json.RawMessage) error {
	if a.json {
		_, err := fmt.Fprintf(a.std.out, "%s\n", raw)
		return err
	}
	var s api.SuspectAnswer
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	fmt.Fprintf(a.std.out, "%s  %4d  %s  (%d records)\n", s.Customer, s.Score, onScreen(nameOr(s.DisplayName)), len(s.Records))
	for _, r := range s.Reasons {
		fmt.Fprintf(a.std.out, "    %s\n", onScreen(r.Text))
	}
	return nil
}
