package document_test

import (
	"testing"

	"ficha/internal/document"
)

func TestNormalise(t *testing.T) {
	const none, valid, wrong = document.CheckNone, document.CheckValid, document.CheckWrong
	for _, c := range []struct {
		kind, number, country string
		want                  string
		check                 document.Check
	}{
		{"dpi", "2365 48710 0101", "GT", "dpi/GT/2365487100101", wrong},
		{"CUI", "2365-48711-0101", "", "dpi/GT/2365487110101", wrong},
		{"DNI", "12345678-Z", "ES", "dni/ES/12345678Z", valid},
		{"dni", "12345678z", "", "dni/ES/12345678Z", valid},
		{"dni", "12345678", "España", "dni/ES/12345678Z", none},
		{"dni", "1234567L", "ES", "dni/ES/01234567L", valid},
		{"dni", "12345678A", "ES", "dni/ES/12345678A", wrong},
		{"dni", "12345678", "", "dni//12345678", none},
		{"nif", "X1234567L", "ES", "nie/ES/X1234567L", valid},
		{"nif", "ES12345678Z", "", "dni/ES/12345678Z", valid},
		{"tax id", "A58818501", "ESP", "cif/ES/A58818501", valid},
		{"cif", "A58818502", "ES", "cif/ES/A58818502", wrong},
		{"curp", "HEGG560427MVZRRL04", "", "curp/MX/HEGG560427MVZRRL04", valid},
		{"curp", "HEGG560427MVZRRL05", "MX", "curp/MX/HEGG560427MVZRRL05", wrong},
		{"rfc", "GODE561231GR8", "Mexico", "rfc/MX/GODE561231GR8", valid},
		{"rfc", "GODE561231", "MX", "rfc/MX/GODE561231", none},
		{"nit", "576937-K", "GT", "nit/GT/576937K", valid},
		{"NIT", "576937-1", "GT", "nit/GT/5769371", wrong},
		{"nit", "800.197.268-4", "CO", "nit/CO/8001972684", valid},
		{"nit", "800197268", "CO", "nit/CO/8001972684", none},
		{"cédula de ciudadanía", "0.052.123.456", "", "cc/CO/52123456", none},
		{"rut", "12.345.678-5", "", "rut/CL/123456785", valid},
		{"run", "012.345.678-5", "CL", "rut/CL/123456785", valid},
		{"rut", "12.345.678-6", "CL", "rut/CL/123456786", wrong},
		{"dni", "1234567", "Perú", "dni/PE/01234567", none},
		{"ruc", "20100070970", "", "ruc/PE/20100070970", valid},
		{"cuil", "20-12345678-6", "", "cuit/AR/20123456786", valid},
		{"dni", "012345678", "AR", "dni/AR/12345678", none},
		{"ssn", "078-05-1120", "", "ssn/US/078051120", none},
		{"ssn", "78051120", "US", "ssn/US/078051120", none},
		{"ssn", "000-12-3456", "USA", "ssn/US/000123456", wrong},
		{"cédula", "1710034065", "EC", "ci/EC/1710034065", valid},
		{"cpf", "529.982.247-25", "", "cpf/BR/52998224725", valid},
		{"Pasaporte", "ab 123456", "GTM", "passport/GT/AB123456", none},
		{"DRLIC", "d-1234", "", "driver_license//D1234", none},
		{"national_id", "12345678Z", "ES", "dni/ES/12345678Z", valid},
		{"", "A-1234", "", "other//A1234", none},
		{"Loyalty Card", "99001", "", "loyalty_card//99001", none},
	} {
		d, ok := document.Normalise(c.kind, c.number, c.country)
		if !ok || d.Key() != c.want || d.Check != c.check {
			t.Errorf("Normalise(%q, %q, %q) = %q check %q, %v; want %q check %q", c.kind, c.number, c.country, d.Key(), d.Check, ok, c.want, c.check)
		}
		if d.NumberKey() != d.Number {
			t.Errorf("number key %q of %q", d.NumberKey(), d.Number)
		}
	}
	for _, bad := range []string{"", "CF", "---", "12", "ABCDEF", "C/F"} {
		if d, ok := document.Normalise("nit", bad, "GT"); ok {
			t.Errorf("Normalise(%q) = %v, want none", bad, d)
		}
	}
}

// A check digit that is right becomes wrong by any other digit in its place.
func TestCheckDigitsCatchEveryOtherDigit(t *testing.T) {
	for _, c := range []struct {
		kind, country, number string
		at                    int
	}{
		{"dpi", "GT", "2365487190101", 8}, {"nit", "GT", "5769373", 6}, {"rut", "CL", "123456785", 8}, {"ruc", "PE", "20100070970", 10},
		{"cuit", "AR", "20123456786", 10}, {"curp", "MX", "HEGG560427MVZRRL04", 17}, {"ci", "EC", "1710034065", 9}, {"nit", "CO", "8001972684", 9},
	} {
		right := 0
		for digit := byte('0'); digit <= '9'; digit++ {
			b := []byte(c.number)
			b[c.at] = digit
			if d, _ := document.Normalise(c.kind, string(b), c.country); d.Check == document.CheckValid {
				right++
			}
		}
		if right > 1 {
			t.Errorf("%s %s: %d digits pass the check", c.country, c.kind, right)
		}
	}
}

func TestCountry(t *testing.T) {
	for name, want := range map[string]string{"USA": "US", "us": "US", "EE. UU.": "US", "México": "MX", "guatemala": "GT", "Espanha": "ES",
		"UK": "GB", "fr": "FR", "": "", "Atlantis": "", "12": ""} {
		if got := document.Country(name); got != want {
			t.Errorf("Country(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range [][3]string{{"dni", "12345678Z", "ES"}, {"nif", "ESES1234567", "ES"}, {"nit", "0000K", "GT"}, {"rut", "0", "CL"}, {"nit", "000000000", "CO"},
		{"ciudadanía", "１２３４", "x"}, {"dpi", "\xff1234", "GT"}, {"cif", "A1234567", "ES"}, {"dni", "0000000", "AR"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, kind, number, country string) {
		d, ok := document.Normalise(kind, number, country)
		if !ok {
			return
		}
		again, ok := document.Normalise(d.Kind, d.Number, d.Country)
		if !ok || again.Key() != d.Key() {
			t.Fatalf("Normalise(%q, %q, %q) = %v, again %v", kind, number, country, d, again)
		}
	})
}

func BenchmarkNormalise(b *testing.B) {
	for b.Loop() {
		_, _ = document.Normalise("dpi", "2365 48710 0101", "GT")
	}
}
