package insight

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

const (
	counted     projections.Table = "insight_counted"
	contacts    projections.Table = "insight_contacts"
	surveys     projections.Table = "insight_surveys"
	respondents projections.Table = "insight_respondents"
	cases       projections.Table = "insight_cases"
)

// The first bytes of keys of insight_counted.
const (
	ofInteraction = 'i'
	ofSurvey      = 's'
	ofCase        = 'c'
)

// Fold is the insight projection. It has no state of its own.
type Fold struct{}

var _ projections.Fold = Fold{}

// New gives the fold.
func New() Fold { return Fold{} }

// Name is "insight".
func (Fold) Name() string { return "insight" }

// Version is that of the rows described in the package comment.
func (Fold) Version() int { return 1 }

// Tables lists the tables of the package comment.
func (Fold) Tables() []projections.Table {
	return []projections.Table{counted, contacts, surveys, respondents, cases}
}

// Apply folds interactions, answers and cases, and whatever may give a customer
// who has answered another segment; it skips everything else. It refuses
// statements that name no record of their own (events.ErrInvalid).
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	switch p := e.Payload.(type) {
	case *events.InteractionRecorded:
		return contactStated(w, e.Envelope, p)
	case *events.InteractionWithdrawn:
		return contactWithdrawn(w, e.Envelope, p)
	case *events.SurveyAnswered:
		return answered(w, e.Envelope, p)
	case *events.CaseChanged:
		return caseChanged(w, e.Envelope, p)
	}
	return segmentsChanged(w, e)
}

// ownKey is the key in insight_counted of what a statement is about.
func ownKey(what byte, key events.RecordKey) ([]byte, error) {
	if key.IsZero() {
		return nil, fmt.Errorf("apply statement: no record named: %w", events.ErrInvalid)
	}
	id := key.UUID()
	return append(append(make([]byte, 0, 17), what), id[:]...), nil
}

// ownRecord reads the uuid in a key that ownKey made.
func ownRecord(key []byte) uuid.UUID { return uuid.UUID(key[1:]) }

// appendParts writes texts with 0x00 between them; none holds one, by the schemas.
func appendParts(b []byte, parts ...string) []byte {
	for i, s := range parts {
		if i > 0 {
			b = append(b, 0)
		}
		b = append(b, strings.ReplaceAll(s, "\x00", " ")...)
	}
	return b
}
