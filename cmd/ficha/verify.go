package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/rebuild"
	"ficha/projections/runner"
	"ficha/projections/witness"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "check that the log holds what was acknowledged and the store what the log says", Args: cobra.NoArgs,
		Long: `Reads the whole log against the hashes that the witness noted, balances the
counts of the door with those of the folds, and folds everything again into a
scratch space to compare digests. Asks the hub that runs on --data (or at --url)
to do it, or works on the files when none runs. Exit code 6 when something is found.`,
		Example: "  ficha verify --data ./ficha-data\n  FICHA_KEY=… ficha verify --url https://hub.example --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := a.verify(cmd.Context())
			if err != nil {
				return err
			}
			return a.showVerification(v)
		},
	}
}

func (a *app) verify(ctx context.Context) (api.Verification, error) {
	if a.url != "" || a.data == "" || hubRuns(ctx, a.data) {
		return a.verifyRunning(ctx)
	}
	if err := needData(a.data); err != nil {
		return api.Verification{}, err
	}
	logger := slog.New(slog.NewTextHandler(a.std.err, &slog.HandlerOptions{Level: slog.LevelError}))
	h, err := openClosedHub(ctx, closedHubConfig(a.data, logger))
	if err != nil {
		return api.Verification{}, err
	}
	defer h.close(logger)
	end, err := h.log.End(ctx)
	if err != nil {
		return api.Verification{}, err
	}
	bar := a.progress("folding again", "events", int64(end))
	defer bar.end()
	return h.verify(ctx, func(p events.Position) { bar.at(int64(p)) })
}

// verifyRunning has the hub that runs check itself. However long its log is, it
// is waited for.
func (a *app) verifyRunning(ctx context.Context) (v api.Verification, err error) {
	c, err := a.client()
	if err != nil {
		return v, err
	}
	c.HTTP = &http.Client{}
	defer a.stillWaiting("the hub verifies")()
	return v, c.Do(ctx, http.MethodPost, "/v1/verify", nil, &v)
}

// verify checks chain, counts and digests. It reads the log twice.
func (h *hub) verify(ctx context.Context, progress func(events.Position)) (api.Verification, error) {
	v := api.Verification{Findings: []string{}, Digests: []api.DigestCheck{}}
	found := func(err error) error {
		if err != nil && errors.Is(err, events.ErrDamaged) {
			v.Findings = append(v.Findings, err.Error())
			return nil
		}
		return err
	}
	if err := errors.Join(found(h.log.Verify(ctx)), found(h.guard.Verify(ctx))); err != nil {
		return v, err
	}
	var err error
	if v.Position, err = h.log.End(ctx); err != nil {
		return v, err
	}
	q, err := h.guard.Equation(ctx)
	if err != nil {
		return v, err
	}
	v.Equation = api.Equation(q)
	if !v.Equation.Balanced {
		v.Findings = append(v.Findings, "the counts of the door and of the folds do not balance: an event is missing")
	}
	if len(v.Findings) == 0 {
		if v.Digests, err = h.replayDigests(ctx, progress); err != nil {
			return v, err
		}
	}
	for _, d := range v.Digests {
		if !d.Equal {
			v.Findings = append(v.Findings, "the rows of "+d.Runner+" are not what the log gives; they can be rebuilt")
		}
	}
	v.OK = len(v.Findings) == 0
	return v, nil
}

// verifySpace is where rows are folded again to be compared.
const verifySpace = "verify"

// replayDigests folds the log again, for each runner as far as its rows go, and
// compares.
func (h *hub) replayDigests(ctx context.Context, progress func(events.Position)) ([]api.DigestCheck, error) {
	var out []api.DigestCheck
	for _, cfg := range h.runnerConfigs() {
		d, err := h.replayDigest(ctx, cfg, progress)
		if err != nil {
			return out, fmt.Errorf("fold %s again: %w", cfg.Name, err)
		}
		out = append(out, d)
	}
	return out, nil
}

func (h *hub) replayDigest(ctx context.Context, cfg runner.Config, progress func(events.Position)) (d api.DigestCheck, err error) {
	d.Runner = cfg.Name
	live, err := h.store.Snapshot(ctx)
	if err != nil {
		return d, err
	}
	defer live.Close()
	until, err := live.Position(ctx, cfg.Name)
	if err != nil {
		return d, err
	}
	scratch, err := spaces{h.db}.Open(verifySpace, true)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, h.db.Drop(context.WithoutCancel(ctx), verifySpace)) }()
	cfg.Store, cfg.Linger, cfg.Pace, cfg.Logger = scratch, 0, h.giveWay, nil
	if until > 0 { // zero would mean the log's end
		if _, err := runner.Rebuild(ctx, cfg, until, progress); err != nil {
			return d, err
		}
	}
	again, err := scratch.Snapshot(ctx)
	if err != nil {
		return d, err
	}
	defer again.Close()
	_, digests, err := rebuild.CompareTables(ctx, live, again, tablesOf(cfg.Folds), nil)
	d.Store, d.Replay, d.Equal = digests.Live, digests.Beside, digests.Live == digests.Beside
	return d, err
}

// tablesOf lists what the folds write. The guard's epoch row is the store's own
// and in no replay, so witness rows are compared by the chain instead.
func tablesOf(folds []projections.Fold) []projections.Table {
	var out []projections.Table
	for _, f := range folds {
		if f.Name() != witness.New().Name() {
			out = append(out, f.Tables()...)
		}
	}
	return out
}

func (a *app) showVerification(v api.Verification) error {
	if a.json {
		if err := a.print(v); err != nil {
			return err
		}
	} else {
		q := v.Equation
		fmt.Fprintf(a.std.out, "position %d: taken %d = folded %d + duplicate %d + dead %d + refused %d + pending %d\n",
			v.Position, q.Taken, q.Folded, q.Duplicate, q.Dead, q.Refused, q.Pending)
		for _, d := range v.Digests {
			fmt.Fprintf(a.std.out, "%s: store %.16s…, replay %.16s…\n", d.Runner, d.Store, d.Replay)
		}
		for _, f := range v.Findings {
			fmt.Fprintln(a.std.out, "FOUND:", f)
		}
	}
	if !v.OK {
		return &exitWith{code: exitFindings}
	}
	a.say("everything is as it should be")
	return nil
}
