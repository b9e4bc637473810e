package document

import "strings"

// The letters of the Spanish DNI, by number modulo 23 (Real Decreto 1553/2005).
const dniLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

func verdict(right bool) Check {
	if right {
		return CheckValid
	}
	return CheckWrong
}

// formDNI completes eight digits with their letter and lost zeros.
func formDNI(n string) (string, Check) {
	if digits(n) {
		if n = pad(n, 8, 1); len(n) == 8 {
			return n + string(dniLetters[number(n)%23]), CheckNone
		}
		return n, CheckNone
	}
	if len(n) == 8 && digits(n[:7]) {
		n = "0" + n
	}
	return n, dni(n)
}

func dni(n string) Check {
	if len(n) != 9 || !digits(n[:8]) {
		return CheckNone
	}
	return verdict(n[8] == dniLetters[number(n[:8])%23])
}

// nie: X, Y, Z stand for 0, 1, 2.
func nie(n string) Check {
	if len(n) != 9 || n[0] < 'X' || n[0] > 'Z' || !digits(n[1:8]) {
		return CheckNone
	}
	return verdict(n[8] == dniLetters[number(string('0'+n[0]-'X')+n[1:8])%23])
}

// cif (Orden EHA/451/2008): a control digit, or the letter that stands for it.
func cif(n string) Check {
	if len(n) != 9 || !digits(n[1:8]) {
		return CheckNone
	}
	sum := 0
	for i, c := range []byte(n[1:8]) {
		v := int(c - '0')
		if i%2 == 0 {
			v *= 2
			v = v/10 + v%10
		}
		sum += v
	}
	control := (10 - sum%10) % 10
	return verdict(n[8] == byte('0'+control) || n[8] == "JABCDEFGHI"[control])
}

// curpAlphabet has Ñ at 24, which folding has made an N: such a CURP checks as wrong.
const curpAlphabet = "0123456789ABCDEFGHIJKLMN_OPQRSTUVWXYZ"

func curp(n string) Check {
	if len(n) != 18 {
		return CheckNone
	}
	sum := 0
	for i := range 17 {
		sum += max(0, strings.IndexByte(curpAlphabet, n[i])) * (18 - i)
	}
	return verdict(n[17] == byte('0'+(10-sum%10)%10))
}

// rfc: twelve (organisation) or thirteen (person) characters; without the three
// of the homoclave there is nothing to check.
func rfc(n string) Check {
	const alphabet = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ _"
	if len(n) == 12 {
		n = " " + n
	}
	if len(n) != 13 {
		return CheckNone
	}
	sum := 0
	for i := range 12 {
		sum += max(0, strings.IndexByte(alphabet, n[i])) * (13 - i)
	}
	return verdict(n[12] == "0123456789A"[(11-sum%11)%11])
}

// dpi: the ninth digit checks the eight before it; the last four are the place of birth.
func dpi(n string) Check {
	if len(n) != 13 || !digits(n) {
		return CheckNone
	}
	sum := 0
	for i := range 8 {
		sum += int(n[i]-'0') * (i + 2)
	}
	return verdict(sum%11 == int(n[8]-'0'))
}

func nitGT(n string) Check {
	body, check := n[:len(n)-1], n[len(n)-1]
	if !digits(body) || len(body) > 12 {
		return CheckNone
	}
	sum := 0
	for i := range len(body) {
		sum += int(body[i]-'0') * (len(body) + 1 - i)
	}
	return verdict(check == "0123456789K"[(11-sum%11)%11])
}

// formNITCO completes nine digits with the check digit of the DIAN.
func formNITCO(n string) (string, Check) {
	switch {
	case !digits(n):
		return n, CheckNone
	case len(n) == 9:
		return n + string(nitCO(n)), CheckNone
	case len(n) == 10:
		return n, verdict(n[9] == nitCO(n[:9]))
	}
	return n, CheckNone
}

func nitCO(body string) byte {
	weights := [...]int{41, 37, 29, 23, 19, 17, 13, 7, 3}
	sum := 0
	for i, w := range weights {
		sum += int(body[i]-'0') * w
	}
	r := sum % 11
	if r > 1 {
		r = 11 - r
	}
	return byte('0' + r)
}

func rut(n string) Check {
	if len(n) < 6 || len(n) > 10 || !digits(n[:len(n)-1]) {
		return CheckNone
	}
	body, check := n[:len(n)-1], n[len(n)-1]
	sum, weight := 0, 2
	for i := len(body) - 1; i >= 0; i-- {
		sum += int(body[i]-'0') * weight
		if weight++; weight > 7 {
			weight = 2
		}
	}
	return verdict(check == "0123456789K0"[11-sum%11])
}

// ruc of Peru: 10 is written 0 and 11 is written 1.
func ruc(n string) Check {
	if len(n) != 11 || !digits(n) {
		return CheckNone
	}
	return verdict((11-weighed(n)%11)%10 == int(n[10]-'0'))
}

// cuit of Argentina: 11 is written 0; 10 is avoided by another prefix, or written 9.
func cuit(n string) Check {
	if len(n) != 11 || !digits(n) {
		return CheckNone
	}
	v := 11 - weighed(n)%11
	switch v {
	case 11:
		v = 0
	case 10:
		v = 9
	}
	return verdict(v == int(n[10]-'0'))
}

// weighed sums ten digits with the weights that RUC and CUIT share.
func weighed(n string) int {
	weights := [...]int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2}
	sum := 0
	for i, w := range weights {
		sum += int(n[i]-'0') * w
	}
	return sum
}

func ciEC(n string) Check {
	if len(n) != 10 || !digits(n) {
		return CheckNone
	}
	sum := 0
	for i := range 9 {
		v := int(n[i] - '0')
		if i%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return verdict((10-sum%10)%10 == int(n[9]-'0'))
}

func cpf(n string) Check {
	if len(n) != 11 || !digits(n) {
		return CheckNone
	}
	for k := 9; k <= 10; k++ {
		sum := 0
		for i := range k {
			sum += int(n[i]-'0') * (k + 1 - i)
		}
		if sum*10%11%10 != int(n[k]-'0') {
			return CheckWrong
		}
	}
	return CheckValid
}

// ssn has no check digit, but numbers that are never issued (SSA, POMS RM 10201.035).
func ssn(n string) Check {
	if len(n) != 9 || !digits(n) {
		return CheckNone
	}
	if n[:3] == "000" || n[:3] == "666" || n[0] == '9' || n[3:5] == "00" || n[5:] == "0000" {
		return CheckWrong
	}
	return CheckNone
}

// number reads up to nine digits.
func number(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
