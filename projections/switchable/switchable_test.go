package switchable_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/projectionstest"
	"ficha/projections/switchable"
)

// closable closes whatever store is the present one.
type closable struct{ *switchable.Store }

func (c closable) Close() error { return c.Present().(*projectionstest.Memory).Close() }

// TestContract: a switchable store is a store, before and after a switch.
func TestContract(t *testing.T) {
	features := projectionstest.Features{Close: func(s projections.Store) error { return s.(closable).Close() }}
	t.Run("first", func(t *testing.T) {
		projectionstest.Exercise(t, func(*testing.T) projections.Store {
			return closable{switchable.New(projectionstest.NewMemory())}
		}, features)
	})
	t.Run("switched", func(t *testing.T) {
		projectionstest.Exercise(t, func(t *testing.T) projections.Store {
			s := switchable.New(projectionstest.NewMemory())
			if err := s.Switch(projectionstest.NewMemory(), func() error { return nil }); err != nil {
				t.Fatal(err)
			}
			return closable{s}
		}, features)
	})
}

func commit(ctx context.Context, s projections.Store, at events.Position, value string) error {
	return s.Commit(ctx, projections.Commit{Runner: "r", At: at, To: at + 1, Changes: []projections.Change{{Table: "t", Key: []byte("k"), Value: []byte(value)}}})
}

func value(t *testing.T, r projections.Reader) string {
	t.Helper()
	v, _, err := r.Get(t.Context(), "t", []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	return string(v)
}

func TestOpenSnapshotsKeepTheirRows(t *testing.T) {
	first, second := projectionstest.NewMemory(), projectionstest.NewMemory()
	s := switchable.New(first)
	if err := errors.Join(commit(t.Context(), first, 0, "old"), commit(t.Context(), second, 0, "new")); err != nil {
		t.Fatal(err)
	}
	before, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := s.Switch(second, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	after, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if value(t, before) != "old" || value(t, after) != "new" || s.Present() != projections.Store(second) {
		t.Errorf("before %q, after %q", value(t, before), value(t, after))
	}
	if err := commit(t.Context(), s, 1, "newer"); err != nil {
		t.Fatal(err)
	}
	if got := projectionstest.Dump(t, first); got != "t \"k\" \"old\"\n" {
		t.Errorf("a commit after the switch reached the old rows: %s", got)
	}
}

func TestARefusedSwitchChangesNothing(t *testing.T) {
	first := projectionstest.NewMemory()
	s, no := switchable.New(first), errors.New("no")
	if err := s.Switch(projectionstest.NewMemory(), func() error { return no }); !errors.Is(err, no) {
		t.Errorf("Switch gave %v", err)
	}
	if s.Present() != projections.Store(first) {
		t.Error("the store was exchanged all the same")
	}
}

// slow is a store whose commits take their time and say when they are done.
type slow struct {
	*projectionstest.Memory
	begun chan struct{}
	ended chan struct{}
}

func (s slow) Commit(ctx context.Context, c projections.Commit) error {
	close(s.begun)
	time.Sleep(20 * time.Millisecond)
	defer close(s.ended)
	return s.Memory.Commit(ctx, c)
}

func TestNoCommitIsInProgressDuringASwitch(t *testing.T) {
	first := slow{projectionstest.NewMemory(), make(chan struct{}), make(chan struct{})}
	s := switchable.New(first)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := commit(t.Context(), s, 0, "v"); err != nil {
			t.Error(err)
		}
	})
	<-first.begun
	err := s.Switch(projectionstest.NewMemory(), func() error {
		select {
		case <-first.ended:
			return nil
		default:
			return fmt.Errorf("the commit goes on")
		}
	})
	if err != nil {
		t.Error(err)
	}
	wg.Wait()
}
