package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ficha/api"
)

func (a *app) reviewsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "reviews", Short: "what waits for a steward",
		Long: `Shows and decides what waits for a person: pairs and groups of customers that may
be one, and refusals that bind a customer only because it was once part of
another. Every decision is an event and can be undone.

Exit code 4: somebody else was first; the message says who, when and what.`,
		Example: "  ficha reviews list --patterns\n  ficha reviews decide \"$REVIEW\" same --reason moved",
	}, a.reviewsList(), a.reviewsShow(), a.reviewsClaim(), a.reviewsDecide(), a.reviewsUndo(), a.reviewsBulk(),
		a.reviewsExport(), a.reviewsImport(), a.reviewsSuspects())
}

// reviewFlags narrow the queue.
type reviewFlags struct {
	state, kind, reason, pattern, source, customer, dueBefore string
	minWeight, maxWeight                                      float64
}

func (f *reviewFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.state, "state", "", "open, unsure, decided or withdrawn (default open)")
	fs.StringVar(&f.kind, "kind", "", "pair, group, hold or verdict (default all)")
	fs.StringVar(&f.reason, "code", "", "only with this code among the reasons")
	fs.StringVar(&f.pattern, "pattern", "", "only with this pattern of evidence; see --patterns of list")
	fs.StringVar(&f.source, "source", "", "only with a record of this source")
	fs.StringVar(&f.customer, "customer", "", "only about this customer")
	fs.StringVar(&f.dueBefore, "due-before", "", "only what is due before this time (RFC 3339)")
	fs.Float64Var(&f.minWeight, "min-weight", math.Inf(-1), "only from this weight on, in bits")
	fs.Float64Var(&f.maxWeight, "max-weight", math.Inf(1), "only up to this weight, in bits")
	completeWith(cmd, "state", "open", "unsure", "decided", "withdrawn")
	completeWith(cmd, "kind", "pair", "group", "hold", "verdict")
}

// filter is the filter as a bulk sends it.
func (f *reviewFlags) filter() (api.ReviewFilter, error) {
	q := api.ReviewFilter{State: f.state, Kind: f.kind, Reason: f.reason, Pattern: f.pattern, Source: f.source, Customer: f.customer}
	if f.dueBefore != "" {
		at, err := time.Parse(time.RFC3339, f.dueBefore)
		if err != nil {
			return q, usage("--due-before wants a time like 2026-03-02T09:15:00Z (RFC 3339)")
		}
		q.DueBefore = &at
	}
	for _, w := range []struct {
		bits float64
		into **int64
	}{{f.minWeight, &q.MinWeight}, {f.maxWeight, &q.MaxWeight}} {
		if !math.IsInf(w.bits, 0) {
			n := int64(math.Round(w.bits * 1000))
			*w.into = &n
		}
	}
	return q, nil
}

// query is the filter as an address carries it.
func (f *reviewFlags) query() (url.Values, error) {
	q, err := f.filter()
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("state", q.State)
	set("kind", q.Kind)
	set("reason", q.Reason)
	set("pattern", q.Pattern)
	set("source", q.Source)
	set("customer", q.Customer)
	if q.DueBefore != nil {
		set("due_before", q.DueBefore.UTC().Format(time.RFC3339))
	}
	if q.MinWeight != nil {
		set("min_weight", strconv.FormatInt(*q.MinWeight, 10))
	}
	if q.MaxWeight != nil {
		set("max_weight", strconv.FormatInt(*q.MaxWeight, 10))
	}
	return v, err
}

// reviewPage is a page of the queue as the shell reads it.
type reviewPage struct {
	Data     []json.RawMessage `json:"data"`
	Next     *string           `json:"next_cursor"`
	Patterns []struct {
		Pattern string `json:"pattern"`
		Count   uint64 `json:"count"`
	} `json:"patterns"`
}

func (a *app) reviewsList() *cobra.Command {
	var f reviewFlags
	var patterns bool
	var claimedBy string
	limit := 50
	cmd := &cobra.Command{
		Use: "list", Short: "the queue, what is due first on top", Args: cobra.NoArgs,
		Long: `Lists what waits. --patterns counts open pairs by their pattern of evidence
instead: decide some of a pattern, then the rest with "ficha reviews bulk".`,
		Example: "  ficha reviews list --kind pair --min-weight 0.5\n  ficha reviews list --patterns\n  ficha reviews list --state decided --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage("--limit wants a number from 0 on")
			}
			q, err := f.query()
			if err != nil {
				return err
			}
			if claimedBy != "" {
				q.Set("claimed_by", claimedBy)
			}
			if patterns {
				return a.listPatterns(cmd.Context())
			}
			return a.listReviews(cmd.Context(), q, limit)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&patterns, "patterns", false, "count open pairs by pattern instead")
	cmd.Flags().StringVar(&claimedBy, "claimed-by", "", "only what this person claims")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0: all")
	return cmd
}

func (a *app) listPatterns(ctx context.Context) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var page reviewPage
	if err := c.Do(ctx, http.MethodGet, "/v1/reviews?limit=1&patterns=true", nil, &page); err != nil {
		return err
	}
	for _, p := range page.Patterns {
		if a.json {
			if err := a.print(p); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.std.out, "%7d  %s\n", p.Count, onScreen(p.Pattern))
	}
	return nil
}

// listReviews prints pages until there are limit of them (0: all).
func (a *app) listReviews(ctx context.Context, q url.Values, limit int) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	for shown := 0; ; {
		size := 500
		if limit > 0 {
			size = min(size, limit-shown)
		}
		q.Set("limit", strconv.Itoa(size))
		var page reviewPage
		if err := c.Do(ctx, http.MethodGet, "/v1/reviews?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, raw := range page.Data {
			if err := a.showReviewLine(raw); err != nil {
				return err
			}
		}
		shown += len(page.Data)
		switch {
		case page.Next == nil:
			if shown == 0 {
				a.say("nothing waits here")
			}
			return nil
		case limit > 0 && shown >= limit:
			a.say("there is more; --limit 0 shows everything")
			return nil
		}
		q.Set("cursor", *page.Next)
	}
}

// showReviewLine prints one item of a list.
func (a *app) showReviewLine(raw json.RawMessage) error {
	if a.json {
		_, err := fmt.Fprintf(a.std.out, "%s\n", raw)
		return err
	}
	var it api.ReviewAnswer
	if err := json.Unmarshal(raw, &it); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	var names []string
	for _, c := range it.Customers {
		names = append(names, nameOr(c.DisplayName))
	}
	_, err := fmt.Fprintln(a.std.out, onScreen(strings.TrimRight(fmt.Sprintf("%s  %-7s  %-9s  %6s  %s  %s",
		it.ID, it.Kind, it.State, percent(it.Probability), dueText(&it), strings.Join(names, " | ")), " ")))
	return err
}

func nameOr(name string) string {
	if name == "" {
		return "no name"
	}
	return name
}

func percent(p *float64) string {
	if p == nil {
		return ""
	}
	return strconv.FormatFloat(100**p, 'f', 1, 64) + "%"
}

// dueText says until when an item waits, or who looks at it.
func dueText(it *api.ReviewAnswer) string {
	switch {
	case it.ClaimedBy != nil:
		return "claimed by " + *it.ClaimedBy
	case it.Decision != nil:
		return "by " + nameOr(it.Decision.By)
	case it.Overdue:
		return "OVERDUE " + it.DueAt.UTC().Format("2006-01-02")
	case it.DueAt != nil:
		return "due " + it.DueAt.UTC().Format("2006-01-02")
	}
	return ""
}
