package eventstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"ficha/events"
)

func positions(read []events.Stored) []events.Position {
	out := make([]events.Position, len(read))
	for i, e := range read {
		out[i] = e.Position
	}
	return out
}

func readsAfterPosition(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 60)...)
	for _, after := range []events.Position{0, 1, 10, 50, 59, 60} {
		got := mustRead(t, u.Log, events.ReadOptions{After: after})
		if len(got) != int(60-after) || len(got) > 0 && got[0].Position != after+1 {
			t.Errorf("after %d: %v", after, positions(got))
		}
	}
}

func readsOneLane(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 70)...)
	all := mustRead(t, u.Log, events.ReadOptions{})
	total := 0
	for _, lane := range events.Lanes {
		var want []events.Position
		for _, e := range all {
			if e.Type.Lane() == lane {
				want = append(want, e.Position)
			}
		}
		got := mustRead(t, u.Log, events.ReadOptions{Lane: lane})
		if fmt.Sprint(positions(got)) != fmt.Sprint(want) {
			t.Errorf("lane %s: %v, want %v", lane, positions(got), want)
		}
		for i, e := range got {
			if e.Door.InLane != uint64(i+1) {
				t.Errorf("lane %s: event %d has InLane %d", lane, i, e.Door.InLane)
			}
		}
		total += len(got)
	}
	if total != 70 {
		t.Errorf("the lanes hold %d events together", total)
	}
}

func readsLaneAfterPosition(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 70)...) // contact: 2, 6 of each 7
	for after, want := range map[events.Position]events.Position{0: 2, 1: 2, 2: 6, 5: 6, 6: 9, 66: 69} {
		got := mustRead(t, u.Log, events.ReadOptions{After: after, Lane: events.LaneContact})
		if len(got) == 0 || got[0].Position != want {
			t.Errorf("after %d: %v, want to begin with %d", after, positions(got), want)
		}
	}
	for _, after := range []events.Position{69, 70} {
		if got := mustRead(t, u.Log, events.ReadOptions{After: after, Lane: events.LaneContact}); len(got) != 0 {
			t.Errorf("after %d: %v, want none", after, positions(got))
		}
	}
}

func readsBeyondEnd(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 3)...)
	for _, opts := range []events.ReadOptions{{After: 3}, {After: 1000}, {After: 1000, Lane: events.LaneContact}} {
		if got := mustRead(t, u.Log, opts); len(got) != 0 {
			t.Errorf("%+v: %v", opts, positions(got))
		}
	}
}

func readEndsAtEnd(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 40)...)
	n := 0
	for _, err := range u.Log.Read(timeout(t), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			mustAppend(t, u.Log, Events("late", 40)...)
		}
	}
	if n != 40 {
		t.Errorf("%d events, want the 40 that were there", n)
	}
}

func stopsReading(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 100)...)
	for _, follow := range []bool{false, true} {
		for range 3 {
			n := 0
			for _, err := range u.Log.Read(timeout(t), events.ReadOptions{Follow: follow}) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == 7 {
					break
				}
			}
			if n != 7 {
				t.Errorf("read %d events", n)
			}
		}
	}
}

// follow reads into a channel until the test ends.
func follow(t *testing.T, l events.Log, opts events.ReadOptions) <-chan events.Stored {
	t.Helper()
	opts.Follow = true
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan events.Stored, 10_000)
	var wg sync.WaitGroup
	wg.Go(func() {
		for e, err := range l.Read(ctx, opts) {
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("followed read: %v", err)
				}
				return
			}
			out <- e
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return out
}

func receive(t *testing.T, from <-chan events.Stored) events.Stored {
	t.Helper()
	select {
	case e := <-from:
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("no event came")
		return events.Stored{}
	}
}

func followsAppends(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("before", 20)...)
	read := follow(t, u.Log, events.ReadOptions{After: 5})
	for _, n := range []int{1, 30, 2} {
		mustAppend(t, u.Log, Events(fmt.Sprint("round", n), n)...)
	}
	for want := events.Position(6); want <= 53; want++ {
		if e := receive(t, read); e.Position != want {
			t.Fatalf("position %d, want %d", e.Position, want)
		}
	}
	mustAppend(t, u.Log, Events("more", 1)...)
	if e := receive(t, read); e.Position != 54 || e.ID != "more-0" {
		t.Errorf("%d %s", e.Position, e.ID)
	}
}

func followsLane(t *testing.T, u LogUnderTest) {
	read := follow(t, u.Log, events.ReadOptions{Lane: events.LaneContact})
	mustAppend(t, u.Log, Events("e", 7)...)
	mustAppend(t, u.Log, Event(events.CustomerRecordedV1, "else", 1), Event(events.ContactStatedV1, "deny", 2))
	for i, want := range []events.Position{2, 6, 9} {
		if e := receive(t, read); e.Position != want || e.Door.InLane != uint64(i+1) {
			t.Errorf("position %d, number %d; want %d, %d", e.Position, e.Door.InLane, want, i+1)
		}
	}
}

func followEndsWithContext(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 20)...)
	ctx, cancel := context.WithCancel(timeout(t))
	n := 0
	var last error
	for _, err := range u.Log.Read(ctx, events.ReadOptions{Follow: true}) {
		if last = err; err != nil {
			continue // nothing may come after it
		}
		if n++; n == 20 {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		if n > 20 {
			t.Fatal("an event came after the error")
		}
	}
	cancel()
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the read ended with %v, want context.Canceled", last)
	}
}

func cancelledRead(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 40)...)
	ctx, cancel := cancelled(t)
	defer cancel()
	for _, follow := range []bool{false, true} {
		n := 0
		for _, err := range u.Log.Read(ctx, events.ReadOptions{Follow: follow}) {
			if n++; !errors.Is(err, context.Canceled) {
				t.Errorf("follow %v: %v, want context.Canceled", follow, err)
			}
		}
		if n != 1 {
			t.Errorf("follow %v: %d yields", follow, n)
		}
	}
}

func readValuesStay(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 300)...)
	var kept []events.Stored
	var copies [][]byte
	for e, err := range u.Log.Read(timeout(t), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		kept, copies = append(kept, e), append(copies, bytes.Clone(e.Bytes))
	}
	mustAppend(t, u.Log, Events("f", 300)...)
	mustRead(t, u.Log, events.ReadOptions{})
	for i := range kept {
		if !bytes.Equal(kept[i].Bytes, copies[i]) || !bytes.Contains(copies[i], kept[i].Data) {
			t.Fatalf("event %d changed after it was read", i)
		}
	}
}

func getsByPosition(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 30)...)
	for _, want := range mustRead(t, u.Log, events.ReadOptions{}) {
		got, err := u.Log.Get(timeout(t), want.Position)
		if err != nil || !bytes.Equal(got.Bytes, want.Bytes) || got.Position != want.Position || got.ID != want.ID || got.Door != want.Door {
			t.Errorf("Get(%d) = %+v, %v", want.Position, got, err)
		}
	}
	for _, p := range []events.Position{0, 31, 1 << 40} {
		if _, err := u.Log.Get(timeout(t), p); !errors.Is(err, events.ErrNotFound) || errors.Is(err, events.ErrDamaged) {
			t.Errorf("Get(%d): %v, want ErrNotFound", p, err)
		}
	}
}

func endsIncludeAcknowledged(t *testing.T, u LogUnderTest) {
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for r := range 10 {
				answers, err := u.Log.Append(timeout(t), []events.Envelope{Event(events.ContactStatedV1, fmt.Sprintf("%d-%d", c, r), r)})
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				end, err := u.Log.End(timeout(t))
				laneEnd, laneErr := u.Log.LaneEnd(timeout(t), events.LaneContact)
				if err != nil || laneErr != nil || end < answers[0].Position || laneEnd < answers[0].Position {
					t.Errorf("acknowledged %d, End %d %v, LaneEnd %d %v", answers[0].Position, end, err, laneEnd, laneErr)
				}
				if e, err := u.Log.Get(timeout(t), answers[0].Position); err != nil || e.ID != fmt.Sprintf("%d-%d", c, r) {
					t.Errorf("Get(%d) = %s, %v", answers[0].Position, e.ID, err)
				}
			}
		})
	}
	wg.Wait()
}

func laneEnds(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 35)...)
	mustAppend(t, u.Log, Event(events.CustomerRecordedV1, "last", 1))
	want := map[events.Lane]events.Position{
		events.LaneContact: 34, events.LaneRecord: 36, events.LaneIdentity: 32, events.LaneInteraction: 31, events.LaneOther: 33,
	}
	for lane, end := range want {
		if got, err := u.Log.LaneEnd(timeout(t), lane); err != nil || got != end {
			t.Errorf("LaneEnd(%s) = %d, %v; want %d", lane, got, err, end)
		}
	}
}

func infoDescribes(t *testing.T, u LogUnderTest) {
	mustAppend(t, u.Log, Events("e", 30)...)
	info, err := u.Log.Info(timeout(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	if info.First != 1 || info.Last != 30 || info.Messages != 30 || info.Bytes == 0 || info.Epoch.IsZero() || info.Durability == "" {
		t.Errorf("Info = %+v", info)
	}
}
