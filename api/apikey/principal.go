package apikey

import (
	"fmt"
	"slices"
	"strings"

	"ficha/events"
)

// Role says what a principal may do; the table role × route is in package api.
type Role string

// The roles. Privacy and Auditor are reserved: they can be given, no route of
// this version admits them.
const (
	Publisher Role = "publisher" // appends for its own sources
	Agent     Role = "agent"     // serves customers; sees documents and birth dates masked
	Steward   Role = "steward"   // decides reviews, merges and splits
	Operator  Role = "operator"  // runs the hub: status, dead letters
	Privacy   Role = "privacy"
	Admin     Role = "admin" // everything
	Auditor   Role = "auditor"
	System    Role = "system" // checks and reads for a dialler or another system
)

// Roles gives every role, in the order above.
func Roles() []Role {
	return []Role{Publisher, Agent, Steward, Operator, Privacy, Admin, Auditor, System}
}

// Principal is who calls: what a key stands for.
type Principal struct {
	ID      string   // the key's id
	Name    string   // given at creation, for audit and `via.agent`; no personal data of customers
	Roles   []Role   // sorted, at least one
	Sources []string // that a publisher may append for, each with everything below it; "*": all
}

// Has says whether the principal has at least one of the roles.
func (p Principal) Has(roles ...Role) bool {
	return slices.ContainsFunc(p.Roles, func(r Role) bool { return slices.Contains(roles, r) })
}

// Owns says whether source is one of the principal's, or lies below one.
func (p Principal) Owns(source string) bool {
	return slices.ContainsFunc(p.Sources, func(own string) bool {
		return own == "*" || source == own || strings.HasPrefix(source, strings.TrimSuffix(own, "/")+"/")
	})
}

// checkGrant says what is wrong with a name, roles and sources.
func checkGrant(name string, roles []Role, sources []string) error {
	if name == "" || len(name) > 128 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("key name must have 1 to 128 characters, none of them control: %w", events.ErrInvalid)
	}
	if len(roles) == 0 {
		return fmt.Errorf("key needs at least one role: %w", events.ErrInvalid)
	}
	for _, r := range roles {
		if !slices.Contains(Roles(), r) {
			return fmt.Errorf("no role %q, only %v: %w", r, Roles(), events.ErrInvalid)
		}
	}
	if slices.Contains(roles, Publisher) && len(sources) == 0 {
		return fmt.Errorf("publisher needs at least one source: %w", events.ErrInvalid)
	}
	for _, s := range sources {
		if s != "*" && !strings.HasPrefix(s, "/") && !strings.Contains(s, ":") {
			return fmt.Errorf("source %q is no URI reference such as /crm/bank: %w", s, events.ErrInvalid)
		}
	}
	return nil
}
