package events

import "strings"

// Type names a kind of event and its version: family.happening.vN.
type Type string

// The types that some code of the hub folds. Their schemas are in package schemas.
const (
	CustomerRecordedV1           Type = "customer.recorded.v1"
	CustomerWithdrawnV1          Type = "customer.withdrawn.v1"
	CustomerMergedAtSourceV1     Type = "customer.merged_at_source.v1"
	CustomerRestrictedV1         Type = "customer.restricted.v1"
	InteractionRecordedV1        Type = "interaction.recorded.v1"
	InteractionAssignedV1        Type = "interaction.assigned.v1"
	InteractionWithdrawnV1       Type = "interaction.withdrawn.v1"
	ContactStatedV1              Type = "contact.stated.v1"
	ContactStatementWithdrawnV1  Type = "contact.statement_withdrawn.v1"
	ContactHoldConfirmedV1       Type = "contact.hold_confirmed.v1"
	IdentityResolvedV1           Type = "identity.resolved.v1"
	IdentityJudgedV1             Type = "identity.judged.v1"
	IdentityJudgementWithdrawnV1 Type = "identity.withdrawn.v1"
	ValuePinnedV1                Type = "value.pinned.v1"
	ValueUnpinnedV1              Type = "value.unpinned.v1"
	CaseChangedV1                Type = "case.changed.v1"
	OrderChangedV1               Type = "order.changed.v1"
	ContractChangedV1            Type = "contract.changed.v1"
	SurveyAnsweredV1             Type = "survey.answered.v1"
	DeadLetterRetriedV1          Type = "deadletter.retried.v1"
	DeadLetterDiscardedV1        Type = "deadletter.discarded.v1"
	ImportStartedV1              Type = "import.started.v1"
	ImportCompletedV1            Type = "import.completed.v1"
	ImportFailedV1               Type = "import.failed.v1"
)

// Lane is the part of the log that a reader may ask for alone.
type Lane string

// The lanes. LaneContact holds everything that a contact answer must never miss.
const (
	LaneContact     Lane = "contact"
	LaneRecord      Lane = "record"
	LaneIdentity    Lane = "identity"
	LaneInteraction Lane = "interaction"
	LaneOther       Lane = "other"
)

// Lanes lists every lane, in a fixed order that is part of the stored format.
var Lanes = [...]Lane{LaneContact, LaneRecord, LaneIdentity, LaneInteraction, LaneOther}

// Lane says which lane events of this type travel in. Unknown types are in LaneOther.
func (t Type) Lane() Lane {
	switch t.Family() {
	case "contact", "contact_point", "registry", "policy":
		return LaneContact
	case "identity", "value", "model":
		return LaneIdentity
	case "interaction":
		return LaneInteraction
	case "customer":
		if t == CustomerRestrictedV1 || t == "customer.erased.v1" {
			return LaneContact
		}
		return LaneRecord
	}
	return LaneOther
}

// Family is the part of the name before the first dot.
func (t Type) Family() string { f, _, _ := strings.Cut(string(t), "."); return f }

// Happening is the part of the name between family and version.
func (t Type) Happening() string {
	_, rest, _ := strings.Cut(string(t), ".")
	if i := strings.LastIndexByte(rest, '.'); i >= 0 {
		return rest[:i]
	}
	return rest
}
