package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// finding is one thing that the doctor looked at.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Note   bool   `json:"note,omitempty"` // nothing wrong, but worth knowing
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "look for what is wrong or unsafe", Args: cobra.NoArgs,
		Long: `Checks the data directory, the disk, the clock and the running hub. Exit code 6
when something is found. The settings are checked by "ficha config check", the
log itself by "ficha verify".`,
		Example: "  ficha doctor --data ./ficha-data\n  FICHA_KEY=… ficha doctor --url https://hub.example --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.data == "" && a.url == "" {
				return usage("say what to look at: --data DIR, or --url of a running hub")
			}
			bad := false
			for _, f := range a.examine(cmd.Context()) {
				bad = bad || !f.OK
				if err := a.showFinding(f); err != nil {
					return err
				}
			}
			if bad {
				return &exitWith{code: exitFindings}
			}
			return nil
		},
	}
}

func (a *app) showFinding(f finding) error {
	if a.json {
		return a.print(f)
	}
	mark := "ok     "
	if f.Note {
		mark = "note   "
	}
	if !f.OK {
		mark = "FOUND  "
	}
	line := mark + f.Check + ": " + f.Detail
	if f.Remedy != "" {
		line += "\n         → " + f.Remedy
	}
	_, err := fmt.Fprintln(a.std.out, line)
	return err
}

func (a *app) examine(ctx context.Context) []finding {
	var out []finding
	if a.data != "" {
		out = append(out, examineFolder(a.data)...)
	}
	return append(out, a.checkHub(ctx)...)
}

// examineFolder looks at a data directory; at what is in it only if it is there.
func examineFolder(dir string) []finding {
	out := []finding{checkFolder(dir)}
	if _, err := os.Stat(dir); err != nil {
		return out
	}
	return append(out, checkSecret(dir), checkSpace(dir), checkSync(dir), checkClock(dir, time.Now()))
}

func checkFolder(dir string) finding {
	f := finding{Check: "data directory"}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.Detail, f.Remedy = "does not exist yet", "ficha key create admin --role admin --data "+dir
	case err != nil:
		f.Detail = err.Error()
	case !info.IsDir():
		f.Detail, f.Remedy = "is a file", "name the directory with --data"
	case info.Mode().Perm()&0o077 != 0:
		f.Detail, f.Remedy = fmt.Sprintf("others may read it (mode %o)", info.Mode().Perm()), "chmod 700 "+dir
	default:
		f.OK, f.Detail = true, "is there and private"
	}
	return f
}

func checkSecret(dir string) finding {
	f := finding{Check: "secret"}
	info, err := os.Stat(filepath.Join(dir, secretFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.OK, f.Detail = true, "will be made at the first start"
	case err != nil:
		f.Detail, f.Remedy = err.Error(), "run the doctor as the user that runs the hub"
	case info.Size() != secretSize:
		f.Detail, f.Remedy = "is damaged", "restore the file named secret from a backup; without it every API key is void"
	case info.Mode().Perm()&0o077 != 0:
		f.Detail, f.Remedy = "others may read it", "chmod 600 "+filepath.Join(dir, secretFile)
	default:
		f.OK, f.Detail = true, "is there and private; back it up with the data"
	}
	return f
}

// lowSpace is where the doctor begins to warn; the hub stops writing far below.
const lowSpace = 2 << 30

func checkSpace(dir string) finding {
	f := finding{Check: "disk space"}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		f.OK, f.Note, f.Detail = true, true, "not known: "+err.Error()
		return f
	}
	free := st.Bavail * uint64(st.Bsize)
	f.OK, f.Detail = free >= lowSpace, fmt.Sprintf("%.1f GB free", float64(free)/1e9)
	if !f.OK {
		f.Remedy = "make room: the hub answers 503 to writes before the disk is full"
	}
	return f
}

// checkSync measures what every acknowledgement waits for.
func checkSync(dir string) finding {
	f := finding{Check: "fsync"}
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		f.Detail, f.Remedy = "the directory cannot be written: "+err.Error(), "run the doctor as the user that runs the hub, and let that user own the directory"
		return f
	}
	defer os.Remove(file.Name())
	defer file.Close()
	const rounds = 20
	started := time.Now()
	for range rounds {
		if _, err = file.Write(make([]byte, 512)); err == nil {
			err = file.Sync()
		}
		if err != nil {
			f.Detail = err.Error()
			return f
		}
	}
	each := time.Since(started) / rounds
	f.OK, f.Detail = each < 50*time.Millisecond, fmt.Sprintf("%.2f ms each", each.Seconds()*1000)
	if !f.OK {
		f.Remedy = "each acknowledgement waits for one; use a local disk with a write cache that survives a power cut"
	}
	return f
}

// clockSlack is how far clocks may differ before somebody should look.
const clockSlack = 5 * time.Second

// checkClock compares the clock with the newest time that the hub left in its
// files: a clock that was set back shows there.
func checkClock(dir string, now time.Time) finding {
	f := finding{Check: "clock", OK: true, Detail: now.UTC().Format(time.RFC3339)}
	for _, name := range []string{secretFile, fileTail, dirLog, dirStore, addressFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err == nil && info.ModTime().After(now.Add(clockSlack)) {
			f.OK, f.Detail = false, fmt.Sprintf("is behind: %s was written %s in its future", name, info.ModTime().Sub(now).Round(time.Second))
			f.Remedy = "set the clock (NTP); the hub's own times never go back, so events get times ahead of it until it has caught up"
		}
	}
	return f
}
