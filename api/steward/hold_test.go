package steward_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/api/steward/stewardtest"
	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/review"
)

// mayCall asks whether marketing may call a record's customer.
func mayCall(w *stewardtest.World, record int) bool {
	w.T.Helper()
	k := stewardtest.Key(record)
	a, err := w.Checker.Check(w.T.Context(), []contact.Request{{Who: contact.Who{Record: &k}, Channel: "voice", Purpose: "marketing"}}, 0)
	if err != nil {
		w.T.Fatal(err)
	}
	return a.Answers[0].Decision == contact.DecisionAllow
}

// parted merges the first twins, has the first one refuse, and parts them again: the
// refusal still binds the second.
func parted(t *testing.T) (*stewardtest.World, steward.View) {
	t.Helper()
	w := withTwins(t, 1)
	if _, err := w.Desk.Merge(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), key(1)}, By: "ana"}, act("m")); err != nil {
		t.Fatal(err)
	}
	w.Settle()
	w.Publish(w.Event("/crm/bank", "no-1", events.ContactStatedV1, events.ContactStated{
		Records: []events.RecordKey{stewardtest.Key(0)}, Choice: events.Deny, Scope: events.Scope{Purposes: []string{"marketing"}},
		StatedAt: w.Now().Format("2006-01-02T15:04:05.000Z07:00"), Via: events.Via{Channel: "voice"},
	}))
	w.Settle()
	if mayCall(w, 1) {
		t.Fatal("a refusal does not bind the customer")
	}
	if _, err := w.Desk.Split(t.Context(), steward.Split{Customer: key(0), Records: []uuid.UUID{key(1)}, By: "leo"}, act("s")); err != nil {
		t.Fatal(err)
	}
	w.Settle()
	for _, it := range w.Open() {
		if it.Kind == review.KindHold {
			return w, w.Item(it.ID)
		}
	}
	t.Fatalf("no hold waits: %+v", w.Open())
	return nil, steward.View{}
}

// TestHoldConfirmed: a refusal binds after a split until a person says that it need
// not; that cannot be taken back.
func TestHoldConfirmed(t *testing.T) {
	w, item := parted(t)
	if mayCall(w, 1) {
		t.Fatal("the split opened a door")
	}
	done, err := w.Desk.Decide(t.Context(), item.ID, decided("ana", events.VerdictDifferent), steward.Request{IfMatch: item.ETag, Mark: "m"})
	if err != nil || !done.Resolved {
		t.Fatalf("%+v, %v", done, err)
	}
	w.Settle()
	if !mayCall(w, 1) || mayCall(w, 0) {
		t.Errorf("may call the freed one: %v, the other: %v", mayCall(w, 1), mayCall(w, 0))
	}
	if v := w.Item(item.ID); v.State != review.StateDecided || v.Decision.By != "ana" || !v.Decision.Final {
		t.Errorf("the item is %+v", v)
	}
	if _, err := w.Desk.Undo(t.Context(), item.ID, "ana", "", mark("u")); !errors.Is(err, steward.ErrNotUndoable) {
		t.Errorf("undo: %v", err)
	}
	if _, err := w.Desk.UndoPreview(t.Context(), item.ID); !errors.Is(err, steward.ErrNotUndoable) {
		t.Errorf("undo, dry: %v", err)
	}
}

// TestHoldIsOnePerson: same joins them again, and can be undone.
func TestHoldIsOnePerson(t *testing.T) {
	w, item := parted(t)
	p, err := w.Desk.DecidePreview(t.Context(), item.ID, decided("ana", events.VerdictSame))
	if err != nil || len(p.After) != 1 || len(p.Overridden) != 1 || p.Overridden[0].By != "leo" {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := w.Desk.Decide(t.Context(), item.ID, decided("ana", events.VerdictSame), steward.Request{IfMatch: item.ETag, Mark: "m"}); err != nil || !together(w, 0, 1) {
		t.Fatalf("%v, %v", err, together(w, 0, 1))
	}
	w.Settle()
	if _, err := w.Desk.Undo(t.Context(), item.ID, "ana", "", mark("u")); err != nil || together(w, 0, 1) || mayCall(w, 1) {
		t.Errorf("%v, %v, may call: %v", err, together(w, 0, 1), mayCall(w, 1))
	}
}

// TestMergePreviewTellsOfContact: who may be called and could not be after.
func TestMergePreviewTellsOfContact(t *testing.T) {
	w := withTwins(t, 1)
	w.Publish(w.Event("/crm/bank", "no-1", events.ContactStatedV1, events.ContactStated{
		Records: []events.RecordKey{stewardtest.Key(0)}, Choice: events.Deny, StatedAt: w.Now().Format("2006-01-02T15:04:05.000Z07:00"),
	}))
	w.Settle()
	p, err := w.Desk.MergePreview(t.Context(), steward.Merge{Customers: []uuid.UUID{key(0), key(1)}})
	if err != nil || len(p.Contact.Flips) == 0 || p.Contact.Flips[0].After != contact.DecisionDeny {
		t.Errorf("%+v, %v", p.Contact, err)
	}
	b, err := w.Desk.PreviewBulk(t.Context(), all(events.VerdictSame), 10)
	if err != nil || len(b.Contact.Flips) == 0 {
		t.Errorf("%+v, %v", b.Contact, err)
	}
}
