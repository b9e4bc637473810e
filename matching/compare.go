package matching

import "strings"

// outcome is one comparison of a pair.
type outcome struct {
	level         uint8
	stranger, kin int32
}

var missing = outcome{level: absent}

func of(levels []weight, level uint8) outcome {
	return outcome{level, levels[level].stranger, levels[level].kin}
}

// compareBirth compares dates of birth; partial ones by the parts that both have.
func compareBirth(c *compiled, a, b date) outcome {
	if !a.known() || !b.known() {
		return missing
	}
	return of(c.birth[:], birthLevel(a, b))
}

func birthLevel(a, b date) uint8 {
	sameYear := a.year == b.year || (a.loose|b.loose)&century != 0 && a.year%100 == b.year%100
	if !a.full() || !b.full() || (a.loose|b.loose)&newYear != 0 {
		return partialBirth(a, b, sameYear)
	}
	sameDay := a.month == b.month && a.day == b.day
	switch swapped := a.month == b.day && a.day == b.month; {
	case sameYear && sameDay:
		return birthSame
	case sameYear && swapped:
		if (a.loose|b.loose)&dayOrMonth != 0 {
			return birthSame
		}
		return birthSwapped
	case digitsApart(a, b) == 1:
		return birthClose
	case sameDay, sameYear && (a.month == b.month || a.day == b.day), a.month == b.month && absInt(a.year-b.year) <= 1:
		return birthNear
	case sameYear, about(a, b):
		return birthAbout
	}
	return yearsApart(a, b)
}

// partialBirth compares a year, or a year and month, with a date. 1 January counts
// as "year only": many systems write it so.
func partialBirth(a, b date, sameYear bool) uint8 {
	switch {
	case sameYear && a.month != 0 && b.month != 0 && a.month != b.month && (a.loose|b.loose)&newYear == 0:
		return birthAbout
	case sameYear:
		return birthYear
	case a.full() && b.full() && digitsApart(a, b) == 1:
		return birthNear
	case absInt(a.year-b.year) <= 1:
		return birthAbout
	}
	return yearsApart(a, b)
}

// about: a month and a year away at most, or a decade.
func about(a, b date) bool {
	years := absInt(a.year - b.year)
	return (years <= 1 || years == 10) && absInt(int16(a.month)-int16(b.month)) <= 1
}

// yearsApart: father and son of one name are a generation apart, so a difference of
// another size is rather a wrong date.
func yearsApart(a, b date) uint8 {
	if years := absInt(a.year - b.year); years >= 15 && years <= 50 {
		return birthGeneration
	}
	return birthDifferent
}

func absInt(n int16) int16 {
	if n < 0 {
		return -n
	}
	return n
}

// digitsApart counts the digits of yyyymmdd that differ, two neighbours that are
// swapped as one.
func digitsApart(a, b date) int {
	x, y := a.digits(), b.digits()
	n := 0
	for i := 0; i < 8; i++ {
		if x[i] == y[i] {
			continue
		}
		n++
		if i < 7 && x[i] == y[i+1] && x[i+1] == y[i] {
			i++
		}
	}
	return n
}

func (d date) digits() [8]byte {
	y := d.year
	return [8]byte{byte(y / 1000), byte(y / 100 % 10), byte(y / 10 % 10), byte(y % 10), d.month / 10, d.month % 10, d.day / 10, d.day % 10}
}

func compareGender(c *compiled, a, b byte) outcome {
	switch {
	case a == 0 || b == 0:
		return missing
	case a == b:
		return of(c.gender[:], 0)
	}
	return of(c.gender[:], 1)
}

// identFamily says of which kind an identifier is.
type identFamily uint8

const (
	identDocument identFamily = iota
	identPhone
	identEmail
	identHandle
	identFamilies
)

// discounted lowers an agreement by what the identifier loses for being shared,
// but never turns it into evidence against.
func discounted(o outcome, loss int32) outcome {
	o.stranger = max(min(o.stranger, 0), o.stranger-loss)
	o.kin = max(min(o.kin, 0), o.kin-loss)
	return o
}

func comparePhones(c *compiled, s sharing, a, b []phone) outcome {
	best := missing
	for i := range a {
		for j := range b {
			x, y := &a[i], &b[j]
			level := uint8(phoneDifferent)
			switch {
			case x.class == y.class:
				level = phoneSame
			case x.tail == y.tail:
				level = phoneTail
			case digitsClose(x.digits, y.digits):
				level = phoneClose
			}
			o := of(c.phone[:], level)
			if level <= phoneTail {
				o = discounted(o, s.discountOf(c, identPhone, x.tail))
			}
			best = better(best, o)
		}
	}
	return best
}

func better(best, o outcome) outcome {
	if best.level == absent || o.stranger > best.stranger {
		return o
	}
	return best
}

// digitsClose: one digit wrong, or one left out or put in, which moves the others.
func digitsClose(a, b string) bool {
	if len(a) < 7 || len(b) < 7 {
		return false
	}
	n := min(len(a), len(b), 9)
	a9, b9 := a[len(a)-n:], b[len(b)-n:]
	if a9[:2] != b9[:2] && a9[n-2:] != b9[n-2:] {
		return false // one wrong digit leaves one of the ends alone
	}
	return edits(a9, b9) == 1 || edits(a9, b9[1:]) == 1 || edits(a9[1:], b9) == 1
}

func compareEmails(c *compiled, s sharing, a, b []email) outcome {
	best := missing
	for i := range a {
		for j := range b {
			x, y := &a[i], &b[j]
			level := emailLevel(x, y)
			o := of(c.email[:], level)
			if level == emailSame || level == emailNamed {
				o = discounted(o, s.discountOf(c, identEmail, x.class))
			}
			best = better(best, o)
		}
	}
	return best
}

func emailLevel(x, y *email) uint8 {
	switch {
	case x.class != 0 && x.class == y.class:
		if x.named && y.named {
			return emailNamed
		}
		return emailSame
	case x.box != 0 && x.box == y.box && !(x.named && y.named):
		return emailMailbox
	case addressClose(x, y):
		if x.named || y.named {
			return emailNamed
		}
		return emailClose
	}
	return emailDifferent
}

// addressClose: a typo or two in the letters of the mailbox, in the provider's
// name, or in both. Other digits are no typo: they are what tells maria.garcia71
// from maria.garcia72.
func addressClose(x, y *email) bool {
	n := min(len(x.mailbox), len(y.mailbox))
	if n < 5 || max(len(x.mailbox), len(y.mailbox))-n > 2 {
		return false
	}
	if tooFar(x.letters, y.letters, 2) || !sameDigits(x.mailbox, y.mailbox) {
		return false
	}
	d := edits(x.mailbox, y.mailbox)
	if d > 2 || d == 2 && n < 9 {
		return false
	}
	return x.domain == y.domain || edits(x.domain, y.domain) <= 2
}

// sameDigits says whether two strings hold the same digits in the same order.
func sameDigits(a, b string) bool {
	for {
		i, j := strings.IndexAny(a, "0123456789"), strings.IndexAny(b, "0123456789")
		if i < 0 || j < 0 {
			return i == j
		}
		if a[i] != b[j] {
			return false
		}
		a, b = a[i+1:], b[j+1:]
	}
}

func compareHandles(c *compiled, s sharing, a, b []uint64) outcome {
	if len(a) == 0 || len(b) == 0 {
		return missing
	}
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return discounted(of(c.handle[:], 0), s.discountOf(c, identHandle, x))
			}
		}
	}
	return of(c.handle[:], 1)
}

// compareDocuments gives the best outcome over numbers of one kind, or of a kind
// that one side does not say, and whether numbers contradict each other for good.
func compareDocuments(c *compiled, s sharing, a, b []document) (outcome, bool) {
	best, exclusive, same := missing, false, false
	for i := range a {
		for j := range b {
			x, y := &a[i], &b[j]
			level := documentLevel(x, y)
			if level == absent {
				continue
			}
			o := of(c.document[:], level)
			if level == identSame {
				same = true
				o = discounted(o, s.discountOf(c, identDocument, x.key))
			}
			if level == identDifferent && x.valid && y.valid && edits(x.number, y.number) > 2 {
				exclusive = true
			}
			best = better(best, o)
		}
	}
	return best, exclusive && !same
}

func documentLevel(x, y *document) uint8 {
	comparable := x.kind == y.kind || x.kind == 0 || y.kind == 0
	switch {
	case x.key == y.key && x.number == y.number:
		if comparable {
			return identSame
		}
		return identTail
	case !comparable:
		return absent
	case lastFour(x.number, y.number) || lastFour(y.number, x.number):
		return identTail
	case min(len(x.number), len(y.number)) >= 5 && documentClose(x, y):
		return identClose
	case x.kind != y.kind || x.kind == 0:
		return absent
	case x.national:
		return identDifferent
	}
	return identOther
}

// documentClose: a slip of the hand. A check digit does not guard every digit of
// every number, so that both may be right by it and one of them mistyped; two
// slips that leave it right are too many.
func documentClose(x, y *document) bool {
	d := edits(x.number, y.number)
	return d == 1 || d == 2 && len(x.number) >= 10 && !(x.valid && y.valid)
}

// lastFour: a number of which only the last four digits are known.
func lastFour(short, long string) bool {
	return len(short) == 4 && len(long) >= 8 && long[len(long)-4:] == short
}

func compareEmployer(c *compiled, a, b uint32) outcome {
	switch {
	case a == 0 || b == 0:
		return missing
	case a == b:
		return of(c.employer[:], 0)
	}
	return of(c.employer[:], 1)
}
