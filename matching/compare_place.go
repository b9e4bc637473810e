package matching

// comparePlaces is the one comparison for the whole place: street, number, unit,
// postal code and town agree or differ together, so they weigh once.
func comparePlaces(c *compiled, a, b []place) outcome {
	best := missing
	for i := range a {
		for j := range b {
			level := placeLevel(&a[i], &b[j])
			if level == absent {
				continue
			}
			o := of(c.place[:], level)
			if c.place[level].rarity {
				o.stranger += int32(min(a[i].rarityOfTown(c), b[j].rarityOfTown(c)))
			}
			best = better(best, o)
		}
	}
	return best
}

func (p *place) rarityOfTown(c *compiled) uint16 {
	if p.townRare != 0 {
		return p.townRare
	}
	return uint16(c.rareTown)
}

// agreement of one part of two places.
type agreement uint8

const (
	unknown agreement = iota
	agrees
	nearly
	differs
)

func placeLevel(a, b *place) uint8 {
	postal, town := postalAgrees(a, b), townAgrees(a, b)
	area := agrees
	switch {
	case postal == agrees:
	case town == agrees && postal != differs:
	case postal == unknown && town == unknown:
		area = unknown
	case postal == nearly || town == agrees || town == nearly:
		area = nearly
	default:
		area = differs
	}
	street, number := streetAgrees(a, b), numberAgrees(a, b)
	if level := streetLevel(street, number, area, unitAgrees(a, b)); level != absent {
		return level
	}
	return areaLevel(postal, town, street)
}

// streetLevel is the level when the streets agree well enough to say something,
// else absent.
func streetLevel(street, number, area, unit agreement) uint8 {
	switch {
	case street == agrees && number == agrees && area != differs:
		switch {
		case unit == differs:
			return placeBuilding
		case area == agrees || area == unknown:
			return placeHome
		}
		return placeAlmost
	case street == agrees && number == agrees,
		street == nearly && number == agrees && area != differs,
		street == agrees && number == nearly && area == agrees:
		return placeAlmost
	case street == agrees && number == unknown && area == agrees,
		street == unknown && number == agrees && area == agrees,
		street == nearly && number != differs && area == agrees:
		return placeStreet
	}
	return absent
}

func areaLevel(postal, town, street agreement) uint8 {
	other := street == differs
	switch {
	case postal == agrees && !other:
		return placePostal
	case postal == agrees:
		return placeNeighbour
	case town == agrees && postal != differs && !other:
		return placeLocality
	case town == agrees || town == nearly:
		return placeTown
	case postal == unknown && town == unknown && street == unknown:
		return absent
	}
	return placeDifferent
}

func postalAgrees(a, b *place) agreement {
	switch {
	case a.postal == 0 || b.postal == 0:
		return unknown
	case a.postal == b.postal:
		return agrees
	case len(a.code) >= 4 && edits(a.code, b.code) == 1:
		return nearly
	}
	return differs
}

func townAgrees(a, b *place) agreement {
	switch {
	case a.city != 0 && a.city == b.city:
		return agrees
	case len(a.town) == 0 || len(b.town) == 0:
		return unknown
	}
	switch same, close := overlap(a.town, b.town); {
	case same > 0 && (same == len(a.town) || same == len(b.town)):
		return agrees
	case same+close > 0 && (same+close == len(a.town) || same+close == len(b.town)), joinedAgree(a.town, b.town):
		return nearly
	}
	return differs
}

func streetAgrees(a, b *place) agreement {
	if len(a.street) == 0 || len(b.street) == 0 {
		return unknown
	}
	short := min(len(a.street), len(b.street))
	same, close := overlap(a.street, b.street)
	switch {
	case same == len(a.street) && same == len(b.street):
		return agrees
	case same == short && short > 1, same > 0 && same+close == short:
		return agrees
	case same+close == short, 2*(same+close) >= max(len(a.street), len(b.street)), joinedAgree(a.street, b.street):
		return nearly
	}
	return differs
}

// overlap counts the terms of a that b has, exactly or within a typo.
func overlap(a, b []term) (same, close int) {
	var used uint32
	for i := range a {
		for j := range b {
			if used&(1<<j) == 0 && a[i].hash == b[j].hash {
				used |= 1 << j
				same++
				break
			}
		}
	}
	if same == len(a) || same == len(b) {
		return same, 0
	}
	for i := range a {
		for j := range b {
			if used&(1<<j) == 0 && a[i].hash != b[j].hash && a[i].close(&b[j]) {
				used |= 1 << j
				close++
				break
			}
		}
	}
	return same, min(close, len(a)-same)
}

// close: one typo, two in a long word, or one word the beginning of the other.
func (t *term) close(o *term) bool {
	n := min(len(t.text), len(o.text))
	if n < 3 {
		return false
	}
	if n >= 4 && t.text[:n] == o.text[:n] {
		return true
	}
	if tooFar(t.letters, o.letters, 2) {
		return false
	}
	d := edits(t.text, o.text)
	return d <= 1 || d == 2 && n >= 7
}

// joinedAgree: the words without spaces are the same but for a typo
// ("winston hills", "winstonhills").
func joinedAgree(a, b []term) bool {
	if len(a) == len(b) && len(a) == 1 {
		return false
	}
	var x, y [longestWord]byte
	s, t := joinTerms(x[:0], a), joinTerms(y[:0], b)
	return len(s) >= 5 && len(t) >= 5 && edits(string(s), string(t)) <= 1
}

func joinTerms(into []byte, terms []term) []byte {
	for i := range terms {
		into = append(into, terms[i].text[:min(len(terms[i].text), cap(into)-len(into))]...)
	}
	return into
}

func numberAgrees(a, b *place) agreement {
	switch {
	case a.number == 0 || b.number == 0:
		return unknown
	case a.number == b.number:
		return agrees
	case len(a.house) > 1 && len(b.house) > 1 && edits(a.house, b.house) == 1:
		return nearly
	}
	return differs
}

func unitAgrees(a, b *place) agreement {
	switch {
	case a.unit == 0 || b.unit == 0:
		return unknown
	case a.unit == b.unit:
		return agrees
	}
	return differs
}
