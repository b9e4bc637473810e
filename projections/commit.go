package projections

import (
	"bytes"
	"cmp"
	"fmt"

	"ficha/events"
)

// Valid says whether t is a table's name: 1 to 63 lower-case letters, digits and
// underscores, a letter first. Other names hold no rows.
func (t Table) Valid() bool {
	if len(t) == 0 || len(t) > 63 || t[0] < 'a' || t[0] > 'z' {
		return false
	}
	for i := range len(t) {
		c := t[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// Validate says with an ErrInvalid what is wrong with the commit, naming no key.
// Stores call it before they write anything.
func (c Commit) Validate() error {
	if c.Runner == "" {
		return fmt.Errorf("check commit: no runner: %w", events.ErrInvalid)
	}
	if c.To < c.At {
		return fmt.Errorf("check commit of %s: position would go back from %d to %d: %w", c.Runner, c.At, c.To, events.ErrInvalid)
	}
	for i, ch := range c.Changes {
		if !ch.Table.Valid() {
			return fmt.Errorf("check commit of %s: table %q: bad name: %w", c.Runner, ch.Table, events.ErrInvalid)
		}
		if i > 0 && c.Changes[i-1].compare(ch) >= 0 {
			return fmt.Errorf("check commit of %s: change %d of %s is out of order or repeated: %w", c.Runner, i, ch.Table, events.ErrInvalid)
		}
	}
	return nil
}

// compare orders changes by table, then key.
func (c Change) compare(o Change) int {
	return cmp.Or(cmp.Compare(c.Table, o.Table), bytes.Compare(c.Key, o.Key))
}
