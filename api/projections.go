package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/api/jobs"
	"ficha/events"
	"ficha/projections/rebuild"
)

// Projections tells of the rows that answers are read from, and makes them anew.
// Errors of Diff, Switch and Drop are those of package rebuild.
type Projections interface {
	// List says how far every projection is, and what is beside the live rows.
	List(ctx context.Context) (ProjectionList, error)
	// Rebuild plans a job that folds the log again, for whoever is named by. A job
	// of the same id ("": a new one) is planned once. While one is not over, another
	// is an events.ErrConflict.
	Rebuild(ctx context.Context, by, id string, o RebuildOrder) (jobs.Job, error)
	// Diff compares the rows made anew with the live ones, at equal positions.
	Diff(ctx context.Context) (ProjectionDiffs, error)
	// Switch makes the rows beside the live ones the live ones.
	Switch(ctx context.Context) (SwitchAnswer, error)
	// Drop removes the rows beside the live ones.
	Drop(ctx context.Context) error
}

// Projection is how far one projection is.
type Projection struct {
	Name        string          `json:"name" example:"golden"`
	Runner      string          `json:"runner" doc:"Folds of one runner move together" example:"main"`
	Version     int             `json:"version" doc:"Of the rows' shape"`
	Position    events.Position `json:"position"`
	LagSeconds  float64         `json:"lag_seconds" doc:"Age of the oldest event that is not folded"`
	Behind      uint64          `json:"behind" doc:"Events that are not folded"`
	PerSecond   float64         `json:"events_per_second" doc:"Folded, over the last ten seconds"`
	DeadLetters uint64          `json:"dead_letters" doc:"Events that this projection could not apply"`
	Error       string          `json:"error,omitempty" doc:"Why the runner has stopped or tries again"`
}

// ProjectionList is all projections, and the space beside the live one.
type ProjectionList struct {
	Data       []Projection    `json:"data" nullable:"false"`
	NextCursor *string         `json:"next_cursor" doc:"Always null: there are few"`
	Position   events.Position `json:"position" doc:"Of the last event in the log"`
	Space      string          `json:"space" doc:"The space that answers are read from" example:"live"`
	Bytes      uint64          `json:"bytes" doc:"Its size on disk, estimated"`
	Beside     *SpaceBeside    `json:"beside" doc:"A space beside the live one; null: there is none"`
}

// SpaceBeside is a second set of rows.
type SpaceBeside struct {
	Space     string                     `json:"space" example:"rebuild_1"`
	State     rebuild.BesideState        `json:"state" enum:"unfinished,ready,previous" doc:"unfinished: a rebuild is filling it, or was interrupted; ready: filled; previous: was the live one until the last switch"`
	Bytes     uint64                     `json:"bytes" doc:"Its size on disk, estimated"`
	Done      uint64                     `json:"done" doc:"Events folded, once for each runner that folds them"`
	Total     uint64                     `json:"total" doc:"Events to fold; grows with the log"`
	PerSecond float64                    `json:"events_per_second" doc:"While a rebuild fills it"`
	LeftS     float64                    `json:"seconds_left" doc:"At that speed; 0: not known"`
	Positions map[string]events.Position `json:"positions" doc:"By runner"`
}

// RebuildOrder says what to do with rows that were made anew.
type RebuildOrder struct {
	Switch bool `json:"switch,omitempty" doc:"Make them the live ones as soon as they are finished"`
}

// ProjectionDiffs compares the live rows with those beside them.
type ProjectionDiffs struct {
	Equal       bool                       `json:"equal"`
	Live        string                     `json:"live" doc:"Space" example:"live"`
	Beside      string                     `json:"beside" doc:"Space" example:"rebuild_1"`
	Positions   map[string]events.Position `json:"positions" doc:"By runner; both stood there"`
	Projections []ProjectionDiff           `json:"projections" nullable:"false"`
	Other       []TableDiff                `json:"other" nullable:"false" doc:"Tables of no projection: dead letters, versions"`
}

// ProjectionDiff compares one projection.
type ProjectionDiff struct {
	Name    string      `json:"name" example:"golden"`
	Runner  string      `json:"runner" example:"main"`
	Equal   bool        `json:"equal"`
	Rows    DigestPair  `json:"rows" doc:"Digests of all rows"`
	Content *DigestPair `json:"content,omitempty" doc:"Digests of what the rows say, ids and positions left out; only where rows differ, and empty for rows that cannot be read"`
	Tables  []TableDiff `json:"tables" nullable:"false"`
}

// DigestPair is the digest of the same thing on both sides.
type DigestPair struct {
	Live   string `json:"live"`
	Beside string `json:"beside"`
}

// TableDiff counts the rows of one table.
type TableDiff struct {
	Table      string   `json:"table" example:"golden_records"`
	Same       uint64   `json:"same"`
	Different  uint64   `json:"different" doc:"Same key, another value"`
	OnlyLive   uint64   `json:"only_live"`
	OnlyBeside uint64   `json:"only_beside"`
	First      []string `json:"first" nullable:"false" doc:"Keyed hashes of the first keys that differ, five at most: the keys may name customers"`
}

// SwitchAnswer says what a switch has done.
type SwitchAnswer struct {
	From      string                     `json:"from" doc:"Space that was the live one" example:"live"`
	To        string                     `json:"to" doc:"Space that is it now" example:"rebuild_1"`
	Positions map[string]events.Position `json:"positions" doc:"By runner, at the switch"`
	HeldMS    int64                      `json:"held_ms" doc:"How long folding stood still, in milliseconds"`
}

type rebuildInput struct {
	Key    string `header:"Idempotency-Key" maxLength:"256" doc:"Repeating the request with the same key plans one job and answers with it"`
	Prefer string `header:"Prefer" doc:"wait=N: answer when the job is over, after N seconds at the latest"`
	Body   RebuildOrder
}

type (
	projectionListOutput struct{ Body ProjectionList }
	rebuildOutput        struct{ Body jobs.Job }
	diffOutput           struct{ Body ProjectionDiffs }
	switchOutput         struct{ Body SwitchAnswer }
)

// projectionsRoutes adds the operator's view of the rows, where the hub offers it.
func (s *server) projectionsRoutes() {
	if s.cfg.Projections == nil {
		return
	}
	register(s, route{
		id: opProjections, method: http.MethodGet, path: "/v1/projections", tag: "operations",
		summary:  "Every projection, and what is being made anew",
		text:     "Position, lag, speed and dead letters of every projection, and the space beside the live one with how far it is.",
		response: exampleProjections(),
	}, s.listProjections)
	register(s, route{
		id: opRebuild, method: http.MethodPost, path: "/v1/projections:rebuild", tag: "operations",
		summary: "Make all rows anew",
		text: "Plans a job that folds the whole log into a space beside the live one, which goes on serving. It needs about as much " +
			"disk again as the rows have. An interrupted job goes on where it was; a cancelled one leaves nothing. Publishes nothing.",
		problems: []int{http.StatusConflict},
		request:  RebuildOrder{Switch: true},
		response: jobs.Job{ID: "0197a1b2-0000-7000-8000-000000000001", Kind: "projections.rebuild", State: jobs.Planned, By: "ops",
			CreatedAt: exampleStatus().Epoch, UpdatedAt: exampleStatus().Epoch, Params: json.RawMessage(`{"switch":true}`)},
	}, s.rebuildProjections)
	s.spaceRoutes([]int{http.StatusNotFound, http.StatusConflict})
}

// spaceRoutes are those that need a space beside the live one.
func (s *server) spaceRoutes(problems []int) {
	register(s, route{
		id: opDiff, method: http.MethodPost, path: "/v1/projections:diff", tag: "operations",
		summary: "Compare rows made anew with the live ones",
		text: "Brings both to the same positions and compares every row. Takes a while on many rows. Keys are named by keyed hashes, " +
			"which are equal for equal keys.",
		problems: problems,
		response: ProjectionDiffs{Equal: true, Live: "live", Beside: "rebuild_1", Positions: examplePositions(), Other: []TableDiff{},
			Projections: []ProjectionDiff{{Name: "golden", Runner: "main", Equal: true, Rows: DigestPair{Live: "3f…", Beside: "3f…"},
				Tables: []TableDiff{{Table: "golden_records", Same: 280, First: []string{}}}}}},
	}, func(ctx context.Context, _ *empty) (*diffOutput, error) {
		d, err := s.cfg.Projections.Diff(ctx)
		return &diffOutput{Body: d}, rebuildProblem(err)
	})
	register(s, route{
		id: opSwitch, method: http.MethodPost, path: "/v1/projections:switch", tag: "operations",
		summary: "Make the rows beside the live ones the live ones",
		text: "Catches up, holds folding for a moment, and moves all readers, without a restart. The former live space stays: the same " +
			"request again goes back to it, until the next rebuild or a drop.",
		problems: problems,
		response: SwitchAnswer{From: "live", To: "rebuild_1", Positions: examplePositions(), HeldMS: 12},
	}, func(ctx context.Context, _ *empty) (*switchOutput, error) {
		a, err := s.cfg.Projections.Switch(ctx)
		return &switchOutput{Body: a}, rebuildProblem(err)
	})
	register(s, route{
		id: opDrop, method: http.MethodPost, path: "/v1/projections:drop", tag: "operations",
		summary:  "Remove the rows beside the live ones",
		text:     "Gives their room on disk back, little by little. Then there is no way back to a former space. Answers like the list.",
		problems: problems,
		response: exampleProjections(),
	}, s.dropSpace)
}

func examplePositions() map[string]events.Position {
	return map[string]events.Position{"main": 812, "contact": 790}
}

func exampleProjections() ProjectionList {
	return ProjectionList{
		Data:     []Projection{{Name: "golden", Runner: "main", Version: 1, Position: 812, PerSecond: 20.5}},
		Position: 812, Space: "live", Bytes: 1 << 20,
		Beside: &SpaceBeside{Space: "rebuild_1", State: rebuild.Unfinished, Done: 500, Total: 834, PerSecond: 20_000,
			Positions: map[string]events.Position{"main": 478, "contact": 790}},
	}
}

func (s *server) listProjections(ctx context.Context, _ *empty) (*projectionListOutput, error) {
	list, err := s.cfg.Projections.List(ctx)
	return &projectionListOutput{Body: list}, err
}

func (s *server) rebuildProjections(ctx context.Context, in *rebuildInput) (*rebuildOutput, error) {
	p, id := callOf(ctx).principal, ""
	if in.Key != "" {
		id = uuid.MustParse(s.digest(p.ID, opRebuild, in.Key)).String()
	}
	job, err := s.cfg.Projections.Rebuild(ctx, p.Name, id, in.Body)
	if err != nil {
		return nil, rebuildProblem(err)
	}
	var asked RebuildOrder
	if err := json.Unmarshal(job.Params, &asked); err != nil || asked != in.Body {
		return nil, newProblem(http.StatusConflict, "idempotency_key_reused")
	}
	return &rebuildOutput{Body: s.awaitJob(ctx, job, preferredWait(in.Prefer))}, nil
}

// awaitJob gives a job as it is when it is over, or after so many seconds.
func (s *server) awaitJob(ctx context.Context, job jobs.Job, seconds int) jobs.Job {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for seconds > 0 && s.cfg.Jobs != nil && !job.State.Ended() {
		select {
		case <-ctx.Done():
			return job
		case <-look.C:
		}
		now, err := s.cfg.Jobs.Get(ctx, job.ID)
		if err != nil {
			return job // it stands, and can be asked for
		}
		job = now
	}
	return job
}

func (s *server) dropSpace(ctx context.Context, in *empty) (*projectionListOutput, error) {
	if err := s.cfg.Projections.Drop(ctx); err != nil {
		return nil, rebuildProblem(err)
	}
	return s.listProjections(ctx, in)
}

// rebuildProblem puts what is in the way of a rebuild or switch into the problem's
// detail; the usual details of these codes are about other things.
func rebuildProblem(err error) error {
	for _, e := range []error{rebuild.ErrBusy, rebuild.ErrUnfinished, rebuild.ErrNoSpace} {
		if errors.Is(err, e) {
			p := *problemOf(e)
			p.Detail, _, _ = strings.Cut(e.Error(), ": ")
			return &p
		}
	}
	return err
}
