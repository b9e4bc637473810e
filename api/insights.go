package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ficha/projections/holdings"
	"ficha/projections/insight"
)

// How far back figures go unless a period is asked for, in days.
const (
	contactDays = 30
	yearDays    = 365
)

// FiguresOf says what figures are about.
type FiguresOf struct {
	AsOf
	From string   `json:"from" example:"2026-03-01" doc:"First day"`
	To   string   `json:"to" example:"2026-04-01" doc:"The day after the last one"`
	Zone string   `json:"zone" example:"America/Guatemala" doc:"Where days and hours are counted"`
	By   []string `json:"by" doc:"What rows are told apart by, in this order"`
}

// ContactFigures counts contacts.
type ContactFigures struct {
	FiguresOf
	Rows   []insight.ContactRow `json:"rows"`
	Totals insight.ContactRow   `json:"totals"`
}

// SurveyFigures sums survey scores up.
type SurveyFigures struct {
	FiguresOf
	Kind   string              `json:"kind" example:"nps"`
	Rows   []insight.SurveyRow `json:"rows"`
	Totals insight.SurveyRow   `json:"totals"`
}

// CaseFigures sums cases up.
type CaseFigures struct {
	FiguresOf
	Rows    []insight.CaseRow `json:"rows"`
	Totals  insight.CaseRow   `json:"totals"`
	Backlog Backlog           `json:"backlog" doc:"All open cases, whenever they were opened"`
}

// Backlog counts open cases.
type Backlog struct {
	Open      int `json:"open"`
	Overdue   int `json:"overdue"`
	Escalated int `json:"escalated"`
}

// FiguresAsked is what all figures take as parameters.
type FiguresAsked struct {
	AtLeast
	From string `query:"from" maxLength:"10" example:"2026-03-01" doc:"First day"`
	To   string `query:"to" maxLength:"10" example:"2026-04-01" doc:"The day after the last one; default tomorrow"`
	Zone string `query:"zone" maxLength:"64" example:"America/Guatemala" doc:"IANA name of the zone in which days and hours are counted; its offset must be whole hours. Default UTC"`
}

type contactFiguresInput struct {
	FiguresAsked
	By        []string `query:"by" enum:"month,day,hour,channel,direction,source,outcome" doc:"What rows are told apart by, separated by commas. Default day"`
	Channel   []string `query:"channel" doc:"Only these, separated by commas: voice, email …"`
	Direction []string `query:"direction" enum:"inbound,outbound,internal" doc:"Only these"`
	Source    []string `query:"source" doc:"Only interactions of these systems"`
	Outcome   []string `query:"outcome" doc:"Only these"`
}

type surveyFiguresInput struct {
	FiguresAsked
	Kind    string   `query:"kind" enum:"nps,csat,ces,other" doc:"Default nps"`
	By      []string `query:"by" enum:"month,day,survey,segment,scale" doc:"What rows are told apart by, separated by commas. Default month"`
	Survey  []string `query:"survey" doc:"Only these, separated by commas"`
	Segment []string `query:"segment" doc:"Only customers who are in these now"`
}

type caseFiguresInput struct {
	FiguresAsked
	By      []string `query:"by" enum:"month,day,kind,status,channel,source" doc:"What rows are told apart by, separated by commas. Default month"`
	Kind    []string `query:"kind" doc:"Only these, separated by commas: complaint, question …"`
	Status  []string `query:"status" doc:"Only these"`
	Channel []string `query:"channel" doc:"Only these"`
	Source  []string `query:"source" doc:"Only cases of these systems"`
}

type contactFiguresOutput struct{ Body ContactFigures }

type surveyFiguresOutput struct{ Body SurveyFigures }

type caseFiguresOutput struct{ Body CaseFigures }

func (s *server) insightsRoutes() {
	register(s, route{
		id: opInsightContacts, method: http.MethodGet, path: "/v1/insights/contacts", tag: "insights",
		summary: "Contacts by day, hour, channel …",
		text: "How many interactions there were, by when they began. Each counts once, as its source states it now; withdrawn ones do not count, " +
			"those with nobody known do. Without `from`: the last 30 days.",
		problems: readProblems, response: exampleContactFigures(),
	}, s.contactFigures)
	register(s, route{
		id: opInsightNPS, method: http.MethodGet, path: "/v1/insights/nps", tag: "insights",
		summary: "NPS by month, segment …",
		text: "Survey scores by when they were given. NPS is (promoters − detractors) / scored × 100 on the scale 0 to 10; `kind=csat`, `ces` or `other` " +
			"gives sums and averages. The segment is the customer's present one. Without `from`: the last 365 days.",
		problems: readProblems, response: exampleSurveyFigures(),
	}, s.surveyFigures)
	register(s, route{
		id: opInsightCases, method: http.MethodGet, path: "/v1/insights/cases", tag: "insights",
		summary: "Cases: how many, how long",
		text: "Cases by when they were opened: volume, how many are open and overdue now, how many were escalated, and how long half and nine of ten took " +
			"to the first answer and to the end. Without `from`: the last 365 days.",
		problems: readProblems, response: exampleCaseFigures(),
	}, s.caseFigures)
}

// period reads which days are asked for; days is how far it goes back by default.
func (s *server) period(in FiguresAsked, days int) (p insight.Period, err error) {
	if p.Zone, err = zoneNamed(in.Zone); err != nil {
		return p, err
	}
	p.To = insight.DayOf(s.now().In(p.Zone)) + 1
	if in.To != "" {
		if p.To, err = insight.ParseDay(in.To); err != nil {
			return p, invalid("#query/to", "is no day", "write it as 2026-04-01")
		}
	}
	p.From = p.To - insight.Day(days)
	if in.From != "" {
		if p.From, err = insight.ParseDay(in.From); err != nil {
			return p, invalid("#query/from", "is no day", "write it as 2026-03-01")
		}
	}
	return p, nil
}

// zoneNamed gives a zone of the IANA database; UTC for none.
func zoneNamed(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // that is the hub's own, which says nothing to the caller
		return nil, invalid("#query/zone", "is no time zone that is known here", "write its IANA name, such as America/Guatemala")
	}
	return z, nil
}

// figuresOf says what figures are about.
func figuresOf(v *view, p insight.Period, by []insight.Dimension) FiguresOf {
	out := FiguresOf{AsOf: v.asOf, From: p.From.String(), To: p.To.String(), Zone: p.Zone.String(), By: []string{}}
	for _, d := range by {
		out.By = append(out.By, string(d))
	}
	return out
}

// dimensions reads the parameter by, or takes the usual.
func dimensions(by []string, usual insight.Dimension) []insight.Dimension {
	if len(by) == 0 {
		return []insight.Dimension{usual}
	}
	out := make([]insight.Dimension, len(by))
	for i, d := range by {
		out[i] = insight.Dimension(d)
	}
	return out
}

// figuresProblem says which parameter an error is about.
func figuresProblem(err error, what string) error {
	switch {
	case errors.Is(err, insight.ErrPeriod):
		return invalid("#query/from", "is not before to, or longer ago than figures go", fmt.Sprintf("ask for 1 to %d days", insight.MaxDays))
	case errors.Is(err, insight.ErrZone):
		return invalid("#query/zone", "has an offset that is not whole hours, and figures are kept by the hour", "ask for UTC, or a neighbouring zone")
	case errors.Is(err, insight.ErrTooManyRows):
		return invalid("#query/by", fmt.Sprintf("gives more than %d rows", insight.MaxRows), "ask for a shorter period, or tell less apart")
	case errors.Is(err, insight.ErrDimension):
		return invalid("#query/by", "names the same thing twice", "name each once")
	}
	return fmt.Errorf("read figures of %s: %w", what, err)
}

func (s *server) contactFigures(ctx context.Context, in *contactFiguresInput) (*contactFiguresOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	p, err := s.period(in.FiguresAsked, contactDays)
	if err != nil {
		return nil, err
	}
	q := insight.ContactQuery{
		Period: p, By: dimensions(in.By, insight.ByDay),
		Channels: in.Channel, Directions: in.Direction, Sources: in.Source, Outcomes: in.Outcome,
	}
	f, err := insight.Contacts(ctx, v, q)
	if err != nil {
		return nil, figuresProblem(err, "contacts")
	}
	return &contactFiguresOutput{Body: ContactFigures{FiguresOf: figuresOf(v, p, q.By), Rows: orEmpty(f.Rows), Totals: f.Total}}, nil
}

func (s *server) surveyFigures(ctx context.Context, in *surveyFiguresInput) (*surveyFiguresOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	p, err := s.period(in.FiguresAsked, yearDays)
	if err != nil {
		return nil, err
	}
	q := insight.SurveyQuery{Period: p, Kind: orElse(in.Kind, "nps"), By: dimensions(in.By, insight.ByMonth), Surveys: in.Survey, Segments: in.Segment}
	f, err := insight.Surveys(ctx, v, q)
	if err != nil {
		return nil, figuresProblem(err, "surveys")
	}
	return &surveyFiguresOutput{Body: SurveyFigures{FiguresOf: figuresOf(v, p, q.By), Kind: q.Kind, Rows: orEmpty(f.Rows), Totals: f.Total}}, nil
}

func (s *server) caseFigures(ctx context.Context, in *caseFiguresInput) (*caseFiguresOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	p, err := s.period(in.FiguresAsked, yearDays)
	if err != nil {
		return nil, err
	}
	now := s.now()
	q := insight.CaseQuery{
		Period: p, By: dimensions(in.By, insight.ByMonth),
		Kinds: in.Kind, Statuses: in.Status, Channels: in.Channel, Sources: in.Source, Now: now,
	}
	f, err := insight.Cases(ctx, v, q)
	if err != nil {
		return nil, figuresProblem(err, "cases")
	}
	backlog, err := holdings.Backlog(ctx, v, now)
	if err != nil {
		return nil, fmt.Errorf("count open cases: %w", err)
	}
	return &caseFiguresOutput{Body: CaseFigures{
		FiguresOf: figuresOf(v, p, q.By), Rows: orEmpty(f.Rows), Totals: f.Total,
		Backlog: Backlog{Open: backlog.Open, Overdue: backlog.Overdue, Escalated: backlog.Escalated},
	}}, nil
}

// orEmpty makes a list that is written as [] where there is none.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func exampleFigures(by ...string) FiguresOf {
	return FiguresOf{AsOf: AsOf{Position: 812, ResolvedPosition: 812}, From: "2026-03-01", To: "2026-04-01", Zone: "America/Guatemala", By: by}
}

func exampleContactFigures() ContactFigures {
	voice, nine := "voice", 9
	return ContactFigures{
		FiguresOf: exampleFigures("channel", "hour"),
		Rows:      []insight.ContactRow{{Labels: insight.Labels{Channel: &voice, Hour: &nine}, Contacts: 41}},
		Totals:    insight.ContactRow{Contacts: 41},
	}
}

func exampleSurveyFigures() SurveyFigures {
	month, segment, nps, sum, average := "2026-03", "premium", 35.0, 161.0, 8.05
	row := insight.SurveyRow{Responses: 21, Scored: 20, Promoters: 11, Passives: 5, Detractors: 4, NPS: &nps, ScoreSum: &sum, Average: &average}
	total := row
	row.Labels = insight.Labels{Month: &month, Segment: &segment}
	return SurveyFigures{FiguresOf: exampleFigures("month", "segment"), Kind: "nps", Rows: []insight.SurveyRow{row}, Totals: total}
}

func exampleCaseFigures() CaseFigures {
	kind, share := "complaint", 0.125
	half, most, soon, late := int64(1440), int64(4320), int64(35), int64(210)
	row := insight.CaseRow{
		Cases: 16, Open: 4, Overdue: 1, Escalated: 2, EscalatedShare: &share, Resolved: 12,
		ResolutionMinutes: insight.Spread{Count: 12, P50: &half, P90: &most}, FirstAnswerMinutes: insight.Spread{Count: 15, P50: &soon, P90: &late},
	}
	total := row
	row.Labels = insight.Labels{Kind: &kind}
	return CaseFigures{FiguresOf: exampleFigures("kind"), Rows: []insight.CaseRow{row}, Totals: total, Backlog: Backlog{Open: 9, Overdue: 2, Escalated: 1}}
}
