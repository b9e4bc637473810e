package main

import (
	"context"
	"crypto/rand"
	"time"

	"ficha/api/jobs"
	"ficha/api/steward"
)

// openStewards makes the desk of stewards and the desk of jobs, and has jobs that
// the last stop cut short go on. Claims and jobs are in buckets beside the log, so
// that neither a restart nor a rebuild loses them.
func (h *hub) openStewards(ctx context.Context) error {
	claims, err := h.log.Bucket(ctx, "claims")
	if err != nil {
		return err
	}
	h.stewards, err = steward.New(steward.Config{
		Store: h.store, Publisher: h.gateway, Log: h.log, IDs: h.db.IDIndex(), Wait: h.main.Wait,
		Resolver: h.resolver, Comparer: h.checker, Claims: claims, Clock: time.Now,
	})
	if err != nil {
		return err
	}
	if err := h.stewards.SweepClaims(ctx); err != nil {
		return err
	}
	board, err := h.log.Bucket(ctx, "jobs")
	if err != nil {
		return err
	}
	h.jobs, err = jobs.New(jobs.Config{
		Bucket: board, Clock: time.Now, Rand: rand.Reader, Logger: h.cfg.Logger,
		Kinds: []jobs.Kind{h.stewards.DecideKind(), h.stewards.UndoKind(), h.stewards.ImportKind(), h.rebuildJobs()},
	})
	if err != nil {
		return err
	}
	h.rebuilds.desk = h.jobs
	return h.jobs.Start(ctx)
}
