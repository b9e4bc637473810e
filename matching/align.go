package matching

// alignment pairs the words of two names. Exact pairs come first, those in the
// same role before others; then the best of the rest. partner[i] is the word of b
// that word i of a stands with, or none.
type alignment struct {
	partner    [maxWords]int8
	likeness   [maxWords]uint8 // level of the pair
	usedB      uint16
	joined     bool // several words on one side are one on the other
	joinedRole role
	joinedRare int32
	joinedLike uint8
}

const (
	none          = -1
	joinedPartner = -2 // it is part of the word that was joined
)

func (al *alignment) pair(i, j int, level uint8) {
	al.partner[i], al.likeness[i] = int8(j), level
	al.usedB |= 1 << j
}

func (al *alignment) pairB(j int) { al.usedB |= 1 << j }

func (al *alignment) freeB(j int) bool { return al.usedB&(1<<j) == 0 }

// align pairs a with b. It does not look at roles beyond preferring equal ones.
func (al *alignment) align(a, b []word) {
	left := len(a)
	for i := range a {
		al.partner[i] = none
	}
	for _, sameRole := range [2]bool{true, false} {
		for i := range a {
			if al.partner[i] != none {
				continue
			}
			for j := range b {
				if a[i].hash == b[j].hash && al.freeB(j) && (a[i].role == b[j].role) == sameRole {
					al.pair(i, j, wordSame)
					left--
					break
				}
			}
		}
	}
	if left == 0 || len(a)-left == len(b) {
		return
	}
	l := al.leftovers(a, b)
	if al.join(a, b, &l); !al.joined {
		al.fuzzy(a, b)
	}
}

// fuzzy pairs what is left by likeness, best level first, equal roles first.
func (al *alignment) fuzzy(a, b []word) {
	var like [maxWords][maxWords]uint8
	best := uint8(wordDifferent)
	for i := range a {
		for j := range b {
			like[i][j] = wordDifferent
			if al.partner[i] == none && al.freeB(j) {
				like[i][j] = likeness(&a[i], &b[j])
				best = min(best, like[i][j])
			}
		}
	}
	for level := best; level < wordPart; level++ {
		for _, sameRole := range [2]bool{true, false} {
			for i := range a {
				for j := range b {
					if like[i][j] == level && al.partner[i] == none && al.freeB(j) && (a[i].role == b[j].role) == sameRole {
						if sameRole || level < wordInitial {
							al.pair(i, j, level)
						}
					}
				}
			}
		}
	}
}

// likeness is the level of two words that are not the same.
func likeness(a, b *word) uint8 {
	if a.initial() || b.initial() {
		if a.initial() && a.letters&b.firsts != 0 || b.initial() && b.letters&a.firsts != 0 {
			return wordInitial
		}
		return wordDifferent
	}
	if a.role != familyRole && b.role != familyRole && a.shareFormal(b) {
		return wordNickname
	}
	if a.sound == b.sound {
		return wordSound
	}
	if tooFar(a.letters, b.letters, 2) {
		return a.partLikeness(b)
	}
	switch d := edits(a.text, b.text); {
	case d == 1 && min(len(a.text), len(b.text)) >= 3 || d == 2 && min(len(a.text), len(b.text)) >= 8:
		if a.listed(b) {
			return wordLookalike
		}
		return wordClose
	case d <= 1 && a.text[0] == b.text[0], d == 2 && min(len(a.text), len(b.text)) >= 5:
		if !a.listed(b) {
			return wordFar
		}
	}
	return a.partLikeness(b)
}

// partLikeness: one word cut short ("Alej", "Fern"), or the same consonants with
// other vowels ("Mohamed", "Muhammad").
func (w *word) partLikeness(o *word) uint8 {
	short, long := w.text, o.text
	if len(short) > len(long) {
		short, long = long, short
	}
	switch prefix := len(short) >= 3 && len(long) >= 5 && long[:len(short)] == short; {
	case !prefix && (w.bones == 0 || w.bones != o.bones):
		return wordDifferent
	case w.listed(o) && len(short) < 6:
		return wordLookalike
	}
	return wordFar
}

// listed says that both words are known names, so that their likeness is no typo:
// Mario and Maria, Marin and Martin.
func (w *word) listed(o *word) bool {
	return w.flags&o.flags&(flagKnownGiven|flagKnownFamily) != 0
}

func (w *word) shareFormal(o *word) bool {
	for _, f := range w.formalIDs() {
		for _, g := range o.formalIDs() {
			if f == g {
				return true
			}
		}
	}
	return false
}

// leftovers are the words that found no partner.
type leftovers struct {
	a, b           [maxWords]int8
	countA, countB int
}

func (al *alignment) leftovers(a, b []word) leftovers {
	var l leftovers
	for i := range a {
		if al.partner[i] == none {
			l.a[l.countA] = int8(i)
			l.countA++
		}
	}
	for j := range b {
		if al.freeB(j) {
			l.b[l.countB] = int8(j)
			l.countB++
		}
	}
	return l
}

// join looks for several leftover words of one side that are one word of the
// other ("Law-rence", "GarciaLopez"), and pairs them.
func (al *alignment) join(a, b []word, l *leftovers) {
	switch {
	case l.countA == 1 && l.countB > 1:
		if al.joinWords(&a[l.a[0]], b, l.b[:l.countB]) {
			al.partner[l.a[0]] = joinedPartner
			al.usedB = 1<<len(b) - 1
		}
	case l.countB == 1 && l.countA > 1:
		if al.joinWords(&b[l.b[0]], a, l.a[:l.countA]) {
			for _, i := range l.a[:l.countA] {
				al.partner[i] = joinedPartner
			}
			al.pairB(int(l.b[0]))
		}
	}
}

func (al *alignment) joinWords(whole *word, of []word, parts []int8) bool {
	if len(whole.text) < 5 {
		return false
	}
	var buffer [4 * longestWord]byte
	text := buffer[:0]
	rare := int32(0)
	for _, i := range parts {
		text = append(text, of[i].text...)
		if len(text) > longestWord {
			return false
		}
		rare += int32(of[i].family)
	}
	switch d := edits(whole.text, string(text)); {
	case d == 0:
		al.joinedLike = wordSame
	case d == 1:
		al.joinedLike = wordClose
	default:
		return false
	}
	al.joined, al.joinedRole = true, whole.role
	al.joinedRare = min(rare, int32(max(whole.family, whole.given)))
	return true
}
