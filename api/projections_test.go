package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ficha/api/apikey"
	"ficha/api/jobs"
	"ficha/projections/rebuild"
)

// rowsDesk is a [Projections] that answers what it is told to.
type rowsDesk struct {
	fail error
	jobs map[string]jobs.Job
	by   string
}

func (d *rowsDesk) List(context.Context) (ProjectionList, error) {
	return exampleProjections(), d.fail
}

func (d *rowsDesk) Diff(context.Context) (ProjectionDiffs, error) {
	return ProjectionDiffs{Equal: true, Projections: []ProjectionDiff{}, Other: []TableDiff{}}, d.fail
}

func (d *rowsDesk) Switch(context.Context) (SwitchAnswer, error) {
	return SwitchAnswer{From: "live", To: "rebuild_1"}, d.fail
}

func (d *rowsDesk) Drop(context.Context) error { return d.fail }

func (d *rowsDesk) Rebuild(_ context.Context, by, id string, o RebuildOrder) (jobs.Job, error) {
	d.by = by
	if there, ok := d.jobs[id]; ok && id != "" {
		return there, nil
	}
	params, err := json.Marshal(o)
	if err != nil {
		return jobs.Job{}, err
	}
	job := jobs.Job{ID: fmt.Sprintf("00000000-0000-7000-8000-%012d", len(d.jobs)+1), Kind: "projections.rebuild", State: jobs.Planned, Params: params}
	if id == "" {
		id = job.ID
	}
	d.jobs[id] = job
	return job, d.fail
}

func TestProjectionsAreListed(t *testing.T) {
	h := newHub(t)
	l := ask[ProjectionList](h, apikey.Operator, "GET", "/v1/projections", nil)
	if len(l.Data) != 1 || l.Data[0].Name != "golden" || l.Beside.State != rebuild.Unfinished || l.NextCursor != nil {
		t.Errorf("list %+v", l)
	}
}

// TestRebuildIsPlannedOnce: a repetition answers with the same job, another
// request under the same key is refused.
func TestRebuildIsPlannedOnce(t *testing.T) {
	h := newHub(t)
	desk := h.config.Projections.(*rowsDesk)
	first := ask[jobs.Job](h, apikey.Operator, "POST", "/v1/projections:rebuild", `{"switch":true}`, "Idempotency-Key", "k1")
	again := ask[jobs.Job](h, apikey.Operator, "POST", "/v1/projections:rebuild", `{"switch":true}`, "Idempotency-Key", "k1")
	if first.ID != again.ID || first.ID == "" || desk.by != "the operator" || string(first.Params) != `{"switch":true}` {
		t.Errorf("jobs %+v and %+v, by %q", first, again, desk.by)
	}
	wantProblem(t, h.call(apikey.Operator, "POST", "/v1/projections:rebuild", `{}`, "Idempotency-Key", "k1"), 409, "idempotency_key_reused")
	other := ask[jobs.Job](h, apikey.Operator, "POST", "/v1/projections:rebuild", `{}`)
	if other.ID == first.ID {
		t.Error("a request without a key got the job of another")
	}
}

// TestWhatIsInTheWayOfASwitchIsSaid: the detail names the reason, not the usual
// one of its code.
func TestWhatIsInTheWayOfASwitchIsSaid(t *testing.T) {
	h := newHub(t)
	desk := h.config.Projections.(*rowsDesk)
	for _, c := range []struct {
		err    error
		status int
		code   string
		says   string
	}{
		{rebuild.ErrBusy, 409, "conflict", "in progress"},
		{fmt.Errorf("switch: %w", rebuild.ErrUnfinished), 409, "conflict", "not finished"},
		{rebuild.ErrNoSpace, 404, "not_found", "rebuild first"},
		{rebuild.ErrTooBusy, 503, "unavailable", "too much is being written"},
	} {
		desk.fail = c.err
		for _, path := range []string{"/v1/projections:diff", "/v1/projections:switch", "/v1/projections:drop"} {
			p := wantProblem(t, h.call(apikey.Operator, http.MethodPost, path, nil), c.status, c.code)
			if !strings.Contains(p.Detail, c.says) || strings.Contains(p.Detail, "conflict") || strings.Contains(p.Detail, "not found") {
				t.Errorf("%s: %s", path, p.Detail)
			}
		}
	}
	desk.fail = nil
	if s := ask[SwitchAnswer](h, apikey.Operator, "POST", "/v1/projections:switch", nil); s.To != "rebuild_1" {
		t.Errorf("switch %+v", s)
	}
	if d := ask[ProjectionDiffs](h, apikey.Operator, "POST", "/v1/projections:diff", nil); !d.Equal {
		t.Errorf("diff %+v", d)
	}
	if l := ask[ProjectionList](h, apikey.Operator, "POST", "/v1/projections:drop", nil); l.Space != "live" {
		t.Errorf("drop answers %+v", l)
	}
}
