package matching

import (
	"maps"
	"math"
	"slices"
)

// The levels of each comparison, best first. The numbers are positions in the
// model's lists.
const (
	wordSame = iota
	wordNickname
	wordSound
	wordClose
	wordInitial
	wordFar
	wordLookalike
	wordPart      // some words agree and some contradict
	wordDifferent // unlike, and at least one is no known name
	wordDistinct  // unlike, and both are known names
	wordLevels
)

const (
	birthSame = iota
	birthSwapped
	birthClose
	birthYear // the years agree, and one side knows no more
	birthNear
	birthAbout // a slip of whoever typed it: says nothing either way
	birthDifferent
	birthGeneration // as far apart as parent and child
	birthLevels
)

const (
	identSame = iota
	identTail // the last eight digits of a phone, the last four of a document
	identClose
	identOther // another number of a kind of which one has several in life
	identDifferent
	identLevels
)

const (
	placeHome = iota
	placeBuilding
	placeAlmost
	placeStreet
	placePostal
	placeLocality
	placeNeighbour
	placeTown
	placeDifferent
	placeLevels
)

const (
	phoneSame = iota
	phoneTail
	phoneClose
	phoneDifferent
	phoneLevels
)

const (
	emailSame    = iota
	emailMailbox // the same mailbox at another provider
	emailClose
	emailNamed // the same, but the mailbox is nothing but the name
	emailDifferent
	emailLevels
)

const (
	orgSame = iota
	orgForm
	orgMost
	orgSome
	orgDifferent
	orgLevels
)

// comparison is the position of a comparison in a pair's outcome.
type comparison uint8

const (
	cmpName comparison = iota
	cmpBirth
	cmpGender
	cmpDocument
	cmpPhone
	cmpEmail
	cmpHandle
	cmpPlace
	cmpEmployer
	comparisons
)

var comparisonNames = [comparisons]string{"name", "birth_date", "gender", "document", "phone", "email", "handle", "place", "employer"}

// absent is the level of a comparison that had nothing to compare.
const absent = 0xff

var (
	givenLevels   = []string{"same", "nickname", "sound", "close", "initial", "far", "lookalike", "part", "different", "distinct"}
	familyLevels  = givenLevels
	birthNames    = []string{"same", "swapped", "close", "year", "near", "about", "different", "generation"}
	genderNames   = []string{"same", "different"}
	documentNames = []string{"same", "tail", "close", "other", "different"}
	phoneNames    = []string{"same", "tail", "close", "different"}
	emailNames    = []string{"same", "mailbox", "close", "named", "different"}
	placeNames    = []string{"home", "building", "almost", "street", "postal", "locality", "neighbour", "town", "different"}
	orgNames      = []string{"same", "form", "most", "some", "different"}
)

// vocabularies says which comparisons and levels a model of a kind declares.
var vocabularies = map[Kind]map[string][]string{
	Person: {
		"given": givenLevels, "family": familyLevels, "name_order": {"swapped"},
		"second_name": {"missing"}, "birth_date": birthNames, "gender": genderNames,
		"document": documentNames, "phone": phoneNames, "email": emailNames,
		"handle": {"same", "different"}, "place": placeNames, "employer": {"same", "different"},
	},
	Organization: {
		"title": orgNames, "document": documentNames, "phone": phoneNames,
		"email": emailNames, "handle": {"same", "different"}, "place": placeNames,
	},
}

// weight is what a level says against strangers and against kin, in millibits.
// A level with a spread adds the rarity of the value to stranger.
type weight struct {
	stranger, kin int32
	rarity        bool
}

// compiled is the model as the scorer reads it: integers by position.
type compiled struct {
	prior, kinPrior              int32
	match, review, floor, strong int32
	cut, pairCap, nameCap        int32
	given, family                [wordLevels]weight
	order, second                weight
	birth                        [birthLevels]weight
	gender                       [2]weight
	document                     [identLevels]weight
	phone                        [phoneLevels]weight
	email                        [emailLevels]weight
	handle, employer             [2]weight
	place                        [placeLevels]weight
	title                        [orgLevels]weight
	rareGiven, rareFamily        int32
	rareWord, rareTown, rareCity int32
	sharing                      []sharingStep
	exclusive                    exclusions
}

type sharingStep struct{ people, discount int32 }

func compile(m *Model) compiled {
	c := compiled{
		prior: bits32(m.Prior), kinPrior: bits32(m.Kin.Prior),
		match: bits32(m.Thresholds.Match), review: bits32(m.Thresholds.Review),
		floor: bits32(m.Thresholds.LinkFloor), strong: bits32(m.Thresholds.Strong),
		cut: bits32(m.Thresholds.Cut), pairCap: bits32(m.PairCap), nameCap: bits32(m.Rarity.NameCap),
		rareGiven: bits32(m.Rarity.Given), rareFamily: bits32(m.Rarity.Family),
		rareWord: bits32(m.Rarity.Word), rareTown: bits32(m.Rarity.Locality), rareCity: bits32(m.Rarity.City),
		exclusive: exclusionsOf(m.Exclusive),
	}
	for name, into := range map[string][]weight{
		"given": c.given[:], "family": c.family[:], "birth_date": c.birth[:], "gender": c.gender[:],
		"document": c.document[:], "phone": c.phone[:], "email": c.email[:], "handle": c.handle[:],
		"place": c.place[:], "employer": c.employer[:], "title": c.title[:],
	} {
		for i, l := range m.Comparisons[name] {
			into[i] = l.weight()
		}
	}
	if l := m.Comparisons["name_order"]; len(l) > 0 {
		c.order = l[0].weight()
	}
	if l := m.Comparisons["second_name"]; len(l) > 0 {
		c.second = l[0].weight()
	}
	for _, s := range m.Sharing {
		c.sharing = append(c.sharing, sharingStep{int32(s.People), bits32(s.Discount)})
	}
	return c
}

func bits32(b float64) int32 { return int32(millibits(b)) }

func (l Level) weight() weight {
	w := weight{kin: bits32(math.Log2(l.M / l.Kin))}
	if l.Spread > 0 {
		w.stranger, w.rarity = bits32(math.Log2(l.M/l.Spread)), true
	} else {
		w.stranger = bits32(math.Log2(l.M / l.U))
	}
	return w
}

// discount gives how many millibits an identifier loses that this many distinct
// people hold, and the position of the step.
func (c *compiled) discount(people int) (millibits int32, step uint8) {
	for i, s := range c.sharing {
		if int32(people) < s.people {
			break
		}
		millibits, step = s.discount, uint8(i+1)
	}
	return millibits, step
}

// Exclusive attributes, as the model and refusals name them.
const (
	exclusiveDocument   = "document"
	exclusiveBirth      = "birth_date_and_given_name"
	exclusiveGeneration = "generation"
	exclusiveDate       = "birth_dates_a_generation_apart"
)

var exclusiveNames = []string{exclusiveDocument, exclusiveBirth, exclusiveGeneration, exclusiveDate}

// exclusions is a set of exclusive attributes.
type exclusions uint8

const (
	excludesDocument exclusions = 1 << iota
	excludesBirth
	excludesGeneration
	// excludesDate: two certain dates of birth a generation apart, in a pair that is
	// no match besides. Father and son of one name must not come together
	// over a record that has no date.
	excludesDate
)

func exclusionsOf(names []string) exclusions {
	var set exclusions
	for _, n := range names {
		for i, known := range exclusiveNames {
			if n == known {
				set |= 1 << i
			}
		}
	}
	return set
}

// name is the first attribute of the set, "" when it is empty.
func (x exclusions) name() string {
	for i, known := range exclusiveNames {
		if x&(1<<i) != 0 {
			return known
		}
	}
	return ""
}

// LevelWords gives the words in which explanations say how a comparison came out,
// by comparison, for whoever puts them into sentences. A level of names is several
// words, each one of those of "name", with ", " between them.
func LevelWords() map[string][]string {
	names := []string{"same"}
	for _, l := range givenLevels {
		names = append(names, "given "+l, "surname "+l)
	}
	names = append(names, "swapped", "one left out")
	names = append(names, orgNames[1:]...)
	out := map[string][]string{"name": names, "prior": {levelPrior}, "household": {levelHousehold, levelBranches}}
	for c, levels := range map[comparison][]string{
		cmpBirth: birthNames, cmpGender: genderNames, cmpDocument: documentNames, cmpPhone: phoneNames, cmpEmail: emailNames,
		cmpHandle: genderNames, cmpPlace: placeNames, cmpEmployer: genderNames,
	} {
		out[comparisonNames[c]] = slices.Clone(levels)
	}
	return out
}

// KeyNames gives the names of all blocking keys that a model may declare, sorted.
func KeyNames() []string {
	var out []string
	for _, makers := range keyMakers {
		out = slices.AppendSeq(out, maps.Keys(makers))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ExclusiveNames gives the attributes that a model may declare exclusive.
func ExclusiveNames() []string { return slices.Clone(exclusiveNames) }
