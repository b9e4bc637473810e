package eventstest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"ficha/events"
)

// LogUnderTest is one empty log and what a test may do to it.
type LogUnderTest struct {
	Log events.Log
	// CountDoor counts refused and dead events at the log's door.
	CountDoor func(ctx context.Context, refused, dead uint64) error
	// Reopen closes the log and opens the same storage again. Nil for a log that
	// lives in memory only.
	Reopen func(t *testing.T) events.Log
	// Second opens another appender on the same storage while the first one
	// lives. Nil for a log that is opened for one appender only.
	Second func(t *testing.T) events.Log
	// SetClock sets the clock that gives recorded times.
	SetClock func(now time.Time)
}

// Exercise holds a log to the contract of [events.Log]. Each call of open gives
// a new empty log; the suite closes none, open registers that with t.Cleanup.
func Exercise(t *testing.T, open func(t *testing.T) LogUnderTest) {
	for _, c := range logCases() {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
	if u := open(t); u.Reopen != nil {
		for _, c := range durableCases() {
			t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
		}
	}
	if u := open(t); u.Second != nil {
		for _, c := range sharedCases() {
			t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
		}
	}
}

type logCase struct {
	name string
	run  func(t *testing.T, u LogUnderTest)
}

func logCases() []logCase {
	return []logCase{
		{"an empty log says so", emptyLog},
		{"appended events get the next positions in order", appendsInOrder},
		{"appending nothing does nothing", appendsNothing},
		{"what is read is what was appended", readsWhatWasAppended},
		{"the same event again is a duplicate", answersDuplicate},
		{"member order and white space make no other event", duplicateInOtherSpelling},
		{"another event with a taken id is refused", answersReused},
		{"a duplicate within one call is caught", duplicateInOneCall},
		{"many events in one call", manyInOneCall},
		{"large events", largeEvents},
		{"concurrent appends lose nothing", concurrentAppends},
		{"concurrent appends of one event take it once", concurrentDuplicates},
		{"recorded time never goes back", recordedTimeIsMonotone},
		{"recorded time has whole microseconds in UTC", recordedTimeIsWhole},
		{"the door counts every answer", doorCounts},
		{"events carry the door's count", doorTravelsInEvents},
		{"a cancelled context is an error", appendHeedsContext},
		{"reading from a position", readsAfterPosition},
		{"reading one lane", readsOneLane},
		{"reading one lane from a position", readsLaneAfterPosition},
		{"reading beyond the end gives nothing", readsBeyondEnd},
		{"a read ends at what was the end", readEndsAtEnd},
		{"stopping a read early", stopsReading},
		{"a followed read gives what comes", followsAppends},
		{"a followed read of one lane gives what comes", followsLane},
		{"a followed read ends with its context", followEndsWithContext},
		{"a cancelled read says so", cancelledRead},
		{"what was read stays valid", readValuesStay},
		{"an event by its position", getsByPosition},
		{"ends include what was acknowledged", endsIncludeAcknowledged},
		{"ends of lanes", laneEnds},
		{"the storage describes itself", infoDescribes},
	}
}

// durableCases are those for logs that outlive their process.
func durableCases() []logCase {
	return []logCase{
		{"reopening keeps everything", reopens},
		{"duplicates are known after reopening", reopensKnowingIDs},
		{"recorded time does not go back after reopening", reopensWithClockBehind},
	}
}

// sharedCases are those for logs that several processes may append to.
func sharedCases() []logCase {
	return []logCase{
		{"two appenders fence each other", twoAppenders},
		{"two appenders take one event once", twoAppendersOneEvent},
	}
}

// Event gives a valid event of the given type with an id; n goes into its data.
func Event(typ events.Type, id string, n int) events.Envelope {
	data := map[string]any{"record": map[string]any{"source": "/test", "id": fmt.Sprint("r", n)}, "n": n}
	raw, err := json.Marshal(data)
	if err != nil {
		panic("marshal test data: " + err.Error())
	}
	return events.Envelope{
		ID: id, Source: "/test", SpecVersion: "1.0", Type: typ, Subject: fmt.Sprint("customer:r", n),
		Time: time.Date(2026, 3, 4, 5, 6, 7, n%1e6*1000, time.UTC), Data: raw,
	}
}

// Events gives n events whose types take turns through all lanes, with ids
// prefix-0, prefix-1 …
func Events(prefix string, n int) []events.Envelope {
	turns := [...]events.Type{
		events.CustomerRecordedV1, events.ContactStatedV1, events.InteractionRecordedV1,
		events.IdentityJudgedV1, events.ImportStartedV1, events.CustomerRestrictedV1, events.CustomerRecordedV1,
	}
	out := make([]events.Envelope, n)
	for i := range out {
		out[i] = Event(turns[i%len(turns)], fmt.Sprintf("%s-%d", prefix, i), i)
	}
	return out
}

// timeout gives a context for what must not take long.
func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

// mustAppend appends and fails the test unless it is answered, one for one.
func mustAppend(t *testing.T, l events.Log, batch ...events.Envelope) []events.Appended {
	t.Helper()
	answers, err := l.Append(timeout(t), batch)
	if err != nil {
		t.Fatalf("Append of %d events: %v", len(batch), err)
	}
	if len(answers) != len(batch) {
		t.Fatalf("Append of %d events gave %d answers", len(batch), len(answers))
	}
	return answers
}

// mustRead reads to the end.
func mustRead(t *testing.T, l events.Log, opts events.ReadOptions) []events.Stored {
	t.Helper()
	var all []events.Stored
	for e, err := range l.Read(timeout(t), opts) {
		if err != nil {
			t.Fatalf("Read %+v after %d events: %v", opts, len(all), err)
		}
		all = append(all, e)
	}
	return all
}

func mustEnd(t *testing.T, l events.Log) events.Position {
	t.Helper()
	end, err := l.End(timeout(t))
	if err != nil {
		t.Fatalf("End: %v", err)
	}
	return end
}

func mustDoor(t *testing.T, l events.Log) events.Door {
	t.Helper()
	d, err := l.Door(timeout(t))
	if err != nil {
		t.Fatalf("Door: %v", err)
	}
	return d
}

// checkWhole reads the log and checks what holds of every log: positions without
// gaps, each id once, recorded time that does not go back, door counters that
// fit. It gives what it read.
func checkWhole(t *testing.T, l events.Log) []events.Stored {
	t.Helper()
	all := mustRead(t, l, events.ReadOptions{})
	ids := map[events.EventID]bool{}
	lanes := map[events.Lane]uint64{}
	var before events.Stored
	for i, e := range all {
		id := events.EventID{Source: e.Source, ID: e.ID}
		lanes[e.Type.Lane()]++
		switch {
		case e.Position != events.Position(i+1):
			t.Fatalf("event %d stands at position %d", i, e.Position)
		case ids[id]:
			t.Fatalf("position %d holds %v, which is in the log already", e.Position, id)
		case e.RecordedTime.Before(before.RecordedTime):
			t.Fatalf("recorded time goes back at position %d", e.Position)
		case e.Door.Appended != uint64(e.Position):
			t.Fatalf("position %d carries Appended %d", e.Position, e.Door.Appended)
		case e.Door.Taken != e.Door.Appended+e.Door.Duplicate+e.Door.Refused+e.Door.Dead:
			t.Fatalf("door at position %d does not add up: %+v", e.Position, e.Door)
		case e.Door.Duplicate < before.Door.Duplicate || e.Door.Refused < before.Door.Refused || e.Door.Dead < before.Door.Dead:
			t.Fatalf("door goes back at position %d: %+v after %+v", e.Position, e.Door, before.Door)
		case e.Door.InLane != lanes[e.Type.Lane()]:
			t.Fatalf("position %d carries InLane %d, it is number %d of lane %s", e.Position, e.Door.InLane, lanes[e.Type.Lane()], e.Type.Lane())
		}
		ids[id] = true
		before = e
	}
	if end := mustEnd(t, l); end != events.Position(len(all)) {
		t.Fatalf("End is %d, %d events were read", end, len(all))
	}
	return all
}
