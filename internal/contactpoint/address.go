package contactpoint

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"ficha/internal/text"
)

// maxEmail is the longest address of RFC 5321 (path of 256 less the brackets).
const maxEmail = 254

// Email reads an e-mail address: trimmed, lower case, also out of
// "Name <a@b.example>" and mailto: links. False: it is none.
func Email(value string) (Point, bool) {
	v := strings.TrimSpace(value)
	if i := strings.LastIndexByte(v, '<'); i >= 0 {
		if j := strings.IndexByte(v[i:], '>'); j > 0 {
			v = v[i+1 : i+j]
		}
	}
	v = strings.ToLower(strings.TrimSpace(v))
	v = strings.TrimPrefix(v, "mailto:")
	v, _, _ = strings.Cut(v, "?")
	v = strings.TrimSuffix(strings.TrimSpace(v), ".")
	at := strings.LastIndexByte(v, '@')
	if at < 1 || len(v) > maxEmail || !utf8.ValidString(value) || !mailbox(v[:at]) || !domain(v[at+1:]) {
		return Point{}, false
	}
	return Point{Kind: KindEmail, Value: v, Readable: true}, true
}

func mailbox(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == ' ' || strings.ContainsRune(`@<>,;:"()[]\`, r) {
			return false
		}
	}
	return true
}

func domain(s string) bool {
	if !strings.Contains(s, ".") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
				return false
			}
		}
	}
	return true
}

// emailClass: Google delivers to one mailbox whatever the dots, the +tag and
// which of its two domains.
func emailClass(v string) string {
	local, host, _ := strings.Cut(v, "@")
	if host != "gmail.com" && host != "googlemail.com" {
		return v
	}
	bare, _, _ := strings.Cut(local, "+")
	if bare = strings.ReplaceAll(bare, ".", ""); bare == "" {
		return v
	}
	return bare + "@gmail.com"
}

func fillerMailbox(local string) bool {
	switch strings.Map(letters, local) {
	case "", "no", "na", "none", "nomail", "noemail", "notiene", "notienecorreo", "notieneemail", "sincorreo",
		"sinemail", "sinmail", "nocorreo", "noaplica", "ninguno", "x", "xx", "xxx", "xxxx", "noreply", "donotreply",
		"noresponder", "norespuesta":
		return true
	}
	return false
}

func letters(r rune) rune {
	if unicode.IsLetter(r) {
		return r
	}
	return -1
}

// Handle reads a name on a network: lower case, without @ before it, also out of
// a link to it. A WhatsApp handle is the phone number that it stands for, since
// nobody who refuses the one wants the other. False: handle or network is empty.
func Handle(handle, network string) (Point, bool) {
	n := networkName(network)
	h := strings.ToLower(strings.TrimSpace(handle))
	h, _, _ = strings.Cut(h, "?")
	h = strings.TrimRight(h, "/")
	if i := strings.LastIndexByte(h, '/'); i >= 0 {
		h = h[i+1:]
	}
	h = strings.TrimSpace(strings.TrimLeft(h, "@ "))
	if h == "" || n == "" || !utf8.ValidString(handle) || strings.ContainsFunc(h, unicode.IsControl) {
		return Point{}, false
	}
	if n == "whatsapp" {
		if p, ok := whatsapp(h); ok {
			return p, true
		}
	}
	return Point{Kind: KindHandle, Value: h + "@" + n, Readable: true}, true
}

// whatsapp reads 50255123456, +502…, and 50255123456@s.whatsapp.net.
func whatsapp(h string) (Point, bool) {
	number, _, _ := strings.Cut(h, "@")
	p, ok := Phone("+"+strings.TrimPrefix(trimScheme(number), "+"), "")
	return p, ok && p.Readable
}

func networkName(s string) string {
	s = strings.ReplaceAll(text.Fold(s), " ", "")
	switch s {
	case "twitter", "xcom", "twittercom":
		return "x"
	case "fb", "messenger", "facebookmessenger", "facebookcom":
		return "facebook"
	case "ig", "insta", "instagramcom":
		return "instagram"
	case "wa", "wapp", "whatsappbusiness":
		return "whatsapp"
	case "tg":
		return "telegram"
	}
	return s
}

// Address reads a postal address from its parts in any order a source has them:
// folded and joined. It is good for recognising the very same address, no more.
// False: nothing is left.
func Address(parts ...string) (Point, bool) {
	v := text.Fold(strings.Join(parts, " "))
	return Point{Kind: KindAddress, Value: v, Readable: true}, v != ""
}
