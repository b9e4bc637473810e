package insight

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ficha/events"
)

// Dimension is what figures can be told apart by.
type Dimension string

// The dimensions. Which ones a figure has is said at its query.
const (
	ByMonth     Dimension = "month" // in the period's zone, as day and hour
	ByDay       Dimension = "day"
	ByHour      Dimension = "hour"
	ByChannel   Dimension = "channel"
	ByDirection Dimension = "direction"
	BySource    Dimension = "source"
	ByOutcome   Dimension = "outcome"
	BySegment   Dimension = "segment"
	BySurvey    Dimension = "survey"
	ByScale     Dimension = "scale"
	ByKind      Dimension = "kind"
	ByStatus    Dimension = "status"
)

// MaxRows is the most rows that a query gives.
const MaxRows = 10_000

// What a query may be refused for. All are an events.ErrInvalid.
var (
	ErrTooManyRows = fmt.Errorf("more than %d rows: %w", MaxRows, events.ErrInvalid)
	ErrDimension   = fmt.Errorf("figures do not go by this, or not twice: %w", events.ErrInvalid)
)

// Labels say of what a row's figures are; only the dimensions asked for are set.
type Labels struct {
	Month     *string `json:"month,omitempty" example:"2026-03"`
	Day       *string `json:"day,omitempty" example:"2026-03-01"`
	Hour      *int    `json:"hour,omitempty" doc:"0 to 23"`
	Channel   *string `json:"channel,omitempty" example:"voice"`
	Direction *string `json:"direction,omitempty" example:"inbound"`
	Source    *string `json:"source,omitempty" example:"/pbx/bank"`
	Outcome   *string `json:"outcome,omitempty" doc:"Empty: none stated"`
	Segment   *string `json:"segment,omitempty" doc:"The customer's present one; empty: none, or nobody known"`
	Survey    *string `json:"survey,omitempty"`
	Scale     *string `json:"scale,omitempty" doc:"Empty: none stated" example:"1-5"`
	Kind      *string `json:"kind,omitempty" example:"complaint"`
	Status    *string `json:"status,omitempty" example:"open"`
}

func (l *Labels) set(d Dimension, v string) {
	switch d {
	case ByMonth:
		l.Month = &v
	case ByDay:
		l.Day = &v
	case ByHour:
		if n, err := strconv.Atoi(v); err == nil {
			l.Hour = &n
		}
	case ByChannel:
		l.Channel = &v
	case ByDirection:
		l.Direction = &v
	case BySource:
		l.Source = &v
	case ByOutcome:
		l.Outcome = &v
	case BySegment:
		l.Segment = &v
	case BySurvey:
		l.Survey = &v
	case ByScale:
		l.Scale = &v
	case ByKind:
		l.Kind = &v
	case ByStatus:
		l.Status = &v
	}
}

// checkBy gives ErrDimension for what figures do not have, or twice.
func checkBy(by, has []Dimension) error {
	for i, d := range by {
		if !slices.Contains(has, d) || slices.Contains(by[:i], d) {
			return ErrDimension
		}
	}
	return nil
}

// moment fills in the dimensions of time.
func moment(values map[Dimension]string, day Day, hour int, by []Dimension) {
	for _, d := range by {
		switch d {
		case ByMonth:
			values[d] = day.Month()
		case ByDay:
			values[d] = day.String()
		case ByHour:
			values[d] = fmt.Sprintf("%02d", hour)
		}
	}
}

// groups collects sums by dimensions.
type groups[T any] struct {
	by   []Dimension
	sums map[string]*T
}

func newGroups[T any](by []Dimension) *groups[T] {
	return &groups[T]{by: by, sums: map[string]*T{}}
}

// of gives the sum of a group (ErrTooManyRows where there are too many).
func (g *groups[T]) of(values map[Dimension]string) (*T, error) {
	var b strings.Builder
	for _, d := range g.by {
		b.WriteString(values[d])
		b.WriteByte(0)
	}
	sum, ok := g.sums[b.String()]
	if !ok {
		if len(g.sums) == MaxRows {
			return nil, ErrTooManyRows
		}
		sum = new(T)
		g.sums[b.String()] = sum
	}
	return sum, nil
}

// each yields the groups in order of their labels.
func (g *groups[T]) each(yield func(Labels, *T)) {
	for _, key := range slices.Sorted(maps.Keys(g.sums)) {
		var l Labels
		for i, v := range strings.Split(key, "\x00")[:len(g.by)] {
			l.set(g.by[i], v)
		}
		yield(l, g.sums[key])
	}
}

// passes says whether a filter lets a value through.
func passes(filter []string, v string) bool { return len(filter) == 0 || slices.Contains(filter, v) }
