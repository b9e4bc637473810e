//go:build linux || darwin

package natslog_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
	"ficha/internal/testneeds"
)

// TestFullDisk fills a real, small file system under the log, so that JetStream
// itself runs out of space, and makes room again.
func TestFullDisk(t *testing.T) {
	small := os.Getenv("FICHA_SMALL_DISK")
	var st syscall.Statfs_t
	if small == "" || syscall.Statfs(small, &st) != nil || st.Blocks*uint64(st.Bsize) > 64<<20 {
		testneeds.Missing(t, "smalldisk", "a file system of at most 64 MiB", "mount -t tmpfs -o size=24m tmpfs /some/folder, and set FICHA_SMALL_DISK to the folder")
	}
	dir, err := os.MkdirTemp(small, "log") //nolint:usetesting // on the small disk, which is the point
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, st.Bavail*uint64(st.Bsize)/2), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &testLog{dir: dir, clock: &clock{}, index: &eventstest.IDIndex{}}
	l.change = func(c *natslog.Config) { c.FreeSpaceMin, c.WriteTimeout = 1, 2*time.Second }
	l.start(t)
	defer l.stop()

	acknowledged := fillDisk(t, l)
	begin := time.Now()
	if _, err := l.Append(t.Context(), bulky("full", 10)); !errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrDamaged) || time.Since(begin) > 3*time.Second {
		t.Errorf("Append on a full disk: %v after %s, want ErrUnavailable", err, time.Since(begin))
	}
	for _, err := range l.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Errorf("read on a full disk: %v", err)
		}
	}
	remove(t, ballast)
	begin = time.Now()
	again := append(acknowledged, bulky("after", 10)...)
	for i, a := range appendAll(t, l, again) {
		if i < len(acknowledged) && a.Outcome != events.OutcomeDuplicate {
			t.Fatalf("event %d was acknowledged before and is now %s", i, a.Outcome)
		}
	}
	t.Logf("%d events, took up work after %s", len(acknowledged), time.Since(begin))
	if time.Since(begin) > 10*time.Second {
		t.Error("that is too long")
	}
	checkOnceIn(t, l.Log)
}

// fillDisk appends until the disk is full and gives what was acknowledged.
func fillDisk(t *testing.T, l *testLog) (acknowledged []events.Envelope) {
	t.Helper()
	for n := range 1000 {
		batch := bulky(fmt.Sprint("fill", n), 100)
		if _, err := l.Append(t.Context(), batch); err != nil {
			if !errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrDamaged) {
				t.Fatalf("Append: %v, want ErrUnavailable", err)
			}
			t.Logf("says: %v", err)
			return acknowledged
		}
		acknowledged = append(acknowledged, batch...)
	}
	t.Fatal("the disk did not fill")
	return nil
}
