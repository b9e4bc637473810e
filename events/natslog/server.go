package natslog

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
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
	MaxPayload   int32         // largest message, bytes; default 2 MiB
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
	if c.MaxPayload == 0 {
		c.MaxPayload = 2 << 20
	}
	return c, nil
}

// Server is a NATS server inside this process. It listens on nothing: only
// [Server.Conn] reaches it. Every write is on disk before it is acknowledged.
type Server struct {
	cfg  ServerConfig
	conn *nats.Conn

	mu      sync.Mutex // guards running
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
	if s.running, err = s.start(); err != nil {
		return nil, err
	}
	s.conn, err = nats.Connect("", nats.InProcessServer(s), nats.Name("ficha"),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.FlusherTimeout(flushTimeout),
		nats.ReconnectBufSize(-1), // a write into a server that is away fails at once, it is never kept back
	)
	if err != nil {
		stop(s.running)
		return nil, fmt.Errorf("connect to embedded server: %w", err)
	}
	return s, nil
}

func (s *Server) start() (*server.Server, error) {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make log directory: %w", err)
	}
	if err := syncFiles(s.cfg.Dir); err != nil {
		return nil, err
	}
	ns, err := server.NewServer(&server.Options{
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
	})
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
	return ns, nil
}

func stop(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
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
	defer s.mu.Unlock()
	if s.running == nil {
		return
	}
	s.conn.Close()
	stop(s.running)
	s.running = nil
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
// files, never of messages. Its notices are news to developers only.
type serverLogger struct{ to *slog.Logger }

func (l serverLogger) log(level func(string, ...any), format string, args []any) {
	level("embedded nats server", "says", fmt.Sprintf(format, args...))
}

func (l serverLogger) Noticef(format string, args ...any) { l.log(l.to.Debug, format, args) }
func (l serverLogger) Warnf(format string, args ...any)   { l.log(l.to.Warn, format, args) }
func (l serverLogger) Errorf(format string, args ...any)  { l.log(l.to.Error, format, args) }
func (l serverLogger) Fatalf(format string, args ...any)  { l.log(l.to.Error, format, args) }
func (l serverLogger) Debugf(string, ...any)              {}
func (l serverLogger) Tracef(string, ...any)              {}
