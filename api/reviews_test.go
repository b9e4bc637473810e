package api

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/api/steward/stewardtest"
	"ficha/events"
	"ficha/projections/review"
)

// desks is a hub whose stewards' desk is the real one, with n pairs in its queue.
type desks struct {
	*hub
	world *stewardtest.World
}

func newDesks(t testing.TB, n int) *desks {
	t.Helper()
	w := stewardtest.New(t)
	d := &desks{world: w}
	d.hub = newHub(t, func(c *Config) {
		c.Gateway, c.Log, c.IDs, c.Store, c.Runner, c.Freshness, c.Checker = w.Gateway, w.Log, w.IDs, w.Store, "main", w, w.Checker
		c.Steward, c.Jobs, c.Clock = w.Desk, w.Jobs, w.Now
	})
	for i := range n {
		w.Publish(w.Twins(i)...)
	}
	w.Settle()
	return d
}

// named makes a steward of another name, and gives the header that shows its key.
func (d *desks) named(name string) []string {
	d.t.Helper()
	var key struct{ Key string }
	w := d.call(apikey.Admin, "POST", "/v1/keys", map[string]any{"name": name, "roles": []string{"steward"}})
	if err := json.Unmarshal(w.Body.Bytes(), &key); err != nil || key.Key == "" {
		d.t.Fatalf("make key: %d %s", w.Code, w.Body)
	}
	return []string{"Authorization", "Bearer " + key.Key}
}

func (d *desks) queue(query string) ReviewsAnswer {
	d.t.Helper()
	return ask[ReviewsAnswer](d.hub, apikey.Steward, "GET", "/v1/reviews"+query, nil)
}

// TestTwoStewardsDecideOneItem over HTTP at the same moment: one is taken, the
// other one is told who, when and what, in the language that he asks for.
func TestTwoStewardsDecideOneItem(t *testing.T) {
	d := newDesks(t, 8)
	ana, leo := d.named("ana"), d.named("leo")
	for _, item := range d.queue("").Data {
		answers := make([]*httptest.ResponseRecorder, 2)
		var wg sync.WaitGroup
		for i, who := range [][]string{ana, leo} {
			verdict := []string{"same", "different"}[i]
			wg.Go(func() {
				answers[i] = d.call("", "POST", "/v1/reviews/"+item.ID.String()+":decide", `{"verdict":"`+verdict+`"}`, append(slices.Clone(who), "If-Match", item.ETag, "Accept-Language", "es")...)
			})
		}
		wg.Wait()
		won := slices.IndexFunc(answers, func(w *httptest.ResponseRecorder) bool { return w.Code == 200 })
		if won < 0 {
			t.Fatalf("nobody won: %s %s", answers[0].Body, answers[1].Body)
		}
		name, verdict := []string{"ana", "leo"}[won], []events.Verdict{"same", "different"}[won]
		p := wantProblem(t, answers[1-won], 412, "stale_review")
		c := p.Conflict
		if c == nil || c.By != name || c.Verdict != verdict || c.What != steward.WhatDecided || c.At.IsZero() || c.At.Before(stewardtest.Start) {
			t.Fatalf("told %s", answers[1-won].Body)
		}
		if !strings.Contains(p.Detail, name+" lo decidió el 2026-03-02") || p.Title != "El caso ha cambiado" || answers[1-won].Header().Get("ETag") != c.ETag {
			t.Errorf("told %s", answers[1-won].Body)
		}
		again := d.call("", "POST", "/v1/reviews/"+item.ID.String()+":decide", `{"verdict":"`+string(verdict)+`"}`, append([][]string{ana, leo}[won], "If-Match", item.ETag)...)
		var repeated DecideAnswer
		if err := json.Unmarshal(again.Body.Bytes(), &repeated); err != nil || again.Code != 200 || repeated.Status != events.StatusDuplicate {
			t.Errorf("the winner again: %d %s", again.Code, again.Body)
		}
	}
}

// TestQueueOverHTTP: the shape of a list, filters, pages, claims, and what is wrong.
func TestQueueOverHTTP(t *testing.T) {
	d := newDesks(t, 5)
	list := d.queue("?patterns=true&limit=2")
	if len(list.Data) != 2 || list.NextCursor == nil || list.Counts[review.KindPair][review.StateOpen] != 5 || len(list.Patterns) != 1 || list.Patterns[0].Count != 5 {
		t.Fatalf("%+v", list)
	}
	item := list.Data[0]
	if item.State != "open" || item.Kind != "pair" || len(item.Records) != 2 || item.Records[0].Source != "/crm/bank" || len(item.Customers) != 2 || item.Customers[0].DisplayName == "" ||
		item.Probability == nil || *item.Probability < 0.5 || *item.Probability > 0.6 || len(item.Reasons) != 1 || item.Reasons[0].Text == "" || item.DueAt == nil || item.ClaimedBy != nil || item.Overdue {
		t.Errorf("%+v", item)
	}
	rest := d.queue("?limit=500&cursor=" + *list.NextCursor)
	if len(rest.Data) != 3 || rest.NextCursor != nil {
		t.Errorf("the rest has %d", len(rest.Data))
	}
	for query, want := range map[string]int{
		"?kind=hold": 0, "?kind=pair&reason=review_band": 5, "?source=/shop": 0, "?source=/crm/bank": 5, "?min_weight=205": 0, "?max_weight=204": 5,
		"?customer=" + item.Customers[0].ID.String(): 1, "?due_before=2026-03-03T00:00:00Z": 0, "?state=decided": 0, "?pattern=" + strings.ReplaceAll(item.Pattern, " ", "%20"): 5,
	} {
		if strings.Contains(query, ";") {
			query = strings.ReplaceAll(query, ";", "%3B")
		}
		if got := len(d.queue(query).Data); got != want {
			t.Errorf("%s gives %d, want %d", query, got, want)
		}
	}
	path := "/v1/reviews/" + item.ID.String()
	one := d.call(apikey.Steward, "GET", path, nil, "Accept-Language", "es")
	if one.Header().Get("ETag") != item.ETag || !strings.Contains(one.Body.String(), "Los indicios pesan demasiado") || !strings.Contains(one.Body.String(), `"evidence":"`) {
		t.Errorf("%s %s", one.Header().Get("ETag"), one.Body)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", path+":decide", `{"verdict":"same"}`), 428, "precondition_required")
	wantProblem(t, d.call(apikey.Steward, "POST", path+":claim", nil), 428, "precondition_required")
	wantProblem(t, d.call(apikey.Steward, "POST", path+":decide", `{"verdict":"perhaps"}`, "If-Match", "*"), 422, "invalid")
	wantProblem(t, d.call(apikey.Steward, "POST", path+":undo", nil), 409, "not_decided")
	wantProblem(t, d.call(apikey.Steward, "GET", "/v1/reviews/nonsense", nil), 404, "not_found")
	wantProblem(t, d.call(apikey.Steward, "GET", "/v1/reviews/"+uuid.Nil.String(), nil), 404, "not_found")
	wantProblem(t, d.call(apikey.Steward, "GET", "/v1/reviews?cursor=x", nil), 422, "invalid")
	wantProblem(t, d.call(apikey.Steward, "GET", "/v1/reviews?customer=x", nil), 422, "invalid")
	wantProblem(t, d.call(apikey.Steward, "GET", "/v1/reviews?min_weight=x", nil), 422, "invalid")
}

// TestClaimOverHTTP: who claims is seen, and another one is told.
func TestClaimOverHTTP(t *testing.T) {
	d := newDesks(t, 2)
	ana, leo := d.named("ana"), d.named("leo")
	item := d.queue("").Data[0]
	path := "/v1/reviews/" + item.ID.String()
	claimed := ask[ReviewAnswer](d.hub, "", "POST", path+":claim", nil, append(slices.Clone(ana), "If-Match", item.ETag)...)
	if claimed.ClaimedBy == nil || *claimed.ClaimedBy != "ana" || claimed.ClaimedUntil == nil || claimed.ETag == item.ETag {
		t.Fatalf("%+v", claimed)
	}
	if mine := d.queue("?claimed_by=ana").Data; len(mine) != 1 || mine[0].ID != item.ID {
		t.Errorf("ana's: %+v", mine)
	}
	p := wantProblem(t, d.call("", "POST", path+":decide", `{"verdict":"same"}`, append(slices.Clone(leo), "If-Match", item.ETag)...), 412, "stale_review")
	if p.Conflict.What != steward.WhatClaimed || p.Conflict.By != "ana" || !strings.HasPrefix(p.Detail, "ana has claimed this since 2026-03-02") {
		t.Errorf("%+v", p)
	}
	free := ask[ReviewAnswer](d.hub, "", "POST", path+":claim", ClaimRequest{Release: true}, append(slices.Clone(ana), "If-Match", claimed.ETag)...)
	if free.ClaimedBy != nil {
		t.Errorf("%+v", free)
	}
	decided := ask[DecideAnswer](d.hub, "", "POST", path+":decide", `{"verdict":"same","dry_run":true}`, append(slices.Clone(leo), "If-Match", free.ETag)...)
	if decided.Status != dryRun || decided.Preview == nil || !decided.Preview.Achievable || len(decided.Preview.Before) != 2 || len(decided.Preview.After) != 1 ||
		len(decided.Preview.Moves) != 1 || decided.Preview.Moves[0].Record.Source != "/crm/bank" {
		t.Errorf("dry run: %+v", decided)
	}
	if got := d.queue("?state=decided").Data; len(got) != 0 {
		t.Errorf("the dry run decided %+v", got)
	}
}

// TestMergeAndSplitOverHTTP: with dry runs, conditions, repetition and undo.
func TestMergeAndSplitOverHTTP(t *testing.T) {
	d := newDesks(t, 2)
	a, b := stewardtest.Key(0).UUID(), stewardtest.Key(2).UUID()
	body := fmt.Sprintf(`{"ids":[%q,%q],"reason":"two accounts"`, a, b)
	dry := ask[ActAnswer](d.hub, apikey.Steward, "POST", "/v1/customers:merge", body+`,"dry_run":true}`)
	if dry.Status != dryRun || dry.Review != uuid.Nil || len(dry.Preview.Redirects) != 1 || dry.Preview.Redirects[0] != (steward.Redirect{From: b, To: a}) {
		t.Fatalf("%+v", dry)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/customers:merge", body+`}`, "If-Match", `"0"`), 412, "stale_customer")
	tag := d.call(apikey.Steward, "GET", "/v1/customers/"+a.String(), nil).Header().Get("ETag")
	merged := ask[ActAnswer](d.hub, apikey.Steward, "POST", "/v1/customers:merge", body+`}`, "If-Match", tag, "Idempotency-Key", "k1")
	if !merged.Resolved || merged.Review == uuid.Nil || len(merged.Redirected) != 1 || merged.Status != events.StatusAppended {
		t.Fatalf("%+v", merged)
	}
	again := ask[ActAnswer](d.hub, apikey.Steward, "POST", "/v1/customers:merge", body+`}`, "Idempotency-Key", "k1", "Prefer", "wait=2")
	if again.Status != events.StatusDuplicate || again.Position != merged.Position || again.Review != merged.Review {
		t.Errorf("again: %+v", again)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/customers:merge", strings.Replace(body, "two", "2", 1)+`}`, "Idempotency-Key", "k1"), 409, "idempotency_key_reused")
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/customers:merge", body+`}`), 422, "invalid") // they are one
	if got := ask[CustomerAnswer](d.hub, apikey.Steward, "GET", "/v1/customers/"+b.String(), nil); got.ID != a || got.RedirectedFrom != b {
		t.Errorf("%s leads to %s", b, got.ID)
	}
	verdict := ask[ReviewAnswer](d.hub, apikey.Steward, "GET", "/v1/reviews/"+merged.Review.String(), nil)
	if verdict.Kind != review.KindVerdict || len(verdict.Customers) != 1 || verdict.Customers[0].ID != a || verdict.Decision.Reason != "two accounts" {
		t.Errorf("the verdict is %+v", verdict)
	}

	splitting := `{"records":[{"source":"/crm/bank","id":"2"}]`
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/customers/"+a.String()+":split", `{"records":[{"source":"/crm/bank"}]}`), 422, "invalid")
	if p := wantProblem(t, d.call(apikey.Steward, "POST", "/v1/customers/"+a.String()+":split", `{"records":[{"source":"/shop","id":"2"}]}`), 422, "invalid"); p.Errors[0].Pointer != "/records/0" {
		t.Errorf("%+v", p)
	}
	would := ask[ActAnswer](d.hub, apikey.Steward, "POST", "/v1/customers/"+b.String()+":split", splitting+`,"dry_run":true}`)
	if len(would.Preview.Overridden) != 1 || would.Preview.Overridden[0].Review != merged.Review || len(would.Preview.After) != 2 {
		t.Errorf("%+v", would.Preview)
	}
	split := ask[ActAnswer](d.hub, apikey.Steward, "POST", "/v1/customers/"+b.String()+":split", splitting+`}`)
	if !split.Resolved || len(split.Redirected) != 0 {
		t.Errorf("%+v", split)
	}
	for _, id := range []uuid.UUID{split.Review, merged.Review} {
		dry := ask[DecideAnswer](d.hub, apikey.Steward, "POST", "/v1/reviews/"+id.String()+":undo", UndoRequest{DryRun: true})
		undone := ask[DecideAnswer](d.hub, apikey.Steward, "POST", "/v1/reviews/"+id.String()+":undo", UndoRequest{Reason: "slip"})
		if dry.Preview == nil || !undone.Resolved || len(undone.Verdicts) != 1 {
			t.Errorf("%+v, %+v", dry, undone)
		}
	}
	if got := d.world.Customer(stewardtest.Key(2)); got != b {
		t.Errorf("undone, but %s is %s", b, got)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/customers/"+uuid.NewString()+":split", splitting+`}`), 404, "not_found")
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/customers/x:split", splitting+`}`), 404, "not_found")
}

// awaited asks for a job until it has ended.
func (d *desks) awaited(id string) jobs.Job {
	d.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if j := ask[jobs.Job](d.hub, apikey.Operator, "GET", "/v1/jobs/"+id, nil); j.State.Ended() {
			d.world.Settle()
			return j
		}
	}
	d.t.Fatal("the job does not end")
	return jobs.Job{}
}

// TestBulkOverHTTP: dry run, job, undo as a whole.
func TestBulkOverHTTP(t *testing.T) {
	d := newDesks(t, 6)
	before := d.world.Digest()
	const body = `{"filter":{"kind":"pair"},"verdict":"same","reason":"pattern"`
	dry := ask[BulkAnswer](d.hub, apikey.Steward, "POST", "/v1/reviews:bulk", body+`,"dry_run":true,"sample":2}`)
	if p := dry.Preview; dry.Job != nil || p.Total != 6 || p.Merges != 6 || len(p.Sample) != 2 || len(p.Patterns) != 1 {
		t.Fatalf("%+v", dry)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/reviews:bulk", body+`,"expect":7}`), 412, "stale_review")
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/reviews:bulk", `{"filter":{"kind":"hold"},"verdict":"different"}`), 422, "invalid")
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/reviews:bulk", `{"filter":{"customer":"x"},"verdict":"different"}`), 422, "invalid")
	planned := ask[BulkAnswer](d.hub, apikey.Steward, "POST", "/v1/reviews:bulk", body+`,"expect":6}`, "Idempotency-Key", "k")
	same := ask[BulkAnswer](d.hub, apikey.Steward, "POST", "/v1/reviews:bulk", body+`,"expect":6}`, "Idempotency-Key", "k")
	if planned.Job == nil || same.Job.ID != planned.Job.ID {
		t.Fatalf("%+v, %+v", planned, same)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/reviews:bulk", body+`}`, "Idempotency-Key", "k"), 409, "idempotency_key_reused")
	done := d.awaited(planned.Job.ID)
	if done.State != jobs.Done || done.Done != 6 || done.By != "the steward" || !strings.Contains(string(done.Params), `"kind":"pair"`) {
		t.Errorf("%+v", done)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/jobs/"+done.ID+":cancel", nil), 409, "job_state")
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/jobs/"+done.ID+":resume", nil), 409, "job_state")
	undo := ask[jobs.Job](d.hub, apikey.Steward, "POST", "/v1/jobs/"+done.ID+":undo", `{"reason":"wrong"}`)
	if undone := d.awaited(undo.ID); undone.Undoes != done.ID || undone.Done != 6 {
		t.Errorf("%+v", undone)
	}
	if d.world.Digest() != before {
		t.Error("undone, the world is another one")
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/jobs/"+undo.ID+":undo", nil), 409, "not_undoable")
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/jobs/"+uuid.NewString()+":undo", nil), 404, "not_found")
	wantProblem(t, d.call(apikey.Steward, "GET", "/v1/jobs/nonsense", nil), 404, "not_found")
	list := ask[JobsAnswer](d.hub, apikey.Steward, "GET", "/v1/jobs?limit=1", nil)
	more := ask[JobsAnswer](d.hub, apikey.Steward, "GET", "/v1/jobs?cursor="+*list.NextCursor, nil)
	if len(list.Data) != 1 || len(more.Data) != 1 || more.NextCursor != nil || list.Data[0].ID == more.Data[0].ID {
		t.Errorf("%+v %+v", list, more)
	}
	if got := ask[JobsAnswer](d.hub, apikey.Steward, "GET", "/v1/jobs?kind=reviews.undo&state=done", nil); len(got.Data) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestSheetsOverHTTP: out as a table, decided there, in again.
func TestSheetsOverHTTP(t *testing.T) {
	d := newDesks(t, 3)
	for format, contentType := range map[string]string{"csv": "text/csv; charset=utf-8", "xlsx": typeXLSX} {
		w := d.call(apikey.Steward, "GET", "/v1/reviews:export?format="+format, nil)
		if w.Code != 200 || w.Header().Get("Content-Type") != contentType || !strings.Contains(w.Header().Get("Content-Disposition"), "reviews."+format) {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		done := ask[steward.Imported](d.hub, apikey.Steward, "POST", "/v1/reviews:import?dry_run=true", w.Body.Bytes(), "Content-Type", contentType)
		if done.Unchanged != 3 || len(done.Rows) != 3 || done.Job != "" {
			t.Errorf("%s comes back as %+v", format, done)
		}
	}
	file := "review_id;decisión;motivo\n" + d.queue("").Data[0].ID.String() + ";igual;la misma\nx;same;\n"
	done := ask[steward.Imported](d.hub, apikey.Steward, "POST", "/v1/reviews:import", file, "Content-Type", "text/csv")
	if done.Applied != 1 || done.Errors != 1 || done.Rows[1].Line != 3 || done.Position == 0 || len(d.queue("").Data) != 2 {
		t.Errorf("%+v", done)
	}
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/reviews:import", "a,b\n1,2\n"), 422, "invalid")
	wantProblem(t, d.call(apikey.Steward, "POST", "/v1/reviews:import", "review_id,decision\n"+strings.Repeat("x,\n", 20_001)), 413, "too_large")
}

// TestSuspectsOverHTTP: who looks like several people, and what clears it.
func TestSuspectsOverHTTP(t *testing.T) {
	d := newDesks(t, 3)
	merged := ask[ActAnswer](d.hub, apikey.Steward, "POST", "/v1/customers:merge", fmt.Sprintf(`{"ids":[%q,%q]}`, stewardtest.Key(0).UUID(), stewardtest.Key(2).UUID()))
	suspects := func() int {
		return len(ask[SuspectsAnswer](d.hub, apikey.Steward, "GET", "/v1/suspects", nil, "Accept-Language", "es").Data)
	}
	if n := suspects(); n != 0 {
		t.Errorf("a person said that they are one, and %d are suspect", n)
	}
	// Two of one source that a third one bridges, said by that source.
	d.world.Publish(d.world.Event("/crm/bank", "m1", events.CustomerMergedAtSourceV1, events.CustomerMergedAtSource{Survivor: stewardtest.Key(1), Losers: []events.RecordKey{stewardtest.Key(4)}}))
	d.world.Settle()
	page := ask[SuspectsAnswer](d.hub, apikey.Steward, "GET", "/v1/suspects?limit=1", nil, "Accept-Language", "es")
	if len(page.Data) != 1 || page.Data[0].DisplayName == "" || len(page.Data[0].Records) == 0 || len(page.Data[0].Reasons) == 0 || page.Data[0].Reasons[0].Text == "" || page.Data[0].Score == 0 {
		t.Fatalf("%+v (merged %+v)", page, merged)
	}
	wantProblem(t, d.call(apikey.Steward, "GET", "/v1/suspects?cursor=x", nil), 422, "invalid")
	ask[ActAnswer](d.hub, apikey.Steward, "POST", "/v1/customers:merge", fmt.Sprintf(`{"ids":[%q]}`, page.Data[0].Customer))
	if n := suspects(); n != 0 {
		t.Errorf("somebody said that it is one, and %d are suspect", n)
	}
}

// TestReviewAnswersFitTheirSchemas: what is really sent is what the document says.
func TestReviewAnswersFitTheirSchemas(t *testing.T) {
	d := newDesks(t, 4)
	s, _, err := build(d.config)
	if err != nil {
		t.Fatal(err)
	}
	item := d.queue("").Data[0]
	path, ids := "/v1/reviews/"+item.ID.String(), fmt.Sprintf(`{"ids":[%q,%q]`, stewardtest.Key(0).UUID(), stewardtest.Key(2).UUID())
	for _, c := range []struct{ method, path, route, body string }{
		{"GET", "/v1/reviews?patterns=true", "/v1/reviews", ""},
		{"GET", path, "/v1/reviews/{id}", ""},
		{"POST", path + ":claim", "/v1/reviews/{id}:claim", "{}"},
		{"POST", path + ":decide", "/v1/reviews/{id}:decide", `{"verdict":"same","dry_run":true}`},
		{"POST", path + ":decide", "/v1/reviews/{id}:decide", `{"verdict":"same"}`},
		{"GET", path, "/v1/reviews/{id}", ""},
		{"POST", path + ":undo", "/v1/reviews/{id}:undo", `{}`},
		{"POST", "/v1/customers:merge", "/v1/customers:merge", ids + `,"dry_run":true}`},
		{"POST", "/v1/customers:merge", "/v1/customers:merge", ids + `}`},
		{"POST", "/v1/customers/" + stewardtest.Key(0).UUID().String() + ":split", "/v1/customers/{id}:split", `{"records":[{"source":"/crm/bank","id":"2"}],"dry_run":true}`},
		{"POST", "/v1/reviews:bulk", "/v1/reviews:bulk", `{"filter":{},"verdict":"same","dry_run":true}`},
		{"POST", "/v1/reviews:bulk", "/v1/reviews:bulk", `{"filter":{},"verdict":"unsure"}`},
		{"GET", "/v1/jobs", "/v1/jobs", ""},
		{"GET", "/v1/suspects", "/v1/suspects", ""},
		{"POST", "/v1/reviews:import", "/v1/reviews:import", "review_id,decision\nx,same\n"},
	} {
		w := d.call(apikey.Admin, c.method, c.path, c.body, "If-Match", "*")
		op := s.api.OpenAPI().Paths[c.route].Get
		if c.method == "POST" {
			op = s.api.OpenAPI().Paths[c.route].Post
		}
		if w.Code != 200 {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
			continue
		}
		checkAgainst(t, s, c.method+" "+c.path, op.Responses["200"].Content["application/json"].Schema, w.Body.Bytes())
	}
	metrics := d.call(apikey.Operator, "GET", "/metrics", nil).Body.String()
	if !strings.Contains(metrics, `ficha_review_pairs{state="open"}`) || !strings.Contains(metrics, `ficha_review_pairs{state="decided"} `) {
		t.Error("the pairs are not counted")
	}
}

// TestWithoutDesk: a hub without one says so.
func TestWithoutDesk(t *testing.T) {
	h := newHub(t)
	for _, path := range []string{"/v1/reviews", "/v1/reviews/" + exampleReviewID().String(), "/v1/jobs", "/v1/reviews:export"} {
		wantProblem(t, h.call(apikey.Steward, "GET", path, nil), 503, "unavailable")
	}
}

func FuzzReviewBodies(f *testing.F) {
	d := newDesks(f, 1)
	item := "/v1/reviews/" + d.queue("").Data[0].ID.String()
	paths := []string{item + ":decide", item + ":claim", item + ":undo", "/v1/customers:merge", "/v1/customers/" + stewardtest.Key(0).UUID().String() + ":split",
		"/v1/reviews:bulk", "/v1/reviews:import?dry_run=true"}
	f.Add(0, `{"verdict":"same","exclude":["00000000-0000-0000-0000-000000000000"],"dry_run":true}`, "*")
	f.Add(1, `{"release":true}`, `"1-0"`)
	f.Add(3, `{"ids":["00000000-0000-0000-0000-000000000000","x"]}`, ``)
	f.Add(4, `{"records":[{"record_uuid":"00000000-0000-0000-0000-000000000001"}],"dry_run":true}`, `"x"`)
	f.Add(5, `{"filter":{"min_weight":1,"due_before":"2026-03-02T10:00:00Z"},"verdict":"unsure","dry_run":true,"sample":50}`, ``)
	f.Fuzz(func(t *testing.T, which int, body, ifMatch string) {
		d.t = t
		path := paths[uint(which)%uint(len(paths))]
		if w := d.call(apikey.Admin, "POST", path, body, "If-Match", ifMatch); w.Code >= 500 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	})
}
