package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/api/natsapi"
	"ficha/events"
	"ficha/events/natslog"
)

// natsHub is a whole hub with a key for every role that lets NATS clients in.
type natsHub struct{ *keyedHub }

func newNATSHub(t *testing.T) *natsHub {
	t.Helper()
	k := openKeyedHub(t, hubConfig{Dir: t.TempDir(), NATSListen: natsListen{Addr: "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)})
	return &natsHub{keyedHub: k}
}

// openKeyedHub opens a hub, serves it over HTTP and makes a key for every role.
func openKeyedHub(t *testing.T, cfg hubConfig) *keyedHub {
	t.Helper()
	h, err := openHub(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close(cfg.Logger) })
	at, err := listen(settings{Listen: "127.0.0.1:0"}, h.handler())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = at.stop() })
	k := &keyedHub{hub: h, url: at.url, keys: map[apikey.Role]string{}}
	for _, role := range apikey.Roles() {
		sources := map[apikey.Role][]string{apikey.Publisher: {"/crm/bank"}, apikey.Admin: {"*"}}[role]
		if k.keys[role], _, err = h.keys.Create(t.Context(), "shell "+string(role), []apikey.Role{role}, sources); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// connect connects with the key of a role.
func (h *natsHub) connect(t *testing.T, role apikey.Role, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append(options, nats.Token(h.keys[role]), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	conn, err := nats.Connect(h.natsURL(), options...)
	if err != nil {
		t.Fatalf("connect as %s: %v", role, err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// askNATS sends a request with a key and gives status and body of the answer;
// status 0: there was none.
func askNATS(t *testing.T, conn *nats.Conn, key, subject string, body []byte, headers ...string) (int, []byte) {
	t.Helper()
	m := nats.NewMsg(subject)
	m.Data = body
	if key != "" {
		m.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		m.Header.Set(headers[i], headers[i+1])
	}
	answer, err := conn.RequestMsg(m, 5*time.Second)
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, nats.ErrTimeout) {
		return 0, nil
	}
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	code := answer.Header.Get(micro.ErrorCodeHeader)
	if code == "" {
		return http.StatusOK, answer.Data
	}
	status, err := strconv.Atoi(code)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer.Data
}

// askHTTP sends the same request over HTTP.
func (h *keyedHub) askHTTP(t *testing.T, key, method, path string, body []byte, headers ...string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// natsRequest is a request on both surfaces.
type natsRequest struct{ subject, method, path, body string }

const natsCustomer = `[{"specversion":"1.0","id":"crm-1-7","source":"/crm/bank","type":"customer.recorded.v1","time":"2026-03-02T09:15:00Z",` +
	`"data":{"record":{"source":"/crm/bank","stream":"customer","id":"1"},"kind":"person","names":[{"given":"María José","family":"Núñez"}],` +
	`"birth_date":"1980-02-11","phones":[{"value":"+502 5512 3456"}],"documents":[{"kind":"dpi","number":"2365 48710 0101","country":"GT"}]}}]`

func natsRequests() []natsRequest {
	id := events.RecordKey{Source: "/crm/bank", ID: "1"}.UUID().String()
	return []natsRequest{
		{"ficha.append", "POST", "/v1/events", natsCustomer},
		{"ficha.append", "POST", "/v1/events", `[{"specversion":"1.0"}]`},
		{"ficha.append", "POST", "/v1/events", `[`},
		{"ficha.append", "POST", "/v1/events", `{"id":1}`},
		{"ficha.contact.check", "POST", "/v1/contact-checks", `{"checks":[{"who":{"phone":"+50255123456"},"channel":"voice","purpose":"marketing"}]}`},
		{"ficha.contact.check", "POST", "/v1/contact-checks", `{"checks":[]}`},
		{"ficha.contact.check", "POST", "/v1/contact-checks", `{"unknown":1}`},
		{"ficha.customer.get", "GET", "/v1/customers/" + id, `{"id":"` + id + `"}`},
		{"ficha.customer.get", "GET", "/v1/customers/nobody", `{"id":"nobody"}`},
		{"ficha.customer.lookup", "POST", "/v1/customers:lookup", `{"document":{"kind":"dpi","number":"2365487100101","country":"GT"}}`},
		{"ficha.customer.lookup", "POST", "/v1/customers:lookup", `{}`},
		{"ficha.customer.search", "POST", "/v1/customers:search", `{"q":"maria nunez"}`},
		{"ficha.customer.search", "POST", "/v1/customers:search", `not JSON`},
	}
}

// volatile members differ from one answer to the next.
func withoutVolatile(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return string(b)
	}
	var clean func(any) any
	clean = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range []string{"trace_id", "checked_at", "valid_until", "decision_id", "status"} {
				if name != "status" || v["position"] != nil { // of an event: appended first, then a duplicate
					delete(v, name)
				}
			}
			for k := range v {
				v[k] = clean(v[k])
			}
		case []any:
			for i := range v {
				v[i] = clean(v[i])
			}
		}
		return v
	}
	out, err := json.Marshal(clean(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestNATSAnswersAsHTTP asks with every role's key on both surfaces: status,
// body, masks and problems are the same.
func TestNATSAnswersAsHTTP(t *testing.T) {
	h := newNATSHub(t)
	admin := h.connect(t, apikey.Admin) // may send every request; whose key is in it decides
	if status, b := askNATS(t, admin, h.keys[apikey.Publisher], "ficha.append", []byte(natsCustomer)); status != 200 {
		t.Fatalf("append: %d %s", status, b)
	}
	if err := h.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for _, role := range append(apikey.Roles(), "") {
		asked, languages := natsRequests(), []string{"es"}
		if role == apikey.Agent {
			id := events.RecordKey{Source: "/crm/bank", ID: "1"}.UUID().String()
			asked = append(asked, natsRequest{"ficha.customer.get", "GET", "/v1/customers/" + id + "?min_position=999999", `{"id":"` + id + `","min_position":999999}`})
			languages = append(languages, "en")
		}
		for _, q := range asked {
			for _, language := range languages {
				wantStatus, want := h.askHTTP(t, h.keys[role], q.method, q.path, []byte(q.body), "Accept-Language", language)
				status, got := askNATS(t, admin, h.keys[role], q.subject, []byte(q.body), "Accept-Language", language)
				if status != wantStatus || withoutVolatile(t, got) != withoutVolatile(t, want) {
					t.Errorf("%s as %q: %d %s\nover HTTP: %d %s", q.subject, role, status, got, wantStatus, want)
				}
				seen[status]++
			}
		}
	}
	for _, status := range []int{200, 400, 401, 403, 404, 409, 422} {
		if seen[status] == 0 {
			t.Errorf("no request was answered %d: %v", status, seen)
		}
	}
}

// TestNATSRightsFollowTheRoles: what a connection may send is what the table of
// roles says of the same operations.
func TestNATSRightsFollowTheRoles(t *testing.T) {
	h := newNATSHub(t)
	for _, role := range apikey.Roles() {
		conn := h.connect(t, role)
		for _, q := range natsRequests() {
			httpStatus, _ := h.askHTTP(t, h.keys[role], q.method, q.path, []byte(q.body))
			may := httpStatus != http.StatusForbidden
			if !may {
				m := &nats.Msg{Subject: q.subject, Data: []byte(q.body), Reply: conn.NewInbox(), Header: nats.Header{"Authorization": {"Bearer " + h.keys[apikey.Admin]}}}
				sub, err := conn.SubscribeSync(m.Reply)
				if err == nil {
					err = conn.PublishMsg(m)
				}
				if err == nil {
					_, err = sub.NextMsg(30 * time.Millisecond)
				}
				if !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, nats.ErrPermissionViolation) {
					t.Errorf("%s may send to %s: %v", role, q.subject, err)
				}
				continue
			}
			if status, b := askNATS(t, conn, h.keys[role], q.subject, []byte(q.body)); status == 0 || status == http.StatusForbidden {
				t.Errorf("%s may not send to %s: %d %s", role, q.subject, status, b)
			}
		}
	}
	for _, e := range natsapi.Subjects(natsPrefix) {
		if !slices.ContainsFunc(natsRequests(), func(q natsRequest) bool { return q.subject == e }) {
			t.Errorf("%s is asked by no test", e)
		}
	}
}

// TestNATSRevokedKey: the next request is refused, and the connection is closed.
func TestNATSRevokedKey(t *testing.T) {
	h := newNATSHub(t)
	closed := make(chan struct{})
	conn := h.connect(t, apikey.Agent, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	body := []byte(`{"checks":[{"who":{"phone":"+50255123456"}}]}`)
	if status, b := askNATS(t, conn, h.keys[apikey.Agent], "ficha.contact.check", body); status != 200 {
		t.Fatalf("before: %d %s", status, b)
	}
	if err := h.hub.keys.Revoke(t.Context(), strings.Split(h.keys[apikey.Agent], "_")[1]); err != nil {
		t.Fatal(err)
	}
	if status, b := askNATS(t, h.connect(t, apikey.System), h.keys[apikey.Agent], "ficha.contact.check", body); status != http.StatusUnauthorized {
		t.Errorf("the next request: %d %s", status, b)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("still connected after ten seconds")
	}
}

// TestNATSInbox: what a publisher leaves is taken, or becomes a dead letter that
// it can see; the acknowledgement says that it is stored.
func TestNATSInbox(t *testing.T) {
	h := newNATSHub(t)
	js, err := jetstream.New(h.connect(t, apikey.Publisher))
	if err != nil {
		t.Fatal(err)
	}
	subject := "ficha.inbox." + natslog.SourceToken("/crm/bank")
	for _, body := range []string{strings.Trim(natsCustomer, "[]"), "not JSON"} {
		if _, err := js.Publish(t.Context(), subject, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both are moved", func() bool {
		st, err := h.status(t.Context())
		return err == nil && st.Counts.DeadLetters == 1 && st.Equation.Folded == 1 && st.Equation.Dead == 1 && st.Equation.Balanced
	})
	status, b := h.askHTTP(t, h.keys[apikey.Publisher], "GET", "/v1/deadletters", nil)
	var page api.LettersAnswer
	if err := json.Unmarshal(b, &page); err != nil || status != 200 || len(page.Data) != 1 || page.Data[0].Via != events.WayInbox {
		t.Fatalf("letters: %d %s", status, b)
	}
	status, b = h.askHTTP(t, h.keys[apikey.Operator], "POST", "/v1/deadletters/"+page.Data[0].ID+":discard", []byte(`{"reason":"noise"}`))
	if status != 200 {
		t.Fatalf("discard: %d %s", status, b)
	}
	eventually(t, "none waits", func() bool {
		st, err := h.status(t.Context())
		return err == nil && st.Counts.DeadLetters == 0 && st.Equation.Dead == 1 && st.Equation.Balanced
	})
}

// TestNATSOnAnExternalServer: the same services run on the connection to a server
// elsewhere, and each request needs its key.
func TestNATSOnAnExternalServer(t *testing.T) {
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS server is not ready")
	}
	h := openKeyedHub(t, hubConfig{Dir: t.TempDir(), NATSURL: ns.ClientURL(), Logger: slog.New(slog.DiscardHandler)})
	conn, err := nats.Connect(ns.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if status, b := askNATS(t, conn, "", "ficha.append", []byte(natsCustomer)); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d %s", status, b)
	}
	if status, b := askNATS(t, conn, h.keys[apikey.Publisher], "ficha.append", []byte(natsCustomer)); status != 200 {
		t.Errorf("with a key: %d %s", status, b)
	}
}

// TestServeTellsWhereNATSClientsAreLetIn runs the command with every form of the
// setting.
func TestServeTellsWhereNATSClientsAreLetIn(t *testing.T) {
	atShell(t)
	for _, c := range []struct{ args, says string }{
		{"--nats-listen 0.0.0.0:4222", "--nats-tls-cert and --nats-tls-key"},
		{"--nats-listen 0.0.0.0:4222 --insecure", "--insecure listens on loopback only"},
		{"--nats-listen nonsense", "--nats-listen wants host:port"},
		{"--nats-listen 99999999", "--nats-listen wants host:port"},
		{"--nats-listen 4222 --nats-url nats://127.0.0.1:1", "leave it out with --nats-url"},
		{"--nats-tls-cert c", "belong together"},
		{"--nats-tls-cert c --nats-tls-key k", "open c: no such file"},
	} {
		wantExit(t, exitUsage, c.says, strings.Fields("serve --data d "+c.args)...)
	}
	s := serveHere(t, "--data", "hub", "--insecure", "--nats-listen", "127.0.0.1:0")
	conn, err := nats.Connect(s.nats) // without keys nobody shows one
	if err != nil {
		t.Fatalf("connect to %q: %v", s.nats, err)
	}
	if status, b := askNATS(t, conn, "", "ficha.append", []byte(natsCustomer)); status != 200 {
		t.Errorf("without keys: %d %s", status, b)
	}
	conn.Close()
	if code := s.end(); code != exitOK && code != exitInterrupt || !strings.Contains(s.said.String(), s.nats) {
		t.Errorf("exit %d, said\n%s", code, s.said)
	}
	for setting, want := range map[string]string{"4222": "127.0.0.1:4222", ":4222": "127.0.0.1:4222", "0.0.0.0:1": "0.0.0.0:1", "[::1]:0": "[::1]:0", "": ""} {
		if got := natsAddress(setting); got != want {
			t.Errorf("%q means %q, want %q", setting, got, want)
		}
	}
}
