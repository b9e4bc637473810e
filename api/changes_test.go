package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections/changes"
	"ficha/projections/golden"
)

// hasClosed is what ends streams at once, after what there is to say.
func hasClosed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// openEnded lets streams go on until the test ends.
func openEnded(t testing.TB) func(*Config) {
	return func(c *Config) { c.Closing = t.Context().Done() }
}

type pageOfChanges struct {
	Data        []changes.Change `json:"data"`
	NextCursor  *string          `json:"next_cursor"`
	LastEventID string           `json:"last_event_id"`
	Position    events.Position  `json:"position"`
}

func changesPage(h *hub, query string, headers ...string) pageOfChanges {
	h.t.Helper()
	return ask[pageOfChanges](h, apikey.System, "GET", "/v1/changes"+query, nil, append(headers, "Accept", "application/json")...)
}

func TestChangesByPage(t *testing.T) {
	h := newHub(t)
	for i := range 5 {
		h.tell(maria(fmt.Sprint(i)))
	}
	joint := h.tell(joined(5, crm("0"), crm("1")))
	h.tell(event("deny", events.ContactStatedV1, start, map[string]any{"records": []events.RecordKey{crm("2")}, "choice": "deny", "stated_at": start.Format(time.RFC3339)}))
	all := changesPage(h, "?after=0")
	var kinds []string
	for _, c := range all.Data {
		kinds = append(kinds, string(c.Kind))
	}
	if !slices.Equal(kinds, []string{"created", "created", "created", "created", "created", "merged", "redirected", "contact_flip"}) || all.NextCursor != nil || all.Position != joint+1 {
		t.Fatalf("%v, next %v, position %d", kinds, all.NextCursor, all.Position)
	}
	var paged []changes.Change
	for cursor := "0"; ; {
		p := changesPage(h, "?limit=3&cursor="+cursor)
		paged = append(paged, p.Data...)
		if p.NextCursor == nil {
			if p.LastEventID != all.LastEventID {
				t.Errorf("goes on behind %s, want %s", p.LastEventID, all.LastEventID)
			}
			break
		}
		cursor = *p.NextCursor
	}
	if len(paged) != len(all.Data) || paged[7].ID != all.Data[7].ID {
		t.Errorf("by pages there are %d changes, want %d", len(paged), len(all.Data))
	}
	if p := changesPage(h, "?after=0&kinds=merged,contact_flip"); len(p.Data) != 2 {
		t.Errorf("of two kinds: %d", len(p.Data))
	}
	if p := changesPage(h, "", "Last-Event-ID", all.Data[6].ID.String()); len(p.Data) != 1 {
		t.Errorf("behind the last but one: %d", len(p.Data))
	}
	if p := changesPage(h, ""); len(p.Data) != 0 || p.LastEventID != all.LastEventID {
		t.Errorf("from now on: %+v", p)
	}
	merged := all.Data[5]
	if len(merged.Losers) != 1 || len(merged.Records) != 2 || len(merged.Moved) != 1 {
		t.Errorf("merged: %+v", merged)
	}
}

func TestChangesRefuse(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"), maria("2"))
	for _, c := range []struct{ query, header, pointer string }{
		{"?after=nonsense", "", "#query/after"}, {"?cursor=1.", "", "#query/cursor"}, {"", "-1", "#header/Last-Event-ID"}, {"?after=99", "", "#header/Last-Event-ID"},
	} {
		for _, accept := range []string{"text/event-stream", "application/json"} {
			p := wantProblem(t, h.call(apikey.System, "GET", "/v1/changes"+c.query, nil, "Accept", accept, "Last-Event-ID", c.header), 422, "invalid")
			if len(p.Errors) != 1 || p.Errors[0].Pointer != c.pointer {
				t.Errorf("%+v: %+v", c, p.Errors)
			}
		}
	}
	wantProblem(t, h.call(apikey.System, "GET", "/v1/changes?kinds=born", nil), 422, "invalid")
	for i := range 64 { // a month later the first change is dropped
		e := maria("1")
		e.ID, e.Time = fmt.Sprint("later-", i), start.Add(changes.Kept+time.Hour)
		h.at = e.Time
		h.tell(e)
	}
	p := wantProblem(t, h.call(apikey.System, "GET", "/v1/changes", nil, "Last-Event-ID", "1.0", "Accept-Language", "es"), 410, "feed_gone")
	if !strings.Contains(p.Detail, "lea de nuevo") {
		t.Errorf("detail %q", p.Detail)
	}
}

// TestChangesWithTheCustomer: masked as the role sees it, and present when the
// change is sent.
func TestChangesWithTheCustomer(t *testing.T) {
	h := newHub(t)
	h.tell(maria("1"))
	second := maria("1")
	second.ID, second.Time, second.Data = "again", start.Add(-time.Minute), []byte(strings.Replace(string(second.Data), "1980-02-11", "1980-02-12", 1))
	h.tell(second)
	var page struct {
		Data []struct {
			changes.Change
			Current *CustomerAnswer `json:"current"`
		} `json:"data"`
	}
	w := h.call(apikey.Steward, "GET", "/v1/changes?after=0&include=customer", nil, "Accept", "application/json")
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Data) == 0 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	for _, c := range page.Data {
		if c.Current == nil || c.Current.ID != c.Customer || c.Current.DisplayName == "" || c.Current.Masked {
			t.Errorf("change %s comes with %+v", c.ID, c.Current)
		}
	}
	if w := h.call(apikey.Agent, "GET", "/v1/changes?after=0&include=customer", nil); w.Code != http.StatusForbidden {
		t.Errorf("an agent: %d", w.Code)
	}
	plain := h.call(apikey.System, "GET", "/v1/changes?after=0", nil, "Accept", "application/json").Body.String()
	for _, value := range []string{"Núñez", "5512", "1980", "example.com", "2365"} {
		if strings.Contains(plain, value) {
			t.Errorf("the feed says %q: %s", value, plain)
		}
	}
}

// sse is a client of the stream: an HTML event source without a browser.
type sse struct {
	response *http.Response
	lines    *bufio.Scanner
	last     string // Last-Event-ID
}

type sseEvent struct{ id, kind, data string }

// serveOnline serves the hub on a real connection.
func (h *hub) serveOnline(timeouts ...time.Duration) *httptest.Server {
	h.t.Helper()
	s := httptest.NewUnstartedServer(h.handler)
	if len(timeouts) > 0 {
		s.Config.ReadTimeout, s.Config.WriteTimeout = timeouts[0], timeouts[0]
	}
	s.Start()
	h.t.Cleanup(s.Close)
	return s
}

func (h *hub) listen(ctx context.Context, at, query, last string) *sse {
	h.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", at+"/v1/changes"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.keys[apikey.System])
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("%d %s", resp.StatusCode, resp.Header)
	}
	return &sse{response: resp, lines: bufio.NewScanner(resp.Body), last: last}
}

// next reads one event; false at the end of the stream.
func (s *sse) next() (e sseEvent, ok bool) {
	for s.lines.Scan() {
		line := s.lines.Text()
		switch name, value, _ := strings.Cut(line, ": "); {
		case line == "" && e.data != "":
			s.last = e.id
			return e, true
		case name == "id":
			e.id = value
		case name == "event":
			e.kind = value
		case name == "data":
			e.data += value
		case strings.HasPrefix(line, ":"):
			e.kind = "comment"
			return e, true
		}
	}
	return e, false
}

// TestStreamOfChanges: what is there comes, then what happens, then that nothing
// does; beyond the server's own deadlines.
func TestStreamOfChanges(t *testing.T) {
	h := newHub(t, openEnded(t), func(c *Config) { c.Heartbeat = 30 * time.Millisecond })
	at := h.serveOnline(60 * time.Millisecond).URL
	h.tell(maria("1"))
	s := h.listen(t.Context(), at, "?after=0", "")
	defer s.response.Body.Close()
	first, _ := s.next()
	if first.id != "1.0" || first.kind != "created" || !json.Valid([]byte(first.data)) {
		t.Fatalf("first %+v", first)
	}
	time.Sleep(150 * time.Millisecond) // the deadlines pass
	h.tell(maria("2"))
	sawPosition, sawComment := false, false
	for {
		e, ok := s.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		sawPosition = sawPosition || e.kind == "position" && e.data == `{"position":`+e.id+`}`
		sawComment = sawComment || e.kind == "comment"
		if e.kind == "created" {
			if e.id != "2.0" {
				t.Errorf("then %+v", e)
			}
			break
		}
	}
	if !sawComment || !sawPosition {
		t.Errorf("the quiet stream said comment %v, position %v", sawComment, sawPosition)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	h := newHub(t)
	s, m, err := build(h.config)
	if err != nil {
		t.Fatal(err)
	}
	h.handler = s.frame(m)
	s.streams.Store(maxStreams)
	wantProblem(t, h.call(apikey.System, "GET", "/v1/changes", nil), 503, "unavailable")
	changesPage(h, "") // a page is no stream
	s.streams.Store(maxStreams - 1)
	if w := h.call(apikey.System, "GET", "/v1/changes", nil); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	if n := s.streams.Load(); n != maxStreams-1 {
		t.Errorf("%d streams are open", n)
	}
}

// TestStreamEnds: when the hub stops, and when the key is revoked.
func TestStreamEnds(t *testing.T) {
	closing := make(chan struct{})
	var later atomic.Int64
	h := newHub(t, func(c *Config) {
		c.Closing, c.Heartbeat = closing, 5*time.Millisecond
		c.Clock = func() time.Time { return start.Add(time.Duration(later.Load())) }
	})
	at := h.serveOnline().URL
	s := h.listen(t.Context(), at, "", "")
	defer s.response.Body.Close()
	if e, ok := s.next(); !ok || e.kind != "comment" {
		t.Fatalf("%+v, %v", e, ok)
	}
	revoked := h.listen(t.Context(), at, "", "")
	defer revoked.response.Body.Close()
	id := strings.Split(h.keys[apikey.System], "_")[1]
	if w := h.call(apikey.Admin, "DELETE", "/v1/keys/"+id, nil); w.Code != 200 {
		t.Fatal(w.Body)
	}
	later.Add(int64(2 * time.Second))
	for ok := true; ok; {
		_, ok = revoked.next()
	}
	again := h.call(apikey.Steward, "GET", "/v1/status", nil) // the hub goes on
	if again.Code != http.StatusForbidden {
		t.Errorf("%d", again.Code)
	}
	close(closing)
	for ok := true; ok; {
		_, ok = s.next()
	}
}

// TestSubscriberOverHTTP: whoever follows the stream, killed and resumed at
// random, holds the hub's memberships, redirects and versions, through merges and
// splits.
func TestSubscriberOverHTTP(t *testing.T) {
	h := newHub(t, openEnded(t), func(c *Config) { c.Heartbeat = 5 * time.Millisecond })
	at := h.serveOnline().URL
	rng := rand.New(rand.NewPCG(5, 5))
	customers, redirect, versions := map[uuid.UUID][]changes.Record{}, map[uuid.UUID]uuid.UUID{}, map[uuid.UUID]uint64{}
	cursor := "0"
	follow := func(until events.Position) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := h.listen(ctx, at, "", cursor)
		defer s.response.Body.Close()
		for {
			if id, err := changes.ParseID(cursor); err != nil || id.Position >= until || rng.IntN(20) == 0 {
				return
			}
			e, ok := s.next()
			if !ok {
				return
			}
			if e.id == "" {
				continue
			}
			cursor = e.id
			if e.kind == "position" {
				continue
			}
			var c changes.Change
			if err := json.Unmarshal([]byte(e.data), &c); err != nil {
				t.Fatal(err)
			}
			if c.Kind == changes.ContactFlip {
				continue
			}
			if held := versions[c.Customer]; c.Version != held+1 && (c.Kind != changes.Redirected || c.Version != held) {
				t.Fatalf("%s of %s: version %d follows %d", c.Kind, c.Customer, c.Version, held)
			}
			versions[c.Customer] = c.Version
			delete(redirect, c.Customer)
			delete(customers, c.Customer)
			if c.Kind == changes.Redirected {
				redirect[c.Customer] = c.To
			} else {
				customers[c.Customer] = c.Records
			}
		}
	}
	groups := [][]string{}
	for i := range 12 {
		h.tell(maria(fmt.Sprint(i)))
		groups = append(groups, []string{fmt.Sprint(i)})
	}
	end := events.Position(12)
	for range 40 {
		rng.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		all := slices.Concat(groups[:min(2, len(groups))]...)
		cut := 1 + rng.IntN(len(all))
		groups = append(groups[min(2, len(groups)):], all[:cut:cut])
		decision := [][]string{all[:cut:cut]}
		if cut < len(all) {
			groups, decision = append(groups, all[cut:]), append(decision, all[cut:])
		}
		end = h.tell(regrouped(end, decision...))
		follow(end - events.Position(rng.IntN(3)))
	}
	for range 200 {
		if page := changesPage(h, "?after="+cursor); len(page.Data) == 0 {
			break
		}
		follow(end + 1) // until the heartbeat says that there is no more
	}
	v, err := h.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for i := range 12 {
		id := crm(fmt.Sprint(i)).UUID()
		c, err := golden.Get(t.Context(), v, id)
		if err != nil {
			t.Fatal(err)
		}
		got := id
		for hops := 0; customers[got] == nil && hops < 20; hops++ {
			got = redirect[got]
		}
		if got != c.ID || len(customers[got]) != len(c.Records) || versions[got] != c.Version {
			t.Errorf("record %d is of %s v%d with %d records; the subscriber says %s v%d with %d", i, c.ID, c.Version, len(c.Records), got, versions[got], len(customers[got]))
		}
	}
}

// regrouped is a decision that these are customers.
func regrouped(cause events.Position, groups ...[]string) events.Envelope {
	p := events.IdentityResolved{Cause: cause, Model: "m", Engine: "e"}
	for _, g := range groups {
		var members events.IdentityGroup
		for _, r := range g {
			members = append(members, events.GroupMember{Record: crm(r).UUID()})
		}
		slices.SortFunc(members, func(a, b events.GroupMember) int { return bytes.Compare(a.Record[:], b.Record[:]) })
		p.Groups = append(p.Groups, members)
	}
	e := event(fmt.Sprintf("decision-%d-%s", cause, uuid.NewString()), events.IdentityResolvedV1, start, p)
	e.Source = events.HubSource + "/resolver"
	return e
}
