// Package insight folds counts for campaign owners and operators: contacts by
// hour and channel, survey scores by segment, cases and how long they took.
//
//	interaction.*    ─▶ insight_counted (what each was counted as) ─▶ insight_contacts   per day and kind of contact
//	survey.answered  ─▶ insight_counted                            ─▶ insight_surveys    per day, survey and segment
//	golden's segment ─▶ insight_respondents (who answered what)    ─┘
//	case.changed     ─▶ insight_counted                            ─▶ insight_cases      one short row per case, by opening
//
// Invariants:
//
//   - Every interaction, answer and case counts once, as its newest statement by
//     stamp says: an edit, a withdrawal or another customer takes the old count back.
//     So the figures are a function of the statements and groups, never of arrival.
//   - Counts are integers; scores are in thousandths. Nothing drifts.
//   - What is counted is kept by hour of UTC, so that any zone whose offset is whole
//     hours is exact ([ReadCalendar] refuses others).
//   - No figure names a person.
//
// Definitions:
//
//   - A contact is an interaction that is stated and not withdrawn, of a customer or
//     of nobody known, at its started_at. Source is that of the interaction's record.
//   - An answer is a survey.answered at its answered_at. A score counts where it is on
//     its scale (without one: 0 to 10 for nps, anything for others); other answers
//     are unscored. Nps is counted on the scale 0 to 10 alone: 9 and more promotes,
//     less than 7 detracts, and NPS = (promoters − detractors) / scored × 100.
//   - The segment of an answer is the present one of the customer to whom the record
//     belongs that the answer names; "" where there is none.
//   - A case counts where it was opened: opened_at, else the earliest time of any
//     statement about it. It is resolved in status resolved or closed, and took until
//     resolved_at, else closed_at; it was answered at first_response_at. Minutes are
//     whole ones, rounded down; a time before the opening is none. It is open in
//     any other status but cancelled unless expires_at has passed, and overdue while
//     it is open and due_at has passed.
//   - A percentile p of n values is the ⌈p·n⌉-th smallest (nearest rank): exact.
//
// The fold comes after golden in its runner: a statement that changes a segment, or
// a decision that moves records, is in golden's rows when it looks.
//
// Rows. A day is 4 bytes, days since 1970-01-01 plus 2³¹; tallies are (hour, numbers)
// for the hours of the day that have any.
//
//	insight_counted     'i', own record      → flags, stamps of statement and withdrawal, what it is counted as
//	                    's', own record      → stamp, customer record, what it is counted as
//	                    'c', own record      → stamp, earliest time, seconds of its key in insight_cases
//	insight_contacts    day, channel 0x00 direction 0x00 source 0x00 outcome → (hour, contacts) …
//	insight_surveys     day, kind 0x00 survey 0x00 scale 0x00 segment → (hour, answers, scored, promoters, detractors, sum) …
//	insight_respondents customer record      → segment counted under, own records of its answers
//	insight_cases       seconds, own record  → flags, kind, status, channel, source, minutes, due_at, expires_at
package insight
