package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"ficha/api"
)

func (a *app) customerWhyNot() *cobra.Command {
	var language string
	cmd := &cobra.Command{
		Use: "why-not A B", Short: "why two customers or records are not one, or why they are", Args: cobra.ExactArgs(2),
		Long: `Explains two customers or source records: the evidence for and against, and what
decides. Each is an id, or a source record as source:id or source:stream:id. Of
two customers it explains the pair of their records that weighs most.`,
		Example: "  ficha customer why-not /crm/bank:1 /shop:77\n  ficha customer why-not /crm/bank:1 /shop:77 --language es",
		RunE: func(cmd *cobra.Command, args []string) error {
			var q api.PairRequest
			for i, into := range []*api.PairEnd{&q.A, &q.B} {
				end, err := pairEnd(args[i])
				if err != nil {
					return err
				}
				*into = end
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var body []byte
			if err := c.In(language).Do(cmd.Context(), http.MethodPost, "/v1/pairs:explain", q, &body); err != nil {
				return err
			}
			return a.showPair(body)
		},
	}
	cmd.Flags().StringVar(&language, "language", "en", "of the texts: es or en")
	return cmd
}

// pairEnd reads an id or a record's key.
func pairEnd(arg string) (api.PairEnd, error) {
	if _, err := uuid.Parse(arg); err == nil {
		return api.PairEnd{ID: arg}, nil
	}
	key, err := recordIn(arg)
	if err != nil {
		return api.PairEnd{}, usage("%q is neither an id nor a record as source:id or source:stream:id", arg)
	}
	return api.PairEnd{Record: &key}, nil
}

// showPair prints the hub's answer about a pair.
func (a *app) showPair(body []byte) error {
	if a.json {
		_, err := fmt.Fprintf(a.std.out, "%s\n", strings.TrimSpace(string(body)))
		return err
	}
	var p api.PairAnswer
	if err := json.Unmarshal(body, &p); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	for i, line := range p.Text {
		if i > 0 && i <= len(p.Evidence) {
			line = "  " + line
		}
		fmt.Fprintln(a.std.out, onScreen(line))
	}
	return nil
}
