// Package document gives identity documents and tax numbers one written form and
// checks their check digits. A wrong check digit is evidence of a typo and never
// a reason to refuse: the number is kept as it is.
//
// Written form: upper-case letters and digits only. Numbers of fixed length get
// back the zeros that spreadsheets cut off their front; numbers of variable
// length lose leading zeros; a check character that people leave out (Spanish
// DNI letter, Colombian NIT digit) is put back. Forms are stored in keys: the
// rules are frozen.
package document

import (
	"strings"

	"ficha/internal/text"
)

// Check says what a number's check digit says.
type Check string

// The checks.
const (
	CheckNone  Check = ""      // the kind has none, or it was not written
	CheckValid Check = "valid" // as computed
	CheckWrong Check = "wrong" // not as computed, or a form that is never issued
)

// Document is a document in normal form. Documents are comparable.
type Document struct {
	Kind    string // lower case: dni, nie, cif, nif, curp, rfc, dpi, nit, cc, ci, rut, ruc, cuit, cpf, ssn, passport, driver_license, tax_id, lei, other …
	Number  string // upper-case letters and digits
	Country string // ISO 3166 alpha-2, "" if unknown
	Check   Check
}

const (
	minLength = 4   // shorter numbers identify nobody
	maxLength = 64  // longer ones are no document numbers
	maxInput  = 512 // of the number as written, in bytes
)

// Key is kind/country/number, e.g. "dpi/GT/2365487100101".
func (d Document) Key() string { return d.Kind + "/" + d.Country + "/" + d.Number }

// NumberKey is the number alone, for looking up one whose kind nobody said.
func (d Document) NumberKey() string { return d.Number }

// Normalise reads a document. Kind may be an alias (cui, cédula, national_id,
// tax_id), country a name or a code; what they leave open is taken from the form
// of the number where only one reading has a right check digit. False: the number
// has fewer than four letters and digits, no digit at all, or more than 64.
// Idempotent on kind, number and country.
func Normalise(kind, number, country string) (Document, bool) {
	n, ok := alphanumeric(number)
	if !ok {
		return Document{}, false
	}
	d := Document{Number: n, Country: Country(country)}
	d.Kind, d.Country = resolve(text.Fold(kind), d.Country, n)
	d.Number, d.Check = form(d)
	if _, ok := alphanumeric(d.Number); !ok { // nothing but its leading zeros was a digit
		d.Number, d.Check = n, CheckNone
	}
	return d, true
}

// alphanumeric keeps ASCII letters and digits, upper case, of the compatibility
// form (full-width digits and the like are read).
func alphanumeric(s string) (string, bool) {
	if len(s) > maxInput {
		return "", false
	}
	b := make([]byte, 0, len(s))
	digits := 0
	for _, c := range []byte(text.Fold(s)) {
		switch {
		case '0' <= c && c <= '9':
			digits++
			b = append(b, c)
		case 'a' <= c && c <= 'z':
			b = append(b, c-'a'+'A')
		}
	}
	return string(b), len(b) >= minLength && len(b) <= maxLength && digits > 0
}

// resolve gives the kind and country that a kind as written, a country ("" if
// unknown) and the number's form mean together.
func resolve(kind, country, n string) (string, string) {
	switch kind {
	case "dpi", "cui", "documento personal de identificacion", "codigo unico de identificacion":
		return "dpi", or(country, "GT")
	case "curp":
		return "curp", or(country, "MX")
	case "rfc":
		return "rfc", or(country, "MX")
	case "nie":
		return "nie", or(country, "ES")
	case "cif":
		return "cif", or(country, "ES")
	case "cuit", "cuil", "cuit cuil", "cuil cuit":
		return "cuit", or(country, "AR")
	case "ssn", "social security number", "social security":
		return "ssn", or(country, "US")
	case "cpf":
		return "cpf", or(country, "BR")
	case "rut", "run", "rol unico tributario":
		return "rut", or(country, inferred("CL", rut(n) == CheckValid))
	case "ruc":
		return "ruc", or(country, inferred("PE", len(n) == 11 && ruc(n) == CheckValid))
	case "nit":
		return "nit", country
	case "cc", "cedula de ciudadania":
		return "cc", or(country, "CO")
	case "cedula", "cedula de identidad", "ci", "documento de identidad", "documento", "national id", "nationalid", "id", "id card", "identity card", "identity document":
		return nationalKind(country, n)
	case "dni", "documento nacional de identidad":
		return spanish("dni", or(country, inferred("ES", dni(n) == CheckValid)), n)
	case "nif", "vat":
		return spanish("nif", or(country, inferred("ES", spanishForm(n) != "")), n)
	case "tax id", "tax", "taxid", "tin", "vat number", "identificacion tributaria":
		return taxKind(country, n)
	case "passport", "pasaporte", "pass", "passaporte", "pp":
		return "passport", country
	case "driver license", "drivers license", "driver s license", "driving licence", "driving license", "licencia", "licencia de conducir", "driverlicense", "dl", "drlic":
		return "driver_license", country
	case "", "other", "otro":
		return "other", country
	}
	return strings.ReplaceAll(kind, " ", "_"), country
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func inferred(country string, sure bool) string {
	if sure {
		return country
	}
	return ""
}

// nationalKind is the kind of a country's identity document.
func nationalKind(country, n string) (string, string) {
	switch country {
	case "ES":
		return spanish("dni", country, n)
	case "PE", "AR":
		return "dni", country
	case "GT":
		return "dpi", country
	case "MX":
		return "curp", country
	case "CO":
		return "cc", country
	case "CL":
		return "rut", country
	case "EC", "UY", "PY", "BO", "VE":
		return "ci", country
	case "BR":
		return "cpf", country
	case "US":
		return "ssn", country
	}
	return "national_id", country
}

// taxKind is the kind of a country's tax number.
func taxKind(country, n string) (string, string) {
	switch country {
	case "ES":
		return spanish("nif", country, n)
	case "GT", "CO", "SV", "BO":
		return "nit", country
	case "MX":
		return "rfc", country
	case "CL":
		return "rut", country
	case "PE", "EC", "PY":
		return "ruc", country
	case "AR":
		return "cuit", country
	}
	return "tax_id", country
}

// spanish tells the three Spanish numbers apart, which people call NIF or DNI alike.
func spanish(kind, country, n string) (string, string) {
	if country != "ES" {
		return kind, country
	}
	return or(spanishForm(n), kind), country
}

// spanishForm is dni, nie or cif by the form alone, "" for other forms.
func spanishForm(n string) string {
	n = trimVAT(n)
	if len(n) < 8 || len(n) > 9 || !digits(n[1:len(n)-1]) {
		return ""
	}
	first, end := n[0], n[len(n)-1]
	switch {
	case isDigit(first) && !isDigit(end):
		return "dni"
	case len(n) == 9 && 'X' <= first && first <= 'Z' && !isDigit(end):
		return "nie"
	case len(n) == 9 && strings.IndexByte("ABCDEFGHJNPQRSUVW", first) >= 0:
		return "cif"
	}
	return ""
}

// form gives the number's written form and what its check digit says.
func form(d Document) (string, Check) {
	n := d.Number
	switch d.Kind + "/" + d.Country {
	case "dni/ES":
		return formDNI(trimVAT(n))
	case "nie/ES":
		n = trimVAT(n)
		return n, nie(n)
	case "cif/ES":
		n = trimVAT(n)
		return n, cif(n)
	case "dni/PE":
		return pad(n, 8, 2), CheckNone
	case "dni/AR", "cc/CO":
		return trimZeros(n), CheckNone
	case "curp/MX":
		return n, curp(n)
	case "rfc/MX":
		return n, rfc(n)
	case "dpi/GT":
		return n, dpi(n)
	case "nit/GT":
		n = trimZeros(n)
		return n, nitGT(n)
	case "nit/CO":
		return formNITCO(trimZeros(n))
	case "rut/CL":
		n = trimZeros(n)
		return n, rut(n)
	case "ruc/PE":
		return n, ruc(n)
	case "cuit/AR":
		return n, cuit(n)
	case "ci/EC":
		n = pad(n, 10, 1)
		return n, ciEC(n)
	case "cpf/BR":
		n = pad(n, 11, 3)
		return n, cpf(n)
	case "ssn/US":
		n = pad(n, 9, 2)
		return n, ssn(n)
	}
	return n, CheckNone
}

// trimVAT takes the country off a Spanish number written for European VAT.
func trimVAT(n string) string {
	if len(n) == 11 {
		return strings.TrimPrefix(n, "ES")
	}
	return n
}

// pad puts back up to most zeros that were cut off the front of a number of want digits.
func pad(n string, want, most int) string {
	if short := want - len(n); digits(n) && 0 < short && short <= most {
		return strings.Repeat("0", short) + n
	}
	return n
}

// trimZeros drops leading zeros, but never the last four characters.
func trimZeros(n string) string {
	for len(n) > minLength && n[0] == '0' {
		n = n[1:]
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func digits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
