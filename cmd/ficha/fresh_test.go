package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ficha/events"
)

// freshSize is how large a run of the freshness story is.
type freshSize struct {
	persons int     // each is asked about four times
	workers int     // who ask at once
	target  float64 // events a second of other traffic
	floor   float64 // fewer than this flowed: the run proves nothing
}

// TestStoryOptOutIsSeenByTheNextCheck states one opt-out after the other while
// other traffic flows, and asks at once, the moment it is acknowledged: the
// answer must be deny, by whatever name and in whatever spelling is asked. Half
// of the questions are about what nobody denied and must be allowed.
func TestStoryOptOutIsSeenByTheNextCheck(t *testing.T) {
	size := freshSize{persons: 25_000, workers: 8, target: 2000, floor: 1500}
	if testing.Short() { // with the tests of other packages on the same processors
		size = freshSize{persons: 500, workers: 4, target: 1000, floor: 500}
	}
	rng := seeded(t)
	h := serveProcess(t, t.TempDir())
	r := &freshRun{h: h, all: people(rng, "/crm/bank", 50_000_000, size.persons)}
	r.populate(t)
	flow := startTraffic(t, h, rng, size.target)
	flow.awaitFlowing(t)

	began := time.Now()
	work := make(chan int)
	var wg sync.WaitGroup
	for range size.workers {
		wg.Go(func() {
			for i := range work {
				r.optOut(t, i)
			}
		})
	}
	for i := range r.all {
		work <- i
	}
	close(work)
	wg.Wait()
	took := time.Since(began)
	rate := flow.stop(t)
	r.report(t, took, rate, size.workers)
	if rate < size.floor {
		t.Errorf("only %.0f events/s of other traffic flowed, want %.0f: the run proves nothing", rate, size.floor)
	}
	if s := h.settled(t); !s.Equation.Balanced || !s.Log.OK {
		t.Errorf("status at the end: %+v", s)
	}
}

// freshRun counts what the questions of a run were answered with.
type freshRun struct {
	h   *hubProcess
	all []person

	wrongAllows, falseDenies, vague atomic.Int64
	mustDeny, mustAllow             atomic.Int64

	mu     sync.Mutex
	checks []time.Duration
	writes []time.Duration
	said   int // how many wrong answers were described
}

// populate records all persons and waits until the hub knows them.
func (r *freshRun) populate(t *testing.T) {
	t.Helper()
	for from := 0; from < len(r.all); from += 500 {
		var batch []events.Envelope
		for _, p := range r.all[from:min(from+500, len(r.all))] {
			batch = append(batch, p.recorded("record-"+p.key.ID))
		}
		mustSubmit(t, r.h.Client, batch...)
	}
	if s := r.h.settled(t); s.Counts.GoldenRecords != uint64(len(r.all)) {
		t.Fatalf("%d persons became %d golden records: they were to resemble nobody", len(r.all), s.Counts.GoldenRecords)
	}
}

// way is one way in which somebody opts out, and how he is asked about then.
type way struct {
	name  string
	state func(ctx context.Context, r *freshRun, i int) error
	next  [2]question // the very next questions
	batch bool        // they go in one request
}

// question asks about a person; the deny must give the code.
type question struct {
	about func(p person, i int) check
	code  string
}

// ways are taken in turn.
func ways() []way {
	phone := func(p person, i int) check { return marketingCall("phone", rewritten(p.phone, i/7)) }
	record := func(p person, _ int) check { return marketingCall("record", p.key) }
	customer := func(p person, _ int) check { return marketingCall("customer_id", p.key.UUID().String()) }
	email := func(p person, _ int) check {
		return check{Who: map[string]any{"email": strings.ToUpper(p.email)}, Channel: "email", Purpose: "marketing"}
	}
	const byPerson, byPoint = "person_denied", "contact_point_denied"
	return []way{
		{"number, asked by number", stateNumber, [2]question{{phone, byPoint}, {phone, byPoint}}, false},
		{"number, asked in a batch", stateNumber, [2]question{{phone, byPoint}, {customer, byPoint}}, true},
		{"number, asked by customer", stateNumber, [2]question{{customer, byPoint}, {record, byPoint}}, false},
		{"record, asked by record", stateRecord, [2]question{{record, byPerson}, {customer, byPerson}}, false},
		{"record, asked by number", stateRecord, [2]question{{phone, byPerson}, {email, byPerson}}, false},
		{"desk, asked by customer", stateAtDesk, [2]question{{customer, byPerson}, {phone, byPoint}}, false},
		{"desk, asked by address", stateAtDesk, [2]question{{email, byPoint}, {record, byPerson}}, true},
	}
}

func stateNumber(ctx context.Context, r *freshRun, i int) error {
	return r.publish(ctx, denyOfPhone("/pbx", fmt.Sprint("deny-", i), r.all[i].phone))
}

func stateRecord(ctx context.Context, r *freshRun, i int) error {
	return r.publish(ctx, denyOfRecord("/crm/bank", fmt.Sprint("deny-", i), r.all[i].key))
}

// stateAtDesk is an agent's click on the customer's card.
func stateAtDesk(ctx context.Context, r *freshRun, i int) error {
	click := map[string]any{"choice": "deny", "scope": map[string]any{"purposes": []string{"marketing"}}, "channel": "voice"}
	return r.h.Do(ctx, http.MethodPost, "/v1/customers/"+r.all[i].key.UUID().String()+"/statements", click, nil)
}

func (r *freshRun) publish(ctx context.Context, e events.Envelope) error {
	res, err := r.h.Submit(ctx, []events.Envelope{e})
	if err == nil && res.Results[0].Status != events.StatusAppended {
		err = fmt.Errorf("event %s is %s: %+v", e.ID, res.Results[0].Status, res.Results[0].Errors)
	}
	return err
}

// optOut asks, states the opt-out, and asks again.
func (r *freshRun) optOut(t *testing.T, i int) {
	p, w := r.all[i], ways()[i%len(ways())]
	first, second := w.next[0].about(p, i), w.next[1].about(p, i)
	r.ask(t, w, []check{first}, []string{""})
	began := time.Now()
	if err := w.state(t.Context(), r, i); err != nil {
		t.Errorf("%s: state: %v", w.name, err)
		return
	}
	r.time(&r.writes, began)
	other := first
	other.Purpose = "service"
	checks, codes := []check{first, second, other}, []string{w.next[0].code, w.next[1].code, ""}
	if w.batch {
		r.ask(t, w, checks, codes)
		return
	}
	for n := range checks {
		r.ask(t, w, checks[n:n+1], codes[n:n+1])
	}
}

// ask puts questions in one request and judges the answers by the code that each
// must be denied for; without a code it must be allowed.
func (r *freshRun) ask(t *testing.T, w way, checks []check, codes []string) {
	began := time.Now()
	answers, err := ask(t.Context(), r.h.Client, checks...)
	if err != nil {
		t.Errorf("%s: %v", w.name, err)
		return
	}
	r.time(&r.checks, began)
	for i, a := range answers {
		if codes[i] != "" {
			r.judgeDeny(t, w, a, codes[i])
			continue
		}
		r.mustAllow.Add(1)
		if !a.allows() {
			r.falseDenies.Add(1)
			r.describe(t, "%s: denied what nobody denied (%s): %v", w.name, checks[i].Purpose, a.codes())
		}
	}
}

func (r *freshRun) judgeDeny(t *testing.T, w way, a verdict, code string) {
	r.mustDeny.Add(1)
	switch {
	case a.allows():
		r.wrongAllows.Add(1)
		r.describe(t, "%s: ALLOWED after the opt-out was acknowledged", w.name)
	case !a.deniesFor(code):
		r.vague.Add(1)
		r.describe(t, "%s: denied for %v, want %s", w.name, a.codes(), code)
	}
}

// describe logs the first few wrong answers; the counts decide.
func (r *freshRun) describe(t *testing.T, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said++; r.said <= 20 {
		t.Logf(format, args...)
	}
}

func (r *freshRun) time(into *[]time.Duration, began time.Time) {
	took := time.Since(began)
	r.mu.Lock()
	defer r.mu.Unlock()
	*into = append(*into, took)
}

// report prints the figures and holds them to what is promised. A machine that
// stalls makes the checks stale that are under way; a short run may have one such.
func (r *freshRun) report(t *testing.T, took time.Duration, rate float64, workers int) {
	t.Helper()
	few := max(int64(2*len(r.all))/1000, int64(workers))
	deny, allow := r.mustDeny.Load(), r.mustAllow.Load()
	t.Logf("%d checks in %s: %d had to be denied, %d allowed; %d wrong allows, %d false denies, %d denies without their reason",
		deny+allow, took.Round(time.Millisecond), deny, allow, r.wrongAllows.Load(), r.falseDenies.Load(), r.vague.Load())
	t.Logf("other traffic %.0f events/s; a check took p50 %.2f ms, p99 %.2f ms; stating took p50 %.2f ms, p99 %.2f ms", rate,
		percentile(r.checks, 0.5), percentile(r.checks, 0.99), percentile(r.writes, 0.5), percentile(r.writes, 0.99))
	if deny != allow || deny != int64(2*len(r.all)) {
		t.Errorf("%d and %d answers, want %d each", deny, allow, 2*len(r.all))
	}
	if n := r.wrongAllows.Load(); n > 0 {
		t.Errorf("%d checks were allowed after the opt-out was acknowledged", n)
	}
	if n := r.falseDenies.Load(); n > few {
		t.Errorf("%d of %d checks were denied without cause, want %d at most", n, allow, few)
	}
	if n := r.vague.Load(); n > few {
		t.Errorf("%d of %d denies do not name the opt-out, want %d at most", n, deny, few)
	}
}

// traffic is what else happens to a hub: calls, records, statements of others.
type traffic struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	acked  atomic.Int64
	began  time.Time
	err    atomic.Pointer[error]
}

// burst is how many events a publisher sends at a time.
const (
	burst      = 50
	publishers = 2
)

// startTraffic lets events flow at a rate until it is stopped. Each publisher
// keeps to its timetable: one that was held up catches up.
func startTraffic(t *testing.T, h *hubProcess, rng *rand.Rand, perSecond float64) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &traffic{cancel: cancel, began: time.Now()}
	every := time.Duration(burst * publishers / perSecond * float64(time.Second))
	for p := range publishers {
		crowd := people(rng, fmt.Sprint("/shop/", p), 40_000_000+p*1_000_000, 5000)
		f.wg.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				if wait := time.Until(f.began.Add(time.Duration(round) * every)); wait > 0 {
					select {
					case <-time.After(wait):
					case <-ctx.Done():
						return
					}
				}
				f.send(ctx, h, crowd, p, round)
			}
		})
	}
	t.Cleanup(func() { cancel(); f.wg.Wait() })
	return f
}

func (f *traffic) send(ctx context.Context, h *hubProcess, crowd []person, publisher, round int) {
	batch := make([]events.Envelope, burst)
	for i := range batch {
		n := round*burst + i
		p, id := crowd[n%len(crowd)], fmt.Sprint("t", publisher, "-", n)
		switch {
		case i%10 == 0:
			batch[i] = p.recorded(id)
		case i%25 == 1:
			batch[i] = denyOfPhone(p.key.Source, id, p.phone)
		default:
			batch[i] = p.called(id, "asked for the balance of the account")
		}
	}
	res, err := h.Submit(ctx, batch)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		f.err.CompareAndSwap(nil, &err)
	default:
		f.acked.Add(int64(len(res.Results) - res.Rejected))
	}
}

// awaitFlowing returns when the first events are through, and begins to measure.
func (f *traffic) awaitFlowing(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); f.acked.Load() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no traffic flows")
		}
	}
}

// stop ends the traffic and gives how many events a second were acknowledged.
func (f *traffic) stop(t *testing.T) float64 {
	t.Helper()
	took := time.Since(f.began)
	n := f.acked.Load()
	f.cancel()
	f.wg.Wait()
	if err := f.err.Load(); err != nil {
		t.Errorf("traffic: %v", *err)
	}
	return perSecond(int(n), took)
}
