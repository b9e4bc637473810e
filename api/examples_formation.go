package api

import (
	"time"

	"ficha/api/explain"
	"ficha/events"
)

// exampleSteps tell how the invented customer came to have two records.
func exampleSteps() []explain.Step {
	core := events.RecordKey{Source: "/core/bank", Stream: events.DefaultStream, ID: "7"}
	crm := exampleRecord()
	at := time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)
	return []explain.Step{
		{Position: 41, At: at, Kind: explain.StepSeen, Record: &crm, Text: "/crm/bank 1 came in and was a customer of its own."},
		{
			Position: 57, At: at.Add(time.Hour), Kind: explain.StepJoined, Joined: [][]events.RecordKey{{core}, {crm}},
			Links: []explain.Link{exampleLink(crm, core)}, Model: "4c1f0a", Engine: "v1",
			Cause: &explain.Cause{Position: 56, Type: events.CustomerRecordedV1, Source: "/core/bank"},
			Text:  "/core/bank 7 and /crm/bank 1 became one customer.",
		},
	}
}

func exampleLink(a, b events.RecordKey) explain.Link {
	return explain.Link{A: a, B: b, Weight: 18300, Rule: "score", Levels: []string{"document=same"}, Text: "/crm/bank 1 and /core/bank 7: same document (18.3 bits)."}
}

func exampleFormation() FormationAnswer {
	steps := exampleSteps()
	return FormationAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812}, ID: exampleCustomer(),
		Records: exampleCustomerAnswer().Records, Steps: steps, Links: steps[1].Links,
	}
}

func exampleHistory() HistoryAnswer {
	steps := exampleSteps()
	return HistoryAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Data: []HistoryEntry{
			{Position: 57, At: steps[1].At, Kind: string(steps[1].Kind), Step: &steps[1]},
			{Position: 41, At: steps[0].At, Kind: "stated", Statement: &HistoryStatement{
				Record: exampleRecord(), Type: events.CustomerRecordedV1, Source: "/crm/bank", ID: "crm-1-7",
				Time: steps[0].At, Attributes: []string{"birth_date", "names", "phones"},
			}},
		},
	}
}

func exampleRecords() RecordsAnswer {
	at := time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)
	return RecordsAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Data: []RecordDetail{{
			CustomerRecord: exampleCustomerAnswer().Records[0], Statements: 1, StatedAt: &at,
			Data: &events.CustomerRecorded{
				Record: events.Record{RecordKey: exampleRecord()}, Kind: events.Person,
				Names: []events.Name{{Given: "María José", Family: "Núñez", Family2: "García"}}, Phones: []events.Phone{{Value: "+502 5512 3456"}},
			},
		}},
	}
}
