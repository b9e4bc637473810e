package api

import (
	"context"
	"encoding/hex"
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

// frame is around every request: trace id, security headers, one problem for
// what the router refuses, a net under panics, one log line, one observation.
// The log line names the operation, never the path, query or body: callers
// sometimes put telephone numbers where ids belong.
func (s *server) frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.cfg.Clock()
		c := &call{trace: s.traceID(r)}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		setHeaders(w.Header(), c.trace)
		a := &answer{ResponseWriter: w, request: r, trace: c.trace}
		defer func() {
			if cause := recover(); cause != nil {
				s.panicked(a, c, cause)
			}
			s.finish(r, a, c, s.cfg.Clock().Sub(began))
		}()
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
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	s.cfg.Logger.Error("request panicked", "operation", c.operation, "trace", c.trace, "panic", describe(cause), "stack", string(debug.Stack()))
	if a.status == 0 {
		p := newProblem(http.StatusInternalServerError, "internal")
		p.TraceID = c.trace
		writeProblem(a, p)
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

// answer watches what is written. What the router itself refuses (404, 405:
// request without pattern) it turns into a problem.
type answer struct {
	http.ResponseWriter
	request *http.Request
	trace   string
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
	p := newProblem(status, code)
	p.TraceID = a.trace
	a.Header().Del("Content-Length")
	writeProblem(a.ResponseWriter, p)
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
