package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"

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

	NATSListen string `koanf:"nats-listen"`
	NATSCert   string `koanf:"nats-tls-cert"`
	NATSKey    string `koanf:"nats-tls-key"`

	WebhookAllow string `koanf:"webhook-allow"`

	TLSCert  string `koanf:"tls-cert"`
	TLSKey   string `koanf:"tls-key"`
	LogLevel string `koanf:"log-level"`
	Insecure bool   `koanf:"insecure"`
}

// settingNames lists what may stand in a file or, as FICHA_…, in the environment.
func settingNames() []string {
	t := reflect.TypeFor[settings]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("koanf")
	}
	return names
}

// settingFlags adds a flag for every setting but the data directory, which all
// commands have.
func settingFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("config", os.Getenv("FICHA_CONFIG"), "YAML file with these settings (FICHA_CONFIG)")
	f.String("listen", defaultListen, "address to listen on; port 0 picks one")
	f.String("nats-url", "", "external NATS server (default: embedded)")
	f.String("nats-creds", "", "credentials file for the external NATS server")
	f.Bool("nats-power-safe", false, "the external server syncs every write (sync_interval: always); without it the hub says process-safe")
	f.String("nats-listen", "", "address on which NATS clients reach the embedded server, or a port on loopback (default: nobody does)")
	f.String("nats-tls-cert", "", "certificate file for NATS clients; with --nats-tls-key they speak TLS")
	f.String("nats-tls-key", "", "its key file")
	f.String("webhook-allow", "", "networks of your own that webhooks may reach, over http too, like 10.1.0.0/16,fd00:1::/32 (default: public addresses, https)")
	f.String("tls-cert", "", "certificate file; with --tls-key the hub speaks HTTPS")
	f.String("tls-key", "", "key file of the certificate")
	f.String("log-level", "info", "debug, info, warn or error")
	f.Bool("insecure", false, "no API keys; listens on loopback only")
	completeWith(cmd, "log-level", "debug", "info", "warn", "error")
}

// origin says where a setting comes from.
type origin string

const (
	fromDefault     origin = "default"
	fromFile        origin = "file"
	fromEnvironment origin = "environment"
	fromFlag        origin = "flag"
)

// loadedSettings are settings, where each comes from, and the FICHA_* variables
// that mean nothing.
type loadedSettings struct {
	settings
	origins map[string]origin
	ignored []string
}

// loadSettings merges defaults, file, environment and flags, later ones winning.
// A file with an unknown setting is an error: whoever misspells tls-cert must not
// get a hub without TLS. Unknown variables are only noted, since container
// platforms add their own under any service's name.
func loadSettings(cmd *cobra.Command) (loadedSettings, error) {
	l := loadedSettings{origins: map[string]origin{}}
	k := koanf.New(".")
	if err := l.loadFile(cmd, k); err != nil {
		return l, err
	}
	if err := l.loadEnvironment(k); err != nil {
		return l, err
	}
	if err := k.Load(posflag.Provider(cmd.Flags(), ".", k), nil); err != nil {
		return l, fmt.Errorf("read flags: %w", err)
	}
	for _, name := range settingNames() {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			l.origins[name] = fromFlag
		} else if l.origins[name] == "" {
			l.origins[name] = fromDefault
		}
	}
	if err := k.Unmarshal("", &l.settings); err != nil {
		return l, usage("read settings: %s", decodingText(err))
	}
	return l, nil
}

// decodingText gives what an error of the decoder says of each setting, in one line.
func decodingText(err error) string {
	said := []string{}
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "'") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return err.Error()
	}
	return strings.Join(said, "; ")
}

func (l *loadedSettings) loadFile(cmd *cobra.Command, k *koanf.Koanf) error {
	path, err := cmd.Flags().GetString("config")
	if err != nil || path == "" {
		return err
	}
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		return usage("read --config: %w", err)
	}
	unknown := []string{}
	for _, name := range k.Keys() {
		if !slices.Contains(settingNames(), name) {
			unknown = append(unknown, name)
		}
		l.origins[name] = fromFile
	}
	if len(unknown) > 0 {
		return usage("%s has unknown settings: %s; there are %s", path, strings.Join(unknown, ", "), strings.Join(settingNames(), ", "))
	}
	return nil
}

// loadEnvironment reads FICHA_*; an empty variable counts as not set.
func (l *loadedSettings) loadEnvironment(k *koanf.Koanf) error {
	read := func(variable, value string) (string, any) {
		name := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, "FICHA_")), "_", "-")
		switch {
		case slices.Contains(clientVariables(), variable):
			return "", nil
		case !slices.Contains(settingNames(), name):
			l.ignored = append(l.ignored, variable)
			return "", nil
		case value == "":
			return "", nil
		}
		l.origins[name] = fromEnvironment
		return name, value
	}
	if err := k.Load(env.Provider(".", env.Opt{Prefix: "FICHA_", TransformFunc: read}), nil); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	slices.Sort(l.ignored)
	return nil
}

// clientVariables are the variables that are no settings of a hub.
func clientVariables() []string {
	return []string{"FICHA_URL", "FICHA_KEY", "FICHA_KEY_FILE", "FICHA_CONFIG"}
}

// problems says everything that is wrong with the settings, in the order in which
// one would mend it.
func (s *settings) problems() []string {
	var out []string
	if s.Data == "" {
		out = append(out, "say where the hub keeps its data: --data DIR (or FICHA_DATA)")
	}
	host, port, err := net.SplitHostPort(s.Listen)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil || port == "" {
		out = append(out, fmt.Sprintf("--listen wants host:port, like %s", defaultListen))
	} else if s.Insecure && !isLoopback(host) {
		out = append(out, "--insecure listens on loopback only; use 127.0.0.1, or drop --insecure and make an API key")
	}
	if _, err := levelOf(s.LogLevel); err != nil {
		out = append(out, "--log-level is debug, info, warn or error")
	}
	return append(append(out, s.fileProblems()...), append(s.natsProblems(), s.webhookProblems()...)...)
}

// fileProblems looks at what the settings point to.
func (s *settings) fileProblems() []string {
	var out []string
	if (s.TLSCert == "") != (s.TLSKey == "") {
		out = append(out, "--tls-cert and --tls-key belong together")
	} else if s.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey); err != nil {
			out = append(out, fmt.Sprintf("--tls-cert and --tls-key: %v", err))
		}
	}
	if s.NATSURL != "" {
		if u, err := url.Parse(s.NATSURL); err != nil || u.Host == "" {
			out = append(out, "--nats-url wants an address like nats://127.0.0.1:4222")
		}
	}
	if s.NATSAuth != "" {
		if f, err := os.Open(s.NATSAuth); err != nil {
			out = append(out, fmt.Sprintf("--nats-creds: %v", err))
		} else if err := f.Close(); err != nil {
			out = append(out, fmt.Sprintf("--nats-creds: %v", err))
		}
	}
	return out
}

func (s *settings) validate() error {
	if out := s.problems(); len(out) > 0 {
		return usage("%s", strings.Join(out, "\n  "))
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
