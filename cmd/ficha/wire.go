package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/events"
	"ficha/events/gateway"
	"ficha/events/natslog"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/projections"
	"ficha/projections/changes"
	"ficha/projections/contact"
	"ficha/projections/correlation"
	"ficha/projections/golden"
	"ficha/projections/holdings"
	"ficha/projections/insight"
	"ficha/projections/letters"
	"ficha/projections/pebblestore"
	"ficha/projections/review"
	"ficha/projections/runner"
	"ficha/projections/switchable"
	"ficha/projections/timeline"
	"ficha/projections/witness"
	"ficha/schemas"
)

// What stands in a data directory, besides the address of the hub that runs on it.
const (
	dirLog   = "log"   // JetStream's files
	dirStore = "store" // Pebble's files
	fileTail = "log.tail"
)

// maxBody bounds the body of POST /v1/events, in bytes.
const maxBody = 10 << 20

// mainRunner folds everything but contact statements, which have a lane of their own.
const mainRunner = "main"

// mainLinger is how long the main runner waits for company before it commits.
// Without it the commit of one event competes for disk and processor with the
// answer to its sender and with the next one's write. Contact statements do not
// wait.
const mainLinger = 2 * time.Millisecond

// hubConfig says how to open a hub.
type hubConfig struct {
	Dir             string
	NATSURL         string // external server; "": embedded
	NATSCreds       string
	NATSListen      natsListen // of the embedded server
	AssumePowerSafe bool
	WebhookAllow    []string // networks of one's own that webhooks may reach
	Insecure        bool
	Logger          *slog.Logger
}

// hub is everything that runs in one process, wired.
type hub struct {
	cfg        hubConfig
	db         *pebblestore.DB
	store      *switchable.Store
	server     *natslog.Server // nil with an external server
	nats       natsSide
	feed       feedSide
	stopping   <-chan struct{} // closed when the process is asked to end: streams end then
	log        *natslog.Log
	letters    *natslog.DeadLetters
	keys       *apikey.Keys
	guard      *witness.Guard
	main       *runner.Runner
	contact    *runner.Runner
	rebuilds   rebuilds
	resolver   *resolver.Resolver
	schemas    *schemas.Registry
	gateway    *gateway.Gateway
	checker    *contact.Checker
	stewards   *steward.Desk
	jobs       *jobs.Desk
	secrets    secrets
	durability string
	cancel     context.CancelFunc
	tasks      sync.WaitGroup
	closers    []io.Closer
	api        http.Handler
	identified atomic.Bool // the golden rows have caught up with the log once since the start
	caughtUp   bool
	mu         sync.Mutex
}

// openHub opens the files, checks the log against what is known of it, and
// starts everything that moves events. The order matters: nothing answers before
// the log is checked.
func openHub(ctx context.Context, cfg hubConfig) (*hub, error) {
	h := &hub{cfg: cfg, stopping: ctx.Done()}
	return h, h.open(ctx, h.openFiles, h.openLog, h.openKeys, h.openGuard, h.startRunners, h.startResolver, h.openDoor, h.openFeed, h.openAnswers, h.serveNATS)
}

// closedHubConfig says how to open a hub that does not run. Which NATS server its
// log is on is the environment's to say (FICHA_NATS_URL), as for serve.
func closedHubConfig(dir string, logger *slog.Logger) hubConfig {
	return hubConfig{Dir: dir, NATSURL: os.Getenv("FICHA_NATS_URL"), NATSCreds: os.Getenv("FICHA_NATS_CREDS"), Logger: logger}
}

// openClosedHub opens the files and the log of a hub that does not run; nothing
// moves.
func openClosedHub(ctx context.Context, cfg hubConfig) (*hub, error) {
	h := &hub{cfg: cfg}
	return h, h.open(ctx, h.openFiles, h.openLog, h.openKeys, h.openWitness)
}

// open takes the steps in order and undoes them all when one fails.
func (h *hub) open(ctx context.Context, steps ...func(context.Context) error) error {
	ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, step := range steps {
		if err := step(ctx); err != nil {
			h.close(h.cfg.Logger)
			return err
		}
	}
	return nil
}

// openFiles opens secret, then store: a first start that is cut short leaves a
// directory that the next one takes for new. The store's own lock keeps a second hub out
// of the directory.
func (h *hub) openFiles(ctx context.Context) error {
	if err := os.MkdirAll(h.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	used := isThere(filepath.Join(h.cfg.Dir, dirLog)) || isThere(filepath.Join(h.cfg.Dir, dirStore))
	var err error
	if h.secrets, err = openSecrets(h.cfg.Dir, used); err != nil {
		return err
	}
	db, err := pebblestore.Open(pebblestore.Config{Dir: filepath.Join(h.cfg.Dir, dirStore), Logger: h.cfg.Logger})
	if err != nil {
		if hubRuns(context.Background(), h.cfg.Dir) {
			return fmt.Errorf("data directory %s is in use by a running hub: %w", h.cfg.Dir, events.ErrConflict)
		}
		return err
	}
	h.db = db
	h.closers = append(h.closers, db)
	return h.openRows(ctx)
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (h *hub) openLog(ctx context.Context) error {
	key, err := h.secrets.key(forContent)
	if err != nil {
		return err
	}
	cfg := natslog.Config{
		Index: h.db.IDIndex(), ContentKey: key, TailFile: filepath.Join(h.cfg.Dir, fileTail),
		AssumePowerSafe: h.cfg.AssumePowerSafe, Logger: h.cfg.Logger,
	}
	if h.cfg.NATSURL == "" {
		h.server, err = natslog.StartServer(h.serverConfig())
		if err != nil {
			return err
		}
		h.closers = append(h.closers, closerFunc(h.server.Stop))
		cfg.Server = h.server
	} else {
		conn, err := natslog.Connect(natslog.ConnectConfig{URL: h.cfg.NATSURL, CredsFile: h.cfg.NATSCreds, Logger: h.cfg.Logger})
		if err != nil {
			return err
		}
		h.closers = append(h.closers, closerFunc(conn.Close))
		cfg.Conn, cfg.Shared = conn, true
	}
	if h.log, err = natslog.Open(ctx, cfg); err != nil {
		return err
	}
	h.closers = append(h.closers, h.log)
	info, err := h.log.Info(ctx)
	if err != nil {
		return err
	}
	h.durability = info.Durability
	h.letters, err = h.log.DeadLetters(ctx)
	return err
}

func (h *hub) openKeys(ctx context.Context) error {
	bucket, err := h.log.Bucket(ctx, "keys")
	if err != nil {
		return err
	}
	key, err := h.secrets.key(forAPIKeys)
	if err != nil {
		return err
	}
	h.keys, err = apikey.New(apikey.Config{Store: keyBucket{bucket}, ServerKey: key, Clock: time.Now})
	h.nats.keys.Store(h.keys)
	return err
}

// keyBucket gives a bucket the shape that keys need.
type keyBucket struct{ *natslog.Bucket }

// Put stores durably.
func (b keyBucket) Put(ctx context.Context, key string, value []byte) error {
	_, err := b.Bucket.Put(ctx, key, value)
	return err
}

// openGuard checks the log against the store before anything reads it. A damaged
// log does not keep the hub from starting: it answers "deny", takes no writes and
// says why.
func (h *hub) openGuard(ctx context.Context) error {
	if err := h.openWitness(ctx); err != nil {
		return err
	}
	guard := h.guard
	if err := guard.Check(ctx); err != nil && !errors.Is(err, events.ErrDamaged) {
		return err
	}
	h.run(func() {
		if err := guard.Run(ctx); err != nil && ctx.Err() == nil {
			h.cfg.Logger.Error("log check ended", "error", err)
		}
	})
	h.run(func() { h.verifyEachMinute(ctx) })
	return nil
}

func (h *hub) openWitness(context.Context) (err error) {
	h.guard, err = witness.NewGuard(witness.Config{Log: h.log, Store: h.store, MarkDamaged: h.log.MarkDamaged, Logger: h.cfg.Logger})
	return err
}

// verifyEachMinute has the log compare itself with its tail file; the guard
// compares it with the store.
func (h *hub) verifyEachMinute(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := h.log.Verify(ctx); err != nil && ctx.Err() == nil {
				h.cfg.Logger.Error("log check failed", "error", err)
			}
		}
	}
}

// folds lists the main runner's folds.
func folds() []projections.Fold {
	return []projections.Fold{golden.New(), changes.New(), timeline.New(), review.New(), correlation.Fold{}, witness.New(), letters.Fold{}, holdings.New(), insight.New()}
}

func (h *hub) startRunners(ctx context.Context) error {
	var err error
	configs := h.runnerConfigs()
	if h.main, err = runner.New(h.rebuilds.watched(configs[0])); err != nil {
		return err
	}
	if h.contact, err = runner.New(h.rebuilds.watched(configs[1])); err != nil {
		return err
	}
	if err := errors.Join(h.main.Start(ctx), h.contact.Start(ctx)); err != nil {
		return err
	}
	if err := h.openRebuilds(ctx, h.main, h.contact); err != nil {
		return err
	}
	end, err := h.log.End(ctx)
	if err != nil {
		return err
	}
	h.run(func() {
		if h.main.Wait(ctx, end) == nil {
			h.identified.Store(true)
		}
	})
	return nil
}

// runnerConfigs says how rows are folded: the main runner, then that of contact
// statements.
func (h *hub) runnerConfigs() []runner.Config {
	common := runner.Config{Log: h.log, Store: h.store, Upcast: upcast, Logger: h.cfg.Logger, MarkDamaged: h.log.MarkDamaged}
	all, lane := common, common
	all.Name, all.Folds, all.Linger = mainRunner, folds(), mainLinger
	lane.Name, lane.Lane, lane.Folds = contact.Name, events.LaneContact, []projections.Fold{contact.NewFold()}
	return []runner.Config{all, lane}
}

// upcast brings an event of an old version to the newest one.
func upcast(s events.Stored) (events.Stored, error) {
	if !schemas.Superseded(string(s.Type)) {
		return s, nil
	}
	typ, data, err := schemas.Upcast(string(s.Type), s.Data)
	if err != nil {
		return s, err
	}
	s.Type, s.Data = events.Type(typ), data
	return s, nil
}

func (h *hub) startResolver(ctx context.Context) error {
	models, err := matching.DefaultModels()
	if err != nil {
		return err
	}
	h.resolver, err = resolver.New(resolver.Config{
		Log: h.log, State: h.db.ResolverState(), Engine: matching.NewEngine(models), Clock: time.Now, Logger: h.cfg.Logger,
	})
	if err != nil {
		return err
	}
	h.resolver.Start(ctx)
	return nil
}

// openDoor makes the gateway and empties the inbox through it.
func (h *hub) openDoor(ctx context.Context) error {
	registry, err := schemas.New()
	if err != nil {
		return err
	}
	h.schemas = registry
	key, err := h.secrets.key(forDenies)
	if err != nil {
		return err
	}
	h.gateway, err = gateway.New(gateway.Config{
		Log: h.log, Health: h.log, DeadLetters: h.letters, Schemas: registry, Key: key, Door: h.log, Logger: h.cfg.Logger,
		Limits: gateway.Limits{Body: maxBody},
	})
	if err != nil {
		return err
	}
	inbox, err := h.log.Inbox(ctx, natslog.InboxConfig{Take: func(ctx context.Context, messages []natslog.InboxMessage) error {
		moved := make([]gateway.InboxMessage, len(messages))
		for i, m := range messages {
			moved[i] = gateway.InboxMessage{Source: m.Source, Bytes: m.Bytes}
		}
		return h.gateway.MoveInbox(ctx, moved)
	}})
	if err != nil {
		return err
	}
	h.run(func() {
		if err := inbox.Run(ctx); err != nil {
			h.cfg.Logger.Error("inbox ended", "error", err)
		}
	})
	return nil
}

func (h *hub) openAnswers(ctx context.Context) error {
	key, err := h.secrets.key(forDecisions)
	if err != nil {
		return err
	}
	h.checker, err = contact.NewChecker(contact.Config{
		Store:    h.store,
		LaneEnd:  func(ctx context.Context) (events.Position, error) { return h.log.LaneEnd(ctx, events.LaneContact) },
		End:      h.log.End,
		Position: h.contact.Position, Wait: h.contact.Wait,
		Health: h.log, Identity: contact.GoldenIdentity{}, IdentityReady: h.identified.Load,
		IdentityRunner: mainRunner, IdentityWait: h.main.Wait,
		RecordEnd: func(ctx context.Context) (events.Position, error) { return h.log.LaneEnd(ctx, events.LaneRecord) },
		Clock:     time.Now, Key: key,
	})
	if err != nil {
		return err
	}
	if err := h.openStewards(ctx); err != nil {
		return err
	}
	desk, err := h.secrets.key(forDesk)
	if err != nil {
		return err
	}
	h.api, err = api.New(api.Config{
		Secret: desk, MaxBody: maxBody,
		Gateway: h.gateway, Log: h.log, IDs: h.db.IDIndex(), Correlations: correlation.Index{}, DeadLetters: h.letters, EventSchemas: h.schemas, NATSPrefix: natsPrefix,
		Store: h.store, Runner: mainRunner, Freshness: freshness{h}, Checker: h.checker, Keys: h.keys, Insecure: h.cfg.Insecure,
		Status: h.status, Ready: h.ready, Matcher: h.resolver, Projections: projectionDesk{h}, Webhooks: h.feed.webhooks, Closing: h.stopping, Steward: h.stewards, Jobs: h.jobs,
		Verify: func(ctx context.Context) (api.Verification, error) { return h.verify(ctx, nil) }, Build: build(), Clock: time.Now, Logger: h.cfg.Logger,
	})
	return err
}

func (h *hub) handler() http.Handler { return h.api }

// run starts a task that ends with the hub.
func (h *hub) run(task func()) {
	h.tasks.Add(1)
	go func() {
		defer h.tasks.Done()
		task()
	}()
}

// close stops what moves, then closes files in the reverse order of opening.
func (h *hub) close(logger *slog.Logger) {
	h.nats.close(h)
	h.cancel()
	h.feed.stop()
	if h.jobs != nil {
		h.jobs.Stop()
	}
	if h.resolver != nil {
		h.resolver.Stop()
	}
	for _, r := range []*runner.Runner{h.main, h.contact} {
		if r != nil {
			r.Stop()
		}
	}
	h.tasks.Wait()
	for i := len(h.closers) - 1; i >= 0; i-- {
		if err := h.closers[i].Close(); err != nil {
			logger.Error("close", "error", err)
		}
	}
}

type closerFunc func()

// Close calls f.
func (f closerFunc) Close() error {
	f()
	return nil
}
