package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ficha/api"
)

// finding is one thing that the doctor looked at.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "look for what is wrong or unsafe", Args: cobra.NoArgs,
		Long: "Checks the data directory, the disk, the clock and the running hub. Exit code 6 when something is found.",
		RunE: func(cmd *cobra.Command, _ []string) error {
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
		out = append(out, checkFolder(a.data), checkSecret(a.data), checkSpace(a.data), checkSync(a.data))
	}
	return append(out, a.checkHub(ctx)...)
}

func checkFolder(dir string) finding {
	f := finding{Check: "data directory"}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.Detail, f.Remedy = "does not exist yet", "ficha key create admin --role admin --data "+dir
	case err != nil:
		f.Detail = err.Error()
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
		f.Detail = err.Error()
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
		f.OK, f.Detail = true, "not known: "+err.Error()
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
		f.OK, f.Detail = true, "not measured: "+err.Error()
		return f
	}
	defer os.Remove(file.Name())
	defer file.Close()
	const rounds = 20
	started := time.Now()
	for range rounds {
		if _, err := file.Write(make([]byte, 512)); err == nil {
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

// checkHub asks the running hub, if there is one.
func (a *app) checkHub(ctx context.Context) []finding {
	if a.url == "" && (a.data == "" || !hubRuns(ctx, a.data)) {
		return []finding{{Check: "hub", OK: true, Detail: "does not run on this directory"}}
	}
	c, err := a.client()
	if err != nil {
		return []finding{{Check: "hub", Detail: err.Error()}}
	}
	out := []finding{{Check: "ready", OK: true, Detail: "yes"}}
	if err := c.Do(ctx, http.MethodGet, "/readyz", nil, nil); err != nil {
		out[0] = finding{Check: "ready", Detail: err.Error()}
	}
	var s api.Status
	if err := c.Do(ctx, http.MethodGet, "/v1/status", nil, &s); err != nil {
		return append(out, finding{Check: "status", Detail: err.Error(), Remedy: "give a key with the role operator: FICHA_KEY=… ficha doctor"})
	}
	return append(out, statusFindings(s)...)
}

func statusFindings(s api.Status) []finding {
	out := []finding{
		{Check: "durability", OK: s.Durability == "power-safe", Detail: s.Durability},
		{Check: "log", OK: s.Log.OK, Detail: strings.TrimSpace(fmt.Sprintf("position %d %s", s.Position, s.Log.Reason))},
		{Check: "equation", OK: s.Equation.Balanced, Detail: fmt.Sprintf("taken %d, folded %d, duplicate %d, dead %d, refused %d, pending %d",
			s.Equation.Taken, s.Equation.Folded, s.Equation.Duplicate, s.Equation.Dead, s.Equation.Refused, s.Equation.Pending)},
		{Check: "dead letters", OK: s.Counts.DeadLetters == 0, Detail: fmt.Sprint(s.Counts.DeadLetters)},
	}
	for _, p := range s.Projections {
		out = append(out, finding{Check: "projection " + p.Name, OK: p.Error == "" && p.LagSeconds < 10,
			Detail: strings.TrimSpace(fmt.Sprintf("position %d, %.1f s behind %s", p.Position, p.LagSeconds, p.Error))})
	}
	for _, w := range s.Warnings {
		out = append(out, finding{Check: "setting", OK: true, Detail: w})
	}
	return out
}
