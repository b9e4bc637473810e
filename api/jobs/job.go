package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ficha/events"
)

// State says where a job is; see the package's picture.
type State string

// The states. Paused: the hub cannot write at the moment; it goes on by itself.
const (
	Planned   State = "planned"
	Running   State = "running"
	Paused    State = "paused"
	Cancelled State = "cancelled"
	Done      State = "done"
	Failed    State = "failed"
)

// Ended says that nothing more happens unless somebody resumes the job.
func (s State) Ended() bool { return s == Cancelled || s == Done || s == Failed }

// Progress is how far a job is, in things of its kind: pairs, verdicts, events.
type Progress struct {
	Total    uint64          `json:"total" doc:"How many there are to do; may grow while the job runs"`
	Done     uint64          `json:"done"`
	Skipped  uint64          `json:"skipped" doc:"Had changed since the job was planned, and were left alone"`
	Failed   uint64          `json:"failed"`
	Position events.Position `json:"position" doc:"Of the last event that the job wrote"`
}

// Job is one job.
type Job struct {
	ID        string    `json:"id" format:"uuid"`
	Kind      string    `json:"kind" example:"reviews.decide"`
	State     State     `json:"state" enum:"planned,running,paused,cancelled,done,failed"`
	Stopping  bool      `json:"stopping" doc:"Somebody has cancelled it; it stops after the part that it is at"`
	By        string    `json:"by" doc:"Name of the key that asked for it"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Progress
	Error  string          `json:"error,omitempty" doc:"Why it failed or is paused"`
	Params json.RawMessage `json:"params" doc:"What was asked for"`
	Undoes string          `json:"undoes,omitempty" doc:"The job whose work this one takes back"`
}

// Kind is what can be a job.
type Kind struct {
	// Name is stable and lower case: reviews.decide, projections.rebuild.
	Name string
	// Run does the job from where r.Checkpoint says, calls r.Save from time to
	// time, and returns whatever error Save gives, unchanged or wrapped: it ends a
	// turn, a cancelled job, or one that another hub has taken up. Nil: it is done.
	// An error that matches events.ErrUnavailable pauses the job, and it is run
	// again a little later; any other one fails it. Error texts are shown to
	// people and hold no personal data.
	Run func(ctx context.Context, r *Run) error
}

// Errors of this package.
var (
	// ErrCancelled: somebody cancelled the job.
	ErrCancelled = errors.New("job cancelled")
	// errTurn: the slice is used up and others wait.
	errTurn = errors.New("turn used up")
	// errTaken: another hub works on the job.
	errTaken = errors.New("job taken by another hub")
	// ErrState: the job is in no state in which that can be done.
	ErrState = fmt.Errorf("not in this state: %w", events.ErrConflict)
	// ErrReused: the id is that of a job that was ordered otherwise.
	ErrReused = fmt.Errorf("id of another job: %w", events.ErrConflict)
)

// row is a job as it is stored.
type row struct {
	Job
	Chunks     int             `json:"chunks"`               // parts of the plan
	Checkpoint json.RawMessage `json:"checkpoint,omitempty"` // of the kind
	Owner      string          `json:"owner,omitempty"`      // the worker that runs it
	Mark       string          `json:"mark,omitempty"`       // of the request that ordered it
}

func jobKey(id string) string { return "job." + id }

func planKey(id string, n int) string { return fmt.Sprintf("plan.%s.%d", id, n) }
