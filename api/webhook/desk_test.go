package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ficha/projections/changes"
)

func TestDeliveredInOrder(t *testing.T) {
	w, r := newWorld(t, nil), newReceiver(t)
	w.record(5)
	all := w.create(r.URL + "/hook")
	w.await(r, 5)
	w.record(3)
	if got := w.await(r, 8); !slices.Equal(got, []string{"1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "8.0"}) {
		t.Errorf("got %v", got)
	}
	some := newReceiver(t)
	w.create(some.URL, changes.Changed)
	if got := w.await(some, 4); !slices.Equal(got, []string{"2.0", "4.0", "6.0", "8.0"}) {
		t.Errorf("of one kind: %v", got)
	}
	v := w.settled(all.ID, func(v View) bool { return v.State.Delivered == 8 && v.Pending == 0 })
	if v.State.Cursor.Position != 8 || !v.Active || v.State.LastSuccess.IsZero() || v.State.Attempts != 0 {
		t.Errorf("%+v", v)
	}
}

// TestSignatures are checked with our own reading of the specification, and with
// the reference implementation.
func TestSignatures(t *testing.T) {
	w, r := newWorld(t, nil), newReceiver(t)
	w.now = time.Now() // the reference implementation asks for the present
	w.record(1)
	c := w.create(r.URL)
	w.await(r, 1)
	_, heads, bodies := r.heard()
	head, body := heads[0], bodies[0]
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.Secret, "whsec_"))
	if err != nil || len(key) < 24 || !strings.HasPrefix(c.Secret, "whsec_") {
		t.Fatalf("secret %q: %v", c.Secret, err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", head.Get("webhook-id"), head.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); head.Get("webhook-signature") != want {
		t.Errorf("signature %s, want %s", head.Get("webhook-signature"), want)
	}
	if head.Get("webhook-id") != "1.0."+c.ID || head.Get("Content-Type") != "application/json" || head.Get("User-Agent") != "ficha" {
		t.Errorf("headers %v", head)
	}
	if at, err := strconv.ParseInt(head.Get("webhook-timestamp"), 10, 64); err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
		t.Errorf("timestamp %s", head.Get("webhook-timestamp"))
	}
	reference, err := standardwebhooks.NewWebhook(c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := reference.Verify(body, head); err != nil {
		t.Errorf("the reference implementation says: %v", err)
	}
	if err := reference.Verify(append(body, ' '), head); err == nil {
		t.Error("another body has the same signature")
	}
	var m struct {
		Type      string         `json:"type"`
		Timestamp time.Time      `json:"timestamp"`
		Data      changes.Change `json:"data"`
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Type != "created" || !m.Timestamp.Equal(m.Data.Time) || m.Data.Kind != changes.Created {
		t.Errorf("%s: %v", body, err)
	}
	if other := w.create(r.URL); other.Secret == c.Secret || other.ID == c.ID {
		t.Error("two endpoints share a secret")
	}
}

// TestSignatureVector: the example of the specification's own tests.
func TestSignatureVector(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	if err := sign(h, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)); err != nil {
		t.Fatal(err)
	}
	if got := h.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %s", got)
	}
}

// TestRetriesThenDead: the pauses grow, then the change is dead and the next one
// comes; retry sends the dead one again.
func TestRetriesThenDead(t *testing.T) {
	w, r := newWorld(t, nil), newReceiver(t)
	r.answer(500, 502, 503, 404, 429, 301, 500, 500)
	w.record(2)
	c := w.create(r.URL)
	got := w.await(r, 9)
	if !slices.Equal(got, append(slices.Repeat([]string{"1.0"}, 8), "2.0")) {
		t.Fatalf("got %v", got)
	}
	v := w.settled(c.ID, func(v View) bool { return v.State.Delivered == 1 })
	if len(v.Dead) != 1 || v.Dead[0].Change.String() != "1.0" || v.Dead[0].Outcome != Refused || v.Dead[0].Status != 500 {
		t.Errorf("dead: %+v", v.Dead)
	}
	want := []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour}
	for i := range want {
		want[i] += want[i] / 10 // the jitter of this test
	}
	slept := w.pauses()
	if len(slept) != len(want) {
		t.Fatalf("slept %v", slept)
	}
	for i, d := range slept {
		if (d - want[i]).Abs() > time.Second {
			t.Errorf("pause %d was %v, want %v", i, d, want[i])
		}
	}
	_, heads, _ := r.heard()
	first := heads[0].Get("webhook-id")
	for i, h := range heads[:8] {
		if h.Get("webhook-id") != first {
			t.Errorf("attempt %d has another id: %s", i, h.Get("webhook-id"))
		}
	}
	r.answer(500)
	if n, err := w.desk.Retry(t.Context(), c.ID); err != nil || n != 1 {
		t.Fatalf("retry: %d, %v", n, err)
	}
	w.await(r, 10)
	w.settled(c.ID, func(v View) bool { return len(v.Dead) == 1 })
	if _, err := w.desk.Retry(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.await(r, 11); got[9] != "1.0" || got[10] != "1.0" {
		t.Errorf("after retry: %v", got[9:])
	}
	w.settled(c.ID, func(v View) bool { return len(v.Dead) == 0 && v.State.Delivered == 2 })
}

// TestRetryEndsAPause: nobody has to wait for three hours who has mended his receiver.
func TestRetryEndsAPause(t *testing.T) {
	w, r := newWorld(t, func(c *Config) { c.Sleep = sleep }), newReceiver(t)
	r.answer(500)
	w.record(1)
	c := w.create(r.URL)
	w.settled(c.ID, func(v View) bool {
		return v.State.Attempts == 1 && !v.State.NextAt.IsZero() && v.State.LastError == Refused && v.State.LastStatus == 500
	})
	if _, err := w.desk.Retry(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	w.await(r, 2)
	w.settled(c.ID, func(v View) bool { return v.State.Delivered == 1 && v.State.NextAt.IsZero() })
}

func TestGoneEndsAnEndpoint(t *testing.T) {
	w, r := newWorld(t, nil), newReceiver(t)
	r.answer(204, 410)
	w.record(3)
	c := w.create(r.URL)
	w.await(r, 2)
	v := w.settled(c.ID, func(v View) bool { return !v.Active })
	if v.State.LastError != Gone || v.State.Cursor.String() != "1.0" || v.Pending != 2 {
		t.Errorf("%+v", v)
	}
	w.record(1)
	time.Sleep(5 * time.Millisecond)
	if n := len(r.taken()); n != 2 {
		t.Errorf("%d requests, though it is gone", n)
	}
	w.desk.Stop()
	w.open(nil) // it stays gone
	if _, err := w.desk.Retry(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.await(r, 5); !slices.Equal(got[2:], []string{"2.0", "3.0", "4.0"}) {
		t.Errorf("after it was woken: %v", got)
	}
}

// TestKilledSendersLoseNothing: however often the hub stops, the receiver has
// every change, in order, some of them twice.
func TestKilledSendersLoseNothing(t *testing.T) {
	w, r := newWorld(t, nil), newReceiver(t)
	w.create(r.URL)
	for i := range 8 {
		w.record(7)
		if i%2 == 0 {
			w.await(r, 3*i)
		}
		w.desk.Stop()
		w.open(func(c *Config) { c.SaveEvery = time.Hour }) // saves when it stops
	}
	deadline := time.Now().Add(5 * time.Second)
	for !slices.Contains(r.taken(), "56.0") && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	last, seen := changes.ID{}, 0
	for _, s := range r.taken() {
		id, err := changes.ParseID(s)
		if err != nil {
			t.Fatal(err)
		}
		if id.Compare(last) > 0 {
			if id.Position != last.Position+1 {
				t.Fatalf("%s follows %s", id, last)
			}
			last = id
			seen++
		}
	}
	if seen != 56 {
		t.Errorf("%d changes arrived, want 56", seen)
	}
}
