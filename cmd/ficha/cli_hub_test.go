package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"ficha/api/apikey"
	"ficha/api/client"
)

// keyedHub is a whole hub in this process with a key for every role; the
// publisher's is for /crm/bank.
type keyedHub struct {
	*hub
	url  string
	keys map[apikey.Role]string
}

func newKeyedHub(t *testing.T, webhookAllow ...string) *keyedHub {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	h, err := openHub(t.Context(), hubConfig{Dir: t.TempDir(), Logger: quiet, WebhookAllow: webhookAllow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close(quiet) })
	at, err := listen(settings{Listen: "127.0.0.1:0"}, h.handler())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = at.stop() })
	k := &keyedHub{hub: h, url: at.url, keys: map[apikey.Role]string{}}
	for _, role := range apikey.Roles() {
		var sources []string
		if role == apikey.Publisher {
			sources = []string{"/crm/bank"}
		}
		if role == apikey.Admin {
			sources = []string{"*"}
		}
		if k.keys[role], _, err = h.keys.Create(t.Context(), "shell "+string(role), []apikey.Role{role}, sources); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// served is `ficha serve` in this process.
type served struct {
	url  string
	nats string        // where NATS clients are let in
	said *bytes.Buffer // what it said, once it ended
	end  func() int    // asks it to end and gives the exit code
}

// serveHere starts a hub with the command line and waits until it listens.
func serveHere(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, out := io.Pipe()
	s := &served{said: &bytes.Buffer{}}
	ended := make(chan int, 1)
	go func() {
		code := Main(ctx, append([]string{"serve", "--json", "--listen", "127.0.0.1:0"}, args...), streams{in: strings.NewReader(""), out: out, err: s.said})
		_ = out.Close()
		ended <- code
	}()
	s.end = func() int {
		cancel()
		code := <-ended
		ended <- code
		return code
	}
	t.Cleanup(func() { s.end() })
	line, err := bufio.NewReader(read).ReadBytes('\n')
	var at address
	if err != nil || json.Unmarshal(line, &at) != nil {
		t.Fatalf("hub did not start: exit %d\n%s", s.end(), s.said)
	}
	s.url, s.nats = at.URL, at.NATS
	c := &client.Client{BaseURL: at.URL}
	eventually(t, "the hub is ready", func() bool { return c.Do(t.Context(), http.MethodGet, "/readyz", nil, nil) == nil })
	return s
}
