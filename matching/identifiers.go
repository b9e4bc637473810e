package matching

import (
	"slices"
	"strings"

	"ficha/internal/contactpoint"
	identity "ficha/internal/document"
	"ficha/internal/text"
)

// document is an identity document or tax number, ready for comparing.
type document struct {
	number   string
	key      uint64
	kind     uint32 // kind and country; 0 when nobody said which
	national bool   // one person has one number of this kind for life
	valid    bool   // its check digit is right
	birth    date   // for numbers that hold the date of birth
	gender   byte
}

func (e *Engine) documents(in []Document) []document {
	var out []document
	for _, d := range in {
		n, ok := identity.Normalise(d.Kind, clip(d.Number), d.Country)
		if !ok || e.words.Filler("document", strings.ToLower(n.Number)) {
			continue
		}
		made := document{number: n.Number, key: hashString(n.Number), valid: n.Check == identity.CheckValid, national: nationalKind(n.Kind)}
		if n.Kind != "other" && n.Kind != "" {
			made.kind = hash32(n.Kind + "/" + n.Country)
		}
		made.birth, made.gender = birthIn(n)
		if len(out) < maxValues && !slices.ContainsFunc(out, func(o document) bool { return o.number == made.number && o.kind == made.kind }) {
			out = append(out, made)
		}
	}
	return out
}

// nationalKind: numbers of which a person has one for life. Of passports and
// licences there are several, one after the other.
func nationalKind(kind string) bool {
	switch kind {
	case "dni", "nie", "curp", "dpi", "cc", "ci", "rut", "cpf", "ssn", "national_id":
		return true
	}
	return false
}

// birthIn reads the date of birth and the sex out of a Mexican CURP, and the date
// out of a person's RFC.
func birthIn(d identity.Document) (date, byte) {
	n := d.Number
	switch {
	case d.Kind == "curp" && len(n) == 18:
		b := birthDigits(n[4:10], n[16] >= 'A' && n[16] <= 'Z')
		switch n[10] {
		case 'H':
			return b, 'm'
		case 'M':
			return b, 'f'
		}
		return b, 0
	case d.Kind == "rfc" && len(n) == 13:
		b := birthDigits(n[4:10], false)
		b.loose |= century
		return b, 0
	}
	return date{}, 0
}

func birthDigits(s string, thisCentury bool) date {
	n, ok := number(s)
	if !ok {
		return date{}
	}
	d := date{year: int16(1900 + n/10000), month: uint8(n / 100 % 100), day: uint8(n % 100)}
	if thisCentury {
		d.year += 100
	}
	if d.month == 0 || d.day == 0 || !d.plausible() {
		return date{}
	}
	return d
}

// readDocuments fills in the birth date and gender that only a document says.
func (p *Prepared) readDocuments() {
	for i := range p.documents {
		d := &p.documents[i]
		if !p.birth.known() {
			p.birth = d.birth
		}
		if p.gender == 0 {
			p.gender = d.gender
		}
	}
}

// phone is a telephone number, ready for comparing.
type phone struct {
	class  uint64 // numbers that reach the same subscriber
	tail   uint64 // the last eight digits
	digits string // the last ten
}

func phones(in []Phone) []phone {
	var out []phone
	for _, p := range in {
		point, ok := contactpoint.Phone(clip(p.Value), p.Region)
		if !ok || point.Filler() {
			continue
		}
		digits := strings.TrimPrefix(point.Value, "+")
		if len(digits) < 6 {
			continue
		}
		made := phone{class: hashString(point.Class()), tail: hashString(point.Tail()), digits: digits[max(0, len(digits)-10):]}
		if len(out) < maxValues && !slices.ContainsFunc(out, func(o phone) bool { return o.class == made.class }) {
			out = append(out, made)
		}
	}
	return out
}

// email is an address, ready for comparing.
type email struct {
	class   uint64 // addresses of one mailbox; 0 when it is no address but has a mailbox
	mailbox string // letters and digits before the @
	box     uint64 // its hash, 0 when too short or a desk's to tell anybody
	domain  string
	letters uint32 // of the mailbox
	named   bool   // the mailbox is made of the name alone: maria.garcia, mgarcia
}

const shortestMailbox = 6

func (e *Engine) emails(in []string, names []name) []email {
	var out []email
	for _, s := range in {
		made, ok := e.email(clip(s))
		made.named = e.madeOfName(made.mailbox, names)
		if ok && len(out) < maxValues && !slices.ContainsFunc(out, func(o email) bool { return o == made }) {
			out = append(out, made)
		}
	}
	return out
}

func (e *Engine) email(s string) (email, bool) {
	made := email{}
	point, ok := contactpoint.Email(s)
	value := strings.ToLower(strings.TrimSpace(s))
	if ok {
		if point.Filler() {
			return email{}, false
		}
		value = point.Value
		made.class = hashString(point.Class())
	}
	local, domain, found := strings.Cut(value, "@")
	if !found || local == "" {
		return email{}, false
	}
	local, _, _ = strings.Cut(local, "+")
	folded := text.Fold(local)
	if e.words.Filler("mailbox", folded) {
		return email{}, false
	}
	made.mailbox, made.domain = strings.ReplaceAll(folded, " ", ""), domain
	made.letters = letters(made.mailbox)
	if len(made.mailbox) >= shortestMailbox && !e.words.SharedMailbox(made.mailbox) {
		made.box = hashString(made.mailbox)
	}
	return made, true
}

// madeOfName says whether a mailbox consists of words of a name, in any order,
// each whole or as an initial, and holds at least one whole word.
func (e *Engine) madeOfName(mailbox string, names []name) bool {
	return slices.ContainsFunc(names, func(n name) bool {
		rest, whole := mailbox, false
		for rest != "" {
			switch t := e.longestAt(n.words, rest); {
			case t > 0:
				rest, whole = rest[t:], true
			case n.initialOf(rest[0]):
				rest = rest[1:]
			default:
				return false
			}
		}
		return whole
	})
}

// longestAt is the length of the longest word that s begins with, or of a formal
// name that a word stands for; 0 if there is none.
func (e *Engine) longestAt(words []word, s string) int {
	longest := 0
	try := func(t string) {
		if len(t) > 2 && strings.HasPrefix(s, t) {
			longest = max(longest, len(t))
		}
	}
	for i := range words {
		try(words[i].text)
		for _, f := range words[i].formalIDs() {
			try(e.words.Formal(f))
		}
	}
	return longest
}

func (n *name) initialOf(c byte) bool {
	return slices.ContainsFunc(n.words, func(w word) bool { return w.text[0] == c })
}

func handles(in []Handle) []uint64 {
	var out []uint64
	for _, h := range in {
		point, ok := contactpoint.Handle(clip(h.Handle), h.Network)
		if key := hashString(point.Class()); ok && len(out) < maxValues && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}
