package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
	"ficha/projections/changes"
)

// TestChangesFromTheShell follows the feed of a whole hub with every command, and
// finds the same in the stream and at a webhook.
func TestChangesFromTheShell(t *testing.T) {
	atShell(t)
	h := newKeyedHub(t, "127.0.0.0/8")
	t.Setenv("FICHA_URL", h.url)
	for _, id := range []string{"1", "2"} {
		recordPerson(t, &client.Client{BaseURL: h.url, Key: h.keys[apikey.Publisher]}, id)
	}
	eventually(t, "both are published", func() bool { return h.main.Position() >= 2 && h.feed.publisher.Position() >= h.main.Position() })

	t.Setenv("FICHA_KEY", h.keys[apikey.Steward])
	told := objects(t, wantExit(t, exitOK, "", "changes", "--after", "0", "--once", "--json"))
	if len(told) < 2 || told[0]["kind"] != "created" || told[0]["version"] != 1.0 {
		t.Fatalf("told %v", told)
	}
	text := wantExit(t, exitOK, "", "changes", "--after", "0", "--once", "--kinds", "created")
	if !strings.Contains(text, "created") || !strings.Contains(text, "v1, 1 records") {
		t.Errorf("told\n%s", text)
	}
	with := objects(t, wantExit(t, exitOK, "", "changes", "--after", "0", "--once", "--json", "--include-customer"))
	if current, ok := with[0]["current"].(map[string]any); !ok || current["id"] == nil {
		t.Errorf("with the customer: %v", with[0])
	}
	wantExit(t, exitUsage, "", "changes", "--kinds", "born")
	wantExit(t, exitUsage, "", "changes", "--after", "x")
	wantExit(t, exitUsage, "", "changes", "--after", "999999", "--once")
	inStream(t, h, told)
	webhooksFromTheShell(t, h, told)
}

// recordPerson sends one new record of /crm/bank.
func recordPerson(t *testing.T, c *client.Client, id string) {
	t.Helper()
	body := `{"specversion":"1.0","id":"person-` + id + `","source":"/crm/bank","type":"customer.recorded.v1","time":"2026-03-02T09:00:00Z",` +
		`"data":{"record":{"source":"/crm/bank","id":"` + id + `"},"kind":"person","names":[{"full":"Person ` + id + `"}],"birth_date":"19` + id + `0-01-01"}}`
	res, err := c.SubmitRaw(t.Context(), events.FormatEvent, []byte(body))
	if err != nil || res.Rejected > 0 {
		t.Fatal(err, res)
	}
}

// inStream compares the stream with what the hub told.
func inStream(t *testing.T, h *keyedHub, told []map[string]any) {
	t.Helper()
	js, err := jetstream.New(h.server.Conn())
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(t.Context(), "FICHA_CHANGES", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range told {
		m, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(m.Data(), &got); err != nil || got["id"] != want["id"] || m.Headers().Get("Nats-Msg-Id") != want["id"] || m.Subject() != "ficha.changes."+want["kind"].(string) {
			t.Errorf("in the stream %s on %s, told %v (%v)", m.Data(), m.Subject(), want, err)
		}
	}
}

// delivery is one request that a receiver of webhooks got.
type delivery struct {
	head http.Header
	body []byte
}

func webhooksFromTheShell(t *testing.T, h *keyedHub, told []map[string]any) {
	t.Helper()
	t.Setenv("FICHA_KEY", h.keys[apikey.Operator])
	heard := make(chan delivery, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			heard <- delivery{r.Header.Clone(), body}
		}
	}))
	t.Cleanup(receiver.Close)
	wantExit(t, exitUsage, "", "webhook", "add", "http://8.8.8.8/")
	wantExit(t, exitUsage, "", "webhook", "add", receiver.URL, "--kinds", "born")
	secret := strings.TrimSpace(wantExit(t, exitOK, "", "webhook", "add", receiver.URL+"/in", "--after", "0", "--description", "the shop"))
	verify, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range told {
		d := <-heard
		var m struct {
			Type string         `json:"type"`
			Data map[string]any `json:"data"`
		}
		if err := json.Unmarshal(d.body, &m); err != nil || verify.Verify(d.body, d.head) != nil || m.Type != want["kind"] || m.Data["id"] != want["id"] {
			t.Errorf("sent %s, told %v (%v)", d.body, want, err)
		}
	}
	id := objects(t, wantExit(t, exitOK, "", "webhook", "list", "--json"))[0]["id"].(string)
	if out := wantExit(t, exitOK, "", "webhook", "list"); !strings.Contains(out, id) || !strings.Contains(out, "/in") {
		t.Errorf("list:\n%s", out)
	}
	if out := wantExit(t, exitOK, "", "webhook", "test", id); !strings.HasPrefix(out, "delivered 200 in ") {
		t.Errorf("test: %s", out)
	}
	wantExit(t, exitOK, "", "webhook", "retry", id)
	if out := wantExit(t, exitOK, "", "webhook", "show", id); !strings.Contains(out, "the shop") || !strings.Contains(out, "delivered") {
		t.Errorf("show:\n%s", out)
	}
	receiver.Close()
	wantExit(t, exitFindings, "", "webhook", "test", id)
	wantExit(t, exitOK, "", "webhook", "remove", id)
	wantExit(t, exitNotFound, "", "webhook", "show", id)
	wantExit(t, exitNotFound, "", "webhook", "remove", id)
}

// TestFollowComesBack: a client that follows the feed goes on where it was when
// the hub comes back; and does not keep it from stopping.
func TestFollowComesBack(t *testing.T) {
	atShell(t)
	dir := t.TempDir()
	s := serveHere(t, "--data", dir, "--insecure")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan client.Change, 100)
	ended := make(chan error, 1)
	recordPerson(t, &client.Client{BaseURL: s.url}, "1")
	go func(url string) {
		c := &client.Client{BaseURL: url}
		ended <- c.Follow(ctx, client.Feed{After: "0", Kinds: []string{"created"}}, func(e client.Change) error {
			if e.Kind != "position" {
				seen <- e
			}
			return nil
		})
	}(s.url)
	first := <-seen
	began := time.Now()
	if code := s.end(); code != exitOK || time.Since(began) > 4*time.Second {
		t.Fatalf("the hub ended with %d after %v: a stream kept it", code, time.Since(began))
	}
	address := strings.TrimPrefix(s.url, "http://")
	s = serveHere(t, "--data", dir, "--insecure", "--listen", address)
	recordPerson(t, &client.Client{BaseURL: s.url}, "2")
	second := <-seen
	var a, b changes.Change
	if json.Unmarshal(first.Data, &a) != nil || json.Unmarshal(second.Data, &b) != nil || a.Customer == b.Customer || b.ID.Compare(a.ID) <= 0 {
		t.Errorf("first %s, then %s", first.Data, second.Data)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
