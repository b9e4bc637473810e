package matching

import "slices"

// A blocking key is a 64-bit number: the position of its rule in the model in the
// top byte, 56 bits of hash below. Records that share a key that is not hot are
// candidates.
//
// The families follow what recall on dirty data needs: every identifier; sound of
// a surname or a given name with the date of birth or parts of it; both sounds;
// pairs of surnames; name or birth with the place; number and street.

type keySink struct {
	e    *Engine
	rule uint64
	keys []uint64
}

func (k *keySink) put(h uint64) {
	k.keys = append(k.keys, k.rule<<56|mix(h)>>8)
}

func (k *keySink) put2(a, b uint64) { k.put(hashNumber(hashNumber(fnvOffset, a), b)) }

// pair ignores the order of the two.
func (k *keySink) pair(a, b uint64) { k.put2(min(a, b), max(a, b)) }

type keyMaker func(p *Prepared, k *keySink)

// keys gives the blocking keys of a record in ascending order, in the memory of
// into. They are not kept with the record: they are cheap to make again, and would
// take a fifth of its memory.
func (e *Engine) keys(p *Prepared, into []uint64) []uint64 {
	k := keySink{e: e, keys: into[:0]}
	for i, make := range e.makers[kindIndex(p)] {
		k.rule = uint64(i)
		make(p, &k)
	}
	slices.Sort(k.keys)
	k.keys = slices.Compact(k.keys)
	return k.keys[:min(len(k.keys), maxKeys)]
}

// keyMakers gives the blocking keys that a model of each kind may declare.
var keyMakers = map[Kind]map[string]keyMaker{
	Person: {
		"document": documentKeys, "phone": phoneKeys, "email": emailKeys, "handle": handleKeys,
		"mailbox": mailboxKeys, "address": addressKeys,
		"birth_place": birthPlaceKeys,
		"name":        nameKeys, "families": familiesKeys, "given_month": givenMonthKeys, "family_day": familyDayKeys,
		"family_place": familyPlaceKeys, "given_place": givenPlaceKeys, "name_part": namePartKeys,
	},
	Organization: {
		"document": documentKeys, "phone": phoneKeys, "email": emailKeys, "handle": handleKeys,
		"mailbox": mailboxKeys, "address": addressKeys, "title": titleKeys, "title_place": titlePlaceKeys,
		"title_start": titleStartKeys,
	},
}

func documentKeys(p *Prepared, k *keySink) {
	for i := range p.documents {
		k.put(p.documents[i].key)
	}
}

func phoneKeys(p *Prepared, k *keySink) {
	for i := range p.phones {
		k.put(p.phones[i].tail)
	}
}

func emailKeys(p *Prepared, k *keySink) {
	for i := range p.emails {
		if c := p.emails[i].class; c != 0 {
			k.put(c)
		}
	}
}

func handleKeys(p *Prepared, k *keySink) {
	for _, h := range p.handles() {
		k.put(h)
	}
}

func mailboxKeys(p *Prepared, k *keySink) {
	for i := range p.emails {
		if b := p.emails[i].box; b != 0 {
			k.put(b)
		}
	}
}

// addressKeys: house number with each of the first words of the street.
func addressKeys(p *Prepared, k *keySink) {
	for i := range p.places {
		pl := &p.places[i]
		for j := range pl.street[:min(len(pl.street), 2)] {
			if pl.number != 0 {
				k.put2(uint64(pl.number), uint64(pl.street[j].sound))
			}
		}
	}
}

// givenSounds visits the sound of a given name and of the formal names that it is
// short for, the first few.
func (e *Engine) givenSounds(w *word, visit func(uint64)) {
	visit(uint64(w.sound))
	formals := w.formalIDs()
	for _, id := range formals[:min(len(formals), 3)] {
		if s := e.formalSounds[id-1]; s != w.sound {
			visit(uint64(s))
		}
	}
}

// eachWord visits the words of a role that are more than an initial, over all
// names, at most four.
func (p *Prepared) eachWord(as role, visit func(w *word)) {
	n := 0
	for i := range p.names {
		for j := range p.names[i].words {
			w := &p.names[i].words[j]
			if n < 4 && !w.initial() && w.role == as {
				visit(w)
				n++
			}
		}
	}
}

// givenMonthKeys: given name with year and month, for a mistyped day.
func givenMonthKeys(p *Prepared, k *keySink) {
	if p.birth.full() {
		p.eachWord(givenRole, func(w *word) {
			k.put2(uint64(w.sound), uint64(p.birth.year)%100<<8|uint64(p.birth.month))
		})
	}
}

// familyDayKeys: surname with month and day, for a mistyped year.
func familyDayKeys(p *Prepared, k *keySink) {
	if p.birth.full() {
		p.eachWord(familyRole, func(w *word) { k.put2(uint64(w.sound), p.birth.canonical()&0xffff) })
	}
}

func birthPlaceKeys(p *Prepared, k *keySink) {
	if !p.birth.full() {
		return
	}
	p.eachArea(func(area uint64) { k.put2(area, p.birth.canonical()) })
}

// eachArea visits the postal codes, and the towns of places without one.
func (p *Prepared) eachArea(visit func(uint64)) {
	for i := range p.places[:min(len(p.places), 3)] {
		switch pl := &p.places[i]; {
		case pl.postal != 0:
			visit(pl.postal)
			if pl.city != 0 {
				visit(pl.city)
			}
		case pl.city != 0:
			visit(pl.city)
		}
	}
}

// nameKeys: a given name and a surname by sound, in either order.
func nameKeys(p *Prepared, k *keySink) {
	p.eachWord(givenRole, func(g *word) {
		p.eachWord(familyRole, func(f *word) {
			k.e.givenSounds(g, func(s uint64) { k.pair(s, uint64(f.sound)) })
		})
	})
}

// familiesKeys: two surnames by sound, in either order.
func familiesKeys(p *Prepared, k *keySink) {
	p.eachWord(familyRole, func(f *word) {
		p.eachWord(familyRole, func(g *word) {
			if f.sound < g.sound {
				k.put2(uint64(f.sound), uint64(g.sound))
			}
		})
	})
}

func familyPlaceKeys(p *Prepared, k *keySink) {
	p.eachWord(familyRole, func(w *word) {
		p.eachArea(func(area uint64) { k.put2(area, uint64(w.sound)) })
	})
}

func givenPlaceKeys(p *Prepared, k *keySink) {
	p.eachWord(givenRole, func(w *word) {
		for i := range p.places[:min(len(p.places), 3)] {
			if postal := p.places[i].postal; postal != 0 {
				k.put2(postal, uint64(w.sound))
			}
		}
	})
}

// namePartKeys: the beginnings of the first given name and surname, in either
// order, and their ends; a typo leaves one of the two alone.
func namePartKeys(p *Prepared, k *keySink) {
	const n = 4
	g, f := p.firstWord(givenRole), p.firstWord(familyRole)
	if g == nil || f == nil || len(g.text) <= n || len(f.text) <= n {
		return
	}
	k.pair(hashString(g.text[:n]), hashString(f.text[:n]))
	k.pair(hashString("$"+g.text[len(g.text)-n:]), hashString("$"+f.text[len(f.text)-n:]))
}

// titleKeys: each pair of uncommon words, or the one there is; and the joined name.
func titleKeys(p *Prepared, k *keySink) {
	for i := range p.titles() {
		t := &p.titles()[i]
		k.put(hashString(t.joined))
		for a := range t.terms {
			if t.terms[a].rarity > commonTerm {
				k.put(uint64(t.terms[a].sound))
			}
		}
	}
}

func titlePlaceKeys(p *Prepared, k *keySink) {
	for i := range p.titles() {
		for a := range p.titles()[i].terms {
			p.eachArea(func(area uint64) { k.put2(area, uint64(p.titles()[i].terms[a].sound)) })
		}
	}
}

func titleStartKeys(p *Prepared, k *keySink) {
	for i := range p.titles() {
		if j := p.titles()[i].joined; len(j) >= 5 {
			k.put(hashString(j[:5]))
		}
	}
}

// A splitter gives the second value by which a hot block splits; 0: the record
// stays out of it.
type splitter func(p *Prepared) uint64

var splitters = map[string]splitter{
	"": func(*Prepared) uint64 { return 0 },
	"given": func(p *Prepared) uint64 {
		if p.organization {
			for i := range p.titles() {
				return hashString(p.titles()[i].joined)
			}
		}
		return p.first(givenRole)
	},
	"family":     func(p *Prepared) uint64 { return p.first(familyRole) },
	"birth_year": func(p *Prepared) uint64 { return uint64(p.birth.year) },
	"birth": func(p *Prepared) uint64 {
		if p.birth.full() {
			return p.birth.canonical()
		}
		return 0
	},
	"locality": func(p *Prepared) uint64 {
		for i := range p.places {
			if p.places[i].city != 0 {
				return p.places[i].city
			}
		}
		return 0
	},
	"number": func(p *Prepared) uint64 {
		for i := range p.places {
			if p.places[i].number != 0 {
				return uint64(p.places[i].number)
			}
		}
		return 0
	},
	"postal": func(p *Prepared) uint64 {
		for i := range p.places {
			if p.places[i].postal != 0 {
				return p.places[i].postal
			}
		}
		return 0
	},
}

// first is the sound of the first word of a role, 0 if there is none.
func (p *Prepared) first(as role) uint64 {
	if w := p.firstWord(as); w != nil {
		return uint64(w.sound)
	}
	return 0
}

func (p *Prepared) firstWord(as role) (first *word) {
	p.eachWord(as, func(w *word) {
		if first == nil {
			first = w
		}
	})
	return first
}
