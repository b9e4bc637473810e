package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/events"
)

// JobsAnswer is a page of jobs.
type JobsAnswer struct {
	Data       []jobs.Job `json:"data" nullable:"false" doc:"Newest first"`
	NextCursor *string    `json:"next_cursor" doc:"null at the end"`
}

type jobsInput struct {
	Kind   string `query:"kind" maxLength:"100" doc:"Such as reviews.decide"`
	State  string `query:"state" enum:"planned,running,paused,cancelled,done,failed" doc:"Default all"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
}

type jobsOutput struct{ Body JobsAnswer }

type jobInput struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the job"`
}

type jobUndoInput struct {
	ID     string `path:"id" maxLength:"64" doc:"Id of the job whose verdicts are taken back"`
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   *JobUndoRequest
}

// JobUndoRequest takes back what a job did.
type JobUndoRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"1000"`
}

type jobOutput struct{ Body jobs.Job }

func (s *server) jobsRoutes() {
	register(s, route{
		id: opJobList, method: http.MethodGet, path: "/v1/jobs", tag: "jobs",
		summary: "Jobs", text: "What outlasts a request: bulk decisions, imports of decisions, undoing them, rebuilds. The newest thousand are remembered.",
		response: JobsAnswer{Data: []jobs.Job{exampleJob()}}, problems: []int{http.StatusUnprocessableEntity},
	}, s.listJobs)
	register(s, route{
		id: opJobGet, method: http.MethodGet, path: "/v1/jobs/{id}", tag: "jobs",
		summary: "One job", text: "Ask again to see how far it is.", response: exampleJob(), problems: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, func(ctx context.Context, in *jobInput) (*jobOutput, error) {
		return s.oneJob(func(d *jobs.Desk) (jobs.Job, error) { return d.Get(ctx, in.ID) })
	})
	problems := []int{http.StatusNotFound, http.StatusConflict}
	register(s, route{
		id: opJobCancel, method: http.MethodPost, path: "/v1/jobs/{id}:cancel", tag: "jobs",
		summary: "Cancel a job", text: "It stops after the part that it is at (`stopping`); what it did stays done, and can be undone.",
		response: exampleJob(), problems: problems,
	}, func(ctx context.Context, in *jobInput) (*jobOutput, error) {
		return s.oneJob(func(d *jobs.Desk) (jobs.Job, error) { return d.Cancel(ctx, in.ID) })
	})
	register(s, route{
		id: opJobResume, method: http.MethodPost, path: "/v1/jobs/{id}:resume", tag: "jobs",
		summary: "Resume a job", text: "One that was cancelled or failed goes on where it stopped. One that is being undone cannot.",
		response: exampleJob(), problems: problems,
	}, s.resumeJob)
	register(s, route{
		id: opJobUndo, method: http.MethodPost, path: "/v1/jobs/{id}:undo", tag: "jobs",
		summary:  "Undo a job as a whole",
		text:     "A job of its own withdraws every verdict that the job gave: afterwards the customers are what they would be without. The job must have ended.",
		response: exampleJob(), problems: problems, request: JobUndoRequest{Reason: "wrong pattern"},
	}, s.undoJob)
}

// jobs gives the desk of jobs, or the problem that this hub has none.
func (s *server) jobs() (*jobs.Desk, error) {
	if s.cfg.Jobs == nil {
		p := newProblem(http.StatusServiceUnavailable, "unavailable")
		p.Detail = "This hub does no jobs."
		return nil, p
	}
	return s.cfg.Jobs, nil
}

func (s *server) listJobs(ctx context.Context, in *jobsInput) (*jobsOutput, error) {
	board, err := s.jobs()
	if err != nil {
		return nil, err
	}
	page, next, err := board.List(ctx, jobs.Filter{Kind: in.Kind, State: jobs.State(in.State)}, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := JobsAnswer{Data: page}
	if page == nil {
		out.Data = []jobs.Job{}
	}
	if next != "" {
		out.NextCursor = &next
	}
	return &jobsOutput{Body: out}, nil
}

// oneJob does something with the desk of jobs that gives a job.
func (s *server) oneJob(do func(*jobs.Desk) (jobs.Job, error)) (*jobOutput, error) {
	board, err := s.jobs()
	if err != nil {
		return nil, err
	}
	j, err := do(board)
	if errors.Is(err, events.ErrNotFound) {
		return nil, notFound("job")
	}
	if err != nil {
		return nil, s.stewardProblem(err, "")
	}
	return &jobOutput{Body: j}, nil
}

func (s *server) resumeJob(ctx context.Context, in *jobInput) (*jobOutput, error) {
	return s.oneJob(func(d *jobs.Desk) (jobs.Job, error) {
		undo, err := steward.UndoOf(in.ID)
		if err != nil {
			return jobs.Job{}, err
		}
		if _, err := d.Get(ctx, undo); !errors.Is(err, events.ErrNotFound) {
			return jobs.Job{}, errors.Join(err, jobs.ErrState)
		}
		return d.Resume(ctx, in.ID)
	})
}

func (s *server) undoJob(ctx context.Context, in *jobUndoInput) (*jobOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return s.oneJob(func(d *jobs.Desk) (jobs.Job, error) {
		return desk.UndoJob(ctx, d, in.ID, callOf(ctx).principal.Name, reason)
	})
}

func exampleJob() jobs.Job {
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	return jobs.Job{
		ID: "0190a3c4-7b1e-7c3a-9b5e-0a8f0f6b7c11", Kind: steward.KindDecide, State: jobs.Running, By: "ana", CreatedAt: at, UpdatedAt: at.Add(time.Second),
		Progress: jobs.Progress{Total: 212, Done: 150, Skipped: 2, Position: 1400},
		Params:   []byte(`{"filter":{"kind":"pair","pattern":"name=same"},"verdict":"same"}`),
	}
}
