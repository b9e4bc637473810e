package api

import (
	"context"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/review"
)

// PreviewAnswer is what a decision, merge, split or undo would do. Nothing was done.
type PreviewAnswer struct {
	Position   events.Position     `json:"position" doc:"Up to where matching has looked"`
	Achievable bool                `json:"achievable" doc:"The customers would be what is asked for"`
	Obstacles  []ObstacleAnswer    `json:"obstacles" nullable:"false" doc:"Why not"`
	Before     []GroupAnswer       `json:"before" nullable:"false" doc:"The customers that are touched, as they are"`
	After      []GroupAnswer       `json:"after" nullable:"false" doc:"The same records as they would be"`
	Redirects  []steward.Redirect  `json:"redirects" nullable:"false" doc:"Ids that would lead to another customer"`
	Moves      []MoveAnswer        `json:"moves" nullable:"false" doc:"Records that would belong to another customer"`
	Contact    contact.Comparison  `json:"contact" doc:"Contact answers that would change"`
	Overridden []OverriddenVerdict `json:"overridden" nullable:"false" doc:"Earlier verdicts that would count no more"`
	Refused    []RefusedPair       `json:"refused" nullable:"false" doc:"Pairs that would wait for a steward because a rule refuses to join them"`
}

// ObstacleAnswer is a reason why it would not come about.
type ObstacleAnswer struct {
	steward.Obstacle
	Text string `json:"text"`
}

// GroupAnswer is a customer as it is or would be.
type GroupAnswer struct {
	Customer    uuid.UUID      `json:"customer" format:"uuid"`
	DisplayName string         `json:"display_name" doc:"Of a customer to come: of the one whose id it takes over"`
	Records     []ReviewRecord `json:"records" nullable:"false"`
}

// MoveAnswer is a record that would move.
type MoveAnswer struct {
	Record       ReviewRecord `json:"record"`
	From         uuid.UUID    `json:"from" format:"uuid"`
	To           uuid.UUID    `json:"to" format:"uuid"`
	Interactions int          `json:"interactions" doc:"That move with it; counted up to 10,000"`
}

// OverriddenVerdict is an earlier decision that would count no more.
type OverriddenVerdict struct {
	Review  uuid.UUID      `json:"review" format:"uuid" doc:"With which it can be read"`
	Verdict events.Verdict `json:"verdict"`
	By      string         `json:"by,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	At      string         `json:"at"`
}

// RefusedPair is a pair that a rule would refuse to join.
type RefusedPair struct {
	A      uuid.UUID `json:"a" format:"uuid"`
	B      uuid.UUID `json:"b" format:"uuid"`
	Weight int64     `json:"weight"`
	Code   string    `json:"code"`
	Text   string    `json:"text"`
}

// previewed answers a dry run about an item.
func (s *server) previewed(ctx context.Context, id uuid.UUID, p steward.Preview, accept string) (*decideOutput, error) {
	a, err := s.preview(ctx, p, languageOf(accept))
	if err != nil {
		return nil, err
	}
	return &decideOutput{Body: DecideAnswer{
		DeskAnswer: DeskAnswer{Status: dryRun, Position: p.Position}, Review: id, Verdicts: []events.EventID{}, Preview: a,
	}}, nil
}

// actPreviewed answers a dry run of a merge or split.
func (s *server) actPreviewed(ctx context.Context, p steward.Preview, err error, accept string) (*actOutput, error) {
	if err != nil {
		return nil, s.stewardProblem(err, accept)
	}
	a, err := s.preview(ctx, p, languageOf(accept))
	if err != nil {
		return nil, err
	}
	return &actOutput{Body: ActAnswer{
		DeskAnswer: DeskAnswer{Status: dryRun, Position: p.Position}, Redirected: []steward.Redirect{}, Preview: a,
	}}, nil
}

// dryRun is the status of an answer that says what would be.
const dryRun events.Status = "dry_run"

func (s *server) preview(ctx context.Context, p steward.Preview, lang string) (*PreviewAnswer, error) {
	v, err := s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	who := steward.NewNames(v)
	a := &PreviewAnswer{
		Position: p.Position, Achievable: len(p.Obstacles) == 0, Obstacles: []ObstacleAnswer{}, Redirects: p.Redirects,
		Moves: []MoveAnswer{}, Contact: p.Contact, Overridden: []OverriddenVerdict{}, Refused: []RefusedPair{},
	}
	if a.Redirects == nil {
		a.Redirects = []steward.Redirect{}
	}
	for _, o := range p.Obstacles {
		a.Obstacles = append(a.Obstacles, ObstacleAnswer{Obstacle: o, Text: s.words.Obstacle(lang, o.Code)})
	}
	for _, l := range p.Refused {
		a.Refused = append(a.Refused, RefusedPair{A: l.A, B: l.B, Weight: l.Weight, Code: l.RefusedBy, Text: s.words.Reason(lang, l.RefusedBy)})
	}
	for i := range p.Overridden {
		a.Overridden = append(a.Overridden, overriddenVerdict(&p.Overridden[i]))
	}
	return a, a.addRecords(ctx, who, p)
}

func overriddenVerdict(j *review.Judgement) OverriddenVerdict {
	return OverriddenVerdict{Review: j.ID, Verdict: j.Verdict, By: j.By, Reason: j.Reason, At: moment(&j.At)}
}

// addRecords adds groups and moves, with the keys of their records.
func (a *PreviewAnswer) addRecords(ctx context.Context, who *steward.Names, p steward.Preview) (err error) {
	if a.Before, err = groupAnswers(ctx, who, p.Before); err != nil {
		return err
	}
	if a.After, err = groupAnswers(ctx, who, p.After); err != nil {
		return err
	}
	for _, m := range p.Moves {
		record, err := recordAnswer(ctx, who, m.Record, nil)
		if err != nil {
			return err
		}
		a.Moves = append(a.Moves, MoveAnswer{Record: record, From: m.From, To: m.To, Interactions: m.Interactions})
	}
	return nil
}

func groupAnswers(ctx context.Context, who *steward.Names, groups []steward.Group) ([]GroupAnswer, error) {
	out := make([]GroupAnswer, len(groups))
	for i, g := range groups {
		out[i] = GroupAnswer{Customer: g.Customer, DisplayName: g.Name, Records: []ReviewRecord{}}
		for _, id := range g.Records {
			record, err := recordAnswer(ctx, who, id, &g.Customer)
			if err != nil {
				return nil, err
			}
			out[i].Records = append(out[i].Records, record)
		}
	}
	return out, nil
}

func recordAnswer(ctx context.Context, who *steward.Names, id uuid.UUID, customer *uuid.UUID) (ReviewRecord, error) {
	key, err := who.Key(ctx, id)
	return ReviewRecord{Source: key.Source, Stream: key.Stream, ID: key.ID, RecordUUID: id, Customer: customer}, err
}
