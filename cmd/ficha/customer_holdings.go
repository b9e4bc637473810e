package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ficha/events"
	"ficha/projections/holdings"
)

func (a *app) customerHoldings() *cobra.Command {
	var who whoFlags
	var kind string
	var limit int
	cmd := &cobra.Command{
		Use: "holdings [ID]", Short: "contracts and orders, with what was bought and its serial numbers", Args: cobra.MaximumNArgs(1),
		Long: `Lists contracts and orders of a customer, newest first, each line of an order on
a line of its own. --json prints the hub's entries, one a line, with all that the
source said.`,
		Example: "  ficha customer holdings --phone +50255123456\n  ficha customer holdings --serial SN-00417 --kind order --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{}
			switch kind {
			case "":
			case "contract", "order":
				q.Set("kind", kind)
			default:
				return usage("--kind is contract or order")
			}
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
			return a.eachPage(cmd.Context(), c, "/v1/customers/"+url.PathEscape(id)+"/holdings", q, limit, a.showHoldings)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&kind, "kind", "", "only contract, or order")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many; 0: all")
	return cmd
}

// showHoldings prints when, what, how far, which number, what of and for how much.
func (a *app) showHoldings(entries []json.RawMessage) error {
	if a.json {
		return a.printAll(entries)
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, raw := range entries {
		var e holdings.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("decode holding: %w", err)
		}
		began := e.At.UTC().Format("2006-01-02")
		if e.Kind == "contract" {
			var k events.ContractChanged
			if err := json.Unmarshal(e.Data, &k); err != nil {
				return fmt.Errorf("decode contract: %w", err)
			}
			writeRow(tw, began, e.Kind, e.Status, e.Number, k.Product, money(k.Amount), strings.Join(k.SerialNumbers, ", "))
			continue
		}
		var o events.OrderChanged
		if err := json.Unmarshal(e.Data, &o); err != nil {
			return fmt.Errorf("decode order: %w", err)
		}
		writeRow(tw, began, e.Kind, e.Status, e.Number, "", money(o.Total), strings.Join(o.SerialNumbers, ", "))
		for _, l := range o.Lines {
			quantity := ""
			if l.Quantity != nil {
				quantity = strconv.FormatFloat(*l.Quantity, 'f', -1, 64) + " ×"
			}
			writeRow(tw, "", "", "", quantity, cmp.Or(l.Description, l.Product), money(l.Amount), strings.Join(l.SerialNumbers, ", "))
		}
	}
	return tw.Flush()
}

func money(m *events.Money) string {
	if m == nil {
		return ""
	}
	return words(m.Amount, m.Currency)
}

// writeRow writes a line of columns that is safe on a terminal, without padding at
// its end.
func writeRow(w io.Writer, row ...string) {
	for len(row) > 0 && row[len(row)-1] == "" {
		row = row[:len(row)-1]
	}
	row = slices.Clone(row)
	for n := range row {
		row[n] = onScreen(row[n])
	}
	fmt.Fprintln(w, strings.Join(row, "\t")) // to a tabwriter, whose Flush reports what failed
}
