package webhook

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections/changes"
)

func TestWhatReceiversDo(t *testing.T) {
	inner := newReceiver(t)
	for name, c := range map[string]struct {
		serve  http.HandlerFunc
		want   Outcome
		status int
	}{
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
		}, Redirected, 307},
		"answers without end": {func(w http.ResponseWriter, r *http.Request) {
			for range 1 << 12 {
				if _, err := w.Write(make([]byte, 1<<12)); err != nil {
					return
				}
			}
		}, Delivered, 200},
		"has endless headers": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Much", strings.Repeat("x", 1<<16))
		}, Unreached, 0},
		"is too slow": {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, TimedOut, 0},
		"hangs up":    {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, Unreached, 0},
		"is content":  {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) }, Delivered, 202},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t, func(c *Config) { c.Timeout = 150 * time.Millisecond }), newReceiver(t)
			r.serve = c.serve
			e := w.create(r.URL)
			got, err := w.desk.Test(t.Context(), e.ID)
			if err != nil || got.Outcome != c.want || got.Status != c.status {
				t.Errorf("%+v, %v; want %s, %d", got, err, c.want, c.status)
			}
			if kinds, heads, _ := r.heard(); kinds[0] != "test" || !strings.HasPrefix(heads[0].Get("webhook-id"), "test.") {
				t.Errorf("sent %s as %s", kinds[0], heads[0].Get("webhook-id"))
			}
		})
	}
	if n := len(inner.taken()); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

func TestWhereNobodyIs(t *testing.T) {
	w := newWorld(t, nil)
	dead := newReceiver(t)
	dead.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	for url, want := range map[string]Outcome{
		dead.URL:                        Unreached,
		secure.URL:                      TLSFailed, // nobody believes its certificate
		"https://ficha-nobody.invalid/": NoSuchHost,
	} {
		e := w.create(url)
		if got, err := w.desk.Test(t.Context(), e.ID); err != nil || got.Outcome != want {
			t.Errorf("%s: %+v, %v; want %s", url, got, err, want)
		}
	}
}

// TestNamesThatLeadInside: a name is taken, and what it leads to refused.
func TestNamesThatLeadInside(t *testing.T) {
	r := newReceiver(t)
	secure := httptest.NewTLSServer(http.HandlerFunc(r.take))
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	w := newWorld(t, func(c *Config) { c.Guard, c.Roots = Guard{}, roots })
	address := strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)
	e := w.create(address)
	if got, err := w.desk.Test(t.Context(), e.ID); err != nil || got.Outcome != Forbidden {
		t.Errorf("%+v, %v; want %s", got, err, Forbidden)
	}
	if n := len(r.taken()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	inside := newWorld(t, func(c *Config) { c.Roots = roots })
	e = inside.create(secure.URL)
	if got, err := inside.desk.Test(t.Context(), e.ID); err != nil || got.Outcome != Delivered {
		t.Errorf("to a network of one's own, over TLS: %+v, %v", got, err)
	}
}

func TestEndpointsAreKept(t *testing.T) {
	w, r := newWorld(t, nil), newReceiver(t)
	w.record(2)
	first, err := w.desk.Create(t.Context(), Settings{URL: r.URL + "/a?token=hush", Description: "stock"}, changes.Through(2), "key 1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.desk.Create(t.Context(), Settings{URL: r.URL + "/a?token=hush", Description: "stock"}, changes.Through(2), "key 1")
	if err != nil || again.ID != first.ID || again.Secret != first.Secret {
		t.Errorf("the same request again: %+v, %v", again, err)
	}
	if _, err := w.desk.Create(t.Context(), Settings{URL: r.URL + "/b"}, changes.ID{}, "key 1"); !errors.Is(err, events.ErrConflict) {
		t.Errorf("the key for something else: %v", err)
	}
	for _, bad := range []Settings{{URL: "http://8.8.8.8/"}, {URL: r.URL, Kinds: []changes.Kind{"born"}}, {}} {
		if _, err := w.desk.Create(t.Context(), bad, changes.ID{}, ""); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := w.sleep(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	w.create(r.URL + "/c")
	w.await(r, 2)
	all, err := w.desk.List(t.Context())
	if err != nil || len(all) != 2 || all[0].ID != first.ID {
		t.Fatalf("list: %+v, %v", all, err)
	}
	if m := all[0].Masked(); m.URL != r.URL+"/a?…" {
		t.Errorf("shown as %s", m.URL)
	}
	for _, id := range []string{"nope", "", "a.b", "../x", strings.Repeat("a", 65)} {
		if _, err := w.desk.Get(t.Context(), id); !errors.Is(err, events.ErrNotFound) {
			t.Errorf("get %q: %v", id, err)
		}
		if err := w.desk.Delete(t.Context(), id); !errors.Is(err, events.ErrNotFound) {
			t.Errorf("delete %q: %v", id, err)
		}
		if _, err := w.desk.Retry(t.Context(), id); !errors.Is(err, events.ErrNotFound) {
			t.Errorf("retry %q: %v", id, err)
		}
	}
	for _, v := range all {
		if err := w.desk.Delete(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.record(3)
	time.Sleep(5 * time.Millisecond)
	keys, err := w.bucket.Keys(t.Context())
	if err != nil || len(keys) != 0 {
		t.Errorf("left in the bucket: %v, %v", keys, err)
	}
	if n := len(r.taken()); n != 2 {
		t.Errorf("%d requests, want 2: deleted endpoints are sent nothing", n)
	}
}

// TestLogsNameNobody: neither addresses nor what is sent stand in the log.
func TestLogsNameNobody(t *testing.T) {
	w, r := newWorld(t, nil), newReceiver(t)
	r.answer(slices.Repeat([]int{500}, 9)...)
	w.record(2)
	c := w.create(r.URL + "/path?token=hush")
	w.await(r, 10)
	w.settled(c.ID, func(v View) bool { return v.State.Delivered > 0 })
	w.desk.Stop()
	text := w.logged.String()
	if !strings.Contains(text, c.ID) || !strings.Contains(text, "outcome=status") {
		t.Errorf("the log does not tell: %s", text)
	}
	for _, secret := range []string{"hush", "/path", "127.0.0.1", "segment", "whsec", "record"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q: %s", secret, text)
		}
	}
}

func TestManyEndpoints(t *testing.T) {
	w := newWorld(t, nil)
	for i := range MaxEndpoints {
		if _, err := w.desk.Create(t.Context(), Settings{URL: fmt.Sprintf("https://h%d.invalid/", i), Kinds: []changes.Kind{changes.Merged}}, changes.ID{}, ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.desk.Create(t.Context(), Settings{URL: "https://one.invalid/"}, changes.ID{}, ""); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("one too many: %v", err)
	}
}
