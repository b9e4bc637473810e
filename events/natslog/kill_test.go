package natslog_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
)

// childEnv makes the test binary append to the log in that directory until it is
// killed, instead of running tests.
const childEnv = "FICHA_TEST_APPEND_TO"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := appendForEver(dir, os.Getenv(childEnv+"_ROUND")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// appendForEver appends from several goroutines, singly and in batches, and
// prints "position id" for each event that was acknowledged.
func appendForEver(dir, round string) error {
	server, err := natslog.StartServer(natslog.ServerConfig{Dir: filepath.Join(dir, "js")})
	if err != nil {
		return err
	}
	l, err := natslog.Open(context.Background(), natslog.Config{Server: server, Index: &eventstest.IDIndex{}, ContentKey: contentKey, TailFile: filepath.Join(dir, "tail")})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for caller := range 8 {
		go func() {
			for n := 0; ; n++ {
				batch := eventstest.Events(fmt.Sprintf("r%s-c%d-n%d", round, caller, n), 1+caller*caller*2)
				answers, err := l.Append(context.Background(), batch)
				if err != nil {
					failed <- err
					return
				}
				var b strings.Builder
				for i, a := range answers {
					fmt.Fprintf(&b, "%d %s\n", a.Position, batch[i].ID)
				}
				os.Stdout.WriteString(b.String()) // one write: lines of callers do not mix
			}
		}()
	}
	return <-failed
}

// TestKillLosesNothingAcknowledged kills an appending process again and again.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[events.Position]string{}
	for round := range 4 {
		before := len(acknowledged)
		killChild(t, dir, round, acknowledged)
		if len(acknowledged)-before < 100 {
			t.Fatalf("round %d: only %d events were acknowledged before the kill; it shows nothing", round, len(acknowledged)-before)
		}
		checkAcknowledged(t, dir, acknowledged)
	}
	t.Logf("%d events acknowledged", len(acknowledged))
}

func killChild(t *testing.T, dir string, round int, acknowledged map[events.Position]string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s_ROUND=%d", childEnv, round))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == 0 { // it has begun
			defer time.AfterFunc(time.Duration(200+37*round)*time.Millisecond, func() { child.Process.Kill() }).Stop()
		}
		var p events.Position
		var id string
		if n, err := fmt.Sscan(lines.Text(), &p, &id); n == 2 && err == nil {
			acknowledged[p] = id
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("round %d: the child was not killed: %v", round, err)
	}
}

func checkAcknowledged(t *testing.T, dir string, acknowledged map[events.Position]string) {
	t.Helper()
	server, err := natslog.StartServer(natslog.ServerConfig{Dir: filepath.Join(dir, "js"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	l, err := natslog.Open(t.Context(), natslog.Config{Server: server, Index: &eventstest.IDIndex{}, ContentKey: contentKey, TailFile: filepath.Join(dir, "tail")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	checkOnceIn(t, l)
	found := 0
	for e, err := range l.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := acknowledged[e.Position]; ok {
			found++
			if id != e.ID {
				t.Fatalf("position %d was acknowledged for %s and holds %s", e.Position, id, e.ID)
			}
		}
	}
	if found != len(acknowledged) {
		t.Fatalf("%d events were acknowledged, %d of them are in the log", len(acknowledged), found)
	}
}
