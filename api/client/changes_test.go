package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"ficha/events"
)

// TestFollow: events are read as they are written, a stream that breaks in the
// middle of one is taken up behind the last whole one, and answers that would come
// again end it.
func TestFollow(t *testing.T) {
	var calls atomic.Int64
	begun := make(chan string, 10)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- r.Header.Get("Last-Event-ID")
		switch calls.Add(1) {
		case 1:
			fmt.Fprint(w, "retry: 2000\n\n: alive\n\nid: 1.0\nevent: created\ndata: {\"a\":\ndata: 1}\n\nid:2\r\nevent:position\r\ndata:{}\r\n\r\nid: 3.0\nevent: changed\ndata: {")
		case 2:
			fmt.Fprint(w, "id: 3.0\nevent: changed\ndata: {}\n\n")
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusGone)
			fmt.Fprint(w, `{"title":"Changes are gone","status":410,"code":"feed_gone"}`)
		}
	}))
	defer hub.Close()
	var got []string
	err := (&Client{BaseURL: hub.URL}).Follow(t.Context(), Feed{After: "0"}, func(c Change) error {
		got = append(got, c.ID+" "+c.Kind+" "+string(c.Data))
		return nil
	})
	var problem *Problem
	if !errors.As(err, &problem) || problem.Code != "feed_gone" {
		t.Errorf("ended with %v", err)
	}
	if want := []string{"1.0 created {\"a\":\n1}", "2 position {}", "3.0 changed {}"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if a, b, c := <-begun, <-begun, <-begun; a != "0" || b != "2" || c != "3.0" {
		t.Errorf("began behind %q, %q, %q", a, b, c)
	}
}

func TestFollowEnds(t *testing.T) {
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "id: 1.0\nevent: created\ndata: {}\n\n") }))
	enough := errors.New("enough")
	if err := (&Client{BaseURL: hub.URL}).Follow(t.Context(), Feed{}, func(Change) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("what yield says: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := (&Client{BaseURL: hub.URL}).Follow(ctx, Feed{}, func(Change) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	hub.Close()
	if err := (&Client{BaseURL: hub.URL}).Follow(t.Context(), Feed{After: "0"}, func(Change) error { return nil }); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}
