package connect

import (
	"strings"

	"ficha/internal/text"
)

// clean trims a cell and gives "" for what exports write where nothing is known.
// Words that are also names (None, Nil) stay in fields of names.
func clean(s string, isName bool) string {
	s = strings.Trim(s, " \t\r\n\u00a0\u200b\ufeff")
	switch s {
	case `\N`, "#N/A", "N/A", "n/a", "NULL", "null", "<null>", "NaN", "nan", "-", "--", "?":
		return ""
	case "None", "Null", "nil", "NA", "ND", "N/D", "S/D":
		if !isName {
			return ""
		}
	}
	return s
}

// oneLine joins the lines and blanks of a value: names and codes have none inside.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// hasControl says whether s has characters that no text has. Those between
// U+0080 and U+009F pass: they are what is left of letters that were read in a
// wrong encoding, and matching can still make them out.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7F
	})
}

// spreadsheetNumber says whether a spreadsheet has turned a long number into
// 5.02551E+11: its last digits are lost.
func spreadsheetNumber(s string) bool {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(s), "E+")
	return ok && isNumber(exponent) && isNumber(strings.NewReplacer(".", "", ",", "").Replace(mantissa))
}

// wholeNumber takes off the .0 that a table of floating point numbers adds.
func wholeNumber(s string) (string, bool) {
	head, ok := strings.CutSuffix(s, ".0")
	if ok && len(head) >= 4 && isNumber(strings.TrimPrefix(head, "+")) {
		return head, true
	}
	return s, false
}

// lostZero says whether a postal code has lost a leading zero: four digits in a
// country whose codes have five and may begin with 0.
func lostZero(code, country string) bool {
	if len(code) != 4 || !isNumber(code) {
		return false
	}
	switch country {
	case "ES", "MX", "GT", "US", "PE", "DE", "FR", "IT":
		return true
	}
	return false
}

// readGender reads a word or letter. hombre says that the file writes H for
// men, so that M is for women (mujer).
func readGender(s string, hombre bool) string {
	switch text.Fold(s) {
	case "f", "female", "femenino", "femenina", "fem", "mujer", "woman", "feminino", "fa":
		return "female"
	case "h", "male", "masculino", "masc", "hombre", "man", "varon", "v", "homem":
		return "male"
	case "m":
		if hombre {
			return "female"
		}
		return "male"
	case "other", "otro", "otra", "x", "o", "outro", "diverse", "no binario", "nonbinary", "non binary":
		return "other"
	case "unknown", "u", "desconocido", "ns", "no especificado", "desconhecido", "n":
		return "unknown"
	}
	return ""
}

// flag reads yes and no. sure is false for any other word.
func flag(s string) (yes, sure bool) {
	switch text.Fold(s) {
	case "", "0", "n", "no", "false", "f", "off", "falso", "nao", "ninguno", "none", "subscribed", "allow", "0 0":
		return false, true
	case "1", "y", "yes", "si", "s", "true", "t", "x", "on", "verdadero", "sim", "verdadeiro", "v", "opted out", "unsubscribed", "opt out", "1 0":
		return true, true
	}
	return false, false
}

// readKind reads what a row says that it is about; "" where it says something else.
func readKind(s string) string {
	switch text.Fold(s) {
	case "person", "persona", "individual", "natural", "persona natural", "persona fisica", "fisica", "contact", "pessoa", "pessoa fisica", "pf":
		return "person"
	case "organization", "organisation", "company", "business", "empresa", "organizacion", "persona juridica", "persona moral", "juridica", "moral", "account", "pessoa juridica", "pj":
		return "organization"
	}
	return ""
}

// several splits a cell that holds more than one number or address: by
// semicolons, bars, line ends, and by slashes or commas where each part is long enough.
func several(s string, least int) []string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '|' || r == '\n' || r == '/' || r == ',' })
	if len(parts) < 2 || len(parts) > 20 {
		return []string{s}
	}
	out := parts[:0]
	for _, p := range parts {
		if p = strings.TrimSpace(p); len(p) < least {
			return []string{s}
		}
		out = append(out, p)
	}
	return out
}
