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
	own := bare(id)
	for _, d := range documentShapes {
		if !shaped(own, d.shape) {
			continue
		}
		doc, ok := document.Normalise(d.kind, own, d.country)
		if ok && (doc.Check == document.CheckValid || d.sure) {
			return true
		}
	}
	return shaped(id, "999-99-9999") || shaped(own, "99999999X") && shaped(id, "99999999-X") && validRUT(own)
}

// documentShapes are forms of documents: 9 a digit, A a letter, X either. Sure
// forms are had by nothing else; of the others the check digit must be right.
var documentShapes = [...]struct {
	shape, kind, country string
	sure                 bool
}{
	{"AAAA999999AAAAAAX9", "curp", "MX", true},
	{"AAAA999999XXX", "rfc", "MX", false},
	{"99999999A", "dni", "ES", false},
	{"A9999999A", "nie", "ES", false},
	{"A9999999X", "cif", "ES", false},
	{"9999999999999", "dpi", "GT", false},
}

// shaped says whether s, in capitals, has the form.
func shaped(s, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		digit, letter := s[i] >= '0' && s[i] <= '9', s[i] >= 'A' && s[i] <= 'Z'
		switch form[i] {
		case '9':
			if !digit {
				return false
			}
		case 'A':
			if !letter {
				return false
			}
		case 'X':
			if !digit && !letter {
				return false
			}
		default:
			if s[i] != form[i] {
				return false
			}
		}
	}
	return true
}

func validRUT(s string) bool {
	doc, ok := document.Normalise("rut", s, "CL")
	return ok && doc.Check == document.CheckValid
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
