package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"ficha/api"
	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/golden"
)

// How much of a golden record is shown unless all is asked for.
const (
	shownValues  = 5
	shownRecords = 10
)

// card prints a golden record as lines of columns.
type card struct {
	w     *tabwriter.Writer
	all   bool
	lines int // left out, of which the end tells
}

// showCustomer prints the hub's answer about one customer.
func showCustomer(w io.Writer, body []byte, all bool) error {
	var c api.CustomerAnswer
	if err := json.Unmarshal(body, &c); err != nil {
		return fmt.Errorf("decode customer: %w", err)
	}
	fmt.Fprintf(w, "%s\n%s\n", headline(&c), c.ID)
	if c.RedirectedFrom != [16]byte{} {
		fmt.Fprintf(w, "redirected from %s\n", c.RedirectedFrom)
	}
	if then := c.AsOf; then != nil {
		fmt.Fprintf(w, "as known at %s (position %d)\n", then.KnownAt.Format(time.RFC3339), then.KnownPosition)
	}
	if !c.Live {
		fmt.Fprintln(w, "withdrawn: no source keeps a record of this customer any more")
	}
	fmt.Fprintln(w)
	k := &card{w: tabwriter.NewWriter(w, 0, 4, 2, ' ', 0), all: all}
	k.values(&c)
	k.records(&c)
	if err := k.w.Flush(); err != nil {
		return err
	}
	if c.AsOf == nil { // what was allowed then is asked with a contact check
		showContact(w, *cmp.Or(c.Contact, &contact.Summary{}), all)
	}
	for _, m := range c.PotentialMatches {
		fmt.Fprintf(w, "potential match  %s, weight %.1f bits (%s)\n", m.Customer, float64(m.Weight)/1000, strings.Join(m.Levels, ", "))
	}
	if c.Masked {
		fmt.Fprintln(w, "document numbers and birth dates are masked for your role")
	}
	if k.lines > 0 {
		fmt.Fprintf(w, "left out: %d more; --all shows everything\n", k.lines)
	}
	return nil
}

// headline says who it is, what kind, and from how many records.
func headline(c *api.CustomerAnswer) string {
	about := []string{}
	if c.Kind != "" {
		about = append(about, string(c.Kind))
	}
	records := "1 source record"
	if n := len(c.Records); n != 1 {
		records = fmt.Sprintf("%d source records", n)
	}
	return fmt.Sprintf("%s  (%s)", onScreen(cmp.Or(c.DisplayName, "no name")), strings.Join(append(about, records), ", "))
}

// values prints every attribute that has a value.
func (k *card) values(c *api.CustomerAnswer) {
	list(k, "name", c.Names, nameText)
	one(k, "born", c.BirthDate, plainText)
	one(k, "died", c.DeathDate, plainText)
	one(k, "gender", c.Gender, plainText)
	one(k, "nationality", c.Nationality, plainText)
	list(k, "document", c.Documents, documentText)
	list(k, "phone", phonesOf(c.Phones), plainText)
	list(k, "email", emailsOf(c.Emails), plainText)
	list(k, "address", c.Addresses, addressText)
	list(k, "handle", c.Handles, handleText)
	one(k, "language", c.Language, plainText)
	one(k, "lifecycle", c.Lifecycle, plainText)
	one(k, "segment", c.Segment, plainText)
	one(k, "tier", c.Tier, plainText)
	one(k, "vip", c.VIP, func(b bool) string { return fmt.Sprint(b) })
	list(k, "tag", c.Tags, plainText)
	one(k, "organization", c.Organization, plainText)
	list(k, "relation", c.Relations, func(r events.Relation) string { return r.Kind + " of " + shortKey(r.Record) })
	one(k, "preferences", c.Preferences, rawText)
	names := make([]string, 0, len(c.Attributes))
	for name := range c.Attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		list(k, name, []golden.Value[json.RawMessage]{c.Attributes[name]}, rawText)
	}
}

// records prints the source records that are this customer.
func (k *card) records(c *api.CustomerAnswer) {
	for i, r := range c.Records {
		if !k.all && i == shownRecords {
			k.lines += len(c.Records) - i
			return
		}
		label, note := "", ""
		if i == 0 {
			label = "records"
		}
		if !r.Live {
			note = "\twithdrawn"
		}
		fmt.Fprintf(k.w, "%s\t%s%s\n", label, shortKey(events.RecordKey{Source: r.Source, Stream: r.Stream, ID: r.ID}), note)
	}
}

// one prints a single value, if there is one.
func one[T any](k *card, label string, v *golden.Value[T], text func(T) string) {
	if v != nil {
		list(k, label, []golden.Value[T]{*v}, text)
	}
}

// list prints values: what, from which record, and why it was chosen.
func list[T any](k *card, label string, values []golden.Value[T], text func(T) string) {
	for i, v := range values {
		if !k.all && i == shownValues {
			k.lines += len(values) - i
			return
		}
		if i > 0 {
			label = ""
		}
		shown := onScreen(text(v.Value))
		fmt.Fprintf(k.w, "%s\t%s\t%s\t%s\n", onScreen(label), shown, shortKey(v.Record), ruleText(v.Rule))
		for _, other := range v.Also {
			said := onScreen(text(other.Value))
			switch {
			case k.all:
				fmt.Fprintf(k.w, "\t· %s\t%s\n", said, shortKey(other.Record))
			case said != shown:
				k.lines++
			}
		}
	}
}

// ruleText says a rule of survivorship to somebody who does not know its name.
func ruleText(r golden.Rule) string {
	switch r {
	case golden.RuleOnly:
		return "only one says so"
	case golden.RuleAgreed:
		return "all agree"
	case golden.RuleVerified:
		return "verified by the source"
	case golden.RuleComplete:
		return "says the most"
	case golden.RuleRecent:
		return "stated last"
	case golden.RuleFrequent:
		return "most say so"
	case golden.RuleTie:
		return "as good as others"
	case golden.RulePinned:
		return "pinned by a steward"
	}
	return string(r)
}

// shortKey writes a record's key as --record takes it.
func shortKey(k events.RecordKey) string {
	if k.Stream == "" || k.Stream == events.DefaultStream {
		return onScreen(k.Source + ":" + k.ID)
	}
	return onScreen(k.Source + ":" + k.Stream + ":" + k.ID)
}

func plainText(s string) string { return s }

func rawText(raw json.RawMessage) string { return string(raw) }

func nameText(n events.Name) string {
	if n.Given+n.Family == "" {
		return words(n.Prefix, n.Full, n.Suffix)
	}
	return words(n.Prefix, n.Given, n.Middle, n.Family, n.Family2, n.Suffix)
}

func documentText(d events.Document) string {
	return words(strings.ToUpper(d.Kind), d.Number, inBrackets(d.Country))
}

func addressText(a events.Address) string {
	parts := slices.Clone(a.Lines)
	parts = append(parts, words(a.Street, a.Number, a.Unit), words(a.PostalCode, a.Locality), a.Region, a.Country)
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func handleText(h events.Handle) string { return words(h.Handle, inBrackets(h.Network)) }

// phonesOf gives telephones as values whose text says what else is known of them.
func phonesOf(phones []golden.Phone) []golden.Value[string] {
	out := make([]golden.Value[string], len(phones))
	for i, p := range phones {
		out[i] = p.Value
		if p.Extension != "" {
			out[i].Value += " ext. " + p.Extension
		}
		out[i].Value = words(out[i].Value, inBrackets(p.Use))
	}
	return out
}

func emailsOf(emails []golden.Email) []golden.Value[string] {
	out := make([]golden.Value[string], len(emails))
	for i, e := range emails {
		out[i] = e.Value
		out[i].Value = words(e.Value.Value, inBrackets(e.Use))
	}
	return out
}

// onScreen makes what a source wrote safe for a terminal and for a line of
// columns: control characters could move the cursor or forge lines, and marks of
// direction reverse what stands beside them.
func onScreen(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return ' '
		}
		return r
	}, s)
}

// words joins what is not empty with single spaces.
func words(parts ...string) string {
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}
