package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/contact"
)

// EventReader reads single events; events.Log is one.
type EventReader interface {
	// Get gives the event at a position, or events.ErrNotFound.
	Get(ctx context.Context, p events.Position) (events.Stored, error)
	// End is the position of the last event.
	End(ctx context.Context) (events.Position, error)
}

// EventFinder finds events by (source, id); events.IDIndex is one. A hash that
// is not there has the zero position.
type EventFinder interface {
	Lookup(ctx context.Context, hashes []events.IDHash) ([]events.IDEntry, error)
}

// Correlations finds events by correlation id, oldest first: at most limit
// positions after a position.
type Correlations interface {
	Positions(ctx context.Context, r projections.Reader, id string, after events.Position, limit int) ([]events.Position, error)
}

// ContactChecker answers may-we-contact; *contact.Checker is one. It never says
// allow when it does not know.
type ContactChecker interface {
	Check(ctx context.Context, requests []contact.Request, min events.Position) (contact.Answers, error)
}

// Config is what [New] needs. Fields without "optional" are required.
type Config struct {
	Gateway      events.Gateway
	Log          EventReader
	IDs          EventFinder
	Correlations Correlations       // optional: without it events:status takes ids only
	DeadLetters  events.DeadLetters // optional: without it events:status does not know what was buried unread
	EventSchemas EventSchemas       // optional: without them /asyncapi.json describes no data of events
	NATSPrefix   string             // optional: begins the subjects in /asyncapi.json; default ficha
	Store        projections.Store  // holds the tables of golden, timeline and contact
	Runner       string             // optional: the runner whose position in a snapshot reads carry; default "main"
	Freshness    Freshness
	Checker      ContactChecker
	Keys         Keys   // not needed when Insecure
	Secret       []byte // at least 16 bytes, the same for ever: event ids of repeatable requests hang on it
	Insecure     bool   // optional: every request is an admin's; for a hub on a laptop only
	Status       func(context.Context) (Status, error)
	Ready        func(context.Context) error                 // nil: ready; else the reason, without personal data
	Verify       func(context.Context) (Verification, error) // optional: serves POST /v1/verify
	Matcher      Matcher                                     // optional: serves POST /v1/customers:match and /v1/pairs:explain
	Projections  Projections                                 // optional: serves /v1/projections
	Steward      *steward.Desk                               // optional: serves reviews, merges and splits
	Jobs         *jobs.Desk                                  // optional: serves /v1/jobs and what becomes a job
	Webhooks     Webhooks                                    // optional: serves /v1/webhooks
	Closing      <-chan struct{}                             // optional: closed when the hub stops, which ends streams
	Heartbeat    time.Duration                               // optional: how often a quiet stream says that it is there; default 15 s
	Build        Build

	Clock  func() time.Time
	Logger *slog.Logger
	Rand   io.Reader // optional: ids of events and traces; default crypto/rand

	MaxBody    int64                  // optional: bytes of a POST /v1/events body; default 16 MiB
	Rate       float64                // optional: requests a second per key, bursts of twice that; 0: no limit
	Collectors []prometheus.Collector // optional: further metrics for /metrics
	Pages      http.Handler           // optional: serves GET / and whatever no route here takes
}

// Build says what binary this is.
type Build struct {
	Version string `json:"version" example:"0.1.0"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go,omitempty" example:"go1.26"`
}

// DefaultMaxBody bounds the body of POST /v1/events: 10,000 events of 1.6 KB.
const DefaultMaxBody = 16 << 20

// maxWait is how long a read waits for min_position before it answers stale.
const maxWait = time.Second

// Validate says what is missing, and fills in defaults.
func (c *Config) Validate() error {
	for name, missing := range map[string]bool{
		"Gateway": c.Gateway == nil, "Log": c.Log == nil, "IDs": c.IDs == nil, "Store": c.Store == nil,
		"Freshness": c.Freshness == nil, "Checker": c.Checker == nil, "Keys": c.Keys == nil && !c.Insecure,
		"Status": c.Status == nil, "Ready": c.Ready == nil, "Clock": c.Clock == nil, "Logger": c.Logger == nil,
	} {
		if missing {
			return fmt.Errorf("configure api: %s is missing: %w", name, events.ErrInvalid)
		}
	}
	if len(c.Secret) < 16 {
		return fmt.Errorf("configure api: Secret has %d bytes, want at least 16: %w", len(c.Secret), events.ErrInvalid)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Runner == "" {
		c.Runner = "main"
	}
	return nil
}
