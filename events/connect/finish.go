package connect

import (
	"slices"
	"strings"

	"ficha/events"
)

// finish puts the record together after the last cell: defaults, regions of
// phones, kinds of documents, empty groups left out.
func (b *builder) finish() {
	r := &b.rec
	country := b.country()
	r.Names = ungroup(b.names, func(n *events.Name) bool { return *n != events.Name{Use: n.Use} })
	r.Phones = ungroup(b.phones, func(p *events.Phone) bool {
		if p.Region == "" && !strings.HasPrefix(p.Value, "+") {
			p.Region = orElse(country, b.rules.mapping.Region)
		}
		return p.Value != ""
	})
	r.Emails = ungroup(b.emails, func(e *events.Email) bool { return e.Value != "" })
	r.Addresses = ungroup(b.addresses, func(a *events.Address) bool { return !emptyAddress(a) })
	r.Documents = ungroup(b.documents, func(d *events.Document) bool {
		d.Kind = orElse(d.Kind, "national_id")
		if d.Country == "" && !worldwide(d.Kind) {
			d.Country = orElse(country, b.rules.mapping.Region)
		}
		return d.Number != ""
	})
	r.Handles = ungroup(b.handles, func(h *events.Handle) bool { return h.Handle != "" && h.Network != "" })
	for _, a := range r.Addresses {
		if lostZero(a.PostalCode, orElse(a.Country, orElse(country, b.rules.mapping.Region))) {
			b.note("", "lost_zero", "the postal code may have lost its leading zero; it was kept as it is")
		}
	}
	b.finishKind()
	if r.Mode = b.rules.mapping.Mode; r.Mode == "" {
		r.Mode = events.ModePatch
	}
}

// finishKind settles person or organisation: as the row says, as its columns
// say, else as the mapping says. A row with a company's name and nobody else's
// is about the company.
func (b *builder) finishKind() {
	r := &b.rec
	if r.Kind == "" && len(r.Names) == 0 && r.Organization != "" {
		r.Kind = events.Organization
	}
	if r.Kind == "" {
		r.Kind = b.rules.mapping.Kind
	}
	if r.Kind == "" {
		r.Kind = events.Person
	}
	if r.Kind == events.Organization && len(r.Names) == 0 && r.Organization != "" {
		r.Names, r.Organization = []events.Name{{Full: r.Organization}}, ""
	}
}

// country is the first one that the row's addresses name.
func (b *builder) country() string {
	for _, a := range b.addresses {
		if a.value.Country != "" {
			return a.value.Country
		}
	}
	return b.rec.Nationality
}

// worldwide says whether a document's number needs no country to be read.
func worldwide(kind string) bool { return kind == "passport" || kind == "lei" || kind == "other" }

// ungroup gives the members that keep says yes to, which may complete them.
func ungroup[T any](list []grouped[T], keep func(*T) bool) []T {
	var out []T
	for i := range list {
		if keep(&list[i].value) {
			out = append(out, list[i].value)
		}
	}
	return slices.Clip(out)
}

func emptyAddress(a *events.Address) bool {
	return len(a.Lines) == 0 && a.Street == "" && a.Number == "" && a.Unit == "" && a.Locality == "" && a.Region == "" && a.PostalCode == ""
}

// personal lists the row's own phones, e-mail addresses and document numbers.
func (b *builder) personal() []string {
	var out []string
	for _, p := range b.rec.Phones {
		out = append(out, p.Value)
	}
	for _, e := range b.rec.Emails {
		out = append(out, e.Value)
	}
	for _, d := range b.rec.Documents {
		out = append(out, d.Number)
	}
	return out
}
