package gateway

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"ficha/events"
	"ficha/schemas"
)

// Config is what a gateway needs. Fields without a default are required.
type Config struct {
	Log         events.Log
	Health      events.Health
	DeadLetters events.DeadLetters
	Schemas     *schemas.Registry

	// Key keys the ids of provisional denies, so that they give away nothing of
	// the events they are made from. At least 16 bytes; it stays the same.
	Key []byte

	// Door counts what comes by the inbox and is not taken. Required for
	// [Gateway.MoveInbox] only.
	Door DoorCounter

	Clock  func() time.Time // default time.Now
	Logger *slog.Logger     // default discards
	Limits Limits

	// Workers is how many events are read and validated at once for one body;
	// default the number of processors.
	Workers int

	// Answered is told of each answer, for metrics. The source is empty where it
	// is not one that the principal may publish for. Default nobody.
	Answered func(source string, status events.Status)
}

// DoorCounter counts events that came to the door and are not in the log.
type DoorCounter interface {
	// CountDoor adds to the log's door counters, durably.
	CountDoor(ctx context.Context, refused, dead uint64) error
}

// Limits bound what one call may bring. A zero field takes the default.
type Limits struct {
	Body  int // bytes; default 10 MiB
	Event int // bytes of one event; default 1 MiB
	Batch int // events in one body; default 10,000
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Answered == nil {
		c.Answered = func(string, events.Status) {}
	}
	for _, l := range []struct {
		field *int
		value int
	}{{&c.Limits.Body, 10 << 20}, {&c.Limits.Event, 1 << 20}, {&c.Limits.Batch, 10_000}} {
		if *l.field <= 0 {
			*l.field = l.value
		}
	}
	return c
}

// Validate says what is missing.
func (c Config) Validate() error {
	var missing []error
	need := func(there bool, field string) {
		if !there {
			missing = append(missing, errors.New("gateway config: "+field+" is required"))
		}
	}
	need(c.Log != nil, "Log")
	need(c.Health != nil, "Health")
	need(c.DeadLetters != nil, "DeadLetters")
	need(c.Schemas != nil, "Schemas")
	need(len(c.Key) >= 16, "Key of 16 bytes or more")
	return errors.Join(missing...)
}
