package api

import (
	"slices"
	"strings"
	"unicode"

	"ficha/events"
	"ficha/projections/golden"
)

// masked gives the customer as who may not see everything sees it: document
// numbers keep their last characters, birth dates nothing. The rows of c are
// shared, so what changes is copied.
func masked(c golden.Customer) golden.Customer {
	c.BirthDate = maskedValue(c.BirthDate, maskDate)
	c.Documents = slices.Clone(c.Documents)
	for i := range c.Documents {
		c.Documents[i] = *maskedValue(&c.Documents[i], maskDocument)
	}
	return c
}

func maskedValue[T any](v *golden.Value[T], mask func(T) T) *golden.Value[T] {
	if v == nil {
		return nil
	}
	m := *v
	m.Value = mask(m.Value)
	m.Also = slices.Clone(m.Also)
	for i := range m.Also {
		m.Also[i].Value = mask(m.Also[i].Value)
	}
	return &m
}

func maskDocument(d events.Document) events.Document {
	d.Number = maskNumber(d.Number)
	return d
}

// maskNumber keeps the last four characters, fewer of a short number: never more
// than half of it.
func maskNumber(number string) string {
	runes := []rune(strings.TrimSpace(number))
	keep := min(4, len(runes)/2)
	return "····" + string(runes[len(runes)-keep:])
}

// maskDate keeps the shape of the date, so that a page can still be laid out.
func maskDate(date string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '·'
		}
		return r
	}, date)
}
