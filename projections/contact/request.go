package contact

import (
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// Request is one question. Codes are compared trimmed and case-folded, channels
// and purposes also by their common other names.
type Request struct {
	Who     Who       `json:"who"`
	Channel string    `json:"channel,omitempty"` // left out: matches every deny
	Purpose string    `json:"purpose,omitempty"` // left out: matches every deny
	Product string    `json:"product,omitempty"`
	Brand   string    `json:"brand,omitempty"`
	Topic   string    `json:"topic,omitempty"`
	At      time.Time `json:"at,omitzero"` // when the contact is to be; default now, and never before it unless KnownAt is set
	// KnownAt asks about the past: the answer as it would have been by what was
	// in the log then, for a contact at At. Such an answer is never valid for contacting.
	KnownAt time.Time `json:"known_at,omitzero"`
}

// Who names whom to contact, by one or several ways at once. Names that lead to
// several customers get the most restrictive answer of theirs.
type Who struct {
	CustomerID string            `json:"customer_id,omitempty"` // any id the hub ever gave
	Record     *events.RecordKey `json:"record,omitempty"`
	Phone      string            `json:"phone,omitempty"`
	Email      string            `json:"email,omitempty"`
	Handle     string            `json:"handle,omitempty"`
	Network    string            `json:"network,omitempty"` // of the handle
}

// Decision is allow or deny.
type Decision string

// The decisions.
const (
	DecisionAllow Decision = "allow"
	DecisionDeny  Decision = "deny"
)

// Answer answers one request.
type Answer struct {
	Decision      Decision    `json:"decision"`
	Reasons       []Reason    `json:"reasons"`         // all that apply; of an allow: notes only
	CustomerIDs   []uuid.UUID `json:"customer_ids"`    // whom the request may mean
	NextAllowedAt *time.Time  `json:"next_allowed_at"` // nil: not foreseeable, or allowed
	Alternatives  []string    `json:"alternatives"`    // channels allowed now for the same purpose, preferred first
	PolicyVersion string      `json:"policy_version"`  // none: no policy is published
	CheckedAt     time.Time   `json:"checked_at"`
	ValidUntil    time.Time   `json:"valid_until"` // an allow must not be used after it
	DecisionID    string      `json:"decision_id"` // signed; a contact event cites it
}

// Answers answers a list of requests, in their order, as of one moment.
type Answers struct {
	Position events.Position `json:"position"` // the answers include everything in the contact lane up to here
	Answers  []Answer        `json:"answers"`
}

// Effect says what a reason does.
type Effect string

// The effects.
const (
	EffectDeny Effect = "deny"
	EffectNote Effect = "note" // to be known, decides nothing
)

// Code is the stable code of a reason.
type Code string

// The codes.
const (
	PersonDenied         Code = "person_denied"
	ContactPointDenied   Code = "contact_point_denied"
	UnconfirmedStatement Code = "unconfirmed_statement"
	StatedOnLinkedRecord Code = "stated_on_linked_record"
	Restricted           Code = "restricted"
	Deceased             Code = "deceased"
	SharedContactPoint   Code = "shared_contact_point"
	UnknownPurpose       Code = "unknown_purpose"
	UnknownCustomer      Code = "unknown_customer"
	UnreadableWho        Code = "unreadable_who"
	ObligatoryPurpose    Code = "obligatory_purpose"
	Stale                Code = "stale"
	LogDamaged           Code = "log_damaged"
)

// Codes lists every code, in the order in which an answer gives its reasons.
func Codes() []Code {
	return []Code{LogDamaged, Stale, UnreadableWho, UnknownCustomer, PersonDenied, ContactPointDenied, UnconfirmedStatement,
		StatedOnLinkedRecord, Restricted, Deceased, UnknownPurpose, SharedContactPoint, ObligatoryPurpose}
}

// Reason is one thing that speaks for or explains the decision.
type Reason struct {
	Code        Code          `json:"code"`
	Effect      Effect        `json:"effect"`
	Statement   string        `json:"statement,omitempty"` // folio
	Restriction string        `json:"restriction,omitempty"`
	Text        string        `json:"text"` // in the language of the caller; English unless somebody chose
	Texts       Texts         `json:"texts"`
	Since       time.Time     `json:"since,omitzero"`       // stated at, or in force from
	Until       time.Time     `json:"until,omitzero"`       // left out: no end
	Via         *events.Via   `json:"stated_via,omitempty"` // where and to whom it was stated
	Scope       *events.Scope `json:"scope,omitempty"`      // what the statement is about; empty dimensions mean all
	Why         string        `json:"why,omitempty"`        // the reason given with the statement
	// Held says that a deny binds only because the customer was once grouped with
	// the record it is about, until a person confirms that it is not the customer's.
	Held bool `json:"held,omitempty"`
}

// Texts is a reason in words, in every language of the hub.
type Texts struct {
	ES string `json:"es"`
	EN string `json:"en"`
}

// asked is a request in the form that scopes are compared with.
type asked struct {
	channel      channelSet // empty: none given, or none that anybody knows
	purpose      string     // "": none given
	class        Class
	knownPurpose bool
	product      string
	brand        string
	topic        string
}

func (r *Request) asked() asked {
	a := asked{channel: channelBit(channelCode(r.Channel)), product: plain(r.Product), brand: plain(r.Brand), topic: plain(r.Topic)}
	a.purpose, a.class, a.knownPurpose = purposeCode(r.Purpose)
	return a
}

// moment is what the request asks about: the time of the contact, and the time of
// knowledge (zero: now).
func (r *Request) moment(now time.Time) (at, known time.Time) {
	at = r.At
	if at.IsZero() {
		at = now
		if !r.KnownAt.IsZero() {
			at = r.KnownAt
		}
	}
	// A clock that is slow or in another zone must not slip past what was stated since.
	if r.KnownAt.IsZero() && at.Before(now) {
		at = now
	}
	return at, r.KnownAt
}

// meets says whether a deny is about what is asked. Whatever the request leaves
// out, or says in a word that nobody knows, is met by every deny.
func (s *Statement) meets(a *asked) bool {
	return (len(s.Scope.Channels) == 0 || a.channel == 0 || s.on.anyChannel || s.on.channels.has(a.channel)) &&
		(len(s.Scope.Purposes) == 0 || a.purpose == "" || s.meetsPurpose(a)) &&
		meetsCode(s.Scope.Products, a.product) && meetsCode(s.Scope.Brands, a.brand) && meetsCode(s.Scope.Topics, a.topic)
}

func (s *Statement) meetsPurpose(a *asked) bool {
	return s.on.unknownCause && a.class == ClassMarketing || namesPurpose(s.Scope.Purposes, a)
}

// namesPurpose: a purpose by its own name or by that of its class.
func namesPurpose(purposes []string, a *asked) bool {
	for _, p := range purposes {
		if p == a.purpose || p == string(a.class) {
			return true
		}
	}
	return false
}

func meetsCode(codes []string, code string) bool {
	return len(codes) == 0 || code == "" || contains(codes, code)
}

func contains(codes []string, code string) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

// covers says whether all that is asked lies in the scope of an allow. What the
// request leaves out is covered only by an allow that leaves it out too.
func (s *Statement) covers(a *asked) bool {
	return (len(s.Scope.Channels) == 0 || s.on.channels.has(a.channel)) &&
		(len(s.Scope.Purposes) == 0 || a.purpose != "" && a.knownPurpose && namesPurpose(s.Scope.Purposes, a)) &&
		coversCode(s.Scope.Products, a.product) && coversCode(s.Scope.Brands, a.brand) && coversCode(s.Scope.Topics, a.topic)
}

func coversCode(codes []string, code string) bool {
	return len(codes) == 0 || code != "" && contains(codes, code)
}

// namesWhat says whether an allow names a value in every dimension that the deny
// names: "yes to the newsletter" says nothing about the loan.
func (s *Statement) namesWhat(deny *Statement) bool {
	a, d := &s.Scope, &deny.Scope
	return (len(d.Channels) == 0 || len(a.Channels) > 0) && (len(d.Purposes) == 0 || len(a.Purposes) > 0) &&
		(len(d.Products) == 0 || len(a.Products) > 0) && (len(d.Brands) == 0 || len(a.Brands) > 0) &&
		(len(d.Topics) == 0 || len(a.Topics) > 0)
}
