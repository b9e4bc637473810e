package town

import (
	"strings"
)

// What is wrong with the values, in thousandths. Each value of a record is
// mistyped with typoShare; the other shares are of records (or people) that the
// fault can befall.
const (
	typoShare        = 80  // of name parts, streets, phones, e-mails, documents and birth dates
	sharedPhoneShare = 62  // of people who live with others: give a housemate's number (3 % of all)
	sharedMailShare  = 80  // of households of two or more: one address for all
	namesakeShare    = 120 // of sons: bear their father's given names
	twinShare        = 60  // of children with a brother or sister
	swappedShare     = 20  // of records with two surnames
	marriedShare     = 110 // of married women's records that are not official: "de" and his surname
	moveShare        = 120 // of households, within the half year
	newPhoneShare    = 60  // of people, within the half year
)

// pen writes values down, now and then wrong. Its dice are its own, so that a
// careful pen (share 0) writes the same record without the errors.
type pen struct {
	dice   *dice
	share  int
	values int // written so far
}

// slips says whether the next value is mistyped.
func (p *pen) slips() bool {
	p.values++
	return p.dice.chance(p.share)
}

// word writes a name or a street.
func (p *pen) word(s string) string {
	if s == "" || !p.slips() {
		return s
	}
	for range 8 {
		if wrong := misspell(p.dice, s); wrong != s && strings.TrimSpace(wrong) != "" {
			return wrong
		}
	}
	return s + "s"
}

// digits writes a number: a phone or a document. Its first keep digits stay.
func (p *pen) digits(s string, keep int) string {
	if s == "" || !p.slips() {
		return s
	}
	var at []int
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			if keep--; keep < 0 {
				at = append(at, i)
			}
		}
	}
	if len(at) < 2 {
		return s
	}
	b := []byte(s)
	i := p.dice.below(len(at) - 1)
	if x, y := at[i], at[i+1]; b[x] != b[y] && p.dice.chance(400) {
		b[x], b[y] = b[y], b[x]
	} else {
		b[x] = '0' + (b[x]-'0'+byte(p.dice.between(1, 9)))%10
	}
	return string(b)
}

// mail writes an address; the slip is before the at sign.
func (p *pen) mail(s string) string {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || !p.slips() {
		return s
	}
	for range 8 {
		if wrong := misspell(p.dice, local); wrong != local && len(wrong) > 2 {
			return wrong + "@" + domain
		}
	}
	return local + "1@" + domain
}

// date writes a day: swapped with the month, a digit off, or the year beside it.
func (p *pen) date(b day) string {
	if !p.slips() {
		return b.String()
	}
	switch w := b; {
	case b.d <= 12 && b.d != b.m && p.dice.chance(500):
		w.m, w.d = b.d, b.m
		return w.String()
	case p.dice.chance(500):
		w.d = 1 + (b.d+p.dice.between(0, 8))%27
		if w.d == b.d {
			w.d++
		}
		return w.String()
	default:
		w.y += oneOf(p.dice, []int{-10, -1, 1, 10})
		w.d = min(w.d, 28)
		return w.String()
	}
}

// soundAlikes are the letters that Spanish ears and hands take for one another.
var soundAlikes = [...][2]string{{"b", "v"}, {"v", "b"}, {"s", "z"}, {"z", "s"}, {"ce", "se"}, {"ci", "si"}, {"ll", "y"}, {"ge", "je"}, {"gi", "ji"}, {"x", "j"}, {"h", ""}, {"qu", "k"}, {"i", "y"}, {"n", "m"}, {"ñ", "n"}, {"rr", "r"}}

// misspell puts one error into a word: a sound-alike, two letters swapped, one
// dropped, doubled or replaced by a neighbour.
func misspell(d *dice, s string) string {
	if d.chance(350) {
		pair := oneOf(d, soundAlikes[:])
		if i := strings.LastIndex(s, pair[0]); i > 0 {
			return s[:i] + pair[1] + s[i+len(pair[0]):]
		}
	}
	r := []rune(s)
	if len(r) < 3 {
		return s + string(r[len(r)-1])
	}
	i := d.between(1, len(r)-2)
	switch d.below(4) {
	case 0:
		r[i], r[i+1] = r[i+1], r[i]
	case 1:
		r = append(r[:i], r[i+1:]...)
	case 2:
		r = append(r[:i+1], r[i:]...)
	default:
		const row = "qwertyuiopasdfghjklñzxcvbnmqaeiou"
		r[i] = []rune(row)[d.below(len([]rune(row)))]
	}
	return string(r)
}

// plain takes the accents off: what an old system stores.
func plain(s string) string { return accents.Replace(s) }

var accents = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u", "ñ", "n", "Á", "A", "É", "E", "Í", "I", "Ó", "O", "Ú", "U", "Ü", "U", "Ñ", "N")
