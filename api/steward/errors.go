package steward

import (
	"errors"
	"fmt"
	"time"

	"ficha/events"
)

// What happened to an item, for [Conflict].
const (
	WhatDecided = "decided" // somebody decided it
	WhatClaimed = "claimed" // somebody claimed it, or let it go
	WhatChanged = "changed" // its evidence or its customers are others by now
	WhatUndone  = "undone"  // its decision was taken back
)

// Conflict says that an item is not what the caller saw: who did what to it, and
// when. It matches events.ErrConflict.
type Conflict struct {
	What    string         // one of the above
	By      string         // "": not a person
	At      time.Time      // zero: not known
	Verdict events.Verdict // of a decision
	ETag    string         // of now
}

func (c *Conflict) Error() string { return "the item was " + c.What + " in between" }

// Is makes it an events.ErrConflict.
func (c *Conflict) Is(target error) bool { return target == events.ErrConflict }

// Misfit says that a request cannot be meant for what it names. Pointer leads into
// the request. It matches events.ErrInvalid.
type Misfit struct {
	Pointer, Detail, Remedy string
}

func (m *Misfit) Error() string { return m.Pointer + ": " + m.Detail }

// Is makes it an events.ErrInvalid.
func (m *Misfit) Is(target error) bool { return target == events.ErrInvalid }

// Unachievable says that verdicts would not bring about what was asked for; so
// nothing was published. It matches events.ErrConflict.
type Unachievable struct {
	Obstacles []Obstacle
}

func (u *Unachievable) Error() string { return "the verdict would not bring this about" }

// Is makes it an events.ErrConflict.
func (u *Unachievable) Is(target error) bool { return target == events.ErrConflict }

// Errors of this package.
var (
	// ErrPrecondition: the request names no state of the item.
	ErrPrecondition = errors.New("precondition required")
	// ErrNotUndoable: what confirms a hold cannot be taken back.
	ErrNotUndoable = fmt.Errorf("not undoable: %w", events.ErrConflict)
	// ErrNotDecided: there is no decision to take back.
	ErrNotDecided = fmt.Errorf("not decided: %w", events.ErrConflict)
	// ErrDecided: the item is decided; another decision would need that one undone.
	ErrDecided = fmt.Errorf("decided already: %w", events.ErrConflict)
	// ErrReused: the id of a repeatable request came before with another request.
	ErrReused = fmt.Errorf("request id used for something else: %w", events.ErrConflict)
)
