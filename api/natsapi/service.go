package natsapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"ficha/api"
	"ficha/events"
)

// Config is what [Serve] needs. Fields without a default are required.
type Config struct {
	// Conn is for the services alone: Close closes it.
	Conn *nats.Conn
	// Handler answers, as it does over HTTP.
	Handler http.Handler
	// Prefix begins all subjects, as it does those of the log. Default "ficha".
	Prefix string
	// Version of the hub, a semantic one. Default 0.0.0.
	Version string
	// Workers is how many requests of one endpoint are answered at once; more wait.
	// Default 32.
	Workers int
	// Timeout is how long one answer may take. Default 30 s.
	Timeout time.Duration
	// Logger default: discards. It hears of no subject, body or header.
	Logger *slog.Logger
}

// Requests of one endpoint that may wait in this process. What comes beyond is
// dropped, and its sender runs into a time-out.
const (
	maxWaiting      = 8192
	maxWaitingBytes = 64 << 20
)

func (c Config) withDefaults() (Config, error) {
	if c.Conn == nil || c.Handler == nil {
		return c, fmt.Errorf("configure NATS services: connection and handler are required: %w", events.ErrInvalid)
	}
	c.Prefix, c.Version = cmp.Or(c.Prefix, "ficha"), cmp.Or(c.Version, "0.0.0")
	c.Workers, c.Timeout = cmp.Or(c.Workers, 32), cmp.Or(c.Timeout, 30*time.Second)
	if c.Workers < 1 || c.Timeout < 0 {
		return c, fmt.Errorf("configure NATS services: negative settings: %w", events.ErrInvalid)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Service answers requests until it is closed.
type Service struct {
	cfg   Config
	micro micro.Service
	life  context.Context
	end   context.CancelFunc
	busy  sync.WaitGroup
	lines map[string]*line // by name of endpoint
}

// line is an endpoint with its workers and its count.
type line struct {
	endpoint
	places chan struct{}

	mu    sync.Mutex
	count tally
}

// tally is what STATS says of an endpoint beside what NATS itself counts: that
// ends when a request is given to a worker.
type tally struct {
	Answered int     `json:"answered"`
	Errors   int     `json:"errors"` // answers other than 2xx
	Seconds  float64 `json:"seconds"`
}

// Serve answers on all subjects, also when ctx has ended. Close it.
func Serve(ctx context.Context, cfg Config) (*Service, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, lines: map[string]*line{}}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	for _, e := range endpoints() {
		s.lines[e.name] = &line{endpoint: e, places: make(chan struct{}, cfg.Workers)}
	}
	if err := s.open(); err != nil {
		s.end()
		return nil, fmt.Errorf("serve over NATS: %w", err)
	}
	return s, nil
}

func (s *Service) open() (err error) {
	s.micro, err = micro.AddService(s.cfg.Conn, micro.Config{
		Name: s.cfg.Prefix, Version: s.cfg.Version, Description: "customers and contact; each request with Authorization: Bearer KEY",
		StatsHandler: func(e *micro.Endpoint) any { return s.lines[e.Name].tally() },
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) {
			s.cfg.Logger.Warn("NATS service", "subject", err.Subject, "error", err.Description)
		},
	})
	if err != nil {
		return err
	}
	for _, e := range endpoints() { // in this order, so that INFO lists them so
		l := s.lines[e.name]
		err := s.micro.AddEndpoint(e.name, micro.HandlerFunc(func(r micro.Request) { s.take(l, r) }),
			micro.WithEndpointSubject(s.cfg.Prefix+"."+e.subject),
			micro.WithEndpointMetadata(map[string]string{"does": e.text}),
			micro.WithEndpointPendingLimits(maxWaiting, maxWaitingBytes))
		if err != nil {
			return errors.Join(err, s.micro.Stop())
		}
	}
	return s.cfg.Conn.Flush() // the server knows them when Serve returns
}

// Close stops taking requests, answers those that were taken until ctx ends, and
// closes the connection.
func (s *Service) Close(ctx context.Context) error {
	err := s.micro.Stop()
	for s.cfg.Conn.NumSubscriptions() > 0 && ctx.Err() == nil && s.cfg.Conn.IsConnected() {
		time.Sleep(time.Millisecond) // those that wait in this process are still taken
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.busy.Wait()
	}()
	select {
	case <-answered:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("answer what was taken: %w", ctx.Err()))
	}
	s.end()
	if s.cfg.Conn.IsConnected() {
		err = errors.Join(err, s.cfg.Conn.FlushTimeout(time.Second))
	}
	s.cfg.Conn.Close()
	if err != nil {
		return fmt.Errorf("close NATS services: %w", err)
	}
	return nil
}

// take gives a request to a worker, or waits until one is free: then the requests
// behind it wait too.
func (s *Service) take(l *line, r micro.Request) {
	if !s.mayReply(r.Reply()) {
		s.cfg.Logger.Debug("NATS request without a place to answer", "endpoint", l.name)
		return
	}
	l.places <- struct{}{}
	s.busy.Add(1)
	go func() {
		defer func() { <-l.places; s.busy.Done() }()
		s.answer(l, r)
	}()
}

// mayReply refuses to answer into the hub's own subjects. Where the embedded
// server listens it would not let that happen; another server may.
func (s *Service) mayReply(subject string) bool {
	return subject != "" && !strings.HasPrefix(subject, s.cfg.Prefix+".") && !strings.HasPrefix(subject, "$")
}

func (s *Service) answer(l *line, r micro.Request) {
	began := time.Now()
	a := &answer{header: http.Header{}}
	s.serve(l, r, a)
	reply := a.message(r.Reply(), s.room())
	if err := s.cfg.Conn.PublishMsg(reply); err != nil {
		s.cfg.Logger.Warn("answer over NATS", "endpoint", l.name, "error", err)
	}
	l.note(reply.Header.Get(micro.ErrorCodeHeader) != "", time.Since(began))
}

// room is how many bytes of data an answer may have.
func (s *Service) room() int { return int(s.cfg.Conn.MaxPayload()) - headerRoom }

// headerRoom is more than what the headers of an answer take, in bytes.
const headerRoom = 4096

func (s *Service) serve(l *line, r micro.Request, a *answer) {
	request, problem := l.request(r.Data())
	if problem != nil {
		a.refuse(problem)
		return
	}
	takeHeaders(request.Header, nats.Header(r.Headers()))
	ctx, cancel := context.WithTimeout(s.life, s.cfg.Timeout)
	defer cancel()
	s.cfg.Handler.ServeHTTP(a, request.WithContext(ctx))
}

func (l *line) note(failed bool, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.Answered++
	l.count.Seconds += took.Seconds()
	if failed {
		l.count.Errors++
	}
}

func (l *line) tally() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// answer is what the handler writes to.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

var _ http.ResponseWriter = (*answer)(nil)

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// refuse answers with a problem instead of whatever was written.
func (a *answer) refuse(p *api.Problem) {
	a.status = p.Status
	a.body.Reset()
	a.header.Set("Content-Type", "application/problem+json")
	_ = json.NewEncoder(&a.body).Encode(p) // texts and numbers into memory
}

// message is the answer as a reply of at most room bytes.
func (a *answer) message(reply string, room int) *nats.Msg {
	if a.body.Len() > room {
		a.refuse(api.NewProblem(http.StatusRequestEntityTooLarge, "too_large",
			"The answer is over "+strconv.Itoa(room)+" bytes, which is what NATS may carry; ask for less at a time."))
	}
	m := nats.NewMsg(reply)
	m.Data = bytes.TrimSuffix(a.body.Bytes(), []byte("\n"))
	for name, values := range a.header {
		if returned(name) {
			m.Header[name] = values
		}
	}
	if a.status >= 300 {
		m.Header.Set(micro.ErrorCodeHeader, strconv.Itoa(a.status))
		m.Header.Set(micro.ErrorHeader, titleOf(a.status, m.Data))
	}
	return m
}

// titleOf is the problem's title, which is the same for every occurrence.
func titleOf(status int, problem []byte) string {
	var p struct {
		Title string `json:"title"`
	}
	if json.Unmarshal(problem, &p) == nil && p.Title != "" {
		return p.Title
	}
	return cmp.Or(http.StatusText(status), "error")
}
