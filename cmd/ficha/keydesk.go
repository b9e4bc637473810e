package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"ficha/api/apikey"
	"ficha/api/client"
)

// withRemoteKeys asks the running hub.
func (a *app) withRemoteKeys(ctx context.Context, do func(context.Context, keyDesk) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	return do(ctx, remoteKeys{c})
}

// remoteKeys are kept by a running hub.
type remoteKeys struct{ c *client.Client }

func (r remoteKeys) create(ctx context.Context, name string, roles []apikey.Role, sources []string) (keyInfo, error) {
	var made keyInfo
	body := map[string]any{"name": name, "roles": roles, "sources": sources}
	err := r.c.Do(ctx, http.MethodPost, "/v1/keys", body, &made)
	made.CreatedAt = made.CreatedAt.Truncate(time.Second) // as the files' desk shows it
	return made, err
}

func (r remoteKeys) list(ctx context.Context) ([]keyInfo, error) {
	var res struct {
		Data []keyInfo `json:"data"`
	}
	err := r.c.Do(ctx, http.MethodGet, "/v1/keys", nil, &res)
	for i := range res.Data {
		res.Data[i].CreatedAt = res.Data[i].CreatedAt.Truncate(time.Second)
	}
	return res.Data, err
}

func (r remoteKeys) revoke(ctx context.Context, id string) error {
	return r.c.Do(ctx, http.MethodDelete, "/v1/keys/"+url.PathEscape(id), nil, nil)
}

// withLocalKeys opens the files of a hub that does not run.
func (a *app) withLocalKeys(ctx context.Context, do func(context.Context, keyDesk) error) error {
	logger := slog.New(slog.NewTextHandler(a.std.err, &slog.HandlerOptions{Level: slog.LevelError}))
	h, err := openClosedHub(ctx, closedHubConfig(a.data, logger))
	if err != nil {
		return err
	}
	defer h.close(logger)
	return do(ctx, localKeys{h.keys})
}

// localKeys are kept in a data directory.
type localKeys struct{ keys *apikey.Keys }

func (l localKeys) create(ctx context.Context, name string, roles []apikey.Role, sources []string) (keyInfo, error) {
	key, info, err := l.keys.Create(ctx, name, roles, sources)
	if err != nil {
		return keyInfo{}, &exitWith{exitUsage, err}
	}
	made := shownKey(info)
	made.Key = key
	return made, nil
}

func (l localKeys) list(ctx context.Context) ([]keyInfo, error) {
	infos, err := l.keys.List(ctx)
	out := make([]keyInfo, len(infos))
	for i, info := range infos {
		out[i] = shownKey(info)
	}
	return out, err
}

func (l localKeys) revoke(ctx context.Context, id string) error { return l.keys.Revoke(ctx, id) }

func shownKey(i apikey.Info) keyInfo {
	k := keyInfo{ID: i.ID, Name: i.Name, Sources: i.Sources, CreatedAt: i.CreatedAt.UTC().Truncate(time.Second)}
	for _, r := range i.Roles {
		k.Roles = append(k.Roles, string(r))
	}
	return k
}
