// Package text folds writing to a plain form for comparing and searching: lower
// case, no accents, Latin letters, single spaces. The source's own bytes are kept
// elsewhere; nothing folded is ever shown.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mozillazg/go-unidecode"
	"golang.org/x/text/unicode/norm"
)

// Fold gives the comparable form of s: compatibility-decomposed (NFKD), lower
// case, accents stripped, Greek, Cyrillic and other scripts in Latin letters,
// everything that is neither letter nor digit as one space, none at the ends.
// What no table knows stays as it is, in lower case.
//
// Fold is idempotent, never fails, and takes time linear in len(s).
func Fold(s string) string {
	if isFolded(s) {
		return s
	}
	if isASCII(s) {
		f := folder{out: make([]byte, 0, len(s))}
		for i := range len(s) {
			f.ascii(s[i])
		}
		return string(f.out)
	}
	if out, ok := foldLatin(s); ok {
		return out
	}
	return foldUnicode(s)
}

// Tokens gives the words of Fold(s), in order; nil when there are none.
func Tokens(s string) []string {
	f := Fold(s)
	if f == "" {
		return nil
	}
	return strings.Split(f, " ")
}

// isFolded says whether s is ASCII in folded form already, the common case for
// what was folded once and is compared again.
func isFolded(s string) bool {
	space := true
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			space = false
		case c == ' ' && !space:
			space = true
		default:
			return false
		}
	}
	return !space || s == ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// folder collects folded bytes; gap remembers that a separator is due before the
// next letter, so that spaces come single and never at the ends.
type folder struct {
	out   []byte
	gap   bool
	other bool // a rune outside ASCII was kept: the result needs composing
	prev  rune // the letter before, for Greek ου
}

func (f *folder) letter() {
	if f.gap && len(f.out) > 0 {
		f.out = append(f.out, ' ')
	}
	f.gap = false
}

func (f *folder) ascii(c byte) {
	switch {
	case 'A' <= c && c <= 'Z':
		c += 'a' - 'A'
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
	default:
		f.gap = true
		return
	}
	f.letter()
	f.out = append(f.out, c)
}

// latin adds the ASCII spelling of a letter of another script.
func (f *folder) latin(s string) {
	for i := range len(s) {
		// Tables write soft signs and glottal stops as ' and `: not separators here.
		if c := s[i]; c != '\'' && c != '`' && c != '"' {
			f.ascii(c)
		}
	}
}

func (f *folder) rune(r rune) {
	f.letter()
	f.out = utf8.AppendRune(f.out, r)
	f.other = true
}

// foldLatin folds what is ASCII and composed Latin letters; false for anything else.
func foldLatin(s string) (string, bool) {
	f := folder{out: make([]byte, 0, len(s))}
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			f.ascii(byte(r))
		case 0xc0 <= r && r <= 0x17f && latinBases[r-0xc0] != '.':
			f.ascii(latinBases[r-0xc0])
		default:
			return "", false
		}
	}
	return string(f.out), true
}

func foldUnicode(s string) string {
	f := folder{out: make([]byte, 0, len(s))}
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, " ")) {
		f.unicode(r)
	}
	if !f.other {
		return string(f.out)
	}
	return norm.NFC.String(string(f.out))
}

// unicode adds one decomposed rune.
func (f *folder) unicode(r rune) {
	if r < utf8.RuneSelf {
		f.prev = r
		f.ascii(byte(r))
		return
	}
	if r = unicode.ToLower(r); r < utf8.RuneSelf {
		f.ascii(byte(r))
		return
	}
	if isAccent(r) {
		return
	}
	prev := f.prev
	f.prev = r
	if r == 'υ' && prev == 'ο' {
		f.latin("u")
		return
	}
	if spelling, ok := latinOf(r); ok {
		f.latin(spelling)
		return
	}
	switch {
	case 0x2b9 <= r && r <= 0x2bd: // letters to Unicode, apostrophes to whoever types them
		f.gap = true
	case unicode.IsDigit(r):
		f.ascii('0' + digitValue(r))
	case unicode.IsLetter(r), unicode.IsMark(r):
		f.script(r)
	case unicode.Is(unicode.Cf, r): // joiners, direction marks: as if not there
	default:
		f.gap = true
	}
}

// script adds a letter of a script that the own tables do not hold.
func (f *folder) script(r rune) {
	spelling := ""
	if unicode.IsLetter(r) {
		spelling = unidecode.Unidecode(string(r))
	}
	switch {
	case strings.ContainsFunc(spelling, isWord):
		if unicode.Is(unicode.Han, r) { // one syllable a sign: a word each
			f.gap = true
			f.latin(spelling)
			f.gap = true
			return
		}
		f.latin(spelling)
	case unicode.IsMark(r) && len(f.out) > 0 && f.out[len(f.out)-1] < utf8.RuneSelf:
		// A vowel sign after a letter that is Latin by now has nothing to sit on.
	default:
		f.rune(r)
	}
}

func isWord(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// isAccent says whether a mark only decorates the letter before it. Marks with
// low combining classes (virama, nukta, vowel signs, voicing marks) make another
// letter of it and stay.
func isAccent(r rune) bool {
	if 0x300 <= r && r <= 0x36f {
		return true
	}
	return unicode.Is(unicode.Mn, r) && norm.NFKD.PropertiesString(string(r)).CCC() >= 10
}

// digitValue gives 0–9 for a decimal digit of any script: Unicode keeps each
// script's ten digits together, zero first.
func digitValue(r rune) byte {
	for _, g := range unicode.Nd.R16 {
		if rune(g.Lo) <= r && r <= rune(g.Hi) {
			return byte((r - rune(g.Lo)) % 10)
		}
	}
	for _, g := range unicode.Nd.R32 {
		if rune(g.Lo) <= r && r <= rune(g.Hi) {
			return byte((r - rune(g.Lo)) % 10)
		}
	}
	return 0
}
