// Package contactpoint gives telephone numbers, e-mail addresses and handles on
// networks their normal forms, and says which forms reach the same person.
//
//	value ──▶ Point ──▶ Key    exact form           an allow binds this only
//	               ├──▶ Class  equivalence class    a deny binds all of it
//	               └──▶ Tail   last eight digits    where a number cannot be read whole
//
// Keys, classes and tails are stored and compared for years: the table behind
// them ([TableVersion]) is frozen, another table is another version and a rebuild.
package contactpoint

import "strings"

// TableVersion names the frozen equivalence table: MX mobile 1 (+521 and +52),
// AR mobile 9 (+549 and +54), BR ninth digit, gmail dots, +tags and googlemail.
const TableVersion = "v1"

// Kind says what a contact point is.
type Kind string

// The kinds.
const (
	KindPhone   Kind = "phone"
	KindEmail   Kind = "email"
	KindHandle  Kind = "handle"
	KindAddress Kind = "address"
)

// Point is one contact point in normal form. Points are comparable; the zero
// Point is none.
type Point struct {
	Kind Kind
	// Value is E.164 (+50255123456) for a readable phone and its digits for
	// another one, the lower-case address, handle@network, or the folded lines of
	// a postal address.
	Value string
	// Readable is false for a phone that could not be completed to E.164.
	Readable bool
}

// IsZero says whether p is none.
func (p Point) IsZero() bool { return p.Kind == "" }

// Key is the exact form, e.g. "phone:+50255123456".
func (p Point) Key() string { return string(p.Kind) + ":" + p.Value }

// Class is the key of all forms that reach the same subscriber or mailbox.
func (p Point) Class() string {
	switch {
	case p.Kind == KindPhone && p.Readable:
		return string(p.Kind) + ":" + phoneClass(p.Value)
	case p.Kind == KindEmail:
		return string(p.Kind) + ":" + emailClass(p.Value)
	}
	return p.Key()
}

// Tail is "tail:" and the last eight digits of a phone (all, if it has fewer),
// "" for other kinds. Two phones of which at least one is unreadable are taken
// for the same when their tails are equal.
func (p Point) Tail() string {
	if p.Kind != KindPhone {
		return ""
	}
	return "tail:" + tailDigits(p.Value)
}

// Same says whether p and o may reach the same person: equal classes, or equal
// tails where one of them could not be read. It is what a deny asks.
func (p Point) Same(o Point) bool {
	if p.Kind != o.Kind {
		return false
	}
	if p == o || p.Class() == o.Class() {
		return true
	}
	return p.Kind == KindPhone && !(p.Readable && o.Readable) && p.Tail() == o.Tail()
}

// Filler says whether p is what people type who have or give none: 99999999,
// 12345678, sincorreo@… A filler identifies nobody.
func (p Point) Filler() bool {
	switch p.Kind {
	case KindPhone:
		return fillerDigits(tailDigits(p.Value))
	case KindEmail:
		local, _, _ := strings.Cut(p.Value, "@")
		return fillerMailbox(local)
	}
	return false
}
