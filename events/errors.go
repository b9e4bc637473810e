package events

import (
	"errors"
	"fmt"
)

// Sentinels of the package. Specific ones wrap a general one, so that callers
// may ask either with errors.Is.
var (
	// ErrInvalid: the caller's input cannot be used as it is.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else was first; read again and retry.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable: the hub cannot do this now; the same call may go through later.
	ErrUnavailable = errors.New("unavailable")
	// ErrTooLarge: the input is over a stated limit.
	ErrTooLarge = fmt.Errorf("too large: %w", ErrInvalid)
	// ErrDamaged: the log does not hold what was acknowledged (see Health).
	ErrDamaged = fmt.Errorf("log damaged: %w", ErrUnavailable)
	// ErrClosed: the log was closed.
	ErrClosed = fmt.Errorf("closed: %w", ErrUnavailable)
)
