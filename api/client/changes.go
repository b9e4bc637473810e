package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Change is one event of the change feed as it came.
type Change struct {
	ID   string // to be kept: the next Follow goes on behind it
	Kind string // created, changed, merged, split, redirected, contact_flip; position: how far the feed is, nothing happened
	Data []byte // JSON
}

// Feed says what of the change feed to follow.
type Feed struct {
	After   string   // the id of the last change that you have; "0": the oldest that is kept; "": from now on
	Kinds   []string // none: all
	Include []string // customer: each change comes with the customer as it is now
}

// silence is how long a feed may say nothing, not even that it is there, before
// it is taken for dead.
const silence = 45 * time.Second

// ErrSilent: the hub said nothing for too long.
var ErrSilent = errors.New("the hub fell silent")

// Follow calls yield for each change, in order, until yield gives an error or ctx
// ends, and gives that error. It comes back by itself where the connection broke,
// with the id of the last change that yield took, once a hub has answered at all. An
// answer that it would get again is given: a *Problem of status 410 says that changes behind After are kept no
// more, 401 and 403 that the key may not.
func (c *Client) Follow(ctx context.Context, f Feed, yield func(Change) error) error {
	pause, answered := time.Second, false
	for {
		took, err := c.followOnce(ctx, &f, &answered, yield)
		var stop *stopped
		var problem *Problem
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &stop):
			return stop.error
		case errors.As(err, &problem) && problem.Status < 500 && problem.Status != http.StatusTooManyRequests:
			return err
		case !answered: // nobody is there, or it is no hub
			return err
		}
		if took {
			pause = time.Second
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// ChangesPage is a stretch of the change feed.
type ChangesPage struct {
	Data        []json.RawMessage `json:"data"`
	NextCursor  *string           `json:"next_cursor"`   // nil: there is no more yet
	LastEventID string            `json:"last_event_id"` // to go on behind
}

// Changes gives at most limit changes that are there already.
func (c *Client) Changes(ctx context.Context, f Feed, limit int) (page ChangesPage, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	resp, err := c.openFeed(ctx, &f, "application/json", url.Values{"limit": {strconv.Itoa(limit)}})
	if err != nil {
		return page, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return page, &Unreachable{URL: c.BaseURL, Err: fmt.Errorf("read answer: %w", err)}
	}
	return page, decodeInto(&page, answer)
}

// stopped is an error of yield.
type stopped struct{ error }

// followOnce reads one stream until it breaks. took says whether anything came.
func (c *Client) followOnce(ctx context.Context, f *Feed, answered *bool, yield func(Change) error) (took bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := c.openFeed(ctx, f, "text/event-stream", url.Values{})
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	*answered = true
	alarm := time.AfterFunc(silence, func() { cancel(ErrSilent) })
	defer alarm.Stop()
	lines := bufio.NewReader(resp.Body)
	var next Change
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return took, &Unreachable{URL: c.BaseURL, Err: errors.Join(context.Cause(ctx), err)}
		}
		alarm.Reset(silence)
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			next.read(line)
			continue
		}
		if len(next.Data) > 0 {
			if err := yield(next); err != nil {
				return took, &stopped{err}
			}
			f.After, took = next.ID, true
		}
		next = Change{}
	}
}

// read takes one line of an event: name, colon, value.
func (c *Change) read(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "id":
		c.ID = value
	case "event":
		c.Kind = value
	case "data":
		if c.Data != nil {
			c.Data = append(c.Data, '\n')
		}
		c.Data = append(c.Data, value...)
	}
}

func (c *Client) openFeed(ctx context.Context, f *Feed, accept string, q url.Values) (*http.Response, error) {
	for name, list := range map[string][]string{"kinds": f.Kinds, "include": f.Include} {
		if len(list) > 0 {
			q.Set(name, strings.Join(list, ","))
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.BaseURL, "/")+"/v1/changes?"+q.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", accept)
	if f.After != "" {
		req.Header.Set("Last-Event-ID", f.After)
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	transport := http.DefaultTransport
	if c.HTTP != nil && c.HTTP.Transport != nil {
		transport = c.HTTP.Transport
	}
	resp, err := (&http.Client{Transport: transport}).Do(req) // without the time-out of other requests
	if err != nil {
		return nil, &Unreachable{URL: c.BaseURL, Err: unwrapURL(err)}
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return nil, &Unreachable{URL: c.BaseURL, Err: err}
		}
		return nil, problemFrom(resp, answer)
	}
	return resp, nil
}
