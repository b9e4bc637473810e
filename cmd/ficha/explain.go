package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"
	"unicode"

	"ficha/api/client"
	"ficha/events"
)

// explain says an error in the words of somebody at a shell: what happened, and
// what to do about it. What the API says to programs (headers, codes, pointers)
// is left out where it helps nobody here.
func explain(err error) string {
	msg := err.Error()
	var problem *client.Problem
	if errors.As(err, &problem) {
		return strings.Replace(msg, problem.Error(), problemText(problem), 1)
	}
	var away *client.Unreachable
	if errors.As(err, &away) {
		return strings.Replace(msg, away.Error(), unreachableText(away), 1)
	}
	if errors.Is(err, syscall.EAGAIN) {
		return msg + "; another program has these files open: stop it, or ask the hub that runs there with --url"
	}
	return strings.TrimSuffix(msg, ": "+events.ErrInvalid.Error())
}

// problemText says what a hub that answers objects to.
func problemText(p *client.Problem) string {
	text := lowerFirst(strings.TrimSuffix(p.Detail, "."))
	if text == "" {
		text = p.Title
	}
	switch p.Status {
	case http.StatusUnauthorized:
		return "the hub wants a key that it knows: set FICHA_KEY, or FICHA_KEY_FILE to a file that holds one (an admin makes them with: ficha key create)"
	case http.StatusForbidden:
		return "the key may not do that; " + text
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return wrongText(p, text)
	case http.StatusTooManyRequests:
		return text + "; try again in a while"
	case http.StatusPreconditionFailed:
		return text + overtakenText(p)
	}
	if p.Status >= http.StatusInternalServerError && p.TraceID != "" {
		return fmt.Sprintf("%s (%d %s; the hub's log has more at trace=%s)", text, p.Status, p.Code, p.TraceID)
	}
	return text
}

// overtakenText says who was first, as far as the hub knows, where the problem's
// own words do not.
func overtakenText(p *client.Problem) string {
	o := p.Conflict
	if o == nil || o.By == "" || strings.Contains(p.Detail, o.By) {
		return ""
	}
	return fmt.Sprintf("\n  changed by %s at %s: %s", o.By, o.At.UTC().Format(time.RFC3339), o.What)
}

// wrongText says what is wrong with a request, each thing once.
func wrongText(p *client.Problem, text string) string {
	lines := []string{}
	for _, e := range p.Errors {
		said := e.Detail + e.Message
		if where := strings.TrimPrefix(e.Pointer, "/"); where != "" && !strings.Contains(text, said) {
			said = where + ": " + said
		}
		lines = append(lines, said)
	}
	switch {
	case len(lines) == 0:
		lines = []string{text}
	case !strings.HasPrefix(text, "see errors") && !strings.Contains(lines[0], text) && !strings.Contains(text, lines[0]):
		lines = append([]string{text}, lines...)
	}
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], ": "+events.ErrInvalid.Error())
	}
	return strings.Join(lines, "\n  ")
}

// unreachableText says why there was no answer at all.
func unreachableText(u *client.Unreachable) string {
	var untrusted x509.UnknownAuthorityError
	switch {
	case errors.Is(u, syscall.ECONNREFUSED):
		return "no hub answers at " + u.URL + "; start one with: ficha serve, or say where it is with --url or --data"
	case errors.As(u, &untrusted):
		return "the certificate of " + u.URL + " is signed by nobody this machine trusts; set SSL_CERT_FILE to its authority's certificate"
	}
	return u.Error()
}

// lowerFirst makes a sentence the rest of one, unless it begins with an
// abbreviation.
func lowerFirst(s string) string {
	if len(s) < 2 || unicode.IsUpper(rune(s[1])) {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
