package natsapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/goleak"

	"ficha/api"
	"ficha/api/natsapi"
	"ficha/events"
	"ficha/events/natslog"
)

// bench is a service over a handler, and a connection that asks it.
type bench struct {
	*nats.Conn
	server  *natslog.Server
	t       *testing.T
	service *natsapi.Service
	logged  *bytes.Buffer
}

func serve(t *testing.T, handler http.HandlerFunc, change func(*natsapi.Config)) *bench {
	t.Helper()
	server, err := natslog.StartServer(natslog.ServerConfig{Dir: t.TempDir(), MaxPayload: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	conn, err := server.ServiceConn()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Conn: server.Conn(), server: server, t: t, logged: &bytes.Buffer{}}
	cfg := natsapi.Config{Conn: conn, Handler: handler, Version: "1.2.3-test", Logger: slog.New(slog.NewTextHandler(b.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg)
	}
	if b.service, err = natsapi.Serve(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

func (b *bench) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.service.Close(ctx); err != nil {
		b.t.Errorf("close: %v", err)
	}
}

func (b *bench) ask(subject, body string, headers ...string) *nats.Msg {
	b.t.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	for i := 0; i < len(headers); i += 2 {
		m.Header[headers[i]] = []string{headers[i+1]}
	}
	answer, err := b.RequestMsg(m, 10*time.Second)
	if err != nil {
		b.t.Fatalf("%s: %v", subject, err)
	}
	return answer
}

// TestRequestsReachTheirRoutes: each subject has the body, headers and path of its
// route, and the answer is the handler's.
func TestRequestsReachTheirRoutes(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Ficha-Rejected", "2")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		fmt.Fprintf(w, "%s %s %s %d %q %v %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.ContentLength, body, r.Header, r.RemoteAddr)
	}, nil)
	for _, c := range []struct{ subject, body, want string }{
		{"ficha.append", `[{}]`, `POST /v1/events  4 "[{}]" map[] `},
		{"ficha.contact.check", `{"checks":[]}`, `POST /v1/contact-checks  13 "{\"checks\":[]}" map[] `},
		{"ficha.customer.lookup", `{}`, `POST /v1/customers:lookup  2 "{}" map[] `},
		{"ficha.customer.search", ``, `POST /v1/customers:search  0 "" map[] `},
		{"ficha.customer.get", `{"id":"abc-1"}`, `GET /v1/customers/abc-1  0 "" map[] `},
		{"ficha.customer.get", `{"id":"abc-1","min_position":7}`, `GET /v1/customers/abc-1 min_position=7 0 "" map[] `},
		{"ficha.customer.get", `{"id":"a/../b:merge?x=1"}`, `GET /v1/customers/a%2F..%2Fb%3Amerge%3Fx=1  0 "" map[] `},
	} {
		m := b.ask(c.subject, c.body)
		if string(m.Data) != c.want {
			t.Errorf("%s: %s, want %s", c.subject, m.Data, c.want)
		}
		if m.Header.Get("Ficha-Rejected") != "2" || m.Header.Get("X-Content-Type-Options") != "" || m.Header.Get(micro.ErrorCodeHeader) != "" {
			t.Errorf("%s: headers %v", c.subject, m.Header)
		}
	}
	m := b.ask("ficha.append", "x", "authorization", "Bearer k", "Accept-Language", "es", "idempotency-key", "i", "Ficha-Position", "9",
		"Content-Type", "application/x-ndjson", "ce-id", "1", "Forwarded", "for=127.0.0.1", "X-Forwarded-For", "127.0.0.1", "Origin", "http://evil", "Nats-Msg-Id", "n")
	for _, want := range []string{"Authorization:[Bearer k]", "Accept-Language:[es]", "Idempotency-Key:[i]", "Ficha-Position:[9]", "Content-Type:[application/x-ndjson]", "Ce-Id:[1]"} {
		if !strings.Contains(string(m.Data), want) {
			t.Errorf("no %s in %s", want, m.Data)
		}
	}
	for _, unwanted := range []string{"orwarded", "Origin", "Nats-"} {
		if strings.Contains(string(m.Data), unwanted) {
			t.Errorf("%s in %s", unwanted, m.Data)
		}
	}
}

// TestErrorsAreServiceErrors: the code is the status, the data the problem.
func TestErrorsAreServiceErrors(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/contact-checks":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 64<<10))
		case "/v1/customers:lookup":
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			_ = json.NewEncoder(w).Encode(api.NewProblem(http.StatusTooManyRequests, "too_many_requests", ""))
		default:
			w.WriteHeader(http.StatusBadGateway)
		}
	}, nil)
	for _, c := range []struct{ subject, body, code, title, problem string }{
		{"ficha.customer.lookup", "{}", "429", "Too many requests", "too_many_requests"},
		{"ficha.contact.check", "{}", "413", "Too large", "too_large"},
		{"ficha.customer.get", "{", "400", "Not JSON", "invalid_json"},
		{"ficha.customer.get", `{"id":"a"}{}`, "400", "Not JSON", "invalid_json"},
		{"ficha.customer.get", `{"id":"a","at":"x"}`, "400", "Not JSON", "invalid_json"},
		{"ficha.customer.get", `{}`, "422", "Not usable as it is", "invalid"},
		{"ficha.append", "", "502", "Bad Gateway", ""},
	} {
		m := b.ask(c.subject, c.body)
		if m.Header.Get(micro.ErrorCodeHeader) != c.code || m.Header.Get(micro.ErrorHeader) != c.title {
			t.Errorf("%s %s: %v", c.subject, c.body, m.Header)
		}
		var p api.Problem
		if c.problem != "" && (json.Unmarshal(m.Data, &p) != nil || p.Code != c.problem || p.Detail == "") {
			t.Errorf("%s %s: %s", c.subject, c.body, m.Data)
		}
	}
	if h := b.ask("ficha.customer.lookup", "{}").Header; h.Get("Retry-After") != "1" || h.Get("Content-Type") != "application/problem+json" {
		t.Errorf("headers %v", h)
	}
}

// TestWorkersAreBounded: never more than Workers at once of one endpoint, another
// endpoint is not held up, and all are answered.
func TestWorkersAreBounded(t *testing.T) {
	var now, most, checks atomic.Int64
	release := make(chan struct{})
	b := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/contact-checks" {
			checks.Add(1)
			return
		}
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-release
		now.Add(-1)
	}, func(c *natsapi.Config) { c.Workers = 3 })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { b.ask("ficha.append", "x") })
	}
	for deadline := time.Now().Add(5 * time.Second); now.Load() < 3 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	b.ask("ficha.contact.check", "x")
	close(release)
	wg.Wait()
	if most.Load() != 3 || checks.Load() != 1 {
		t.Errorf("%d at once, want 3; %d checks", most.Load(), checks.Load())
	}
}

// TestCloseAnswersWhatWasTaken: requests that came before Close are answered, and
// nobody answers afterwards.
func TestCloseAnswersWhatWasTaken(t *testing.T) {
	began := make(chan struct{}, 100)
	b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		began <- struct{}{}
		time.Sleep(20 * time.Millisecond)
		_, _ = w.Write([]byte("done"))
	}, func(c *natsapi.Config) { c.Workers = 2 })
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if m := b.ask("ficha.append", "x"); string(m.Data) != "done" {
				t.Errorf("answered %q", m.Data)
			}
		})
	}
	<-began
	time.Sleep(10 * time.Millisecond) // the other nine wait in the process
	b.close()
	wg.Wait()
	if _, err := b.Request("ficha.append", nil, time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("after Close: %v", err)
	}
}

// TestRepliesIntoTheHubsSubjectsAreNotSent: whatever the server would allow.
func TestRepliesIntoTheHubsSubjectsAreNotSent(t *testing.T) {
	var served atomic.Int64
	b := serve(t, func(http.ResponseWriter, *http.Request) { served.Add(1) }, nil)
	heard, err := b.SubscribeSync("ficha.log.>")
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{"ficha.log.contact.x", "ficha.inbox.x", "$JS.API.STREAM.DELETE.FICHA_LOG", ""} {
		if err := b.PublishMsg(&nats.Msg{Subject: "ficha.append", Reply: reply}); err != nil {
			t.Fatal(err)
		}
	}
	b.ask("ficha.append", "x") // after the others
	if m, err := heard.NextMsg(50 * time.Millisecond); err == nil {
		t.Errorf("answered on %s", m.Subject)
	}
	if served.Load() != 1 {
		t.Errorf("%d were served, want 1", served.Load())
	}
}

func TestServicesAreFound(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/events" {
			w.WriteHeader(http.StatusForbidden)
		}
	}, nil)
	b.ask("ficha.append", "x")
	b.ask("ficha.contact.check", "x")
	b.ask("ficha.contact.check", "x")
	var ping micro.Ping
	decode(t, b.ask("$SRV.PING.ficha", ""), &ping)
	if ping.Name != "ficha" || ping.Version != "1.2.3-test" {
		t.Errorf("ping: %+v", ping)
	}
	var info micro.Info
	decode(t, b.ask("$SRV.INFO.ficha", ""), &info)
	var subjects []string
	for _, e := range info.Endpoints {
		subjects = append(subjects, e.Subject)
		if e.QueueGroup == "" || e.Metadata["does"] == "" {
			t.Errorf("endpoint: %+v", e)
		}
	}
	if !slices.Equal(subjects, natsapi.Subjects("ficha")) || len(subjects) != 5 {
		t.Errorf("subjects: %v", subjects)
	}
	var stats micro.Stats
	decode(t, b.ask("$SRV.STATS.ficha", ""), &stats)
	counts := map[string][2]int{}
	for _, e := range stats.Endpoints {
		var own struct{ Answered, Errors int }
		if err := json.Unmarshal(e.Data, &own); err != nil {
			t.Fatal(err)
		}
		counts[e.Name] = [2]int{own.Answered, own.Errors}
	}
	if counts["append"] != [2]int{1, 1} || counts["contact-check"] != [2]int{2, 0} || counts["customer-get"] != [2]int{} {
		t.Errorf("stats: %v", counts)
	}
}

func decode(t *testing.T, m *nats.Msg, v any) {
	t.Helper()
	if err := json.Unmarshal(m.Data, v); err != nil {
		t.Fatalf("%s: %v", m.Data, err)
	}
}

// TestTwoProcessesShareTheRequests: each request goes to one of them.
func TestTwoProcessesShareTheRequests(t *testing.T) {
	var first, second atomic.Int64
	b := serve(t, func(http.ResponseWriter, *http.Request) { first.Add(1) }, nil)
	conn, err := b.server.ServiceConn()
	if err != nil {
		t.Fatal(err)
	}
	other, err := natsapi.Serve(t.Context(), natsapi.Config{Conn: conn, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { second.Add(1) })})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		b.ask("ficha.contact.check", "x")
	}
	if first.Load()+second.Load() != 100 || first.Load() < 20 || second.Load() < 20 {
		t.Errorf("%d and %d of 100", first.Load(), second.Load())
	}
	if err := other.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := natsapi.Serve(t.Context(), natsapi.Config{}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("nothing: %v", err)
	}
	b := serve(t, func(http.ResponseWriter, *http.Request) {}, nil)
	for name, cfg := range map[string]natsapi.Config{
		"workers": {Conn: b.Conn, Handler: http.NotFoundHandler(), Workers: -1},
		"version": {Conn: b.Conn, Handler: http.NotFoundHandler(), Version: "today"},
	} {
		if _, err := natsapi.Serve(t.Context(), cfg); err == nil {
			t.Errorf("%s: it serves", name)
		}
	}
}

// TestNothingIsLeftRunning closes a service in the middle of work.
func TestNothingIsLeftRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("closed", func(t *testing.T) {
		b := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(c *natsapi.Config) { c.Timeout = 50 * time.Millisecond })
		b.ask("ficha.append", "x")
	})
}
