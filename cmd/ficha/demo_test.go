package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestStoryDemo runs the demo as a stranger does, and holds it to its promise.
func TestStoryDemo(t *testing.T) {
	people, minEvents := "5000", int64(50_000)
	if testing.Short() {
		people, minEvents = "600", 5_000
	}
	code, out, said := runMain(t, "demo", "--exit", "--json", "--people", people)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, said)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var s summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("the last line is no object: %v\n%s", err, out)
	}
	t.Logf("%+v", s)
	if s.Precision < 0.995 || s.Recall < 0.93 {
		t.Errorf("precision %.4f, recall %.4f; want at least 0.995 and 0.93", s.Precision, s.Recall)
	}
	if s.Events < minEvents || s.GoldenRecords == 0 || s.SourceRecords <= s.GoldenRecords || s.DeadLetters != 0 || s.Statements == 0 {
		t.Errorf("summary does not fit the story: %+v", s)
	}
	if !testing.Short() && s.Seconds > 60 {
		t.Errorf("ready after %.1f s, want 60", s.Seconds)
	}
}
