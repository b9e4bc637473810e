package jobs

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ficha/api/bucket/buckettest"
	"ficha/events"
)

// TestTwoHubs: a second hub on the same bucket takes the job over, and the first
// one lets go at its next save.
func TestTwoHubs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &buckettest.Memory{}
		slow := func() *counting {
			return &counting{name: "count", before: func(*Run, int) error { time.Sleep(time.Second); return nil }}
		}
		one, two := slow(), slow()
		d := started(t, b, one.kind())
		j := ordered(t, d, "count", 6)
		time.Sleep(2500 * time.Millisecond)
		e := started(t, b, two.kind())
		time.Sleep(10 * time.Second)
		wantState(t, e, j.ID, Done, 12)
		if n := len(one.done()); n != 6 { // its third chunk came too late to be saved
			t.Errorf("the first did %d", n)
		}
		if n := len(two.done()); n != 8 {
			t.Errorf("the second did %d", n)
		}
	})
}

// TestKilledAtRandom kills the hub again and again while its bucket fails now and
// then: in the end each thing was done, and the counts are right.
func TestKilledAtRandom(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	for seed := range rounds {
		synctest.Test(t, func(t *testing.T) {
			rng, pauses := rand.New(rand.NewPCG(uint64(seed), 7)), rand.New(rand.NewPCG(uint64(seed), 8))
			b := &buckettest.Memory{}
			var mu sync.Mutex
			b.Fail = func(method, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if method != "keys" && rng.IntN(40) == 0 {
					return fmt.Errorf("bucket: %w", events.ErrUnavailable)
				}
				return nil
			}
			c := &counting{name: "count", before: func(*Run, int) error { time.Sleep(50 * time.Millisecond); return nil }}
			var jobs []Job
			for restarts := 0; restarts < 200; restarts++ {
				d := desk(t, b, c.kind())
				ctx, kill := context.WithCancel(t.Context())
				err := d.Start(ctx)
				for err == nil && len(jobs) < 4 {
					j, perr := d.Plan(ctx, Order{Kind: "count", By: "ana", Chunks: planOf(1 + len(jobs))})
					if j.ID != "" {
						jobs = append(jobs, j)
					}
					err = perr
				}
				time.Sleep(time.Duration(pauses.IntN(400)) * time.Millisecond)
				kill()
				d.Stop()
				if len(jobs) == 4 && allEnded(t.Context(), b, jobs) {
					break
				}
			}
			b.Fail = nil
			d := started(t, b, c.kind())
			time.Sleep(time.Minute)
			did := c.done()
			for i, j := range jobs {
				wantState(t, d, j.ID, Done, uint64(2*(1+i)))
				for n := range 1 + i {
					if !slices.Contains(did, fmt.Sprintf("%s %d.b", j.ID, n)) {
						t.Errorf("seed %d: job %d never did %d", seed, i, n)
					}
				}
			}
		})
	}
}

func allEnded(ctx context.Context, b *buckettest.Memory, jobs []Job) bool {
	for _, j := range jobs {
		v, _, err := b.Get(ctx, jobKey(j.ID))
		if err != nil || !bytes.Contains(v, []byte(`"state":"done"`)) {
			return false
		}
	}
	return true
}
