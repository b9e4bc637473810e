package events

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"

	"github.com/google/uuid"
)

// Choice is what a statement says: deny or allow.
type Choice string

// The choices.
const (
	Deny  Choice = "deny"
	Allow Choice = "allow"
)

// Scope says what a statement is about. An empty dimension means all of it.
type Scope struct {
	Channels []string `json:"channels,omitempty"`
	Purposes []string `json:"purposes,omitempty"`
	Products []string `json:"products,omitempty"`
	Brands   []string `json:"brands,omitempty"`
	Topics   []string `json:"topics,omitempty"`
}

// Via says where and to whom a statement was made.
type Via struct {
	Channel string `json:"channel,omitempty"`
	System  string `json:"system,omitempty"`
	Agent   string `json:"agent,omitempty"`
}

// ContactStated is the data of contact.stated.v1: a deny or an allow, about
// records, contact points, or both.
type ContactStated struct {
	Choice        Choice         `json:"choice"`
	Records       []RecordKey    `json:"records,omitempty"`
	ContactPoints []ContactPoint `json:"contact_points,omitempty"`
	Scope         Scope          `json:"scope,omitzero"`
	StatedAt      string         `json:"stated_at"` // RFC 3339
	EffectiveFrom string         `json:"effective_from,omitempty"`
	Until         string         `json:"until,omitempty"`
	Via           Via            `json:"via,omitzero"`
	TextShown     string         `json:"text_shown,omitempty"`
	Evidence      string         `json:"evidence,omitempty"`
	LegalBasis    string         `json:"legal_basis,omitempty"`
	Reason        string         `json:"reason,omitempty"`
	Ext           *StatementExt  `json:"ext,omitempty"`
}

// ContactHoldConfirmed is the data of contact.hold_confirmed.v1: a person looked
// at a deny that binds records only because they were once grouped with the
// stating one, and says that it is not theirs. It frees the records that it names
// from that statement, for as long as they are not grouped with it anew.
type ContactHoldConfirmed struct {
	Statement string      `json:"statement"` // folio, see [StatementID]
	Records   []uuid.UUID `json:"records"`   // freed
	By        string      `json:"by,omitempty"`
	Reason    string      `json:"reason,omitempty"`
}

// StatementExt is what the hub notes on statements of its own ([HubSource]).
type StatementExt struct {
	// Unconfirmed marks a deny read out of an event that was not valid: it binds
	// until the event named by Of arrives in a valid form, or it is withdrawn.
	Unconfirmed bool     `json:"unconfirmed,omitempty"`
	Of          *EventID `json:"of,omitempty"`
	Problem     string   `json:"problem,omitempty"` // why it was not valid: pointers and rules, no values
}

// EventID names an event by source and id.
type EventID struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

// ContactStatementWithdrawn is the data of contact.statement_withdrawn.v1.
type ContactStatementWithdrawn struct {
	Statement string `json:"statement"` // folio, see StatementID
	By        string `json:"by,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// StatementID is the folio of the statement that the event (source, id) made: 16
// characters of Crockford's base 32 (80 bits of SHA-256), short enough to read
// out on the telephone.
func StatementID(source, id string) string {
	h := sha256.New()
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(source)))
	h.Write(n[:])
	h.Write([]byte(source))
	h.Write([]byte(id))
	return crockford.EncodeToString(h.Sum(nil)[:10])
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
