package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
)

const defaultListen = "127.0.0.1:8360"

// settings are what `ficha serve` can be told, by flag, environment (FICHA_…)
// or YAML file.
type settings struct {
	Data     string `koanf:"data"`
	Listen   string `koanf:"listen"`
	NATSURL  string `koanf:"nats-url"`
	NATSAuth string `koanf:"nats-creds"`
	Waive    bool   `koanf:"nats-power-safe"`
	TLSCert  string `koanf:"tls-cert"`
	TLSKey   string `koanf:"tls-key"`
	LogLevel string `koanf:"log-level"`
	Insecure bool   `koanf:"insecure"`
}

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "run the hub", Args: cobra.NoArgs,
		Long: `Runs the hub on one machine: embedded NATS JetStream and Pebble in the data
directory, every event on disk before it is acknowledged.

Settings come from defaults, then a YAML file (--config), then FICHA_*
environment variables, then flags. Without an API key the hub does not start;
make one first with "ficha key create", or try it with --insecure on loopback.`,
		Example: "  ficha key create admin --role admin --data ./ficha-data\n  ficha serve --data ./ficha-data",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.String("config", "", "YAML file with these settings")
	f.String("listen", defaultListen, "address to listen on; port 0 picks one")
	f.String("nats-url", "", "external NATS server (default: embedded)")
	f.String("nats-creds", "", "credentials file for the external NATS server")
	f.Bool("nats-power-safe", false, "the external server syncs every write (sync_interval: always); without it the hub says process-safe")
	f.String("tls-cert", "", "certificate file; with --tls-key the hub speaks HTTPS")
	f.String("tls-key", "", "key file of the certificate")
	f.String("log-level", "info", "debug, info, warn or error")
	f.Bool("insecure", false, "no API keys; listens on loopback only")
	return cmd
}

// loadSettings merges defaults, file, environment and flags, later ones winning.
func loadSettings(cmd *cobra.Command) (settings, error) {
	var s settings
	k := koanf.New(".")
	if path, _ := cmd.Flags().GetString("config"); path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return s, usage("read --config: %v", err)
		}
	}
	fromEnv := env.Provider(".", env.Opt{Prefix: "FICHA_", TransformFunc: func(name, value string) (string, any) {
		return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "FICHA_")), "_", "-"), value
	}})
	if err := k.Load(fromEnv, nil); err != nil {
		return s, fmt.Errorf("read environment: %w", err)
	}
	if err := k.Load(posflag.Provider(cmd.Flags(), ".", k), nil); err != nil {
		return s, fmt.Errorf("read flags: %w", err)
	}
	if err := k.Unmarshal("", &s); err != nil {
		return s, usage("read settings: %v", err)
	}
	return s, s.validate()
}

func (s *settings) validate() error {
	if s.Data == "" {
		return usage("say where the hub keeps its data: --data DIR (or FICHA_DATA)")
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return usage("--tls-cert and --tls-key belong together")
	}
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return usage("--listen wants host:port, like %s", defaultListen)
	}
	if s.Insecure && !isLoopback(host) {
		return usage("--insecure listens on loopback only; use 127.0.0.1, or drop --insecure and make an API key")
	}
	if _, err := levelOf(s.LogLevel); err != nil {
		return usage("--log-level is debug, info, warn or error")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func levelOf(s string) (slog.Level, error) {
	var l slog.Level
	err := l.UnmarshalText([]byte(s))
	return l, err
}

func (a *app) serve(ctx context.Context, s settings) error {
	level, err := levelOf(s.LogLevel)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(a.std.err, &slog.HandlerOptions{Level: level}))
	h, err := openHub(ctx, hubConfig{
		Dir: s.Data, NATSURL: s.NATSURL, NATSCreds: s.NATSAuth, AssumePowerSafe: s.Waive,
		Insecure: s.Insecure, Logger: logger,
	})
	if err != nil {
		return err
	}
	defer h.close(logger)
	if err := a.refuseWithoutKeys(ctx, s, h); err != nil {
		return err
	}
	at, err := listen(s, h.handler())
	if err != nil {
		return err
	}
	if err := writeAddress(s.Data, at.url); err != nil {
		return errors.Join(err, at.stop())
	}
	defer os.Remove(addressPath(s.Data))
	if a.json {
		if err := a.print(address{URL: at.url, PID: os.Getpid()}); err != nil {
			return err
		}
	}
	logger.Info("hub is up", "url", at.url, "durability", h.durability)
	select {
	case <-ctx.Done():
		logger.Info("stopping")
		return at.stop()
	case err := <-at.failed:
		return fmt.Errorf("serve: %w", err)
	}
}

// refuseWithoutKeys keeps a hub that nobody could use, or that anybody could,
// from starting.
func (a *app) refuseWithoutKeys(ctx context.Context, s settings, h *hub) error {
	if s.Insecure {
		a.say("WARNING: --insecure: whoever reaches %s may do everything", s.Listen)
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

// listen serves handler with deadlines that keep slow callers from holding
// connections for ever.
func listen(s settings, handler http.Handler) (*listening, error) {
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; another hub may be running there, choose one with --listen", s.Listen, err)
	}
	at := &listening{url: "http://" + l.Addr().String(), failed: make(chan error, 1)}
	at.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	serve := func() error { return at.server.Serve(l) }
	if s.TLSCert != "" {
		at.url = "https://" + l.Addr().String()
		at.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		serve = func() error { return at.server.ServeTLS(l, s.TLSCert, s.TLSKey) }
	}
	go func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			at.failed <- err
		}
	}()
	return at, nil
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

func addressPath(data string) string { return filepath.Join(data, addressFile) }

func writeAddress(data, url string) error {
	b, err := json.Marshal(address{URL: url, PID: os.Getpid()})
	if err != nil {
		return fmt.Errorf("encode address: %w", err)
	}
	return writeDurably(addressPath(data), b, 0o600)
}

// hubRuns says whether the hub whose address a data directory holds answers. A
// hub that was killed leaves its address behind.
func hubRuns(ctx context.Context, data string) bool {
	url, err := readAddress(data)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/livez", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}
