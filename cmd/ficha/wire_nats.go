package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/api/natsapi"
	"ficha/events"
	"ficha/events/natslog"
)

// natsListen says where the embedded NATS server lets other programs in.
type natsListen struct {
	Addr string // host:port; "": nobody is let in
	TLS  *tls.Config
}

// natsSide is what a hub has to do with NATS beside its log.
type natsSide struct {
	keys     atomic.Pointer[apikey.Keys] // nil until they are read
	services *natsapi.Service
}

// serverConfig is that of the embedded server.
func (h *hub) serverConfig() natslog.ServerConfig {
	cfg := natslog.ServerConfig{Dir: filepath.Join(h.cfg.Dir, dirLog), Logger: h.cfg.Logger}
	if h.cfg.NATSListen.Addr != "" {
		cfg.Listen = &natslog.ListenConfig{Addr: h.cfg.NATSListen.Addr, TLS: h.cfg.NATSListen.TLS, Authenticate: h.natsRights}
	}
	return cfg
}

// natsRights says what somebody may do over NATS who shows a key.
func (h *hub) natsRights(key string) (natslog.Rights, error) {
	p := apikey.Principal{ID: "insecure", Roles: []apikey.Role{apikey.Admin}, Sources: []string{"*"}}
	if !h.cfg.Insecure {
		keys := h.nats.keys.Load()
		if keys == nil {
			return natslog.Rights{}, fmt.Errorf("read keys: not yet: %w", events.ErrUnavailable)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		var err error
		if p, err = keys.Authenticate(ctx, key); err != nil {
			if !errors.Is(err, apikey.ErrUnknownKey) {
				err = fmt.Errorf("%w: %w", err, events.ErrUnavailable)
			}
			return natslog.Rights{}, err
		}
	}
	r := natslog.Rights{ID: p.ID}
	r.Append, r.Ask, r.Follow, r.Inboxes = api.NATSRights(p)
	return r, nil
}

// serveNATS answers over NATS what is answered over HTTP, if anybody is there: on
// the embedded server where it listens, or on the external one.
func (h *hub) serveNATS(ctx context.Context) error {
	if h.server != nil && h.server.URL() == "" {
		return nil
	}
	conn, err := natslog.ConnectServices(h.server, natslog.ConnectConfig{URL: h.cfg.NATSURL, CredsFile: h.cfg.NATSCreds, Logger: h.cfg.Logger})
	if err != nil {
		return err
	}
	h.nats.services, err = natsapi.Serve(ctx, natsapi.Config{
		Conn: conn, Handler: h.handler(), Prefix: natsPrefix, Version: build().Version, Logger: h.cfg.Logger,
	})
	if err != nil {
		conn.Close()
	}
	return err
}

// natsPrefix begins the subjects and, in capitals, the streams of a hub.
const natsPrefix = "ficha"

// close answers what was asked, for five seconds at most.
func (n *natsSide) close(h *hub) {
	if n.services == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := n.services.Close(ctx); err != nil {
		h.cfg.Logger.Error("close", "error", err)
	}
}

// natsURL is where other programs reach the embedded NATS server; "" for nowhere.
func (h *hub) natsURL() string {
	if h.server == nil {
		return ""
	}
	return h.server.URL()
}

// natsAddress gives the address of a setting: of a port alone, that port on
// loopback.
func natsAddress(setting string) string {
	if port := strings.TrimPrefix(setting, ":"); regexp.MustCompile(`^[0-9]+$`).MatchString(port) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return setting
}

// natsListen reads the certificate that the settings name.
func (s *settings) natsListen() (natsListen, error) {
	l := natsListen{Addr: natsAddress(s.NATSListen)}
	if s.NATSCert == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(s.NATSCert, s.NATSKey)
	if err != nil {
		return l, usage("read certificate: %w", err)
	}
	l.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	return l, nil
}

// natsProblems says what is wrong with the settings for NATS clients.
func (s *settings) natsProblems() []string {
	var out []string
	if (s.NATSCert == "") != (s.NATSKey == "") {
		out = append(out, "--nats-tls-cert and --nats-tls-key belong together")
	} else if s.NATSCert != "" {
		if _, err := tls.LoadX509KeyPair(s.NATSCert, s.NATSKey); err != nil {
			out = append(out, fmt.Sprintf("--nats-tls-cert and --nats-tls-key: %v", err))
		}
	}
	if s.NATSListen == "" {
		return out
	}
	host, port, err := net.SplitHostPort(natsAddress(s.NATSListen))
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	switch {
	case err != nil || port == "":
		out = append(out, "--nats-listen wants host:port, or a port, like 127.0.0.1:4222")
	case s.NATSURL != "":
		out = append(out, "--nats-listen is for the embedded NATS server; leave it out with --nats-url")
	case !isLoopback(host) && s.Insecure:
		out = append(out, "--insecure listens on loopback only; use --nats-listen 127.0.0.1:"+port)
	case !isLoopback(host) && s.NATSCert == "":
		out = append(out, "--nats-listen beyond loopback wants --nats-tls-cert and --nats-tls-key: clients send their keys")
	}
	return out
}

// natsLine tells of the NATS server; "" when it lets nobody in.
func natsLine(url string) string {
	if url == "" {
		return ""
	}
	return "NATS clients reach the hub at " + url + ", with a key as token; " +
		"what it serves there: /asyncapi.json\n"
}
