package api

import (
	"encoding/json"

	"ficha/events"
)

// recordsOf gives the customers' records that an event names. Identity events
// name records by uuid alone and are about many; they give none.
func recordsOf(d events.Decoded) []events.RecordKey {
	switch p := d.Payload.(type) {
	case *json.RawMessage: // customer.recorded
		var named struct {
			Record events.RecordKey `json:"record"`
		}
		if json.Unmarshal(*p, &named) != nil {
			return nil // the fold says so in a dead letter
		}
		return []events.RecordKey{named.Record}
	case *events.CustomerWithdrawn:
		return []events.RecordKey{p.Record.RecordKey}
	case *events.CustomerRestricted:
		return []events.RecordKey{p.Record.RecordKey}
	case *events.CustomerMergedAtSource:
		return append([]events.RecordKey{p.Survivor}, p.Losers...)
	case *events.InteractionRecorded:
		return keyOrNone(p.Customer)
	case *events.InteractionAssigned:
		return keyOrNone(p.Customer)
	case *events.ContactStated:
		return p.Records
	}
	return nil
}

func keyOrNone(k *events.RecordKey) []events.RecordKey {
	if k == nil {
		return nil
	}
	return []events.RecordKey{*k}
}
