package api

import (
	"encoding/json"
	"time"

	"ficha/events"
)

// The people of the tests, all invented.

func crm(id string) events.RecordKey {
	return events.RecordKey{Source: "/crm/bank", Stream: "customer", ID: id}
}

// maria is a customer with a phone, an e-mail address, a document and a birth date.
func maria(id string) events.Envelope {
	vip := true
	return event("maria-"+id, events.CustomerRecordedV1, start.Add(-time.Hour), events.CustomerRecorded{
		Record: events.Record{RecordKey: crm(id)}, Kind: events.Person, Lifecycle: "customer", Language: "es", Tier: "gold", VIP: &vip,
		Names:     []events.Name{{Given: "María José", Family: "Núñez", Family2: "García"}},
		BirthDate: "1980-02-11",
		Phones:    []events.Phone{{Value: "+502 5512 3456"}},
		Emails:    []events.Email{{Value: "mj@example.com"}},
		Documents: []events.Document{{Kind: "passport", Number: "AB1234567", Country: "GT"}},
	})
}

// jose shares María's telephone.
func jose(id string) events.Envelope {
	return event("jose-"+id, events.CustomerRecordedV1, start.Add(-time.Hour), events.CustomerRecorded{
		Record: events.Record{RecordKey: crm(id)}, Kind: events.Person, Lifecycle: "prospect",
		Names:  []events.Name{{Given: "José", Family: "Pérez"}},
		Phones: []events.Phone{{Value: "55123456", Region: "GT"}},
	})
}

// rang is a telephone conversation of a record.
func rang(id string, of events.RecordKey, at time.Time, direction, agent string) events.Envelope {
	return event("call-"+id, events.InteractionRecordedV1, at, events.InteractionRecorded{
		Record:   events.Record{RecordKey: events.RecordKey{Source: "/crm/bank", Stream: "call", ID: id}},
		Customer: &of, Channel: "voice", Direction: direction, StartedAt: at.Format(time.RFC3339), Agent: &events.Agent{ID: agent},
	})
}

// joined is the decision that records are one customer.
func joined(cause events.Position, keys ...events.RecordKey) events.Envelope {
	var group events.IdentityGroup
	for _, k := range keys {
		group = append(group, events.GroupMember{Record: k.UUID(), Position: cause})
	}
	sortGroup(group)
	e := event("joined-"+keys[0].ID, events.IdentityResolvedV1, start, events.IdentityResolved{
		Cause: cause, Model: "m", Engine: "e", Groups: []events.IdentityGroup{group},
		Links: []events.IdentityLink{{A: group[0].Record, B: group[1].Record, Weight: 9000, Rule: "score"}},
	})
	e.Source = events.HubSource + "/resolver"
	return e
}

func sortGroup(g events.IdentityGroup) {
	for i := range g {
		for j := i + 1; j < len(g); j++ {
			if g[j].Record.String() < g[i].Record.String() {
				g[i], g[j] = g[j], g[i]
			}
		}
	}
}

// raw decodes an answer into plain maps, to see what is really sent.
func raw(b []byte) map[string]any {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return nil
	}
	return m
}
