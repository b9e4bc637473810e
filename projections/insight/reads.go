package insight

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ficha/projections"
)

// ContactQuery asks for contacts. By takes month, day, hour, channel, direction,
// source and outcome; filters that are empty let everything through.
type ContactQuery struct {
	Period
	By                                      []Dimension
	Channels, Directions, Sources, Outcomes []string
}

// ContactRow counts contacts.
type ContactRow struct {
	Labels
	Contacts int64 `json:"contacts"`
}

// ContactFigures are the answer to a ContactQuery, rows in order of their labels.
type ContactFigures struct {
	Rows  []ContactRow
	Total ContactRow
}

// Contacts counts contacts. ErrPeriod, ErrZone, ErrDimension, ErrTooManyRows.
func Contacts(ctx context.Context, r projections.Reader, q ContactQuery) (ContactFigures, error) {
	var f ContactFigures
	cal, err := ReadCalendar(q.Period)
	if err != nil {
		return f, err
	}
	if err := checkBy(q.By, []Dimension{ByMonth, ByDay, ByHour, ByChannel, ByDirection, BySource, ByOutcome}); err != nil {
		return f, err
	}
	g := newGroups[int64](q.By)
	values := map[Dimension]string{}
	err = eachTally(ctx, r, contacts, cal, 1, func(kind []byte, at tallyAt) error {
		p, ok := parts(kind, 4)
		if !ok {
			return damaged(contacts)
		}
		if !passes(q.Channels, p[0]) || !passes(q.Directions, p[1]) || !passes(q.Sources, p[2]) || !passes(q.Outcomes, p[3]) {
			return nil
		}
		values[ByChannel], values[ByDirection], values[BySource], values[ByOutcome] = p[0], p[1], p[2], p[3]
		moment(values, at.day, at.hour, q.By)
		sum, err := g.of(values)
		if err != nil {
			return err
		}
		*sum += at.n[0]
		f.Total.Contacts += at.n[0]
		return nil
	})
	g.each(func(l Labels, n *int64) { f.Rows = append(f.Rows, ContactRow{Labels: l, Contacts: *n}) })
	return f, err
}

// tallyAt is what was counted in an hour of the period.
type tallyAt struct {
	day  Day
	hour int
	n    [maxWidth]int64
}

// eachTally yields the tallies of a period with the rest of their row's key.
func eachTally(ctx context.Context, r projections.Reader, table projections.Table, cal *Calendar, width int, yield func(kind []byte, at tallyAt) error) error {
	first, end := cal.days()
	for row, err := range r.Scan(ctx, table, projections.Range{From: appendDay(nil, first), To: appendDay(nil, end)}) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", table, err)
		}
		t := tallies{width: width}
		if len(row.Key) < 4 || !t.decode(row.Value) {
			return damaged(table)
		}
		utc := int64(dayAt(row.Key)) * 24
		for i := range t.rows {
			day, hour, in := cal.at(utc + int64(t.rows[i].hour))
			if !in {
				continue
			}
			if err := yield(row.Key[4:], tallyAt{day, hour, t.rows[i].n}); err != nil {
				return err
			}
		}
	}
	return nil
}

// SurveyQuery asks for survey scores of one kind (nps, csat, ces, other). By takes
// month, day, survey, segment and scale; filters that are empty let everything
// through.
type SurveyQuery struct {
	Period
	Kind              string
	By                []Dimension
	Surveys, Segments []string
}

// SurveyRow sums up answers. Promoters, passives, detractors and NPS are of kind
// nps; ScoreSum and Average are there where all scores are on one scale. What
// nothing was scored for is nil.
type SurveyRow struct {
	Labels
	Responses  int64    `json:"responses" doc:"Answers, scored or not"`
	Scored     int64    `json:"scored" doc:"Of them, with a score on its scale"`
	Promoters  int64    `json:"promoters" doc:"nps: 9 and 10"`
	Passives   int64    `json:"passives" doc:"nps: 7 and 8"`
	Detractors int64    `json:"detractors" doc:"nps: 0 to 6"`
	NPS        *float64 `json:"nps" doc:"(promoters − detractors) / scored × 100, to one decimal; null: nothing scored, or another kind"`
	ScoreSum   *float64 `json:"score_sum" doc:"Sum of the scores; null: nothing scored, or scales mixed"`
	Average    *float64 `json:"average" doc:"score_sum / scored, to three decimals"`
}

// SurveyFigures are the answer to a SurveyQuery, rows in order of their labels.
type SurveyFigures struct {
	Rows  []SurveyRow
	Total SurveyRow
}

// scores sums tallies of surveys up.
type scores struct {
	n      [maxWidth]int64
	scale  string
	seen   bool
	scales bool // more than one
}

func (s *scores) add(n [maxWidth]int64, scale string) {
	for i := range n {
		s.n[i] += n[i]
	}
	if n[numScored] == 0 {
		return
	}
	s.scales = s.scales || s.seen && s.scale != scale
	s.scale, s.seen = scale, true
}

func (s *scores) row(l Labels, kind string) SurveyRow {
	r := SurveyRow{Labels: l, Responses: s.n[numAnswers], Scored: s.n[numScored]}
	if kind == "nps" {
		r.Promoters, r.Detractors = s.n[numPromoters], s.n[numDetractors]
		r.Passives = r.Scored - r.Promoters - r.Detractors
		r.NPS = ratio((r.Promoters-r.Detractors)*100, r.Scored, 10)
	}
	if !s.scales && r.Scored > 0 {
		sum := float64(s.n[numSum]) / 1000
		r.ScoreSum = &sum
		average := math.Round(float64(s.n[numSum])/float64(r.Scored)) / 1000
		r.Average = &average
	}
	return r
}

// ratio gives a / b rounded to 1/precision; nil where b is zero.
func ratio(a, b int64, precision float64) *float64 {
	if b == 0 {
		return nil
	}
	x := math.Round(float64(a)*precision/float64(b)) / precision
	return &x
}

// Surveys sums survey scores up. Errors are those of Contacts.
func Surveys(ctx context.Context, r projections.Reader, q SurveyQuery) (SurveyFigures, error) {
	var f SurveyFigures
	cal, err := ReadCalendar(q.Period)
	if err != nil {
		return f, err
	}
	if err := checkBy(q.By, []Dimension{ByMonth, ByDay, BySurvey, BySegment, ByScale}); err != nil {
		return f, err
	}
	g := newGroups[scores](q.By)
	var total scores
	values := map[Dimension]string{}
	err = eachTally(ctx, r, surveys, cal, maxWidth, func(kind []byte, at tallyAt) error {
		p, ok := parts(kind, 4)
		if !ok {
			return damaged(surveys)
		}
		if p[0] != q.Kind || !passes(q.Surveys, p[1]) || !passes(q.Segments, p[3]) {
			return nil
		}
		values[BySurvey], values[ByScale], values[BySegment] = p[1], p[2], p[3]
		moment(values, at.day, at.hour, q.By)
		sum, err := g.of(values)
		if err != nil {
			return err
		}
		sum.add(at.n, p[2])
		total.add(at.n, p[2])
		return nil
	})
	g.each(func(l Labels, s *scores) { f.Rows = append(f.Rows, s.row(l, q.Kind)) })
	f.Total = total.row(Labels{}, q.Kind)
	return f, err
}

// CaseQuery asks for cases by when they were opened. By takes month, day, kind,
// status, channel and source; filters that are empty let everything through.
type CaseQuery struct {
	Period
	By                                 []Dimension
	Kinds, Statuses, Channels, Sources []string
	Now                                time.Time // what open and overdue are judged by
}

// CaseRow sums up cases.
type CaseRow struct {
	Labels
	Cases              int64    `json:"cases"`
	Open               int64    `json:"open" doc:"Of them, open now"`
	Overdue            int64    `json:"overdue" doc:"Of those, past due_at"`
	Escalated          int64    `json:"escalated"`
	EscalatedShare     *float64 `json:"escalated_share" doc:"escalated / cases, to four decimals"`
	Resolved           int64    `json:"resolved" doc:"In status resolved or closed"`
	ResolutionMinutes  Spread   `json:"resolution_minutes" doc:"From opening to resolution"`
	FirstAnswerMinutes Spread   `json:"first_answer_minutes" doc:"From opening to the first answer"`
}

// Spread says how long things took, in whole minutes; nil where nothing is known.
type Spread struct {
	Count int64  `json:"count" doc:"Of how many it is known"`
	P50   *int64 `json:"p50" doc:"Half took no longer"`
	P90   *int64 `json:"p90" doc:"Nine of ten took no longer"`
}

// CaseFigures are the answer to a CaseQuery, rows in order of their labels.
type CaseFigures struct {
	Rows  []CaseRow
	Total CaseRow
}

// caseSums sums cases up, keeping every duration.
type caseSums struct {
	CaseRow
	took, answered []int64
}

func (s *caseSums) add(c *caseRow, opened, now int64) {
	s.Cases++
	s.Open += yes(c.open(now))
	s.Overdue += yes(c.overdue(now))
	s.Escalated += yes(c.escalated)
	s.Resolved += yes(c.status == "resolved" || c.status == "closed")
	if m, ok := c.took(opened); ok {
		s.took = append(s.took, m)
	}
	if m, ok := minutes(opened, c.answered); ok {
		s.answered = append(s.answered, m)
	}
}

func (s *caseSums) row(l Labels) CaseRow {
	r := s.CaseRow
	r.Labels = l
	r.EscalatedShare = ratio(r.Escalated, r.Cases, 10_000)
	r.ResolutionMinutes, r.FirstAnswerMinutes = spreadOf(s.took), spreadOf(s.answered)
	return r
}

func spreadOf(values []int64) Spread {
	s := Spread{Count: int64(len(values))}
	if len(values) == 0 {
		return s
	}
	slices.Sort(values)
	p50, p90 := values[rank(len(values), 50)], values[rank(len(values), 90)]
	s.P50, s.P90 = &p50, &p90
	return s
}

// rank is the index of a percentile among n sorted values, by the nearest rank.
func rank(n, percent int) int { return (n*percent+99)/100 - 1 }

// Cases sums cases up. Errors are those of Contacts.
func Cases(ctx context.Context, r projections.Reader, q CaseQuery) (CaseFigures, error) {
	var f CaseFigures
	cal, err := ReadCalendar(q.Period)
	if err != nil {
		return f, err
	}
	if err := checkBy(q.By, []Dimension{ByMonth, ByDay, ByKind, ByStatus, ByChannel, BySource}); err != nil {
		return f, err
	}
	g := newGroups[caseSums](q.By)
	var total caseSums
	values := map[Dimension]string{}
	err = eachCase(ctx, r, cal, func(c *caseRow, opened int64, day Day) error {
		if !passes(q.Kinds, c.kind) || !passes(q.Statuses, c.status) || !passes(q.Channels, c.channel) || !passes(q.Sources, c.source) {
			return nil
		}
		values[ByKind], values[ByStatus], values[ByChannel], values[BySource] = c.kind, c.status, c.channel, c.source
		moment(values, day, 0, q.By)
		sum, err := g.of(values)
		if err != nil {
			return err
		}
		sum.add(c, opened, q.Now.Unix())
		total.add(c, opened, q.Now.Unix())
		return nil
	})
	g.each(func(l Labels, s *caseSums) { f.Rows = append(f.Rows, s.row(l)) })
	f.Total = total.row(Labels{})
	return f, err
}

// eachCase yields the cases that were opened in a period, with the day.
func eachCase(ctx context.Context, r projections.Reader, cal *Calendar, yield func(c *caseRow, opened int64, day Day) error) error {
	first, end := cal.days()
	rg := projections.Range{From: openedKey(int64(first) * 86400), To: openedKey(int64(end) * 86400)}
	for row, err := range r.Scan(ctx, cases, rg) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", cases, err)
		}
		c, ok := decodeCase(row.Value)
		if !ok || len(row.Key) != 24 {
			return damaged(cases)
		}
		opened := openedAt(row.Key)
		day, _, in := cal.at(floorDiv(opened, 3600))
		if !in {
			continue
		}
		if err := yield(&c, opened, day); err != nil {
			return err
		}
	}
	return nil
}
