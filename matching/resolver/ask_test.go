package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
)

// slow is a state that loads only when it is told to.
type slow struct {
	*resolvertest.Memory
	ready chan struct{}
}

func (s *slow) Cursor(ctx context.Context) (resolver.Cursor, error) {
	select {
	case <-s.ready:
		return s.Memory.Cursor(ctx)
	case <-ctx.Done():
		return resolver.Cursor{}, ctx.Err()
	}
}

// stateOf is what a record says once an event was applied.
func stateOf(t *testing.T, e events.Envelope) record.State {
	t.Helper()
	var s record.State
	if _, err := record.Apply(&s, e); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestQuestionsWaitForNobodyWhoIsNotThere: before the start, while loading, while
// nothing can be decided and after the stop a question is refused at once, with the
// reason; and in between it is answered.
func TestQuestionsWaitForNobodyWhoIsNotThere(t *testing.T) {
	state, log := &slow{Memory: resolvertest.NewMemory(), ready: make(chan struct{})}, newHub(t).log
	r, err := resolver.New(resolver.Config{Log: log, State: state, Engine: engine(t), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		began := time.Now()
		_, err := r.Foresee(t.Context(), resolver.Hypothesis{})
		if !errors.Is(err, events.ErrUnavailable) || time.Since(began) > time.Second {
			t.Errorf("%s: %v after %v", when, err, time.Since(began))
		}
	}
	refused("before the start")
	r.Start(t.Context())
	defer r.Stop()
	refused("while loading")
	close(state.ready)
	if err := r.WaitIdentity(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for !r.Ready() {
		time.Sleep(time.Millisecond)
	}
	if _, err := r.Foresee(t.Context(), resolver.Hypothesis{}); err != nil {
		t.Errorf("once it is ready: %v", err)
	}
	r.Stop()
	refused("after the stop")
}

// TestQuestionsEndWithTheirContext: one who gives up waits no longer, and what he
// asked leaves the resolver at work.
func TestQuestionsEndWithTheirContext(t *testing.T) {
	h := newHub(t)
	evs := townlet(2)
	h.append(t, evs...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.r.Match(ctx, recordKey(0), stateOf(t, evs[0])); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled question: %v", err)
	}
	if _, err := h.r.Match(t.Context(), events.RecordKey{Source: "/new", ID: "1"}, stateOf(t, evs[0])); err != nil {
		t.Errorf("the next question: %v", err)
	}
}

// TestQuestionsWhileDeciding: questions from all sides while records pour in neither
// disturb the decisions nor wait for the end.
func TestQuestionsWhileDeciding(t *testing.T) {
	quiet, asked := newHub(t), newHub(t)
	evs := townlet(60)
	quiet.append(t, evs...)
	probe := stateOf(t, evs[0])
	asked.append(t, evs[0])
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	answers := make([]int, 4)
	for i := range answers {
		wg.Go(func() {
			for ctx.Err() == nil {
				m, err := asked.r.Match(ctx, events.RecordKey{Source: "/new", ID: fmt.Sprint(i)}, probe)
				if err == nil && len(m.Joins) != 1 {
					t.Errorf("joins %v, want one customer", m.Joins)
				}
				ids := []uuid.UUID{uuidOf("/crm", "a0"), uuidOf("/crm", "a1")}
				if _, err := asked.r.Foresee(ctx, resolver.Hypothesis{Judge: []events.IdentityJudged{{Sets: [][]uuid.UUID{ids}, Verdict: events.VerdictSame}}}); err == nil {
					answers[i]++
				}
			}
		})
	}
	for _, e := range evs[1:] {
		if _, err := asked.log.Append(t.Context(), []events.Envelope{e}); err != nil {
			t.Fatal(err)
		}
	}
	asked.settle(t)
	cancel()
	wg.Wait()
	for i, n := range answers {
		if n == 0 {
			t.Errorf("asker %d got no answer while records came in", i)
		}
	}
	if got, want := groups(t, asked.log), groups(t, quiet.log); got != want {
		t.Errorf("with questions %s, without %s", got, want)
	}
}

// TestPositionIsKnownBeforeLoading: after a restart the resolver says at once how far
// it had come.
func TestPositionIsKnownBeforeLoading(t *testing.T) {
	h := newHub(t)
	h.append(t, townlet(5)...)
	want := h.r.Position()
	h.r.Stop()
	held := &holding{Memory: h.state, reached: make(chan struct{})}
	r, err := resolver.New(resolver.Config{Log: h.log, State: held, Engine: engine(t), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	r.Start(t.Context())
	defer r.Stop()
	<-held.reached
	if got := r.Position(); got != want || got == 0 || r.Ready() {
		t.Errorf("position %d while loading, want %d; ready %v", got, want, r.Ready())
	}
}

// holding is a state that stops while it is loaded.
type holding struct {
	*resolvertest.Memory
	once    sync.Once
	reached chan struct{}
}

func (s *holding) Load(ctx context.Context, _ []byte) iter.Seq2[resolver.Row, error] {
	s.once.Do(func() { close(s.reached) })
	return func(yield func(resolver.Row, error) bool) {
		<-ctx.Done()
		yield(resolver.Row{}, ctx.Err())
	}
}
