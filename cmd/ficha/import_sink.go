package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ficha/api/client"
	"ficha/events"
	"ficha/events/connect"
)

// connectSink sets where events go, and the run's name and key, which the hub
// gives: ids are hashed with a key of the hub, so that imports from several
// machines agree.
func (a *app) connectSink(ctx context.Context, cfg *connect.Config, o importOptions) error {
	if o.dryRun {
		cfg.Sink, cfg.Key = connect.Print(a.std.out), []byte("a dry run's ids are not the hub's")
		return nil
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	var run struct {
		Run string `json:"run"`
		Key []byte `json:"id_key"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/imports", map[string]string{"source": o.source}, &run); err != nil {
		return err
	}
	cfg.Sink, cfg.Run, cfg.Key = patientSink{c, a.say}, run.Run, run.Key
	cfg.Checkpoints = connect.NewFileCheckpoints(o.state)
	return nil
}

// patience is how long an import waits for a hub that is away: longer than a hub
// takes to start on a long log.
const patience = 5 * time.Minute

// patientSink tries again for a while when the hub is away or busy: a long
// import should not end because of a restart.
type patientSink struct {
	c   *client.Client
	say func(format string, args ...any)
}

// Submit implements connect.Sink.
func (s patientSink) Submit(ctx context.Context, batch []events.Envelope) (events.SubmitResult, error) {
	pause, until, told := 100*time.Millisecond, time.Now().Add(patience), false
	for {
		res, err := s.c.Submit(ctx, batch)
		if err == nil || !errors.Is(err, events.ErrUnavailable) || time.Now().After(until) {
			return res, err
		}
		if !told && pause > time.Second && ctx.Err() == nil {
			told = true
			s.say("the hub does not answer; trying again for %s, Ctrl-C to stop", patience)
		}
		select {
		case <-ctx.Done():
			return res, ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, 5*time.Second)
		}
	}
}
