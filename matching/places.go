package matching

import (
	"slices"
	"strings"

	"ficha/internal/text"
)

const (
	maxStreetTerms = 4
	maxTownTerms   = 4
)

// place is a postal address, ready for comparing.
type place struct {
	street   []term // words of the street's name, its type left out
	town     []term // words of locality, or of what follows the street in one line
	number   uint32 // house number, 0 if none
	house    string // the same, as written
	unit     uint32
	postal   uint64
	code     string // postal code
	city     uint64 // hash of the locality's name
	townRare uint16 // rarity of the locality, in millibits
}

func (e *Engine) places(in []Address) []place {
	var out []place
	for _, a := range in {
		p := e.place(a)
		if p.empty() || len(out) == maxValues || slices.ContainsFunc(out, func(o place) bool { return o.same(&p) }) {
			continue
		}
		out = append(out, p)
	}
	return out
}

func (p *place) empty() bool {
	return len(p.street) == 0 && p.number == 0 && p.postal == 0 && p.city == 0 && len(p.town) == 0
}

func (p *place) same(o *place) bool {
	equal := func(a, b term) bool { return a.hash == b.hash }
	return p.number == o.number && p.unit == o.unit && p.postal == o.postal && p.city == o.city && slices.EqualFunc(p.street, o.street, equal)
}

func (e *Engine) place(a Address) place {
	p := place{}
	e.locality(&p, a.Locality)
	p.setPostal(postal(a.PostalCode))
	street := a.Street
	lines := a.Lines
	if strings.TrimSpace(street) == "" && len(lines) > 0 {
		street, lines = lines[0], lines[1:]
	}
	s := streetReader{e: e, p: &p}
	s.read(street)
	for _, l := range lines[:min(len(lines), 3)] {
		s.rest(text.Tokens(clip(l)))
	}
	if n := e.fold(a.Number); n != "" {
		p.setNumber(strings.ReplaceAll(n, " ", ""))
	}
	if u := e.fold(a.Unit); u != "" {
		p.unit = s.unitHash(strings.Split(u, " "))
	}
	return p
}

// fold gives the folded value, "" for fillers.
func (e *Engine) fold(s string) string {
	f := text.Fold(text.RepairMojibake(clip(s)))
	if e.words.Filler("place", f) {
		return ""
	}
	return f
}

func (p *place) setNumber(n string) {
	n = strings.TrimLeft(n, "0")
	if n != "" && len(n) <= 10 {
		p.number, p.house = hash32(n), n
	}
}

func (p *place) setPostal(code string) {
	if code != "" {
		p.code, p.postal = code, hashString(strings.TrimLeft(code, "0"))
	}
}

// postal keeps letters and digits and drops the four digits that Americans add. Fillers give "". Zeros that a
// spreadsheet cut off do not matter: setPostal hashes without them.
func postal(s string) string {
	code := strings.ReplaceAll(text.Fold(clip(s)), " ", "")
	if len(code) == 9 && allDigits(code) {
		code = code[:5]
	}
	if len(code) < 3 || len(code) > 10 || strings.Trim(code, code[:1]) == "" {
		return ""
	}
	return code
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func (e *Engine) locality(p *place, s string) {
	f := e.fold(s)
	if f == "" {
		return
	}
	rarity := e.models.Person.c.rareTown
	if c, ok := e.words.City(f); ok {
		f, rarity = c, e.models.Person.c.rareCity
	}
	p.city, p.townRare = hashString(f), uint16(min(max(rarity, 0), 60_000))
	p.town = appendTerms(p.town, strings.Split(f, " "))
}

func appendTerms(terms []term, words []string) []term {
	for _, w := range words {
		if len(terms) < maxTownTerms && len(w) > 1 {
			terms = append(terms, plainTerm(w))
		}
	}
	return terms
}

// streetReader takes a street line apart.
type streetReader struct {
	e *Engine
	p *place
}

// read takes the first line of an address: street, number, unit, and sometimes
// the town and postal code behind them.
func (s *streetReader) read(line string) {
	folded := s.e.fold(line)
	if folded == "" {
		return
	}
	tokens := strings.Split(folded, " ")
	if c, ok := s.e.words.City(folded); ok && s.p.city == 0 { // a town in the street field
		s.e.locality(s.p, c)
		return
	}
	if allDigits(tokens[0]) && len(tokens) > 1 && tokens[1] != "de" {
		s.p.setNumber(tokens[0])
		s.rest(s.name(tokens[1:], true))
	} else {
		s.rest(s.name(tokens, false))
	}
	s.dropTypes()
}

// dropTypes takes street types out of the name where something else is left
// ("10a Calle", "Larpent Street").
func (s *streetReader) dropTypes() {
	isType := func(t term) bool {
		_, ok := s.e.words.StreetType(t.text)
		return ok
	}
	if slices.ContainsFunc(s.p.street, func(t term) bool { return !isType(t) }) {
		s.p.street = slices.DeleteFunc(s.p.street, isType)
	}
}

// name takes the words of the street's name and gives what comes after. With the
// number in front (English) the name ends at the street type; else (Spanish) the
// type comes first and the name ends at the number.
func (s *streetReader) name(tokens []string, numbered bool) []string {
	for i, t := range tokens {
		_, isType := s.e.words.StreetType(t)
		switch {
		case s.e.words.IsDirection(t), s.e.words.IsParticle(t), s.e.words.IsNumberWord(t):
		case isType && i == 0 && !numbered, isType && i > 0 && numbered:
			if numbered && s.ends(tokens[i+1:]) {
				return tokens[i+1:]
			}
		case s.e.words.IsUnit(t) && i > 0:
			return tokens[i:]
		case allDigits(t) && !numbered && s.isNumber(tokens, i):
			s.p.setNumber(t)
			return tokens[i+1:]
		default:
			s.add(t)
		}
	}
	return nil
}

// ends says that the street's name is over: no further street type follows at once.
func (s *streetReader) ends(rest []string) bool {
	if len(rest) == 0 {
		return true
	}
	_, again := s.e.words.StreetType(rest[0])
	return !again
}

// isNumber: digits are the house number unless they name the street: "5 de Mayo",
// or "Carrera 7 …" with another number behind.
func (s *streetReader) isNumber(tokens []string, i int) bool {
	if i+1 < len(tokens) && tokens[i+1] == "de" {
		return false
	}
	if len(s.p.street) > 0 || i == 0 {
		return true
	}
	return !slices.ContainsFunc(tokens[i+1:], allDigits)
}

func (s *streetReader) add(t string) {
	if len(s.p.street) < maxStreetTerms {
		s.p.street = append(s.p.street, plainTerm(t))
	}
}

// rest sorts what follows the number: unit, postal code, town.
func (s *streetReader) rest(tokens []string) {
	var town []string
	for i, t := range tokens {
		switch {
		case s.p.number == 0 && len(s.p.street) > 0 && allDigits(t) && len(t) < 5:
			s.p.setNumber(t)
		case s.p.postal == 0 && allDigits(t) && len(t) == 5:
			s.p.setPostal(t)
		case s.e.words.IsUnit(t) && s.p.unit == 0 && i+1 < len(tokens):
			s.p.unit = s.unitHash(tokens[i:min(i+3, len(tokens))])
		case len(t) > 3 && !allDigits(t) && !s.e.words.IsUnit(t):
			town = append(town, t)
		case len(t) <= 3 && s.p.unit == 0 && len(town) == 0 && s.p.number != 0 && !s.e.words.IsDirection(t) && (isOrdinal(t) || allDigits(t)):
			s.p.unit = s.unitHash(tokens[i:min(i+2, len(tokens))])
		}
	}
	if len(s.p.town) == 0 {
		s.p.town = appendTerms(nil, town)
	}
}

// isOrdinal: "2o", "3a", the floor of a Spanish building.
func isOrdinal(t string) bool { return len(t) >= 2 && allDigits(t[:len(t)-1]) }

// unitHash takes the words of a unit without "Depto" and the like.
func (s *streetReader) unitHash(tokens []string) uint32 {
	var b strings.Builder
	for _, t := range tokens {
		if s.e.words.IsUnit(t) && len(t) > 1 || len(t) > 4 {
			continue
		}
		b.WriteString(strings.TrimRight(t, "oa"))
		b.WriteByte(' ')
	}
	if b.Len() == 0 {
		return 0
	}
	return hash32(b.String())
}
