package api

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/timeline"
)

// The examples of the OpenAPI document about one invented customer.

func exampleRecord() events.RecordKey {
	return events.RecordKey{Source: "/crm/bank", Stream: events.DefaultStream, ID: "1"}
}

func exampleValue[T any](v T) golden.Value[T] {
	return golden.Value[T]{Value: v, Record: exampleRecord(), Rule: golden.RuleOnly, Also: []golden.Source[T]{}}
}

func exampleCustomerAnswer() CustomerAnswer {
	born := exampleValue("1980-02-11")
	return CustomerAnswer{
		Customer: golden.Customer{
			ID: exampleCustomer(), Live: true, Kind: events.Person, DisplayName: "María José Núñez García",
			Names:     []golden.Value[events.Name]{exampleValue(events.Name{Given: "María José", Family: "Núñez", Family2: "García"})},
			BirthDate: &born,
			Documents: []golden.Value[events.Document]{exampleValue(events.Document{Kind: "dpi", Number: "2365487100101", Country: "GT"})},
			Phones:    []golden.Phone{{Value: exampleValue("+50255123456")}},
			Emails:    []golden.Email{{Value: exampleValue("mj@example.com")}},
			Addresses: []golden.Value[events.Address]{}, Handles: []golden.Value[events.Handle]{}, Tags: []golden.Value[string]{},
			Relations: []golden.Value[events.Relation]{}, Records: []golden.Member{}, Version: 3,
		},
		Records:          []CustomerRecord{{Source: "/crm/bank", Stream: events.DefaultStream, ID: "1", RecordUUID: exampleCustomer(), Live: true, FirstSeen: 41}},
		PotentialMatches: []PotentialMatch{}, OpenCases: exampleOpenCases(),
		Contact: &contact.Summary{
			Channels: []contact.ChannelSummary{{Channel: "voice", Decision: contact.DecisionAllow, Reasons: []contact.Code{}}},
			Blocked:  []contact.Reason{},
		},
		ChangedPosition: 41, Position: 812, ResolvedPosition: 812,
	}
}

func exampleTimeline() TimelineAnswer {
	interaction := events.RecordKey{Source: "/pbx/bank", Stream: "call", ID: "c-17"}
	at := time.Date(2026, 3, 1, 16, 40, 0, 0, time.UTC)
	customer := exampleRecord()
	data, err := json.Marshal(events.InteractionRecorded{
		Record: events.Record{RecordKey: interaction}, Customer: &customer, Channel: "voice", Direction: "inbound",
		StartedAt: at.Format(time.RFC3339), Agent: &events.Agent{ID: "a17"},
	})
	if err != nil {
		data = nil // the struct has no field that cannot be written
	}
	return TimelineAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Data: []timeline.Entry{{
			ID: interaction.UUID(), At: at, Source: "/pbx/bank", Event: "call-17", Channel: "voice", Direction: "inbound", Data: data,
		}},
	}
}

func exampleStatements() StatementsAnswer {
	at := time.Date(2026, 3, 2, 9, 20, 0, 0, time.UTC)
	return StatementsAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Data: []contact.StatementView{{
			ID: events.StatementID("/crm/bank", "crm-1-8"), Choice: events.Deny, Status: contact.StatusInForce,
			Scope:    events.Scope{Purposes: []string{"marketing"}, Products: []string{"extra-financing"}},
			StatedAt: at, RecordedAt: at, Records: []events.RecordKey{exampleRecord()},
			ContactPoints: []contact.PointView{{Kind: contactpoint.KindPhone, Value: "+50255123456"}},
			Via:           events.Via{Channel: "voice", Agent: "a17"}, Reason: "not interested", Position: 42,
		}},
	}
}

func exampleCustomer() uuid.UUID { return exampleRecord().UUID() }
