package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"ficha/api/client"
	"ficha/projections"
	"ficha/projections/pebblestore"
)

// TestProjectionsOfAStoppedHub makes the rows anew, compares, moves to them and
// back, all on the files; the next hub reads what was made the live rows.
func TestProjectionsOfAStoppedHub(t *testing.T) {
	atShell(t)
	hub := serveHere(t, "--data", "d", "--insecure")
	mustSubmit(t, &client.Client{BaseURL: hub.url}, townspeople()...)
	(&hubProcess{Client: &client.Client{BaseURL: hub.url}}).settled(t)
	if code := hub.end(); code != exitOK {
		t.Fatalf("serve ended with exit %d: %s", code, hub.said)
	}
	t.Setenv("FICHA_DATA", "d")
	for _, command := range []string{"diff", "switch", "drop"} {
		wantExit(t, exitNotFound, "rebuild first", "projections", command)
	}
	list := wantExit(t, exitOK, "", "projections", "list")
	for _, want := range []string{"golden ", "timeline ", "contact ", "witness ", "PROJECTION", "space live is live"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q:\n%s", want, list)
		}
	}
	if out := wantExit(t, exitOK, "", "projections", "rebuild"); out != "space rebuild_1 is ready; next: ficha projections diff, ficha projections switch\n" {
		t.Errorf("rebuild says %q", out)
	}
	if list := wantExit(t, exitOK, "", "projections", "list"); !strings.Contains(list, "space rebuild_1 is beside it, ready: ") {
		t.Errorf("the list does not show the new space:\n%s", list)
	}
	diff := objects(t, wantExit(t, exitOK, "holds the same rows as live", "projections", "diff", "--json"))[0]
	if diff["equal"] != true || diff["live"] != "live" || diff["beside"] != "rebuild_1" {
		t.Errorf("diff %v", diff)
	}
	for _, to := range []string{"rebuild_1", "live", "rebuild_1"} {
		if s := objects(t, wantExit(t, exitOK, "", "projections", "switch", "--json"))[0]; s["to"] != to {
			t.Errorf("switched to %v, want %s", s, to)
		}
	}
	hub = serveHere(t, "--data", "d", "--insecure")
	t.Setenv("FICHA_DATA", "")
	t.Setenv("FICHA_URL", hub.url)
	l := objects(t, wantExit(t, exitOK, "", "projections", "list", "--json"))[0]
	beside := l["beside"].(map[string]any)
	if l["space"] != "rebuild_1" || beside["space"] != "live" || beside["state"] != "previous" || l["next_cursor"] != nil {
		t.Errorf("the hub lists %v", l)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var watched bytes.Buffer
	Main(ctx, []string{"projections", "list", "--watch", "--json"}, streams{in: strings.NewReader(""), out: &watched, err: &bytes.Buffer{}})
	if n := len(objects(t, watched.String())); n < 2 {
		t.Errorf("listed %d times in a second and a half", n)
	}
	wantExit(t, exitOK, "as it should be", "verify")
	wantExit(t, exitOK, "holds the same rows", "projections", "diff")
	if out := wantExit(t, exitOK, "", "projections", "switch"); !strings.Contains(out, "space live is live, in place of rebuild_1") {
		t.Errorf("switch says %q", out)
	}
	wantExit(t, exitOK, "only the live space", "projections", "drop")
	wantExit(t, exitOK, "as it should be", "verify")
}

// TestDiffFindsSpoiltRows spoils a row of the live rows: exit 6, and the table is
// named. Moving to the rows made anew heals it.
func TestDiffFindsSpoiltRows(t *testing.T) {
	atShell(t)
	hub := serveHere(t, "--data", "d", "--insecure")
	mustSubmit(t, &client.Client{BaseURL: hub.url}, townspeople()...)
	(&hubProcess{Client: &client.Client{BaseURL: hub.url}}).settled(t)
	if code := hub.end(); code != exitOK {
		t.Fatalf("serve ended with exit %d: %s", code, hub.said)
	}
	spoilRow(t, "d", "golden_records")
	t.Setenv("FICHA_DATA", "d")
	wantExit(t, exitFindings, "", "verify")
	wantExit(t, exitOK, "", "projections", "rebuild")
	out := wantExit(t, exitFindings, "", "projections", "diff")
	if !strings.Contains(out, "golden: rows DIFFER") || !strings.Contains(out, "golden_records: ") || !strings.Contains(out, "1 different, 0 only in the live rows") || !strings.Contains(out, "timeline: ") {
		t.Errorf("diff says\n%s", out)
	}
	wantExit(t, exitOK, "", "projections", "switch")
	wantExit(t, exitOK, "as it should be", "verify")
}

// spoilRow changes the first row of a table in the live space of a stopped hub.
func spoilRow(t *testing.T, data string, table projections.Table) {
	t.Helper()
	db, err := pebblestore.Open(pebblestore.Config{Dir: data + "/" + dirStore})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	live, err := db.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := db.Store(live)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for row, err := range snap.Scan(t.Context(), table, projections.Range{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		value := bytes.Clone(row.Value)
		value[len(value)-2] ^= 1
		c := projections.Commit{Runner: "vandal", Changes: []projections.Change{{Table: table, Key: row.Key, Value: value}}}
		if err := s.Commit(context.Background(), c); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("%s has no rows", table)
}
