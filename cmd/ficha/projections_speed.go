package main

import (
	"sync"
	"time"
)

// speedOver is the time over which a speed is measured.
const speedOver = 10

// speed counts what was done in each of the last seconds. Safe for concurrent use.
type speed struct {
	mu   sync.Mutex
	last int64             // Unix seconds of the newest slot
	done [speedOver]uint64 // by second modulo speedOver
}

func (s *speed) add(now time.Time, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moveTo(now.Unix())
	s.done[now.Unix()%speedOver] += uint64(n)
}

// perSecond is the mean over the last whole seconds and the present one.
func (s *speed) perSecond(now time.Time) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moveTo(now.Unix())
	sum := uint64(0)
	for _, n := range s.done {
		sum += n
	}
	return float64(sum) / speedOver
}

// moveTo empties the slots of the seconds that have gone by. The lock is held.
func (s *speed) moveTo(second int64) {
	for i := max(s.last+1, second-speedOver+1); i <= second; i++ {
		s.done[i%speedOver] = 0
	}
	s.last = max(s.last, second)
}
