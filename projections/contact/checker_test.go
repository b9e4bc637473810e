package contact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/projectionstest"
)

// hub is a log's end, a projection and a health that a test moves.
type hub struct {
	mu       sync.Mutex
	end      events.Position // of the contact lane
	last     events.Position // of the log
	at       events.Position // of the projection
	laneErr  error
	damage   error
	waited   int
	arriving bool // the projection reaches the end while somebody waits
	store    *projectionstest.Memory
}

func (h *hub) config(ident Identity) Config {
	return Config{
		Store: h.store, Identity: ident, Health: h, Clock: func() time.Time { return noon }, Key: []byte("0123456789abcdef"), Runner: "test",
		LaneEnd: func(context.Context) (events.Position, error) { return h.end, h.laneErr },
		End:     func(context.Context) (events.Position, error) { return h.last, nil },
		Position: func() events.Position {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.at
		},
		Wait: func(ctx context.Context, p events.Position) error {
			h.mu.Lock()
			h.waited++
			if h.arriving {
				h.at = p
			}
			arrived := h.at >= p
			h.mu.Unlock()
			if arrived {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		},
		Patience: 5 * time.Millisecond,
	}
}

func (h *hub) Damage() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.damage
}

func newHub(t *testing.T, evs ...events.Envelope) *hub {
	t.Helper()
	h := &hub{store: projectionstest.NewMemory()}
	if len(evs) > 0 {
		h.at = projectionstest.Fold(t, h.store, []projections.Fold{NewFold()}, evs...)
	}
	h.end, h.last = h.at, h.at
	return h
}

func (h *hub) check(t *testing.T, ident Identity, at events.Position, reqs ...Request) Answers {
	t.Helper()
	c, err := NewChecker(h.config(ident))
	if err != nil {
		t.Fatal(err)
	}
	ans, err := c.Check(t.Context(), reqs, at)
	if err != nil {
		t.Fatal(err)
	}
	return ans
}

func TestCheckAnswersFromFreshRows(t *testing.T) {
	one := newWho().group("1").holds("1", phoneA)
	h := newHub(t, deny(-5).on("1").event(t, 0))
	ans := h.check(t, one, 0, loan, Request{Who: Who{Phone: phoneB}, Channel: "voice", Purpose: "marketing"})
	if ans.Position != 1 || len(ans.Answers) != 2 || ans.Answers[0].Decision != DecisionDeny || ans.Answers[1].Decision != DecisionAllow {
		t.Fatalf("got %+v", ans)
	}
	r := ans.Answers[0].Reasons[0]
	if r.Code != PersonDenied || r.Texts.ES == "" || r.Texts.EN == "" || r.Text != r.Texts.EN || r.Texts.In("es") != r.Texts.ES {
		t.Errorf("reason %+v", r)
	}
	if ans.Answers[0].PolicyVersion != NoPolicy || !ans.Answers[0].CheckedAt.Equal(noon) {
		t.Errorf("answer %+v", ans.Answers[0])
	}
	if h.waited != 0 {
		t.Errorf("waited %d times for rows that were there", h.waited)
	}
}

func TestCheckWaitsForWhatWasAcknowledged(t *testing.T) {
	h := newHub(t, deny(-5).on("1").event(t, 0))
	h.at, h.arriving = 0, true
	if ans := h.check(t, newWho().group("1").holds("1", phoneA), 0, loan); ans.Answers[0].Reasons[0].Code != PersonDenied || h.waited != 1 {
		t.Errorf("got %+v after %d waits", ans.Answers[0], h.waited)
	}
}

func TestCheckNeverAllowsWhenItCannotKnow(t *testing.T) {
	emergency := loan
	emergency.Purpose = "emergency"
	for _, c := range []struct {
		name   string
		spoil  func(*hub)
		least  events.Position
		want   Code
		urgent Decision
	}{
		{"the projection lags", func(h *hub) { h.at = 0 }, 0, Stale, DecisionAllow},
		{"the rows are behind what the runner says", func(h *hub) { h.at, h.end, h.last = 9, 9, 9 }, 0, Stale, DecisionAllow},
		{"the lane's end cannot be read", func(h *hub) { h.laneErr = errors.New("no route") }, 0, Stale, DecisionAllow},
		{"a position that the log never gave", func(*hub) {}, 7, Stale, DecisionAllow},
		{"the log says it is damaged", func(h *hub) { h.laneErr = fmt.Errorf("gap: %w", events.ErrDamaged) }, 0, LogDamaged, DecisionDeny},
		{"damage is known", func(h *hub) { h.damage = events.ErrDamaged }, 0, LogDamaged, DecisionDeny},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t, deny(-5).on("2").event(t, 0))
			c.spoil(h)
			ans := h.check(t, newWho().group("1").holds("1", phoneA), c.least, loan, emergency)
			if a := ans.Answers[0]; a.Decision != DecisionDeny || len(a.Reasons) != 1 || a.Reasons[0].Code != c.want || a.Reasons[0].Texts.ES == "" {
				t.Errorf("marketing: %+v", a)
			}
			if a := ans.Answers[1]; a.Decision != c.urgent || a.Reasons[0].Code != c.want {
				t.Errorf("emergency: %+v", a)
			}
		})
	}
}

func TestCheckMeetsAPositionOfAnotherLane(t *testing.T) {
	h := newHub(t, deny(-5).on("2").event(t, 0))
	h.last = 40 // events of other lanes
	if ans := h.check(t, newWho().group("1").holds("1", phoneA), 40, loan); ans.Answers[0].Decision != DecisionAllow || ans.Position != 40 {
		t.Errorf("got %+v", ans)
	}
}

// sickHealth becomes damaged while the answer is being made.
type sickHealth struct{ asked int }

func (s *sickHealth) Damage() error {
	if s.asked++; s.asked > 1 {
		return events.ErrDamaged
	}
	return nil
}

func TestDamageFoundWhileAnswering(t *testing.T) {
	h := newHub(t)
	cfg := h.config(newWho())
	cfg.Health = &sickHealth{}
	c, err := NewChecker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if ans, err := c.Check(t.Context(), []Request{loan}, 0); err != nil || ans.Answers[0].Reasons[0].Code != LogDamaged {
		t.Errorf("got %+v, %v", ans, err)
	}
}

func TestCheckIsStaleWhileIdentityIsFilled(t *testing.T) {
	h := newHub(t)
	ready := false
	cfg := h.config(newWho())
	cfg.IdentityReady = func() bool { return ready }
	c, err := NewChecker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Decision{DecisionDeny, DecisionAllow} {
		ans, err := c.Check(t.Context(), []Request{loan}, 0)
		if err != nil || ans.Answers[0].Decision != want {
			t.Errorf("ready %v: %+v, %v", ready, ans, err)
		}
		ready = true
	}
}

func TestCheckRefusesOddCalls(t *testing.T) {
	h := newHub(t)
	c, err := NewChecker(h.config(newWho()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(t.Context(), nil, 0); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("no checks: %v", err)
	}
	if _, err := c.Check(t.Context(), make([]Request, MaxChecks+1), 0); !errors.Is(err, events.ErrTooLarge) {
		t.Errorf("too many: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if ans, err := c.Check(cancelled, []Request{loan}, 0); err == nil && ans.Answers[0].Decision == DecisionAllow {
		t.Error("a cancelled check allows")
	}
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	if ans, err := c.Check(t.Context(), []Request{loan}, 0); err == nil {
		t.Errorf("a closed store answers %+v", ans)
	}
}

func TestConfigIsValidated(t *testing.T) {
	h := newHub(t)
	for name, spoil := range map[string]func(*Config){
		"store": func(c *Config) { c.Store = nil }, "lane end": func(c *Config) { c.LaneEnd = nil }, "short key": func(c *Config) { c.Key = c.Key[:5] },
		"identity": func(c *Config) { c.Identity = nil }, "clock": func(c *Config) { c.Clock = nil }, "health": func(c *Config) { c.Health = nil },
		"wait": func(c *Config) { c.Wait = nil }, "position": func(c *Config) { c.Position = nil },
	} {
		cfg := h.config(newWho())
		spoil(&cfg)
		if _, err := NewChecker(cfg); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestABatchAnswersLikeSingles(t *testing.T) {
	ident := newWho()
	var evs []events.Envelope
	var reqs []Request
	for i := range 400 {
		id, phone := fmt.Sprint(i), fmt.Sprintf("+5025%07d", i)
		ident.group(id).holds(id, phone)
		if i%3 == 0 {
			evs = append(evs, deny(-5).on(id).event(t, i))
		}
		reqs = append(reqs, Request{Who: Who{CustomerID: key(id).UUID().String(), Phone: phone}, Channel: "voice", Purpose: "marketing"})
	}
	h := newHub(t, evs...)
	cfg := h.config(ident)
	cfg.Workers = 4
	c, err := NewChecker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Check(t.Context(), reqs, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range reqs {
		single, err := c.Check(t.Context(), reqs[i:i+1], 0)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := batch.Answers[i], single.Answers[0]; a.Decision != b.Decision || a.DecisionID != b.DecisionID || (a.Decision == DecisionDeny) != (i%3 == 0) {
			t.Fatalf("request %d: in the batch %+v, alone %+v", i, a, b)
		}
	}
}

func TestDecisionIDHoldsForItsRequestOnly(t *testing.T) {
	h := newHub(t, deny(-5).at2(phoneB).event(t, 0))
	ans := h.check(t, newWho(), 0, loan).Answers[0]
	key := []byte("0123456789abcdef")
	claim, ok := VerifyDecision(key, ans.DecisionID, &loan)
	if !ok || claim.Decision != DecisionAllow || !claim.CheckedAt.Equal(noon) || !claim.ValidUntil.Equal(ans.ValidUntil) {
		t.Errorf("claim %+v, %v", claim, ok)
	}
	for i, change := range []func(*Request){
		func(r *Request) { r.Who.Phone = phoneB }, func(r *Request) { r.Who.Email = mailA }, func(r *Request) { r.Who.CustomerID = "x" },
		func(r *Request) { r.Who.Record = &events.RecordKey{Source: "s", ID: "1"} }, func(r *Request) { r.Who.Handle = "h" },
		func(r *Request) { r.Channel = "sms" }, func(r *Request) { r.Purpose = "service" }, func(r *Request) { r.Product = "card" },
		func(r *Request) { r.Brand = "b" }, func(r *Request) { r.Topic = "t" }, func(r *Request) { r.At = noon }, func(r *Request) { r.KnownAt = noon },
	} {
		other := loan
		change(&other)
		if _, ok := VerifyDecision(key, ans.DecisionID, &other); ok {
			t.Errorf("holds for another request (%d)", i)
		}
	}
	if _, ok := VerifyDecision([]byte("another key here"), ans.DecisionID, &loan); ok {
		t.Error("holds under another key")
	}
	for i := range len(ans.DecisionID) {
		forged := ans.DecisionID[:i] + string(rune('A'+(int(ans.DecisionID[i])+1)%26)) + ans.DecisionID[i+1:]
		if _, ok := VerifyDecision(key, forged, &loan); ok && forged != ans.DecisionID {
			t.Fatalf("holds with another character at %d", i)
		}
	}
	if strings.Contains(ans.DecisionID, "5512") {
		t.Error("the id tells the number")
	}
}

func TestCatalogueHasWordsForEveryCode(t *testing.T) {
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range Codes() {
		if c[code].ES == c[code].EN {
			t.Errorf("%s has one text for both languages", code)
		}
	}
}

func TestAnswerShape(t *testing.T) {
	h := newHub(t, deny(-5).on("1").event(t, 0))
	ans := h.check(t, newWho().group("1").holds("1", phoneA), 0, loan, Request{Who: Who{Phone: phoneB}, Purpose: "marketing"})
	b, err := json.Marshal(ans)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"position":1`, `"decision":"deny"`, `"reasons":[{"code":"person_denied"`, `"next_allowed_at":null`, `"alternatives":[]`,
		`"policy_version":"none"`, `"checked_at":"2026-03-02T12:00:00Z"`, `"valid_until":"2026-03-02T12:01:00Z"`, `"customer_ids":[]`, `"reasons":[]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}

func TestStatementsAndSummary(t *testing.T) {
	one := newWho().group("1", "2").holds("1", phoneA, mailA)
	snap := fold(t, statedEvents(t, []said{deny(-5).on("1").about(onChannels("voice")), deny(-4).at2("55123456").about(products("loan")),
		deny(-3).on("3"), {choice: events.Deny, at: hour(-6), until: hour(-2), records: []string{"2"}}})...)
	ids, _ := one.Members(t.Context(), nil, key("1").UUID())
	views, err := Statements(t.Context(), snap, ids, []contactpoint.Point{point(phoneA)}, noon)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range views {
		got = append(got, v.StatedAt.Format("15")+" "+string(v.Status))
	}
	if !slices.Equal(got, []string{"08 in_force", "07 in_force", "06 ended"}) {
		t.Errorf("statements %v", got)
	}
	sum, err := NewSummariser(one)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sum.Summary(t.Context(), snap, key("2").UUID(), noon)
	if err != nil {
		t.Fatal(err)
	}
	decisions := map[string]Decision{}
	for _, c := range s.Channels {
		decisions[c.Channel] = c.Decision
	}
	// The number is denied for the loan only; a summary asks without a product, which meets that too.
	if decisions["voice"] != DecisionDeny || decisions["sms"] != DecisionDeny || decisions["email"] != DecisionAllow || len(s.Blocked) != 2 {
		t.Errorf("summary %+v", s)
	}
	if _, err := FindStatement(t.Context(), snap, "0000000000000000", noon); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("an unknown folio: %v", err)
	}
	if _, err := FindStatement(t.Context(), snap, "x", noon); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("no folio: %v", err)
	}
}

// A deny that names a record alone binds a number that the record brought a
// moment before: nobody is judged by the number alone while records wait to be
// folded.
func TestCheckLooksAgainWhereNobodyIsFoundYet(t *testing.T) {
	for _, c := range []struct {
		name    string
		arrives bool // the record is folded while the check waits
		least   events.Position
		want    Code
		holder  bool // nobody is known behind the number before that
	}{
		{"folded in time", true, 0, PersonDenied, false},
		{"not folded in time", false, 0, Stale, false},
		{"not folded in time, with the position of its write", false, 1, Stale, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t, deny(-5).on("1").event(t, 0))
			h.last = 9
			who := newWho().group("1")
			if c.holder {
				who.group("2").holds("2", phoneA)
			}
			cfg := h.config(who)
			cfg.IdentityRunner = "who is who"
			cfg.RecordEnd = func(context.Context) (events.Position, error) { return 9, nil }
			cfg.IdentityWait = func(ctx context.Context, _ events.Position) error {
				if c.arrives {
					who.holds("1", phoneA)
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			}
			checker, err := NewChecker(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ans, err := checker.Check(t.Context(), []Request{loan}, c.least)
			if err != nil || ans.Answers[0].Decision != DecisionDeny || ans.Answers[0].Reasons[0].Code != c.want {
				t.Errorf("got %+v, %v; want deny %s", ans, err, c.want)
			}
		})
	}
}
