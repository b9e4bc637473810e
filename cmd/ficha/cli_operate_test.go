package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
)

// TestVerifyFromTheShell checks a running hub and a stopped one.
func TestVerifyFromTheShell(t *testing.T) {
	atShell(t)
	hub := serveHere(t, "--data", "d", "--insecure")
	mustSubmit(t, &client.Client{BaseURL: hub.url}, townspeople()...)
	for _, args := range [][]string{{"--data", "d"}, {"--url", hub.url}} {
		eventually(t, "everything is folded", func() bool {
			v := objects(t, wantExit(t, exitOK, "everything is as it should be", append([]string{"verify", "--json"}, args...)...))[0]
			equation := v["equation"].(map[string]any)
			return v["ok"] == true && equation["pending"] == 0.0 && equation["taken"].(float64) >= float64(len(townspeople()))
		})
	}
	if code := hub.end(); code != exitOK {
		t.Fatalf("serve ended with exit %d: %s", code, hub.said)
	}
	if out := wantExit(t, exitOK, "as it should be", "verify", "--data", "d"); !strings.Contains(out, "taken ") || !strings.Contains(out, "main: store ") {
		t.Errorf("verify of the files says\n%s", out)
	}
}

// TestVerifyNeedsTheRole asks as somebody who may not.
func TestVerifyNeedsTheRole(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])
	wantExit(t, exitError, "needs one of the roles operator, admin", "verify")
	t.Setenv("FICHA_KEY", d.keys[apikey.Operator])
	wantExit(t, exitOK, "as it should be", "verify")
}

// TestDoctorFindsWhatIsUnsafe looks at a sound hub, then at what is wrong.
func TestDoctorFindsWhatIsUnsafe(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_KEY", d.keys[apikey.Operator])
	found := doctored(t, exitOK, "--url", d.url)
	for _, check := range []string{"ready", "keys", "hub's clock", "durability", "log", "equation", "dead letters", "main", "contact", "resolver"} {
		if found[check]["ok"] != true {
			t.Errorf("%s: %v", check, found[check])
		}
	}
	t.Setenv("FICHA_KEY", "")
	if f := doctored(t, exitFindings, "--url", d.url)["status"]; f["ok"] != false || !strings.Contains(fmt.Sprint(f["remedy"]), "role operator") {
		t.Errorf("without a key: %v", f)
	}
	if f := doctored(t, exitFindings, "--url", "http://127.0.0.1:1")["hub"]; !strings.Contains(fmt.Sprint(f["detail"]), "no hub answers") {
		t.Errorf("without a hub: %v", f)
	}
	_, open := hubInProcess(t)
	if f := doctored(t, exitFindings, "--url", open.BaseURL)["keys"]; f["ok"] != false || !strings.Contains(fmt.Sprint(f["detail"]), "--insecure") {
		t.Errorf("a hub that asks for no key: %v", f)
	}
}

// doctored gives the doctor's findings by what was looked at.
func doctored(t *testing.T, code int, args ...string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for _, f := range objects(t, wantExit(t, code, "", append([]string{"doctor", "--json"}, args...)...)) {
		found[f["check"].(string)] = f
	}
	return found
}

// TestDoctorLooksAtTheDirectory spoils a data directory in every way it knows.
func TestDoctorLooksAtTheDirectory(t *testing.T) {
	atShell(t)
	wantExit(t, exitOK, "", "key", "create", "admin", "--role", "admin", "--data", "d")
	if text := wantExit(t, exitOK, "", "doctor", "--data", "d"); !strings.Contains(text, "ok     data directory: is there and private\n") || !strings.Contains(text, "note   hub: does not run on this directory\n") {
		t.Errorf("doctor says\n%s", text)
	}
	secret := filepath.Join("d", secretFile)
	future := time.Now().Add(time.Hour)
	for _, c := range []struct {
		check, detail string
		spoil, mend   func() error
	}{
		{"data directory", "others may read it", func() error { return os.Chmod("d", 0o755) }, func() error { return os.Chmod("d", 0o700) }},
		{"secret", "others may read it", func() error { return os.Chmod(secret, 0o644) }, func() error { return os.Chmod(secret, 0o600) }},
		{"clock", "in its future", func() error { return os.Chtimes(secret, future, future) }, func() error { return os.Chtimes(secret, time.Now(), time.Now()) }},
		{"secret", "is damaged", func() error { return os.WriteFile(secret, []byte("x"), 0o600) }, func() error { return nil }},
	} {
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		f := doctored(t, exitFindings, "--data", "d")[c.check]
		if f["ok"] != false || !strings.Contains(fmt.Sprint(f["detail"]), c.detail) || f["remedy"] == nil {
			t.Errorf("%s: %v, want %q", c.check, f, c.detail)
		}
		if err := c.mend(); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "file", "")
	if f := doctored(t, exitFindings, "--data", "file")["data directory"]; f["detail"] != "is a file" {
		t.Errorf("a file for a directory: %v", f)
	}
}

// TestGenFromTheShell makes towns to standard output, a file and a folder.
func TestGenFromTheShell(t *testing.T) {
	atShell(t)
	made := objects(t, wantExit(t, exitOK, " events, ", "gen", "--people", "20", "--truth", "truth.csv"))
	said := objects(t, wantExit(t, exitOK, "", "gen", "--people", "20", "--out", "e.ndjson", "--json"))
	if len(said) != 1 || said[0]["events"] != float64(len(made)) {
		t.Errorf("%d events on standard output, the file has %v", len(made), said)
	}
	sheets := objects(t, wantExit(t, exitOK, "", "gen", "--people", "20", "--format", "csv", "--out", "town", "--json"))
	files, err := filepath.Glob("town/*.csv")
	if err != nil || len(files) != 6 || sheets[0]["source_records"] != said[0]["source_records"] {
		t.Errorf("csv: %v %v %v", files, sheets, err)
	}
	truth, err := os.ReadFile("truth.csv")
	if err != nil || float64(bytes.Count(truth, []byte("\n"))-1) != said[0]["source_records"] {
		t.Errorf("truth: %v\n%s", err, truth)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := Main(ctx, []string{"gen", "--people", "20", "--out", "cut.ndjson"}, streams{out: &bytes.Buffer{}, err: &bytes.Buffer{}}); code != exitInterrupt {
		t.Errorf("interrupted: exit %d", code)
	}
}

// TestErrorsInWords holds what the API says to what somebody at a shell can use.
func TestErrorsInWords(t *testing.T) {
	problem := func(status int, detail string, errs ...[2]string) *client.Problem {
		p := &client.Problem{Status: status, Code: "code", Title: "Title", Detail: detail, TraceID: "abc"}
		for _, e := range errs {
			p.Errors = append(p.Errors, struct {
				Pointer string `json:"pointer"`
				Message string `json:"message"`
				Detail  string `json:"detail"`
			}{Pointer: e[0], Detail: e[1]})
		}
		return p
	}
	for _, c := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"one error, once", problem(422, "no source", [2]string{"/source", "no source"}), exitUsage, "no source"},
		{"where", problem(422, "See errors.", [2]string{"/q", "too short"}, [2]string{"/limit", "too large"}), exitUsage, "q: too short\n  limit: too large"},
		{"both", problem(400, "The body is no JSON.", [2]string{"", "at byte 7"}), exitUsage, "the body is no JSON\n  at byte 7"},
		{"sentinel", problem(422, "create key: no: invalid", [2]string{"", "create key: no: invalid"}), exitUsage, "create key: no"},
		{"key", problem(401, "Send a key: Authorization: Bearer"), exitError, "the hub wants a key that it knows: set FICHA_KEY,"},
		{"role", problem(403, "This needs one of the roles admin."), exitError, "the key may not do that; this needs one of the roles admin"},
		{"missing", problem(404, "There is no such customer."), exitNotFound, "there is no such customer"},
		{"stale", problem(409, ""), exitConflict, "Title"},
		{"busy", problem(429, "Slow down."), exitError, "slow down; try again in a while"},
		{"broken", problem(500, "Something broke."), exitError, "something broke (500 code; the hub's log has more at trace=abc)"},
		{"wrapped", fmt.Errorf("import a.csv: %w", problem(404, "PBX is gone.")), exitNotFound, "import a.csv: PBX is gone"},
		{"nobody there", &client.Unreachable{URL: "http://h", Err: fmt.Errorf("%w: dial: %w", events.ErrUnavailable, syscall.ECONNREFUSED)}, exitError, "no hub answers at http://h; start one with: ficha serve"},
		{"strange certificate", &client.Unreachable{URL: "https://h", Err: x509.UnknownAuthorityError{}}, exitError, "set SSL_CERT_FILE"},
		{"files in use", fmt.Errorf("open store: %w", syscall.EAGAIN), exitError, "another program has these files open"},
		{"invalid", fmt.Errorf("check town: too many: %w", events.ErrInvalid), exitError, "check town: too many"},
		{"plain", errors.New("plain"), exitError, "plain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w bytes.Buffer
			code := report(&w, c.err)
			if code != c.code || !strings.HasPrefix(w.String(), "ficha: ") || !strings.Contains(w.String(), c.want) {
				t.Errorf("exit %d, want %d: %q, want %q", code, c.code, w.String(), c.want)
			}
			if strings.HasSuffix(strings.TrimSpace(w.String()), ": invalid") {
				t.Errorf("a sentinel's name is shown: %q", w.String())
			}
		})
	}
	var w bytes.Buffer
	if code := report(&w, fmt.Errorf("submit: %w", context.Canceled)); code != exitInterrupt || w.String() != "interrupted\n" {
		t.Errorf("interrupted: exit %d, %q", code, w.String())
	}
	if code := report(&w, nil); code != exitOK {
		t.Errorf("no error: exit %d", code)
	}
}

// TestProgressWithoutTerminal wants a line every ten seconds, and nothing for
// what is over sooner; no bar and no escape codes.
func TestProgressWithoutTerminal(t *testing.T) {
	var w bytes.Buffer
	now := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	p := &progress{w: &w, label: "importing", unit: "rows", total: 4000, now: func() time.Time { return now }, started: now, shown: now}
	for i := range int64(40) {
		p.at(100 * i)
		now = now.Add(time.Second)
	}
	p.end()
	if want := "importing  1\u202f000 rows, 100/s, 25 %, about 30s left\nimporting  2\u202f000 rows, 100/s, 50 %, about 20s left\nimporting  3\u202f000 rows, 100/s, 75 %, about 10s left\n"; w.String() != want {
		t.Errorf("said %q, want %q", w.String(), want)
	}
	w.Reset()
	p = &progress{w: &w, label: "importing", unit: "rows", now: func() time.Time { return now }, started: now, shown: now}
	now = now.Add(20 * time.Second)
	p.atPart(500, 30, 40)
	if want := "importing  500 rows, 25/s, 75 %, about 7s left\n"; w.String() != want {
		t.Errorf("said %q, want %q", w.String(), want)
	}
}

// TestProgressThatGoesOn: speed and time left are about what is done now.
func TestProgressThatGoesOn(t *testing.T) {
	var w bytes.Buffer
	now := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	p := &progress{w: &w, label: "folding", unit: "events", now: func() time.Time { return now }, started: now, shown: now}
	p.goesOn(500, 1000)
	now = now.Add(10 * time.Second)
	p.atPart(600, 600, 1000)
	if want := "folding  600 events, 10/s, 60 %, about 40s left\n"; w.String() != want {
		t.Errorf("said %q, want %q", w.String(), want)
	}
}

// TestProgressBar draws on a terminal, at most ten times a second, and clears up.
func TestProgressBar(t *testing.T) {
	var w bytes.Buffer
	now := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	p := &progress{w: &w, label: "x", unit: "rows", bar: true, total: 100, now: func() time.Time { return now }, started: now, shown: now}
	for range 100 {
		now = now.Add(20 * time.Millisecond)
		p.at(50)
	}
	p.end()
	if n := strings.Count(w.String(), "████████████············"); n < 8 || n > 11 || !strings.HasSuffix(w.String(), "\r\x1b[K") {
		t.Errorf("drawn %d times in the second after the first: %q", n, w.String())
	}
}
