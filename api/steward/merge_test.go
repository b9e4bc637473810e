package steward_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/api/steward/stewardtest"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/review"
)

func key(n int) uuid.UUID { return stewardtest.Key(n).UUID() }

func act(id string) steward.Act { return steward.Act{ID: "merge." + id, Mark: "mark-" + id} }

// calls has n calls with a record.
func calls(w *stewardtest.World, record, n int) {
	customer := stewardtest.Key(record)
	for i := range n {
		id := fmt.Sprintf("call-%d-%d", record, i)
		w.Publish(w.Event("/pbx", id, events.InteractionRecordedV1, events.InteractionRecorded{
			Record:   events.Record{RecordKey: events.RecordKey{Source: "/pbx", Stream: "call", ID: id}},
			Customer: &customer, Channel: "voice", Direction: "inbound", StartedAt: w.Now().Format("2006-01-02T15:04:05Z07:00"),
		}))
	}
}

// TestMergePreviewIsWhatHappens: groups, redirects and moves of the dry run are
// those of the merge; undone, the world is what it was.
func TestMergePreviewIsWhatHappens(t *testing.T) {
	w := withTwins(t, 2)
	calls(w, 2, 3)
	before, end := settledDigest(w), w.Settle()
	m := steward.Merge{Customers: []uuid.UUID{key(0), key(2), key(3)}, By: "ana", Reason: "three accounts"}
	p, err := w.Desk.MergePreview(t.Context(), m)
	if err != nil || len(p.Obstacles) != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if w.Settle() != end || w.Digest() != before {
		t.Error("the dry run wrote something")
	}
	if len(p.Before) != 3 || len(p.After) != 1 || p.After[0].Customer != key(0) || len(p.Redirects) != 2 || len(p.Moves) != 2 {
		t.Errorf("preview %+v", p)
	}
	for _, mv := range p.Moves {
		if want := map[uuid.UUID]int{key(2): 3, key(3): 0}[mv.Record]; mv.Interactions != want || mv.To != key(0) || mv.From != mv.Record {
			t.Errorf("move %+v", mv)
		}
	}
	done, err := w.Desk.Merge(t.Context(), m, act("1"))
	if err != nil || !done.Resolved || done.Status != events.StatusAppended || !slices.Equal(done.Redirects, p.Redirects) {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, n := range []int{0, 2, 3} {
		if got := w.Customer(stewardtest.Key(n)); got != key(0) {
			t.Errorf("record %d belongs to %s", n, got)
		}
	}
	again, err := w.Desk.Merge(t.Context(), m, act("1"))
	if err != nil || again.Status != events.StatusDuplicate || again.Position != done.Position || again.Review != done.Review {
		t.Errorf("the same merge again: %+v, %v", again, err)
	}
	if _, err := w.Desk.Merge(t.Context(), m, steward.Act{ID: act("1").ID, Mark: "another"}); !errors.Is(err, steward.ErrReused) {
		t.Errorf("another request of that id: %v", err)
	}
	if _, err := w.Desk.Undo(t.Context(), done.Review, "eva", "", mark("u")); err != nil {
		t.Fatal(err)
	}
	if settledDigest(w) != before {
		t.Error("undone, the world is another one")
	}
}

func settledDigest(w *stewardtest.World) string {
	w.Settle()
	return w.Digest()
}

// TestSplitOfAMerge: splitting adds a verdict that overrides the merge; its preview
// says so; undoing it brings the merge back, undoing both brings all back.
func TestSplitOfAMerge(t *testing.T) {
	w := withTwins(t, 2)
	before := w.Digest()
	merged, err := w.Desk.Merge(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), key(2)}, By: "ana"}, act("m"))
	if err != nil {
		t.Fatal(err)
	}
	together := settledDigest(w)
	s := steward.Split{Customer: key(2), Records: []uuid.UUID{key(2)}, By: "leo", Reason: "father and son"}
	p, err := w.Desk.SplitPreview(t.Context(), s)
	if err != nil || len(p.Obstacles) != 0 || len(p.After) != 2 || len(p.Overridden) != 1 || p.Overridden[0].By != "ana" || p.Overridden[0].ID != merged.Review {
		t.Fatalf("preview %+v, %v", p, err)
	}
	split, err := w.Desk.Split(t.Context(), s, act("s"))
	if err != nil || !split.Resolved || len(split.Redirects) != 0 || w.Customer(stewardtest.Key(2)) != key(2) {
		t.Fatalf("%+v, %v", split, err)
	}
	w.Settle()
	for _, undo := range []struct {
		review uuid.UUID
		want   string
	}{{split.Review, together}, {merged.Review, before}} {
		if _, err := w.Desk.Undo(t.Context(), undo.review, "eva", "", mark("u"+undo.review.String())); err != nil {
			t.Fatal(err)
		}
		if settledDigest(w) != undo.want {
			t.Error("undone, the world is another one")
		}
	}
}

// TestMergeOverridesDifferent: the newest verdict wins, and the preview names the
// one that it overrides.
func TestMergeOverridesDifferent(t *testing.T) {
	w := withTwins(t, 1)
	item := w.Open()[0].ID
	if _, err := w.Desk.Decide(t.Context(), item, decided("leo", events.VerdictDifferent), mark("d")); err != nil {
		t.Fatal(err)
	}
	m := steward.Merge{Customers: []uuid.UUID{key(0), key(1)}, By: "ana"}
	p, err := w.Desk.MergePreview(t.Context(), m)
	if err != nil || len(p.Overridden) != 1 || p.Overridden[0].By != "leo" || len(p.After) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := w.Desk.Merge(t.Context(), m, act("m")); err != nil || !together(w, 0, 1) {
		t.Errorf("%v, %v", err, together(w, 0, 1))
	}
}

// TestMisfits: requests that cannot be meant.
func TestMisfits(t *testing.T) {
	w := withTwins(t, 2)
	if _, err := w.Desk.Merge(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), key(1)}, By: "ana"}, act("m")); err != nil {
		t.Fatal(err)
	}
	end := w.Settle()
	for name, c := range map[string]struct {
		do      func() error
		pointer string
	}{
		"one record": {func() error {
			_, err := w.Desk.MergePreview(t.Context(), steward.Merge{Customers: []uuid.UUID{key(2)}})
			return err
		}, "/ids"},
		"the same twice": {func() error {
			_, err := w.Desk.MergePreview(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), key(2), key(2)}})
			return err
		}, "/ids/2"},
		"its own redirect": {func() error {
			_, err := w.Desk.Merge(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), key(1)}}, act("x"))
			return err
		}, "/ids/1"},
		"nobody": {func() error {
			_, err := w.Desk.Merge(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), uuid.New()}}, act("x"))
			return err
		}, "/ids/1"},
		"a stranger's record": {func() error {
			_, err := w.Desk.Split(t.Context(), steward.Split{Customer: key(0), Records: []uuid.UUID{key(1), key(2)}}, act("x"))
			return err
		}, "/records/1"},
		"a record twice": {func() error {
			_, err := w.Desk.SplitPreview(t.Context(), steward.Split{Customer: key(0), Records: []uuid.UUID{key(1), key(1)}})
			return err
		}, "/records/1"},
		"all records": {func() error {
			_, err := w.Desk.Split(t.Context(), steward.Split{Customer: key(0), Records: []uuid.UUID{key(0), key(1)}}, act("x"))
			return err
		}, "/records"},
		"no records": {func() error { _, err := w.Desk.SplitPreview(t.Context(), steward.Split{Customer: key(0)}); return err }, "/records"},
	} {
		var m *steward.Misfit
		if err := c.do(); !errors.As(err, &m) || m.Pointer != c.pointer || m.Detail == "" || m.Remedy == "" || !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Desk.Split(t.Context(), steward.Split{Customer: uuid.New(), Records: []uuid.UUID{key(1)}}, act("x")); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("split of nobody: %v", err)
	}
	if w.Settle() != end {
		t.Error("something was written")
	}
}

// TestEveryIDAnswers after many merges, splits and undos at random.
func TestEveryIDAnswers(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	w := withTwins(t, 6)
	var done []uuid.UUID
	for i := range rounds {
		a, b := key((i*7)%12), key((i*5+3)%12)
		var out steward.Acted
		var err error
		switch {
		case i%5 == 4 && len(done) > 0:
			_, err = w.Desk.Undo(t.Context(), done[i%len(done)], "ana", "", mark(fmt.Sprint("u", i)))
			if errors.Is(err, steward.ErrNotDecided) {
				err = nil
			}
		case w.Customer(stewardtest.Key((i*7)%12)) == w.Customer(stewardtest.Key((i*5+3)%12)):
			out, err = w.Desk.Split(t.Context(), steward.Split{Customer: a, Records: []uuid.UUID{b}, By: "ana"}, act(fmt.Sprint(i)))
		default:
			out, err = w.Desk.Merge(t.Context(), steward.Merge{Customers: []uuid.UUID{a, b}, By: "ana"}, act(fmt.Sprint(i)))
		}
		var misfit *steward.Misfit
		if err != nil && !errors.As(err, &misfit) && !errors.As(err, new(*steward.Unachievable)) {
			t.Fatal(i, err)
		}
		if out.Review != uuid.Nil {
			done = append(done, out.Review)
		}
	}
	w.Settle()
	w.Read(func(s projections.Snapshot) {
		for n := range 12 {
			if c, err := golden.Get(t.Context(), s, key(n)); err != nil || len(c.Records) == 0 {
				t.Errorf("record %d: %+v, %v", n, c, err)
			}
		}
		for _, id := range done {
			if _, err := review.Get(t.Context(), s, id); err != nil {
				t.Errorf("review %s: %v", id, err)
			}
		}
	})
	t.Logf("%d merges and splits", len(done))
}

// TestUnachievable: what would not come about is not published.
func TestUnachievable(t *testing.T) {
	w := withTwins(t, 1)
	end := w.Settle()
	desk := steward.Blocked(w.Desk, []uuid.UUID{key(0)}, []uuid.UUID{key(1)})
	_, err := desk.Merge(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), key(1)}, By: "ana"}, act("m"))
	var not *steward.Unachievable
	if !errors.As(err, &not) || !errors.Is(err, events.ErrConflict) || len(not.Obstacles) != 1 || not.Obstacles[0].Code != steward.ObstacleApart {
		t.Errorf("%v", err)
	}
	if w.Settle() != end {
		t.Error("something was published")
	}
}
