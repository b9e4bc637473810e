package natslog

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"ficha/events"
)

// Config says where the log is and how to write it.
type Config struct {
	// Conn reaches the NATS server. Default: that of Server.
	Conn *nats.Conn
	// Server is the embedded server, if that is where the log is. The log then
	// knows that every write is synced, watches the disk's free space, and
	// restarts the server when it does not take writes any more.
	Server *Server
	// Prefix begins all subjects, and in capitals all stream names. Default "ficha".
	Prefix string
	// Replicas is how many servers of a cluster keep each stream. Default 1.
	Replicas int
	// Index finds events by (source, id). Required, and for this log alone.
	Index events.IDIndex
	// ContentKey keys the content hashes in the index; at least 16 bytes. Required.
	ContentKey []byte
	// TailFile is the path of the tail file. "": none, and a log that came back
	// shorter is noticed by whoever remembers positions.
	TailFile string
	// Shared: other processes may append to this log too. Ends are then asked
	// from the server, which costs a round trip.
	Shared bool
	// AssumePowerSafe takes it on the operator's word that an external server
	// syncs every write before it acknowledges (sync_interval: always).
	AssumePowerSafe bool
	// WriteTimeout is how long one write may take before its callers are told
	// that the log is unavailable. Default 5 s.
	WriteTimeout time.Duration
	// FreeSpaceMin is the space, in bytes, below which an embedded log takes no
	// more events: JetStream does not recover from a disk that is really full.
	// Default 64 MiB.
	FreeSpaceMin uint64
	// FreeSpace gives the bytes left for the log. Default: asks the file system
	// of the embedded server's directory; without an embedded server, nobody.
	FreeSpace func() (uint64, error)
	// Clock gives the recorded time. Default time.Now.
	Clock func() time.Time
	// Logger default: discards.
	Logger *slog.Logger
}

// Group limits. JetStream takes at most 1,000 messages in an atomic batch. A
// batch costs about 2.5 ms whatever its size, a single message 0.24 ms.
const (
	maxGroup      = 1000
	maxGroupBytes = 8 << 20
	batchFrom     = 10                     // from so many events on, a batch is faster
	linger        = 5 * time.Millisecond   // longest wait for company when busy
	lingerQuiet   = 500 * time.Microsecond // no company came for so long: stop waiting
)

func (c Config) withDefaults() (Config, error) {
	if c.Conn == nil && c.Server != nil {
		c.Conn = c.Server.Conn()
	}
	c.Prefix = cmp.Or(c.Prefix, "ficha")
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 5*time.Second)
	c.FreeSpaceMin = cmp.Or(c.FreeSpaceMin, 64<<20)
	if c.FreeSpace == nil && c.Server != nil {
		c.FreeSpace = freeSpaceOf(c.Server.cfg.Dir)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, c.validate()
}

func (c Config) validate() error {
	wrong := func(what string) error { return fmt.Errorf("configure log: %s: %w", what, events.ErrInvalid) }
	switch {
	case c.Conn == nil:
		return wrong("neither connection nor embedded server")
	case c.Index == nil:
		return wrong("no id index")
	case len(c.ContentKey) < 16:
		return wrong("content key has less than 16 bytes")
	case c.Replicas < 1 || c.Replicas > 5:
		return wrong("replicas must be from 1 to 5")
	case c.WriteTimeout < 0:
		return wrong("negative write timeout")
	case !validPrefix(c.Prefix):
		return wrong("prefix must be lower-case letters, digits and minus")
	}
	return nil
}

func validPrefix(p string) bool {
	return p != "" && strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
