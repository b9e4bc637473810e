package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits spreads requests: each key has its own allowance, so that one caller
// gone wild does not take the hub from the others. Keys are few and known, so
// the map stays small.
type limits struct {
	perSecond float64 // 0: no limit
	clock     func() time.Time

	mu    sync.Mutex
	byKey map[string]*rate.Limiter
}

func newLimits(perSecond float64, clock func() time.Time) *limits {
	return &limits{perSecond: perSecond, clock: clock, byKey: map[string]*rate.Limiter{}}
}

func (l *limits) allow(key string) bool {
	if l.perSecond <= 0 {
		return true
	}
	l.mu.Lock()
	limiter := l.byKey[key]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(l.perSecond), max(1, int(2*l.perSecond)))
		l.byKey[key] = limiter
	}
	l.mu.Unlock()
	return limiter.AllowN(l.clock(), 1)
}
