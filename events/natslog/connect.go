package natslog

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"ficha/events"
)

// ConnectConfig says how to reach a NATS server outside of this process.
type ConnectConfig struct {
	URL       string // one or more, separated by commas; required
	CredsFile string // user credentials (JWT and nkey)
	NKeyFile  string // nkey seed; instead of CredsFile
	CAFile    string // PEM of the authority that signed the server's certificate; "": the system's
	CertFile  string // PEM of this client's certificate, with KeyFile
	KeyFile   string
	Logger    *slog.Logger // default: discards
}

// Connect connects to a NATS server, which must be there. The connection then
// comes back by itself for as long as it takes. Close it.
func Connect(cfg ConnectConfig) (*nats.Conn, error) {
	if cfg.URL == "" || (cfg.CertFile == "") != (cfg.KeyFile == "") || cfg.CredsFile != "" && cfg.NKeyFile != "" {
		return nil, fmt.Errorf("connect to NATS: want a URL, certificate and key together, credentials or an nkey: %w", events.ErrInvalid)
	}
	options, err := cfg.options()
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	conn, err := nats.Connect(cfg.URL, options...)
	if err != nil {
		return nil, unavailable("connect to NATS", err)
	}
	return conn, nil
}

// ConnectServices makes a connection for services that answer clients: to the
// embedded server if there is one, else as cfg says. Close it.
func ConnectServices(embedded *Server, cfg ConnectConfig) (*nats.Conn, error) {
	if embedded != nil {
		return embedded.ServiceConn()
	}
	return Connect(cfg)
}

func (c ConnectConfig) options() ([]nats.Option, error) {
	logger := c.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	options := []nats.Option{
		nats.Name("ficha"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.Timeout(5 * time.Second), nats.FlusherTimeout(flushTimeout),
		nats.ReconnectBufSize(-1), // a write while there is no server fails at once, it is never kept back
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { logger.Warn("lost NATS server", "error", err) }),
		nats.ReconnectHandler(func(*nats.Conn) { logger.Info("NATS server is back") }),
	}
	if c.CredsFile != "" {
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if c.NKeyFile != "" {
		key, err := nats.NkeyOptionFromSeed(c.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("read nkey: %w: %w", err, events.ErrInvalid)
		}
		options = append(options, key)
	}
	if c.CAFile != "" {
		options = append(options, nats.RootCAs(c.CAFile))
	}
	if c.CertFile != "" {
		options = append(options, nats.ClientCert(c.CertFile, c.KeyFile))
	}
	return options, nil
}
