package eventstest

import (
	"fmt"
	"sync"
	"testing"

	"ficha/events"
)

func twoAppenders(t *testing.T, u LogUnderTest) {
	logs := []events.Log{u.Log, u.Second(t)}
	const rounds = 15
	appended := make([]int, len(logs))
	var wg sync.WaitGroup
	for w, l := range logs {
		wg.Go(func() {
			for r := range rounds {
				batch := Events(fmt.Sprintf("w%d-r%d", w, r), 1+r*3)
				answers, err := l.Append(timeout(t), batch)
				if err != nil {
					t.Errorf("appender %d: %v", w, err)
					return
				}
				for i, a := range answers {
					if a.Outcome != events.OutcomeAppended {
						t.Errorf("appender %d round %d event %d: %+v", w, r, i, a)
					}
				}
				appended[w] += len(batch)
				if _, err := l.Append(timeout(t), batch[:1]); err != nil { // a duplicate each
					t.Errorf("appender %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	for w, l := range logs {
		all := checkWhole(t, l)
		if len(all) != appended[0]+appended[1] {
			t.Errorf("appender %d sees %d events, %d were appended", w, len(all), appended[0]+appended[1])
		}
	}
	mustAppend(t, logs[0], Events("last0", 1)...)
	mustAppend(t, logs[1], Events("last1", 1)...)
	all := checkWhole(t, logs[0])
	if d := all[len(all)-1].Door; d.Duplicate != 2*rounds {
		t.Errorf("after both brought in what they counted, the door says %+v, want %d duplicates", d, 2*rounds)
	}
}

func twoAppendersOneEvent(t *testing.T, u LogUnderTest) {
	logs := []events.Log{u.Log, u.Second(t)}
	const rounds = 40
	var wg sync.WaitGroup
	answers := make([][]events.Appended, len(logs))
	for w, l := range logs {
		wg.Go(func() {
			for r := range rounds {
				got, err := l.Append(timeout(t), Events(fmt.Sprint("same", r), 1))
				if err != nil {
					t.Errorf("appender %d: %v", w, err)
					return
				}
				answers[w] = append(answers[w], got[0])
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for r := range rounds {
		a, b := answers[0][r], answers[1][r]
		if a.Position != b.Position || a.Outcome == b.Outcome {
			t.Errorf("event %d: %+v and %+v", r, a, b)
		}
	}
	if all := checkWhole(t, logs[1]); len(all) != rounds {
		t.Errorf("%d events in the log, want %d", len(all), rounds)
	}
}
