package matching

import (
	"slices"
	"strings"

	"ficha/internal/phonetic"
	"ficha/internal/text"
)

// role is the part that a word plays in a name.
type role uint8

const (
	unsure role = iota
	givenRole
	familyRole
)

type wordFlags uint8

const (
	flagSure        wordFlags = 1 << iota // the source said which part it is
	flagMarried                           // "de X": a husband's surname
	flagKnownGiven                        // listed as a given name
	flagKnownFamily                       // listed as a surname
)

// word is one word of a name, ready for comparing.
type word struct {
	text          string
	hash, sound   uint32
	bones         uint32 // the consonants, 0 when there are too few to mean anything
	letters       uint32
	firsts        uint32    // letters that an initial of it may be: its own and those of its short forms
	given, family uint16    // rarity as a given name and as a surname, in millibits
	formals       *[]uint16 // ids of the formal names it may stand for, nil for none; shared, not to be written
	role          role
	flags         wordFlags
}

func (w *word) initial() bool { return len(w.text) == 1 }
func (w *word) sure() bool    { return w.flags&flagSure != 0 }

// name is one name of a person: words in the order written.
type name struct {
	words      []word
	generation uint8 // 1 Sr, 2 Jr or II, 3 III …; 0 unknown
}

// names normalises every name, drops repetitions, and keeps the first few.
func (e *Engine) names(in []Name) []name {
	var out []name
	for _, n := range in {
		r := nameReader{e: e}
		r.read(n)
		if len(r.words) == 0 && r.generation == 0 {
			continue
		}
		made := name{words: r.words, generation: r.generation}
		if !slices.ContainsFunc(out, made.same) {
			out = append(out, made)
		}
		if len(out) == maxNames {
			break
		}
	}
	return out
}

func (n name) same(o name) bool {
	return n.generation == o.generation && slices.EqualFunc(n.words, o.words, func(a, b word) bool {
		return a.text == b.text && a.role == b.role
	})
}

// nameReader collects the words of one name.
type nameReader struct {
	e          *Engine
	words      []word
	generation uint8
}

func (r *nameReader) read(n Name) {
	r.part(n.Given, givenRole)
	r.part(n.Middle, givenRole)
	r.part(n.Family, familyRole)
	r.part(n.Family2, familyRole)
	if g := r.e.words.Generation(text.Fold(clip(n.Suffix))); g != 0 {
		r.generation = g
	}
	r.full(n.Full)
	r.guessRoles()
	r.findCompounds()
}

// full adds a name written in one field: all of it where the parts are missing,
// else only the words that the parts leave out.
func (r *nameReader) full(s string) {
	if s == "" {
		return
	}
	parts := r.words
	whole := nameReader{e: r.e}
	before, after, comma := strings.Cut(clip(s), ",")
	if comma && whole.reversed(before, after) {
		whole.part(before, familyRole)
		whole.part(after, givenRole)
	} else {
		whole.part(s, unsure)
	}
	r.generation = max(r.generation, whole.generation)
	if len(parts) == 0 {
		r.words = whole.words
		return
	}
	for _, w := range whole.words {
		if len(r.words) < maxWords && !slices.ContainsFunc(parts, func(p word) bool { return p.text == w.text }) {
			w.role, w.flags = unsure, w.flags&^flagSure
			r.words = append(r.words, w)
		}
	}
}

// reversed says whether "before, after" is "Surnames, Given". It is not when the
// rest holds digits or only a generation ("Smith, Jr"), or when a known given
// name stands before the comma and none after it ("Thomas Clifford, of …").
func (r *nameReader) reversed(before, after string) bool {
	b, a := text.Tokens(before), text.Tokens(after)
	if len(a) == 0 || len(b) == 0 || strings.ContainsAny(after, "0123456789") || len(a) == 1 && r.e.words.Generation(a[0]) != 0 {
		return false
	}
	_, knownAfter := r.e.words.GivenRarity(a[0])
	_, knownBefore := r.e.words.GivenRarity(b[0])
	return len(a) <= 4 && (knownAfter || !knownBefore)
}

// part adds the words of one field. Titles before and generations after the name
// are taken off, particles left out, abbreviations spelled out.
func (r *nameReader) part(s string, as role) {
	folded := text.Fold(stripApostrophes(text.RepairMojibake(clip(s))))
	if folded == "" || r.e.words.Filler("name", folded) {
		return
	}
	tokens := r.stripGeneration(strings.Split(folded, " "))
	for len(tokens) > 1 && r.e.words.IsTitle(tokens[0]) && (as != unsure || len(tokens) > 2) {
		tokens = tokens[1:]
	}
	married := false
	for i, t := range tokens {
		if r.particle(tokens, i, as) {
			married = t == "de" && r.follows(as)
			continue
		}
		r.add(t, as, married)
		married = false
	}
}

// stripApostrophes joins O'Brien and D'Angelo, which the folding would cut.
func stripApostrophes(s string) string {
	if !strings.ContainsAny(s, "'’`´") {
		return s
	}
	return strings.NewReplacer("'", "", "’", "", "`", "", "´", "").Replace(s)
}

func (r *nameReader) stripGeneration(tokens []string) []string {
	if n := len(tokens); n > 1 {
		if g := r.e.words.Generation(tokens[n-1]); g != 0 && tokens[n-1] != "v" {
			r.generation = g
			return tokens[:n-1]
		}
	}
	return tokens
}

// particle: "de la", "van", "y" and the like inside or before a surname, not the
// last word of a field, not the first one of a given name (Ben, Al).
func (r *nameReader) particle(tokens []string, i int, as role) bool {
	return i < len(tokens)-1 && r.e.words.IsParticle(tokens[i]) && (as == familyRole || i > 0)
}

// follows says that a surname stands already, so that "de X" names a husband.
func (r *nameReader) follows(as role) bool {
	n := 0
	for i := range r.words {
		if r.words[i].role == familyRole || as == unsure {
			n++
		}
	}
	return as == familyRole && n > 0 || as == unsure && n > 1
}

func (r *nameReader) add(t string, as role, married bool) {
	if len(r.words) == maxWords || strings.ContainsAny(t, "0123456789") {
		return
	}
	r.words = append(r.words, r.e.word(r.e.words.Spelled(t), as, married))
}

func (e *Engine) word(t string, as role, married bool) word {
	t = e.withoutArticle(t)
	w := word{text: t, hash: hash32(t), letters: letters(t), role: as}
	w.sound = soundOf(t)
	w.bones = bones(t)
	given, knownGiven := e.words.GivenRarity(t)
	family, knownFamily := e.words.FamilyRarity(t)
	m := &e.models.Person.c
	w.given, w.family = rarityOr(given, knownGiven, m.rareGiven), rarityOr(family, knownFamily, m.rareFamily)
	w.formals = e.words.Formals(t)
	w.firsts = letters(t[:1]) | letters(e.words.Initials(t))
	w.flags = flagIf(flagSure, as != unsure) | flagIf(flagMarried, married) |
		flagIf(flagKnownGiven, knownGiven) | flagIf(flagKnownFamily, knownFamily)
	return w
}

// soundOf is the hash of a word's sound, of the word itself where too little sound
// is left.
func soundOf(t string) uint32 {
	if s := phonetic.Spanish(t); len(s) > 1 {
		return hash32(s)
	}
	return hash32(t)
}

// bones is the hash of a word's consonants, doubled ones once, when there are at
// least three.
func bones(t string) uint32 {
	var buffer [longestWord]byte
	out := buffer[:0]
	for i := 0; i < len(t) && len(out) < len(buffer); i++ {
		switch t[i] {
		case 'a', 'e', 'i', 'o', 'u', 'y', 'h':
		default:
			if len(out) == 0 || out[len(out)-1] != t[i] {
				out = append(out, t[i])
			}
		}
	}
	if len(out) < 3 {
		return 0
	}
	return hash32(string(out))
}

func flagIf(f wordFlags, on bool) wordFlags {
	if on {
		return f
	}
	return 0
}

func rarityOr(listed int32, known bool, other int32) uint16 {
	if !known {
		listed = other
	}
	return uint16(min(max(listed, 0), 60_000))
}

// withoutArticle reads "delacruz" as the surname "cruz".
func (e *Engine) withoutArticle(t string) string {
	_, whole := e.words.FamilyRarity(t)
	for _, p := range []string{"delas", "delos", "dela", "del", "de"} {
		if whole && len(p) < 4 {
			break // Delgado is no "de lgado"
		}
		if rest, ok := strings.CutPrefix(t, p); ok && len(rest) > 2 {
			if _, known := e.words.FamilyRarity(rest); known {
				return rest
			}
		}
	}
	return t
}

// guessRoles tells given names from surnames where the source did not: one given
// name, further ones while the words are better known as such, and then surnames;
// the other way round where only that fits the lists.
func (r *nameReader) guessRoles() {
	var open []int
	for i := range r.words {
		if r.words[i].role == unsure {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return
	}
	if len(open) < len(r.words) {
		r.guessRest(open)
		return
	}
	given := r.leadingGiven()
	for i := range r.words {
		r.words[i].role = familyRole
		if i < given || given < 0 && i >= len(r.words)+given {
			r.words[i].role = givenRole
		}
	}
}

// guessRest sorts words that only the full name has: middle names or surnames.
func (r *nameReader) guessRest(open []int) {
	for _, i := range open {
		w := &r.words[i]
		w.role = familyRole
		if r.likelyGiven(w) {
			w.role = givenRole
		}
	}
}

// likelyGiven: listed as a given name, and more common as that than as a surname.
func (r *nameReader) likelyGiven(w *word) bool {
	return w.flags&flagKnownGiven != 0 && (w.flags&flagKnownFamily == 0 || w.given < w.family)
}

func (r *nameReader) likelyFamily(w *word) bool {
	return w.flags&flagKnownFamily != 0 && w.flags&flagKnownGiven == 0
}

// leadingGiven is how many words from the front are given names; negative: from
// the end.
func (r *nameReader) leadingGiven() int {
	n := len(r.words)
	if n == 1 {
		if r.likelyFamily(&r.words[0]) {
			return 0
		}
		return 1
	}
	if last := &r.words[n-1]; r.words[0].flags&flagKnownGiven == 0 && last.flags&(flagKnownGiven|flagKnownFamily) == flagKnownGiven {
		return -1
	}
	given := 1
	for given < n-1 && (r.likelyGiven(&r.words[given]) || r.words[given].initial()) {
		given++
	}
	return given
}

// findCompounds gives the first word of "maria teresa" the formal name of both,
// so that Maite finds it.
func (r *nameReader) findCompounds() {
	for i := 0; i+1 < len(r.words); i++ {
		a, b := &r.words[i], &r.words[i+1]
		if a.role != givenRole || b.role != givenRole {
			continue
		}
		if id, ok := r.e.words.Compound(a.text, b.text); ok {
			a.addFormal(id)
		}
	}
}

func (w *word) addFormal(id uint16) {
	if ids := w.formalIDs(); !slices.Contains(ids, id) {
		more := append(slices.Clip(ids), id)
		w.formals = &more
	}
}

func (w *word) formalIDs() []uint16 {
	if w.formals == nil {
		return nil
	}
	return *w.formals
}

// employer is the hash of a company's words without its legal form.
func (e *Engine) employer(s string) uint32 {
	f := text.Fold(clip(s))
	if f == "" || e.words.Filler("organization", f) {
		return 0
	}
	rest, _ := e.words.LegalForm(strings.Split(f, " "))
	return hash32(strings.Join(rest, " "))
}
