package eventstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/events"
)

func emptyLog(t *testing.T, u LogUnderTest) {
	ctx := timeout(t)
	if got := mustRead(t, u.Log, events.ReadOptions{}); len(got) != 0 {
		t.Errorf("Read gives %d events", len(got))
	}
	if end := mustEnd(t, u.Log); end != 0 {
		t.Errorf("End = %d", end)
	}
	for _, lane := range events.Lanes {
		if end, err := u.Log.LaneEnd(ctx, lane); end != 0 || err != nil {
			t.Errorf("LaneEnd(%s) = %d, %v", lane, end, err)
		}
	}
	if d := mustDoor(t, u.Log); d != (events.Door{}) {
		t.Errorf("Door = %+v", d)
	}
	for _, p := range []events.Position{0, 1, 99} {
		if _, err := u.Log.Get(ctx, p); !errors.Is(err, events.ErrNotFound) {
			t.Errorf("Get(%d): %v, want ErrNotFound", p, err)
		}
	}
	info, err := u.Log.Info(ctx)
	if err != nil || info.First != 0 || info.Last != 0 || info.Messages != 0 || info.Epoch.IsZero() {
		t.Errorf("Info = %+v, %v", info, err)
	}
}

func appendsInOrder(t *testing.T, u LogUnderTest) {
	next := events.Position(1)
	for round, n := range []int{1, 3, 1, 30, 2} { // singly and in a batch
		for i, a := range mustAppend(t, u.Log, Events(fmt.Sprint("round", round), n)...) {
			if a.Outcome != events.OutcomeAppended || a.Position != next || a.RecordedTime.IsZero() {
				t.Fatalf("round %d, event %d: %+v, want appended at %d", round, i, a, next)
			}
			next++
		}
	}
	checkWhole(t, u.Log)
}

func appendsNothing(t *testing.T, u LogUnderTest) {
	if answers := mustAppend(t, u.Log); len(answers) != 0 {
		t.Errorf("answers: %+v", answers)
	}
	if end := mustEnd(t, u.Log); end != 0 {
		t.Errorf("End = %d", end)
	}
}

func readsWhatWasAppended(t *testing.T, u LogUnderTest) {
	want := Events("e", 40)
	want[3].Data = json.RawMessage(`{"text":"ñandú \u2028 <b>&amp;</b> \"quoted\"","big":9007199254740993,"none":null,"list":[]}`)
	want[5].CorrelationID, want[5].CausationID, want[5].MapName, want[5].MapRev, want[5].DataSchema = "c", "d", "m", "7", "s"
	answers := mustAppend(t, u.Log, want...)
	for i, got := range checkWhole(t, u.Log) {
		if !got.RecordedTime.Equal(answers[i].RecordedTime) {
			t.Errorf("event %d: recorded %s, answered %s", i, got.RecordedTime, answers[i].RecordedTime)
		}
		if !sameJSON(t, got.Data, want[i].Data) {
			t.Errorf("event %d: data %s, want %s", i, got.Data, want[i].Data)
		}
		decoded, err := events.DecodeStored(got.Position, bytes.Clone(got.Bytes))
		if err != nil || !reflect.DeepEqual(decoded, got) {
			t.Errorf("event %d: its bytes decode to %+v, %v; want %+v", i, decoded, err, got)
		}
		envelope := got.Envelope
		envelope.RecordedTime, envelope.Data, want[i].Data = time.Time{}, nil, nil
		if !reflect.DeepEqual(envelope, want[i]) {
			t.Errorf("event %d: %+v, want %+v", i, envelope, want[i])
		}
	}
}

// sameJSON compares with numbers as they are written.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	decode := func(raw []byte) any {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("decode %s: %v", raw, err)
		}
		return v
	}
	return reflect.DeepEqual(decode(a), decode(b))
}

func answersDuplicate(t *testing.T, u LogUnderTest) {
	batch := Events("e", 25)
	first := mustAppend(t, u.Log, batch...)
	for _, again := range [][]events.Envelope{batch[:1], batch, batch[7:9]} {
		for i, a := range mustAppend(t, u.Log, again...) {
			want := first[i]
			if len(again) == 2 {
				want = first[7+i]
			}
			if a.Outcome != events.OutcomeDuplicate || a.Position != want.Position || !a.RecordedTime.Equal(want.RecordedTime) {
				t.Errorf("event %d again: %+v, want duplicate of %+v", i, a, want)
			}
		}
	}
	if end := mustEnd(t, u.Log); end != 25 {
		t.Errorf("End = %d after duplicates", end)
	}
	mixed := append(Events("new", 2), batch[0])
	if got := mustAppend(t, u.Log, mixed...); got[1].Position != 27 || got[2].Outcome != events.OutcomeDuplicate || got[2].Position != 1 {
		t.Errorf("new and old together: %+v", got)
	}
	checkWhole(t, u.Log)
}

func duplicateInOtherSpelling(t *testing.T, u LogUnderTest) {
	e := Event(events.CustomerRecordedV1, "1", 1)
	e.Data = json.RawMessage(`{"a":[1,2.50],"b":"x"}`)
	mustAppend(t, u.Log, e)
	e.Data = json.RawMessage(` { "b" : "\u0078", "a":[1,2.5] } `)
	e.Time = e.Time.Add(time.Hour) // neither time nor subject are content
	e.Subject = "other"
	if got := mustAppend(t, u.Log, e); got[0].Outcome != events.OutcomeDuplicate || got[0].Position != 1 {
		t.Errorf("other spelling: %+v, want a duplicate", got[0])
	}
}

func answersReused(t *testing.T, u LogUnderTest) {
	e := Event(events.CustomerRecordedV1, "1", 1)
	mustAppend(t, u.Log, e)
	otherData, otherType, otherSource := e, e, e
	otherData.Data = json.RawMessage(`{"n":2}`)
	otherType.Type = events.CustomerWithdrawnV1
	otherSource.Source = "/elsewhere"
	for _, got := range mustAppend(t, u.Log, otherData, otherType) {
		if got.Outcome != events.OutcomeReused || got.Position != 1 {
			t.Errorf("%+v, want id_reused at 1", got)
		}
	}
	if got := mustAppend(t, u.Log, otherSource); got[0].Outcome != events.OutcomeAppended || got[0].Position != 2 {
		t.Errorf("same id of another source: %+v", got[0])
	}
	if d := mustDoor(t, u.Log); d.Taken != 2 || d.Duplicate != 0 {
		t.Errorf("an event with a reused id is not taken, but the door says %+v", d)
	}
}

func duplicateInOneCall(t *testing.T, u LogUnderTest) {
	for _, size := range []int{3, 30} {
		batch := Events(fmt.Sprint("size", size), size)
		other := batch[0]
		other.Data = json.RawMessage(`{"other":true}`)
		batch = append(batch, batch[1], other)
		got := mustAppend(t, u.Log, batch...)
		if d := got[size]; d.Outcome != events.OutcomeDuplicate || d.Position != got[1].Position || !d.RecordedTime.Equal(got[1].RecordedTime) {
			t.Errorf("second occurrence: %+v, want duplicate of %+v", d, got[1])
		}
		if r := got[size+1]; r.Outcome != events.OutcomeReused || r.Position != got[0].Position {
			t.Errorf("other content in the same call: %+v, want id_reused at %d", r, got[0].Position)
		}
	}
	checkWhole(t, u.Log)
}

func manyInOneCall(t *testing.T, u LogUnderTest) {
	const n = 2500
	got := mustAppend(t, u.Log, Events("e", n)...)
	for i, a := range got {
		if a.Outcome != events.OutcomeAppended || a.Position != events.Position(i+1) {
			t.Fatalf("event %d: %+v", i, a)
		}
	}
	checkWhole(t, u.Log)
}

func largeEvents(t *testing.T, u LogUnderTest) {
	batch := Events("large", 24)
	text := strings.Repeat("áé", 200_000)
	for i := range batch {
		raw, err := json.Marshal(map[string]any{"text": text, "i": i})
		if err != nil {
			t.Fatal(err)
		}
		batch[i].Data = raw
	}
	mustAppend(t, u.Log, batch...)
	for i, e := range checkWhole(t, u.Log) {
		if !sameJSON(t, e.Data, batch[i].Data) {
			t.Errorf("event %d came back otherwise", i)
		}
	}
}

func concurrentAppends(t *testing.T, u LogUnderTest) {
	const callers, rounds = 24, 12
	var mu sync.Mutex
	at := map[events.Position]string{}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			var last events.Position
			for r := range rounds {
				batch := Events(fmt.Sprintf("c%d-r%d", c, r), 1+(c+r)%5)
				answers, err := u.Log.Append(timeout(t), batch)
				if err != nil {
					t.Errorf("caller %d: %v", c, err)
					return
				}
				mu.Lock()
				for i, a := range answers {
					if a.Outcome != events.OutcomeAppended || a.Position <= last {
						t.Errorf("caller %d round %d: %+v after %d", c, r, a, last)
					}
					last = a.Position
					at[a.Position] = batch[i].ID
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	all := checkWhole(t, u.Log)
	if len(all) != len(at) {
		t.Fatalf("%d events in the log, %d answered", len(all), len(at))
	}
	for _, e := range all {
		if at[e.Position] != e.ID {
			t.Errorf("position %d holds %s, answered for %s", e.Position, e.ID, at[e.Position])
		}
	}
}

func concurrentDuplicates(t *testing.T, u LogUnderTest) {
	const callers = 32
	batch := Events("same", 4)
	results := make([][]events.Appended, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			answers, err := u.Log.Append(timeout(t), batch)
			if err != nil {
				t.Errorf("caller %d: %v", c, err)
				return
			}
			results[c] = answers
		})
	}
	wg.Wait()
	for i := range batch {
		appended := 0
		for _, answers := range results {
			if len(answers) == 0 {
				continue
			}
			if answers[i].Outcome == events.OutcomeAppended {
				appended++
			}
			if answers[i].Position != results[0][i].Position {
				t.Errorf("event %d: positions %d and %d", i, answers[i].Position, results[0][i].Position)
			}
		}
		if appended != 1 {
			t.Errorf("event %d was appended %d times", i, appended)
		}
	}
	if d := mustDoor(t, u.Log); d.Appended != 4 || d.Duplicate != 4*(callers-1) {
		t.Errorf("door = %+v", d)
	}
	checkWhole(t, u.Log)
}

func appendHeedsContext(t *testing.T, u LogUnderTest) {
	ctx, cancel := cancelled(t)
	defer cancel()
	if _, err := u.Log.Append(ctx, Events("e", 1)); err == nil {
		t.Error("Append took a cancelled context")
	}
	if _, err := u.Log.End(ctx); err == nil {
		t.Error("End took a cancelled context")
	}
	if end := mustEnd(t, u.Log); end != 0 {
		t.Errorf("End = %d", end)
	}
}
