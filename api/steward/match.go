package steward

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/review"
)

// tag is the strong ETag of an item: its version and its claim's revision.
func tag(version events.Position, claim uint64) string {
	return fmt.Sprintf(`"%d-%d"`, version, claim)
}

// decisionOf reads the id of a decision's event, see review.DecisionEventID: which
// item was decided at which version.
func decisionOf(e events.EventID) (item uuid.UUID, version events.Position, ok bool) {
	parts := strings.Split(e.ID, ".")
	if e.Source != Source || len(parts) != 4 || parts[0] != "review" {
		return uuid.Nil, 0, false
	}
	item, err := uuid.Parse(parts[1])
	if err != nil {
		return uuid.Nil, 0, false
	}
	version, err = events.ParsePosition(parts[2])
	return item, version, err == nil
}

// match is an If-Match header.
type match string

// any says that the caller takes the item as it is.
func (m match) any() bool { return strings.TrimSpace(string(m)) == "*" }

// names says whether it names the tag. A weak tag is equal to nothing.
func (m match) names(tag string) bool {
	for t := range strings.SplitSeq(string(m), ",") {
		if strings.TrimSpace(t) == tag {
			return true
		}
	}
	return false
}

// versions gives the versions of items that the tags are of.
func (m match) versions() []events.Position {
	var all []events.Position
	for t := range strings.SplitSeq(string(m), ",") {
		version, _, ok := strings.Cut(strings.Trim(strings.TrimSpace(t), `"`), "-")
		if n, err := strconv.ParseUint(version, 10, 64); ok && err == nil {
			all = append(all, events.Position(n))
		}
	}
	return all
}

// against says whether somebody who sent m may change the item as it is: nil, or
// what came between. The claim in a tag protects from what others claimed since,
// and from nothing else.
func (v *View) against(m match, by string) error {
	free := v.Claim == nil || v.Claim.By == by
	switch {
	case strings.TrimSpace(string(m)) == "":
		return ErrPrecondition
	case m.names(v.ETag), free && v.seenAt(m):
		return nil
	}
	return v.conflict(m)
}

// waits says whether somebody may decide or claim the item.
func (v *View) waits() bool { return v.State == review.StateOpen || v.State == review.StateUnsure }

// settled refuses somebody to whom the item does not wait any more: who saw that it
// is decided is told to undo that first, who takes it as it is who was before him.
func (v *View) settled(m match) error {
	if v.Kind == review.KindVerdict || m.names(v.ETag) {
		return ErrDecided
	}
	return v.conflict(m)
}

// conflict tells what came between m and the item of now.
func (v *View) conflict(m match) *Conflict {
	c := &Conflict{What: WhatChanged, ETag: v.ETag}
	switch d := v.Decision; {
	case d != nil && d.Withdrawn != nil:
		c.What, c.By, c.At = WhatUndone, d.Withdrawn.By, d.Withdrawn.At
	case d != nil:
		c.What, c.By, c.At, c.Verdict = WhatDecided, d.By, d.At, d.Verdict
	case v.Claim != nil && v.seenAt(m):
		c.What, c.By, c.At = WhatClaimed, v.Claim.By, v.Claim.At
	}
	return c
}

// seenAt says whether m names the version of now, or any.
func (v *View) seenAt(m match) bool {
	if m.any() {
		return true
	}
	for _, version := range m.versions() {
		if version == v.Version {
			return true
		}
	}
	return false
}
