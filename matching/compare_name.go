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
	best, more   int32 // rarity-weighted: the rarest agreement, and the sum of the others
	kin          int32
	level        uint8
	matched      bool
	leftA, leftB int // words without a partner
	married      bool
	initials     bool // one of those is an initial
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

func compareName(c *compiled, a, b *name) nameOutcome {
	if len(a.words) == 0 || len(b.words) == 0 {
		return noName
	}
	var al alignment
	al.align(a.words, b.words)
	al.unswap(a.words, b.words)
	l := al.leftovers(a.words, b.words)
	if l.countA > 0 && l.countB > 0 {
		al.join(a.words, b.words, &l)
	}
	var given, family tally
	out := nameOutcome{}
	for i := range a.words {
		if j := al.partner[i]; j != none {
			x, y := &a.words[i], &b.words[j]
			out.swapped = out.swapped || x.sure() && y.sure() && x.role != y.role
			if pairRole(x, y) == givenRole {
				given.word(c.given[:], al.likeness[i], min(x.given, y.given))
			} else {
				family.word(c.family[:], al.likeness[i], min(x.family, y.family))
			}
		}
	}
	if al.joined {
		if al.joinedRole == givenRole {
			given.word(c.given[:], al.joinedLike, uint16(al.joinedRare))
		} else {
			family.word(c.family[:], al.joinedLike, uint16(al.joinedRare))
		}
	}
	l.count(a.words, b.words, &given, &family)
	out.sum(c, &given, &family)
	return out
}

func (t *tally) word(levels []weight, level uint8, rarity uint16) {
	w := &levels[level]
	v := w.stranger
	if w.rarity {
		v += int32(rarity)
	}
	t.add(level, v, w.kin)
}

// pairRole is the role of two words that agree: what the source said, else the
// guess on which both agree, else surname.
func pairRole(x, y *word) role {
	switch {
	case x.role == y.role:
		return x.role
	case x.sure() && !y.sure():
		return x.role
	case y.sure() && !x.sure():
		return y.role
	case x.given+1000 < x.family:
		return givenRole
	}
	return familyRole
}

// unswap takes back pairs across sure roles where words on both sides are left:
// Juan Martín and Martín López share a word, not a name.
func (al *alignment) unswap(a, b []word) {
	cross, others := 0, 0
	for i := range a {
		if j := al.partner[i]; j != none {
			if crossed(&a[i], &b[j]) {
				cross++
			} else {
				others++
			}
		}
	}
	if cross == 0 || cross+others == len(a) || cross+others == len(b) {
		return
	}
	for i := range a {
		if j := al.partner[i]; j != none && crossed(&a[i], &b[j]) {
			al.partner[i] = none
			al.usedB &^= 1 << j
		}
	}
}

func crossed(x, y *word) bool { return x.sure() && y.sure() && x.role != y.role }

// count tallies words without a partner.
func (l *leftovers) count(a, b []word, given, family *tally) {
	for _, i := range l.a[:l.countA] {
		l.leave(&a[i], given, family, true)
	}
	for _, j := range l.b[:l.countB] {
		l.leave(&b[j], given, family, false)
	}
}

func (l *leftovers) leave(w *word, given, family *tally, first bool) {
	t := family
	if w.role == givenRole {
		t = given
	}
	t.married = t.married || w.flags&flagMarried != 0
	t.initials = t.initials || w.initial()
	if first {
		t.leftA++
	} else {
		t.leftB++
	}
}

// sum puts both parts together.
func (o *nameOutcome) sum(c *compiled, given, family *tally) {
	o.given, o.family = given.conclude(o, c, c.given[:], 2), family.conclude(o, c, c.family[:], 1)
	o.clash = o.given == wordDifferent && !given.initials
	if o.swapped {
		o.stranger += c.order.stranger
		o.kin += c.order.kin
	}
	o.stranger = min(o.stranger, c.nameCap)
}

// conclude adds one part to the outcome and gives its level. Of further words that
// agree, each counts 1/share: second given names follow the first, surnames do not.
func (t *tally) conclude(o *nameOutcome, c *compiled, levels []weight, share int32) uint8 {
	left := t.leftA > 0 && t.leftB > 0
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
		w := &levels[wordDifferent]
		o.stranger += w.stranger
		o.kin += w.kin
		return wordDifferent
	}
	return absent
}
