package natslog_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
)

func TestInboxMovesMessagesOn(t *testing.T) {
	l := newTestLog(t, nil)
	for i := range 25 {
		if err := l.PublishInbox(t.Context(), fmt.Sprintf("/crm/%d.x", i%3), fmt.Appendf(nil, "message %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan natslog.InboxMessage, 100)
	largest := 0
	stop := runInbox(t, l, natslog.InboxConfig{Batch: 10, Take: func(_ context.Context, messages []natslog.InboxMessage) error {
		largest = max(largest, len(messages))
		for _, m := range messages {
			got <- m
		}
		return nil
	}})
	for i := range 25 {
		m := <-got
		if m.Source != fmt.Sprintf("/crm/%d.x", i%3) || string(m.Bytes) != fmt.Sprintf("message %d", i) {
			t.Fatalf("message %d: %s %q", i, m.Source, m.Bytes)
		}
	}
	if err := l.PublishInbox(t.Context(), "/late", []byte("late")); err != nil {
		t.Fatal(err)
	}
	if m := <-got; m.Source != "/late" {
		t.Errorf("late message: %+v", m)
	}
	stop()
	if largest < 2 || largest > 10 {
		t.Errorf("the largest batch had %d messages, want up to 10", largest)
	}
	l.reopen(t)
	defer runInbox(t, l, natslog.InboxConfig{Take: func(_ context.Context, messages []natslog.InboxMessage) error {
		t.Errorf("%d messages came again", len(messages))
		return nil
	}})()
	time.Sleep(100 * time.Millisecond)
}

// runInbox runs an inbox; the function that it gives stops it and waits.
func runInbox(t *testing.T, l *testLog, cfg natslog.InboxConfig) (stop func()) {
	t.Helper()
	x, err := l.Inbox(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := x.Run(ctx); err != nil {
			t.Errorf("inbox: %v", err)
		}
	})
	return func() { cancel(); wg.Wait() }
}

func TestInboxKeepsWhatWasNotTaken(t *testing.T) {
	l := newTestLog(t, nil)
	for i := range 6 {
		if err := l.PublishInbox(t.Context(), "/a", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	tries, taken := 0, map[string]int{}
	done := make(chan struct{})
	stop := runInbox(t, l, natslog.InboxConfig{Batch: 4, Retry: 10 * time.Millisecond, Take: func(_ context.Context, messages []natslog.InboxMessage) error {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries <= 3 {
			return errors.New("not now")
		}
		for _, m := range messages {
			taken[string(m.Bytes)]++
		}
		if len(taken) == 6 {
			close(done)
		}
		return nil
	}})
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("the messages did not come again")
	}
	stop()
	for i, n := range taken {
		if n != 1 {
			t.Errorf("message %s was taken %d times", i, n)
		}
	}
}

func TestInboxNeedsATaker(t *testing.T) {
	l := newTestLog(t, nil)
	if _, err := l.Inbox(t.Context(), natslog.InboxConfig{}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("Inbox = %v, want ErrInvalid", err)
	}
}

func TestDeadLetters(t *testing.T) {
	t.Run("in JetStream", func(t *testing.T) {
		l := newTestLog(t, nil)
		open := func() events.DeadLetters {
			d, err := l.DeadLetters(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		exerciseDeadLetters(t, open())
		before := list(t, open())
		l.reopen(t)
		if after := list(t, open()); len(after) != len(before) {
			t.Errorf("%d dead letters became %d", len(before), len(after))
		}
	})
	t.Run("in memory", func(t *testing.T) { exerciseDeadLetters(t, &eventstest.DeadLetters{}) })
}

func exerciseDeadLetters(t *testing.T, d events.DeadLetters) {
	if n, err := d.Count(t.Context()); n != 0 || err != nil {
		t.Fatalf("Count = %d, %v", n, err)
	}
	if got := list(t, d); len(got) != 0 {
		t.Fatalf("%d dead letters at first", len(got))
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	want := []events.DeadLetter{
		{Source: "/crm/a b", ID: "1", Bytes: []byte("\x00\xff not JSON"), Reason: "invalid_json", Recorded: at},
		{Source: "", ID: "", Bytes: []byte{}, Reason: "too_large", Recorded: at, Via: events.WayRequest, Provisional: "p"},
		{Source: "/crm/a b", ID: "1", Bytes: []byte("\x00\xff not JSON"), Reason: "invalid_json", Recorded: at},
	}
	for _, letter := range want {
		if err := d.Bury(t.Context(), letter); err != nil {
			t.Fatalf("Bury: %v", err)
		}
	}
	got := list(t, d)
	if len(got) != len(want) {
		t.Fatalf("List gives %d, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].Bytes, want[i].Bytes) || got[i].Source != want[i].Source || got[i].ID != want[i].ID || got[i].Reason != want[i].Reason || !got[i].Recorded.Equal(at) ||
			got[i].Number != uint64(i+1) || got[i].Via != cmp.Or(want[i].Via, got[i].Via) || got[i].Provisional != want[i].Provisional {
			t.Errorf("dead letter %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if n, err := d.Count(t.Context()); n != 3 || err != nil {
		t.Errorf("Count = %d, %v", n, err)
	}
	readDeadLetters(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Bury(ctx, want[0]); err == nil {
		t.Error("Bury took a cancelled context")
	}
	for _, err := range d.List(ctx, events.LetterRange{}) {
		if err == nil {
			t.Error("List took a cancelled context")
		}
	}
}

// readDeadLetters reads parts of what exerciseDeadLetters buried.
func readDeadLetters(t *testing.T, d events.DeadLetters) {
	t.Helper()
	for _, c := range []struct {
		of   events.LetterRange
		want []uint64
	}{
		{events.LetterRange{After: 1}, []uint64{2, 3}},
		{events.LetterRange{After: 3}, nil},
		{events.LetterRange{After: 9}, nil},
		{events.LetterRange{Source: "/crm/a b"}, []uint64{1, 3}},
		{events.LetterRange{Source: "/crm/a b", After: 1}, []uint64{3}},
		{events.LetterRange{Source: "/crm/a b", After: 3}, nil},
		{events.LetterRange{Source: "/crm"}, nil},
	} {
		var got []uint64
		for letter, err := range d.List(t.Context(), c.of) {
			if err != nil {
				t.Fatalf("List %+v: %v", c.of, err)
			}
			got = append(got, letter.Number)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("List %+v gives %v, want %v", c.of, got, c.want)
		}
	}
	letter, err := d.Get(t.Context(), 2)
	if err != nil || letter.Number != 2 || letter.Reason != "too_large" {
		t.Errorf("Get 2 = %+v, %v", letter, err)
	}
	for _, n := range []uint64{0, 4} {
		if _, err := d.Get(t.Context(), n); !errors.Is(err, events.ErrNotFound) {
			t.Errorf("Get %d: %v, want ErrNotFound", n, err)
		}
	}
}

func list(t *testing.T, d events.DeadLetters) []events.DeadLetter {
	t.Helper()
	var all []events.DeadLetter
	for letter, err := range d.List(t.Context(), events.LetterRange{}) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		all = append(all, letter)
	}
	return all
}

func TestBucket(t *testing.T) {
	l := newTestLog(t, nil)
	open := func() *natslog.Bucket {
		b, err := l.Bucket(t.Context(), "keys")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b, ctx := open(), t.Context()
	if keys, err := b.Keys(ctx); len(keys) != 0 || err != nil {
		t.Errorf("Keys = %v, %v", keys, err)
	}
	if _, _, err := b.Get(ctx, "a"); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
	first, err := b.Create(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(ctx, "a", []byte("2")); !errors.Is(err, events.ErrConflict) {
		t.Errorf("Create again: %v, want ErrConflict", err)
	}
	second, err := b.Update(ctx, "a", []byte("2"), first)
	if err != nil || second <= first {
		t.Errorf("Update = %d, %v", second, err)
	}
	if _, err := b.Update(ctx, "a", []byte("3"), first); !errors.Is(err, events.ErrConflict) {
		t.Errorf("Update of an old revision: %v, want ErrConflict", err)
	}
	if _, err := b.Put(ctx, "b/c", nil); err != nil {
		t.Errorf("Put: %v", err)
	}
	if keys, err := b.Keys(ctx); fmt.Sprint(keys) != "[a b/c]" || err != nil {
		t.Errorf("Keys = %v, %v", keys, err)
	}
	for _, key := range []string{"", "with space", "a*", "ñ"} {
		if _, err := b.Put(ctx, key, nil); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("Put(%q): %v, want ErrInvalid", key, err)
		}
	}
	l.reopen(t)
	b = open()
	if v, revision, err := b.Get(ctx, "a"); string(v) != "2" || revision != second || err != nil {
		t.Errorf("Get after reopening = %q, %d, %v", v, revision, err)
	}
	if v, _, err := b.Get(ctx, "b/c"); len(v) != 0 || err != nil {
		t.Errorf("an empty value: %q, %v", v, err)
	}
	for range 2 {
		if err := b.Delete(ctx, "a"); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, _, err := b.Get(ctx, "a"); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("Get after Delete: %v, want ErrNotFound", err)
	}
	if keys, err := b.Keys(ctx); fmt.Sprint(keys) != "[b/c]" || err != nil {
		t.Errorf("Keys = %v, %v", keys, err)
	}
	if _, err := b.Create(ctx, "a", []byte("anew")); err != nil {
		t.Errorf("Create after Delete: %v", err)
	}
	if _, err := l.Bucket(ctx, "No.Name"); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("Bucket with a bad name: %v", err)
	}
}

func TestPrefixSeparatesHubs(t *testing.T) {
	l := newTestLog(t, nil)
	appendAll(t, l, eventstest.Events("e", 5))
	other, err := natslog.Open(t.Context(), natslog.Config{Server: l.server, Prefix: "other", Index: &eventstest.IDIndex{}, ContentKey: contentKey})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if end, err := other.End(t.Context()); end != 0 || err != nil {
		t.Errorf("End of the other log = %d, %v", end, err)
	}
	if a, err := other.Append(t.Context(), eventstest.Events("e", 1)); err != nil || a[0].Position != 1 {
		t.Errorf("Append = %+v, %v", a, err)
	}
	checkOnce(t, l, 5)
}
