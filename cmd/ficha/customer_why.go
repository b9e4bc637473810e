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

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/api/client"
)

func (a *app) customerWhy() *cobra.Command {
	var who whoFlags
	var language string
	cmd := &cobra.Command{
		Use: "why [ID]", Short: "how the customer formed, step by step, and why each value is what it is", Args: cobra.MaximumNArgs(1),
		Long: `Tells the story of a golden record: which source records came in, what joined or
parted them, upon which evidence, by which model or by whom; then, for each
value, the record that it comes from and the rule that chose it.`,
		Example: "  ficha customer why --record /crm/bank:1\n  ficha customer why --phone +50255123456 --language es",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			id, err := a.customerID(cmd.Context(), c, args, &who)
			if err != nil {
				return err
			}
			return a.tellWhy(cmd.Context(), c, id, language)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&language, "language", "en", "of the texts: es or en")
	return cmd
}

// tellWhy prints the formation and the explained values; with --json the two answers.
func (a *app) tellWhy(ctx context.Context, c *client.Client, id, language string) error {
	c = c.In(language)
	base := "/v1/customers/" + url.PathEscape(id)
	var how, card []byte
	if err := c.Do(ctx, http.MethodGet, base+"/how", nil, &how); err != nil {
		return err
	}
	if err := c.Do(ctx, http.MethodGet, base+"?explain=true", nil, &card); err != nil {
		return err
	}
	var formed api.FormationAnswer
	var explained struct {
		Name         string          `json:"display_name"`
		Explanations json.RawMessage `json:"explanations"`
	}
	if err := json.Unmarshal(how, &formed); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	if err := json.Unmarshal(card, &explained); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	if a.json {
		return a.print(map[string]json.RawMessage{"how": how, "values": explained.Explanations})
	}
	fmt.Fprintf(a.std.out, "%s  %s\n\n", formed.ID, onScreen(explained.Name))
	for _, s := range formed.Steps {
		fmt.Fprintf(a.std.out, "%s  %s\n", s.At.UTC().Format("2006-01-02 15:04:05"), onScreen(s.Text))
	}
	var lines []struct {
		Text string `json:"text"`
	}
	if len(explained.Explanations) > 0 {
		if err := json.Unmarshal(explained.Explanations, &lines); err != nil {
			return fmt.Errorf("decode answer: %w", err)
		}
	}
	fmt.Fprintln(a.std.out)
	for _, l := range lines {
		fmt.Fprintln(a.std.out, onScreen(l.Text))
	}
	return nil
}

func (a *app) customerHistory() *cobra.Command {
	var who whoFlags
	var limit int
	var language string
	cmd := &cobra.Command{
		Use: "history [ID]", Short: "what happened to the record: statements, merges, splits, decisions", Args: cobra.MaximumNArgs(1),
		Long: `Lists, newest first, what sources stated about the customer's records and how
matching and people grouped them. Look at the customer as it was at any of these
times with: ficha customer show --known-at TIME`,
		Example: "  ficha customer history --record /crm/bank:1\n  ficha customer history --phone +50255123456 --limit 0 --json",
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
			return a.showHistory(cmd.Context(), c.In(language), id, limit)
		},
	}
	who.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many; 0: all")
	cmd.Flags().StringVar(&language, "language", "en", "of the texts: es or en")
	return cmd
}

// historyPage is how many entries are asked for at once.
const historyPage = 200

func (a *app) showHistory(ctx context.Context, c *client.Client, id string, limit int) error {
	q := url.Values{}
	for shown := 0; ; {
		size := historyPage
		if limit > 0 {
			size = min(size, limit-shown)
		}
		q.Set("limit", strconv.Itoa(size))
		var page struct {
			Data []json.RawMessage `json:"data"`
			Next *string           `json:"next_cursor"`
		}
		if err := c.Do(ctx, http.MethodGet, "/v1/customers/"+url.PathEscape(id)+"/history?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, raw := range page.Data {
			if err := a.showHistoryEntry(raw); err != nil {
				return err
			}
		}
		shown += len(page.Data)
		if page.Next == nil || limit > 0 && shown >= limit {
			return nil
		}
		q.Set("cursor", *page.Next)
	}
}

func (a *app) showHistoryEntry(raw json.RawMessage) error {
	if a.json {
		return a.print(raw)
	}
	var e api.HistoryEntry
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("decode history: %w", err)
	}
	return writeHistoryEntry(a.std.out, e)
}

func writeHistoryEntry(w io.Writer, e api.HistoryEntry) error {
	text := ""
	switch {
	case e.Step != nil:
		text = e.Step.Text
	case e.Statement != nil:
		s := e.Statement
		text = words(string(s.Type), s.Record.Source, s.Record.ID, inBrackets(strings.Join(s.Attributes, ", ")))
	}
	_, err := fmt.Fprintf(w, "%s  %8d  %s\n", e.At.UTC().Format("2006-01-02 15:04:05"), e.Position, onScreen(text))
	return err
}
