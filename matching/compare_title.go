package matching

// compareTitles gives the best outcome over the names of two organisations. What
// agrees weighs by the rarity of its words.
func compareTitles(c *compiled, a, b []title) outcome {
	best := missing
	for i := range a {
		for j := range b {
			best = better(best, compareTitle(c, &a[i], &b[j]))
		}
	}
	return best
}

func compareTitle(c *compiled, a, b *title) outcome {
	level, rarity := titleLevel(a, b)
	o := of(c.title[:], level)
	if c.title[level].rarity {
		o.stranger = min(o.stranger+rarity, c.nameCap)
	}
	return o
}

func titleLevel(a, b *title) (level uint8, rarity int32) {
	totalA, totalB := a.rarity(), b.rarity()
	if a.joined == b.joined {
		return formLevel(a, b), max(totalA, totalB)
	}
	shared, firm := sharedRarity(a.terms, b.terms)
	shorter, longer := min(totalA, totalB), max(totalA, totalB)
	switch {
	case len(a.joined) > 6 && len(b.joined) > 6 && edits(a.joined, b.joined) <= 1:
		return orgMost, shorter
	case shared == longer && firm:
		return formLevel(a, b), shared
	case 10*shared >= 9*shorter && 2*shared >= longer, 10*shared >= 7*longer:
		return orgMost, shared
	case 10*shared >= 9*shorter, 10*shared >= 4*longer:
		return orgSome, shared
	}
	return orgDifferent, 0
}

// formLevel: the same name, with the same legal form or one of them unknown.
func formLevel(a, b *title) uint8 {
	if a.form != 0 && b.form != 0 && a.form != b.form {
		return orgForm
	}
	return orgSame
}

func (t *title) rarity() int32 {
	sum := int32(0)
	for i := range t.terms {
		sum += int32(t.terms[i].rarity)
	}
	return sum
}

// sharedRarity adds up the rarity of the terms that both names have, typos at
// three quarters; firm says that there was none.
func sharedRarity(a, b []term) (sum int32, firm bool) {
	var used uint32
	firm = true
	for i := range a {
		best, at := int32(0), -1
		for j := range b {
			if used&(1<<j) != 0 {
				continue
			}
			if a[i].hash == b[j].hash {
				best, at = int32(a[i].rarity), j
				break
			}
			if at < 0 && a[i].close(&b[j]) {
				best, at = int32(min(a[i].rarity, b[j].rarity))*3/4, j
			}
		}
		if at >= 0 {
			used |= 1 << at
			sum += best
			firm = firm && a[i].hash == b[at].hash
		}
	}
	return sum, firm
}
