package api

import (
	"time"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/events"
	"ficha/projections/review"
)

func exampleOther() uuid.UUID { return events.RecordKey{Source: "/crm/bank", ID: "2"}.UUID() }

func exampleReviewID() uuid.UUID { return review.PairID(exampleCustomer(), exampleOther()) }

func exampleReviewRecord(id string) ReviewRecord {
	key := events.RecordKey{Source: "/crm/bank", ID: id}.Normal()
	customer := key.UUID()
	return ReviewRecord{Source: key.Source, Stream: key.Stream, ID: key.ID, RecordUUID: key.UUID(), Customer: &customer}
}

func exampleReview() ReviewAnswer {
	opened := time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)
	due := opened.Add(7 * 24 * time.Hour)
	weight := int64(4200)
	p := steward.Probability(weight)
	return ReviewAnswer{
		ID: exampleReviewID(), State: review.StateOpen, Kind: review.KindPair,
		Records:     []ReviewRecord{exampleReviewRecord("1"), exampleReviewRecord("2")},
		Customers:   []ReviewCustomer{{ID: exampleCustomer(), DisplayName: "María José Núñez García"}, {ID: exampleOther(), DisplayName: "Maria Nuñez"}},
		Probability: &p, Weight: &weight, Pattern: "name=same phone=same", OpenedAt: &opened, DueAt: &due,
		Reasons: []ReviewReason{{
			Reason: review.Reason{Code: review.CodeReviewBand, A: exampleCustomer(), B: exampleOther(), Weight: weight, Levels: []string{"name=same", "phone=same"}, Since: opened},
			Text:   "The evidence is too strong to ignore and too weak to join them.",
		}},
		Version: 812, ETag: `"812-0"`,
	}
}

func exampleReviews() ReviewsAnswer {
	return ReviewsAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812}, Data: []ReviewAnswer{exampleReview()},
		Counts: review.Counts{review.KindPair: {review.StateOpen: 1}},
	}
}

func exampleDecided() DecideAnswer {
	return DecideAnswer{
		DeskAnswer: DeskAnswer{Status: events.StatusAppended, Position: 813}, Review: exampleReviewID(), Resolved: true,
		Verdicts: []events.EventID{{Source: steward.Source, ID: review.DecisionEventID(exampleReviewID(), 812, 0)}},
	}
}

func exampleActed() ActAnswer {
	return ActAnswer{
		DeskAnswer: DeskAnswer{Status: events.StatusAppended, Position: 813}, Resolved: true,
		Review:     review.VerdictID(events.EventID{Source: steward.Source, ID: "merge.key-1"}),
		Redirected: []steward.Redirect{{From: exampleOther(), To: exampleCustomer()}},
	}
}
