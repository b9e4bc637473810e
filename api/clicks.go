package api

import (
	"hash/maphash"
	"sync"

	"ficha/events"
)

// clicks remembers the latest repeatable writes of this process. What is older is
// found in the id index, which may stand a moment behind the acknowledgement.
type clicks struct {
	seed    maphash.Seed
	stripes [64]stripe
}

// stripe holds a part of the clicks; its lock is held while one is written.
type stripe struct {
	mu      sync.Mutex
	written map[string]written // by event id
}

type written struct {
	mark     string
	position events.Position
}

// maxRemembered bounds a stripe.
const maxRemembered = 128

func newClicks() *clicks { return &clicks{seed: maphash.MakeSeed()} }

func (c *clicks) of(id string) *stripe {
	return &c.stripes[maphash.String(c.seed, id)%uint64(len(c.stripes))]
}

// remember notes a write. The lock is held.
func (s *stripe) remember(id string, w written) {
	if s.written == nil || len(s.written) >= maxRemembered {
		s.written = map[string]written{}
	}
	s.written[id] = w
}
