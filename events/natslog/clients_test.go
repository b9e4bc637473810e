package natslog_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
)

// keyring knows keys for tests, by the key itself.
type keyring struct {
	mu   sync.Mutex
	keys map[string]natslog.Rights
	fail error
}

func (k *keyring) authenticate(key string) (natslog.Rights, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return natslog.Rights{}, k.fail
	}
	r, ok := k.keys[key]
	if !ok {
		return natslog.Rights{}, errors.New("unknown key")
	}
	return r, nil
}

func (k *keyring) set(key string, r natslog.Rights) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[key] = r
}

func (k *keyring) failWith(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = err
}

func (k *keyring) revoke(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, key)
}

// openDoor is a log whose server listens, with a stream of changes and a service
// that answers.
type openDoor struct {
	*natslog.Log
	keys   *keyring
	server *natslog.Server
	said   *bytes.Buffer
}

func newOpenDoor(t *testing.T) *openDoor {
	t.Helper()
	d := &openDoor{said: &bytes.Buffer{}, keys: &keyring{keys: map[string]natslog.Rights{
		"bank":   {ID: "bank", Append: true, Inboxes: []string{"/crm/bank"}},
		"agent":  {ID: "agent", Ask: true},
		"system": {ID: "system", Ask: true, Follow: true},
		"other":  {ID: "other", Ask: true, Follow: true},
	}}}
	var mu sync.Mutex
	logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, d.said}, nil))
	var err error
	d.server, err = natslog.StartServer(natslog.ServerConfig{Dir: t.TempDir(), Logger: logger, Listen: &natslog.ListenConfig{
		Addr: "127.0.0.1:0", Authenticate: d.keys.authenticate, Recheck: 20 * time.Millisecond,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.server.Stop)
	if d.Log, err = natslog.Open(t.Context(), natslog.Config{Server: d.server, Index: &eventstest.IDIndex{}, ContentKey: contentKey}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	js, err := jetstream.New(d.server.Conn())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "FICHA_CHANGES", Subjects: []string{"ficha.changes.>"}}); err != nil {
		t.Fatal(err)
	}
	d.serveEcho(t)
	return d
}

type lockedWriter struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (w lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// serveEcho answers every request with what it asked.
func (d *openDoor) serveEcho(t *testing.T) {
	t.Helper()
	conn, err := d.server.ServiceConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	for _, subject := range []string{"ficha.append", "ficha.contact.*", "ficha.customer.*", "$SRV.PING"} {
		if _, err := conn.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
}

// client connects with a key; what the server says against it goes to the channel.
func (d *openDoor) client(t *testing.T, key string, options ...nats.Option) (*nats.Conn, <-chan error) {
	t.Helper()
	violations := make(chan error, 10)
	options = append(options, nats.Token(key), nats.NoReconnect(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	conn, err := nats.Connect(d.server.URL(), options...)
	if err != nil {
		t.Fatalf("connect as %s: %v", key, err)
	}
	t.Cleanup(conn.Close)
	return conn, violations
}

func TestClientsNeedAKey(t *testing.T) {
	d := newOpenDoor(t)
	for name, option := range map[string]nats.Option{
		"none": nats.Name("x"), "unknown": nats.Token("nobody"), "empty": nats.Token(""), "user": nats.UserInfo("hub", "nobody"),
	} {
		if conn, err := nats.Connect(d.server.URL(), option); err == nil || !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("key %s: %v, want an authorization violation", name, err)
			conn.Close()
		}
	}
	conn, err := nats.Connect(d.server.URL(), nats.UserInfo("anybody", "agent"))
	if err != nil {
		t.Fatalf("key as password: %v", err)
	}
	conn.Close()
	d.keys.failWith(events.ErrUnavailable)
	if _, err := nats.Connect(d.server.URL(), nats.Token("agent")); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("while nobody knows: %v", err)
	}
}

// TestClientsMayDoWhatTheirRightsSay asks on every subject with every key.
func TestClientsMayDoWhatTheirRightsSay(t *testing.T) {
	d := newOpenDoor(t)
	all := map[string]string{ // subject → keys that may
		"ficha.append":        "bank",
		"ficha.contact.check": "agent system other",
		"ficha.customer.get":  "agent system other",
		"ficha.inbox." + natslog.SourceToken("/crm/bank"): "bank",
		"ficha.inbox." + natslog.SourceToken("/crm/shop"): "",
		"ficha.log.contact.contact.stated.00":             "",
		"ficha.dead.x":                                    "",
		"ficha.changes.merged":                            "",
		"ficha.gate.system":                               "",
		"$SRV.PING":                                       "bank agent system other",
		"$JS.API.INFO":                                    "",
		"$JS.API.STREAM.INFO.FICHA_CHANGES":               "system other",
		"$JS.API.STREAM.INFO.FICHA_LOG":                   "",
		"$JS.API.STREAM.DELETE.FICHA_CHANGES":             "",
		"$JS.API.STREAM.PURGE.FICHA_LOG":                  "",
		"$JS.API.STREAM.NAMES":                            "",
		"$JS.API.STREAM.MSG.GET.FICHA_LOG":                "",
		"$JS.API.DIRECT.GET.FICHA_LOG":                    "",
		"$JS.API.CONSUMER.NAMES.FICHA_CHANGES":            "",
		"$JS.API.CONSUMER.INFO.FICHA_CHANGES.other":       "other",
		"$JS.API.CONSUMER.CREATE.FICHA_LOG.system":        "",
		"$JS.API.CONSUMER.DELETE.FICHA_CHANGES.other":     "other",
		"$KV.ficha-keys.key.x":                            "",
		"$SYS.REQ.SERVER.PING":                            "",
	}
	for _, key := range []string{"bank", "agent", "system", "other"} {
		conn, violations := d.client(t, key)
		for subject, who := range all {
			if strings.Contains(who, key) {
				if _, err := conn.Request(subject, []byte("x"), 5*time.Second); err != nil {
					t.Errorf("%s asks %s: %v", key, subject, err)
				}
				continue
			}
			if err := conn.PublishRequest(subject, conn.NewInbox(), []byte("x")); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-violations:
				if !errors.Is(err, nats.ErrPermissionViolation) {
					t.Errorf("%s asks %s: %v", key, subject, err)
				}
			case <-time.After(5 * time.Second):
				t.Errorf("%s may ask %s", key, subject)
			}
		}
	}
	if end, err := d.End(t.Context()); end != 0 || err != nil {
		t.Errorf("the log has %d events, %v", end, err)
	}
}

// TestClientsHearOnlyWhatIsTheirs: what is answered to one is heard by no other,
// and nobody listens to requests, the log or changes without the right to.
func TestClientsHearOnlyWhatIsTheirs(t *testing.T) {
	d := newOpenDoor(t)
	agent, _ := d.client(t, "agent")
	spy, violations := d.client(t, "system")
	heard, err := spy.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{">", "ficha.>", "ficha.contact.check", "ficha.log.>", "ficha.inbox.>", "_R_.>", "$JS.>"} {
		if _, err := spy.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-violations:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("listen on %s: %v", subject, err)
			}
		case <-time.After(2 * time.Second):
			t.Errorf("may listen on %s", subject)
		}
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Request("ficha.contact.check", []byte("secret"), time.Second); err != nil {
		t.Fatal(err)
	}
	if m, err := heard.NextMsg(200 * time.Millisecond); err == nil {
		t.Errorf("heard %q on %s", m.Data, m.Subject)
	}
}

// TestNoReplyLeadsIntoTheLog: whatever reply subject a client names, and whatever
// it has JetStream deliver to, the hub's streams do not get it.
func TestNoReplyLeadsIntoTheLog(t *testing.T) {
	d := newOpenDoor(t)
	const target = "ficha.log.contact.contact.stated.00"
	if err := d.server.Conn().Publish("ficha.changes.merged", []byte("a change")); err != nil {
		t.Fatal(err)
	}
	bank, _ := d.client(t, "bank")
	system, _ := d.client(t, "system")
	makeConsumer(t, system, "system", nil)
	for _, reply := range []string{target, "ficha.dead.x", "ficha.inbox.~2Fcrm~2Fshop", "ficha.changes.created"} {
		for _, ask := range []struct {
			conn    *nats.Conn
			subject string
			body    string
		}{
			{bank, "ficha.append", "x"}, {bank, "ficha.inbox." + natslog.SourceToken("/crm/bank"), "x"},
			{system, "ficha.contact.check", "x"}, {system, "$SRV.PING", ""}, {system, "$JS.API.STREAM.INFO.FICHA_CHANGES", ""},
			{system, "$JS.API.CONSUMER.MSG.NEXT.FICHA_CHANGES.system", `{"batch":1,"no_wait":true}`},
			{system, "$JS.API.CONSUMER.CREATE.FICHA_CHANGES.system", "x"},
		} {
			if err := ask.conn.PublishRequest(ask.subject, reply, []byte(ask.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, conn := range []*nats.Conn{bank, system} {
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(200 * time.Millisecond) // for answers that should not come
	js, err := jetstream.New(d.server.Conn())
	if err != nil {
		t.Fatal(err)
	}
	for stream, want := range map[string]uint64{"FICHA_LOG": 0, "FICHA_DEADLETTERS": 0, "FICHA_CHANGES": 1, "FICHA_INBOX": 4} {
		s, err := js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.CachedInfo().State.LastSeq; n != want {
			t.Errorf("%s got %d messages, want %d", stream, n, want)
		}
	}
}

func TestARevokedKeyIsDisconnected(t *testing.T) {
	d := newOpenDoor(t)
	for name, change := range map[string]func(){
		"revoked": func() { d.keys.revoke("agent") },
		"changed": func() { d.keys.set("system", natslog.Rights{ID: "system", Ask: true}) },
	} {
		key := map[string]string{"revoked": "agent", "changed": "system"}[name]
		closed := make(chan struct{})
		conn, _ := d.client(t, key, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
		time.Sleep(60 * time.Millisecond) // rechecks that find nothing
		if conn.IsClosed() {
			t.Fatalf("%s: closed before", name)
		}
		change()
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: still connected after five seconds", name)
		}
	}
	conn, _ := d.client(t, "system")
	if _, err := conn.Request("$JS.API.STREAM.INFO.FICHA_CHANGES", nil, time.Second/2); err == nil {
		t.Error("rights that were taken away are still there")
	}
	if _, err := conn.Request("ficha.contact.check", nil, time.Second); err != nil {
		t.Errorf("rights that stayed: %v", err)
	}
	d.keys.failWith(events.ErrUnavailable)
	time.Sleep(60 * time.Millisecond)
	if conn.IsClosed() {
		t.Error("disconnected while nobody knew")
	}
}

// TestClientsComeBackAfterARestart: same address, same rights, and the hub's own
// connections are not locked out.
func TestClientsComeBackAfterARestart(t *testing.T) {
	d := newOpenDoor(t)
	url := d.server.URL()
	back := make(chan struct{}, 10)
	conn, err := nats.Connect(url, nats.Token("agent"), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := d.server.Restart(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-back:
	case <-time.After(10 * time.Second):
		t.Fatal("the client does not come back")
	}
	if d.server.URL() != url {
		t.Errorf("it listens on %s, was %s", d.server.URL(), url)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // the service comes back by itself too
		if _, err = conn.Request("ficha.contact.check", []byte("x"), time.Second); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the restart: %v", err)
		}
	}
	if _, err := d.Append(t.Context(), eventstest.Events("e", 3)); err != nil {
		t.Errorf("append after the restart: %v", err)
	}
}

func TestServerSaysNothingThatClientsMadeUp(t *testing.T) {
	d := newOpenDoor(t)
	conn, violations := d.client(t, "agent", nats.Name("Ana +50255123456"))
	if err := conn.Publish("ficha.log.+50255123456", nil); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	<-violations
	conn.Close()
	d.server.Stop()
	if s := d.said.String(); strings.Contains(s, "55123456") || strings.Contains(s, "Ana") || !strings.Contains(s, "Violation") {
		t.Errorf("said: %s", s)
	}
}

func TestListenConfig(t *testing.T) {
	auth := (&keyring{}).authenticate
	for name, c := range map[string]natslog.ListenConfig{
		"no port":        {Addr: "127.0.0.1", Authenticate: auth},
		"everywhere":     {Addr: "0.0.0.0:0", Authenticate: auth},
		"everywhere too": {Addr: ":0", Authenticate: auth},
		"a name":         {Addr: "nats.example:0", Authenticate: auth},
		"nobody knows":   {Addr: "127.0.0.1:0"},
	} {
		if s, err := natslog.StartServer(natslog.ServerConfig{Dir: t.TempDir(), Listen: &c}); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
			s.Stop()
		}
	}
	d := newOpenDoor(t)
	taken := strings.TrimPrefix(d.server.URL(), "nats://")
	if _, err := natslog.StartServer(natslog.ServerConfig{Dir: t.TempDir(), Listen: &natslog.ListenConfig{Addr: taken, Authenticate: auth}}); err == nil {
		t.Error("two servers listen on one port")
	}
}
