package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"ficha/events"
)

// pinnedAnswer is what the hub answers to a pin.
type pinnedAnswer struct {
	Attribute string             `json:"attribute"`
	Records   []events.RecordKey `json:"records"`
	Position  events.Position    `json:"position"`
}

func (a *app) customerPin() *cobra.Command {
	var reason, record, seen string
	cmd := &cobra.Command{
		Use: "pin ID ATTRIBUTE VALUE", Short: "say what a value is; it outranks every source", Args: cobra.ExactArgs(3),
		Long: `Pins a value of the golden record. VALUE is one value as customer.recorded.v1
writes it: plain text for birth_date, tier and the like, JSON for names, phones
and whatever has parts. In a list the pinned value comes first. The pin hangs on
a source record (--record, else the one that the customer is named after) and
goes with it through merges and splits.

The customer is pinned as it is at this moment. With --if-match, the ETag that it
was read with, the pin fails (exit 4) if the customer has changed since.`,
		Example: "  ficha customer pin \"$ID\" birth_date 1980-02-11 --reason card\n" +
			"  ficha customer pin \"$ID\" names '{\"given\":\"Rosa\",\"family\":\"Núñez\"}'",
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"attribute": args[1], "value": pinValue(args[1], args[2]), "reason": reason}
			if record != "" {
				key, err := recordIn(record)
				if err != nil {
					return err
				}
				body["record"] = key
			}
			return a.changePin(cmd.Context(), http.MethodPost, args[0], "/pins", seen, body, "pinned")
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; shown with the value")
	cmd.Flags().StringVar(&record, "record", "", "whose value it is: source:id or source:stream:id")
	cmd.Flags().StringVar(&seen, "if-match", "", "only if the customer still has this ETag")
	return cmd
}

func (a *app) customerUnpin() *cobra.Command {
	var seen string
	cmd := &cobra.Command{
		Use: "unpin ID ATTRIBUTE", Short: "let the rules choose a value again", Args: cobra.ExactArgs(2),
		Long:    "Takes back every pin of the attribute on the customer's source records. Exit 3: nothing is pinned.",
		Example: "  ficha customer unpin \"$ID\" birth_date",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changePin(cmd.Context(), http.MethodDelete, args[0], "/pins/"+url.PathEscape(args[1]), seen, nil, "unpinned")
		},
	}
	cmd.Flags().StringVar(&seen, "if-match", "", "only if the customer still has this ETag")
	return cmd
}

// changePin writes a pin of the customer as it is now, or as the caller saw it.
func (a *app) changePin(ctx context.Context, method, id, path, seen string, body any, done string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	customer := "/v1/customers/" + url.PathEscape(id)
	var raw []byte
	if err := c.IfMatch(cmp.Or(seen, "*")).Do(ctx, method, customer+path, body, &raw); err != nil {
		return err
	}
	if a.json {
		_, err := fmt.Fprintf(a.std.out, "%s\n", strings.TrimSpace(string(raw)))
		return err
	}
	var answer pinnedAnswer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	records := make([]string, len(answer.Records))
	for i, k := range answer.Records {
		records[i] = shortKey(k)
	}
	_, err = fmt.Fprintf(a.std.out, "%s %s on %s, position %d\n", done, onScreen(answer.Attribute), onScreen(strings.Join(records, ", ")), answer.Position)
	return err
}

// pinValue reads a value: JSON where the attribute has parts or is no text, or
// where the value is a JSON string; else text as it is.
func pinValue(attribute, value string) json.RawMessage {
	structured := strings.HasPrefix(attribute, "attributes.") || strings.HasPrefix(value, `"`)
	switch attribute {
	case "names", "documents", "phones", "emails", "addresses", "handles", "vip", "preferences":
		structured = true
	}
	if structured && json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	text, err := json.Marshal(value)
	if err != nil { // text always encodes
		return nil
	}
	return text
}
