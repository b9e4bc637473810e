package eventstest

import (
	"fmt"
	"testing"
	"time"

	"ficha/events"
)

func recordedTimeIsMonotone(t *testing.T, u LogUnderTest) {
	noon := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	clock := []time.Time{noon, noon.Add(time.Hour), noon.Add(-24 * time.Hour), noon.Add(2 * time.Hour)}
	want := []time.Time{noon, noon.Add(time.Hour), noon.Add(time.Hour), noon.Add(2 * time.Hour)}
	for i := range clock {
		u.SetClock(clock[i])
		if a := mustAppend(t, u.Log, Events(fmt.Sprint("e", i), 1)...)[0]; !a.RecordedTime.Equal(want[i]) {
			t.Errorf("with the clock at %s: recorded %s, want %s", clock[i], a.RecordedTime, want[i])
		}
	}
	checkWhole(t, u.Log)
}

func recordedTimeIsWhole(t *testing.T, u LogUnderTest) {
	u.SetClock(time.Date(2026, 5, 6, 12, 0, 0, 123456789, time.FixedZone("west", -6*3600)))
	mustAppend(t, u.Log, Events("e", 1)...)
	want := time.Date(2026, 5, 6, 18, 0, 0, 123456000, time.UTC)
	if got := mustRead(t, u.Log, events.ReadOptions{})[0].RecordedTime; got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
}

func doorCounts(t *testing.T, u LogUnderTest) {
	batch := Events("e", 30)
	mustAppend(t, u.Log, batch...)
	mustAppend(t, u.Log, batch[:4]...)
	if err := u.CountDoor(timeout(t), 2, 3); err != nil {
		t.Fatalf("CountDoor: %v", err)
	}
	want := events.Door{Taken: 39, Appended: 30, Duplicate: 4, Refused: 2, Dead: 3}
	if d := mustDoor(t, u.Log); d != want {
		t.Errorf("Door = %+v, want %+v", d, want)
	}
	mustAppend(t, u.Log, append(Events("f", 3), batch[0], batch[29])...)
	want = events.Door{Taken: 44, Appended: 33, Duplicate: 6, Refused: 2, Dead: 3}
	if d := mustDoor(t, u.Log); d != want {
		t.Errorf("Door = %+v, want %+v", d, want)
	}
	checkWhole(t, u.Log)
}

func doorTravelsInEvents(t *testing.T, u LogUnderTest) {
	batch := Events("e", 2)
	mustAppend(t, u.Log, batch...)
	mustAppend(t, u.Log, batch...)
	if err := u.CountDoor(timeout(t), 1, 5); err != nil {
		t.Fatalf("CountDoor: %v", err)
	}
	mustAppend(t, u.Log, Events("f", 1)...)
	got := mustRead(t, u.Log, events.ReadOptions{After: 2})[0].Door
	got.InLane = 0
	if want := (events.Door{Taken: 11, Appended: 3, Duplicate: 2, Refused: 1, Dead: 5}); got != want {
		t.Errorf("the event after carries %+v, want %+v", got, want)
	}
}

func reopens(t *testing.T, u LogUnderTest) {
	batch := Events("e", 30)
	mustAppend(t, u.Log, batch...)
	mustAppend(t, u.Log, batch[:3]...)
	if err := u.CountDoor(timeout(t), 2, 1); err != nil {
		t.Fatalf("CountDoor: %v", err)
	}
	before, door := checkWhole(t, u.Log), mustDoor(t, u.Log)
	info, err := u.Log.Info(timeout(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	l := u.Reopen(t)
	after := checkWhole(t, l)
	for i := range before {
		if string(before[i].Bytes) != string(after[i].Bytes) {
			t.Fatalf("event %d has other bytes", i)
		}
	}
	if len(before) != len(after) {
		t.Fatalf("%d events became %d", len(before), len(after))
	}
	if d := mustDoor(t, l); d != door {
		t.Errorf("Door = %+v, was %+v", d, door)
	}
	if again, err := l.Info(timeout(t)); err != nil || !again.Epoch.Equal(info.Epoch) {
		t.Errorf("epoch was %s, is %s, %v", info.Epoch, again.Epoch, err)
	}
	for _, lane := range events.Lanes {
		read := mustRead(t, l, events.ReadOptions{Lane: lane})
		if end, err := l.LaneEnd(timeout(t), lane); err != nil || end != read[len(read)-1].Position {
			t.Errorf("LaneEnd(%s) = %d, %v", lane, end, err)
		}
	}
	if a := mustAppend(t, l, Events("f", 1)...)[0]; a.Position != 31 {
		t.Errorf("the next event stands at %d", a.Position)
	}
	checkWhole(t, l)
}

func reopensKnowingIDs(t *testing.T, u LogUnderTest) {
	batch := Events("e", 30)
	first := mustAppend(t, u.Log, batch...)
	l := u.Reopen(t)
	for i, a := range mustAppend(t, l, batch...) {
		if a.Outcome != events.OutcomeDuplicate || a.Position != first[i].Position || !a.RecordedTime.Equal(first[i].RecordedTime) {
			t.Errorf("event %d: %+v, want duplicate of %+v", i, a, first[i])
		}
	}
	batch[0].Data = []byte(`{"other":1}`)
	if a := mustAppend(t, l, batch[0])[0]; a.Outcome != events.OutcomeReused {
		t.Errorf("%+v, want id_reused", a)
	}
}

func reopensWithClockBehind(t *testing.T, u LogUnderTest) {
	noon := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	u.SetClock(noon)
	mustAppend(t, u.Log, Events("e", 1)...)
	u.SetClock(noon.Add(-time.Hour))
	l := u.Reopen(t)
	if a := mustAppend(t, l, Events("f", 1)...)[0]; !a.RecordedTime.Equal(noon) {
		t.Errorf("recorded %s, want %s", a.RecordedTime, noon)
	}
}
