package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// atShell gives a shell without any FICHA_ variable, in a folder of its own.
func atShell(t *testing.T) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "FICHA_") {
			t.Setenv(name, "") // restored after the test
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
}

// objects reads --json output: one object a line, and nothing else.
func objects(t *testing.T, out string) []map[string]any {
	t.Helper()
	all := []map[string]any{}
	for line := range strings.Lines(out) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("this line is no object: %v\n%s", err, line)
		}
		all = append(all, o)
	}
	return all
}

// wantExit runs the command line and holds it to an exit code and to words on
// standard error. It gives standard output.
func wantExit(t *testing.T, code int, says string, args ...string) string {
	t.Helper()
	got, out, said := runMain(t, args...)
	if got != code || !strings.Contains(said, says) {
		t.Errorf("ficha %s: exit %d, want %d with %q; said\n%s", strings.Join(args, " "), got, code, says, said)
	}
	return out
}

// write makes a file in the current folder.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMistakesOfUsage holds every way of calling wrongly to exit code 2 and to
// words that say what to do instead.
func TestMistakesOfUsage(t *testing.T) {
	atShell(t)
	write(t, "customers.csv", "id,name\n1,Ana\n")
	for _, c := range []struct{ args, says string }{
		{"serv", "did you mean serve?"},
		{"customer shwo", `there is no command "shwo" under ficha customer; did you mean show?`},
		{"completion nope", "there is no command"},
		{"serve extra", "see: ficha serve --help"},
		{"serve --nope", "unknown flag: --nope; see: ficha serve --help"},
		{"serve", "--data DIR"},
		{"serve --data d --listen nonsense", "--listen wants host:port"},
		{"serve --data d --insecure --listen 0.0.0.0:0", "loopback"},
		{"serve --data d --log-level loud", "debug, info, warn or error"},
		{"serve --data d --tls-cert c", "belong together"},
		{"serve --data d --tls-cert c --tls-key k", "open c: no such file"},
		{"serve --data d --nats-url nonsense", "--nats-url wants"},
		{"serve --data d --nats-creds none", "--nats-creds: open none"},
		{"serve --data d --config none.yaml", "no such file"},
		{"serve --data d --listen 127.0.0.1:99999", "--listen wants"},
		{"key create", "accepts 1 arg"},
		{"key create ana --data d", "--role"},
		{"key create ana --role boss --data d", "there are publisher, agent"},
		{"key create ana --role agent", "--data DIR"},
		{"import", "requires at least 1 arg"},
		{"import customers.csv", "--source /crm/bank"},
		{"import - --source /a", "write standard input to one first"},
		{"import customers.csv --source /a --day-first --month-first", "exclude each other"},
		{"import customers.csv b.csv --source /a --rejects r.csv", "--rejects names one file"},
		{"import customers.csv --source /a --format xml", "csv, ndjson or json"},
		{"import customers.csv --source /a --region zz", "two letters"},
		{"import customers.csv --source /a --region GTM", "two letters"},
		{"import customers.csv --source /a --zone Mars --dry-run", "no time zone"},
		{"import customers.csv --source /a --kind dog --dry-run", "person or organization"},
		{"import customers.csv --source /a --map x --dry-run", "column=target"},
		{"import customers.csv --source /a --map name=nope --dry-run", "there is no such field"},
		{"import customers.csv --source /a --mapping none --dry-run", "--mapping wants a file"},
		{"import customers.csv --source /a --time soon --dry-run", "RFC 3339"},
		{"import . --source /a --dry-run", "no file"},
		{"gen --people 0", "at least 1"},
		{"demo --people 0", "at least 1"},
		{"gen --format xml", "ndjson or csv"},
		{"gen --now soon", "RFC 3339"},
		{"customer show", "--phone, --email, --document and --record"},
		{"customer show --phone 1 --email a@b.c", "one of"},
		{"customer show some-id --phone 1", "not both"},
		{"customer show --record /crm/bank", "source:id"},
		{"customer show x --url nonsense", "--url wants"},
		{"customer timeline x --limit -1", "--limit"},
		{"customer search a --limit 500", "from 1 to 200"},
		{"doctor", "--data DIR"},
	} {
		t.Run(c.args, func(t *testing.T) {
			if out := wantExit(t, exitUsage, c.says, strings.Fields(c.args)...); out != "" {
				t.Errorf("standard output has %q", out)
			}
		})
	}
	wantExit(t, exitUsage, "say whom", "customer", "search", " ")
	wantExit(t, exitUsage, "more than the key copied", "customer", "show", "x", "--key", "ficha_a_b\nficha_c_d")
	if _, err := os.Stat("d"); !os.IsNotExist(err) {
		t.Error("a mistake of usage left a data directory behind")
	}
}

// TestEveryCommandShowsAnExample walks all commands: each has help and examples,
// and every example is one that the command line takes.
func TestEveryCommandShowsAnExample(t *testing.T) {
	atShell(t)
	seen := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Name() == "help" {
			return
		}
		seen++
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s lacks a short text or an example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			checkExample(t, line)
		}
		code, out, said := runMain(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		if code != exitOK || said != "" || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help: exit %d\n%s%s", cmd.CommandPath(), code, out, said)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(streams{}))
	if seen < 20 {
		t.Errorf("only %d commands were seen", seen)
	}
}

// checkExample has the command line take an example as far as its flags.
func checkExample(t *testing.T, line string) {
	t.Helper()
	_, call, found := strings.Cut(line, "ficha ")
	if !found {
		t.Errorf("example does not call ficha: %s", line)
		return
	}
	call, _, _ = strings.Cut(call, " >")
	call = strings.NewReplacer("'Nro Cliente=id'", "a=id", "'Cel=phones'", "b=phones", ")", "").Replace(call)
	cmd, rest, err := newRoot(streams{}).Find(strings.Fields(call))
	if err != nil {
		t.Errorf("%s: %v", line, err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", line, err)
		return
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

// TestVersionAndCompletion asks for what scripts ask for.
func TestVersionAndCompletion(t *testing.T) {
	atShell(t)
	if out := wantExit(t, exitOK, "", "version"); !strings.HasPrefix(out, "ficha "+build().Version) {
		t.Errorf("version says %q", out)
	}
	if o := objects(t, wantExit(t, exitOK, "", "version", "--json")); len(o) != 1 || o[0]["version"] != build().Version {
		t.Errorf("version --json says %v", o)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := wantExit(t, exitOK, "", "completion", shell); !strings.Contains(out, "ficha") {
			t.Errorf("completion %s is empty", shell)
		}
	}
	out := wantExit(t, exitOK, "", "__complete", "key", "create", "x", "--role", "")
	if !strings.Contains(out, "steward\n") {
		t.Errorf("--role completes to\n%s", out)
	}
}

// TestKeysFromTheShell follows an operator: no key, no hub; the remedy; keys
// before the first start, beside a running hub, and after it.
func TestKeysFromTheShell(t *testing.T) {
	atShell(t)
	wantExit(t, exitUsage, "ficha key create admin --role admin --data d", "serve", "--data", "d", "--listen", "127.0.0.1:0")
	admin := strings.TrimSpace(wantExit(t, exitOK, "shown this once", "key", "create", "admin", "--role", "admin", "--data", "d"))
	agent := strings.TrimSpace(wantExit(t, exitOK, "", "key", "create", "ana", "--role", "agent,steward", "--data", "d"))
	wantExit(t, exitUsage, "publisher needs at least one source", "key", "create", "crm", "--role", "publisher", "--data", "d")
	before := objects(t, wantExit(t, exitOK, "", "key", "list", "--data", "d", "--json"))
	if len(before) != 2 || !strings.HasPrefix(admin, "ficha_") || strings.Contains(wantExit(t, exitOK, "", "key", "list", "--data", "d"), admin) {
		t.Fatalf("keys before the first start: %v", before)
	}

	hub := serveHere(t, "--data", "d")
	wantExit(t, exitError, "set FICHA_KEY", "key", "list", "--data", "d")
	t.Setenv("FICHA_KEY", "ficha_nobody_knows")
	wantExit(t, exitError, "a key that it knows", "key", "list", "--data", "d")
	t.Setenv("FICHA_KEY", agent)
	wantExit(t, exitError, "needs one of the roles admin", "key", "list", "--data", "d")
	t.Setenv("FICHA_KEY", "")
	write(t, "key", admin+"\n")
	t.Setenv("FICHA_KEY_FILE", "key")
	if during := objects(t, wantExit(t, exitOK, "", "key", "list", "--data", "d", "--json")); len(during) != len(before) || during[0]["created_at"] != before[0]["created_at"] {
		t.Errorf("the running hub lists %v, the files had %v", during, before)
	}
	wantExit(t, exitUsage, "publisher needs at least one source", "key", "create", "crm", "--role", "publisher", "--url", hub.url)
	made := objects(t, wantExit(t, exitOK, "", "key", "create", "crm", "--role", "publisher", "--source", "/crm/bank", "--data", "d", "--json"))[0]
	wantExit(t, exitOK, "revoked", "key", "revoke", made["id"].(string), "--data", "d")
	wantExit(t, exitNotFound, "ficha key list shows the ids", "key", "revoke", made["id"].(string), "--data", "d")
	wantExit(t, exitConflict, "in use by a running hub", "serve", "--data", "d", "--listen", "127.0.0.1:0")
	if code := hub.end(); code != exitOK {
		t.Errorf("serve ended with exit %d: %s", code, hub.said)
	}
	wantExit(t, exitNotFound, "", "key", "revoke", made["id"].(string), "--data", "d")
	if table := wantExit(t, exitOK, "", "key", "list", "--data", "d"); !strings.Contains(table, "ana") || strings.Contains(table, "crm") {
		t.Errorf("keys after the hub:\n%s", table)
	}
}

// TestLookingMakesNothing holds the commands that only look to leaving no
// directory behind.
func TestLookingMakesNothing(t *testing.T) {
	atShell(t)
	wantExit(t, exitNotFound, "there is no hub in nowhere", "key", "list", "--data", "nowhere")
	wantExit(t, exitNotFound, "there is no hub in nowhere", "key", "revoke", "x", "--data", "nowhere")
	wantExit(t, exitNotFound, "there is no hub in nowhere", "verify", "--data", "nowhere")
	wantExit(t, exitError, "no hub runs on nowhere", "customer", "search", "ana", "--data", "nowhere")
	wantExit(t, exitError, "no hub answers at http://127.0.0.1:1;", "customer", "search", "ana", "--url", "http://127.0.0.1:1")
	if out := wantExit(t, exitFindings, "", "doctor", "--data", "nowhere"); !strings.Contains(out, "does not exist yet") {
		t.Errorf("doctor says %q", out)
	}
	if left, err := filepath.Glob("*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestTakenPortLeavesNothing starts a hub where another listens.
func TestTakenPortLeavesNothing(t *testing.T) {
	atShell(t)
	hub := serveHere(t, "--data", "d", "--insecure")
	taken := strings.TrimPrefix(hub.url, "http://")
	wantExit(t, exitError, "listen on "+taken+": bind: address already in use; another hub may be running there", "serve", "--insecure", "--data", "other", "--listen", taken)
	write(t, "file", "")
	wantExit(t, exitError, "data directory", "serve", "--insecure", "--data", "file/x", "--listen", "127.0.0.1:0")
	if left, err := filepath.Glob("*"); err != nil || !slices.Equal(left, []string{"d", "file"}) {
		t.Errorf("left behind: %v %v", left, err)
	}
}
