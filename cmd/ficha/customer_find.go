package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ficha/api"
)

// maxHits is the most that the hub gives for one search.
const maxHits = 200

func (a *app) customerSearch() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "search TEXT…", Short: "find customers by name (no accents needed, any order), number, e-mail, document or old id",
		Args: cobra.MinimumNArgs(1), Example: "  ficha customer search nunez garcia maria\n  ficha customer search 5512 3456 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.TrimSpace(strings.Join(args, " "))
			if text == "" {
				return usage("say whom to search for")
			}
			if limit < 1 || limit > maxHits {
				return usage("--limit is from 1 to %d", maxHits)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var res struct {
				Data      []json.RawMessage `json:"data"`
				Truncated bool              `json:"truncated"`
			}
			if err := c.Do(cmd.Context(), http.MethodPost, "/v1/customers:search", map[string]any{"q": text, "limit": limit}, &res); err != nil {
				return err
			}
			return a.showHits(res.Data, res.Truncated)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many")
	return cmd
}

func (a *app) showHits(hits []json.RawMessage, truncated bool) error {
	if len(hits) == 0 {
		return missing("nobody found")
	}
	if truncated {
		a.say("there are more; say more about whom you look for")
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	if !a.json {
		fmt.Fprintln(tw, "ID\tNAME\tKIND\tFOUND BY")
	}
	for _, raw := range hits {
		if a.json {
			if err := a.print(raw); err != nil {
				return err
			}
			continue
		}
		var h api.SearchHit
		if err := json.Unmarshal(raw, &h); err != nil {
			return fmt.Errorf("decode hit: %w", err)
		}
		kind := string(h.Kind)
		if !h.Live {
			kind += ", withdrawn"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", h.ID, onScreen(h.DisplayName), kind, h.Found)
	}
	return tw.Flush()
}
