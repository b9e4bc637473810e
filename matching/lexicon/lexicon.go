// Package lexicon holds what the matcher knows of words before it has seen any
// record: which names are common and how common, which short forms belong to
// which names, titles, particles, street types, legal forms, fillers. The tables
// are embedded and frozen, so that a value's weight never depends on what
// arrived today. All words are in the folded form of package text.
//
//	README.md says where each table comes from.
package lexicon

import (
	"embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ficha/internal/text"
)

//go:embed nicknames.txt given.txt surnames.txt streets.txt legalforms.txt ranks.txt words.txt
var files embed.FS

// A Lexicon is immutable after Load and safe for concurrent use.
type Lexicon struct {
	given, family map[string]int32     // rarity in millibits
	formals       map[string]*[]uint16 // ids of the formal names that a word may stand for
	compounds     map[string]uint16    // formal names of two words
	initials      map[string]string    // formal name → first letters of its short forms
	streets       map[string]string    // street type → canonical word
	forms         map[string]string    // legal form → kind
	sets          map[string]map[string]string
	formal        []string // formal name of an id − 1
}

// Load reads the embedded tables. It fails only where a table is malformed,
// which the tests rule out for the tables that ship.
func Load() (*Lexicon, error) {
	x := &Lexicon{
		given: map[string]int32{}, family: map[string]int32{},
		formals: map[string]*[]uint16{}, compounds: map[string]uint16{}, initials: map[string]string{},
		streets: map[string]string{}, forms: map[string]string{},
		sets: map[string]map[string]string{},
	}
	steps := []struct {
		file string
		read func(line string) error
	}{
		{"given.txt", x.readGiven}, {"surnames.txt", x.readSurname}, {"ranks.txt", x.readRanks},
		{"nicknames.txt", x.readNicknames}, {"streets.txt", x.readStreets},
		{"legalforms.txt", x.readForm}, {"words.txt", x.readWords},
	}
	for _, s := range steps {
		if err := eachLine(s.file, s.read); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func eachLine(file string, read func(string) error) error {
	raw, err := files.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read table %s: %w", file, err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if err := read(line); err != nil {
			return fmt.Errorf("read table %s line %d: %w", file, n, err)
		}
	}
	return nil
}

// Rarities of names that are listed without a number: they exist, and are not
// among the common ones.
const (
	listedGiven  = 11_000
	listedFamily = 11_800
)

func (x *Lexicon) readGiven(line string) error {
	x.given[line] = listedGiven
	return nil
}

func (x *Lexicon) readSurname(line string) error {
	name, perMillion, numbered := strings.Cut(line, " ")
	x.family[name] = listedFamily
	if !numbered {
		return nil
	}
	n, err := strconv.Atoi(perMillion)
	if err != nil || n < 1 {
		return fmt.Errorf("number of %q", name)
	}
	x.family[name] = min(listedFamily+1500, rarity(float64(n)/1e6))
	return nil
}

func rarity(p float64) int32 { return int32(math.Round(-1000 * math.Log2(p))) }

// readRanks takes "family es: garcia rodriguez …". Names follow Zipf's law well
// enough for a weight: the share of the name on place r is top / (1 + fall·r).
// A name common in several languages keeps its highest share, the careful side.
func (x *Lexicon) readRanks(line string) error {
	head, words, ok := strings.Cut(line, ":")
	what, language, ok2 := strings.Cut(head, " ")
	shape, ok3 := shapes[head]
	if !ok || !ok2 || !ok3 {
		return fmt.Errorf("list %q of %q is not known", what, language)
	}
	table := x.family
	if what == "given" {
		table = x.given
	}
	for r, w := range strings.Fields(words) {
		p := rarity(shape.top / (1 + shape.fall*float64(r)))
		if was, listed := table[w]; !listed || p < was {
			table[w] = p
		}
	}
	return nil
}

type shape struct{ top, fall float64 }

var shapes = map[string]shape{
	"family es": {0.034, 0.25}, "family pt": {0.06, 0.35}, "family en": {0.010, 0.08}, "family de": {0.009, 0.12},
	"given es": {0.07, 0.20}, "given pt": {0.06, 0.35}, "given en": {0.022, 0.06}, "given de": {0.02, 0.10},
}

func (x *Lexicon) readNicknames(line string) error {
	formal, nicks, ok := strings.Cut(line, ": ")
	if !ok || len(x.formal) >= math.MaxUint16 {
		return fmt.Errorf("short forms of %q", formal)
	}
	x.formal = append(x.formal, formal)
	id := uint16(len(x.formal))
	for nick := range strings.FieldsSeq(nicks) {
		x.initials[formal] += nick[:1]
	}
	if strings.Contains(formal, " ") {
		x.compounds[formal] = id
	} else {
		x.addFormal(formal, id, true)
	}
	for nick := range strings.FieldsSeq(nicks) {
		x.addFormal(nick, id, false)
	}
	return nil
}

// addFormal notes that a word may stand for a formal name; its own stands first.
func (x *Lexicon) addFormal(word string, id uint16, own bool) {
	ids := x.formals[word]
	if ids == nil {
		ids = new([]uint16)
		x.formals[word] = ids
	}
	if own {
		*ids = slices.Insert(*ids, 0, id)
	} else {
		*ids = append(*ids, id)
	}
}

func (x *Lexicon) readStreets(line string) error {
	words := strings.Fields(line)
	for _, w := range words {
		x.streets[w] = words[0]
	}
	return nil
}

func (x *Lexicon) readForm(line string) error {
	kind, form, ok := strings.Cut(line, "|")
	if !ok {
		return fmt.Errorf("legal form %q", line)
	}
	x.forms[form] = kind
	return nil
}

// readWords takes "title: sr sra …", "generation 2: jr …", "city mexico: cdmx|df",
// "filler name: sin nombre|…": a set, an optional value, and words or phrases.
func (x *Lexicon) readWords(line string) error {
	head, rest, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("words %q", line)
	}
	set, value, _ := strings.Cut(head, " ")
	words := strings.Fields(rest)
	switch set {
	case "city":
		words = append(strings.Split(rest, "|"), value)
	case "filler", "shared":
		set, value, words = head, "", strings.Split(rest, "|")
	}
	if x.sets[set] == nil {
		x.sets[set] = map[string]string{}
	}
	for _, w := range words {
		if f := text.Fold(w); f != "" {
			x.sets[set][f] = value
		}
	}
	return nil
}

func (x *Lexicon) in(set, word string) bool {
	_, ok := x.sets[set][word]
	return ok
}

// GivenRarity is −1000·log2 of the share of people who bear the given name;
// false when the name is in no list.
func (x *Lexicon) GivenRarity(word string) (millibits int32, known bool) {
	millibits, known = x.given[word]
	return millibits, known
}

// FamilyRarity is −1000·log2 of the share of people who bear the surname.
func (x *Lexicon) FamilyRarity(word string) (millibits int32, known bool) {
	millibits, known = x.family[word]
	return millibits, known
}

// Formals gives the ids of the formal names that a given name may stand for,
// itself included: two words that share an id may name one person (Paco and
// Pancho, Bob and Robert; not Patrick and Patricia, though Pat is both). Nil for
// none; the list is shared and must not be written.
func (x *Lexicon) Formals(word string) *[]uint16 { return x.formals[word] }

// FormalNames gives every formal name; the id of one is its place plus one.
func (x *Lexicon) FormalNames() []string { return x.formal }

// Formal gives the formal name of an id that Formals or Compound gave.
func (x *Lexicon) Formal(id uint16) string { return x.formal[id-1] }

// Initials gives the first letters of the short forms of a formal name: "b" among
// those of robert.
func (x *Lexicon) Initials(formal string) string { return x.initials[formal] }

// Compound gives the id of a formal name of two words ("maria teresa", whose
// short form is Maite); false when the pair has no short form.
func (x *Lexicon) Compound(first, second string) (uint16, bool) {
	id, ok := x.compounds[first+" "+second]
	return id, ok
}

// IsTitle says whether a word stands before a name and is none: Lic., Sra., Dr.
func (x *Lexicon) IsTitle(word string) bool { return x.in("title", word) }

// IsParticle says whether a word only joins the words of a name: de la, von, y.
func (x *Lexicon) IsParticle(word string) bool { return x.in("particle", word) }

// IsUnit says whether a word announces a flat, floor or office in an address.
func (x *Lexicon) IsUnit(word string) bool { return x.in("unit", word) }

// IsNumberWord says whether a word announces a house number: no., nro.
func (x *Lexicon) IsNumberWord(word string) bool { return x.in("number", word) }

// IsDirection says whether a word is a point of the compass in an address.
func (x *Lexicon) IsDirection(word string) bool { return x.in("direction", word) }

// Generation gives 1 for the elder (Sr), 2 for the younger (Jr, II, hijo), 3 and
// on for III, IV; 0 when the word says nothing about it.
func (x *Lexicon) Generation(word string) uint8 {
	v := x.sets["generation"][word]
	if v == "" {
		return 0
	}
	return v[0] - '0'
}

// StreetType gives the canonical word of a street type ("avda" → "avenida").
func (x *Lexicon) StreetType(word string) (string, bool) {
	c, ok := x.streets[word]
	return c, ok
}

// City gives one name for the ways in which a well-known city is written
// ("cdmx", "mexico df" → "mexico"); false when the table does not hold it.
func (x *Lexicon) City(folded string) (string, bool) {
	c, ok := x.sets["city"][folded]
	return c, ok
}

const longestForm = 7

// LegalForm splits the legal form off the end of an organisation's words, or off
// its start where Spanish and Slavic registers put it; at least one word stays.
// kind is "" when there is none.
func (x *Lexicon) LegalForm(words []string) (rest []string, kind string) {
	for n := min(longestForm, len(words)-1); n > 0; n-- {
		cut := len(words) - n
		if k := x.forms[strings.Join(words[cut:], " ")]; k != "" {
			rest, _ = x.LegalForm(words[:cut]) // "Co., Ltd." is two forms
			return rest, k
		}
	}
	for n := min(longestForm, len(words)-1); n > 1; n-- {
		if k := x.forms[strings.Join(words[:n], " ")]; k != "" {
			return words[n:], k
		}
	}
	return words, ""
}

// Filler says whether a folded value stands for "not known" in a field: name,
// mailbox, document, place, organization. Repetitions of one sign count as
// fillers in every field.
func (x *Lexicon) Filler(field, folded string) bool {
	return x.in("filler "+field, folded) || repeated(folded)
}

// Spelled gives the word that a written abbreviation stands for ("hdz" →
// "hernandez", "ma" → "maria"), and the word itself when it is none.
func (x *Lexicon) Spelled(word string) string {
	if full, ok := x.sets["short"][word]; ok {
		return full
	}
	return word
}

// Ordinary says whether a word is common in names of organisations.
func (x *Lexicon) Ordinary(word string) bool { return x.in("ordinary", word) }

// SharedMailbox says whether the part before the @ names a desk, not a person.
func (x *Lexicon) SharedMailbox(folded string) bool { return x.in("shared mailbox", folded) }

// repeated: "0000000", "xxxx"; from three signs on, so that no name falls in.
func repeated(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	return len(s) >= 3 && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c != s[0] })
}
