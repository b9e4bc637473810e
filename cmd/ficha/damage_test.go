package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ficha/api/client"
	"ficha/events"
)

// fate is what a hub makes of a damaged directory.
type fate string

const (
	harmless fate = "harmless" // every answer is right and new events are taken
	detected fate = "detected" // every answer is deny, nothing is taken, and the hub says why
	either   fate = "either"   // depends on where it hit
)

// damageCase harms the directory of a hub that is down.
type damageCase struct {
	name string
	harm func(t *testing.T, w *wreck)
	want fate
}

// namedDamage lists what befalls disks and the people who run them. What is not
// here: the whole data directory replaced by an older copy. Nothing in it knows
// better then; that is for backups and for the sources, which send again.
func namedDamage() []damageCase {
	return []damageCase{
		{"nothing", func(*testing.T, *wreck) {}, harmless},
		{"older copy of log", func(t *testing.T, w *wreck) { w.restore(t, dirLog) }, detected},
		{"log deleted", func(t *testing.T, w *wreck) { w.remove(t, dirLog) }, detected},
		{"log and tail deleted", func(t *testing.T, w *wreck) { w.remove(t, dirLog); w.remove(t, fileTail) }, detected},
		{"older copies of log and tail", func(t *testing.T, w *wreck) { w.restore(t, dirLog); w.restore(t, fileTail) }, detected},
		{"older copies of log and store", func(t *testing.T, w *wreck) { w.restore(t, dirLog); w.restore(t, dirStore) }, detected},
		{"older copy of log, tail deleted", func(t *testing.T, w *wreck) { w.restore(t, dirLog); w.remove(t, fileTail) }, detected},
		{"older copy of store", func(t *testing.T, w *wreck) { w.restore(t, dirStore) }, harmless},
		{"older copies of store and tail", func(t *testing.T, w *wreck) { w.restore(t, dirStore); w.restore(t, fileTail) }, harmless},
		{"store deleted", func(t *testing.T, w *wreck) { w.remove(t, dirStore) }, harmless},
		{"tail deleted", func(t *testing.T, w *wreck) { w.remove(t, fileTail) }, harmless},
		{"tail emptied", func(t *testing.T, w *wreck) { w.cut(t, w.path(fileTail), 0) }, detected},
		{"newest block cut in half", func(t *testing.T, w *wreck) { w.cut(t, w.newest(t), 0.5) }, detected},
		{"newest block cut by a little", func(t *testing.T, w *wreck) { w.cut(t, w.newest(t), 0.9999) }, detected},
		{"newest block cut, state unknown", func(t *testing.T, w *wreck) { w.cut(t, w.newest(t), 0.7); w.forget(t) }, detected},
		{"newest block deleted", func(t *testing.T, w *wreck) { w.removePath(t, w.newest(t)) }, detected},
		{"first block deleted", func(t *testing.T, w *wreck) { w.removePath(t, w.blocks(t)[0]) }, detected},
		{"first block deleted, state unknown", func(t *testing.T, w *wreck) { w.removePath(t, w.blocks(t)[0]); w.forget(t) }, detected},
		{"a byte in the middle of a block", func(t *testing.T, w *wreck) { w.flip(t, w.blocks(t)[0], 0.5) }, either},
		{"the same, state unknown", func(t *testing.T, w *wreck) { w.flip(t, w.blocks(t)[0], 0.5); w.forget(t) }, detected},
		{"a byte in the newest block", func(t *testing.T, w *wreck) { w.flip(t, w.newest(t), 0.999) }, either},
		{"a range of a block zeroed", func(t *testing.T, w *wreck) { w.zero(t, w.blocks(t)[0], 0.3, 4096) }, either},
		{"the end of the newest block zeroed", func(t *testing.T, w *wreck) { w.zero(t, w.newest(t), 0.9, 1<<20) }, detected},
		{"a byte in a block, store deleted", func(t *testing.T, w *wreck) { w.flip(t, w.blocks(t)[0], 0.5); w.remove(t, dirStore) }, detected},
	}
}

// TestStoryDamagedLog harms the files of a hub that is down, in every way that
// happens to files, and starts it again. Either all answers are right, or the hub
// recognises the damage, denies everything, takes nothing and says why. Never is
// anybody allowed to be contacted who opted out.
func TestStoryDamagedLog(t *testing.T) {
	rng := seeded(t)
	site := newSite(t, rng)
	var table strings.Builder
	try := func(c damageCase, from snapshot) {
		t.Run(from.name+"/"+c.name, func(t *testing.T) {
			w := from.copy(t)
			c.harm(t, w)
			got, how := w.judge(t)
			if c.want != either && got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			fmt.Fprintf(&table, "\n  %-8s %-8s %-40s %s", got, from.name, c.name, how)
		})
	}
	for i, c := range namedDamage() {
		if testing.Short() && i%4 != rng.IntN(4) {
			continue
		}
		try(c, site.newer[i%2])
		if !testing.Short() {
			try(c, site.newer[1-i%2])
		}
	}
	n := rounds(12)
	if testing.Short() {
		n = 2
	}
	for range n {
		c := randomDamage(rng)
		try(c, site.newer[rng.IntN(2)])
	}
	t.Logf("what became of it:%s", &table)
}

// randomDamage hits a random file of the log, or its tail, at a random place.
func randomDamage(rng *rand.Rand) damageCase {
	file, at, how, forget := rng.Float64(), rng.Float64(), rng.IntN(5), rng.IntN(2) == 0
	length := int64(1) << rng.IntN(20)
	names := [...]string{"a byte", "some bytes zeroed", "cut", "deleted", "older copy"}
	name := fmt.Sprintf("%s at %.4f of file %.4f", names[how], at, file)
	if forget {
		name += ", state unknown"
	}
	return damageCase{name, func(t *testing.T, w *wreck) {
		files := append(w.logFiles(t), w.path(fileTail))
		path := files[int(file*float64(len(files)))]
		w.hit = strings.TrimPrefix(path, w.dir+"/")
		switch how {
		case 0:
			w.flip(t, path, at)
		case 1:
			w.zero(t, path, at, length)
		case 2:
			w.cut(t, path, at)
		case 3:
			w.removePath(t, path)
		case 4:
			w.restoreFile(t, path)
		}
		if forget {
			w.forget(t)
		}
	}, either}
}

// site is a hub's data directory at three moments.
type site struct {
	newer [2]snapshot // stopped by its operator, and killed
}

// snapshot is a copy of a data directory, with what was acknowledged until then.
type snapshot struct {
	name     string
	dir      string
	older    string   // an earlier copy of the same directory
	optedOut []check  // must be denied
	position uint64   // of the last event that was acknowledged
	quiet    []person // nobody denied them
}

// newSite runs a hub through three stages and keeps its directory after each.
func newSite(t *testing.T, rng *rand.Rand) *site {
	t.Helper()
	base, data := t.TempDir(), t.TempDir()
	crowd := people(rng, "/crm/bank", 53_000_000, 150)
	var asked []check
	var position uint64
	stage := func(n int, name string, end func(h *hubProcess)) snapshot {
		h := serveProcess(t, data)
		asked = append(asked, optOuts(t, h, crowd[n*40:(n+1)*40], n)...)
		position = h.settled(t).Position
		end(h)
		s := snapshot{name: name, dir: filepath.Join(base, name), older: filepath.Join(base, "older"), optedOut: asked, position: position, quiet: crowd[120:]}
		copyDir(t, data, s.dir)
		return s
	}
	stop := func(h *hubProcess) { h.stop(t) }
	stage(0, "older", stop)
	s := &site{}
	s.newer[0] = stage(1, "stopped", stop)
	s.newer[1] = stage(2, "killed", func(h *hubProcess) { h.kill() })
	return s
}

// optOuts records persons, has them opt out in two ways, and fills the log with
// calls whose long notes make it more than one file. It gives the questions that
// must be denied from now on.
func optOuts(t *testing.T, h *hubProcess, crowd []person, stage int) []check {
	t.Helper()
	var asked []check
	notes := strings.Repeat("The customer spoke at length about other matters. ", 1200)
	for i, p := range crowd {
		id := fmt.Sprint(stage, "-", i)
		batch := []events.Envelope{p.recorded("r" + id), p.called("c"+id, notes)}
		if i%2 == 0 {
			batch = append(batch, denyOfPhone("/pbx", "d"+id, p.phone))
		} else {
			batch = append(batch, denyOfRecord("/crm/bank", "d"+id, p.key))
		}
		for n := range 2 {
			batch = append(batch, p.called(fmt.Sprint("l", id, "-", n), notes))
		}
		mustSubmit(t, h.Client, batch...)
		asked = append(asked, marketingCall("phone", p.phone), marketingCall("record", p.key))
	}
	return asked
}

// copy gives a directory that may be harmed.
func (s snapshot) copy(t *testing.T) *wreck {
	t.Helper()
	w := &wreck{snapshot: s}
	w.dir = filepath.Join(t.TempDir(), "data")
	copyDir(t, s.dir, w.dir)
	return w
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// wreck is a directory on its way to be harmed.
type wreck struct {
	snapshot
	hit string // the file, where it was chosen by chance
}

// judge starts the hub on what is left and says what it makes of it. While it
// comes up it is asked about everybody who opted out, again and again.
func (w *wreck) judge(t *testing.T) (fate, string) {
	t.Helper()
	h := launch(t, w.dir)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		w.askAll(t, h.Client)
		var s statusAnswer
		if err := h.Do(t.Context(), http.MethodGet, "/v1/status", nil, &s); err != nil {
			t.Fatalf("status: %v\n%s", err, h.stderr)
		}
		if !s.Log.OK {
			w.mustRefuse(t, h, s)
			w.mustStillRefuse(t, h)
			return detected, strings.TrimSpace(w.hit + " " + s.Log.Reason)
		}
		if h.Do(t.Context(), http.MethodGet, "/readyz", nil, nil) == nil {
			w.mustWork(t, h)
			return harmless, strings.TrimSpace(w.hit + " " + w.verified(t, h))
		}
	}
	t.Fatalf("neither ready nor damaged\n%s", h.stderr)
	return "", ""
}

// askAll asks about everybody who opted out; an allow is what must never be.
func (w *wreck) askAll(t *testing.T, c *client.Client) []verdict {
	t.Helper()
	answers, err := ask(t.Context(), c, w.optedOut...)
	if err != nil {
		t.Fatalf("contact checks: %v", err)
	}
	for i, a := range answers {
		if a.allows() {
			t.Fatalf("question %d of somebody who opted out is ALLOWED", i)
		}
	}
	return answers
}

// mustRefuse holds a hub that knows its log is damaged to what it must do then.
func (w *wreck) mustRefuse(t *testing.T, h *hubProcess, s statusAnswer) {
	t.Helper()
	if s.Log.Reason == "" {
		t.Error("the status does not say why")
	}
	for i, a := range w.askAll(t, h.Client) {
		if !a.deniesFor("log_damaged") {
			t.Fatalf("question %d: %s for %v, want log_damaged", i, a.Decision, a.codes())
		}
	}
	if a := askOne(t, h.Client, marketingCall("phone", w.quiet[0].phone)); !a.deniesFor("log_damaged") {
		t.Errorf("somebody who never opted out: %s for %v", a.Decision, a.codes())
	}
	res, err := h.Submit(t.Context(), []events.Envelope{w.quiet[0].recorded("after")})
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || p.Code != "log_damaged" || len(res.Results) > 0 {
		t.Errorf("an event: %+v, %v, want 503 log_damaged", res, err)
	}
	err = h.Do(t.Context(), http.MethodGet, "/readyz", nil, nil)
	if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || !strings.Contains(p.Error(), "log") {
		t.Errorf("/readyz: %v, want 503 with the reason", err)
	}
}

// mustStillRefuse starts the hub once more: what the first start did to the files
// must not make the damage invisible.
func (w *wreck) mustStillRefuse(t *testing.T, h *hubProcess) {
	t.Helper()
	h.stop(t)
	again := launch(t, w.dir)
	eventually(t, "the damage is recognised again", func() bool {
		w.askAll(t, again.Client)
		var s statusAnswer
		return again.Do(t.Context(), http.MethodGet, "/v1/status", nil, &s) == nil && !s.Log.OK
	})
	again.kill()
}

// mustWork holds a hub that says all is well to it.
func (w *wreck) mustWork(t *testing.T, h *hubProcess) {
	t.Helper()
	for i, a := range w.askAll(t, h.Client) {
		if !a.deniesFor("contact_point_denied") && !a.deniesFor("person_denied") {
			t.Errorf("question %d: denied for %v", i, a.codes())
		}
	}
	q := marketingCall("phone", w.quiet[0].phone)
	if a := askOne(t, h.Client, q); !a.allows() {
		t.Errorf("somebody who never opted out: deny for %v", a.codes())
	}
	res := mustSubmit(t, h.Client, denyOfPhone("/pbx", "after", w.quiet[0].phone))
	if uint64(res.Position) <= w.position {
		t.Errorf("a new event got position %d, %d was acknowledged before", res.Position, w.position)
	}
	if a := askOne(t, h.Client, q); !a.deniesFor("contact_point_denied") {
		t.Errorf("a new opt-out: %s for %v", a.Decision, a.codes())
	}
}

// verified asks `ficha verify` about a log that answers right. It reads every
// byte, and so may find what no answer has depended on yet; then the hub must know
// it from there on.
func (w *wreck) verified(t *testing.T, h *hubProcess) string {
	t.Helper()
	code, out, errs := runMain(t, "verify", "--data", w.dir, "--json")
	switch code {
	case exitOK:
		return ""
	case exitFindings:
		var s statusAnswer
		if err := h.Do(t.Context(), http.MethodGet, "/v1/status", nil, &s); err != nil || s.Log.OK {
			t.Fatalf("verify found %s and the hub goes on: %+v, %v", out, s, err)
		}
		w.mustRefuse(t, h, s)
		w.mustStillRefuse(t, h)
		return "found by verify: " + s.Log.Reason
	}
	t.Errorf("verify: exit %d: %s%s", code, out, errs)
	return ""
}
