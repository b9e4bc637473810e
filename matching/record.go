package matching

import "github.com/google/uuid"

// Kind says what a record is about. Records of different kinds never match.
type Kind string

// The kinds.
const (
	Person       Kind = "person"
	Organization Kind = "organization"
)

// Record is a source record as the matcher sees it: values as the source wrote
// them. Every field may be empty; empty is "not known" and weighs nothing.
type Record struct {
	ID           uuid.UUID
	Source       string // system that holds it
	Kind         Kind   // empty counts as Person
	Names        []Name
	BirthDate    string // any common way of writing dates
	Gender       string
	Documents    []Document
	Phones       []Phone
	Emails       []string
	Addresses    []Address
	Handles      []Handle
	Organization string // employer or company, of a person
}

// Name is one name of a person or organisation, whole in Full or in parts. An
// organisation's name is in Full.
type Name struct{ Given, Middle, Family, Family2, Full, Prefix, Suffix, Use string }

// Document is an identity document or tax number. Country is ISO 3166 alpha-2 or a name.
type Document struct{ Kind, Number, Country string }

// Phone is a telephone number; Region (ISO 3166 alpha-2) completes one without country code.
type Phone struct{ Value, Region string }

// Address is a postal address, whole in Lines or in parts.
type Address struct {
	Lines                                                       []string
	Street, Number, Unit, Locality, Region, PostalCode, Country string
}

// Handle is a name on a network such as telegram or instagram.
type Handle struct{ Handle, Network string }
