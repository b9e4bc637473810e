package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"ficha/api/apikey"
	"ficha/events"
)

// Keys knows, makes and revokes API keys; *apikey.Keys is one.
type Keys interface {
	// Authenticate gives the principal of a key. apikey.ErrUnknownKey: none.
	Authenticate(ctx context.Context, key string) (apikey.Principal, error)
	// Create makes a key and gives it, this once.
	Create(ctx context.Context, name string, roles []apikey.Role, sources []string) (string, apikey.Info, error)
	// List gives all keys without their secrets, oldest first.
	List(ctx context.Context) ([]apikey.Info, error)
	// Revoke removes a key, or answers events.ErrNotFound.
	Revoke(ctx context.Context, id string) error
}

// KeyRequest asks for a new key.
type KeyRequest struct {
	Name    string        `json:"name" minLength:"1" maxLength:"128" doc:"For audit, and the agent that clicks are noted under"`
	Roles   []apikey.Role `json:"roles" minItems:"1" nullable:"false" enum:"publisher,agent,steward,operator,privacy,admin,auditor,system"`
	Sources []string      `json:"sources,omitempty" maxItems:"200" doc:"That a publisher may append for, each with everything below it"`
}

// KeyAnswer is a new key; it is shown this once.
type KeyAnswer struct {
	apikey.Info
	Key string `json:"key" example:"ficha_abcdefgh_…"`
}

// KeysAnswer lists keys without their secrets, oldest first.
type KeysAnswer struct {
	Data       []apikey.Info `json:"data"`
	NextCursor *string       `json:"next_cursor" doc:"Always null: there are few keys"`
}

// RevokedAnswer names the key that works no more.
type RevokedAnswer struct {
	ID string `json:"id"`
}

type keyInput struct{ Body KeyRequest }

type keyOutput struct{ Body KeyAnswer }

type keysOutput struct{ Body KeysAnswer }

type revokeInput struct {
	ID string `path:"id" maxLength:"64" doc:"The key's id: the part between the underscores"`
}

type revokeOutput struct{ Body RevokedAnswer }

func (s *server) keyRoutes() {
	info := apikey.Info{ID: "abcdefgh", Name: "crm", Roles: []apikey.Role{apikey.Publisher}, Sources: []string{"/crm/bank"}, CreatedAt: exampleStatus().Epoch}
	register(s, route{
		id: opKeyCreate, method: http.MethodPost, path: "/v1/keys", tag: "operations",
		summary: "Make a key", text: "The answer shows the key this once; of its secret only a keyed hash is kept.",
		request:  KeyRequest{Name: info.Name, Roles: info.Roles, Sources: info.Sources},
		response: KeyAnswer{Info: info, Key: "ficha_abcdefgh_abcdefghijklmnopqrstuvwxyz234567"},
	}, s.createKey)
	register(s, route{
		id: opKeyList, method: http.MethodGet, path: "/v1/keys", tag: "operations",
		summary: "List keys", text: "Without their secrets, oldest first.", response: KeysAnswer{Data: []apikey.Info{info}},
	}, s.listKeys)
	register(s, route{
		id: opKeyRevoke, method: http.MethodDelete, path: "/v1/keys/{id}", tag: "operations",
		summary: "Revoke a key", text: "It stops working at once, in other processes of the hub within a second.",
		problems: []int{http.StatusNotFound, http.StatusUnprocessableEntity}, response: RevokedAnswer{ID: info.ID},
	}, s.revokeKey)
}

// keys gives the keys; a hub that was started without any has none to manage.
func (s *server) keys() (Keys, error) {
	if s.cfg.Keys == nil {
		p := notFound("key")
		p.Detail = "This hub runs without keys."
		return nil, p
	}
	return s.cfg.Keys, nil
}

func (s *server) createKey(ctx context.Context, in *keyInput) (*keyOutput, error) {
	keys, err := s.keys()
	if err != nil {
		return nil, err
	}
	key, info, err := keys.Create(ctx, in.Body.Name, in.Body.Roles, in.Body.Sources)
	if errors.Is(err, events.ErrInvalid) {
		return nil, invalid("", err.Error(), "compare with the reference, /docs")
	}
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return &keyOutput{Body: KeyAnswer{Info: info, Key: key}}, nil
}

func (s *server) listKeys(ctx context.Context, _ *empty) (*keysOutput, error) {
	keys, err := s.keys()
	if err != nil {
		return nil, err
	}
	all, err := keys.List(ctx)
	if err != nil {
		return nil, err
	}
	return &keysOutput{Body: KeysAnswer{Data: append([]apikey.Info{}, all...)}}, nil
}

func (s *server) revokeKey(ctx context.Context, in *revokeInput) (*revokeOutput, error) {
	keys, err := s.keys()
	if err == nil {
		err = keys.Revoke(ctx, in.ID)
	}
	if errors.Is(err, events.ErrNotFound) {
		return nil, notFound("key")
	}
	if err != nil {
		return nil, err
	}
	return &revokeOutput{Body: RevokedAnswer{ID: in.ID}}, nil
}
