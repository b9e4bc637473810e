package contactpoint

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

const (
	// minDigits is how short an unreadable number may be; less says nothing.
	minDigits = 4
	// maxDigits is how many digits of an unreadable number are kept (the last).
	maxDigits = 32
	// enoughDigits: what follows so many digits and is not one of them is an
	// extension, a second number or a remark.
	enoughDigits = 7
)

// Phone reads a telephone number. Region (ISO 3166 alpha-2, any case, "" if
// unknown) says how to complete a number without country code. Extensions and
// what follows the first number are left out. A number that cannot be completed
// keeps its digits, not Readable. False: there are fewer than four digits.
func Phone(value, region string) (Point, bool) {
	w := scan(value)
	if len(w.digits) < minDigits {
		return Point{}, false
	}
	region = strings.ToUpper(strings.TrimSpace(region))
	if e164, ok := w.e164(region); ok {
		return Point{Kind: KindPhone, Value: e164, Readable: true}, true
	}
	return Point{Kind: KindPhone, Value: last(w.digits, maxDigits)}, true
}

// written is a number as scanned: its digits, whether they begin with a country
// code, and whether anything in it needs the full parser (letters, a trunk zero
// in brackets).
type written struct {
	digits string
	plus   bool
	odd    bool
	text   string // what was scanned, up to where the number ends
}

// scan collects the digits of the first number in s.
func scan(s string) written {
	s = trimScheme(strings.TrimSpace(s))
	w := written{text: s}
	buf := make([]byte, 0, 16)
	for i, r := range s {
		switch {
		case '0' <= r && r <= '9':
			buf = append(buf, byte(r))
		case r == ' ', r == '-', r == '.', r == ')', r == '\t', r == '\u00a0':
		case r == '(':
			w.odd = w.odd || len(buf) > 0 && strings.HasPrefix(s[i:], "(0")
		case (r == '+' || r == '＋') && len(buf) == 0:
			w.plus = true
		case r > unicode.MaxASCII && unicode.IsDigit(r):
			buf = append(buf, digitOf(r))
		case len(buf) >= enoughDigits && !insideNumber(r):
			w.text = s[:i]
			w.digits = string(buf)
			return w.international()
		default:
			w.odd = true
		}
		if len(buf) > 4*maxDigits { // no number; keep the scan short on hostile input
			break
		}
	}
	w.digits = string(buf)
	return w.international()
}

// insideNumber says whether r is a dash or space that some writer puts into numbers.
func insideNumber(r rune) bool { return unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Zs, r) }

// international takes the common 00 prefix for a plus.
func (w written) international() written {
	if !w.plus && len(w.digits) >= 10 && strings.HasPrefix(w.digits, "00") {
		w.digits, w.plus = w.digits[2:], true
		w.text = "+" + w.digits
	}
	return w
}

func (w written) e164(region string) (string, bool) {
	if !w.odd {
		if e, ok := planned(w, region); ok {
			return e, true
		}
		if e, ok := mexican(w, region); ok {
			return e, true
		}
	}
	if len(w.text) > 64 || !w.plus && len(region) != 2 {
		return "", false
	}
	n, err := phonenumbers.Parse(w.text, region)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// plan is a numbering plan simple enough to be read without the full parser:
// national numbers of one length that begin with one of a few digits, and no
// trunk prefix that could be mistaken for one of them.
type plan struct {
	region, code string
	length       int
	first        string
}

// plans is in order of use. A test holds every entry to the full parser.
var plans = [...]plan{
	{"GT", "502", 8, "234567"}, {"MX", "52", 10, "23456789"}, {"ES", "34", 9, "6789"}, {"US", "1", 10, "23456789"},
	{"CO", "57", 10, "3"}, {"PE", "51", 9, "9"}, {"CL", "56", 9, "9"}, {"SV", "503", 8, "267"},
	{"HN", "504", 8, "23789"}, {"NI", "505", 8, "2578"}, {"CR", "506", 8, "2678"}, {"CA", "1", 10, "23456789"},
	{"DO", "1", 10, "89"}, {"PR", "1", 10, "79"},
}

func planned(w written, region string) (string, bool) {
	for i := range plans {
		p := &plans[i]
		switch {
		case w.plus && len(w.digits) == len(p.code)+p.length && strings.HasPrefix(w.digits, p.code):
			if strings.IndexByte(p.first, w.digits[len(p.code)]) >= 0 {
				return "+" + w.digits, true
			}
		case !w.plus && region == p.region && len(w.digits) == p.length:
			if strings.IndexByte(p.first, w.digits[0]) >= 0 {
				return "+" + p.code + w.digits, true
			}
		}
	}
	return "", false
}

// mexican reads what current tables no longer know but address books hold: the
// mobile 1 after +52, and the trunk prefixes 01, 044 and 045.
func mexican(w written, region string) (string, bool) {
	d := w.digits
	switch {
	case w.plus && len(d) > 12 && strings.HasPrefix(d, "52"):
		d = d[2:]
	case !w.plus && region == "MX":
		if len(d) == 13 && strings.HasPrefix(d, "521") {
			d = d[2:]
		}
	default:
		return "", false
	}
	for _, trunk := range [...]string{"044", "045", "01"} {
		if rest, ok := strings.CutPrefix(d, trunk); ok && len(rest) == 10 && rest[0] > '1' {
			return "+52" + rest, true
		}
	}
	if len(d) == 11 && d[0] == '1' && d[1] > '1' {
		return "+52" + d, true
	}
	return "", false
}

// phoneClass is the frozen table v1 on E.164 numbers.
func phoneClass(e164 string) string {
	switch {
	case len(e164) == 14 && strings.HasPrefix(e164, "+521"):
		return "+52" + e164[4:]
	case len(e164) == 14 && strings.HasPrefix(e164, "+549"):
		return "+54" + e164[4:]
	case len(e164) == 14 && strings.HasPrefix(e164, "+55") && e164[5] == '9' && e164[6] >= '6':
		// Mobile numbers were prefixed with 9 from 2012 on; those began with 6–9.
		return e164[:5] + e164[6:]
	}
	return e164
}

// trimScheme takes off what URIs and messaging gateways put before a number.
func trimScheme(s string) string {
	head, rest, ok := strings.Cut(s, ":")
	if !ok || len(head) > 10 {
		return s
	}
	switch strings.ToLower(strings.TrimSpace(head)) {
	case "tel", "sms", "smsto", "callto", "whatsapp", "sip", "mms":
		return strings.TrimSpace(rest)
	}
	return s
}

func digitOf(r rune) byte {
	for _, g := range unicode.Nd.R16 {
		if rune(g.Lo) <= r && r <= rune(g.Hi) {
			return '0' + byte((r-rune(g.Lo))%10)
		}
	}
	for _, g := range unicode.Nd.R32 {
		if rune(g.Lo) <= r && r <= rune(g.Hi) {
			return '0' + byte((r-rune(g.Lo))%10)
		}
	}
	return '0'
}

func tailDigits(value string) string { return last(strings.TrimPrefix(value, "+"), 8) }

func last(s string, n int) string {
	if len(s) > n {
		return s[len(s)-n:]
	}
	return s
}

// fillerDigits: all the same, or the keyboard from one end to the other.
func fillerDigits(d string) bool {
	if strings.Count(d, d[:min(1, len(d))]) == len(d) {
		return true
	}
	return len(d) >= 7 && (strings.Contains("01234567890123456789", d) || strings.Contains("98765432109876543210", d))
}
