package matching

// nameOutcome is what comparing two names says. Levels are absent where a part
// could not be compared.
type nameOutcome struct {
	stranger, kin int32
	given, family uint8
	swapped       bool
	missing       bool // a second surname or given name stands on one side only
	generations   bool // the generations contradict each other
	clash         bool // given names contradict each other, and not by an initial
}

var noName = nameOutcome{given: absent, family: absent}

// compareNames gives the best outcome over all pairs of names of two records.
func compareNames(c *compiled, a, b []name) nameOutcome {
	best, found := noName, false
	for i := range a {
		for j := range b {
			o := compareName(c, &a[i], &b[j])
			if !found || o.stranger > best.stranger {
				best, found = o, true
			}
		}
	}
	best.generations = contradict(a, b)
	return best
}

// contradict: both say which generation, and nothing in common.
func contradict(a, b []name) bool {
	said, same := false, false
	for i := range a {
		for j := range b {
			if a[i].generation != 0 && b[j].generation != 0 {
				said = true
				same = same || a[i].generation == b[j].generation
			}
		}
	}
	return said && !same
}

// tally adds up what the words of one role say.
type tally struct {
	matched            bool
	level              uint8 // of the agreement that weighs most
	best, more         int32 // its weight, and the sum of the others
	kin                int32
	leftA, leftB       int  // words without a partner
	wordsA, wordsB     int  // of these, more than an initial
	initialA, initialB bool // an initial of a, or of b, agrees with something
	unlisted           bool // a word without a partner is no known name
	married            bool // or a husband's surname
}

func (t *tally) add(level uint8, w, kin int32) {
	if !t.matched || w > t.best {
		if t.matched {
			t.more += t.best
		}
		t.best, t.level, t.kin = w, level, kin
	} else {
		t.more += w
	}
	t.matched = true
}

// compareName aligns the words and weighs the result. Where a sure given name
// agrees with a sure surname, either the two words are alike by chance, or one
// source swapped its fields: both readings are weighed, and the better one counts.
func compareName(c *compiled, a, b *name) nameOutcome {
	if len(a.words) == 0 || len(b.words) == 0 {
		return noName
	}
	var al alignment
	al.align(a.words, b.words)
	cross := false
	for i := range a.words {
		if j := al.partner[i]; j >= 0 && crossed(&a.words[i], &b.words[j]) {
			cross = true
		}
	}
	best := al.weigh(c, a, b, asWritten)
	if cross {
		for _, reading := range []reading{firstSwapped, secondSwapped} {
			if o := al.weigh(c, a, b, reading); o.stranger > best.stranger {
				best = o
			}
		}
	}
	return best
}

// reading says whose fields are taken to be swapped.
type reading uint8

const (
	asWritten reading = iota
	firstSwapped
	secondSwapped
)

func crossed(x, y *word) bool { return x.sure() && y.sure() && x.role != y.role }

// weigh adds up an alignment under a reading of the roles. Pairs whose sure roles
// contradict each other under it do not count.
func (al *alignment) weigh(c *compiled, a, b *name, r reading) nameOutcome {
	var given, family tally
	out := nameOutcome{swapped: r != asWritten}
	used := al.usedB
	for i := range a.words {
		x, j := &a.words[i], al.partner[i]
		if j == joinedPartner {
			continue
		}
		if j == none {
			family.pick(&given, x.role.swapped(r == firstSwapped)).leave(x, true)
			continue
		}
		y := &b.words[j]
		if x.sure() && y.sure() && (x.role != y.role) == (r == asWritten) {
			family.pick(&given, x.role.swapped(r == firstSwapped)).leave(x, true)
			used &^= 1 << j
			continue
		}
		if as := pairRole(x, y, r); as == givenRole {
			given.word(c.given[:], al.likeness[i], min(x.given, y.given))
			given.initialA, given.initialB = given.initialA || x.initial(), given.initialB || y.initial()
		} else {
			family.word(c.family[:], al.likeness[i], min(x.family, y.family))
			out.swapped = out.swapped || x.sure() && y.sure() && surnamesBefore(a.words[:i]) != surnamesBefore(b.words[:j])
		}
	}
	for j := range b.words {
		if y := &b.words[j]; used&(1<<j) == 0 {
			family.pick(&given, y.role.swapped(r == secondSwapped)).leave(y, false)
		}
	}
	al.addJoined(c, &given, &family)
	out.sum(c, &given, &family)
	return out
}

func (al *alignment) addJoined(c *compiled, given, family *tally) {
	switch {
	case !al.joined:
	case al.joinedRole == givenRole:
		given.word(c.given[:], al.joinedLike, uint16(al.joinedRare))
	default:
		family.word(c.family[:], al.joinedLike, uint16(al.joinedRare))
	}
}

// surnamesBefore counts the surnames among the words before one.
func surnamesBefore(words []word) int {
	n := 0
	for i := range words {
		if words[i].role == familyRole {
			n++
		}
	}
	return n
}

// pick is the tally of a role; the receiver is that of surnames.
func (t *tally) pick(given *tally, r role) *tally {
	if r == givenRole {
		return given
	}
	return t
}

func (r role) swapped(yes bool) role {
	switch {
	case yes && r == givenRole:
		return familyRole
	case yes && r == familyRole:
		return givenRole
	}
	return r
}

// leave tallies a word without a partner.
func (t *tally) leave(w *word, first bool) {
	t.unlisted = t.unlisted || w.flags&(flagKnownGiven|flagKnownFamily) == 0
	t.married = t.married || w.flags&flagMarried != 0
	left, words := &t.leftB, &t.wordsB
	if first {
		left, words = &t.leftA, &t.wordsA
	}
	*left++
	if !w.initial() {
		*words++
	}
}

// contradicts says that both sides have words left, or that all that agrees is an
// initial beside another whole name: Jorge J. is not Jeannette.
func (t *tally) contradicts() bool {
	if t.leftA > 0 && t.leftB > 0 {
		return true
	}
	return t.matched && t.level == wordInitial && (t.initialA && t.wordsA > 0 || t.initialB && t.wordsB > 0)
}

// pairRole is the role of two words that agree: what the source said, of the side
// that is not swapped; else the guess on which both agree; else what the words are
// better known as.
func pairRole(x, y *word, r reading) role {
	switch {
	case x.role == y.role:
		return x.role
	case x.sure() && y.sure() && r == firstSwapped:
		return y.role
	case x.sure():
		return x.role
	case y.sure():
		return y.role
	case int(x.given)+int(y.given) < int(x.family)+int(y.family):
		return givenRole
	}
	return familyRole
}

func (t *tally) word(levels []weight, level uint8, rarity uint16) {
	w := &levels[level]
	v := w.stranger
	if w.rarity {
		v += int32(rarity)
	}
	t.add(level, v, w.kin)
}

// sum puts both parts together.
func (o *nameOutcome) sum(c *compiled, given, family *tally) {
	o.given, o.family = given.conclude(o, c, c.given[:], 2), family.conclude(o, c, c.family[:], 1)
	o.clash = o.given >= wordDifferent && o.given != absent && given.wordsA > 0 && given.wordsB > 0
	if o.swapped {
		o.stranger += c.order.stranger
		o.kin += c.order.kin
	}
	o.stranger = min(o.stranger, c.nameCap)
}

// conclude adds one part to the outcome and gives its level. Of further words that
// agree, each counts 1/share: second given names follow the first, surnames do not.
func (t *tally) conclude(o *nameOutcome, c *compiled, levels []weight, share int32) uint8 {
	left := t.contradicts()
	switch {
	case t.matched && left && !t.married:
		w := &levels[wordPart]
		o.stranger += t.best + t.more/share + w.stranger
		o.kin += min(t.kin, 0) + w.kin
		return wordPart
	case t.matched:
		o.stranger += t.best + t.more/share
		o.kin += t.kin
		if t.leftA+t.leftB > 0 {
			o.missing = true
			o.stranger += c.second.stranger
			o.kin += c.second.kin
		}
		return t.level
	case left:
		level := uint8(wordDistinct)
		if t.unlisted || t.wordsA == 0 || t.wordsB == 0 {
			level = wordDifferent
		}
		o.stranger += levels[level].stranger
		o.kin += levels[level].kin
		return level
	}
	return absent
}
