package text

import (
	"strings"
	"unicode/utf8"
)

// RepairMojibake mends UTF-8 that somebody read as Latin-1 or Windows-1252
// ("NuÃ±ez" → "Nuñez"), also where it happened twice, and leaves everything else
// as it is. It only mends what becomes an accented Latin letter or a typographic
// mark, so that a rare but real pair of signs is not taken for damage. Idempotent.
func RepairMojibake(s string) string {
	for strings.ContainsAny(s, "ÂÃÄÅâ") {
		mended := mendOnce(s)
		if mended == s {
			break
		}
		s = mended // each round at least halves what it mends
	}
	return s
}

func mendOnce(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); {
		if r, n := misread(s[i:]); n > 0 {
			out.WriteRune(r)
			i += n
			continue
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		out.WriteString(s[i : i+n])
		i += n
	}
	return out.String()
}

// misread gives the rune whose UTF-8 bytes the first two or three runes of s
// stand for, and how many bytes of s they take; 0 when there is none.
func misread(s string) (rune, int) {
	var b [3]byte
	want, used := 2, 0
	for k := 0; k < want; k++ {
		r, n := utf8.DecodeRuneInString(s[used:])
		c, ok := byteOf(r)
		if n == 0 || !ok || k == 0 && (c < 0xc2 || c > 0xc5) && c != 0xe2 || k > 0 && c&0xc0 != 0x80 {
			return 0, 0
		}
		if k == 0 && c == 0xe2 {
			want = 3
		}
		b[k], used = c, used+n
	}
	r, n := utf8.DecodeRune(b[:want])
	plausible := 0xa0 <= r && r <= 0x17f || 0x2010 <= r && r <= 0x203a || r == '€' || r == '™' || want == 2 && r < 0xa0
	if n != want || !plausible {
		return 0, 0
	}
	return r, used
}

// byteOf gives the byte that Windows-1252 (or Latin-1, for its five holes) shows as r.
func byteOf(r rune) (byte, bool) {
	if 0x80 <= r && r <= 0xff {
		return byte(r), true
	}
	for i, w := range windows1252 {
		if w == r {
			return byte(0x80 + i), true
		}
	}
	return 0, false
}

var windows1252 = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}
