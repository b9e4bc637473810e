package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
	"ficha/matching"
	"ficha/town"
)

// demoOptions are the demo's flags.
type demoOptions struct {
	exit   bool
	people int
	seed   uint64
	listen string
	nats   string // where NATS clients are let in
}

func (a *app) demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use: "demo", Short: "see it work on a town of customers", Args: cobra.NoArgs,
		Long: `Starts a hub in a temporary directory (or --data), streams a town of customers
through the real pipeline (a bank's CRM and core system, a call centre, web chat,
a shop, the citizen office), prints a summary, keys and three lines to try, and
stays up until interrupted.`,
		Example: "  ficha demo\n  ficha demo --exit --json --people 1000",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.exit, "exit", false, "stop after the summary")
	f.IntVar(&o.people, "people", 5000, "how many persons live in the town")
	f.Uint64Var(&o.seed, "seed", 1, "which town")
	f.StringVar(&o.listen, "listen", "", "address to listen on (default "+defaultListen+", or any free port)")
	f.StringVar(&o.nats, "nats-listen", "", "address or port on which NATS clients reach the hub (default: none do)")
	return cmd
}

// summary is what the demo says of itself; with --json it is the last line.
type summary struct {
	Events           int64           `json:"events"`
	SourceRecords    uint64          `json:"source_records"`
	GoldenRecords    uint64          `json:"golden_records"`
	PotentialMatches uint64          `json:"potential_matches"`
	Statements       uint64          `json:"statements"`
	DeadLetters      uint64          `json:"dead_letters"`
	Cases            int64           `json:"cases"`
	OpenCases        int             `json:"open_cases"`
	OverdueCases     int             `json:"overdue_cases"`
	NPS              *float64        `json:"nps"`
	Position         events.Position `json:"position"`
	Seconds          float64         `json:"seconds"`
	Precision        float64         `json:"precision"`
	Recall           float64         `json:"recall"`
	URL              string          `json:"url,omitempty"`
	NATS             string          `json:"nats,omitempty"`
	// Keys are of a hub that stays up, by role.
	Keys map[apikey.Role]string `json:"keys,omitempty"`
}

func (a *app) demo(ctx context.Context, o demoOptions) error {
	if o.people < 1 {
		return usage("--people is at least 1")
	}
	if problems := (&settings{NATSListen: o.nats}).natsProblems(); len(problems) > 0 {
		return usage("%s", problems[0])
	}
	started := time.Now()
	dir := a.data
	if dir == "" {
		temp, err := os.MkdirTemp("", "ficha-demo-")
		if err != nil {
			return fmt.Errorf("make temporary directory: %w", err)
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	logger := slog.New(slog.NewTextHandler(a.std.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	h, err := openHub(ctx, hubConfig{Dir: dir, NATSListen: natsListen{Addr: natsAddress(o.nats)}, Logger: logger})
	if err != nil {
		return err
	}
	defer h.close(logger)
	at, err := listenForDemo(o.listen, h)
	if err != nil {
		return err
	}
	defer func() { _ = at.stop() }() // what is cut short here is the demo itself
	if err := writeAddress(dir, at.url); err != nil {
		return err
	}
	defer os.Remove(addressPath(dir))
	keys, err := demoKeys(ctx, h)
	if err != nil {
		return err
	}
	t, err := town.Generate(town.Config{People: o.people, Seed: o.seed, Now: townNow(started)})
	if err != nil {
		return &exitWith{exitUsage, err}
	}
	s, err := a.stream(ctx, h, at.url, keys[apikey.Admin], t)
	if err != nil {
		return err
	}
	s.Seconds = time.Since(started).Seconds()
	if !o.exit {
		s.URL, s.NATS, s.Keys = at.url, h.natsURL(), keys
	}
	if err := a.tell(s, t, keys); err != nil || o.exit {
		return err
	}
	<-ctx.Done()
	return nil
}

// listenForDemo takes the hub's usual address, so that the README's lines work as
// they are, or any other when that is taken.
func listenForDemo(want string, h *hub) (*listening, error) {
	if want != "" {
		return listen(settings{Listen: want}, h.handler())
	}
	at, err := listen(settings{Listen: defaultListen}, h.handler())
	if err != nil {
		at, err = listen(settings{Listen: "127.0.0.1:0"}, h.handler())
	}
	return at, err
}

// townNow ends the story today, so that the demo's calls are of these weeks and
// nothing in it is in the future.
func townNow(now time.Time) time.Time { return now.UTC().Truncate(24 * time.Hour) }

// demoSource is the system that the demo's publisher key may speak for.
const demoSource = "/crm/demo"

// demoKeys makes a key for each kind of user, anew for each demo.
func demoKeys(ctx context.Context, h *hub) (map[apikey.Role]string, error) {
	keys := map[apikey.Role]string{}
	sourcesOf := map[apikey.Role][]string{apikey.Admin: {"*"}, apikey.Publisher: {demoSource}}
	for _, role := range []apikey.Role{apikey.Agent, apikey.Steward, apikey.Operator, apikey.Privacy, apikey.Publisher, apikey.Admin} {
		sources := sourcesOf[role]
		key, _, err := h.keys.Create(ctx, "demo "+string(role), []apikey.Role{role}, sources)
		if err != nil {
			return nil, err
		}
		keys[role] = key
	}
	return keys, nil
}

// stream sends the town's events to the hub over HTTP, as its systems would, and
// waits until everything is folded and resolved.
func (a *app) stream(ctx context.Context, h *hub, url, key string, t *town.Town) (summary, error) {
	c := &client.Client{BaseURL: url, Key: key}
	bar := a.progress("streaming the town", "events", int64(t.Len()))
	if err := sendAll(ctx, c, t, bar.at); err != nil {
		return summary{}, err
	}
	bar.end()
	if err := h.settle(ctx); err != nil {
		return summary{}, err
	}
	st, err := h.status(ctx)
	if err != nil {
		return summary{}, err
	}
	s := summary{
		Events: int64(t.Len()), SourceRecords: st.Counts.SourceRecords, GoldenRecords: st.Counts.GoldenRecords,
		PotentialMatches: st.Counts.PotentialMatches, Statements: st.Counts.Statements, DeadLetters: st.Counts.DeadLetters,
		Position: st.Position,
	}
	if err := s.addFigures(ctx, c); err != nil {
		return s, err
	}
	s.Precision, s.Recall, err = a.measure(ctx, c, t)
	return s, err
}

const demoBatch = 1000

// sendAll posts events in batches, the next one being made while one is on its way.
func sendAll(ctx context.Context, c *client.Client, t *town.Town, sent func(int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []events.Envelope, 4)
	go func() {
		defer close(batches)
		var batch []events.Envelope
		for e := range t.Events() {
			if batch = append(batch, e); len(batch) < demoBatch {
				continue
			}
			select {
			case batches <- batch:
				batch = nil
			case <-ctx.Done():
				return
			}
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
		}
	}()
	var done int64
	for batch := range batches {
		if len(batch) == 0 {
			continue
		}
		res, err := c.Submit(ctx, batch)
		if err == nil && res.Rejected > 0 {
			err = firstRejected(res)
		}
		if err != nil {
			cancel(err)
			return fmt.Errorf("send events: %w", err)
		}
		done += int64(len(batch))
		sent(done)
	}
	return context.Cause(ctx)
}

func firstRejected(res events.SubmitResult) error {
	for _, r := range res.Results {
		if r.Status == events.StatusRejected && len(r.Errors) > 0 {
			return fmt.Errorf("%d events rejected, the first (%s) because: %w", res.Rejected, r.ID, &r.Errors[0])
		}
	}
	return fmt.Errorf("%d events rejected", res.Rejected)
}

// settle waits until all events are folded and nothing waits for matching.
func (h *hub) settle(ctx context.Context) error {
	for {
		record, err := h.log.LaneEnd(ctx, events.LaneRecord)
		if err != nil {
			return err
		}
		if err := h.resolver.Wait(ctx, record); err != nil {
			return err
		}
		end, err := h.log.End(ctx)
		if err != nil {
			return err
		}
		if err := (freshness{h}).Wait(ctx, end); err != nil {
			return err
		}
		now, err := h.log.End(ctx)
		if err != nil || now == end {
			return err
		}
	}
}

// measure compares the hub's answers with the truth, which the hub never sees:
// it asks for the customer of every record, over HTTP.
func (a *app) measure(ctx context.Context, c *client.Client, t *town.Town) (precision, recall float64, err error) {
	truth, found := map[string]string{}, map[string]string{}
	var mu sync.Mutex
	work := make(chan town.Truth)
	var wg sync.WaitGroup
	bar := a.progress("comparing with the truth", "records", int64(t.Records()))
	ask := func() {
		defer wg.Done()
		for tr := range work {
			id, asked := customerOf(ctx, c, tr.Record)
			mu.Lock()
			truth[tr.Record.String()] = tr.Person
			if asked != nil {
				err = errors.Join(err, asked)
			} else if id != "" {
				found[tr.Record.String()] = id
			}
			bar.at(int64(len(truth)))
			mu.Unlock()
		}
	}
	for range 8 {
		wg.Add(1)
		go ask()
	}
	gone := withdrawnAtEnd(t)
	for tr := range t.Truth() {
		if !gone[tr.Record.Normal()] {
			work <- tr
		}
	}
	close(work)
	wg.Wait()
	bar.end()
	if err != nil {
		return 0, 0, err
	}
	return precisionRecall(truth, found)
}

// withdrawnAtEnd gives the records that their systems deleted. They are nobody's
// duplicates any more: their ids only lead on to where they were last linked.
func withdrawnAtEnd(t *town.Town) map[events.RecordKey]bool {
	gone := map[events.RecordKey]bool{}
	for e := range t.Events() {
		if e.Type != events.CustomerWithdrawnV1 && e.Type != events.CustomerRecordedV1 {
			continue
		}
		var about struct {
			Record events.RecordKey `json:"record"`
		}
		if json.Unmarshal(e.Data, &about) == nil {
			gone[about.Record.Normal()] = e.Type == events.CustomerWithdrawnV1
		}
	}
	return gone
}

// customerOf asks which customer a source record belongs to; "" for a record
// that was withdrawn.
func customerOf(ctx context.Context, c *client.Client, key events.RecordKey) (string, error) {
	var res struct {
		Customers []struct {
			ID string `json:"id"`
		} `json:"customers"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/customers:lookup", lookup{Record: &key}, &res); err != nil {
		return "", err
	}
	if len(res.Customers) == 0 {
		return "", nil
	}
	return res.Customers[0].ID, nil
}

func precisionRecall(truth, found map[string]string) (float64, float64, error) {
	for r := range truth {
		if found[r] == "" {
			found[r] = "alone " + r
		}
	}
	f := matching.Evaluate(truth, found)
	return f.Precision, f.Recall, nil
}

// tell prints the summary, the keys, and what to try.
func (a *app) tell(s summary, t *town.Town, keys map[apikey.Role]string) error {
	if a.json {
		return a.print(s)
	}
	w := a.std.out
	fmt.Fprintf(w, `
A town of customers, through the real pipeline in %.1f s:
  %s events            %s source records in six systems
  %s golden records    %s potential matches for a steward
  %s contact statements, %s dead letters
  %s cases, %d open, %d of them overdue; NPS %s
  duplicates found: precision %.4f, recall %.4f (against a truth the hub never sees)
`, s.Seconds, thousands(s.Events), thousands(int64(s.SourceRecords)), thousands(int64(s.GoldenRecords)),
		thousands(int64(s.PotentialMatches)), thousands(int64(s.Statements)), thousands(int64(s.DeadLetters)),
		thousands(s.Cases), s.OpenCases, s.OverdueCases, share(s.NPS), s.Precision, s.Recall)
	if s.URL == "" {
		return nil
	}
	return tellMore(w, s, t, keys)
}

// tellMore prints where the hub is, keys, and three lines to try about the
// customer for whose sake all this is.
func tellMore(w io.Writer, s summary, t *town.Town, keys map[apikey.Role]string) error {
	d := t.Declined()
	_, err := fmt.Fprintf(w, `
The hub listens on %[1]s until you press Ctrl-C. Keys:
  agent     %[2]s
  steward   %[3]s
  operator  %[4]s
  privacy   %[5]s
  publisher %[6]s  (for the source %[7]s)

To try it, paste this into another terminal:

  export FICHA_URL=%[1]s AGENT=%[2]s PUBLISHER=%[6]s STEWARD=%[3]s

%[8]s was rung %[9]d times about a loan that he declined on the first call.
Who is he, may we ring him about it on his other number, and what was said?

  curl -s $FICHA_URL/v1/customers:lookup -H "Authorization: Bearer $AGENT" -H 'Content-Type: application/json' -d '{"phone":"%[10]s"}'
  curl -s $FICHA_URL/v1/contact-checks -H "Authorization: Bearer $AGENT" -H 'Content-Type: application/json' -d '{"checks":[{"who":{"phone":"%[11]s"},"channel":"%[12]s","purpose":"%[13]s","product":"%[14]s"}]}'
  FICHA_KEY=$AGENT go run ./cmd/ficha customer timeline --phone %[10]s

The reference of all routes: %[1]s/docs
%[15]s`, s.URL, keys[apikey.Agent], keys[apikey.Steward], keys[apikey.Operator], keys[apikey.Privacy], keys[apikey.Publisher], demoSource,
		d.Name, d.Calls, d.Phone, d.OtherPhone, d.Channel, d.Purpose, d.Product, natsLine(s.NATS))
	return err
}
