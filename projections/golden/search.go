package golden

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/internal/document"
	"ficha/internal/text"
	"ficha/projections"
)

// Found says by what a search found a customer.
type Found string

// What a search goes by.
const (
	FoundID       Found = "id"       // a record's uuid, or its id at the source
	FoundPhone    Found = "phone"    // the number, or a part of it
	FoundEmail    Found = "email"    // the address, or its beginning
	FoundHandle   Found = "handle"   // the name on a network, or its beginning
	FoundDocument Found = "document" // the number, or its beginning
	FoundName     Found = "name"     // its words, in any order
	FoundSound    Found = "sound"    // words that sound the same
)

// Hit is a customer that a search found.
type Hit struct {
	ID          uuid.UUID   `json:"id"`
	Kind        events.Kind `json:"kind,omitempty"`
	DisplayName string      `json:"display_name"`
	Live        bool        `json:"live"`
	Found       Found       `json:"found"`
	Score       int         `json:"score"` // 0–100, for the order only
}

// Scores. A whole value beats a part of one; a name has the mean of its words.
const (
	scoreWhole  = 100
	scoreOrigin = 95 // an id at some source: short ones are common
	scorePart   = 60 // of a value
	scoreWord   = 80 // the very word
	scoreBegin  = 70 // a word that begins so
	scoreSound  = 50 // a word that sounds so
)

// What bounds one search: the index rows that it reads, and the full matches among
// them after which it stops and ranks. Of a very common name it finds some; more
// words narrow it down.
const (
	maxPostings = 20_000
	minRanked   = 500
)

// MaxHits is the most that a search gives.
const MaxHits = 200

// Search gives the customers that q may mean, best first, at most limit (0:
// MaxHits). It takes names in any word order, without accents, the last word
// unfinished, or as they sound; at least four digits of a phone number; e-mail
// addresses, documents and handles from their beginning; ids at the source and
// uuids. Values that a customer once had find it too.
func Search(ctx context.Context, r projections.Reader, q string, limit int) ([]Hit, error) {
	if limit <= 0 || limit > MaxHits {
		limit = MaxHits
	}
	s := &search{in: &reading{ctx: ctx, r: r}, best: map[uuid.UUID]Hit{}, wanted: limit}
	s.run(q)
	if s.in.err != nil {
		return nil, s.in.err
	}
	hits := s.ranked(limit)
	return hits, s.in.err
}

// search gathers the best hit of each record.
type search struct {
	in     *reading
	best   map[uuid.UUID]Hit // by record
	wanted int
	read   int // index rows so far
	whole  int // matches of all that was asked for
}

func (s *search) run(q string) {
	q = strings.TrimSpace(q)
	if q == "" || len(q) > 512 {
		return
	}
	if id, err := uuid.Parse(q); err == nil {
		if _, ok := customerOf(s.in, id); ok {
			s.match(id, FoundID, scoreWhole)
		}
		return
	}
	folded := text.Fold(q)
	s.scan(searchTokens, append([]byte("i"+folded), 0), func(row projections.Row) { s.match(uuidAtEnd(row.Key), FoundID, scoreOrigin) })
	s.points(q)
	s.documents(q)
	if hasDigits(q) {
		s.fragments(q)
	}
	if words := text.Tokens(q); len(words) > 0 && !strings.Contains(q, "@") && strings.ContainsFunc(folded, unicode.IsLetter) {
		s.names(words)
	}
}

// enough says whether there is no use in reading on.
func (s *search) enough() bool {
	return s.read >= maxPostings || s.whole >= max(minRanked, 10*s.wanted) || s.in.err != nil
}

// match adds a record that matches all of what was asked for.
func (s *search) match(record uuid.UUID, by Found, score int) {
	s.whole++
	s.add(record, by, score)
}

func (s *search) add(record uuid.UUID, by Found, score int) {
	if h, ok := s.best[record]; !ok || score > h.Score {
		s.best[record] = Hit{Found: by, Score: score}
	}
}

// scan yields the rows with a prefix while the search may read on.
func (s *search) scan(t projections.Table, prefix []byte, yield func(projections.Row)) {
	s.in.Scan(t, projections.Prefix(prefix), func(row projections.Row) bool {
		s.read++
		yield(row)
		return !s.enough()
	})
}

// points finds whole phones, e-mail addresses and handles, and the latter two
// from their beginning.
func (s *search) points(q string) {
	if p, ok := contactpoint.Phone(q, ""); ok && !strings.ContainsFunc(q, unicode.IsLetter) {
		scanHolders(s.in, p, func(id uuid.UUID, _ []byte) { s.match(id, FoundPhone, scoreWhole) })
	}
	if p, ok := contactpoint.Email(q); ok {
		scanHolders(s.in, p, func(id uuid.UUID, _ []byte) { s.match(id, FoundEmail, scoreWhole) })
	}
	lower := strings.ToLower(strings.TrimLeft(q, "@"))
	if len(lower) < minFragment || strings.ContainsAny(lower, " \x00") {
		return
	}
	s.scan(contactPoints, []byte(string(contactpoint.KindEmail)+":"+lower), func(row projections.Row) { s.match(uuidAtEnd(row.Key), FoundEmail, scorePart) })
	s.scan(contactPoints, []byte(string(contactpoint.KindHandle)+":"+lower), func(row projections.Row) { s.match(uuidAtEnd(row.Key), FoundHandle, scorePart) })
}

func (s *search) documents(q string) {
	d, ok := document.Normalise("", q, "")
	if !ok {
		return
	}
	s.scan(documents, []byte(d.NumberKey()), func(row projections.Row) {
		score := scorePart
		if number, _, _ := strings.Cut(string(row.Key), "\x00"); number == d.NumberKey() {
			score = scoreWhole
		}
		s.match(uuidAtEnd(row.Key), FoundDocument, score)
	})
}

// hasDigits says whether q is a number as people write one, long enough to look for.
func hasDigits(q string) bool {
	n := 0
	for _, c := range q {
		switch {
		case '0' <= c && c <= '9':
			n++
		case unicode.IsLetter(c):
			return false
		}
	}
	return n >= minFragment
}

// fragments finds numbers that contain the digits of q. The index has every
// second end of each number, so a fragment begins one of them, or does so without
// its first digit.
func (s *search) fragments(q string) {
	digits := strings.Map(func(c rune) rune {
		if '0' <= c && c <= '9' {
			return c
		}
		return -1
	}, q)
	for _, begin := range [...]string{digits, digits[1:]} {
		s.scan(searchTokens, []byte("d"+begin), func(row projections.Row) {
			if strings.Contains(string(row.Value), digits) {
				s.match(uuidAtEnd(row.Key), FoundPhone, scorePart+min(len(digits), 15))
			}
		})
	}
}

// ranked gives one hit a customer, best first.
func (s *search) ranked(limit int) []Hit {
	type found struct {
		record uuid.UUID
		Hit
	}
	all := make([]found, 0, len(s.best))
	for record, h := range s.best {
		all = append(all, found{record, h})
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(string(a.Found), string(b.Found)), compareIDs(a.record, b.record))
	})
	hits := make([]Hit, 0, min(limit, len(all)))
	seen := map[uuid.UUID]bool{}
	for _, f := range all {
		id, ok := customerOf(s.in, f.record)
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		f.ID = id
		if c, ok := readDocument(s.in, id); ok {
			f.Kind, f.DisplayName, f.Live = c.Kind, c.DisplayName, c.Live
		}
		if hits = append(hits, f.Hit); len(hits) == limit {
			break
		}
	}
	return hits
}
