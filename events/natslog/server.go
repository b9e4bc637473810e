package natslog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"ficha/events"
)

// ServerConfig says how to run a NATS server inside this process.
type ServerConfig struct {
	Dir          string        // where JetStream keeps its files; made if missing
	Logger       *slog.Logger  // default: discards
	StartTimeout time.Duration // how long recovery of the files may take; default 2 minutes
	MaxPayload   int32         // largest message, bytes; default 2 MiB, with Listen 8 MiB
	Listen       *ListenConfig // optional: lets other programs in; without it nobody is
}

func (c ServerConfig) withDefaults() (ServerConfig, error) {
	if c.Dir == "" {
		return c, fmt.Errorf("configure embedded server: no directory: %w", events.ErrInvalid)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = 2 * time.Minute
	}
	if c.Listen == nil {
		c.MaxPayload = cmp.Or(c.MaxPayload, 2<<20)
		return c, nil
	}
	c.MaxPayload = cmp.Or(c.MaxPayload, 8<<20)
	listen, err := c.Listen.withDefaults()
	c.Listen = &listen
	return c, err
}

// Server is a NATS server inside this process. Unless told to listen, only
// [Server.Conn] reaches it. Every write is on disk before it is acknowledged.
type Server struct {
	cfg  ServerConfig
	conn *nats.Conn
	done chan struct{} // closed by Stop; nil when it does not listen
	host string        // where it listens
	port int

	clients atomic.Pointer[clients] // of the present run; nil when it does not listen

	mu      sync.Mutex // guards running; never held while conn is closed, which may be waiting for it
	running *server.Server
}

// flushTimeout is how long a connection may take no bytes before it counts as broken.
const flushTimeout = 2 * time.Second

// StartServer starts a server on the files in cfg.Dir and connects to it. It
// returns when the files are recovered. Stop it.
func StartServer(cfg ServerConfig) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg}
	if cfg.Listen != nil {
		if err := s.findPort(); err != nil {
			return nil, err
		}
	}
	if s.running, err = s.start(); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		stop(s.running)
		return nil, err
	}
	return s, nil
}

// open makes the hub's own connection, and what serves clients by it.
func (s *Server) open() (err error) {
	if s.conn, err = s.connect("ficha", func(c *clients) string { return c.hub }); err != nil || s.cfg.Listen == nil {
		return err
	}
	if err := openGate(s.conn, s.clients.Load().names); err != nil {
		s.conn.Close()
		return err
	}
	s.done = make(chan struct{})
	go s.watchClients()
	return nil
}

// connect makes a connection inside the process, which comes back by itself.
func (s *Server) connect(name string, token func(*clients) string) (*nats.Conn, error) {
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.Name(name),
		nats.TokenHandler(func() string {
			if c := s.clients.Load(); c != nil {
				return token(c)
			}
			return ""
		}),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.FlusherTimeout(flushTimeout),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.cfg.Logger.Warn("connection to embedded nats server", "error", withoutQuoted(err.Error()))
		}),
		nats.ReconnectBufSize(-1), // a write into a server that is away fails at once, it is never kept back
	)
	if err != nil {
		return nil, fmt.Errorf("connect to embedded server: %w", err)
	}
	return conn, nil
}

// findPort says at once when the address cannot be had, and keeps the port that
// was picked for restarts.
func (s *Server) findPort() error {
	l, err := net.Listen("tcp", s.cfg.Listen.Addr)
	if err != nil {
		return fmt.Errorf("listen for NATS clients on %s: %w", s.cfg.Listen.Addr, err)
	}
	s.host, _, err = net.SplitHostPort(s.cfg.Listen.Addr)
	s.port = l.Addr().(*net.TCPAddr).Port
	return errors.Join(err, l.Close())
}

// watchClients lets the clients of whichever server runs be looked at.
func (s *Server) watchClients() {
	tick := time.NewTicker(s.cfg.Listen.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.done:
			return
		}
		s.clients.Load().recheck()
	}
}

func (s *Server) start() (*server.Server, error) {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make log directory: %w", err)
	}
	if err := syncFiles(s.cfg.Dir); err != nil {
		return nil, err
	}
	options := &server.Options{
		ServerName: "ficha",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   s.cfg.Dir,
		SyncAlways: true, // fsync before every acknowledgement
		// JetStream would keep to three quarters of what is free when it starts,
		// and refuse more until it starts again. The log watches the disk itself.
		JetStreamMaxStore: 1 << 60,
		MaxPayload:        s.cfg.MaxPayload,
	}
	if s.cfg.Listen != nil {
		s.clients.Store(newClients(*s.cfg.Listen))
		s.listenWith(options)
	}
	ns, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("make embedded server: %w", err)
	}
	ns.SetLoggerV2(serverLogger{s.cfg.Logger}, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(s.cfg.StartTimeout) {
		stop(ns)
		return nil, fmt.Errorf("start embedded server: not ready within %s: %w", s.cfg.StartTimeout, events.ErrUnavailable)
	}
	if !ns.JetStreamEnabled() {
		stop(ns)
		return nil, fmt.Errorf("start embedded server: JetStream did not start: %w", events.ErrUnavailable)
	}
	if c := s.clients.Load(); c != nil {
		if err := c.started(ns); err != nil {
			stop(ns)
			return nil, fmt.Errorf("start embedded server: %w", err)
		}
	}
	return ns, nil
}

// Bounds on what clients may take of the server.
const (
	maxClients       = 4096
	maxSubscriptions = 256 // of one client
)

// listenWith makes a server listen where findPort found that it can.
func (s *Server) listenWith(o *server.Options) {
	o.DontListen, o.Host, o.Port = false, s.host, s.port
	o.TLSConfig, o.TLS = s.cfg.Listen.TLS, s.cfg.Listen.TLS != nil
	o.CustomClientAuthentication = s.clients.Load()
	o.AuthTimeout = authTimeout.Seconds()
	o.MaxConn, o.MaxSubs = maxClients, maxSubscriptions
}

func stop(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
}

// URL is where clients reach the server; "" when it does not listen.
func (s *Server) URL() string {
	if s.cfg.Listen == nil {
		return ""
	}
	host, scheme := s.host, "nats"
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // who listens everywhere listens on loopback too
	}
	if s.cfg.Listen.TLS != nil {
		scheme = "tls"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(s.port))
}

// ServiceConn makes a connection for services that answer clients: where the
// server listens, it may write to nobody but whoever asked. Close it.
func (s *Server) ServiceConn() (*nats.Conn, error) {
	return s.connect("ficha services", func(c *clients) string { return c.service })
}

// Conn is a connection to the server. It belongs to the server and survives a Restart.
func (s *Server) Conn() *nats.Conn { return s.conn }

// InProcessConn gives a new connection to whichever server runs now. It is what
// the NATS client dials, also when it reconnects.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running == nil {
		return nil, fmt.Errorf("connect to embedded server: %w", events.ErrClosed)
	}
	return running.InProcessConn()
}

// Restart stops the server and starts it anew on the same files, as JetStream
// needs after a full disk: it does not take up work again by itself.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return fmt.Errorf("restart embedded server: %w", events.ErrClosed)
	}
	stop(s.running)
	ns, err := s.start()
	if err != nil {
		return fmt.Errorf("restart embedded server: %w", err)
	}
	s.running = ns
	return nil
}

// Stop closes the connection and stops the server. It returns when the files
// are closed. A second call does nothing.
func (s *Server) Stop() {
	s.mu.Lock()
	running := s.running
	s.running = nil
	s.mu.Unlock()
	if running == nil {
		return
	}
	if s.done != nil {
		close(s.done)
	}
	s.conn.Close()
	stop(running)
}

// syncFiles brings message blocks to disk that a killed process wrote but did
// not sync: readers are about to act upon them.
func syncFiles(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".blk" {
			return err
		}
		return syncFile(path)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sync log files: %w", err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// serverLogger passes on what the embedded server says. It speaks of streams and
// files, never of messages; what clients made up, such as subjects that they may
// not publish to, it quotes, and that is left out. Its notices are news to
// developers only.
type serverLogger struct{ to *slog.Logger }

func (l serverLogger) log(level func(string, ...any), format string, args []any) {
	level("embedded nats server", "says", withoutQuoted(fmt.Sprintf(format, args...)))
}

func (l serverLogger) Noticef(format string, args ...any) { l.log(l.to.Debug, format, args) }
func (l serverLogger) Warnf(format string, args ...any)   { l.log(l.to.Warn, format, args) }
func (l serverLogger) Errorf(format string, args ...any)  { l.log(l.to.Error, format, args) }
func (l serverLogger) Fatalf(format string, args ...any)  { l.log(l.to.Error, format, args) }
func (l serverLogger) Debugf(string, ...any)              {}
func (l serverLogger) Tracef(string, ...any)              {}
