package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"ficha/api/client"
)

// binary builds the program once for all tests that need a process to kill.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ficha-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ficha")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binaryIfBuilt(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

var built bool

func binaryIfBuilt() (string, error) {
	if !built {
		return "", errors.New("not built")
	}
	return binary()
}

// hubProcess is `ficha serve` as a process of its own.
type hubProcess struct {
	*client.Client
	cmd    *exec.Cmd
	data   string
	stderr *bytes.Buffer
}

// serveProcess starts a hub on data and waits until it is ready.
func serveProcess(t testing.TB, data string) *hubProcess {
	t.Helper()
	h := launch(t, data)
	h.awaitReady(t)
	return h
}

// launch starts a hub and returns when it listens.
func launch(t testing.TB, data string) *hubProcess {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	built = true
	h := &hubProcess{data: data, stderr: &bytes.Buffer{}}
	h.cmd = exec.Command(path, "serve", "--insecure", "--json", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "warn")
	h.cmd.Stderr = h.stderr
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.kill() })
	var at address
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &at)
	}
	if err != nil {
		h.kill()
		t.Fatalf("hub did not start: %v\n%s", err, h.stderr)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	h.Client = &client.Client{BaseURL: at.URL, HTTP: &http.Client{Timeout: 30 * time.Second, Transport: transport}}
	return h
}

func (h *hubProcess) awaitReady(t testing.TB) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = h.Do(context.Background(), http.MethodGet, "/readyz", nil, nil); err == nil {
			return
		}
	}
	t.Fatalf("hub is not ready: %v\n%s", err, h.stderr)
}

// kill ends the process as a power switch would, and waits for it.
func (h *hubProcess) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// stop ends the process as an operator does.
func (h *hubProcess) stop(t testing.TB) {
	t.Helper()
	if err := h.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Wait(); err != nil {
		t.Fatalf("hub did not stop cleanly: %v\n%s", err, h.stderr)
	}
}

// settled waits until everything is folded and resolved, and gives the status.
func (h *hubProcess) settled(t testing.TB) statusAnswer {
	t.Helper()
	var s statusAnswer
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err := h.Do(context.Background(), http.MethodGet, "/v1/status", nil, &s); err != nil {
			t.Fatalf("status: %v\n%s", err, h.stderr)
		}
		if s.Equation.Pending == 0 && s.ResolvedPosition == s.Position {
			return s
		}
	}
	t.Fatalf("hub does not settle: %+v", s)
	return s
}

type statusAnswer struct {
	Position         uint64 `json:"position"`
	ResolvedPosition uint64 `json:"resolved_position"`
	Durability       string `json:"durability"`
	Log              struct {
		OK     bool   `json:"ok"`
		Reason string `json:"reason"`
	} `json:"log"`
	Equation struct {
		Taken, Folded, Duplicate, Dead, Refused, Pending uint64
		Balanced                                         bool
	} `json:"equation"`
	Counts struct {
		SourceRecords uint64 `json:"source_records"`
		GoldenRecords uint64 `json:"golden_records"`
		DeadLetters   uint64 `json:"dead_letters"`
	} `json:"counts"`
}

// rounds is how often a repeated test repeats: FICHA_ROUNDS, or few.
func rounds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("FICHA_ROUNDS")); err == nil && n > 0 && !testing.Short() {
		return n
	}
	return few
}

// run calls the command line as a process would, and gives what it printed.
func runMain(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(context.Background(), args, streams{in: bytes.NewReader(nil), out: &out, err: &errs})
	return code, out.String(), errs.String()
}
