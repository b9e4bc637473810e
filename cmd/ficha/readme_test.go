package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/internal/testneeds"
)

// TestReadmeLines runs the README's five lines, as they stand there, against the
// demo, with the environment that the demo prints.
func TestReadmeLines(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		testneeds.Missing(t, "curl", "curl", "apt-get install curl")
	}
	blocks := shellBlocks(t)
	if len(blocks) != 2 {
		t.Fatalf("the README shows %d blocks, want 2", len(blocks))
	}
	lines := strings.Split(blocks[0], "\n")
	if len(lines) != 5 {
		t.Fatalf("the README shows %d lines, want 5", len(lines))
	}
	env := demoEnvironment(t)
	want := []string{`"status":"appended"`, `María José Núñez García`, `"status":"appended"`, `person_denied`, "María José Núñez García"}
	for i, line := range lines {
		var out string
		for range 50 { // folding takes some milliseconds: the reader of the README is slower
			if out = shell(t, line, env); strings.Contains(out, want[i]) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !strings.Contains(out, want[i]) {
			t.Errorf("line %d: want %s in the answer, got\n%s", i+1, want[i], out)
		}
	}
	steward := shell(t, "set -e\n"+blocks[1], env)
	rest := steward
	for _, w := range []string{"likely to be one", "appended at position", "appended at position", "took a decision back"} {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("the steward's lines lack %q, or it comes too early:\n%s", w, steward)
		}
		rest = after
	}
}

// shellBlocks gives the README's sh blocks.
func shellBlocks(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testneeds.RepoRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for i, part := range strings.Split(string(b), "```sh\n") {
		if block, _, closed := strings.Cut(part, "```"); i > 0 && closed {
			blocks = append(blocks, strings.TrimSpace(block))
		}
	}
	return blocks
}

func shell(t *testing.T, line string, env []string) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	built = true
	// The binary is the same program; go run would build it once more.
	cmd := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(line, "go run ./cmd/ficha", path))
	cmd.Env = append(os.Environ(), env...)
	out, _ := cmd.CombinedOutput() // a failing line shows in what it prints
	return string(out)
}

// demoEnvironment runs a small demo and reads the export line that it prints.
func demoEnvironment(t *testing.T) []string {
	t.Helper()
	var mu sync.Mutex
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, []string{"demo", "--people", "100", "--listen", "127.0.0.1:0"},
			streams{in: strings.NewReader(""), out: &lockedWriter{&mu, &out}, err: &lockedWriter{&mu, &bytes.Buffer{}}})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	export := regexp.MustCompile(`(?m)^  export (FICHA_URL=\S+) (AGENT=\S+) (PUBLISHER=\S+) (STEWARD=\S+)$`)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		found := export.FindStringSubmatch(out.String())
		mu.Unlock()
		if found != nil {
			return found[1:]
		}
	}
	t.Fatalf("the demo printed no export line:\n%s", out.String())
	return nil
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}
