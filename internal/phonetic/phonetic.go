// Package phonetic gives words a key by their sound, for names that were heard
// and written down: Jiménez and Gimenes have one key. Keys are stored, so the
// rules are frozen; another set of rules is another function.
package phonetic

import "ficha/internal/text"

// Spanish is the sound key of one word as a Spanish speaker of America says it.
// Equal keys mean that one word is easily written for the other:
//
//	b v         b        z s, c before e i   s      h     silent, except in ch
//	ll, y + vowel  y     g before e i, j     j      gu before e i   g
//	q qu k ck c k        ch sh               c      ph    f
//	ñ, ni ny gn + vowel  n                   w hu gu(a o) + vowel   u + vowel
//	n before b v p       m                   x      x     y elsewhere  i
//
// and a sound written twice counts once. The word is folded first (package
// text), so case and accents do not matter; what is no Latin letter or digit is
// left as it is. The key of an empty word is empty. One word in, one word out;
// linear time.
func Spanish(token string) string {
	w := text.Fold(token)
	out := make([]byte, 0, len(w))
	for i := 0; i < len(w); {
		sound, used := next(w, i)
		i += used
		for k := range len(sound) {
			c := sound[k]
			if c == 'n' && i < len(w) && (w[i] == 'b' || w[i] == 'v' || w[i] == 'p') {
				c = 'm'
			}
			if len(out) == 0 || out[len(out)-1] != c || c < 'a' || c > 'z' {
				out = append(out, c)
			}
		}
	}
	return string(out)
}

// next gives the sound that begins at w[i] and how many letters it takes.
func next(w string, i int) (sound string, used int) {
	c, n, nn := w[i], peek(w, i+1), peek(w, i+2)
	switch c {
	case 'v':
		return "b", 1
	case 'z':
		return "s", 1
	case 'c':
		return soundOfC(n)
	case 's':
		if n == 'h' {
			return "c", 2
		}
	case 'p':
		if n == 'h' {
			return "f", 2
		}
	case 'q':
		if n == 'u' && front(nn) {
			return "k", 2
		}
		return "k", 1
	case 'g':
		return soundOfG(n, nn)
	case 'h':
		return soundOfH(w, i)
	case 'l':
		if n == 'l' {
			return "y", 2
		}
	case 'w':
		return "u", 1
	case 'y':
		if vowel(n) {
			return "y", 1
		}
		return "i", 1
	case 'n':
		if (n == 'i' || n == 'y') && vowel(nn) && nn != 'i' {
			return "n", 2
		}
	}
	return w[i : i+1], 1
}

func soundOfC(n byte) (string, int) {
	switch {
	case n == 'h':
		return "c", 2
	case n == 'k':
		return "k", 2
	case front(n):
		return "s", 1
	}
	return "k", 1
}

func soundOfG(n, nn byte) (string, int) {
	switch {
	case n == 'n' && vowel(nn):
		return "n", 2
	case n == 'u' && front(nn):
		return "g", 2
	case n == 'u' && (nn == 'a' || nn == 'o'):
		return "u", 2
	case front(n):
		return "j", 1
	}
	return "g", 1
}

// soundOfH: silent; before i + vowel it leaves a y (Hierro, Yerro).
func soundOfH(w string, i int) (string, int) {
	if n, nn := peek(w, i+1), peek(w, i+2); n == 'i' && (nn == 'e' || nn == 'a' || nn == 'o') {
		return "y", 2
	}
	return "", 1
}

func peek(w string, i int) byte {
	if i < len(w) {
		return w[i]
	}
	return 0
}

func front(c byte) bool { return c == 'e' || c == 'i' || c == 'y' }

func vowel(c byte) bool {
	switch c {
	case 'a', 'e', 'i', 'o', 'u':
		return true
	}
	return false
}
