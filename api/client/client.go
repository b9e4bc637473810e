// Package client talks to a hub over HTTP: what the command line uses, and what
// a Go program that sends events or asks questions may use. It holds no state
// but the address and the key.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ficha/events"
)

// maxAnswer bounds an answer's body.
const maxAnswer = 64 << 20

// Client calls one hub. Safe for concurrent use.
type Client struct {
	BaseURL string       // http://127.0.0.1:8360
	Key     string       // API key; empty for a hub that runs with --insecure
	HTTP    *http.Client // nil: one with a 60 s time-out

	language string // of texts; "": the hub's default
	match    string // ETag that what is written to must have; "": any
}

// In gives a client that asks for texts in a language: es or en.
func (c *Client) In(language string) *Client {
	other := *c
	other.language = language
	return &other
}

// IfMatch gives a client whose requests fail with a *Problem of status 412 unless
// what they are about still has an ETag.
func (c *Client) IfMatch(etag string) *Client {
	other := *c
	other.match = etag
	return &other
}

// Problem is an answer other than 2xx (RFC 9457).
type Problem struct {
	Status  int    `json:"status"`
	Title   string `json:"title"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	TraceID string `json:"trace_id"`
	Errors  []struct {
		Pointer string `json:"pointer"`
		Message string `json:"message"`
		Detail  string `json:"detail"`
	} `json:"errors"`
	// Conflict says with 412 who changed the thing, when, and what it is now.
	Conflict *struct {
		By   string    `json:"by"`
		At   time.Time `json:"at"`
		What string    `json:"what"`
		ETag string    `json:"etag"`
	} `json:"conflict"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%d %s)", p.text(), p.Status, p.Code)
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", e.Pointer, e.Detail+e.Message)
	}
	if o := p.Conflict; o != nil && o.By != "" && !strings.Contains(p.Detail, o.By) {
		fmt.Fprintf(&b, "\n  changed by %s at %s: %s", o.By, o.At.UTC().Format(time.RFC3339), o.What)
	}
	return b.String()
}

func (p *Problem) text() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// Is matches the sentinels of package events by status.
func (p *Problem) Is(target error) bool {
	switch target {
	case events.ErrNotFound:
		return p.Status == http.StatusNotFound
	case events.ErrConflict:
		return p.Status == http.StatusConflict || p.Status == http.StatusPreconditionFailed
	case events.ErrUnavailable:
		return p.Status == http.StatusServiceUnavailable
	case events.ErrInvalid:
		return p.Status == http.StatusBadRequest || p.Status == http.StatusUnprocessableEntity
	}
	return false
}

// Unreachable says that no whole answer came: nobody listens, the certificate is
// not trusted, it took too long, the connection broke, or the caller gave up. It
// matches events.ErrUnavailable.
type Unreachable struct {
	URL string // the hub's address
	Err error  // why
}

func (u *Unreachable) Error() string { return fmt.Sprintf("ask hub at %s: %v", u.URL, u.Err) }

// Unwrap gives the cause.
func (u *Unreachable) Unwrap() error { return u.Err }

// Do sends body as JSON (nil: none) and reads the answer into out (nil: ignored;
// *[]byte: as it is). An answer other than 2xx is a *Problem.
func (c *Client) Do(ctx context.Context, method, path string, body, out any) error {
	var send []byte
	if body != nil {
		var err error
		if send, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	return c.send(ctx, method, path, "application/json", send, out)
}

// Submit posts a batch of events.
func (c *Client) Submit(ctx context.Context, batch []events.Envelope) (events.SubmitResult, error) {
	var res events.SubmitResult
	body, err := json.Marshal(batch)
	if err != nil {
		return res, fmt.Errorf("encode batch: %w", err)
	}
	return c.SubmitRaw(ctx, events.FormatBatch, body)
}

// SubmitRaw posts a body of events as it is.
func (c *Client) SubmitRaw(ctx context.Context, format events.Format, body []byte) (events.SubmitResult, error) {
	var res events.SubmitResult
	err := c.send(ctx, http.MethodPost, "/v1/events", string(format), body, &res)
	for _, r := range res.Results {
		if r.Status == events.StatusRejected {
			res.Rejected++
		}
	}
	return res, err
}

func (c *Client) send(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.BaseURL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if c.language != "" {
		req.Header.Set("Accept-Language", c.language)
	}
	if c.match != "" {
		req.Header.Set("If-Match", c.match)
	}
	resp, err := c.http().Do(req)
	if err != nil {
		return &Unreachable{URL: c.BaseURL, Err: unwrapURL(err)}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &Unreachable{URL: c.BaseURL, Err: fmt.Errorf("%w: read answer: %w", events.ErrUnavailable, err)}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return problemFrom(resp, answer)
	}
	return decodeInto(out, answer)
}

func decodeInto(out any, answer []byte) error {
	switch o := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*o = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

func problemFrom(resp *http.Response, answer []byte) error {
	p := &Problem{}
	if json.Unmarshal(answer, p) != nil || p.Title == "" && p.Detail == "" {
		p = &Problem{Title: http.StatusText(resp.StatusCode)}
	}
	p.Status = resp.StatusCode
	return p
}

// unwrapURL drops the method and address that net/http puts before a cause.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%w: %w", events.ErrUnavailable, u.Err)
	}
	return err
}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return &http.Client{Timeout: time.Minute}
}
