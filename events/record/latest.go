package record

import "ficha/events"

// Latest keeps the newest of the statements that each replace the whole of what
// was said before. The zero value has heard nothing.
type Latest[T any] struct {
	Stamp events.Stamp `json:"stamp"`
	Value T            `json:"value"`
}

// Take hears a statement and says whether it is newer than what was known. The
// same statement again is not.
func (l *Latest[T]) Take(s events.Stamp, v T) bool {
	if !l.Stamp.IsZero() && s.Compare(l.Stamp) <= 0 {
		return false
	}
	l.Stamp, l.Value = s, v
	return true
}

// IsZero says whether nothing was stated yet.
func (l Latest[T]) IsZero() bool { return l.Stamp.IsZero() }
