package town

import (
	"fmt"
	"strconv"
	"strings"

	"ficha/events"
)

// day is a calendar day.
type day struct{ y, m, d int }

func (b day) String() string { return fmt.Sprintf("%04d-%02d-%02d", b.y, b.m, b.d) }

// personDocument makes the national document of a person with a right check
// digit where the kind has one. n numbers the people of the town; no two
// documents of a country are alike.
func personDocument(c *country, p *person, n, seed uint64) events.Document {
	v := permuted(n, 30_000_000, seed)
	doc := events.Document{Country: c.code}
	switch c.code {
	case "GT":
		doc.Kind, doc.Number = "dpi", dpi(v)
	case "MX":
		doc.Kind, doc.Number = "curp", curp(p, n)
	case "ES":
		doc.Kind, doc.Number = "dni", dni(v+20_000_000)
	case "CO":
		doc.Kind, doc.Number = "cc", strconv.FormatUint(v+1_010_000_000, 10)
	case "AR":
		doc.Kind, doc.Number = "dni", strconv.FormatUint(v+12_000_000, 10)
	case "CL":
		doc.Kind, doc.Number = "rut", rut(v+6_000_000)
	default:
		doc.Kind, doc.Number = "dni", strconv.FormatUint(v+10_000_000, 10)
	}
	return doc
}

// companyDocument makes an organisation's tax number.
func companyDocument(c *country, n, seed uint64) events.Document {
	v := permuted(n, 3_000_000, seed)
	doc := events.Document{Country: c.code, Kind: "nit"}
	switch c.code {
	case "GT":
		doc.Number = nitGT(v + 4_000_000)
	case "MX":
		doc.Kind, doc.Number = "rfc", rfcCompany(v)
	case "ES":
		doc.Kind, doc.Number = "cif", cif(v+4_000_000)
	case "CO":
		doc.Number = nitCO(v + 900_000_000)
	case "AR":
		doc.Kind, doc.Number = "cuit", cuit("30"+strconv.FormatUint(v+61_000_000, 10))
	case "CL":
		doc.Kind, doc.Number = "rut", rut(v+76_000_000)
	default:
		doc.Kind, doc.Number = "ruc", ruc("20"+strconv.FormatUint(v+40_000_000, 10))
	}
	return doc
}

// dpi is a Guatemalan CUI: eight digits, a check digit modulo 11, department
// and municipality of registration. Numbers whose check would be 10 are not given.
func dpi(v uint64) string {
	for ; ; v += 30_000_000 {
		s := strconv.FormatUint(v+10_000_000, 10)
		sum := 0
		for i := range s {
			sum += int(s[i]-'0') * (i + 2)
		}
		if check := sum % 11; check < 10 {
			department := 1 + v%22
			return fmt.Sprintf("%s%d%02d%02d", s, check, department, 1+v/22%8)
		}
	}
}

// nitGT ends in a check character modulo 11, K for ten.
func nitGT(v uint64) string {
	s := strconv.FormatUint(v, 10)
	sum := 0
	for i := range s {
		sum += int(s[i]-'0') * (len(s) + 1 - i)
	}
	check := (11 - sum%11) % 11
	if check == 10 {
		return s + "K"
	}
	return s + strconv.Itoa(check)
}

// dni is a Spanish number with its letter.
func dni(v uint64) string {
	return fmt.Sprintf("%08d%c", v, "TRWAGMYFPDXBNJZSQVHLCKE"[v%23])
}

// cif is a Spanish company's number with a digit as control.
func cif(v uint64) string {
	s := fmt.Sprintf("%07d", v)
	sum := 0
	for i := range s {
		n := int(s[i] - '0')
		if i%2 == 0 {
			n *= 2
			n = n/10 + n%10
		}
		sum += n
	}
	return "B" + s + strconv.Itoa((10-sum%10)%10)
}

// rut is a Chilean number with its check character modulo 11.
func rut(v uint64) string {
	s := strconv.FormatUint(v, 10)
	sum, weight := 0, 2
	for i := len(s) - 1; i >= 0; i-- {
		sum += int(s[i]-'0') * weight
		if weight++; weight > 7 {
			weight = 2
		}
	}
	return s + "-" + string("0123456789K0"[11-sum%11])
}

// nitCO is a Colombian tax number with its check digit (DIAN's primes).
func nitCO(v uint64) string {
	s := strconv.FormatUint(v, 10)
	primes := [...]int{3, 7, 13, 17, 19, 23, 29, 37, 41}
	sum := 0
	for i := range s {
		sum += int(s[len(s)-1-i]-'0') * primes[i]
	}
	check := sum % 11
	if check > 1 {
		check = 11 - check
	}
	return s + "-" + strconv.Itoa(check)
}

// cuit adds the check digit to an Argentine number. Ten is not given: another
// number stands in.
func cuit(s string) string {
	for {
		if check := (11 - weighted(s)%11) % 11; check < 10 {
			return s + strconv.Itoa(check)
		}
		n, _ := strconv.ParseUint(s, 10, 64) // digits by construction
		s = strconv.FormatUint(n+5_000_000, 10)
	}
}

// ruc adds the check digit to a Peruvian number; ten and eleven fold to 0 and 1.
func ruc(s string) string { return s + strconv.Itoa((11-weighted(s)%11)%10) }

// weighted is the sum that CUIT and RUC are checked by.
func weighted(s string) int {
	sum := 0
	for i, w := range [...]int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += int(s[i]-'0') * w
	}
	return sum
}

// rfcCompany is a Mexican company's key: three letters, date of foundation, two
// characters and a check character.
func rfcCompany(v uint64) string {
	letter := func(n uint64) byte { return 'A' + byte(n%26) }
	s := fmt.Sprintf("%c%c%c%02d%02d%02d%c%d", letter(v), letter(v/26), letter(v/676), 1+v%24, 1+v/24%12, 1+v/288%28, letter(v/17576), v%10)
	const alphabet = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"
	sum := 37 * 13 // a blank before keys of twelve characters
	for i := range s {
		sum += strings.IndexByte(alphabet, s[i]) * (12 - i)
	}
	switch rest := sum % 11; rest {
	case 0:
		return s + "0"
	case 1:
		return s + "A"
	default:
		return s + strconv.Itoa(11-rest)
	}
}

// curp is the key of a person in Mexico: letters of the names, birth date, sex,
// state of birth, inner consonants, a character against repeats, a check digit.
func curp(p *person, n uint64) string {
	family, family2, given := curpWord(p.family), curpWord(p.family2), curpGiven(p.given)
	sex := "H"
	if p.female {
		sex = "M"
	}
	states := []string{"DF", "JC", "NL", "PL", "YN", "CS", "GT", "MC", "VZ", "OC"}
	head := string([]byte{family[0], innerVowel(family), family2[0], given[0]})
	if strings.Contains("BUEI CACA CAGA COGE CULO FETO GUEI JOTO KACA LOCO LOKA MAME MEAR MION MOCO MULA PEDO PENE PUTA PUTO RATA RUIN", head) {
		head = head[:1] + "X" + head[2:]
	}
	repeat := "0123456789"[n%10]
	if p.born.y >= 2000 {
		repeat = 'A' + byte(n%10)
	}
	s := fmt.Sprintf("%s%02d%02d%02d%s%s%c%c%c%c", head, p.born.y%100, p.born.m, p.born.d, sex, states[n%uint64(len(states))],
		innerConsonant(family), innerConsonant(family2), innerConsonant(given), repeat)
	const alphabet = "0123456789ABCDEFGHIJKLMN?OPQRSTUVWXYZ" // ? holds Ñ's place
	sum := 0
	for i := range s {
		sum += strings.IndexByte(alphabet, s[i]) * (18 - i)
	}
	return s + strconv.Itoa((10-sum%10)%10)
}

// curpWord is the part of a surname that counts: capital ASCII letters, particles left out.
func curpWord(s string) string {
	word := ""
	for w := range strings.FieldsSeq(plain(s)) {
		if w = strings.ToUpper(w); w != "DE" && w != "DEL" && w != "LA" && w != "LOS" && w != "LAS" && w != "Y" {
			word = w
			break
		}
	}
	word = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r
		}
		return 'X'
	}, word)
	if word == "" {
		return "X"
	}
	return word
}

// curpGiven leaves out a first María or José where another name follows.
func curpGiven(s string) string {
	if first, rest, two := strings.Cut(s, " "); two && (first == "María" || first == "José") {
		s = rest
	}
	return curpWord(s)
}

func innerVowel(s string) byte {
	for i := 1; i < len(s); i++ {
		if strings.IndexByte("AEIOU", s[i]) >= 0 {
			return s[i]
		}
	}
	return 'X'
}

func innerConsonant(s string) byte {
	for i := 1; i < len(s); i++ {
		if strings.IndexByte("AEIOU", s[i]) < 0 {
			return s[i]
		}
	}
	return 'X'
}
