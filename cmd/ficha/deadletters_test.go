package main

import (
	"slices"
	"strings"
	"testing"

	"ficha/api/apikey"
)

const (
	lateDeny = `{"specversion":"1.0","id":"no-1","source":"/crm/bank","type":"contact.stated.v1","time":"2026-03-02T09:20:00Z",` +
		`"data":{"choice":"deny","contact_points":[{"phone":"+50255123456"}],"stated_at":"soon"}}`
	belowDeny = `{"specversion":"1.0","id":"no-2","source":"/crm/bank/branch","type":"contact.stated.v1","time":"2026-03-02T09:20:00Z",` +
		`"data":{"choice":"deny","contact_points":[{"phone":"+50255999999"}],"stated_at":"2026-03-02T09:20:00Z"}}`
)

// TestDeadlettersFromTheShell leaves messages in the inbox and settles them with
// every command.
func TestDeadlettersFromTheShell(t *testing.T) {
	atShell(t)
	h := newKeyedHub(t)
	for _, m := range []struct{ source, body string }{{"/crm/bank", lateDeny}, {"/crm/bank", belowDeny}, {"/pbx", "\xff\x1b[31m"}, {"/crm/bank", "not JSON"}} {
		if err := h.log.PublishInbox(t.Context(), m.source, []byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are dead letters", func() bool {
		st, err := h.status(t.Context())
		return err == nil && st.Counts.DeadLetters == 4 && st.Equation.Balanced
	})
	t.Setenv("FICHA_URL", h.url)
	t.Setenv("FICHA_KEY", h.keys[apikey.Operator])
	ids := func(args ...string) []string {
		t.Helper()
		all := []string{}
		for _, o := range objects(t, wantExit(t, exitOK, "", append([]string{"deadletters", "list", "--json"}, args...)...)) {
			all = append(all, o["id"].(string))
		}
		return all
	}
	for _, c := range []struct {
		args string
		want []string
	}{
		{"", []string{"inbox-1", "inbox-2", "inbox-3", "inbox-4"}}, {"--source /pbx", []string{"inbox-3"}}, {"--code schema", []string{"inbox-1"}},
		{"--limit 2", []string{"inbox-1", "inbox-2"}}, {"--kind fold", []string{}}, {"--settled yes", []string{}}, {"--since 2999-01-01T00:00:00Z", []string{}},
	} {
		if got := ids(strings.Fields(c.args)...); !slices.Equal(got, c.want) {
			t.Errorf("list %s: %v, want %v", c.args, got, c.want)
		}
	}
	if out := wantExit(t, exitOK, "", "deadletters", "list"); !strings.Contains(out, "schema /data/stated_at") || strings.Contains(out, "55123456") {
		t.Errorf("list:\n%s", out)
	}
	if out := wantExit(t, exitOK, "", "deadletters", "show", "inbox-1"); !strings.Contains(out, "55123456") || !strings.Contains(out, "binds as") {
		t.Errorf("show:\n%s", out)
	}
	if out := wantExit(t, exitOK, "", "deadletters", "show", "inbox-3"); strings.Contains(out, "\x1b") || !strings.Contains(out, `\xff`) {
		t.Errorf("show of what is no text:\n%q", out)
	}
	wantExit(t, exitPartial, "3 of 4 are not valid", "deadletters", "retry", "--all", "--dry-run")
	end, err := h.log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out := wantExit(t, exitPartial, "2 of 3 are not valid", "deadletters", "retry", "--all", "--source", "/crm/bank", "--reason", "of the branch"); !strings.Contains(out, "inbox-2  retried, at position") {
		t.Errorf("retry:\n%s", out)
	}
	after, err := h.log.End(t.Context())
	if err != nil || after != end+2 {
		t.Errorf("the log went from %d to %d, %v; want the event and that it was retried", end, after, err)
	}
	wantExit(t, exitOK, "", "deadletters", "retry", "inbox-2")
	if out := wantExit(t, exitOK, "", "deadletters", "discard", "inbox-1", "inbox-3", "--reason", "tests"); !strings.Contains(out, "was withdrawn with it") {
		t.Errorf("discard:\n%s", out)
	}
	if err := h.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ids(); !slices.Equal(got, []string{"inbox-4"}) {
		t.Errorf("still waiting: %v", got)
	}
	st, err := h.status(t.Context())
	if err != nil || st.Counts.DeadLetters != 1 || !st.Equation.Balanced || st.Equation.Dead != 4 {
		t.Errorf("status: %+v %+v, %v", st.Counts, st.Equation, err)
	}
	mistakesAboutDeadletters(t, h)
}

func mistakesAboutDeadletters(t *testing.T, h *keyedHub) {
	t.Helper()
	for _, c := range []struct {
		code       int
		args, says string
	}{
		{exitNotFound, "show inbox-99", "no such dead letter"}, {exitNotFound, "discard inbox-99 --reason x", "no such dead letter"},
		{exitConflict, "discard inbox-2 --reason x", "was retried"}, {exitUsage, "discard inbox-1", "--reason TEXT"},
		{exitUsage, "retry", "name the dead letters"}, {exitUsage, "retry inbox-1 --all", "name the dead letters"},
		{exitUsage, "retry inbox-1 --source /a", "go with --all"}, {exitUsage, "list --since soon", "RFC 3339"},
		{exitUsage, "list --limit -1", "--limit"}, {exitUsage, "list --kind x", "kind"},
	} {
		wantExit(t, c.code, c.says, append([]string{"deadletters"}, strings.Fields(c.args)...)...)
	}
	t.Setenv("FICHA_KEY", h.keys[apikey.Publisher])
	wantExit(t, exitNotFound, "no such dead letter", "deadletters", "show", "inbox-3") // of /pbx
	wantExit(t, exitPartial, "not valid", "deadletters", "retry", "inbox-4")
	wantExit(t, exitError, "roles operator, admin", "deadletters", "discard", "inbox-4", "--reason", "x")
}
