package api

import (
	"github.com/google/uuid"

	"ficha/api/explain"
	"ficha/events"
	"ficha/matching"
	"ficha/matching/resolver"
)

func exampleMatchRequest() MatchRequest {
	return MatchRequest{Record: RecordedData(`{"kind":"person","names":[{"full":"Maria Jose Nuñez"}],"phones":[{"value":"+502 5512 3456"}]}`)}
}

func exampleEvidence() []explain.Evidence {
	return []explain.Evidence{
		{Comparison: "prior", Level: "two records taken at random", Weight: -15000, Text: "Before any comparison: two records taken at random (-15.0 bits)"},
		{Comparison: "name", Level: "same, one left out", Weight: 17300, Text: "Name: the same, one name left out (17.3 bits)"},
		{Comparison: "phone", Level: "same", Weight: 17484, Text: "Telephone: a number in common (17.5 bits)"},
		{Comparison: "household", Level: "explained by one household", Weight: -12400, Text: "Household: people of one household would agree as much (-12.4 bits)"},
	}
}

func exampleMatchAnswer() MatchAnswer {
	record := exampleRecord()
	return MatchAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812}, Joins: []uuid.UUID{exampleCustomer()},
		Candidates: []MatchCandidate{{
			CustomerID: exampleCustomer(), Record: &record, DisplayName: "María José Núñez García", Joins: true,
			Probability: 0.9942, Weight: 7384, Band: matching.BandMatch, Evidence: exampleEvidence(),
		}},
	}
}

func examplePairRecord() PairRecord {
	k := events.RecordKey{Source: "/shop", Stream: events.DefaultStream, ID: "77"}
	return PairRecord{CustomerID: exampleCustomer(), RecordUUID: k.UUID(), Record: k}
}

func examplePairAnswer() PairAnswer {
	a := PairRecord{CustomerID: exampleCustomer(), RecordUUID: exampleCustomer(), Record: exampleRecord()}
	b := examplePairRecord()
	link := explain.Link{A: a.Record, B: b.Record, Weight: 7384, Rule: matching.RuleScore, Text: "/crm/bank 1 – /shop 77 (by evidence, 7.4 bits)"}
	cause := explain.PairCause{Code: resolver.CauseOneCustomer, Decides: true, Links: []explain.Link{link}, Text: "They are one customer: " + link.Text + "."}
	return PairAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812}, A: a, B: b, Together: true,
		Weight: 7384, Probability: 0.9942, Band: matching.BandMatch, Evidence: exampleEvidence(), Causes: []explain.PairCause{cause},
		Text: []string{"/crm/bank 1 and /shop 77", cause.Text},
	}
}
