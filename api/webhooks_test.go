package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ficha/api/apikey"
	"ficha/api/bucket/buckettest"
	"ficha/api/feed"
	"ficha/api/webhook"
	"ficha/projections/changes"
)

// webhooks is a desk that sends nothing by itself: nobody starts it.
func (h *hub) webhooks() *webhook.Desk {
	h.t.Helper()
	reader, err := feed.NewReader(feed.ReaderConfig{Store: h.store, Runner: "test", Wait: h.fresh.Wait, End: h.log.End})
	if err != nil {
		h.t.Fatal(err)
	}
	inside, err := webhook.ParseGuard([]string{"127.0.0.0/8"})
	if err != nil {
		h.t.Fatal(err)
	}
	desk, err := webhook.New(webhook.Config{Bucket: &buckettest.Memory{}, Reader: reader, Secret: make([]byte, 32), Guard: inside, Clock: h.now, Timeout: 2 * time.Second})
	if err != nil {
		h.t.Fatal(err)
	}
	return desk
}

func TestWebhooks(t *testing.T) {
	h := newHub(t)
	var desk *webhook.Desk
	h.config.Webhooks = h.webhooks()
	desk = h.config.Webhooks.(*webhook.Desk)
	h.rebuild()
	heard := make(chan []byte, 10)
	var secret string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		verify, err := standardwebhooks.NewWebhook(secret)
		if err != nil || verify.VerifyIgnoringTimestamp(body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		heard <- body
	}))
	defer receiver.Close()
	h.tell(maria("1"), maria("2"))
	made := ask[WebhookCreated](h, apikey.Operator, "POST", "/v1/webhooks", WebhookRequest{URL: receiver.URL + "/x?token=hush", Kinds: []changes.Kind{changes.Created}, After: "1"}, "Idempotency-Key", "k")
	secret = made.Secret
	again := ask[WebhookCreated](h, apikey.Operator, "POST", "/v1/webhooks", WebhookRequest{URL: receiver.URL + "/x?token=hush", Kinds: []changes.Kind{changes.Created}, After: "1"}, "Idempotency-Key", "k")
	if again.ID != made.ID || again.Secret != secret || strings.Contains(made.URL, "hush") {
		t.Errorf("made %+v, again %+v", made, again)
	}
	wantProblem(t, h.call(apikey.Operator, "POST", "/v1/webhooks", WebhookRequest{URL: receiver.URL}, "Idempotency-Key", "k"), 409, "idempotency_key_reused")
	one := ask[WebhookAnswer](h, apikey.Operator, "GET", "/v1/webhooks/"+made.ID, nil)
	if one.State.Pending != 1 || one.State.Cursor != "1" || !one.Active || one.State.NextAttemptAt != nil || strings.Contains(one.URL, "hush") {
		t.Errorf("one: %+v", one)
	}
	tried := ask[WebhookTried](h, apikey.Operator, "POST", "/v1/webhooks/"+made.ID+":test", nil)
	if !tried.OK || tried.Outcome != webhook.Delivered || tried.Status != 200 || !strings.Contains(string(<-heard), `"test"`) {
		t.Errorf("test: %+v", tried)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := desk.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer desk.Stop()
	if body := string(<-heard); !strings.Contains(body, `"id":"2.0"`) {
		t.Errorf("sent %s", body)
	}
	if r := ask[WebhookRetried](h, apikey.Operator, "POST", "/v1/webhooks/"+made.ID+":retry", nil); r.Dead != 0 || r.ID != made.ID {
		t.Errorf("retry: %+v", r)
	}
	if all := ask[WebhooksAnswer](h, apikey.Operator, "GET", "/v1/webhooks", nil); len(all.Data) != 1 || all.Data[0].ID != made.ID {
		t.Errorf("list: %+v", all)
	}
	if r := ask[RevokedAnswer](h, apikey.Operator, "DELETE", "/v1/webhooks/"+made.ID, nil); r.ID != made.ID {
		t.Errorf("delete: %+v", r)
	}
	for _, c := range [][2]string{{"GET", ""}, {"DELETE", ""}, {"POST", ":test"}, {"POST", ":retry"}} {
		wantProblem(t, h.call(apikey.Operator, c[0], "/v1/webhooks/"+made.ID+c[1], nil), 404, "not_found")
	}
	if all := ask[WebhooksAnswer](h, apikey.Operator, "GET", "/v1/webhooks", nil); len(all.Data) != 0 {
		t.Errorf("after it was deleted: %+v", all)
	}
}

func TestWebhooksRefuse(t *testing.T) {
	h := newHub(t)
	for name, c := range map[string]struct {
		body    any
		pointer string
	}{
		"inside":          {WebhookRequest{URL: "https://10.0.0.1/"}, "/url"},
		"no URL":          {WebhookRequest{URL: "shop"}, "/url"},
		"a future change": {WebhookRequest{URL: "https://shop.example/", After: "5"}, "/after"},
		"no id":           {WebhookRequest{URL: "https://shop.example/", After: "x"}, "/after"},
		"another kind":    {`{"url":"https://shop.example/","kinds":["born"]}`, "/kinds/0"},
		"unknown member":  {`{"url":"https://shop.example/","secret":"mine"}`, "/secret"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wantProblem(t, h.call(apikey.Operator, "POST", "/v1/webhooks", c.body), 422, "invalid")
			if len(p.Errors) != 1 || p.Errors[0].Pointer != c.pointer {
				t.Errorf("%+v", p.Errors)
			}
		})
	}
	h = newHub(t, func(c *Config) { c.Webhooks = nil })
	wantProblem(t, h.call(apikey.Operator, "GET", "/v1/webhooks", nil), 404, "not_found")
	if strings.Contains(h.logged.String(), "shop.example") {
		t.Error("the log holds an address")
	}
}
