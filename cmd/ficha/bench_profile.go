package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profiled is a contest whose hub side writes a CPU profile; the last round's
// stays. A profile costs a little of what it measures, raw sides pay nothing.
type profiled struct {
	contest
	file string
}

// profiledIn gives c itself when no directory is named.
func profiledIn(dir, workload string, c contest) contest {
	if dir == "" {
		return c
	}
	return profiled{contest: c, file: filepath.Join(dir, workload+".pprof")}
}

func (p profiled) hub(ctx context.Context) (figures []float64, err error) {
	f, err := os.Create(p.file)
	if err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("write profile: %w", err), f.Close())
	}
	figures, err = p.contest.hub(ctx)
	pprof.StopCPUProfile()
	return figures, errors.Join(err, f.Close())
}
