package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"ficha/api/client"
)

// pageSize is how many entries of a list are asked for at once.
const pageSize = 200

// eachPage reads a list of the hub page after page until limit (0: to the end) and
// shows each as it comes, so that a long list shows at once. It says when there is
// nothing, or more.
func (a *app) eachPage(ctx context.Context, c *client.Client, path string, q url.Values, limit int, show func([]json.RawMessage) error) error {
	shown := 0
	for {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-shown)
		}
		q.Set("limit", strconv.Itoa(size))
		var page struct {
			Data []json.RawMessage `json:"data"`
			Next *string           `json:"next_cursor"`
		}
		if err := c.Do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		if err := show(page.Data); err != nil {
			return err
		}
		shown += len(page.Data)
		switch {
		case page.Next == nil || *page.Next == "":
			if shown == 0 {
				a.say("nothing yet")
			}
			return nil
		case limit > 0 && shown >= limit:
			a.say("there is more; --limit 0 shows all")
			return nil
		}
		q.Set("cursor", *page.Next)
	}
}

// printAll prints entries as they came, one a line.
func (a *app) printAll(entries []json.RawMessage) error {
	for _, e := range entries {
		if err := a.print(e); err != nil {
			return err
		}
	}
	return nil
}
