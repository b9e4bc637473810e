package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ficha/api/client"
	"ficha/events"
)

func (a *app) customerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "customer", Short: "one customer from the shell"}
	cmd.AddCommand(a.customerShow(), a.customerSearch(), a.customerTimeline())
	return cmd
}

// whoFlags name a customer by something other than its id. Values given here
// travel in a request body, never in an address.
type whoFlags struct {
	phone, email, document, record string
}

func (w *whoFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.phone, "phone", "", "look up by telephone number")
	f.StringVar(&w.email, "email", "", "look up by e-mail address")
	f.StringVar(&w.document, "document", "", "look up by document number, or kind:number, or kind:number:country")
	f.StringVar(&w.record, "record", "", "look up by source record: source:id or source:stream:id")
}

// lookup is the body of POST /v1/customers:lookup.
type lookup struct {
	Phone    string            `json:"phone,omitempty"`
	Email    string            `json:"email,omitempty"`
	Document *events.Document  `json:"document,omitempty"`
	Record   *events.RecordKey `json:"record,omitempty"`
}

func (w *whoFlags) lookup() (lookup, bool, error) {
	q := lookup{Phone: w.phone, Email: w.email}
	if w.document != "" {
		q.Document = documentIn(w.document)
	}
	if w.record != "" {
		key, err := recordIn(w.record)
		if err != nil {
			return q, false, err
		}
		q.Record = &key
	}
	return q, q != lookup{}, nil
}

func documentIn(s string) *events.Document {
	parts := strings.Split(s, ":")
	switch len(parts) {
	case 1:
		return &events.Document{Number: parts[0]}
	case 2:
		return &events.Document{Kind: parts[0], Number: parts[1]}
	}
	return &events.Document{Kind: parts[0], Number: parts[1], Country: parts[2]}
}

func recordIn(s string) (events.RecordKey, error) {
	parts := strings.SplitN(s, ":", 3)
	switch len(parts) {
	case 2:
		return events.RecordKey{Source: parts[0], ID: parts[1]}, nil
	case 3:
		return events.RecordKey{Source: parts[0], Stream: parts[1], ID: parts[2]}, nil
	}
	return events.RecordKey{}, usage("--record wants source:id or source:stream:id")
}

// customerID gives the id to show: the argument, or what the look-up finds.
func (a *app) customerID(ctx context.Context, c *client.Client, args []string, who *whoFlags) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	q, given, err := who.lookup()
	if err != nil {
		return "", err
	}
	if !given {
		return "", usage("say which customer: an id, or --phone, --email, --document or --record")
	}
	var found struct {
		Customers []struct {
			ID   string `json:"id"`
			Name string `json:"display_name"`
		} `json:"customers"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/customers:lookup", q, &found); err != nil {
		return "", err
	}
	switch len(found.Customers) {
	case 0:
		return "", fmt.Errorf("no customer has it: %w", events.ErrNotFound)
	case 1:
		return found.Customers[0].ID, nil
	}
	a.say("%d customers share it; show one by its id:", len(found.Customers))
	for _, f := range found.Customers {
		a.say("  %s  %s", f.ID, f.Name)
	}
	return "", &exitWith{code: exitConflict}
}

func (a *app) customerShow() *cobra.Command {
	var who whoFlags
	cmd := &cobra.Command{
		Use: "show [ID]", Short: "the golden record, with where each value comes from", Args: cobra.MaximumNArgs(1),
		Example: "  ficha customer show --phone +50255123456\n  ficha customer show --record /crm/bank:1",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			id, err := a.customerID(cmd.Context(), c, args, &who)
			if err != nil {
				return err
			}
			var body []byte
			if err := c.Do(cmd.Context(), http.MethodGet, "/v1/customers/"+url.PathEscape(id), nil, &body); err != nil {
				return err
			}
			if a.json {
				_, err := fmt.Fprintf(a.std.out, "%s\n", strings.TrimSpace(string(body)))
				return err
			}
			return a.showCustomer(body)
		},
	}
	who.add(cmd)
	return cmd
}

// shownValue is a value of a golden record as the shell shows it.
type shownValue struct {
	Value  json.RawMessage  `json:"value"`
	Record events.RecordKey `json:"record"`
	Rule   string           `json:"rule"`
}

// showCustomer prints a golden record as a table: attribute, value, source, rule.
func (a *app) showCustomer(body []byte) error {
	var head struct {
		ID             string             `json:"id"`
		RedirectedFrom string             `json:"redirected_from"`
		Name           string             `json:"display_name"`
		Kind           string             `json:"kind"`
		Records        []events.RecordKey `json:"records"`
		Contact        json.RawMessage    `json:"contact"`
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &head); err != nil {
		return fmt.Errorf("decode customer: %w", err)
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return fmt.Errorf("decode customer: %w", err)
	}
	fmt.Fprintf(a.std.out, "%s  (%s)\n%s", head.Name, head.Kind, head.ID)
	if head.RedirectedFrom != "" {
		fmt.Fprintf(a.std.out, "  (redirected from %s)", head.RedirectedFrom)
	}
	fmt.Fprintln(a.std.out)
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, name := range shownFields {
		for _, v := range valuesIn(fields[name]) {
			fmt.Fprintf(tw, "%s\t%s\t%s:%s\t%s\n", name, plain(v.Value), v.Record.Source, v.Record.ID, v.Rule)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, r := range head.Records {
		fmt.Fprintf(a.std.out, "record  %s\n", r)
	}
	return a.showContact(head.Contact)
}

var shownFields = []string{"names", "birth_date", "gender", "documents", "phones", "emails", "addresses", "handles",
	"language", "segment", "tier", "vip", "lifecycle", "organization"}

// valuesIn reads one value or a list of them.
func valuesIn(raw json.RawMessage) []shownValue {
	var many []shownValue
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	var one shownValue
	if json.Unmarshal(raw, &one) == nil && len(one.Value) > 0 {
		return []shownValue{one}
	}
	return nil
}

// plain gives a value in one line: a string as it is, an object by its parts.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts struct {
		Given, Middle, Family, Family2, Full, Value, Kind, Number, Country string
		Lines                                                              []string
		Street, Unit, Locality, Region, Handle, Network                    string
		PostalCode                                                         string `json:"postal_code"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return string(raw)
	}
	words := []string{parts.Kind, parts.Full, parts.Given, parts.Middle, parts.Family, parts.Family2, parts.Value,
		strings.Join(parts.Lines, ", "), parts.Street, parts.Number, parts.Unit, parts.PostalCode, parts.Locality,
		parts.Region, parts.Country, parts.Handle, parts.Network}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

func (a *app) showContact(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	_, err := fmt.Fprintf(a.std.out, "contact %s\n", raw)
	return err
}

func (a *app) customerSearch() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "search TEXT…", Short: "find customers by name (no accents needed, any order), number, e-mail, document or old id",
		Args: cobra.MinimumNArgs(1), Example: "  ficha customer search nunez garcia maria",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var res struct {
				Data []json.RawMessage `json:"data"`
			}
			q := map[string]any{"q": strings.Join(args, " "), "limit": limit}
			if err := c.Do(cmd.Context(), http.MethodPost, "/v1/customers:search", q, &res); err != nil {
				return err
			}
			return a.showHits(res.Data)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many")
	return cmd
}

func (a *app) showHits(hits []json.RawMessage) error {
	if a.json {
		for _, h := range hits {
			if err := a.print(h); err != nil {
				return err
			}
		}
	}
	if len(hits) == 0 {
		a.say("nobody found")
		return &exitWith{code: exitNotFound}
	}
	if a.json {
		return nil
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, raw := range hits {
		var h struct {
			ID      string             `json:"id"`
			Name    string             `json:"display_name"`
			Kind    string             `json:"kind"`
			Records []events.RecordKey `json:"records"`
		}
		if err := json.Unmarshal(raw, &h); err != nil {
			return fmt.Errorf("decode hit: %w", err)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d records\n", h.ID, h.Name, h.Kind, len(h.Records))
	}
	return tw.Flush()
}

func (a *app) customerTimeline() *cobra.Command {
	var who whoFlags
	var limit int
	cmd := &cobra.Command{
		Use: "timeline [ID]", Short: "what we have done together, newest first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			id, err := a.customerID(cmd.Context(), c, args, &who)
			if err != nil {
				return err
			}
			return a.pages(cmd.Context(), c, "/v1/customers/"+url.PathEscape(id)+"/timeline", limit, a.showInteraction)
		},
	}
	who.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many; 0: all")
	return cmd
}

// pages reads a paged list until limit and shows each row.
func (a *app) pages(ctx context.Context, c *client.Client, path string, limit int, show func(json.RawMessage) error) error {
	cursor, shown := "", 0
	for {
		var page struct {
			Data []json.RawMessage `json:"data"`
			Next *string           `json:"next_cursor"`
		}
		q := url.Values{"limit": {"100"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		if err := c.Do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, row := range page.Data {
			if limit > 0 && shown == limit {
				return nil
			}
			if err := show(row); err != nil {
				return err
			}
			shown++
		}
		if page.Next == nil || *page.Next == "" {
			return nil
		}
		cursor = *page.Next
	}
}

func (a *app) showInteraction(raw json.RawMessage) error {
	if a.json {
		return a.print(raw)
	}
	var i events.InteractionRecorded
	if err := json.Unmarshal(raw, &i); err != nil {
		return fmt.Errorf("decode interaction: %w", err)
	}
	arrow := map[string]string{"inbound": "←", "outbound": "→"}[i.Direction]
	words := []string{i.StartedAt, arrow, i.Channel, i.Purpose, i.Product, i.Outcome, i.Subject}
	_, err := fmt.Fprintln(a.std.out, strings.Join(strings.Fields(strings.Join(words, "  ")), "  "))
	return err
}
