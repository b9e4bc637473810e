package steward_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/api/steward/sheet"
	"ficha/api/steward/stewardtest"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/review"
)

func all(v events.Verdict) steward.Bulk {
	return steward.Bulk{Verdict: v, By: "ana", Reason: "pattern looked at", Filter: review.Filter{State: review.StateOpen, Kind: review.KindPair}}
}

// finished waits until a job has ended.
func finished(w *stewardtest.World, id string) jobs.Job {
	w.T.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(2 * time.Millisecond) {
		j, err := w.Jobs.Get(w.T.Context(), id)
		if err != nil {
			w.T.Fatal(err)
		}
		if j.State.Ended() {
			w.Settle()
			return j
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("the job does not end: %+v", j)
		}
	}
}

// reaches waits until a job has done something.
func reaches(w *stewardtest.World, id string, done uint64) jobs.Job {
	w.T.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		j, err := w.Jobs.Get(w.T.Context(), id)
		if err != nil {
			w.T.Fatal(err)
		}
		if j.Done >= done || j.State.Ended() {
			return j
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("the job does not move: %+v", j)
		}
	}
}

func planned(w *stewardtest.World, b steward.Bulk) jobs.Job {
	w.T.Helper()
	j, err := w.Desk.PlanBulk(w.T.Context(), w.Jobs, b, steward.BulkOrder{})
	if err != nil {
		w.T.Fatal(err)
	}
	return j
}

// pairs is how many a bulk decides: 10,000 where FICHA_ROUNDS asks for much.
func pairs() int {
	if testing.Short() {
		return 60
	}
	if n, err := strconv.Atoi(os.Getenv("FICHA_ROUNDS")); err == nil && n >= 100 {
		return 10_000
	}
	return 1_000
}

// TestBulk decides everything of a pattern, is killed in the middle and taken up
// again, is cancelled and resumed, and undone as a whole: the world is what it was.
func TestBulk(t *testing.T) {
	n := pairs()
	w := withTwins(t, n)
	before := w.Digest()
	began := time.Now()
	p, err := w.Desk.PreviewBulk(t.Context(), all(events.VerdictSame), 7)
	if err != nil || p.Total != n || p.Merges != n || p.Customers != 2*n || len(p.Sample) != 7 || p.LeftOut || len(p.Patterns) != 1 || int(p.Patterns[0].Count) != n {
		t.Fatalf("preview %d of %d, %d merges, %d customers, sample %d, %v: %v", p.Total, n, p.Merges, p.Customers, len(p.Sample), p.Patterns, err)
	}
	t.Logf("preview of %d: %s", n, time.Since(began))
	if w.Digest() != before {
		t.Error("the preview wrote something")
	}
	job := planned(w, all(events.VerdictSame))
	for range 3 { // killed wherever it is by then
		time.Sleep(time.Duration(n/100) * time.Millisecond)
		w.Restart()
	}
	if now := reaches(w, job.ID, 1); !now.State.Ended() {
		if _, err := w.Jobs.Cancel(t.Context(), job.ID); err != nil && !errors.Is(err, jobs.ErrState) {
			t.Fatal(err)
		}
		if now = finished(w, job.ID); now.State == jobs.Cancelled {
			if _, err := w.Jobs.Resume(t.Context(), job.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	done := finished(w, job.ID)
	if done.State != jobs.Done || done.Done != uint64(n) || done.Skipped+done.Failed != 0 || done.Total != uint64(n) || done.Position == 0 {
		t.Errorf("the job is %+v", done)
	}
	t.Logf("decided %d, with three kills, in %s", n, time.Since(began))
	if open := w.Open(); len(open) != 0 || !together(w, 0, 1) || !together(w, 2*n-2, 2*n-1) {
		t.Errorf("%d still open", len(open))
	}
	if verdicts := verdictsOf(w, job.ID); verdicts != n {
		t.Errorf("%d verdicts for %d pairs", verdicts, n)
	}
	undoAll(t, w, job.ID, n)
	if w.Digest() != before {
		t.Error("undone, the world is another one")
	}
	w.Rebuild()
	w.Settle()
	if w.Digest() != before {
		t.Error("undone and rebuilt, the world is another one")
	}
}

// undoAll undoes a job, killing the hub once meanwhile.
func undoAll(t *testing.T, w *stewardtest.World, job string, n int) {
	t.Helper()
	began := time.Now()
	undo, err := w.Desk.UndoJob(t.Context(), w.Jobs, job, "eva", "wrong pattern")
	if err != nil || undo.Undoes != job {
		t.Fatalf("%+v, %v", undo, err)
	}
	time.Sleep(time.Duration(n/200) * time.Millisecond)
	w.Restart()
	if again, err := w.Desk.UndoJob(t.Context(), w.Jobs, job, "leo", ""); err != nil || again.ID != undo.ID || again.By != "eva" {
		t.Errorf("undone twice: %+v, %v", again, err)
	}
	done := finished(w, undo.ID)
	if done.State != jobs.Done || done.Done != uint64(n) || done.Failed != 0 {
		t.Errorf("the undo is %+v", done)
	}
	t.Logf("undone %d in %s", n, time.Since(began))
}

// verdictsOf counts the verdicts of a job in the log.
func verdictsOf(w *stewardtest.World, job string) (n int) {
	w.T.Helper()
	w.Read(func(s projections.Snapshot) {
		for _, err := range review.ByJob(w.T.Context(), s, job) {
			if err != nil {
				w.T.Fatal(err)
			}
			n++
		}
	})
	return n
}

// TestBulkSkipsWhatChanged: items that somebody decided since the plan was made.
func TestBulkSkipsWhatChanged(t *testing.T) {
	w := withTwins(t, 5)
	w.Jobs.Stop()
	job := planned(w, all(events.VerdictDifferent))
	if _, err := w.Desk.Decide(t.Context(), w.Open()[0].ID, decided("leo", events.VerdictSame), mark("l")); err != nil {
		t.Fatal(err)
	}
	w.Publish(w.Recorded(stewardtest.Key(2), events.Name{Given: "Otto", Family: "Xol"}, "+50244441111", "otto@example.net"))
	w.Settle()
	left := len(w.Open())
	w.Restart()
	if done := finished(w, job.ID); done.Skipped != uint64(5-left) || done.Done != uint64(left) || left >= 4 {
		t.Errorf("%d were left: %+v", left, done)
	}
	if len(w.Open()) != 0 {
		t.Errorf("%d still open", len(w.Open()))
	}
}

// TestBulkOfWhatWasExpected: not when there are others by now; the same request
// twice is one job; only jobs that decide are undone.
func TestBulkOfWhatWasExpected(t *testing.T) {
	w := withTwins(t, 3)
	three, four := 3, 4
	_, err := w.Desk.PlanBulk(t.Context(), w.Jobs, all(events.VerdictUnsure), steward.BulkOrder{Expect: &four})
	wantConflict(t, err, steward.WhatChanged, "")
	const id = "9d9f6a0e-6f0f-5f0c-9b5e-0a8f0f6b7c11"
	for range 2 {
		j, err := w.Desk.PlanBulk(t.Context(), w.Jobs, all(events.VerdictUnsure), steward.BulkOrder{Expect: &three, ID: id, Mark: "m"})
		if err != nil || j.ID != id {
			t.Fatalf("%+v, %v", j, err)
		}
		finished(w, id)
	}
	if _, err := w.Desk.PlanBulk(t.Context(), w.Jobs, all(events.VerdictSame), steward.BulkOrder{ID: id, Mark: "other"}); !errors.Is(err, jobs.ErrReused) {
		t.Errorf("another request of that id: %v", err)
	}
	if _, err := w.Desk.UndoJob(t.Context(), w.Jobs, "nonsense", "ana", ""); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("%v", err)
	}
	undo, err := w.Desk.UndoJob(t.Context(), w.Jobs, id, "ana", "")
	if err != nil {
		t.Fatal(err)
	}
	finished(w, undo.ID)
	if len(w.Open()) != 3 {
		t.Errorf("%d open", len(w.Open()))
	}
	if _, err := w.Desk.UndoJob(t.Context(), w.Jobs, undo.ID, "ana", ""); !errors.Is(err, steward.ErrNotUndoable) {
		t.Errorf("an undo was undone: %v", err)
	}
}

// TestSheets: exported, decided in the table, imported, undone as a whole.
func TestSheets(t *testing.T) {
	w := withTwins(t, 5)
	before := w.Digest()
	rows := exported(w, review.Filter{State: review.StateOpen})
	if len(rows) != 5 || len(rows[0].Customers) != 2 || rows[0].Customers[0].Name == "" || !strings.HasPrefix(rows[0].Customers[0].Records[0], "/crm/bank:customer:") ||
		rows[0].Probability < 0.5 || rows[0].Reasons[0] != review.CodeReviewBand || rows[0].Pattern == "" {
		t.Fatalf("%+v", rows)
	}
	for i := range rows {
		rows[i].Line = i + 2
	}
	rows[0].Decision, rows[0].Reason = "Igual", "misma persona"
	rows[1].Decision = "distinto"
	rows[2].Decision, rows[2].Version = "same", 1
	rows[3].Decision = "perhaps"
	rows = append(rows, sheet.Row{Line: 7, Review: rows[0].Review, Decision: "different"}, sheet.Row{Line: 8, Review: "x", Decision: "same"},
		sheet.Row{Line: 9, Review: "00000000-0000-0000-0000-000000000001", Decision: "same"})
	const want = "applied applied stale error unchanged error error stale"
	for _, dry := range []bool{true, false} {
		got, err := w.Desk.Import(t.Context(), w.Jobs, rows, "ana", dry)
		if err != nil || results(got) != want || got.Applied != 2 || got.Stale != 2 || got.Errors != 3 || got.Unchanged != 1 || (got.Job == "") != dry {
			t.Fatalf("dry run %v: %s, %+v, %v", dry, results(got), got, err)
		}
		for _, r := range got.Rows {
			if (r.Result == steward.RowError || r.Result == steward.RowStale) && (r.Detail == "" || r.Remedy == "" || r.Line == 0) {
				t.Errorf("row %+v does not say what to do", r)
			}
		}
		if dry {
			if settledDigest(w) != before {
				t.Error("the dry run wrote something")
			}
			continue
		}
		w.Settle()
		if len(w.Open()) != 3 {
			t.Errorf("%d open", len(w.Open()))
		}
		again, err := w.Desk.Import(t.Context(), w.Jobs, rows, "ana", false)
		if err != nil || again.Applied != 0 || !strings.HasPrefix(results(again), "unchanged unchanged stale") {
			t.Errorf("again: %s, %v", results(again), err)
		}
		decidedRows := exported(w, review.Filter{State: review.StateDecided})
		if len(decidedRows) != 2 || decidedRows[0].By != "ana" || decidedRows[0].At.IsZero() {
			t.Errorf("%+v", decidedRows)
		}
		finished(w, got.Job)
		undo, err := w.Desk.UndoJob(t.Context(), w.Jobs, got.Job, "ana", "")
		if err != nil {
			t.Fatal(err)
		}
		finished(w, undo.ID)
		if w.Digest() != before {
			t.Error("undone, the world is another one")
		}
	}
}

func results(i steward.Imported) string {
	words := make([]string, len(i.Rows))
	for n, r := range i.Rows {
		words[n] = r.Result
	}
	return strings.Join(words, " ")
}

func exported(w *stewardtest.World, f review.Filter) (rows []sheet.Row) {
	w.T.Helper()
	w.Read(func(s projections.Snapshot) {
		var err error
		var leftOut bool
		if rows, leftOut, err = w.Desk.Export(w.T.Context(), s, f); err != nil || leftOut {
			w.T.Fatal(leftOut, err)
		}
	})
	return rows
}

// TestGroupWithoutOne joins a group but for one customer.
func TestGroupWithoutOne(t *testing.T) {
	w := stewardtest.New(t)
	for n, c := range []struct{ family2, phone string }{{"Barrientos", "+50255550001"}, {"", "+50241238877"}, {"Quintanilla", "+50279461305"}} {
		w.Publish(w.Recorded(stewardtest.Key(n), events.Name{Given: "Wenceslao", Family: "Ixtabalan", Family2: c.family2}, c.phone, fmt.Sprintf("w%d@example.com", n)))
	}
	w.Settle()
	var group *review.Item
	for _, it := range w.Open() {
		t.Logf("%s of %d: %v", it.Kind, len(it.Customers), it.Reasons)
		if it.Kind == review.KindGroup {
			group = &it
		}
	}
	if group == nil {
		t.Fatal("there is no group")
	}
	done, err := w.Desk.Decide(t.Context(), group.ID, steward.Ruling{Verdict: events.VerdictSame, By: "ana", Exclude: []uuid.UUID{key(2)}}, mark("m"))
	if err != nil || len(done.Events) != 2 || !done.Resolved {
		t.Fatalf("%+v, %v", done, err)
	}
	if !together(w, 0, 1) || together(w, 0, 2) {
		t.Errorf("0 and 1: %v, 0 and 2: %v", together(w, 0, 1), together(w, 0, 2))
	}
	again, err := w.Desk.Decide(t.Context(), group.ID, steward.Ruling{Verdict: events.VerdictSame, By: "ana", Exclude: []uuid.UUID{key(2)}}, mark("m"))
	if err != nil || again.Status != events.StatusDuplicate || len(again.Events) != 2 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := w.Desk.Undo(t.Context(), group.ID, "ana", "", mark("u")); err != nil {
		t.Fatal(err)
	}
	w.Settle()
	if together(w, 0, 1) || w.Item(group.ID).State != review.StateOpen {
		t.Errorf("undone: %v, %s", together(w, 0, 1), w.Item(group.ID).State)
	}
}
