package contact

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ficha/events"
	"ficha/projections"
)

const (
	// MaxChecks is how many requests one call may hold.
	MaxChecks = 10_000
	// DefaultPatience is how long a check waits for statements that are
	// acknowledged and not yet in the rows.
	DefaultPatience = 250 * time.Millisecond
	// minKey is the shortest key that signs decisions, in bytes.
	minKey = 16
	// chunk is how many requests a worker takes at a time; fewer are not worth a
	// second worker.
	chunk = 32
)

// Config is what a [Checker] needs. All fields are required unless they say otherwise.
type Config struct {
	Store projections.Store
	// LaneEnd is the position of the last event of the contact lane, including
	// every one acknowledged before the call (events.Log.LaneEnd).
	LaneEnd func(context.Context) (events.Position, error)
	// End is the same for the whole log. Optional; with it, a min_position that the
	// log has not reached is answered stale at once.
	End func(context.Context) (events.Position, error)
	// Position is up to where the contact projection has committed; Wait returns
	// when it has reached p.
	Position func() events.Position
	Wait     func(ctx context.Context, p events.Position) error
	Health   events.Health
	Identity Identity
	// IdentityReady says whether the rows that Identity reads are complete up to
	// some recent moment. While they are filled for the first time or again, nobody
	// would be found behind a number, and answers are stale. Optional.
	IdentityReady func() bool
	// IdentityRunner folds the rows that Identity reads; IdentityWait returns when
	// it has come to p; RecordEnd is the position of the last event that it takes
	// records from (events.Log.LaneEnd of the record lane). Optional, all three
	// together: a check with a min_position then includes who is who up to there,
	// and a number behind which nobody is found is not judged alone while records
	// wait to be folded.
	IdentityRunner string
	IdentityWait   func(ctx context.Context, p events.Position) error
	RecordEnd      func(context.Context) (events.Position, error)
	Clock          func() time.Time
	Key            []byte        // signs decision ids, at least 16 bytes
	Runner         string        // runner whose position the rows carry; default Name
	Patience       time.Duration // default DefaultPatience
	Workers        int           // for large batches; default the number of processors
}

// Validate says what is missing, and fills in defaults.
func (c *Config) Validate() error {
	if c.Store == nil || c.LaneEnd == nil || c.Position == nil || c.Wait == nil || c.Health == nil || c.Identity == nil || c.Clock == nil {
		return fmt.Errorf("configure contact checker: a required field is missing: %w", events.ErrInvalid)
	}
	if (c.IdentityWait == nil) != (c.RecordEnd == nil) || (c.IdentityWait == nil) != (c.IdentityRunner == "") {
		return fmt.Errorf("configure contact checker: IdentityRunner, IdentityWait and RecordEnd belong together: %w", events.ErrInvalid)
	}
	if len(c.Key) < minKey {
		return fmt.Errorf("configure contact checker: the key has fewer than %d bytes: %w", minKey, events.ErrInvalid)
	}
	if c.Runner == "" {
		c.Runner = Name
	}
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	return nil
}

// Checker answers may-we-contact from the projection, and says deny where it
// cannot be sure. Safe for concurrent use.
type Checker struct {
	cfg   Config
	words Catalogue
}

// NewChecker gives a checker, or ErrInvalid for a wrong configuration.
func NewChecker(cfg Config) (*Checker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	words, err := LoadCatalogue()
	if err != nil {
		return nil, err
	}
	return &Checker{cfg: cfg, words: words}, nil
}

// Check answers the requests in their order, all from one snapshot that includes
// every statement acknowledged before the call, and all up to minPosition. Where
// that cannot be had in time the answers are deny: stale; where the log is
// damaged, deny: log_damaged. ErrInvalid: no requests; ErrTooLarge: more than
// MaxChecks. Any other error means no answer.
func (c *Checker) Check(ctx context.Context, reqs []Request, minPosition events.Position) (Answers, error) {
	if len(reqs) == 0 {
		return Answers{}, fmt.Errorf("check contacts: no checks: %w", events.ErrInvalid)
	}
	if len(reqs) > MaxChecks {
		return Answers{}, fmt.Errorf("check contacts: more than %d checks: %w", MaxChecks, events.ErrTooLarge)
	}
	if c.cfg.Health.Damage() != nil {
		return c.refuse(reqs, LogDamaged), nil
	}
	if c.cfg.IdentityReady != nil && !c.cfg.IdentityReady() {
		return c.refuse(reqs, Stale), nil
	}
	need, err := c.fresh(ctx, minPosition)
	if err != nil {
		return c.refusal(ctx, reqs, err)
	}
	ans, identity, err := c.fromSnapshot(ctx, reqs, need, minPosition)
	if err == nil && c.cfg.RecordEnd != nil && ans.findNobody() {
		ans, err = c.lookAgain(ctx, reqs, ans, identity, need, minPosition)
	}
	if err != nil {
		return c.refusal(ctx, reqs, err)
	}
	if c.cfg.Health.Damage() != nil { // found while answering
		return c.refuse(reqs, LogDamaged), nil
	}
	return ans, nil
}

// errStale: the rows are not known to include all that was acknowledged.
var errStale = errors.New("stale")

// refusal turns an error into an answer where deny is the answer.
func (c *Checker) refusal(ctx context.Context, reqs []Request, err error) (Answers, error) {
	switch {
	case errors.Is(err, errStale):
		return c.refuse(reqs, Stale), nil
	case errors.Is(err, events.ErrDamaged):
		return c.refuse(reqs, LogDamaged), nil
	case ctx.Err() != nil:
		return Answers{}, fmt.Errorf("check contacts: %w", ctx.Err())
	}
	return Answers{}, fmt.Errorf("check contacts: %w", err)
}

// fresh makes sure that the projection has reached the lane's end as it was when
// the question was asked, and gives that end. It covers least too: whatever was
// acknowledged up to it is at or before the lane's end, or in another lane.
func (c *Checker) fresh(ctx context.Context, least events.Position) (events.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Patience)
	defer cancel()
	end, err := c.cfg.LaneEnd(ctx)
	if err != nil {
		return 0, staleUnlessDamaged(err)
	}
	if least > end && c.cfg.End != nil {
		last, err := c.cfg.End(ctx)
		if err != nil {
			return 0, staleUnlessDamaged(err)
		}
		if least > last { // a position that this log never gave
			return 0, errStale
		}
	}
	if least > 0 && c.cfg.IdentityWait != nil {
		if err := c.cfg.IdentityWait(ctx, least); err != nil {
			return 0, staleUnlessDamaged(err)
		}
	}
	if c.cfg.Position() >= end {
		return end, nil
	}
	if err := c.cfg.Wait(ctx, end); err != nil {
		return 0, staleUnlessDamaged(err)
	}
	return end, nil
}

// findNobody says whether somebody asked about is not known.
func (a Answers) findNobody() bool {
	return slices.ContainsFunc(a.Answers, func(one Answer) bool { return len(one.CustomerIDs) == 0 })
}

// lookAgain waits for records that are in the log and not in the rows yet, and
// answers anew. Where they do not come in time, those behind whom nobody was
// found are stale: a deny may hang on a record that is about to be theirs.
func (c *Checker) lookAgain(ctx context.Context, reqs []Request, first Answers, identity, need, least events.Position) (Answers, error) {
	end, err := c.cfg.RecordEnd(ctx)
	if err != nil {
		return Answers{}, staleUnlessDamaged(err)
	}
	if identity >= end {
		return first, nil
	}
	wait, cancel := context.WithTimeout(ctx, c.cfg.Patience)
	defer cancel()
	if err := c.cfg.IdentityWait(wait, end); err == nil {
		again, _, err := c.fromSnapshot(ctx, reqs, need, least)
		return again, err
	} else if errors.Is(err, events.ErrDamaged) {
		return Answers{}, err
	}
	stale := c.refuse(reqs, Stale)
	for i := range first.Answers {
		if len(first.Answers[i].CustomerIDs) == 0 {
			first.Answers[i] = stale.Answers[i]
		}
	}
	return first, nil
}

func staleUnlessDamaged(err error) error {
	if errors.Is(err, events.ErrDamaged) {
		return err
	}
	return errStale
}

// fromSnapshot answers all requests from one moment's rows, and says up to where
// who is who was known then.
func (c *Checker) fromSnapshot(ctx context.Context, reqs []Request, need, least events.Position) (_ Answers, identity events.Position, err error) {
	snap, err := c.cfg.Store.Snapshot(ctx)
	if err != nil {
		return Answers{}, 0, fmt.Errorf("open snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	at, err := snap.Position(ctx, c.cfg.Runner)
	if err != nil {
		return Answers{}, 0, fmt.Errorf("read position: %w", err)
	}
	if at < need { // cleared for a rebuild between the two looks
		return Answers{}, 0, errStale
	}
	if c.cfg.IdentityRunner != "" {
		if identity, err = snap.Position(ctx, c.cfg.IdentityRunner); err != nil {
			return Answers{}, 0, fmt.Errorf("read position: %w", err)
		}
	}
	out := Answers{Position: max(at, least), Answers: make([]Answer, len(reqs))}
	return out, identity, c.each(ctx, moment{r: snap, now: c.cfg.Clock().UTC()}, reqs, out.Answers)
}

// moment is what all answers of one call rest on.
type moment struct {
	r   projections.Reader
	now time.Time
}

// each answers the requests, on several processors where there are many.
func (c *Checker) each(ctx context.Context, m moment, reqs []Request, into []Answer) error {
	workers := min(c.cfg.Workers, (len(reqs)+chunk-1)/chunk)
	if workers <= 1 {
		return c.some(ctx, m, reqs, into)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var next atomic.Int64
	for range workers {
		wg.Go(func() {
			for {
				to := int(next.Add(chunk))
				from := to - chunk
				if from >= len(reqs) {
					return
				}
				to = min(to, len(reqs))
				if err := c.some(ctx, m, reqs[from:to], into[from:to]); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (c *Checker) some(ctx context.Context, m moment, reqs []Request, into []Answer) error {
	for i := range reqs {
		ans, err := c.one(ctx, m, &reqs[i])
		if err != nil {
			return err
		}
		into[i] = ans
	}
	return nil
}

// one answers one request. The customers' own contact points are read only where
// they matter: for a deny, to say what is allowed instead.
func (c *Checker) one(ctx context.Context, m moment, req *Request) (Answer, error) {
	l, err := load(ctx, m.r, c.cfg.Identity, req)
	if err != nil {
		return Answer{}, err
	}
	ans := Decide(&l.facts, req, m.now)
	if ans.Decision == DecisionDeny && !l.wide && len(l.facts.Customers) > 0 && !l.facts.Crowded {
		if err := l.widen(); err != nil {
			return Answer{}, err
		}
		ans = Decide(&l.facts, req, m.now)
	}
	c.words.explain(ans.Reasons)
	ans.DecisionID = sign(c.cfg.Key, req, &ans)
	return ans, nil
}

// refuse answers every request with deny for a reason that has nothing to do with
// it. Only staleness gives way to an obligatory purpose.
func (c *Checker) refuse(reqs []Request, code Code) Answers {
	now := c.cfg.Clock().UTC()
	out := Answers{Position: c.cfg.Position(), Answers: make([]Answer, len(reqs))}
	for i := range reqs {
		ans := Decide(&Facts{}, &Request{}, now)
		ans.Decision, ans.ValidUntil = DecisionDeny, now
		ans.Reasons = []Reason{{Code: code, Effect: EffectDeny}}
		if a := reqs[i].asked(); code == Stale && a.knownPurpose && a.class == ClassObligatory {
			ans.Decision, ans.Reasons[0].Effect, ans.ValidUntil = DecisionAllow, EffectNote, now.Add(Validity)
		}
		c.words.explain(ans.Reasons)
		ans.DecisionID = sign(c.cfg.Key, &reqs[i], &ans)
		out.Answers[i] = ans
	}
	return out
}
