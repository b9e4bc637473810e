package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// settingsWith loads settings as `ficha serve args` would.
func settingsWith(t *testing.T, args ...string) (loadedSettings, error) {
	t.Helper()
	root := newRoot(streams{})
	cmd, rest, err := root.Find(append([]string{"serve"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	return loadSettings(cmd)
}

// TestLaterSettingsWin goes through the layers: default, file, environment, flag.
func TestLaterSettingsWin(t *testing.T) {
	atShell(t)
	write(t, "ficha.yaml", "data: from-file\nlisten: 127.0.0.1:1\nlog-level: warn\nnats-power-safe: true\n")
	t.Setenv("FICHA_LISTEN", "127.0.0.1:2")
	t.Setenv("FICHA_LOG_LEVEL", "error")
	t.Setenv("FICHA_TLS_CERT", "") // empty counts as not set
	l, err := settingsWith(t, "--config", "ficha.yaml", "--log-level", "debug")
	if err != nil {
		t.Fatal(err)
	}
	want := settings{Data: "from-file", Listen: "127.0.0.1:2", LogLevel: "debug", Waive: true}
	if l.settings != want {
		t.Errorf("got %+v, want %+v", l.settings, want)
	}
	for name, from := range map[string]origin{"data": fromFile, "listen": fromEnvironment, "log-level": fromFlag, "tls-cert": fromDefault, "nats-power-safe": fromFile} {
		if l.origins[name] != from {
			t.Errorf("%s comes from %s, want %s", name, l.origins[name], from)
		}
	}
	t.Setenv("FICHA_DATA", "from-environment")
	t.Setenv("FICHA_CONFIG", "ficha.yaml")
	if l, err = settingsWith(t); err != nil || l.Data != "from-environment" || l.Listen != "127.0.0.1:2" {
		t.Errorf("with FICHA_CONFIG and FICHA_DATA: %+v, %v", l.settings, err)
	}
	if l, err = settingsWith(t, "--data", "from-flag"); err != nil || l.Data != "from-flag" {
		t.Errorf("with --data: %+v, %v", l.settings, err)
	}
}

// TestEverySettingHasAFlag keeps file, environment and flags to the same names.
func TestEverySettingHasAFlag(t *testing.T) {
	atShell(t)
	for _, command := range []string{"serve", "config check", "config print"} {
		cmd, _, err := newRoot(streams{}).Find(strings.Fields(command))
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(nil); err != nil {
			t.Fatal(err)
		}
		for _, name := range settingNames() {
			if cmd.Flags().Lookup(name) == nil {
				t.Errorf("ficha %s has no flag --%s", command, name)
			}
		}
	}
}

// TestMisspelledSettings must be named: in a file they stop the hub, in the
// environment they are noted.
func TestMisspelledSettings(t *testing.T) {
	atShell(t)
	for _, c := range []struct{ text, says string }{
		{"data: d\nlistn: x\ntls:\n  cert: y\n", "unknown settings: listn, tls.cert; there are data, listen"},
		{"data: d\n  listen: 127\n", "read --config: yaml: line 2"},
		{"data: d\ninsecure: perhaps\n", "'insecure' cannot parse"},
	} {
		write(t, "bad.yaml", c.text)
		wantExit(t, exitUsage, c.says, "serve", "--config", "bad.yaml")
		wantExit(t, exitUsage, c.says, "config", "print", "--config", "bad.yaml")
		if out := wantExit(t, exitFindings, "", "config", "check", "--config", "bad.yaml"); !strings.HasPrefix(out, "FOUND") || !strings.Contains(out, c.says) {
			t.Errorf("config check says %q, want %q", out, c.says)
		}
	}
	t.Setenv("FICHA_LISTN", "x")
	t.Setenv("FICHA_KEY", "ficha_secret")
	answer := objects(t, wantExit(t, exitOK, "the settings are good", "config", "check", "--data", "d", "--insecure", "--json"))[0]
	b, err := json.Marshal(answer["warnings"])
	if err != nil || answer["ok"] != true || !strings.Contains(string(b), "FICHA_LISTN") || !strings.Contains(string(b), "--insecure") || strings.Contains(string(b), "FICHA_KEY") {
		t.Errorf("config check says %v", answer)
	}
	if _, err := os.Stat("d"); !os.IsNotExist(err) {
		t.Error("config check made the data directory")
	}
}

// TestConfigCheckFindsEverything wants all problems at once.
func TestConfigCheckFindsEverything(t *testing.T) {
	atShell(t)
	out := wantExit(t, exitFindings, "", "config", "check", "--listen", "nonsense", "--log-level", "loud", "--tls-key", "k", "--nats-creds", "c")
	if n := strings.Count(out, "FOUND"); n != 5 {
		t.Errorf("%d problems found, want 5:\n%s", n, out)
	}
}

// TestConfigPrintHidesPasswords prints what --config takes, without secrets.
func TestConfigPrintHidesPasswords(t *testing.T) {
	atShell(t)
	args := []string{"config", "print", "--data", "d", "--nats-url", "nats://joe:hush@h:4222, nats://joe:hush@%zz", "--listen", "127.0.0.1:7"}
	for _, out := range []string{wantExit(t, exitOK, "", args...), wantExit(t, exitOK, "", append(args, "--json")...)} {
		if strings.Contains(out, "hush") || strings.Contains(out, "joe") || !strings.Contains(out, "h:4222") {
			t.Errorf("print says\n%s", out)
		}
	}
	write(t, "printed.yaml", wantExit(t, exitOK, "", "config", "print", "--data", "d", "--listen", "127.0.0.1:7"))
	l, err := settingsWith(t, "--config", "printed.yaml")
	if err != nil || l.Data != "d" || l.Listen != "127.0.0.1:7" || l.origins["listen"] != fromFile {
		t.Errorf("what was printed loads as %+v, %v", l.settings, err)
	}
}

// TestFullCheckHasNoDeadline holds the server to lifting its deadlines for the
// full check alone, and only while it brings no body.
func TestFullCheckHasNoDeadline(t *testing.T) {
	atShell(t)
	for _, c := range []struct {
		path   string
		length int64
		lifted bool
	}{{"/v1/verify", 0, true}, {"/v1/verify", 5, false}, {"/v1/verify", -1, false}, {"/v1/events", 0, false}} {
		w := &deadlineWriter{}
		r, err := http.NewRequest(http.MethodPost, "http://hub"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = c.length
		served := false
		unhurried(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true })).ServeHTTP(w, r)
		if !served || w.lifted() != c.lifted {
			t.Errorf("%s with %d bytes: served %v, deadlines lifted %v", c.path, c.length, served, w.lifted())
		}
	}
}

// deadlineWriter notes which deadlines are lifted.
type deadlineWriter struct {
	http.ResponseWriter
	read, write bool
}

// SetReadDeadline notes that reading may take for ever.
func (w *deadlineWriter) SetReadDeadline(at time.Time) error {
	w.read = at.IsZero()
	return nil
}

// SetWriteDeadline notes that writing may take for ever.
func (w *deadlineWriter) SetWriteDeadline(at time.Time) error {
	w.write = at.IsZero()
	return nil
}

func (w *deadlineWriter) lifted() bool { return w.read && w.write }
