package document

import (
	"strings"

	"ficha/internal/text"
)

// Country gives the ISO 3166 alpha-2 code for a country's code (alpha-2, alpha-3)
// or common name in Spanish, English or Portuguese. An unknown two-letter word is
// taken for a code; "" for anything else.
func Country(name string) string {
	f := text.Fold(name)
	if code := countryNamed(f); code != "" {
		return code
	}
	if len(f) == 2 && f[0] >= 'a' && f[1] >= 'a' {
		return strings.ToUpper(f)
	}
	return ""
}

func countryNamed(folded string) string {
	switch folded {
	case "argentina", "arg", "republica argentina":
		return "AR"
	case "bolivia", "bol":
		return "BO"
	case "brasil", "brazil", "bra":
		return "BR"
	case "canada", "can":
		return "CA"
	case "chile", "chl":
		return "CL"
	case "colombia", "col":
		return "CO"
	case "costa rica", "cri":
		return "CR"
	case "cuba", "cub":
		return "CU"
	case "alemania", "germany", "alemanha", "deu":
		return "DE"
	case "republica dominicana", "dominican republic", "dom":
		return "DO"
	case "ecuador", "ecu":
		return "EC"
	case "espana", "spain", "espanha", "esp":
		return "ES"
	case "francia", "france", "franca", "fra":
		return "FR"
	case "reino unido", "united kingdom", "great britain", "england", "gbr", "uk", "u k":
		return "GB"
	case "guatemala", "gtm", "gua":
		return "GT"
	case "honduras", "hnd":
		return "HN"
	case "italia", "italy", "ita":
		return "IT"
	case "mexico", "mex", "estados unidos mexicanos":
		return "MX"
	case "nicaragua", "nic":
		return "NI"
	case "panama", "pan":
		return "PA"
	case "peru", "per":
		return "PE"
	case "puerto rico", "pri":
		return "PR"
	case "portugal", "prt":
		return "PT"
	case "paraguay", "pry":
		return "PY"
	case "el salvador", "salvador", "slv":
		return "SV"
	case "estados unidos", "united states", "united states of america", "usa", "u s a", "u s", "eeuu", "ee uu", "estados unidos de america":
		return "US"
	case "uruguay", "ury":
		return "UY"
	case "venezuela", "ven":
		return "VE"
	}
	return ""
}
