package events

import "encoding/json"

// Kind says whether a record is about a person or an organisation.
type Kind string

// The kinds of customer.
const (
	Person       Kind = "person"
	Organization Kind = "organization"
)

// Mode says what a statement's silence about a field means.
type Mode string

// The modes: patch leaves unnamed fields as they are (null clears one), full
// states them absent.
const (
	ModeFull  Mode = "full"
	ModePatch Mode = "patch"
)

// Name is one name of a person or organisation, in whatever parts the source has.
type Name struct {
	Given   string `json:"given,omitempty"`
	Middle  string `json:"middle,omitempty"`
	Family  string `json:"family,omitempty"`
	Family2 string `json:"family2,omitempty"`
	Full    string `json:"full,omitempty"`
	Prefix  string `json:"prefix,omitempty"`
	Suffix  string `json:"suffix,omitempty"`
	Use     string `json:"use,omitempty"` // official, usual, nickname, maiden, old …
}

// Phone is a telephone number as the source writes it. Region (ISO 3166 alpha-2)
// says how to read a number without country code.
type Phone struct {
	Value     string `json:"value"`
	Extension string `json:"extension,omitempty"`
	Use       string `json:"use,omitempty"`
	Region    string `json:"region,omitempty"`
}

// Email is an e-mail address as the source writes it.
type Email struct {
	Value    string `json:"value"`
	Use      string `json:"use,omitempty"`
	Verified bool   `json:"verified,omitempty"`
}

// Address is a postal address; Lines may hold all of it.
type Address struct {
	Lines      []string `json:"lines,omitempty"`
	Street     string   `json:"street,omitempty"`
	Number     string   `json:"number,omitempty"`
	Unit       string   `json:"unit,omitempty"`
	Locality   string   `json:"locality,omitempty"`
	Region     string   `json:"region,omitempty"`
	PostalCode string   `json:"postal_code,omitempty"`
	Country    string   `json:"country,omitempty"` // ISO 3166 alpha-2
	Use        string   `json:"use,omitempty"`
}

// Document is an identity document or tax number.
type Document struct {
	Kind    string `json:"kind"` // dni, nie, curp, rfc, dpi, nit, cc, rut, ruc, cuit, ssn, passport, driver_license, tax_id, lei, other …
	Number  string `json:"number"`
	Country string `json:"country,omitempty"`
	Issued  string `json:"issued,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Handle is a name on a network: WhatsApp, Facebook, X …
type Handle struct {
	Handle  string `json:"handle"`
	Network string `json:"network"`
}

// Relation links the record to another one of the same or another source.
type Relation struct {
	Kind   string    `json:"kind"` // household, guardian, representative, employee
	Record RecordKey `json:"record"`
}

// CustomerRecorded is the data of customer.recorded.v1. Which fields a statement
// names matters (see Mode), so folds read the raw object through package
// events/record; this struct is for building statements and reading merged ones.
type CustomerRecorded struct {
	Record       Record                     `json:"record"`
	Kind         Kind                       `json:"kind"`
	Mode         Mode                       `json:"mode,omitempty"` // default patch
	Names        []Name                     `json:"names,omitempty"`
	BirthDate    string                     `json:"birth_date,omitempty"` // YYYY[-MM[-DD]]
	DeathDate    string                     `json:"death_date,omitempty"`
	Gender       string                     `json:"gender,omitempty"` // female, male, other, unknown
	Documents    []Document                 `json:"documents,omitempty"`
	Phones       []Phone                    `json:"phones,omitempty"`
	Emails       []Email                    `json:"emails,omitempty"`
	Addresses    []Address                  `json:"addresses,omitempty"`
	Handles      []Handle                   `json:"handles,omitempty"`
	Language     string                     `json:"language,omitempty"` // BCP 47
	Nationality  string                     `json:"nationality,omitempty"`
	Preferences  json.RawMessage            `json:"preferences,omitempty"`
	Lifecycle    string                     `json:"lifecycle,omitempty"` // prospect, customer, former
	Segment      string                     `json:"segment,omitempty"`
	Tier         string                     `json:"tier,omitempty"`
	VIP          *bool                      `json:"vip,omitempty"`
	Tags         []string                   `json:"tags,omitempty"`
	Organization string                     `json:"organization,omitempty"` // employer's name
	Relations    []Relation                 `json:"relations,omitempty"`
	Attributes   map[string]json.RawMessage `json:"attributes,omitempty"`
	CreatedAt    string                     `json:"created_at,omitempty"`
	ModifiedAt   string                     `json:"modified_at,omitempty"`
	Ext          map[string]json.RawMessage `json:"ext,omitempty"`
}

// CustomerWithdrawn is the data of customer.withdrawn.v1.
type CustomerWithdrawn struct {
	Record Record `json:"record"`
	Reason string `json:"reason"` // deleted, archived, out_of_scope
}

// CustomerMergedAtSource is the data of customer.merged_at_source.v1: the source
// joined the losers into the survivor. The link outlives the losers' withdrawal.
type CustomerMergedAtSource struct {
	Survivor RecordKey   `json:"survivor"`
	Losers   []RecordKey `json:"losers"`
}

// CustomerRestricted is the data of customer.restricted.v1.
type CustomerRestricted struct {
	Record      Record `json:"record"`
	Restriction string `json:"restriction"` // blocked, end_of_purpose, legal_hold, deceased
	From        string `json:"from,omitempty"`
	Until       string `json:"until,omitempty"`
}
