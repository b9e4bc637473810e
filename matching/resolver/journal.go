package resolver

import (
	"slices"

	"github.com/google/uuid"

	"ficha/matching"
)

// journal remembers how to take back what a supposition changes in a [Book]. It
// is written to only while one is made; deciding in earnest costs a test of a
// flag. Everything of the book that later decisions depend on is changed behind
// keep, member or record.
type journal struct {
	open bool
	undo []func()
}

// suppose calls f, which may change the book as it likes, and then puts the book
// back as it was, from the last change to the first.
func (b *Book) suppose(f func()) {
	b.journal.open = true
	defer b.journal.takeBack()
	f()
}

func (j *journal) takeBack() {
	j.open = false
	for _, undo := range slices.Backward(j.undo) {
		undo()
	}
	clear(j.undo) // what the functions hold on to may go
	j.undo = j.undo[:0]
}

// keep notes what a map holds at a key that is about to change.
func keep[M ~map[K]V, K comparable, V any](j *journal, m M, k K) {
	if !j.open {
		return
	}
	v, had := m[k]
	j.undo = append(j.undo, func() {
		if had {
			m[k] = v
		} else {
			delete(m, k)
		}
	})
}

// member notes what is known of a member that is about to change.
func (j *journal) member(m *member) {
	if j.open {
		was := *m
		j.undo = append(j.undo, func() { *m = was })
	}
}

// record notes what the index holds of a record that is about to be put or removed.
func (j *journal) record(x *matching.Index, id uuid.UUID) {
	if !j.open {
		return
	}
	was, had := x.Get(id)
	j.undo = append(j.undo, func() {
		if had {
			x.Put(was)
		} else {
			x.Remove(id)
		}
	})
}

// note adds a step to take back that fits none of the others.
func (j *journal) note(undo func()) {
	if j.open {
		j.undo = append(j.undo, undo)
	}
}
