package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"ficha/api"
	"ficha/api/client"
	"ficha/api/jobs"
	"ficha/events"
	"ficha/projections/rebuild"
)

// TestRebuildIsAJob has a hub make its rows anew and move to them, from a shell.
func TestRebuildIsAJob(t *testing.T) {
	atShell(t)
	h, c := hubInProcess(t)
	mustSubmit(t, c, townspeople()...)
	(&hubProcess{Client: c}).settled(t)
	t.Setenv("FICHA_URL", c.BaseURL)
	job := objects(t, wantExit(t, exitOK, "", "projections", "rebuild", "--wait", "--json"))[0]
	if job["kind"] != "projections.rebuild" || job["state"] != "done" || job["done"] != job["total"] || job["total"].(float64) < float64(len(townspeople())) {
		t.Errorf("job %v", job)
	}
	wantExit(t, exitOK, "holds the same rows as live", "projections", "diff")
	wantExit(t, exitOK, "", "projections", "rebuild", "--switch", "--wait")
	if live, err := h.db.Live(t.Context()); live != "rebuild_2" || err != nil {
		t.Errorf("live space %s, %v", live, err)
	}
	wantExit(t, exitOK, "as it should be", "verify")
	planned := objects(t, wantExit(t, exitOK, "", "projections", "rebuild", "--json"))[0]
	if planned["state"] != "planned" && planned["state"] != "running" {
		t.Errorf("without --wait: %v", planned)
	}
	eventually(t, "the job is over", func() bool {
		var job jobs.Job
		return c.Do(t.Context(), http.MethodGet, "/v1/jobs/"+planned["id"].(string), nil, &job) == nil && job.State == jobs.Done
	})
}

// TestOneRebuildAtATime: while a job is not over, another is refused, and a
// repetition of its own request gets it.
func TestOneRebuildAtATime(t *testing.T) {
	h, c := hubInProcess(t)
	mustSubmit(t, c, townspeople()...)
	release, err := h.main.Hold(t.Context()) // a switch waits for it
	if err != nil {
		t.Fatal(err)
	}
	desk := projectionDesk{h}
	const id = "0197a1b2-0000-7000-8000-000000000001"
	first, err := desk.Rebuild(t.Context(), "ops", id, api.RebuildOrder{Switch: true})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := desk.Rebuild(t.Context(), "ops", id, api.RebuildOrder{Switch: true}); err != nil || again.ID != first.ID {
		t.Errorf("the same request again: %+v, %v", again, err)
	}
	if _, err := desk.Rebuild(t.Context(), "ops", "", api.RebuildOrder{}); !errors.Is(err, rebuild.ErrBusy) {
		t.Errorf("another one: %v", err)
	}
	var p *client.Problem
	if err := c.Do(t.Context(), http.MethodPost, "/v1/projections:rebuild", api.RebuildOrder{}, nil); !errors.As(err, &p) || p.Status != http.StatusConflict {
		t.Errorf("another one, over HTTP: %v", err)
	}
	release()
	eventually(t, "the job is over", func() bool {
		job, err := h.jobs.Get(t.Context(), first.ID)
		return err == nil && job.State == jobs.Done
	})
}

// scriptedRun is the part of a job that a rebuild sees; save says what becomes of a
// save.
type scriptedRun struct {
	cancelled  chan struct{}
	checkpoint []byte
	last       jobs.Progress
	save       func(jobs.Progress) error
}

func newRun(save func(jobs.Progress) error) *scriptedRun {
	return &scriptedRun{cancelled: make(chan struct{}), save: save}
}

func (r *scriptedRun) Cancelled() <-chan struct{} { return r.cancelled }
func (r *scriptedRun) Progress() jobs.Progress    { return r.last }

func (r *scriptedRun) Checkpoint(into any) (bool, error) {
	if r.checkpoint == nil {
		return false, nil
	}
	return true, json.Unmarshal(r.checkpoint, into)
}

func (r *scriptedRun) Save(_ context.Context, p jobs.Progress, checkpoint any) (err error) {
	if r.checkpoint, err = json.Marshal(checkpoint); err != nil {
		return err
	}
	r.last = p
	return r.save(p)
}

// TestAnInterruptedRebuildJobGoesOn kills the job between all of its steps, as a
// killed hub would: what was done is not done again, and not undone.
func TestAnInterruptedRebuildJobGoesOn(t *testing.T) {
	h, c := hubInProcess(t)
	mustSubmit(t, c, townspeople()...)
	(&hubProcess{Client: c}).settled(t)
	killed := errors.New("killed")
	run := newRun(func(jobs.Progress) error { return killed })
	job := rebuildJob{run: run, rows: h.rebuilds.Rebuilder}
	order := api.RebuildOrder{Switch: true}

	if err := job.do(t.Context(), order); !errors.Is(err, killed) {
		t.Fatalf("filling: %v", err)
	}
	wantSpaces(t, h, "live", "rebuild_1", rebuild.Unfinished)
	full := false
	run.save = func(p jobs.Progress) error {
		if full = p.Done == p.Total; full && p.Total > 0 && run.last.Done == p.Done && spaceIs(t, h, rebuild.Ready) {
			return killed // after filling, before the switch
		}
		return nil
	}
	if err := job.do(t.Context(), order); !errors.Is(err, killed) {
		t.Fatalf("before the switch: %v", err)
	}
	wantSpaces(t, h, "live", "rebuild_1", rebuild.Ready)
	run.save = func(jobs.Progress) error {
		t.Error("it was filled again")
		return nil
	}
	for range 2 { // the second time as if it had been killed before it was noted as done
		if err := job.do(t.Context(), order); err != nil {
			t.Fatalf("the switch: %v", err)
		}
		wantSpaces(t, h, "rebuild_1", "live", rebuild.Previous)
	}
}

func spaceIs(t *testing.T, h *hub, state rebuild.BesideState) bool {
	t.Helper()
	s, err := h.rebuilds.State(t.Context())
	if err != nil {
		t.Error(err)
	}
	return s.Beside != nil && s.Beside.State == state
}

func wantSpaces(t *testing.T, h *hub, live, beside string, state rebuild.BesideState) {
	t.Helper()
	s, err := h.rebuilds.State(t.Context())
	if err != nil || s.Live != live || s.Beside == nil || s.Beside.Space != beside || s.Beside.State != state {
		t.Errorf("live %s, beside %+v, %v; want %s and %s, %s", s.Live, s.Beside, err, live, beside, state)
	}
}

// TestACancelledRebuildLeavesNothing: the room is given back, and the live rows
// are as they were.
func TestACancelledRebuildLeavesNothing(t *testing.T) {
	h, c := hubInProcess(t)
	mustSubmit(t, c, townspeople()...)
	for name, save := range map[string]func(*scriptedRun) error{
		"at a save":    func(*scriptedRun) error { return jobs.ErrCancelled },
		"between them": func(r *scriptedRun) error { close(r.cancelled); return nil },
	} {
		var run *scriptedRun
		closed := false
		run = newRun(func(jobs.Progress) error {
			if closed {
				return nil
			}
			closed = true
			return save(run)
		})
		if err := (rebuildJob{run: run, rows: h.rebuilds.Rebuilder}).do(t.Context(), api.RebuildOrder{}); name == "at a save" && !errors.Is(err, jobs.ErrCancelled) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "between them" { // what is small may be done before it is heard
			if err := h.rebuilds.Drop(t.Context()); err != nil && !errors.Is(err, rebuild.ErrNoSpace) {
				t.Error(err)
			}
		}
		s, err := h.rebuilds.State(t.Context())
		if err != nil || s.Beside != nil || s.Live != "live" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if spaces, err := h.db.Spaces(t.Context()); err != nil || len(spaces) != 1 {
		t.Errorf("spaces %v, %v", spaces, err)
	}
}

// TestStoryRebuild makes the rows of a hub anew while others write, kills the hub in
// the middle and again after the switch: the rebuild goes on where it was, the rows
// are those of the log, and denies hold.
func TestStoryRebuild(t *testing.T) {
	size := 60_000
	if testing.Short() {
		size = 3000
	}
	data := t.TempDir()
	rng := seeded(t)
	h := serveProcess(t, data)
	crowd := people(rng, "/crm/bank", 60_000_000, size/6)
	var batch []events.Envelope
	for i, p := range crowd {
		id := p.key.ID
		batch = append(batch, p.recorded("r"+id), p.called("c1"+id, "a call"), p.called("c2"+id, "another call"), p.called("c3"+id, "a third one"))
		if i%10 == 0 {
			batch = append(batch, denyOfPhone("/pbx", "d"+id, p.phone))
		}
		if len(batch) > 900 || i == len(crowd)-1 {
			mustSubmit(t, h.Client, batch...)
			batch = batch[:0]
		}
	}
	h.settled(t)
	flow := startTraffic(t, h, rng, 200)
	id := killInTheMiddle(t, h, !testing.Short())
	flow.cancel()

	h = serveProcess(t, data)
	flow = startTraffic(t, h, rng, 100)
	eventually(t, "the rebuild goes on and ends", func() bool {
		var job jobs.Job
		if err := h.Do(t.Context(), http.MethodGet, "/v1/jobs/"+id, nil, &job); err != nil || job.State == jobs.Failed {
			t.Fatalf("job %+v, %v", job, err)
		}
		return job.State == jobs.Done
	})
	var d api.ProjectionDiffs
	if err := h.Do(t.Context(), http.MethodPost, "/v1/projections:diff", nil, &d); err != nil || !d.Equal || len(d.Projections) < 6 {
		t.Errorf("diff: %v, %+v", err, d)
	}
	var s api.SwitchAnswer
	if err := h.Do(t.Context(), http.MethodPost, "/v1/projections:switch", nil, &s); err != nil || s.To != "rebuild_1" {
		t.Errorf("switch: %v, %+v", err, s)
	}
	flow.stop(t)
	h.kill()

	h = serveProcess(t, data)
	h.settled(t)
	for i, p := range crowd[:min(len(crowd), 200)] {
		if a := askOne(t, h.Client, marketingCall("phone", p.phone)); a.allows() == (i%10 == 0) {
			t.Fatalf("person %d: %s for %v", i, a.Decision, a.codes())
		}
	}
	var l api.ProjectionList
	if err := h.Do(t.Context(), http.MethodGet, "/v1/projections", nil, &l); err != nil || l.Space != "rebuild_1" || l.Beside == nil || l.Beside.State != rebuild.Previous {
		t.Errorf("list: %v, %+v", err, l)
	}
	var v api.Verification
	if err := h.Do(t.Context(), http.MethodPost, "/v1/verify", nil, &v); err != nil || !v.OK {
		t.Errorf("verify: %v, %+v", err, v)
	}
}

// killInTheMiddle orders a rebuild and kills the hub while the new space is being
// filled; it gives the job.
func killInTheMiddle(t *testing.T, h *hubProcess, some bool) string {
	t.Helper()
	var job jobs.Job
	if err := h.Do(t.Context(), http.MethodPost, "/v1/projections:rebuild", api.RebuildOrder{}, &job); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new space is filled in part", func() bool {
		var l api.ProjectionList
		if err := h.Do(t.Context(), http.MethodGet, "/v1/projections", nil, &l); err != nil {
			t.Fatal(err)
		}
		b := l.Beside
		if b != nil && b.State != rebuild.Unfinished {
			t.Fatalf("the rebuild was over before the hub could be killed: %+v", b)
		}
		if b != nil && (b.Done > 0 || !some) {
			h.kill()
			t.Logf("killed at %d of %d events", b.Done, b.Total)
			return true
		}
		return false
	})
	return job.ID
}

// TestSpeedIsOfTheLastTenSeconds: what is older does not count, and nothing is
// divided by nothing.
func TestSpeedIsOfTheLastTenSeconds(t *testing.T) {
	var s speed
	now := time.Unix(1_900_000_000, 0)
	if got := s.perSecond(now); got != 0 {
		t.Errorf("nothing was done: %v/s", got)
	}
	for i := range 30 {
		s.add(now.Add(time.Duration(i)*time.Second), 100)
	}
	if got := s.perSecond(now.Add(29 * time.Second)); got != 100 {
		t.Errorf("a hundred each second: %v/s", got)
	}
	if got := s.perSecond(now.Add(34 * time.Second)); got != 50 {
		t.Errorf("five seconds later: %v/s, want 50", got)
	}
	if got := s.perSecond(now.Add(time.Hour)); got != 0 {
		t.Errorf("an hour later: %v/s", got)
	}
}
