package golden

import (
	"strings"

	"ficha/events"
	"ficha/internal/text"
)

// plain: no text says more than another.
func plain(string) int { return 0 }

// dateWeight counts how much of a date is known; 1900 is what forms are filled
// with that must be filled.
func dateWeight(d string) int {
	if strings.HasPrefix(d, "1900") || strings.HasPrefix(d, "0001") {
		return 0
	}
	return len(d)
}

func genderWeight(g string) int { return yes(g != "unknown") }

// nameWeight counts the words of a name. What somebody is called besides, or was
// called once, comes after every other name.
func nameWeight(n events.Name, shown string) int {
	words := len(text.Tokens(shown))
	switch n.Use {
	case "nickname", "maiden", "old", "former", "anonymous", "temp":
		return words
	}
	return 100 + words
}

func addressParts(a events.Address) []string {
	return append([]string{a.Street, a.Number, a.Unit, a.Locality, a.Region, a.PostalCode, a.Country}, a.Lines...)
}

func addressForm(a events.Address) string { return text.Fold(strings.Join(addressParts(a), " ")) }

// addressWeight counts the parts that are there.
func addressWeight(a events.Address) int {
	n := 0
	for _, p := range addressParts(a) {
		n += yes(strings.TrimSpace(p) != "")
	}
	return n
}

// FullName writes a name as people say it: its parts in order, else the full name
// as the source has it. Prefix and suffix are left out.
func FullName(n events.Name) string {
	parts := make([]string, 0, 4)
	for _, p := range [...]string{n.Given, n.Middle, n.Family, n.Family2} {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return strings.Join(strings.Fields(n.Full), " ")
	}
	return strings.Join(parts, " ")
}

// displayName is what to call the customer: the first name, else the
// organisation, else how to reach it; empty when nothing is known.
func displayName(c *Customer) string {
	for _, v := range c.Names {
		if n := FullName(v.Value); n != "" {
			return n
		}
	}
	switch {
	case c.Organization != nil:
		return c.Organization.Value
	case len(c.Emails) > 0:
		return c.Emails[0].Value.Value
	case len(c.Phones) > 0:
		return c.Phones[0].Value.Value
	case len(c.Handles) > 0:
		return c.Handles[0].Value.Handle
	}
	return ""
}
