package oracletest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"ficha/events"
)

// Contacts counts the interactions of a log of valid events that were not
// withdrawn, by "day hour channel direction source outcome" in a zone.
func Contacts(evs []events.Envelope, zone *time.Location) (map[string]int64, error) {
	out := map[string]int64{}
	err := eachNewest(evs, []events.Type{events.InteractionRecordedV1, events.InteractionWithdrawnV1}, func(e events.Envelope, _ time.Time) error {
		if e.Type == events.InteractionWithdrawnV1 {
			return nil
		}
		var x struct {
			Record                              events.RecordKey
			Channel, Direction, Outcome, Source string
			StartedAt                           time.Time `json:"started_at"`
		}
		if err := json.Unmarshal(e.Data, &x); err != nil {
			return err
		}
		out[fmt.Sprintf("%s %s %s %s %s", x.StartedAt.In(zone).Format("2006-01-02 15"), x.Channel, x.Direction, x.Record.Source, x.Outcome)]++
		return nil
	})
	return out, err
}

// Answers is what a recount of survey answers finds.
type Answers struct {
	Responses, Scored, Promoters, Passives, Detractors int64
	Sum                                                big.Rat // of the scores
}

// Surveys sums the answers of a log up, by "month kind survey scale segment" in a zone.
// segment says which one a customer record has now.
func Surveys(evs []events.Envelope, zone *time.Location, segment func(events.RecordKey) (string, error)) (map[string]*Answers, error) {
	out := map[string]*Answers{}
	err := eachNewest(evs, []events.Type{events.SurveyAnsweredV1}, func(e events.Envelope, _ time.Time) error {
		var x struct {
			Customer     *events.RecordKey
			Survey, Kind string
			AnsweredAt   time.Time `json:"answered_at"`
			Score        *json.Number
			Scale        *struct{ Min, Max json.Number }
		}
		if err := json.Unmarshal(e.Data, &x); err != nil {
			return err
		}
		of := ""
		if x.Customer != nil {
			var err error
			if of, err = segment(*x.Customer); err != nil {
				return err
			}
		}
		if x.Kind == "" {
			x.Kind = "other"
		}
		scale := ""
		if x.Kind == "nps" {
			scale = "0-10"
		}
		if x.Scale != nil {
			scale = x.Scale.Min.String() + "-" + x.Scale.Max.String()
		}
		key := fmt.Sprintf("%s %s %s %s %s", x.AnsweredAt.In(zone).Format("2006-01"), x.Kind, x.Survey, scale, of)
		if out[key] == nil {
			out[key] = &Answers{}
		}
		out[key].add(x.Kind, scale, x.Score)
		return nil
	})
	return out, err
}

func (a *Answers) add(kind, scale string, said *json.Number) {
	a.Responses++
	if said == nil || kind == "nps" && scale != "0-10" {
		return
	}
	score, ok := new(big.Rat).SetString(said.String())
	if !ok {
		return
	}
	if lo, hi, bounded := strings.Cut(scale, "-"); bounded {
		least, _ := new(big.Rat).SetString(lo)
		most, _ := new(big.Rat).SetString(hi)
		if score.Cmp(least) < 0 || score.Cmp(most) > 0 {
			return
		}
	}
	a.Scored++
	a.Sum.Add(&a.Sum, score)
	if kind != "nps" {
		return
	}
	switch {
	case score.Cmp(big.NewRat(9, 1)) >= 0:
		a.Promoters++
	case score.Cmp(big.NewRat(7, 1)) >= 0:
		a.Passives++
	default:
		a.Detractors++
	}
}

// Handled is what a recount of cases finds. Took and Answered are minutes, sorted.
type Handled struct {
	Cases, Open, Overdue, Escalated, Resolved int64
	Took, Answered                            []int64
}

// Cases sums the cases of a log up, by "month kind status source" in a zone.
func Cases(evs []events.Envelope, zone *time.Location, now time.Time) (map[string]*Handled, error) {
	out := map[string]*Handled{}
	err := eachNewest(evs, []events.Type{events.CaseChangedV1}, func(e events.Envelope, first time.Time) error {
		var x struct {
			Record          events.RecordKey
			Kind, Status    string
			Escalated       bool
			OpenedAt        *time.Time `json:"opened_at"`
			FirstResponseAt *time.Time `json:"first_response_at"`
			ResolvedAt      *time.Time `json:"resolved_at"`
			ClosedAt        *time.Time `json:"closed_at"`
			DueAt           *time.Time `json:"due_at"`
			ExpiresAt       *time.Time `json:"expires_at"`
		}
		if err := json.Unmarshal(e.Data, &x); err != nil {
			return err
		}
		opened := first
		if x.OpenedAt != nil {
			opened = *x.OpenedAt
		}
		key := fmt.Sprintf("%s %s %s %s", opened.In(zone).Format("2006-01"), x.Kind, x.Status, x.Record.Source)
		if out[key] == nil {
			out[key] = &Handled{}
		}
		h := out[key]
		h.Cases++
		if x.Escalated {
			h.Escalated++
		}
		ended := x.Status == "resolved" || x.Status == "closed"
		if ended {
			h.Resolved++
		}
		if !ended && x.Status != "cancelled" && (x.ExpiresAt == nil || x.ExpiresAt.After(now)) {
			h.Open++
			if x.DueAt != nil && x.DueAt.Before(now) {
				h.Overdue++
			}
		}
		until := x.ResolvedAt
		if until == nil {
			until = x.ClosedAt
		}
		if ended && until != nil && !until.Before(opened) {
			h.Took = append(h.Took, int64(until.Sub(opened)/time.Minute))
		}
		if x.FirstResponseAt != nil && !x.FirstResponseAt.Before(opened) {
			h.Answered = append(h.Answered, int64(x.FirstResponseAt.Sub(opened)/time.Minute))
		}
		return nil
	})
	for _, h := range out {
		slices.Sort(h.Took)
		slices.Sort(h.Answered)
	}
	return out, err
}

// eachNewest yields the newest of the statements of some types about each record,
// with the earliest time of any of them.
func eachNewest(evs []events.Envelope, types []events.Type, yield func(e events.Envelope, first time.Time) error) error {
	about := map[string][]events.Envelope{}
	var order []string
	for _, e := range evs {
		if !slices.Contains(types, e.Type) {
			continue
		}
		var said struct{ Record events.Record }
		if err := json.Unmarshal(e.Data, &said); err != nil {
			return err
		}
		key := said.Record.String()
		if about[key] == nil {
			order = append(order, key)
		}
		about[key] = append(about[key], e)
	}
	for _, key := range order {
		all := about[key]
		slices.SortFunc(all, laterLast)
		if err := yield(all[len(all)-1], all[0].Time); err != nil {
			return fmt.Errorf("count %s: %w", all[0].Type, err)
		}
	}
	return nil
}

// laterLast orders statements about one record as the design says: by time, then
// revision, then source and id.
func laterLast(a, b events.Envelope) int {
	revision := func(e events.Envelope) *int64 {
		var said struct{ Record events.Record }
		if json.Unmarshal(e.Data, &said) != nil {
			return nil
		}
		return said.Record.Revision
	}
	return events.StampOf(a, revision(a)).Compare(events.StampOf(b, revision(b)))
}
