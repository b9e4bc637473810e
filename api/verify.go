package api

import (
	"context"
	"net/http"

	"ficha/events"
)

// Verification is what a full check of log and store found.
type Verification struct {
	OK       bool            `json:"ok"`
	Position events.Position `json:"position"`
	Equation Equation        `json:"equation"`
	Digests  []DigestCheck   `json:"digests" nullable:"false"`
	Findings []string        `json:"findings" nullable:"false" doc:"In plain words, without personal data"`
}

// DigestCheck compares a store's rows with a fresh fold of the log.
type DigestCheck struct {
	Runner string `json:"runner"`
	Store  string `json:"store"`
	Replay string `json:"replay"`
	Equal  bool   `json:"equal"`
}

type verifyOutput struct{ Body Verification }

// verifyRoutes adds the full check, where the hub offers it.
func (s *server) verifyRoutes() {
	if s.cfg.Verify == nil {
		return
	}
	register(s, route{
		id: opVerify, method: http.MethodPost, path: "/v1/verify", tag: "operations",
		summary: "Check log and store",
		text: "Reads the whole log against the noted hashes, balances the counts, and folds everything again into " +
			"a scratch space to compare digests. It takes a while and some disk.",
		response: Verification{OK: true, Position: 812, Equation: exampleStatus().Equation,
			Digests: []DigestCheck{{Runner: "main", Store: "3f…", Replay: "3f…", Equal: true}}, Findings: []string{}},
	}, func(ctx context.Context, _ *empty) (*verifyOutput, error) {
		v, err := s.cfg.Verify(ctx)
		if err != nil {
			return nil, err
		}
		return &verifyOutput{Body: v}, nil
	})
}
