package pebblestore

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// plainGets is how many rows a snapshot gives the plain way. Whoever asks for
	// more is likely to ask for many: then an iterator that is kept is twice as
	// fast, which costs a few look-ups to make.
	plainGets = 4
	// mostSpares bounds the iterators of a kind that wait for their next use.
	mostSpares = 8
)

// spares are a snapshot's iterators that nobody uses at the moment. Making an
// iterator costs as much as several look-ups with it.
type spares struct {
	gets   int                // rows asked for, up to plainGets
	points []*pebble.Iterator // without bounds, with filters at the lowest level
	ranges []*pebble.Iterator // with the bounds of their last use
}

// find gives a copy of the value at a whole key. Callers hold mu shared.
func (s *snapshot) find(key []byte) (value []byte, ok bool, err error) {
	it, err := s.pointer()
	if err != nil {
		return nil, false, err
	}
	if it == nil {
		return s.findPlainly(key)
	}
	if ok = it.SeekPrefixGE(key) && bytes.Equal(it.Key(), key); ok {
		value = append([]byte{}, it.Value()...)
	}
	err = it.Error()
	s.spare(&s.spares.points, it)
	return value, ok && err == nil, err
}

func (s *snapshot) findPlainly(key []byte) ([]byte, bool, error) {
	v, closer, err := s.view.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return append([]byte{}, v...), true, closer.Close()
}

// pointer gives an iterator for whole keys, or nil while it does not pay.
func (s *snapshot) pointer() (*pebble.Iterator, error) {
	s.register.Lock()
	if s.spares.gets < plainGets {
		s.spares.gets++
		s.register.Unlock()
		return nil, nil
	}
	it := pop(&s.spares.points)
	s.register.Unlock()
	if it != nil {
		return it, nil
	}
	return s.view.NewIter(&pebble.IterOptions{UseL6Filters: true}) // most keys that folds ask for first are new
}

// ranger gives an iterator over keys from ≤ key < to.
func (s *snapshot) ranger(from, to []byte) (*pebble.Iterator, error) {
	s.register.Lock()
	it := pop(&s.spares.ranges)
	s.register.Unlock()
	if it == nil {
		return s.view.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	}
	it.SetBounds(from, to)
	return it, nil
}

// spare keeps an iterator for its next use, unless it failed or there are enough.
// Callers hold mu shared.
func (s *snapshot) spare(kind *[]*pebble.Iterator, it *pebble.Iterator) {
	failed := it.Error() != nil
	s.register.Lock()
	kept := !failed && len(*kind) < mostSpares
	if kept {
		*kind = append(*kind, it)
	}
	s.register.Unlock()
	if !kept {
		_ = it.Close() // its error was given
	}
}

func pop(from *[]*pebble.Iterator) *pebble.Iterator {
	n := len(*from)
	if n == 0 {
		return nil
	}
	it := (*from)[n-1]
	*from = (*from)[:n-1]
	return it
}

// close closes them all. Callers hold the snapshot's mu alone.
func (p *spares) close() {
	for _, it := range append(p.points, p.ranges...) {
		_ = it.Close() // spares have no error
	}
	p.points, p.ranges = nil, nil
}
