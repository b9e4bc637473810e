package api

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"

	"github.com/google/uuid"

	"ficha/api/apikey"
)

// ImportRequest announces an import of files.
type ImportRequest struct {
	Source string `json:"source" minLength:"1" maxLength:"200" doc:"The system that the rows come from"`
}

// ImportAnswer is what an importer works with.
type ImportAnswer struct {
	Run   string `json:"run" doc:"Name for this run; the correlation id of its events"`
	IDKey []byte `json:"id_key" doc:"Key (base64) that the importer hashes native ids and contents with, so that imports from several machines give equal ids. It is the same for a source for ever, and a secret"`
}

type importInput struct{ Body ImportRequest }

type importOutput struct{ Body ImportAnswer }

func (s *server) importRoutes() {
	register(s, route{
		id: opImport, method: http.MethodPost, path: "/v1/imports", tag: "events",
		summary: "Announce an import",
		text: "Gives a name for the run and the key that its event ids are hashed with. The rows themselves " +
			"go to POST /v1/events.",
		problems: []int{http.StatusUnprocessableEntity},
		request:  ImportRequest{Source: "/crm/bank"},
		response: ImportAnswer{Run: "0d9f6a0e-6f0f-4f0c-9b5e-0a8f0f6b7c11", IDKey: make([]byte, 32)},
	}, s.announceImport)
}

func (s *server) announceImport(ctx context.Context, in *importInput) (*importOutput, error) {
	p := callOf(ctx).principal
	if everywhere := p.Has(apikey.Admin) && len(p.Sources) == 0; !everywhere && !p.Owns(in.Body.Source) {
		return nil, invalid("/source", "this key may not publish for the source", "use a key with the source in its scope: ficha key create NAME --role publisher --source SOURCE")
	}
	key, err := hkdf.Key(sha256.New, s.cfg.Secret, nil, "import ids of "+in.Body.Source, 32)
	if err != nil {
		return nil, fmt.Errorf("derive import key: %w", err)
	}
	var run uuid.UUID
	if _, err := io.ReadFull(s.cfg.Rand, run[:]); err != nil {
		return nil, fmt.Errorf("name import: %w", err)
	}
	run[6], run[8] = run[6]&0x0f|0x40, run[8]&0x3f|0x80
	return &importOutput{Body: ImportAnswer{Run: run.String(), IDKey: key}}, nil
}
