package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/events/gateway"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/letters"
	"ficha/projections/runner"
)

// invalidDeny is a deny in a wrong form, with its right one beside it.
const (
	invalidDeny = `{"specversion":"1.0","id":"no-1","source":"/crm/bank","type":"contact.stated.v1","time":"2026-03-02T09:20:00Z",` +
		`"data":{"choice":"deny","contact_points":[{"phone":"+50255123456"}],"stated_at":"soon"}}`
	validDeny = `{"specversion":"1.0","id":"no-1","source":"/crm/bank","type":"contact.stated.v1","time":"2026-03-02T09:20:00Z",` +
		`"data":{"choice":"deny","contact_points":[{"phone":"+50255123456"}],"stated_at":"2026-03-02T09:20:00Z"}}`
)

// leave puts messages into the inbox of /crm/bank and has them moved.
func (h *hub) leave(messages ...string) {
	h.t.Helper()
	var all []gateway.InboxMessage
	for _, m := range messages {
		all = append(all, gateway.InboxMessage{Source: "/crm/bank", Bytes: []byte(m)})
	}
	if err := h.gateway.MoveInbox(h.t.Context(), all); err != nil {
		h.t.Fatal(err)
	}
	h.catchUp()
}

func (h *hub) letter(id string) LetterAnswer {
	h.t.Helper()
	return ask[LetterAnswer](h, apikey.Operator, "GET", "/v1/deadletters/"+id, nil)
}

func (h *hub) letterIDs(role apikey.Role, query string) []string {
	h.t.Helper()
	ids := []string{}
	for _, l := range ask[LettersAnswer](h, role, "GET", "/v1/deadletters"+query, nil).Data {
		ids = append(ids, l.ID)
	}
	return ids
}

func (h *hub) decision(phone string) contact.Decision {
	h.t.Helper()
	body := `{"checks":[{"who":{"phone":"` + phone + `"},"channel":"voice","purpose":"marketing"}]}`
	return ask[contact.Answers](h, apikey.System, "POST", "/v1/contact-checks", body).Answers[0].Decision
}

// customerOfBank is an event of a customer with the phone of invalidDeny.
func customerOfBank() events.Envelope {
	return event("c-1", events.CustomerRecordedV1, start, map[string]any{
		"record": map[string]any{"source": "/crm/bank", "stream": "customer", "id": "1"}, "kind": "person",
		"names": []any{map[string]any{"full": "Ana Paz"}}, "phones": []any{map[string]any{"value": "+50255123456"}},
	})
}

func TestADiscardedLetterReleasesItsDenyAndNoOther(t *testing.T) {
	h := newHub(t)
	h.tell(customerOfBank())
	if d := h.decision("+50255123456"); d != contact.DecisionAllow {
		t.Fatalf("at first: %s", d)
	}
	other := strings.ReplaceAll(strings.Replace(invalidDeny, "no-1", "no-2", 1), "+50255123456", "+50255999999")
	h.leave(invalidDeny, other, "not JSON")
	first, second := h.letter("inbox-1"), h.letter("inbox-2")
	if first.Statement == "" || first.Statement == second.Statement || first.EventID != "no-1" || first.Original != invalidDeny || first.Via != events.WayInbox {
		t.Fatalf("letter: %+v", first)
	}
	if d := h.decision("+50255123456"); d != contact.DecisionDeny {
		t.Fatalf("a deny in a wrong form: %s", d)
	}
	done := ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/inbox-1:discard", DiscardRequest{Reason: "test data"})
	if done.Released != first.Statement || done.Status != events.StatusAppended || done.Position == 0 || done.Action != letters.Discarded {
		t.Errorf("discarded: %+v", done)
	}
	again := ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/inbox-1:discard", DiscardRequest{Reason: "another reason"})
	if done.Status = events.StatusDuplicate; again != done {
		t.Errorf("discarded again: %+v, want %+v", again, done)
	}
	if d := h.decision("+50255123456"); d != contact.DecisionAllow {
		t.Errorf("after it was discarded: %s", d)
	}
	if d := h.decision("+50255999999"); d != contact.DecisionDeny {
		t.Errorf("the other's deny: %s", d)
	}
	if s := h.letter("inbox-1").Settled; s == nil || s.Action != letters.Discarded || s.Reason != "test data" || s.By != "the operator" || !s.At.Equal(start) {
		t.Errorf("settled: %+v", s)
	}
	none := ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/inbox-3:discard", DiscardRequest{Reason: "noise"})
	if none.Released != "" {
		t.Errorf("no deny, and yet released: %+v", none)
	}
	withdrawals := 0
	for s, err := range h.log.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Type == events.ContactStatementWithdrawnV1 {
			withdrawals++
		}
	}
	if withdrawals != 1 {
		t.Errorf("%d statements were withdrawn, want 1", withdrawals)
	}
}

func TestDiscardLeavesADenyThatCameInItsValidForm(t *testing.T) {
	h := newHub(t)
	h.tell(customerOfBank())
	h.leave(invalidDeny, validDeny)
	done := ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/inbox-1:discard", DiscardRequest{Reason: "corrected since"})
	if done.Released != "" {
		t.Errorf("a superseded deny was released: %+v", done)
	}
	if d := h.decision("+50255123456"); d != contact.DecisionDeny {
		t.Errorf("the deny in its valid form: %s", d)
	}
}

func TestARetriedLetterIsAppendedOnce(t *testing.T) {
	h := newHub(t)
	h.tell(customerOfBank())
	// The letter was refused for a reason that has gone meanwhile.
	h.at = start.AddDate(0, 0, -2)
	ahead := strings.Replace(callEvent("call-1"), "2026-03-02T09:20:00Z", "2026-03-02T09:30:00Z", 1)
	h.leave(ahead)
	h.at = start
	if got := h.letterIDs(apikey.Operator, ""); !slices.Equal(got, []string{"inbox-1"}) {
		t.Fatalf("waiting: %v", got)
	}
	dry := ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/inbox-1:retry", RetryRequest{DryRun: true})
	if dry.Status != events.StatusValid || dry.Position != 0 {
		t.Errorf("dry run: %+v", dry)
	}
	end := h.end()
	done := ask[SettledAnswer](h, apikey.Publisher, "POST", "/v1/deadletters/inbox-1:retry", nil)
	if done.Status != events.StatusAppended || done.Position != end+2 || done.Action != letters.Retried {
		t.Errorf("retried: %+v, the log ended at %d", done, end)
	}
	again := ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/inbox-1:retry", RetryRequest{Reason: "once more"})
	if again.Status != events.StatusDuplicate || again.Position != done.Position || h.end() != end+2 {
		t.Errorf("retried again: %+v", again)
	}
	if got := h.letterIDs(apikey.Operator, ""); len(got) != 0 {
		t.Errorf("still waiting: %v", got)
	}
	if got := h.letterIDs(apikey.Operator, "?settled=yes"); !slices.Equal(got, []string{"inbox-1"}) {
		t.Errorf("settled: %v", got)
	}
	wantProblem(t, h.call(apikey.Operator, "POST", "/v1/deadletters/inbox-1:discard", DiscardRequest{Reason: "too late"}), 409, "conflict")
	st := ask[EventsStatusAnswer](h, apikey.Publisher, "POST", "/v1/events:status", EventsStatusRequest{IDs: []events.EventID{{Source: "/crm/bank", ID: "call-1"}}})
	if st.Results[0].Status != "appended" {
		t.Errorf("status: %+v", st.Results[0])
	}
}

// TestAProvisionalDenyGivesWayToItsRetriedForm: the deny that was read out of the
// letter is superseded by the retried event, and the person stays denied.
func TestAProvisionalDenyGivesWayToItsRetriedForm(t *testing.T) {
	h := newHub(t)
	h.tell(customerOfBank())
	// Somebody else's source in the envelope is refused at the inbox; below it, it is
	// what a publisher of /crm/bank may send.
	below := strings.Replace(validDeny, `"source":"/crm/bank"`, `"source":"/crm/bank/branch"`, 1)
	h.leave(below)
	l := h.letter("inbox-1")
	if l.Statement == "" || l.Source != "/crm/bank" {
		t.Fatalf("letter: %+v", l)
	}
	done := ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/inbox-1:retry", nil)
	if want := events.StatementID("/crm/bank/branch", "no-1"); done.Statement != want {
		t.Errorf("retried: %+v, want the folio %s", done, want)
	}
	snap, err := h.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for folio, want := range map[string]contact.Status{l.Statement: contact.StatusSuperseded, done.Statement: contact.StatusInForce} {
		if st, err := contact.FindStatement(t.Context(), snap, folio, start); err != nil || st.Status != want {
			t.Errorf("%s: %s, %v; want %s", folio, st.Status, err, want)
		}
	}
	if d := h.decision("+50255123456"); d != contact.DecisionDeny {
		t.Errorf("decision: %s", d)
	}
}

func TestALetterThatIsStillInvalidChangesNothing(t *testing.T) {
	h := newHub(t)
	h.leave(invalidDeny, "not JSON", "")
	h.call(apikey.Publisher, "POST", "/v1/events", invalidDeny, "Content-Type", string(events.FormatEvent))
	end, kept := h.end(), h.kept()
	for _, id := range []string{"inbox-1", "inbox-2", "inbox-3"} {
		for _, body := range []any{nil, RetryRequest{DryRun: true}} {
			p := wantProblem(t, h.call(apikey.Operator, "POST", "/v1/deadletters/"+id+":retry", body), 422, "invalid")
			if len(p.Errors) == 0 || p.Errors[0].Code == "" || strings.Contains(fmt.Sprint(p), "55123456") {
				t.Errorf("%s: %+v", id, p)
			}
		}
	}
	if h.end() != end || h.kept() != kept {
		t.Errorf("the log went from %d to %d, the letters from %d to %d", end, h.end(), kept, h.kept())
	}
	if got := h.letterIDs(apikey.Operator, ""); len(got) != int(kept) {
		t.Errorf("%d letters wait, want %d", len(got), kept)
	}
}

func TestListOfLetters(t *testing.T) {
	h := newHub(t)
	h.leave("not JSON", invalidDeny, strings.Replace(invalidDeny, "no-1", "no-3", 1))
	if err := h.letters.Bury(t.Context(), events.DeadLetter{Source: "/pbx", ID: "x", Bytes: []byte("\xff\x00"), Reason: "invalid_json", Recorded: start.AddDate(0, 0, 1), Via: events.WayRequest}); err != nil {
		t.Fatal(err)
	}
	at := h.tell(customerOfBank())
	h.refuse("golden", at)
	h.refuse("timeline", at)
	fold := []string{"fold-golden-" + at.String(), "fold-timeline-" + at.String()}
	inbox := []string{"inbox-1", "inbox-2", "inbox-3", "inbox-4"}
	for query, want := range map[string][]string{
		"":                            append(slices.Clone(inbox), fold...),
		"?kind=inbox":                 inbox,
		"?kind=fold":                  fold,
		"?source=/pbx":                {"inbox-4"},
		"?source=/crm":                {},
		"?reason=schema":              {"inbox-2", "inbox-3"},
		"?reason=stated_at":           {"inbox-2", "inbox-3"},
		"?reason=sch":                 {},
		"?reason=invalid_json":        {"inbox-1", "inbox-4"},
		"?since=2026-03-03T00:00:00Z": {"inbox-4"},
		"?settled=yes":                {},
		"?settled=all&kind=fold":      fold,
		"?cursor=inbox-3":             append([]string{"inbox-4"}, fold...),
		"?cursor=" + fold[0]:          fold[1:],
		"?cursor=" + fold[1]:          {},
	} {
		if got := h.letterIDs(apikey.Operator, query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	if got := h.letterIDs(apikey.Publisher, ""); !slices.Equal(got, append(slices.Clone(inbox[:3]), fold...)) {
		t.Errorf("a publisher of /crm/bank sees %v", got)
	}
	wantProblem(t, h.call(apikey.Operator, "GET", "/v1/deadletters?cursor=x", nil), 422, "invalid")
	pages, cursor := []string{}, ""
	for range 10 {
		page := ask[LettersAnswer](h, apikey.Operator, "GET", "/v1/deadletters?limit=2"+cursor, nil)
		for _, l := range page.Data {
			pages = append(pages, l.ID)
		}
		if page.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *page.NextCursor
	}
	if !slices.Equal(pages, append(slices.Clone(inbox), fold...)) {
		t.Errorf("page by page: %v", pages)
	}
}

func TestLettersOfOthersAreHidden(t *testing.T) {
	h := newHub(t)
	if err := h.letters.Bury(t.Context(), events.DeadLetter{Source: "/pbx", Bytes: []byte("\xff"), Reason: "invalid_unicode", Recorded: start}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		body         any
	}{{"GET", "/v1/deadletters/inbox-1", nil}, {"POST", "/v1/deadletters/inbox-1:retry", nil}} {
		wantProblem(t, h.call(apikey.Publisher, c.method, c.path, c.body), 404, "not_found")
	}
	if l := h.letter("inbox-1"); string(l.Bytes) != "\xff" || l.Original != "" {
		t.Errorf("bytes that are no text: %+v", l)
	}
	for _, id := range []string{"inbox-2", "inbox-01", "nothing", "fold-golden-7"} {
		wantProblem(t, h.call(apikey.Operator, "GET", "/v1/deadletters/"+id, nil), 404, "not_found")
		wantProblem(t, h.call(apikey.Operator, "POST", "/v1/deadletters/"+id+":discard", DiscardRequest{Reason: "r"}), 404, "not_found")
	}
	wantProblem(t, h.call(apikey.Publisher, "POST", "/v1/deadletters/inbox-1:discard", DiscardRequest{Reason: "r"}), 403, "forbidden")
	wantProblem(t, h.call(apikey.Operator, "POST", "/v1/deadletters/inbox-1:discard", DiscardRequest{}), 422, "invalid")
}

func TestWhatAFoldRefusedNeedsARebuild(t *testing.T) {
	h := newHub(t)
	at := h.tell(customerOfBank())
	h.refuse("golden", at)
	id := "fold-golden-" + at.String()
	l := h.letter(id)
	if l.Kind != letters.Folded || l.Projection != "golden" || *l.At != at || l.EventID != "c-1" || l.Type != events.CustomerRecordedV1 || !json.Valid([]byte(l.Original)) {
		t.Errorf("letter: %+v", l)
	}
	p := wantProblem(t, h.call(apikey.Operator, "POST", "/v1/deadletters/"+id+":retry", nil), 409, "needs_rebuild")
	if !strings.Contains(p.Detail, "ficha projections rebuild") {
		t.Errorf("no remedy: %+v", p)
	}
	ask[SettledAnswer](h, apikey.Operator, "POST", "/v1/deadletters/"+id+":discard", DiscardRequest{Reason: "known"})
	if got := h.letterIDs(apikey.Operator, ""); len(got) != 0 {
		t.Errorf("waiting: %v", got)
	}
	st := ask[EventsStatusAnswer](h, apikey.Operator, "POST", "/v1/events:status", EventsStatusRequest{IDs: []events.EventID{{Source: "/crm/bank", ID: "c-1"}}})
	want := []DeadReason{{Where: "golden", Reason: "refused", Letter: id, Settled: letters.Discarded}}
	if got := st.Results[0]; got.Status != "dead" || !slices.Equal(got.Dead, want) {
		t.Errorf("status: %+v", got)
	}
}

// TestStatusNamesTheLetterAndTheWay: an event that is not in the log is found
// among the letters, with the way it came.
func TestStatusNamesTheLetterAndTheWay(t *testing.T) {
	h := newHub(t)
	h.leave(invalidDeny)
	h.call(apikey.Publisher, "POST", "/v1/events", strings.Replace(invalidDeny, "no-1", "no-2", 1), "Content-Type", string(events.FormatEvent))
	no1, no2 := events.EventID{Source: "/crm/bank", ID: "no-1"}, events.EventID{Source: "/crm/bank", ID: "no-2"}
	st := ask[EventsStatusAnswer](h, apikey.Publisher, "POST", "/v1/events:status", EventsStatusRequest{IDs: []events.EventID{no1, no2, no1}})
	for i, want := range []DeadReason{{Where: "inbox", Letter: "inbox-1"}, {Where: "request", Letter: "inbox-2"}, {Where: "inbox", Letter: "inbox-1"}} {
		want.Reason = "schema /data/stated_at"
		if got := st.Results[i]; got.Status != "dead" || !slices.Equal(got.Dead, []DeadReason{want}) {
			t.Errorf("%d: %+v, want %+v", i, got, want)
		}
	}
}

func (h *hub) end() events.Position {
	h.t.Helper()
	p, err := h.log.End(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *hub) kept() uint64 {
	h.t.Helper()
	n, err := h.letters.Count(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// refuse writes the dead letter that a runner writes when a fold refuses an event.
func (h *hub) refuse(projection string, p events.Position) {
	h.t.Helper()
	row, err := json.Marshal(runner.DeadLetter{Projection: projection, Position: p, Type: events.CustomerRecordedV1, Source: "/crm/bank", Reason: "refused"})
	if err != nil {
		h.t.Fatal(err)
	}
	err = h.store.Commit(h.t.Context(), projections.Commit{Runner: "letters of " + projection, To: p, Changes: []projections.Change{
		{Table: "dead_letter_counts", Key: []byte(projection), Value: []byte("1")},
		{Table: runner.DeadLettersTable, Key: foldLetterKey(letters.OfFold(projection, p)), Value: row},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func callEvent(id string) string {
	return `{"specversion":"1.0","id":"` + id + `","source":"/crm/bank","type":"interaction.recorded.v1","time":"2026-03-02T09:20:00Z",` +
		`"data":{"record":{"source":"/crm/bank","stream":"call","id":"` + id + `"},"channel":"voice","direction":"inbound","started_at":"2026-03-02T09:20:00Z",` +
		`"contact_points":[{"phone":"+50255123456"}]}}`
}
