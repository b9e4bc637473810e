package events

import (
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decoded is a stored event with its data read once, for all folds. Data is a
// pointer to the payload struct of the type, json.RawMessage for
// customer.recorded (whose silence matters, see package record), nil for types
// that this build does not know.
type Decoded struct {
	Stored
	Payload any
}

// Decode reads the data of s. An error means that the data does not have its
// type's shape; folds count such an event as dead.
func Decode(s Stored) (Decoded, error) {
	d := Decoded{Stored: s}
	into := payloadOf(s.Type)
	if into == nil {
		return d, nil
	}
	// As for envelopes: what the log holds must be readable for ever.
	if err := jsonv2.Unmarshal(s.Data, into, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return d, fmt.Errorf("decode %s at %d: %w", s.Type, s.Position, ErrInvalid)
	}
	d.Payload = into
	return d, nil
}

// payloadOf gives an empty payload of a type, nil for an unknown one.
func payloadOf(t Type) any {
	switch t {
	case CustomerRecordedV1:
		return new(json.RawMessage)
	case CustomerWithdrawnV1:
		return new(CustomerWithdrawn)
	case CustomerMergedAtSourceV1:
		return new(CustomerMergedAtSource)
	case CustomerRestrictedV1:
		return new(CustomerRestricted)
	case InteractionRecordedV1:
		return new(InteractionRecorded)
	case InteractionAssignedV1:
		return new(InteractionAssigned)
	case InteractionWithdrawnV1:
		return new(InteractionWithdrawn)
	case ContactStatedV1:
		return new(ContactStated)
	case ContactStatementWithdrawnV1:
		return new(ContactStatementWithdrawn)
	case ContactHoldConfirmedV1:
		return new(ContactHoldConfirmed)
	case ValuePinnedV1:
		return new(ValuePinned)
	case ValueUnpinnedV1:
		return new(ValueUnpinned)
	case CaseChangedV1:
		return new(CaseChanged)
	case OrderChangedV1:
		return new(OrderChanged)
	case ContractChangedV1:
		return new(ContractChanged)
	case SurveyAnsweredV1:
		return new(SurveyAnswered)
	case DeadLetterRetriedV1, DeadLetterDiscardedV1:
		return new(DeadLetterSettled)
	case IdentityResolvedV1:
		return new(IdentityResolved)
	case IdentityJudgedV1:
		return new(IdentityJudged)
	case IdentityJudgementWithdrawnV1:
		return new(IdentityJudgementWithdrawn)
	case ImportStartedV1, ImportCompletedV1, ImportFailedV1:
		return new(ImportRun)
	}
	return nil
}
