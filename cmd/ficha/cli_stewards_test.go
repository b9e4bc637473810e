package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// lookAlikes are n pairs that matching leaves to a person.
func lookAlikes(n int) []events.Envelope {
	var all []events.Envelope
	for i := range n {
		rng := rand.New(rand.NewPCG(uint64(i), 42))
		long := events.Name{Given: name(rng), Family: name(rng), Family2: name(rng)}
		short := long
		short.Family2 = ""
		for k, called := range []events.Name{long, short} {
			id := fmt.Sprintf("t%d", 2*i+k)
			all = append(all, made("/crm/bank", "rec-"+id, events.CustomerRecordedV1, events.CustomerRecorded{
				Record: events.Record{RecordKey: events.RecordKey{Source: "/crm/bank", ID: id}}, Kind: events.Person, Names: []events.Name{called},
				Phones: []events.Phone{{Value: fmt.Sprintf("+502%08d", 20000000+7919*i+k*(39999999-13926*i))}}, Emails: []events.Email{{Value: id + "." + name(rng) + "@example.com"}},
			}))
		}
	}
	return all
}

func countOpen(t *testing.T, d *keyedHub) (n uint64) {
	t.Helper()
	rowsOfNow(t, d.hub, func(s projections.Snapshot) {
		counts, err := review.CountByState(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		n = counts[review.StateOpen]
	})
	return n
}

func rowsOfNow(t *testing.T, h *hub, f func(projections.Snapshot)) {
	t.Helper()
	s, err := h.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f(s)
}

var anID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// TestStewardsAtTheShell works through a queue as a steward does.
func TestStewardsAtTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, lookAlikes(6))
	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])

	list := wantExit(t, exitOK, "there is more", "reviews", "list", "--limit", "5")
	line := regexp.MustCompile(`(?m)^[0-9a-f-]{36}  pair     open        +\d+\.\d%  due \d{4}-\d\d-\d\d  \w+ \w+( \w+)? \| \w+ \w+( \w+)?$`)
	if len(line.FindAllString(list, -1)) != 5 {
		t.Fatalf("the queue:\n%s", list)
	}
	ids := anID.FindAllString(wantExit(t, exitOK, "", "reviews", "list", "--limit", "0", "--kind", "pair", "--min-weight", "-1", "--max-weight", "1"), -1)
	if o := objects(t, wantExit(t, exitOK, "", "reviews", "list", "--json")); len(o) != 6 || len(ids) != 6 || o[0]["id"] != ids[0] {
		t.Errorf("with --json %d, without %v", len(o), ids)
	}
	patterns := wantExit(t, exitOK, "", "reviews", "list", "--patterns")
	if !strings.HasPrefix(patterns, "      6  name=") {
		t.Errorf("patterns:\n%s", patterns)
	}
	wantExit(t, exitOK, "nothing waits here", "reviews", "list", "--kind", "hold", "--source", "/shop", "--due-before", "2020-01-01T00:00:00Z")

	card := wantExit(t, exitOK, "", "reviews", "show", ids[0])
	for _, want := range []string{ids[0] + "  pair, open\n", "% likely to be one (weight ", "customer  ", "  record  /crm/bank:t", "why       The evidence is too strong", "\n          Name: the same, one name left out", "etag      \""} {
		if !strings.Contains(card, want) {
			t.Errorf("the item lacks %q:\n%s", want, card)
		}
	}
	tag := regexp.MustCompile(`etag +(.*)\n`).FindStringSubmatch(card)[1]
	if claimed := wantExit(t, exitOK, "", "reviews", "claim", ids[0]); !strings.Contains(claimed, "claimed by shell steward\n") {
		t.Errorf("claimed:\n%s", claimed)
	}
	if mine := wantExit(t, exitOK, "", "reviews", "list", "--claimed-by", "shell steward"); !strings.HasPrefix(mine, ids[0]) {
		t.Errorf("mine:\n%s", mine)
	}
	dry := wantExit(t, exitOK, "", "reviews", "decide", ids[0], "same", "--dry-run")
	if !strings.Contains(dry, "now   ") || !strings.Contains(dry, "then  ") || !strings.Contains(dry, "would be ") || !strings.Contains(dry, "contact answers that would change: none") {
		t.Errorf("dry run:\n%s", dry)
	}
	t.Setenv("FICHA_KEY", d.keys[apikey.Admin])
	wantExit(t, exitConflict, "shell steward has claimed this since", "reviews", "decide", ids[0], "different", "--if-match", tag)
	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])
	if out := wantExit(t, exitOK, "", "reviews", "decide", ids[0], "same", "--reason", "moved house", "--if-match", tag); !strings.Contains(out, "appended at position") {
		t.Errorf("decided:\n%s", out)
	}
	t.Setenv("FICHA_KEY", d.keys[apikey.Admin])
	wantExit(t, exitConflict, "shell steward decided this on", "reviews", "decide", ids[0], "different", "--if-match", tag)
	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])
	if shown := wantExit(t, exitOK, "", "reviews", "show", ids[0]); !strings.Contains(shown, "decided   same by shell steward at ") || !strings.Contains(shown, ": moved house\n") {
		t.Errorf("decided:\n%s", shown)
	}
	wantExit(t, exitOK, "", "reviews", "undo", ids[0], "--dry-run", "--json")
	wantExit(t, exitOK, "", "reviews", "undo", ids[0], "--reason", "slip")
	wantExit(t, exitConflict, "no decision", "reviews", "undo", ids[0])
	wantExit(t, exitNotFound, "no such review", "reviews", "show", "nobody")
	if n := countOpen(t, d); n != 6 {
		t.Errorf("%d open", n)
	}
	bulkAtTheShell(t, d)
	sheetsAtTheShell(t, d)
}

// bulkAtTheShell decides everything, and takes it back as a whole.
func bulkAtTheShell(t *testing.T, d *keyedHub) {
	t.Helper()
	dry := wantExit(t, exitOK, "", "reviews", "bulk", "same", "--kind", "pair", "--dry-run", "--sample", "2")
	if !strings.HasPrefix(dry, "6 items about 12 customers would be decided; 6 customers fewer\n      6  name=") || len(anID.FindAllString(dry, -1)) != 2 {
		t.Errorf("dry run:\n%s", dry)
	}
	wantExit(t, exitUsage, "--expect with that number", "reviews", "bulk", "same", "--kind", "pair")
	wantExit(t, exitConflict, "has changed", "reviews", "bulk", "same", "--kind", "pair", "--expect", "5")
	done := wantExit(t, exitOK, "", "reviews", "bulk", "same", "--kind", "pair", "--expect", "6", "--wait")
	if !strings.Contains(done, "reviews.decide  done: 6 of 6 done, 0 skipped, 0 failed; by shell steward") {
		t.Errorf("bulk:\n%s", done)
	}
	job := anID.FindString(done)
	wantExit(t, exitConflict, "", "jobs", "cancel", job)
	wantExit(t, exitConflict, "", "jobs", "resume", job)
	if shown := wantExit(t, exitOK, "", "jobs", "show", job, "--wait"); shown != done {
		t.Errorf("shown:\n%s", shown)
	}
	if undone := wantExit(t, exitOK, "", "jobs", "undo", job, "--reason", "wrong pattern", "--wait"); !strings.Contains(undone, "reviews.undo  done: 6 of 6 done") {
		t.Errorf("undone:\n%s", undone)
	}
	if o := objects(t, wantExit(t, exitOK, "", "jobs", "list", "--state", "done", "--json")); len(o) != 2 || o[0]["undoes"] != job {
		t.Errorf("jobs: %v", o)
	}
	if err := d.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := countOpen(t, d); n != 6 {
		t.Errorf("%d open", n)
	}
}

// sheetsAtTheShell takes the queue out as a table, and decisions in.
func sheetsAtTheShell(t *testing.T, d *keyedHub) {
	t.Helper()
	wantExit(t, exitOK, "wrote queue.xlsx", "reviews", "export", "queue.xlsx")
	wantExit(t, exitUsage, "csv or xlsx", "reviews", "export", "queue.txt")
	if out := wantExit(t, exitOK, "", "reviews", "import", "queue.xlsx"); out != "0 decided, 6 unchanged, 0 stale, 0 not usable\n" {
		t.Errorf("nothing was decided in it, but %s", out)
	}
	table := wantExit(t, exitOK, "", "reviews", "export", "-", "--kind", "pair")
	id := anID.FindString(table)
	write(t, "decided.csv", "review_id,decision\n"+id+",igual\nx,same\n")
	if out := wantExit(t, exitPartial, "line 3: error: the review_id is none", "reviews", "import", "decided.csv", "--dry-run"); !strings.HasPrefix(out, "1 would be decided, 0 unchanged, 0 stale, 1 not usable") {
		t.Errorf("dry run: %s", out)
	}
	out := wantExit(t, exitPartial, "line 3", "reviews", "import", "decided.csv")
	job := regexp.MustCompile(`undo all of it: ficha jobs undo (\S+)`).FindStringSubmatch(out)
	if job == nil {
		t.Fatalf("import: %s", out)
	}
	wantExit(t, exitOK, "", "jobs", "undo", job[1], "--wait")
	write(t, "none.csv", "a,b\n1,2\n")
	wantExit(t, exitUsage, "there is no column", "reviews", "import", "none.csv")
	wantExit(t, exitUsage, "no such file", "reviews", "import", "gone.csv")
}

// TestMergeAtTheShell merges, splits and takes both back.
func TestMergeAtTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	publish(t, d, lookAlikes(2))
	t.Setenv("FICHA_KEY", d.keys[apikey.Steward])
	id := func(n int) string {
		return events.RecordKey{Source: "/crm/bank", ID: fmt.Sprint("t", n)}.UUID().String()
	}
	wantExit(t, exitUsage, "customer ids", "customer", "merge", "a", "b")
	wantExit(t, exitUsage, "--record", "customer", "split", id(0))
	wantExit(t, exitUsage, "is the same customer as", "customer", "merge", id(0), id(0))
	dry := wantExit(t, exitOK, "", "customer", "merge", id(0), id(2), "--dry-run")
	if !strings.Contains(dry, id(2)+" would be "+id(0)) || !strings.Contains(dry, "moves: /crm/bank:t2 with 0 interactions") {
		t.Errorf("dry run:\n%s", dry)
	}
	merged := wantExit(t, exitOK, "", "customer", "merge", id(0), id(2), "--reason", "one person")
	if !strings.Contains(merged, id(2)+" is "+id(0)+" now") {
		t.Errorf("merged:\n%s", merged)
	}
	one := wantExit(t, exitOK, "", "customer", "merge", id(0)) // one person, says somebody
	if split := wantExit(t, exitOK, "", "customer", "split", id(0), "--record", "/crm/bank:t2", "--dry-run"); !strings.Contains(split, "overrides: same by shell steward") || strings.Count(split, "overrides") != 2 {
		t.Errorf("split, dry:\n%s", split)
	}
	split := wantExit(t, exitOK, "", "customer", "split", id(0), "--record", "/crm/bank:t2", "--json")
	if o := objects(t, split); len(o) != 1 || o[0]["resolved"] != true {
		t.Errorf("split:\n%s", split)
	}
	for _, out := range []string{split, one, merged} {
		all := anID.FindAllString(out, -1)
		wantExit(t, exitOK, "", "reviews", "undo", all[len(all)-1])
	}
	if out := wantExit(t, exitOK, "", "reviews", "suspects", "--limit", "5", "--json"); out != "" {
		t.Errorf("suspects:\n%s", out)
	}
	rowsOfNow(t, d.hub, func(s projections.Snapshot) {
		if c, _, err := golden.CustomerOf(t.Context(), s, events.RecordKey{Source: "/crm/bank", ID: "t2"}.UUID()); err != nil || c.String() != id(2) {
			t.Errorf("%s, %v", c, err)
		}
	})
}
