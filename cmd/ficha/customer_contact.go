package main

import (
	"fmt"
	"io"
	"strings"

	"ficha/events"
	"ficha/projections/contact"
)

// showContact sums up in words what was said about contacting a customer.
func showContact(w io.Writer, s contact.Summary, all bool) {
	by := map[contact.Decision][]string{}
	for _, c := range s.Channels {
		by[c.Decision] = append(by[c.Decision], c.Channel)
	}
	fmt.Fprintln(w, "\ncontact (to read; before contacting anybody, ask POST /v1/contact-checks)")
	if len(s.Channels) == 0 {
		fmt.Fprintln(w, "  no way to reach this customer is known")
	}
	for _, d := range []struct {
		decision contact.Decision
		text     string
	}{{contact.DecisionAllow, "marketing may use"}, {contact.DecisionDeny, "marketing may not use"}} {
		if channels := by[d.decision]; len(channels) > 0 {
			fmt.Fprintf(w, "  %-21s  %s\n", d.text, strings.Join(channels, ", "))
		}
	}
	refusals := byFolio(s.Blocked)
	for i, reasons := range refusals {
		if !all && i == shownValues {
			fmt.Fprintf(w, "  and %d more refusals; --all shows them\n", len(refusals)-i)
			break
		}
		showRefusal(w, reasons)
	}
}

// byFolio puts reasons together that rest on one statement or restriction, as
// when it binds both the customer and a telephone number.
func byFolio(reasons []contact.Reason) [][]contact.Reason {
	var out [][]contact.Reason
	at := map[string]int{}
	for _, r := range reasons {
		folio := r.Statement + r.Restriction
		if i, seen := at[folio]; seen && folio != "" {
			out[i] = append(out[i], r)
			continue
		}
		at[folio] = len(out)
		out = append(out, []contact.Reason{r})
	}
	return out
}

// showRefusal prints what one statement or restriction refuses.
func showRefusal(w io.Writer, reasons []contact.Reason) {
	label := "refused:"
	for _, r := range reasons {
		fmt.Fprintf(w, "  %-8s %s\n", label, onScreen(r.Text))
		label = ""
	}
	r := reasons[0]
	said := []string{}
	if !r.Since.IsZero() {
		said = append(said, "since "+r.Since.UTC().Format("2006-01-02"))
	}
	if !r.Until.IsZero() {
		said = append(said, "until "+r.Until.UTC().Format("2006-01-02"))
	}
	said = append(said, "about "+scopeText(r.Scope))
	if r.Via != nil {
		if via := words(r.Via.Channel, r.Via.System, r.Via.Agent); via != "" {
			said = append(said, "stated to "+via)
		}
	}
	if r.Why != "" {
		said = append(said, "because “"+r.Why+"”")
	}
	if folio := r.Statement + r.Restriction; folio != "" {
		said = append(said, "folio "+folio)
	}
	fmt.Fprintf(w, "           %s\n", onScreen(strings.Join(said, "; ")))
}

// scopeText says what a statement is about; an empty dimension means all of it.
func scopeText(s *events.Scope) string {
	if s == nil {
		return "everything"
	}
	parts := []string{}
	for _, d := range []struct {
		label string
		names []string
	}{{"", s.Purposes}, {"of ", s.Products}, {"for brand ", s.Brands}, {"on ", s.Topics}, {"by ", s.Channels}} {
		if len(d.names) > 0 {
			parts = append(parts, d.label+strings.Join(d.names, " or "))
		}
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, " ")
}
