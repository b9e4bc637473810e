package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"ficha/api/client"
	"ficha/events"
)

// The exit codes of every subcommand.
const (
	exitOK        = 0
	exitError     = 1
	exitUsage     = 2
	exitNotFound  = 3
	exitConflict  = 4 // conflict or stale
	exitPartial   = 5 // some were rejected
	exitFindings  = 6 // a check found something
	exitInterrupt = 130
)

// exitWith carries an exit code with an error, or without one (nothing more to say).
type exitWith struct {
	code int
	err  error
}

func (e *exitWith) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitWith) Unwrap() error { return e.err }

// usage marks an error as the caller's way of calling.
func usage(format string, args ...any) error {
	return &exitWith{exitUsage, fmt.Errorf(format, args...)}
}

// missing marks an error as something that is not there.
func missing(format string, args ...any) error {
	return &exitWith{exitNotFound, fmt.Errorf(format, args...)}
}

// report prints an error once and gives its exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	var with *exitWith
	code := codeOf(err)
	if errors.As(err, &with) {
		code = with.code
		if with.err == nil {
			return code
		}
	}
	if code == exitInterrupt {
		fmt.Fprintln(w, "interrupted")
		return code
	}
	fmt.Fprintln(w, "ficha:", explain(err))
	return code
}

// codeOf gives the exit code of an error that carries none. What a hub refuses as
// badly put was put so on the command line.
func codeOf(err error) int {
	var problem *client.Problem
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupt
	case errors.Is(err, events.ErrNotFound):
		return exitNotFound
	case errors.Is(err, events.ErrConflict):
		return exitConflict
	case errors.As(err, &problem) && (problem.Status == http.StatusBadRequest || problem.Status == http.StatusUnprocessableEntity):
		return exitUsage
	}
	return exitError
}
