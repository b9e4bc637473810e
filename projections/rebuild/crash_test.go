package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ficha/events/eventstest"
	"ficha/projections/rebuild"
)

// crashing takes copies of the disk as a power cut would leave it, before and
// after every step that is noted durably.
type crashing struct {
	spaces
	crash func(step string)
}

func (c crashing) around(step string, do func() error) error {
	c.crash("before " + step)
	err := do()
	c.crash("after " + step)
	return err
}

func (c crashing) SetUnfinished(ctx context.Context, space string) error {
	return c.around("the note "+space, func() error { return c.spaces.SetUnfinished(ctx, space) })
}

func (c crashing) Promote(ctx context.Context, space string) error {
	return c.around("promoting "+space, func() error { return c.spaces.Promote(ctx, space) })
}

func (c crashing) Drop(ctx context.Context, space string) error {
	return c.around("dropping "+space, func() error { return c.spaces.Drop(ctx, space) })
}

type disk struct {
	step string
	fs   vfs.FS
}

// TestPowerLossAtEveryStep cuts the power around every durable step, and in the
// middle of filling, of rebuilds and switches under load. What comes up is one
// space or the other, whole, and the work can be gone on with.
func TestPowerLossAtEveryStep(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			fs := vfs.NewCrashableMem()
			var disks []disk
			crash := func(step string) {
				cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[rng.IntN(3)], RNG: rand.New(rand.NewPCG(seed, uint64(len(disks))))}
				disks = append(disks, disk{step, fs.CrashClone(cfg)})
			}
			log := eventstest.NewLog(nil)
			var w *world
			batches := 0
			w = newWorld(t, log, fs, func(c *rebuild.Config) {
				c.Spaces = crashing{c.Spaces.(spaces), crash}
				c.Pace = func(context.Context) {
					w.write(30)
					if batches++; batches%2 == 0 {
						crash("filling")
					}
				}
			})
			w.write(1000)
			w.settle()
			for range 2 {
				build(t, w)
				if _, err := w.rebuild.Switch(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.write(20)
			}
			w.settle()
			if len(disks) < 12 {
				t.Fatalf("only %d power cuts", len(disks))
			}
			for _, d := range disks {
				comesUp(t, log, d)
			}
		})
	}
}

// comesUp starts from a disk, checks the rows, and does the rebuild again.
func comesUp(t *testing.T, log *eventstest.Log, d disk) {
	t.Helper()
	w := newWorld(t, log, d.fs)
	defer func() {
		if t.Failed() {
			t.Errorf("after a power cut %s", d.step)
		}
	}()
	w.wantFresh()
	space := build(t, w)
	if c := compare(t, w); !c.Equal() {
		t.Errorf("after %s: comparison %+v", d.step, c)
	}
	if s, err := w.rebuild.Switch(t.Context()); err != nil || s.To != space {
		t.Errorf("after %s: %+v, %v", d.step, s, err)
	}
	w.wantFresh()
}

// TestPowerLossAtRandomMoments does the same at any moment whatever.
func TestPowerLossAtRandomMoments(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	cuts := 30
	if testing.Short() {
		cuts = 4
	}
	fs, log := vfs.NewCrashableMem(), eventstest.NewLog(nil)
	w := newWorld(t, log, fs, func(c *rebuild.Config) {
		c.Pace = func(context.Context) { time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond) }
	})
	w.write(2000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			w.write(10)
			_, err := w.rebuild.Build(ctx, nil)
			if err == nil {
				_, err = w.rebuild.Switch(ctx)
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("rebuild: %v", err)
			}
		}
	}()
	dice := rand.New(rand.NewPCG(seed, 1))
	var disks []disk
	for i := range cuts {
		time.Sleep(time.Duration(dice.IntN(8000)) * time.Microsecond)
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: dice.IntN(101), RNG: rand.New(rand.NewPCG(seed, uint64(2+i)))}
		disks = append(disks, disk{fmt.Sprintf("cut %d", i), fs.CrashClone(cfg)})
	}
	cancel()
	<-ended
	for _, d := range disks {
		comesUp(t, log, d)
	}
}
