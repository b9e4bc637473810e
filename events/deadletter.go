package events

// DeadLetterSettled is the data of deadletter.retried.v1 and .discarded.v1: what a
// person decided about an event that could not be taken or folded.
type DeadLetterSettled struct {
	Letter string `json:"letter"` // the id that the hub gave the dead letter
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}
