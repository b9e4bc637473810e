package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"ficha/api/client"
	"ficha/events"
)

func (a *app) customerCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "customer", Short: "one customer from the shell",
		Long: `Shows what the hub knows of a customer. What is given with --phone, --email and
--document travels in the body of a request, never in an address.`,
		Example: "  ficha customer search nunez garcia maria\n  ficha customer show --phone +50255123456",
	}, a.customerShow(), a.customerSearch(), a.customerTimeline(), a.customerCases(), a.customerHoldings(),
		a.customerWhy(), a.customerWhyNot(), a.customerMatch(), a.customerHistory(), a.customerPin(), a.customerUnpin(),
		a.customerMerge(), a.customerSplit())
}

// whoFlags name a customer by something other than its id.
type whoFlags struct {
	phone, email, document, record  string
	serial, contract, order, number string
}

func (w *whoFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.phone, "phone", "", "look up by telephone number")
	f.StringVar(&w.email, "email", "", "look up by e-mail address")
	f.StringVar(&w.document, "document", "", "look up by document number, or kind:number, or kind:number:country")
	f.StringVar(&w.record, "record", "", "look up by source record: source:id or source:stream:id")
	f.StringVar(&w.serial, "serial", "", "look up by the serial number of something bought or rented")
	f.StringVar(&w.contract, "contract", "", "look up by the number of a contract")
	f.StringVar(&w.order, "order", "", "look up by the number of an order")
	f.StringVar(&w.number, "case", "", "look up by the number of a case")
}

// lookup is the body of POST /v1/customers:lookup.
type lookup struct {
	Phone    string            `json:"phone,omitempty"`
	Email    string            `json:"email,omitempty"`
	Document *events.Document  `json:"document,omitempty"`
	Record   *events.RecordKey `json:"record,omitempty"`
	Serial   string            `json:"serial,omitempty"`
	Contract string            `json:"contract,omitempty"`
	Order    string            `json:"order,omitempty"`
	Case     string            `json:"case,omitempty"`
}

// lookup gives the question that the flags put; exactly one must be set.
func (w *whoFlags) lookup() (lookup, error) {
	q := lookup{Phone: w.phone, Email: w.email, Serial: w.serial, Contract: w.contract, Order: w.order, Case: w.number}
	given := 0
	for _, v := range []string{w.phone, w.email, w.document, w.record, w.serial, w.contract, w.order, w.number} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		return q, usage("say which customer: an id, or one of --phone, --email, --document and --record, or a number: --serial, --contract, --order, --case")
	}
	if w.document != "" {
		q.Document = documentIn(w.document)
	}
	if w.record != "" {
		key, err := recordIn(w.record)
		q.Record = &key
		return q, err
	}
	return q, nil
}

func documentIn(s string) *events.Document {
	parts := strings.SplitN(s, ":", 3)
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

// foundCustomer is a customer that a look-up gives.
type foundCustomer struct {
	ID   string `json:"id"`
	Name string `json:"display_name"`
	Kind string `json:"kind"`
}

// customerID gives the id to show: the argument, or what the look-up finds.
func (a *app) customerID(ctx context.Context, c *client.Client, args []string, who *whoFlags) (string, error) {
	if len(args) == 1 {
		if *who != (whoFlags{}) {
			return "", usage("give an id or a flag, not both")
		}
		return args[0], nil
	}
	q, err := who.lookup()
	if err != nil {
		return "", err
	}
	var found struct {
		Customers []foundCustomer `json:"customers"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/customers:lookup", q, &found); err != nil {
		return "", err
	}
	switch len(found.Customers) {
	case 0:
		return "", missing("no customer has it")
	case 1:
		return found.Customers[0].ID, nil
	}
	return "", a.tellSeveral(found.Customers)
}

// tellSeveral lists the customers among whom the caller has to choose.
func (a *app) tellSeveral(found []foundCustomer) error {
	a.say("%d customers share it; show one by its id:", len(found))
	for _, f := range found {
		if a.json {
			if err := a.print(f); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.std.out, "%s  %s\n", f.ID, onScreen(f.Name))
	}
	return &exitWith{code: exitConflict}
}

func (a *app) customerShow() *cobra.Command {
	var who whoFlags
	var all bool
	var then momentFlags
	cmd := &cobra.Command{
		Use: "show [ID]", Short: "the golden record, with where each value comes from", Args: cobra.MaximumNArgs(1),
		Long: `Shows the golden record: each value with the source record that it comes from and
why it was chosen; which channels may be used for marketing and what was
refused. Long lists are shortened; --all shows everything, also what the other
records say. --at and --known-at show it as it was. --json prints the hub's
answer as it is.`,
		Example: "  ficha customer show --phone +50255123456\n  ficha customer show --record /crm/bank:1 --all\n  ficha customer show --document dpi:2365487100101:GT --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := then.check(); err != nil {
				return err
			}
			id, err := a.customerID(cmd.Context(), c, args, &who)
			if err != nil {
				return err
			}
			var body []byte
			if err := c.Do(cmd.Context(), http.MethodGet, "/v1/customers/"+url.PathEscape(id)+then.query(), nil, &body); err != nil {
				return err
			}
			if a.json {
				_, err := fmt.Fprintf(a.std.out, "%s\n", strings.TrimSpace(string(body)))
				return err
			}
			return showCustomer(a.std.out, body, all)
		},
	}
	who.add(cmd)
	then.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "everything: long lists, and what the other records say")
	return cmd
}
