package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"ficha/api/apikey"
)

// call is what the hub knows about one request while it is served.
type call struct {
	trace     string           // 32 hex digits
	accept    string           // Accept-Language
	principal apikey.Principal // zero until authenticated
	operation string           // id of the OpenAPI operation, "" when no route fits
	cause     error            // of an internal error, for the log
}

type callKey struct{}

// callOf gives the request's call; outside of [frame] an empty one.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// addressed gives a copy of p with the trace id, in the caller's language.
func (c *call) addressed(p *Problem) *Problem {
	to := *p
	to.TraceID = c.trace
	if languageOf(c.accept) == "es" {
		to.translate()
	}
	return &to
}

// frame is around every request: trace id, security headers, one problem for
// what the router refuses, a net under panics, one log line, one observation.
// The log line names the operation, never the path, query or body: callers
// sometimes put telephone numbers where ids belong.
func (s *server) frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.cfg.Clock()
		c := &call{trace: s.traceID(r), accept: r.Header.Get("Accept-Language")}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		setHeaders(w.Header(), c.trace)
		a := &answer{ResponseWriter: w, request: r, call: c}
		defer func() {
			if cause := recover(); cause != nil {
				s.panicked(a, c, cause)
			}
			s.finish(r, a, c, s.cfg.Clock().Sub(began))
		}()
		// Another web page in the browser of somebody who may reach the hub must not
		// write here: with --insecure there is no key that it would lack.
		if s.origins.Check(r) != nil {
			r.Pattern = "-" // it did not come as far as the router
			writeProblem(a, c.addressed(newProblem(http.StatusForbidden, "cross_origin")))
			return
		}
		r.Body = incoming{r.Body}
		next.ServeHTTP(a, r)
	})
}

func setHeaders(h http.Header, trace string) {
	h["Ficha-Trace"] = []string{trace}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-store"}
	h["Referrer-Policy"] = []string{"no-referrer"}
	h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'"}
}

// traceID takes the trace of a W3C traceparent header, else makes one.
func (s *server) traceID(r *http.Request) string {
	if h := r.Header.Get("Traceparent"); len(h) >= 35 && h[2] == '-' {
		if id := h[3:35]; id != strings.Repeat("0", 32) && isHex(id) {
			return id
		}
	}
	var b [16]byte
	if _, err := io.ReadFull(s.cfg.Rand, b[:]); err != nil {
		return strings.Repeat("0", 32) // a request without a trace id is better than none
	}
	return hex.EncodeToString(b[:])
}

func isHex(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

func (s *server) panicked(a *answer, c *call, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	s.cfg.Logger.Error("request panicked", "operation", c.operation, "trace", c.trace, "panic", describe(cause), "stack", string(debug.Stack()))
	if a.status == 0 {
		writeProblem(a, c.addressed(newProblem(http.StatusInternalServerError, "internal")))
	}
}

// describe says what a panic was about without what may be a customer's value:
// only the runtime's own texts are known to hold none.
func describe(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", cause)
}

func (s *server) finish(r *http.Request, a *answer, c *call, took time.Duration) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	s.metrics.request(c.operation, a.status, took)
	level := slog.LevelInfo
	switch {
	case a.status >= 500 && a.status != http.StatusServiceUnavailable:
		level = slog.LevelError
	case a.status < 400 && quiet(c.operation):
		level = slog.LevelDebug
	}
	if !s.cfg.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", c.operation), slog.String("method", r.Method), slog.Int("status", a.status),
		slog.Int64("bytes", a.bytes), slog.Duration("took", took), slog.String("key", c.principal.ID), slog.String("trace", c.trace),
	}
	if c.cause != nil {
		attrs = append(attrs, slog.String("cause", c.cause.Error()))
	}
	s.cfg.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// quiet names the operations that are asked thousands of times a second, or by
// machines every few seconds; their successes are for debugging only.
func quiet(operation string) bool {
	switch operation {
	case opContactCheck, opLive, opReady, opMetrics:
		return true
	}
	return false
}

// incoming is a request's body. One that breaks off is the sender's trouble, not
// ours: it is told apart from errors of the hub as if it had come too slowly.
type incoming struct{ io.ReadCloser }

func (b incoming) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = brokenOff{err}
	}
	return n, err
}

// brokenOff is a [net.Error].
type brokenOff struct{ error }

func (brokenOff) Timeout() bool   { return true }
func (brokenOff) Temporary() bool { return false }

// answer watches what is written. What the router itself refuses (404, 405:
// request without pattern) it turns into a problem.
type answer struct {
	http.ResponseWriter
	request *http.Request
	call    *call
	status  int
	bytes   int64
	swallow bool // the router's own plain text
}

func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	if a.request.Pattern != "" || (status != http.StatusNotFound && status != http.StatusMethodNotAllowed) {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	code := "no_such_route"
	if status == http.StatusMethodNotAllowed {
		code = "method_not_allowed"
	}
	a.Header().Del("Content-Length")
	writeProblem(a.ResponseWriter, a.call.addressed(newProblem(status, code)))
	a.swallow = true
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.swallow {
		return len(b), nil
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets [http.ResponseController] reach deadlines and flushing.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
