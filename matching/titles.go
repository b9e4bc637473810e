package matching

import (
	"slices"
	"strings"

	"ficha/internal/phonetic"
	"ficha/internal/text"
)

// term is one word of an organisation's name or of a street.
type term struct {
	text    string
	hash    uint32
	sound   uint32
	letters uint32
	rarity  uint16
}

// title is one name of an organisation.
type title struct {
	terms  []term
	joined string // the words without spaces
	form   uint32 // legal form, 0 if not written
}

const commonTerm = 5000 // rarity of a word that half the firms of a town use

func (e *Engine) titles(in []Name, organization string) []title {
	var out []title
	for _, n := range in {
		s := n.Full
		if s == "" {
			s = strings.Join([]string{n.Given, n.Middle, n.Family, n.Family2}, " ")
		}
		out = e.addTitle(out, s)
	}
	return e.addTitle(out, organization)
}

func (e *Engine) addTitle(out []title, s string) []title {
	t := e.title(s)
	same := func(o title) bool { return o.joined == t.joined && o.form == t.form }
	if len(t.terms) == 0 || len(out) == maxNames || slices.ContainsFunc(out, same) {
		return out
	}
	return append(out, t)
}

func (e *Engine) title(s string) title {
	folded := text.Fold(stripApostrophes(text.RepairMojibake(clip(s))))
	if folded == "" || e.words.Filler("name", folded) {
		return title{}
	}
	words, form := e.words.LegalForm(strings.Split(folded, " "))
	t := title{joined: strings.Join(words, "")}
	if form != "" {
		t.form = hash32(form)
	}
	for _, w := range words {
		if len(t.terms) < maxWords && (len(words) == 1 || !e.words.IsParticle(w) && w != "and" && w != "the" && w != "of") {
			t.terms = append(t.terms, e.term(w))
		}
	}
	return t
}

func (e *Engine) term(w string) term {
	t := plainTerm(w)
	t.rarity = uint16(e.models.Organization.c.rareWord)
	if e.words.Ordinary(w) || len(w) < 3 {
		t.rarity = commonTerm
	}
	return t
}

func plainTerm(w string) term {
	return term{text: w, hash: hash32(w), sound: hash32(phonetic.Spanish(w)), letters: letters(w)}
}
