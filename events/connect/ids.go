package connect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strings"

	"ficha/internal/contactpoint"
	"ficha/internal/document"
)

// hasher makes ids that nobody can turn back or guess without the key.
type hasher struct {
	mac hash.Hash
	sum []byte
	b   []byte
}

func newHasher(key []byte) *hasher { return &hasher{mac: hmac.New(sha256.New, key)} }

// id is 128 bits of HMAC-SHA256 over the parts, each prefixed by its length, so
// that no two lists collide by concatenation: 22 characters of base64url.
func (h *hasher) id(parts ...string) string {
	h.mac.Reset()
	for _, p := range parts {
		h.b = binary.BigEndian.AppendUint32(h.b[:0], uint32(len(p)))
		h.b = append(h.b, p...)
		h.mac.Write(h.b)
	}
	h.sum = h.mac.Sum(h.sum[:0])
	return base64.RawURLEncoding.EncodeToString(h.sum[:16])
}

// personalShape says whether an id by its form alone is an e-mail address, an
// international telephone number, or a document whose check digit and letters
// leave no doubt. Bare digits may be a counter: see personalAmong.
func personalShape(id string) bool {
	if strings.Contains(id, "@") {
		return true
	}
	if strings.HasPrefix(id, "+") {
		p, ok := contactpoint.Phone(id, "")
		return ok && p.Readable
	}
	if curpShape(bare(id)) {
		return true
	}
	for _, kind := range [...]string{"dni", "nie", "rfc", "cif"} {
		country := "ES"
		if kind == "rfc" {
			country = "MX"
		}
		if d, ok := document.Normalise(kind, id, country); ok && d.Check == document.CheckValid && !isNumber(d.Number) && sameLength(id, d.Number) {
			return true
		}
	}
	switch d, ok := document.Normalise("", id, ""); {
	case !ok:
		return false
	case len(d.Number) == 13 && isNumber(d.Number):
		dpi, _ := document.Normalise("dpi", id, "GT")
		return dpi.Check == document.CheckValid
	case len(d.Number) == 9 && strings.Count(id, "-") == 2 && isNumber(d.Number):
		return true // 123-45-6789
	case strings.Count(id, "-") == 1 && len(d.Number) >= 8 && len(d.Number) <= 9:
		rut, _ := document.Normalise("rut", id, "CL")
		return rut.Check == document.CheckValid && strings.IndexByte(id, '-') == len(id)-2
	}
	return false
}

// curpShape says whether s has the form of a Mexican CURP, which nothing else has.
func curpShape(s string) bool {
	if len(s) != 18 {
		return false
	}
	for i := range len(s) {
		letter := s[i] >= 'A' && s[i] <= 'Z'
		switch {
		case i < 4 || i >= 10 && i < 16:
			if !letter {
				return false
			}
		case i != 16 && letter:
			return false
		}
	}
	return s[10] == 'H' || s[10] == 'M' || s[10] == 'X'
}

// sameLength says that normalising added nothing to an id, such as a letter.
func sameLength(id, number string) bool {
	n := 0
	for _, r := range id {
		if r != ' ' && r != '-' && r != '.' {
			n++
		}
	}
	return n == len(number)
}

// personalAmong says whether an id is one of the row's own phones, addresses or
// documents.
func personalAmong(id string, values []string) bool {
	own := bare(id)
	if len(own) < 5 {
		return false
	}
	for _, v := range values {
		if v = bare(v); v == own || len(own) >= 7 && isNumber(own) && strings.HasSuffix(v, own) {
			return true
		}
	}
	return false
}

// bare keeps letters and digits, capital.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '@':
			return r
		}
		return -1
	}, s)
}
