package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ficha/internal/testneeds"
	"ficha/projections/changes"
)

// The functions of this file that stand in subscribers.md too, letter by letter.

type subscriber struct {
	customers map[uuid.UUID][]changes.Record
	redirects map[uuid.UUID]uuid.UUID
	last      map[uuid.UUID]changes.ID
	asked     []uuid.UUID
}

func (s *subscriber) askAgain(id uuid.UUID) { s.asked = append(s.asked, id) }

func (s *subscriber) take(c changes.Change) {
	switch {
	case c.Kind == changes.ContactFlip:
		s.askAgain(c.Customer) // zero: anybody; see below
	case c.ID.Compare(s.last[c.Customer]) <= 0:
		// it came before, or something newer did
	case c.Kind == changes.Redirected:
		delete(s.customers, c.Customer)
		s.redirects[c.Customer], s.last[c.Customer] = c.To, c.ID
	default:
		delete(s.redirects, c.Customer)
		s.customers[c.Customer], s.last[c.Customer] = c.Records, c.ID
	}
}

func verifyWebhook(secret string, h http.Header, body []byte, now time.Time) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	at, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false // replayed
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", h.Get("webhook-id"), at, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, given := range strings.Fields(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return true
		}
	}
	return false
}

// TestDocsSubscribers: kinds, example and code of subscribers.md are the program's.
func TestDocsSubscribers(t *testing.T) {
	d := page(t, "subscribers.md")
	var kinds []string
	for _, row := range d.table(t, "kind", "the customer", "besides the fields that all have") {
		kinds = append(kinds, codes(row[0])[0])
	}
	sameWords(t, "kinds", kinds, kindNames())
	var shown changes.Change
	if err := strictly(d.blocks("json")[0], &shown); err != nil || shown.Kind != changes.Merged || len(shown.Records) != 2 {
		t.Errorf("the example is no change: %v", err)
	}
	here := readRepo(t, "cmd/ficha/docs_subscribers_test.go")
	blocks := d.blocks("go")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of Go, want 2", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(here, block) {
			t.Errorf("this is not tested:\n%s", block)
		}
	}
}

// TestDocsSubscriberKeepsUp: the algorithm of subscribers.md, with changes that come
// twice and late.
func TestDocsSubscriberKeepsUp(t *testing.T) {
	s := &subscriber{customers: map[uuid.UUID][]changes.Record{}, redirects: map[uuid.UUID]uuid.UUID{}, last: map[uuid.UUID]changes.ID{}}
	a, b := uuid.UUID{1}, uuid.UUID{2}
	records := func(ids ...uuid.UUID) (out []changes.Record) {
		for _, id := range ids {
			out = append(out, changes.Record{UUID: id})
		}
		return out
	}
	feed := []changes.Change{
		{ID: changes.ID{Position: 1}, Kind: changes.Created, Customer: a, Records: records(a)},
		{ID: changes.ID{Position: 2}, Kind: changes.Created, Customer: b, Records: records(b)},
		{ID: changes.ID{Position: 3}, Kind: changes.Merged, Customer: a, Records: records(a, b)},
		{ID: changes.ID{Position: 3, Ordinal: 1}, Kind: changes.Redirected, Customer: b, To: a},
		{ID: changes.ID{Position: 4}, Kind: changes.Split, Customer: a, Records: records(a)},
		{ID: changes.ID{Position: 4, Ordinal: 1}, Kind: changes.Created, Customer: b, Records: records(b)},
		{ID: changes.ID{Position: 5}, Kind: changes.ContactFlip, Customer: a},
	}
	for _, i := range []int{0, 1, 2, 3, 0, 2, 4, 5, 6, 1, 3, 2} {
		s.take(feed[i])
	}
	if len(s.customers[a]) != 1 || len(s.customers[b]) != 1 || len(s.redirects) != 0 || len(s.asked) != 1 {
		t.Errorf("%+v", s)
	}
}

// signedWebhook is a request as the hub signs it.
func signedWebhook(t *testing.T, secret string, at time.Time, body []byte) http.Header {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := w.Sign("815.0.abc", at, body)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", "815.0.abc")
	h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("webhook-signature", "v1,other "+signature)
	return h
}

const documentedSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

func TestDocsVerifyInGo(t *testing.T) {
	now, body := time.Now(), []byte(`{"type":"merged","data":{}}`)
	h := signedWebhook(t, documentedSecret, now, body)
	if !verifyWebhook(documentedSecret, h, body, now) {
		t.Error("a good one is refused")
	}
	if verifyWebhook(documentedSecret, h, append(body, ' '), now) || verifyWebhook(documentedSecret, h, body, now.Add(time.Hour)) || verifyWebhook("whsec_AAAA", h, body, now) {
		t.Error("a bad one is taken")
	}
}

// TestDocsVerifyInPython runs the documented lines.
func TestDocsVerifyInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		testneeds.Missing(t, "python", "python3", "install Python 3.9 or newer")
	}
	blocks := page(t, "subscribers.md").blocks("python")
	if len(blocks) != 1 {
		t.Fatalf("%d blocks of Python, want 1", len(blocks))
	}
	now, body := time.Now(), []byte(`{"type":"merged","data":{"id":"815.0"}}`)
	h := signedWebhook(t, documentedSecret, now, body)
	late := signedWebhook(t, documentedSecret, now.Add(-time.Hour), body)
	script := blocks[0]
	for _, c := range []struct {
		head http.Header
		body string
		want string
	}{{h, string(body), "True"}, {h, string(body) + " ", "False"}, {late, string(body), "False"}} {
		flat := map[string]string{}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			flat[name] = c.head.Get(name)
		}
		head, err := json.Marshal(flat)
		if err != nil {
			t.Fatal(err)
		}
		script += fmt.Sprintf("\nassert verify_webhook(%q, %s, %q.encode()) is %s\n", documentedSecret, head, c.body, c.want)
	}
	path := filepath.Join(t.TempDir(), "verify.py")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), python, path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
