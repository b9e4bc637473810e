package natslog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
)

// bulky gives n events of about 9 kB each, so that a thousand fill more than one
// of JetStream's files.
func bulky(prefix string, n int) []events.Envelope {
	batch := eventstest.Events(prefix, n)
	for i := range batch {
		batch[i].Data = fmt.Appendf(nil, `{"n":%d,"text":%q}`, i, strings.Repeat(fmt.Sprintf("%s %d ", prefix, i), 9000/(len(prefix)+5)))
	}
	return batch
}

func fill(t *testing.T, l *testLog, prefix string, n int) {
	t.Helper()
	if _, err := l.Append(t.Context(), bulky(prefix, n)); err != nil {
		t.Fatalf("append %d events: %v", n, err)
	}
}

// blocks gives the message files of the log's stream, in order.
func blocks(t *testing.T, l *testLog) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(l.jetstream(), "jetstream", "*", "streams", "FICHA_LOG", "msgs", "*.blk"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no message files: %v", err)
	}
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b)/len(a) })
	return found
}

// forgetState removes what JetStream notes about its message files, so that it
// has to read them.
func forgetState(t *testing.T, l *testLog) {
	t.Helper()
	if err := os.Remove(filepath.Join(filepath.Dir(blocks(t, l)[0]), "index.db")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, share float64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(float64(info.Size())*share)); err != nil {
		t.Fatal(err)
	}
}

// flip changes one byte somewhere in the file.
func flip(t *testing.T, path string, share float64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[int(float64(len(b))*share)] ^= 0x20
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestDamageIsFound damages the files of a stopped log and opens it again. Such
// a log must not take writes, must say what was found, and must give readers no
// event after one that is missing.
func TestDamageIsFound(t *testing.T) {
	cases := []struct {
		name   string
		damage func(t *testing.T, l *testLog)
	}{
		{"the log's directory is gone", func(t *testing.T, l *testLog) {
			if err := os.RemoveAll(l.jetstream()); err != nil {
				t.Fatal(err)
			}
		}},
		{"an older copy of the directory", func(t *testing.T, l *testLog) {
			older := filepath.Join(l.dir, "older")
			copyTree(t, l.jetstream(), older)
			l.start(t)
			fill(t, l, "later", 5)
			l.stop()
			copyTree(t, older, l.jetstream())
		}},
		{"the last file is cut", func(t *testing.T, l *testLog) { truncate(t, last(blocks(t, l)), 0.5) }},
		{"the last file is cut and must be read", func(t *testing.T, l *testLog) {
			truncate(t, last(blocks(t, l)), 0.5)
			forgetState(t, l)
		}},
		{"the last file is cut by a byte", func(t *testing.T, l *testLog) {
			truncate(t, last(blocks(t, l)), 0.999999)
			forgetState(t, l)
		}},
		{"the last file is empty", func(t *testing.T, l *testLog) {
			truncate(t, last(blocks(t, l)), 0)
			forgetState(t, l)
		}},
		{"the last file is gone", func(t *testing.T, l *testLog) { remove(t, last(blocks(t, l))) }},
		{"the first file is gone", func(t *testing.T, l *testLog) { remove(t, blocks(t, l)[0]) }},
		{"the first file is gone and the state too", func(t *testing.T, l *testLog) {
			remove(t, blocks(t, l)[0])
			forgetState(t, l)
		}},
		{"the first file is cut", func(t *testing.T, l *testLog) {
			truncate(t, blocks(t, l)[0], 0.5)
			forgetState(t, l)
		}},
		{"a byte of the first file", func(t *testing.T, l *testLog) { flip(t, blocks(t, l)[0], 0.5) }},
		{"a byte of the first file, which must be read", func(t *testing.T, l *testLog) {
			flip(t, blocks(t, l)[0], 0.5)
			forgetState(t, l)
		}},
		{"a byte of the last file", func(t *testing.T, l *testLog) { flip(t, last(blocks(t, l)), 0.9) }},
		{"a byte of the last file, which must be read", func(t *testing.T, l *testLog) {
			flip(t, last(blocks(t, l)), 0.9)
			forgetState(t, l)
		}},
		{"the tail file is empty", func(t *testing.T, l *testLog) { truncate(t, l.tailFile(), 0) }},
		{"the tail file is zeroed", func(t *testing.T, l *testLog) {
			if err := os.WriteFile(l.tailFile(), make([]byte, 1024), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"the tail file is of another log", func(t *testing.T, l *testLog) {
			other := newTestLog(t, nil)
			fill(t, other, "other", 3)
			other.stop()
			b, err := os.ReadFile(other.tailFile())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(l.tailFile(), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"the index is of another log", func(t *testing.T, l *testLog) {
			other := newTestLog(t, nil)
			fill(t, other, "other", 3)
			other.stop()
			l.index = other.index
		}},
		{"the log is shorter than the index and there is no tail file", func(t *testing.T, l *testLog) {
			truncate(t, last(blocks(t, l)), 0.5)
			forgetState(t, l)
			remove(t, l.tailFile())
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newTestLog(t, nil)
			fill(t, l, "e", 1000)
			if n := len(blocks(t, l)); n < 2 {
				t.Fatalf("%d message files, the case needs 2", n)
			}
			l.stop()
			c.damage(t, l)
			l.start(t)
			checkDamaged(t, l)
			l.reopen(t)
			checkDamaged(t, l)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func last(paths []string) string { return paths[len(paths)-1] }

func checkDamaged(t *testing.T, l *testLog) {
	t.Helper()
	readErr := readOriginal(t, l)
	damage := l.Damage()
	if !errors.Is(damage, events.ErrDamaged) {
		t.Fatalf("Damage = %v after a read that ended with %v", damage, readErr)
	}
	t.Logf("found: %v", damage)
	if strings.Contains(damage.Error(), "text") {
		t.Errorf("the error quotes data: %v", damage)
	}
	if err := l.Verify(t.Context()); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("Verify = %v", err)
	}
	if _, err := l.Append(t.Context(), eventstest.Events("after", 1)); !errors.Is(err, events.ErrDamaged) || !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("Append = %v, want ErrDamaged", err)
	}
	if err := l.CountDoor(t.Context(), 1, 0); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("CountDoor = %v, want ErrDamaged", err)
	}
}

// readOriginal reads the log: what comes before an error must be the events that
// were appended, without gap.
func readOriginal(t *testing.T, l *testLog) error {
	t.Helper()
	n := 0
	for e, err := range l.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			return err
		}
		if n++; e.Position != events.Position(n) || e.ID != fmt.Sprintf("e-%d", n-1) {
			t.Fatalf("event %d is %s at position %d", n, e.ID, e.Position)
		}
	}
	return nil
}

func TestSoundLogIsNotDamaged(t *testing.T) {
	l := newTestLog(t, nil)
	for round := range 3 {
		fill(t, l, fmt.Sprint("round", round), 400)
		l.reopen(t)
		if err := errors.Join(l.Damage(), l.Verify(t.Context())); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	forget := func() { l.stop(); forgetState(t, l); l.start(t) }
	forget()
	if err := errors.Join(l.Damage(), l.Verify(t.Context())); err != nil {
		t.Fatalf("after JetStream read its files anew: %v", err)
	}
	l.stop()
	remove(t, l.tailFile())
	l.start(t)
	if err := errors.Join(l.Damage(), l.Verify(t.Context())); err != nil {
		t.Fatalf("with a new tail file: %v", err)
	}
	fill(t, l, "more", 10)
}

// TestTailFileMayBeBehindAndTorn: the tail file may be behind the log, as after a
// power cut, and may have one torn slot.
func TestTailFileMayBeBehindAndTorn(t *testing.T) {
	l := newTestLog(t, nil)
	fill(t, l, "e", 20)
	behind, err := os.ReadFile(l.tailFile())
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, "f", 20)
	now, err := os.ReadFile(l.tailFile())
	if err != nil || bytes.Equal(behind, now) {
		t.Fatalf("the tail file did not change: %v", err)
	}
	for name, content := range map[string][]byte{
		"behind":      behind,
		"first torn":  append(bytes.Repeat([]byte{7}, 512), now[512:]...),
		"second torn": append(bytes.Clone(now[:512]), bytes.Repeat([]byte{7}, 512)...),
	} {
		l.stop()
		if err := os.WriteFile(l.tailFile(), content, 0o600); err != nil {
			t.Fatal(err)
		}
		l.start(t)
		if err := errors.Join(l.Damage(), l.Verify(t.Context())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	fill(t, l, "g", 20)
}

func TestMarkDamagedSealsTheLog(t *testing.T) {
	l := newTestLog(t, nil)
	fill(t, l, "e", 20)
	l.MarkDamaged(nil)
	if err := l.Damage(); err != nil {
		t.Fatalf("marked with nothing: %v", err)
	}
	l.MarkDamaged(errors.New("the witness knows better"))
	l.MarkDamaged(errors.New("a second opinion"))
	checkDamaged(t, l)
	if !strings.Contains(l.Damage().Error(), "the witness knows better") {
		t.Errorf("Damage = %v, want the first reason", l.Damage())
	}
	if end, err := l.End(t.Context()); end != 20 || err != nil {
		t.Errorf("End = %d, %v; a damaged log is still read", end, err)
	}
	if end, err := l.LaneEnd(t.Context(), events.LaneContact); end != 20 || err != nil {
		t.Errorf("LaneEnd = %d, %v; a damaged log is still read", end, err)
	}
}

// TestDamageWhileServing: a server that comes back with less than it had
// acknowledged is found at once, and a position is never given out twice.
func TestDamageWhileServing(t *testing.T) {
	l := newTestLog(t, nil)
	fill(t, l, "e", 30)
	older := filepath.Join(l.dir, "older")
	l.stop()
	copyTree(t, l.jetstream(), older)
	l.start(t)
	fill(t, l, "later", 30)

	swapped := swapServer(t, l, older)
	defer swapped.Stop()
	var err error
	for range 20 {
		if _, err = l.Append(t.Context(), eventstest.Events("after", 1)); err == nil || errors.Is(err, events.ErrDamaged) {
			break
		}
	}
	if !errors.Is(err, events.ErrDamaged) || !errors.Is(l.Damage(), events.ErrDamaged) {
		t.Fatalf("Append = %v, Damage = %v", err, l.Damage())
	}
	t.Logf("found: %v", err)
}

// swapServer puts an older copy of the files under the running log, as a
// recovery that lost its last file does.
func swapServer(t *testing.T, l *testLog, older string) *natslog.Server {
	t.Helper()
	l.server.Kill()
	copyTree(t, older, l.jetstream())
	if err := l.server.Restart(); err != nil {
		t.Fatalf("restart: %v", err)
	}
	return l.server
}
