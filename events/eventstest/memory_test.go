package eventstest_test

import (
	"sync"
	"testing"
	"time"

	"ficha/events/eventstest"
)

// clock is a clock that stands where it is set; unset, it runs.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		return time.Now()
	}
	return c.now
}

func (c *clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func TestMemoryLog(t *testing.T) {
	eventstest.Exercise(t, func(*testing.T) eventstest.LogUnderTest {
		c := &clock{}
		l := eventstest.NewLog(c.Now)
		return eventstest.LogUnderTest{Log: l, CountDoor: l.CountDoor, SetClock: c.Set}
	})
}
