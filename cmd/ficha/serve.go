package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "run the hub", Args: cobra.NoArgs,
		Long: `Runs the hub on one machine: embedded NATS JetStream and Pebble in the data
directory, every event on disk before it is acknowledged.

Settings come from defaults, then a YAML file (--config), then FICHA_*
environment variables, then flags; "ficha config print" shows what is in force.
Without an API key the hub does not start; make one first with
"ficha key create", or try it with --insecure on loopback.`,
		Example: "  ficha key create admin --role admin --data ./ficha-data\n  ficha serve --data ./ficha-data",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadSettings(cmd)
			if err == nil {
				err = l.validate()
			}
			if err != nil {
				return err
			}
			for _, w := range l.warnings() {
				a.say("WARNING: %s", w)
			}
			return a.serve(cmd.Context(), l.settings)
		},
	}
	settingFlags(cmd)
	return cmd
}

func (a *app) serve(ctx context.Context, s settings) error {
	level, err := levelOf(s.LogLevel)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(a.std.err, &slog.HandlerOptions{Level: level}))
	door, err := bind(s) // before the files: whoever mistakes the port leaves nothing behind
	if err != nil {
		return err
	}
	defer door.Close()
	listen, err := s.natsListen()
	if err != nil {
		return err
	}
	h, err := openHub(ctx, hubConfig{
		Dir: s.Data, NATSURL: s.NATSURL, NATSCreds: s.NATSAuth, NATSListen: listen, AssumePowerSafe: s.Waive, WebhookAllow: networks(s.WebhookAllow),
		Insecure: s.Insecure, Logger: logger,
	})
	if err != nil {
		return err
	}
	defer h.close(logger)
	if err := a.refuseWithoutKeys(ctx, s, h); err != nil {
		return err
	}
	at, err := serveOn(door, s, h.handler())
	if err != nil {
		return err
	}
	if err := writeAddress(s.Data, at.url); err != nil {
		return errors.Join(err, at.stop())
	}
	defer os.Remove(addressPath(s.Data))
	if a.json {
		if err := a.print(address{URL: at.url, PID: os.Getpid(), NATS: h.natsURL()}); err != nil {
			return err
		}
	}
	logger.Info("hub is up", "url", at.url, "durability", h.durability)
	if u := h.natsURL(); u != "" {
		logger.Info("NATS clients are let in", "url", u)
	}
	select {
	case <-ctx.Done():
		logger.Info("stopping")
		return at.stop()
	case err := <-at.failed:
		return fmt.Errorf("serve: %w", err)
	}
}

// refuseWithoutKeys keeps a hub that nobody could use from starting.
func (a *app) refuseWithoutKeys(ctx context.Context, s settings, h *hub) error {
	if s.Insecure {
		return nil
	}
	keys, err := h.keys.List(ctx)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return usage("there is no API key yet; make one first:\n  ficha key create admin --role admin --data %s\nor try the hub on loopback with --insecure", s.Data)
	}
	return nil
}

// listening is a running HTTP server.
type listening struct {
	url    string
	server *http.Server
	failed chan error
}

// listen binds the address and serves handler there.
func listen(s settings, handler http.Handler) (*listening, error) {
	l, err := bind(s)
	if err != nil {
		return nil, err
	}
	return serveOn(l, s, handler)
}

func bind(s settings) (net.Listener, error) {
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // without the address, which is said once
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen on %s: %w; another hub may be running there, choose one with --listen", s.Listen, err)
		}
		return nil, fmt.Errorf("listen on %s: %w", s.Listen, err)
	}
	return l, nil
}

// serveOn serves handler with deadlines that keep slow callers from holding
// connections for ever.
func serveOn(l net.Listener, s settings, handler http.Handler) (*listening, error) {
	at := &listening{url: "http://" + dialable(l.Addr()), failed: make(chan error, 1)}
	at.server = &http.Server{
		Handler: unhurried(handler), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	serve := func() error { return at.server.Serve(l) }
	if s.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
		if err != nil {
			return nil, errors.Join(usage("read certificate: %w", err), l.Close())
		}
		at.url = "https://" + dialable(l.Addr())
		at.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
		serve = func() error { return at.server.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			at.failed <- err
		}
	}()
	return at, nil
}

// dialable gives an address that this machine reaches: who listens everywhere
// listens on loopback too.
func dialable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}

// unhurried lifts the deadlines of the answers that may take hours on a long log:
// the full check, comparing rows made anew, and moving to them, which catches up
// first. They have no body, so nobody can hold a connection by sending one slowly.
func unhurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(longAnswers(), r.URL.Path) && r.ContentLength == 0 {
			c := http.NewResponseController(w)
			if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{})); err != nil {
				http.Error(w, "deadlines cannot be lifted", http.StatusInternalServerError)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func longAnswers() []string {
	return []string{"/v1/verify", "/v1/projections:diff", "/v1/projections:switch"}
}

// stop lets running requests end, for at most five seconds.
func (l *listening) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := l.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop serving: %w", err), l.server.Close())
	}
	return nil
}
