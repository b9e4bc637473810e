package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"ficha/api"
	"ficha/api/bucket"
	"ficha/api/bucket/buckettest"
	"ficha/api/jobs"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// TestBucketOfTheLog holds the bucket that jobs and claims are kept in to its
// contract.
func TestBucketOfTheLog(t *testing.T) {
	h := newKeyedHub(t)
	var n atomic.Int64
	buckettest.Exercise(t, func(t testing.TB) bucket.Bucket {
		b, err := h.log.Bucket(t.Context(), fmt.Sprint("fresh-", n.Add(1)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

// TestStoryBulkSurvivesKills decides many pairs at once while the hub's process is
// killed again and again, and takes all of it back the same way: what the hub says
// of the world is what it was. 200 pairs; 10,000 where FICHA_ROUNDS asks for much.
func TestStoryBulkSurvivesKills(t *testing.T) {
	n := min(10_000, 200*rounds(1))
	if testing.Short() {
		n = 60
	}
	data, rng := t.TempDir(), seeded(t)
	h := serveProcess(t, data)
	for batch := range slices.Chunk(lookAlikes(n), 1000) {
		mustSubmit(t, h.Client, batch...)
	}
	awaitOpen(t, h, uint64(n))
	h.stop(t)
	before := worldOf(t, data)

	h = serveProcess(t, data)
	var dry, planned api.BulkAnswer
	bulk := map[string]any{"filter": map[string]any{"kind": "pair"}, "verdict": "same", "reason": "pattern looked at", "dry_run": true}
	doOrFail(t, h, "/v1/reviews:bulk", bulk, &dry)
	delete(bulk, "dry_run")
	bulk["expect"] = dry.Preview.Total
	doOrFail(t, h, "/v1/reviews:bulk", bulk, &planned)
	began := time.Now()
	h, done := endedInSpiteOfKills(t, h, rng, planned.Job.ID)
	if done.State != jobs.Done || done.Done != uint64(n) || done.Failed+done.Skipped != 0 {
		t.Fatalf("the bulk ended as %+v", done)
	}
	t.Logf("%d pairs decided in %s", n, time.Since(began).Round(time.Millisecond))
	awaitOpen(t, h, 0)
	var undo jobs.Job
	doOrFail(t, h, "/v1/jobs/"+done.ID+":undo", map[string]any{"reason": "wrong pattern"}, &undo)
	began = time.Now()
	h, undone := endedInSpiteOfKills(t, h, rng, undo.ID)
	if undone.State != jobs.Done || undone.Done != uint64(n) || undone.Failed != 0 {
		t.Fatalf("the undo ended as %+v", undone)
	}
	t.Logf("undone in %s", time.Since(began).Round(time.Millisecond))
	awaitOpen(t, h, uint64(n))
	h.stop(t)
	if worldOf(t, data) != before {
		t.Error("undone, the world is another one")
	}
}

func doOrFail(t *testing.T, h *hubProcess, path string, body, out any) {
	t.Helper()
	if err := h.Do(t.Context(), http.MethodPost, path, body, out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// endedInSpiteOfKills kills the hub a few times at moments of chance, starts it
// again, and gives the job as it ended.
func endedInSpiteOfKills(t *testing.T, h *hubProcess, rng *rand.Rand, id string) (*hubProcess, jobs.Job) {
	t.Helper()
	for range 3 {
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		h.kill()
		h = serveProcess(t, h.data)
	}
	var j jobs.Job
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err := h.Do(t.Context(), http.MethodGet, "/v1/jobs/"+id, nil, &j); err != nil {
			t.Fatal(err)
		}
		if j.State.Ended() {
			return h, j
		}
	}
	t.Fatalf("the job does not end: %+v", j)
	return h, j
}

// awaitOpen waits until so many pairs wait for a steward, and matching is at rest.
func awaitOpen(t *testing.T, h *hubProcess, want uint64) {
	t.Helper()
	var open uint64
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var page api.ReviewsAnswer
		if err := h.Do(t.Context(), http.MethodGet, "/v1/reviews?limit=1", nil, &page); err != nil {
			t.Fatal(err)
		}
		if open = page.Counts[review.KindPair][review.StateOpen]; open == want {
			h.settled(t)
			return
		}
	}
	t.Fatalf("%d pairs are open, want %d", open, want)
}

// worldOf opens the files of a hub that has stopped, and gives the digest of its
// customers and its queue.
func worldOf(t *testing.T, data string) string {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	h, err := openClosedHub(t.Context(), closedHubConfig(data, quiet))
	if err != nil {
		t.Fatal(err)
	}
	defer h.close(quiet)
	var lines []string
	rowsOfNow(t, h, func(s projections.Snapshot) {
		customers, err := golden.Content(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		queue, err := review.Content(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(customers, queue...)
	})
	if len(lines) == 0 {
		t.Fatal("the world is empty")
	}
	return projections.ContentDigest(lines)
}
