package matching

import (
	"bytes"
	"math"

	"github.com/google/uuid"
)

// Edge is what two records weigh together. A is the smaller id.
type Edge struct {
	A, B uuid.UUID
	// Weight is the total in millibits, prior included: the log2 odds of "one
	// person" against the likelier of "two strangers" and "two of one household".
	Weight int64
	// Levels says how each comparison came out, "name=same", "phone=tail"; what
	// could not be compared is left out.
	Levels []string
	// Exclusive names the attribute in which one person cannot differ from
	// themselves, "" if none does. Such a pair is never linked by a machine.
	Exclusive string
}

// pairScore is the working of one pair. It lives on the stack.
type pairScore struct {
	rows          [comparisons]outcome
	name          nameOutcome
	stranger, kin int32 // sums over the rows
	total         int32
	exclusive     exclusions
}

// score compares two records of one kind. It takes them in the order of their ids,
// so that the order in which somebody asks cannot matter.
func (c *compiled) score(s sharing, a, b *Prepared, p *pairScore) {
	if bytes.Compare(a.id[:], b.id[:]) > 0 {
		a, b = b, a
	}
	p.exclusive = 0
	if a.organization {
		p.rows[cmpName] = compareTitles(c, a.titles(), b.titles())
		p.rows[cmpBirth], p.rows[cmpGender], p.rows[cmpEmployer] = missing, missing, missing
	} else {
		p.scorePerson(c, a, b)
	}
	var contradiction bool
	p.rows[cmpDocument], contradiction = compareDocuments(c, s, a.documents, b.documents)
	if contradiction {
		p.exclusive |= excludesDocument
	}
	p.rows[cmpPhone] = comparePhones(c, s, a.phones, b.phones)
	p.rows[cmpEmail] = compareEmails(c, s, a.emails, b.emails)
	p.rows[cmpHandle] = compareHandles(c, s, a.handles(), b.handles())
	p.rows[cmpPlace] = comparePlaces(c, a.places, b.places)
	p.exclusive &= c.exclusive
	p.sum(c)
	if p.total >= c.match {
		p.exclusive &^= excludesDate
	}
}

func (p *pairScore) scorePerson(c *compiled, a, b *Prepared) {
	p.name = compareNames(c, a.names, b.names)
	p.rows[cmpName] = missing
	if p.name.given != absent || p.name.family != absent {
		p.rows[cmpName] = outcome{stranger: p.name.stranger, kin: p.name.kin}
	}
	p.rows[cmpBirth] = compareBirth(c, a.birth, b.birth)
	p.rows[cmpGender] = compareGender(c, a.gender, b.gender)
	p.rows[cmpEmployer] = compareEmployer(c, a.employer, b.employer)
	if l := p.rows[cmpBirth].level; l != absent && l >= birthDifferent && a.birth.certain() && b.birth.certain() {
		if l == birthGeneration {
			p.exclusive |= excludesDate
		}
		if p.name.clash {
			p.exclusive |= excludesBirth
		}
	}
	if p.name.generations {
		p.exclusive |= excludesGeneration
	}
}

func (p *pairScore) sum(c *compiled) {
	p.stranger, p.kin = 0, 0
	for i := range p.rows {
		if r := &p.rows[i]; r.level != absent {
			p.stranger += r.stranger
			p.kin += r.kin
		}
	}
	p.total = min(c.prior+p.stranger, c.kinPrior+p.kin)
}

// Explanation says why two records weigh what they weigh. Its rows sum to Total.
type Explanation struct {
	A, B  uuid.UUID
	Rows  []Row
	Total int64 // millibits
	// Probability that the two are one, of the total: 1/(1+2^−bits).
	Probability float64
	Band        Band
	Exclusive   string // as in Edge
}

// Row is one line of an explanation, in millibits.
type Row struct {
	Comparison string // "prior", a comparison, or "household"
	Level      string
	Weight     int64
}

// Band says what a total means under the model.
type Band string

// The bands.
const (
	BandMatch     Band = "match"
	BandPotential Band = "potential match"
	BandNone      Band = "no match"
)

func (c *compiled) band(total int32) Band {
	switch {
	case total >= c.match:
		return BandMatch
	case total >= c.review:
		return BandPotential
	}
	return BandNone
}

// The levels of the rows that are no comparisons.
const (
	levelPrior     = "two records taken at random"
	levelHousehold = "explained by one household"
	levelBranches  = "explained by one firm with branches"
)

// explain lists the rows against strangers; where a household explains the
// agreement better, one more row takes off what it makes worthless.
func (e *Engine) explain(c *compiled, p *pairScore, organization bool) Explanation {
	x := Explanation{Total: int64(p.total), Band: c.band(p.total), Exclusive: p.exclusive.name()}
	x.Probability = 1 / (1 + math.Exp2(-float64(p.total)/1000))
	x.Rows = append(x.Rows, Row{Comparison: "prior", Level: levelPrior, Weight: int64(c.prior)})
	for i := range p.rows {
		if r := &p.rows[i]; r.level != absent {
			x.Rows = append(x.Rows, Row{comparisonNames[i], p.levelName(comparison(i), organization), int64(r.stranger)})
		}
	}
	if over := c.prior + p.stranger - p.total; over > 0 {
		level := levelHousehold
		if organization {
			level = levelBranches
		}
		x.Rows = append(x.Rows, Row{"household", level, int64(-over)})
	}
	return x
}

// levels lists the comparisons that could be made, as Edge has them.
func (p *pairScore) levels(organization bool) []string {
	n := 0
	for i := range p.rows {
		if p.rows[i].level != absent {
			n++
		}
	}
	out := make([]string, 0, n)
	for i := range p.rows {
		if p.rows[i].level != absent {
			out = append(out, comparisonNames[i]+"="+p.levelName(comparison(i), organization))
		}
	}
	return out
}

func (p *pairScore) levelName(c comparison, organization bool) string {
	level := p.rows[c].level
	switch c {
	case cmpName:
		if organization {
			return orgNames[level]
		}
		return p.name.String()
	case cmpBirth:
		return birthNames[level]
	case cmpGender, cmpHandle, cmpEmployer:
		return genderNames[level]
	case cmpEmail:
		return emailNames[level]
	case cmpPlace:
		return placeNames[level]
	case cmpPhone:
		return phoneNames[level]
	}
	return documentNames[level]
}

// String puts the outcome in words: "same", "given nickname, surname same, swapped".
func (o *nameOutcome) String() string {
	var b bytes.Buffer
	switch {
	case o.given == wordSame && o.family == wordSame:
		b.WriteString("same")
	default:
		if o.given != absent {
			b.WriteString("given " + givenLevels[o.given])
		}
		if o.family != absent {
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			b.WriteString("surname " + familyLevels[o.family])
		}
	}
	if o.swapped {
		b.WriteString(", swapped")
	}
	if o.missing {
		b.WriteString(", one left out")
	}
	return b.String()
}

// edge makes an Edge of a scored pair.
func (p *pairScore) edge(a, b *Prepared) Edge {
	if bytes.Compare(a.id[:], b.id[:]) > 0 {
		a, b = b, a
	}
	return Edge{A: a.id, B: b.id, Weight: int64(p.total), Levels: p.levels(a.organization), Exclusive: p.exclusive.name()}
}
