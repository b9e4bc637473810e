package golden

import (
	"strings"

	"ficha/internal/phonetic"
	"ficha/projections"
)

// names finds records by the words of their names, and where that gives less than
// was asked for, by their sounds.
func (s *search) names(words []string) {
	q := newNameQuery(words)
	cs := make([]cursor, len(words))
	for i, w := range words {
		cs[i] = cursor{newRun('n', w, i == len(words)-1)}
	}
	s.postings(cs, q, FoundName)
	if s.whole >= s.wanted {
		return
	}
	for i, sound := range q.sounds { // a word that is its own sound stands under itself
		cs[i] = cursor{newRun('s', sound, false), newRun('n', sound, false)}
	}
	s.postings(cs, q, FoundSound)
}

// cursor is how far the index rows of one word have been read.
type cursor []run

func (c cursor) done() bool {
	for _, r := range c {
		if r.from != nil {
			return false
		}
	}
	return true
}

// run is a range of index rows that is read in chunks; from is nil at its end.
type run struct{ from, to []byte }

// newRun gives the rows of a word, or of all words that begin with it.
func newRun(space byte, word string, unfinished bool) run {
	prefix := append([]byte{space}, word...)
	if !unfinished {
		prefix = append(prefix, 0)
	}
	return run{from: prefix, to: projections.PrefixEnd(prefix)}
}

// postings reads the index rows of all words in turn, so that the rarest one is
// done first: whoever matches every word has been seen by then.
func (s *search) postings(cs []cursor, q *nameQuery, by Found) {
	for done := 0; done <= q.mayMiss && done < len(cs) && !s.enough(); {
		done = 0
		for _, c := range cs {
			for i := range c {
				if c[i].from != nil {
					s.chunk(&c[i], q, by)
				}
			}
			done += yes(c.done())
		}
	}
}

// postingsChunk is how many rows of one word are read before the next word's turn.
const postingsChunk = 256

func (s *search) chunk(r *run, q *nameQuery, by Found) {
	var resume []byte
	n := 0
	s.in.Scan(searchTokens, projections.Range{From: r.from, To: r.to, Limit: postingsChunk}, func(row projections.Row) bool {
		n++
		if score, missed := q.score(string(row.Value), by); score > 0 {
			s.add(uuidAtEnd(row.Key), by, score)
			s.whole += yes(missed == 0)
		}
		resume = append(append(resume[:0], row.Key...), 0)
		return true
	})
	s.read += n
	r.from = resume
	if n < postingsChunk {
		r.from = nil
	}
}

// nameQuery matches folded names.
type nameQuery struct {
	words   []string
	sounds  []string
	mayMiss int // words that a name may lack: a record often has one surname only
}

func newNameQuery(words []string) *nameQuery {
	q := &nameQuery{words: words, sounds: make([]string, len(words))}
	for i, w := range words {
		q.sounds[i] = phonetic.Spanish(w)
	}
	if len(words) > 2 {
		q.mayMiss = 1
	}
	return q
}

// maxTokens is how many words of a name are compared.
const maxTokens = 16

// score says how well a folded name matches, 0 for not at all, and how many words
// it lacks. Every word of the name counts once.
func (q *nameQuery) score(name string, by Found) (score, missed int) {
	var store [maxTokens]string
	tokens := store[:0]
	for t := range strings.SplitSeq(name, " ") {
		if len(tokens) < maxTokens {
			tokens = append(tokens, t)
		}
	}
	var used [maxTokens]bool
	points := 0
	for i := range q.words {
		p := q.take(i, tokens, &used, by)
		if p == 0 {
			if missed++; missed > q.mayMiss {
				return 0, missed
			}
		}
		points += p
	}
	extra := min(len(tokens)-(len(q.words)-missed), 9) // words that were not asked for
	return points/len(q.words) + 10 - extra - missed, missed
}

// take finds the best unused token for word i and gives its score, 0 for none.
func (q *nameQuery) take(i int, tokens []string, used *[maxTokens]bool, by Found) int {
	best, at := 0, -1
	for k, t := range tokens {
		if used[k] {
			continue
		}
		p := 0
		switch {
		case t == q.words[i]:
			p = scoreWord
		case i == len(q.words)-1 && strings.HasPrefix(t, q.words[i]):
			p = scoreBegin
		case by == FoundSound && phonetic.Spanish(t) == q.sounds[i]:
			p = scoreSound
		}
		if p > best {
			best, at = p, k
		}
	}
	if at >= 0 {
		used[at] = true
	}
	return best
}
