package natslog

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ficha/events"
)

// ListenConfig lets other programs reach an embedded server. Each client shows an
// API key as token or password.
//
//	client, key A ─▶ account of A ─ import of what A may do ─▶ the hub's account: log, inbox, services
//	client, key B ─▶ account of B ─ import of what B may do ─▶
//
// An account is a space of subjects of its own. So nobody reads the answers to
// others, and no reply subject that somebody makes up leads into the hub's own
// streams: JetStream and services answer wherever a request says, and would else
// write for a client what the client itself may not.
type ListenConfig struct {
	// Addr is host:port; port 0 picks one. Required.
	Addr string
	// TLS is required unless Addr is a loopback address.
	TLS *tls.Config
	// Prefix is that of the log, see [Config].
	Prefix string
	// Authenticate says what a key may do, within a second or two. An
	// [events.ErrUnavailable] means that nobody knows; any other error, that it may
	// do nothing. Required.
	Authenticate func(key string) (Rights, error)
	// Recheck is how often the keys of those who are connected are looked at
	// again; who may do something else by then is disconnected. Default 2 s.
	Recheck time.Duration
}

// Rights say what a client may do.
type Rights struct {
	ID      string   // public name of the key: letters, digits, minus; also of its consumer of the change feed
	Append  bool     // ask to append events
	Inboxes []string // sources for which it may leave events in the inbox; "*" means all
	Ask     bool     // ask about customers and contact
	Follow  bool     // follow the change feed
}

func (c ListenConfig) withDefaults() (ListenConfig, error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return c, fmt.Errorf("configure NATS listener: address wants host:port: %w", events.ErrInvalid)
	}
	if ip := net.ParseIP(host); c.TLS == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return c, fmt.Errorf("configure NATS listener: beyond loopback it wants TLS: %w", events.ErrInvalid)
	}
	if c.Authenticate == nil {
		return c, fmt.Errorf("configure NATS listener: nobody who knows keys: %w", events.ErrInvalid)
	}
	c.Prefix, c.Recheck = cmp.Or(c.Prefix, "ficha"), cmp.Or(c.Recheck, 2*time.Second)
	return c, nil
}

// digest tells rights from others.
func (r Rights) digest() string {
	inboxes := slices.Sorted(slices.Values(r.Inboxes))
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %q %v %v", r.ID, r.Append, inboxes, r.Ask, r.Follow))
	return hex.EncodeToString(sum[:8])
}

// clients lets them in and watches over them. It belongs to one run of a server.
type clients struct {
	cfg     ListenConfig
	names   names
	hub     string // tokens of the hub's own connections
	service string

	mu      sync.Mutex
	running *server.Server        // nil until it runs
	open    map[uint64]connection // by connection id
}

// connection is one that was let in, and with what.
type connection struct{ key, rights string }

var _ server.Authentication = (*clients)(nil)

func newClients(cfg ListenConfig) *clients {
	return &clients{cfg: cfg, names: names{cfg.Prefix}, hub: rand.Text(), service: rand.Text(), open: map[uint64]connection{}}
}

// Check implements [server.Authentication].
func (c *clients) Check(who server.ClientAuthentication) bool {
	if who.Kind() != server.CLIENT {
		return false
	}
	key := cmp.Or(who.GetOpts().Token, who.GetOpts().Password)
	switch {
	case same(key, c.hub):
		who.RegisterUser(&server.User{Username: "hub"})
		return true
	case same(key, c.service):
		who.RegisterUser(&server.User{Username: "hub-services", Permissions: c.names.servicePermissions()})
		return true
	}
	rights, err := c.cfg.Authenticate(key)
	if err != nil || !validPrefix(rights.ID) {
		return false
	}
	account, err := c.account(rights)
	if err != nil {
		return false
	}
	who.RegisterUser(&server.User{Username: rights.ID, Account: account, Permissions: c.names.permissions(rights)})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[who.GetID()] = connection{key: key, rights: rights.digest()}
	return true
}

// authTimeout is how long it may take to let a client in.
const authTimeout = 5 * time.Second

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// account gives the space of subjects of a key with these rights.
func (c *clients) account(r Rights) (*server.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		return nil, fmt.Errorf("let client in: %w", events.ErrUnavailable)
	}
	account, isNew := c.running.LookupOrRegisterAccount("KEY-" + r.ID + "-" + r.digest())
	if !isNew {
		return account, nil
	}
	hub := c.running.GlobalAccount()
	for _, route := range c.names.routes(r) {
		if err := account.AddServiceImport(hub, route.from, route.to); err != nil {
			return nil, fmt.Errorf("import %s: %w", route.from, err)
		}
	}
	if r.Follow {
		if err := account.AddStreamImport(hub, c.names.changesSubjects(), ""); err != nil {
			return nil, fmt.Errorf("import changes: %w", err)
		}
	}
	return account, nil
}

// started makes what clients may be given known to the server.
func (c *clients) started(ns *server.Server) error {
	hub := ns.GlobalAccount()
	for _, e := range c.names.exports() {
		kind := server.Singleton
		if e.streamed {
			kind = server.Streamed
		}
		if err := hub.AddServiceExportWithResponse(e.subject, kind, nil); err != nil {
			return fmt.Errorf("export %s: %w", e.subject, err)
		}
	}
	if err := hub.AddStreamExport(c.names.changesSubjects(), nil); err != nil {
		return fmt.Errorf("export changes: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = ns
	return nil
}

// recheck disconnects those whose keys were revoked or changed. When nobody knows
// they stay: each of their requests shows the key anew.
func (c *clients) recheck() {
	c.mu.Lock()
	ns, open := c.running, make(map[uint64]connection, len(c.open))
	for id, was := range c.open {
		if ns.GetClient(id) == nil {
			delete(c.open, id)
			continue
		}
		open[id] = was
	}
	c.mu.Unlock()
	for id, was := range open {
		rights, err := c.cfg.Authenticate(was.key)
		if errors.Is(err, events.ErrUnavailable) || err == nil && rights.digest() == was.rights {
			continue
		}
		_ = ns.DisconnectClientByID(id) // it may have gone by itself
	}
}

// withoutQuoted leaves out what stands between quotation marks in a line of the
// server: names and subjects that clients made up.
func withoutQuoted(line string) string {
	parts := strings.Split(line, `"`)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "…"
	}
	return strings.Join(parts, `"`)
}
