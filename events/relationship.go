package events

// The payloads of this file state a whole thing of a source system each: a later
// statement about the same record (by Stamp) replaces an earlier one. Fields that
// no fold reads are not listed; the stored bytes keep them.

// Money is an amount as a decimal string, which no floating point rounds.
type Money struct {
	Amount   string `json:"amount"`   // such as "1250.00"
	Currency string `json:"currency"` // ISO 4217
}

// CaseChanged is the data of case.changed.v1: a complaint, question, request … and
// how far it is. Times are RFC 3339.
type CaseChanged struct {
	Record          Record     `json:"record"` // the case's own record in its system
	Customer        *RecordKey `json:"customer,omitempty"`
	Kind            string     `json:"kind"`   // complaint, suggestion, question, praise, request, incident, proposal, callback, notify_me
	Status          string     `json:"status"` // open, acknowledged, in_progress, waiting, moderated, resolved, closed, cancelled
	Number          string     `json:"number,omitempty"`
	Title           string     `json:"title,omitempty"`
	Text            string     `json:"text,omitempty"`
	Priority        *int64     `json:"priority,omitempty"` // 1 (highest) to 5
	Channel         string     `json:"channel,omitempty"`
	Visibility      string     `json:"visibility,omitempty"`
	OpenedAt        string     `json:"opened_at,omitempty"`
	AcknowledgedAt  string     `json:"acknowledged_at,omitempty"`
	FirstResponseAt string     `json:"first_response_at,omitempty"`
	PromisedAt      string     `json:"promised_at,omitempty"`
	DueAt           string     `json:"due_at,omitempty"`
	ResolvedAt      string     `json:"resolved_at,omitempty"`
	ClosedAt        string     `json:"closed_at,omitempty"`
	Resolution      string     `json:"resolution,omitempty"`
	Owner           string     `json:"owner,omitempty"`
	Escalated       *bool      `json:"escalated,omitempty"`
	Parent          string     `json:"parent,omitempty"`
	Topic           string     `json:"topic,omitempty"`
	ExpiresAt       string     `json:"expires_at,omitempty"`
}

// OrderChanged is the data of order.changed.v1.
type OrderChanged struct {
	Record        Record      `json:"record"`
	Customer      *RecordKey  `json:"customer,omitempty"`
	Number        string      `json:"number,omitempty"`
	Status        string      `json:"status,omitempty"`
	OrderedAt     string      `json:"ordered_at,omitempty"`
	DeliveredAt   string      `json:"delivered_at,omitempty"`
	CancelledAt   string      `json:"cancelled_at,omitempty"`
	Total         *Money      `json:"total,omitempty"`
	Lines         []OrderLine `json:"lines,omitempty"`
	SerialNumbers []string    `json:"serial_numbers,omitempty"` // of goods that no line names
	Place         string      `json:"place,omitempty"`
	AcceptedText  string      `json:"accepted_text,omitempty"`
	AcceptedVia   string      `json:"accepted_via,omitempty"`
}

// OrderLine is one product of an order.
type OrderLine struct {
	Product       string   `json:"product,omitempty"`
	Description   string   `json:"description,omitempty"`
	Quantity      *float64 `json:"quantity,omitempty"`
	Amount        *Money   `json:"amount,omitempty"`
	SerialNumbers []string `json:"serial_numbers,omitempty"`
}

// ContractChanged is the data of contract.changed.v1.
type ContractChanged struct {
	Record        Record     `json:"record"`
	Customer      *RecordKey `json:"customer,omitempty"`
	Number        string     `json:"number,omitempty"`
	Status        string     `json:"status,omitempty"`
	Product       string     `json:"product,omitempty"`
	SignedAt      string     `json:"signed_at,omitempty"`
	StartsAt      string     `json:"starts_at,omitempty"`
	EndsAt        string     `json:"ends_at,omitempty"`
	CancelledAt   string     `json:"cancelled_at,omitempty"`
	Amount        *Money     `json:"amount,omitempty"`
	SerialNumbers []string   `json:"serial_numbers,omitempty"`
	Place         string     `json:"place,omitempty"`
	AcceptedText  string     `json:"accepted_text,omitempty"`
	AcceptedVia   string     `json:"accepted_via,omitempty"`
}

// SurveyAnswered is the data of survey.answered.v1: what a customer answered to
// one asking of a survey.
type SurveyAnswered struct {
	Record     Record         `json:"record"`
	Customer   *RecordKey     `json:"customer,omitempty"`
	Survey     string         `json:"survey"`
	AnsweredAt string         `json:"answered_at"`
	Kind       string         `json:"kind,omitempty"` // nps, csat, ces, other
	Score      *float64       `json:"score,omitempty"`
	Scale      *Scale         `json:"scale,omitempty"` // default of nps: 0 to 10
	Answers    []SurveyAnswer `json:"answers,omitempty"`
	About      *RecordKey     `json:"about,omitempty"` // the interaction, case or order that it is about
}

// Scale is the range of a score.
type Scale struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// SurveyAnswer is the answer to one question.
type SurveyAnswer struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}
