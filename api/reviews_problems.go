package api

import (
	"errors"
	"net/http"

	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/api/steward/sheet"
	"ficha/events"
)

// stewardProblem turns errors of the stewards' desk into problems. What it does not
// know is for the table.
func (s *server) stewardProblem(err error, accept string) error {
	lang := languageOf(accept)
	if c, ok := asError[*steward.Conflict](err); ok {
		return s.overtakenReview(c, lang)
	}
	if m, ok := asError[*steward.Misfit](err); ok {
		return invalid(m.Pointer, m.Detail, m.Remedy)
	}
	if r, ok := asError[*steward.Rejected](err); ok {
		return rejected(r.Problems)
	}
	if u, ok := asError[*steward.Unachievable](err); ok {
		p := newProblem(http.StatusConflict, "not_achievable")
		for _, o := range u.Obstacles {
			p.Errors = append(p.Errors, events.Problem{Code: o.Code, Detail: s.words.Obstacle(lang, o.Code)})
		}
		return p
	}
	for _, known := range []struct {
		is     error
		status int
		code   string
	}{
		{steward.ErrPrecondition, http.StatusPreconditionRequired, "precondition_required"},
		{steward.ErrNotUndoable, http.StatusConflict, "not_undoable"},
		{steward.ErrNotDecided, http.StatusConflict, "not_decided"},
		{steward.ErrDecided, http.StatusConflict, "already_decided"},
		{steward.ErrReused, http.StatusConflict, "idempotency_key_reused"},
		{jobs.ErrReused, http.StatusConflict, "idempotency_key_reused"},
		{jobs.ErrState, http.StatusConflict, "job_state"},
		{sheet.ErrTooMany, http.StatusRequestEntityTooLarge, "too_large"},
	} {
		if errors.Is(err, known.is) {
			return newProblem(known.status, known.code)
		}
	}
	if errors.Is(err, sheet.ErrFormat) {
		return invalid("", err.Error(), "send a file with the columns review_id and decision, as the export writes it")
	}
	return err
}

// overtakenReview tells a steward who was first.
func (s *server) overtakenReview(c *steward.Conflict, lang string) *Problem {
	p := newProblem(http.StatusPreconditionFailed, "stale_review")
	p.Detail = s.words.Conflict(lang, c.What, c.By, c.At, c.Verdict)
	p.Conflict = &Conflict{What: c.What, By: c.By, At: c.At, Verdict: c.Verdict, ETag: c.ETag}
	if c.ETag != "" {
		p.headers = http.Header{"Etag": {c.ETag}}
	}
	return p
}
