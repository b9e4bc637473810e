package contactpoint_test

import (
	"strings"
	"testing"

	"ficha/internal/contactpoint"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"
)

func TestPhone(t *testing.T) {
	for _, c := range []struct{ value, region, want string }{
		{"+502 5512 3456", "", "phone:+50255123456"},
		{"5512-3456", "GT", "phone:+50255123456"},
		{"5512-3456", "gt", "phone:+50255123456"},
		{"502 5512 3456", "GT", "phone:+50255123456"},
		{"0050255123456", "", "phone:+50255123456"},
		{"00 502 5512 3456", "ES", "phone:+50255123456"},
		{"tel:+50255123456", "", "phone:+50255123456"},
		{"whatsapp:+50255123456", "", "phone:+50255123456"},
		{"5512 3456 ext. 12", "GT", "phone:+50255123456"},
		{"5512 3456 x12", "GT", "phone:+50255123456"},
		{"5512 3456 / 2233 4455", "GT", "phone:+50255123456"},
		{"５５１２３４５６", "GT", "phone:+50255123456"},
		{"55123456", "", "phone:55123456"},
		{"+44 (0)20 7946 0018", "", "phone:+442079460018"},
		{"030 901820", "DE", "phone:+4930901820"},
		{"1-800-FLOWERS", "US", "phone:+18003569377"},
		{"(555) 123-4567", "US", "phone:+15551234567"},
		{"555-0199", "US", "phone:5550199"},
		{"+52 1 55 1234 5678", "", "phone:+5215512345678"},
		{"044 55 1234 5678", "MX", "phone:+525512345678"},
		{"01 55 1234 5678", "MX", "phone:+525512345678"},
		{"5215512345678", "MX", "phone:+5215512345678"},
		{"011 15 1234-5678", "AR", "phone:+5491112345678"},
		{"(0xx11) 98765-4321", "BR", "phone:+5511987654321"},
		{"+999 12345678", "", "phone:99912345678"},
		{"llamar al 5512 3456", "GT", "phone:+50255123456"},
		{"llamar al 5512 3456", "", "phone:55123456"},
	} {
		p, ok := contactpoint.Phone(c.value, c.region)
		if !ok || p.Key() != c.want {
			t.Errorf("Phone(%q, %q) = %q, %v; want %q", c.value, c.region, p.Key(), ok, c.want)
		}
		if p.Readable != strings.HasPrefix(p.Value, "+") {
			t.Errorf("Phone(%q, %q): readable %v with value %q", c.value, c.region, p.Readable, p.Value)
		}
	}
	for _, bad := range []string{"", "n/a", "123", "ext 12", strings.Repeat("x", 100_000)} {
		if p, ok := contactpoint.Phone(bad, "GT"); ok {
			t.Errorf("Phone(%.20q) = %v, want none", bad, p)
		}
	}
}

func TestSame(t *testing.T) {
	phone := func(v string) contactpoint.Point { p, _ := contactpoint.Phone(v, ""); return p }
	email := func(v string) contactpoint.Point { p, _ := contactpoint.Email(v); return p }
	for _, c := range []struct {
		a, b contactpoint.Point
		same bool
	}{
		{phone("+5215512345678"), phone("+525512345678"), true},
		{phone("+5491112345678"), phone("+541112345678"), true},
		{phone("+5511987654321"), phone("+551187654321"), true},
		{phone("+5511923456789"), phone("+551123456789"), false}, // a landline is no mobile without its 9
		{phone("+50255123456"), phone("+50355123456"), false},
		{phone("+50255123456"), phone("55123456"), true},
		{phone("55123456"), phone("0155123456"), true},
		{phone("5123456"), phone("+50255123456"), false},
		{email("J.Perez+x@gmail.com"), email("jperez@googlemail.com"), true},
		{email("j.perez@example.com"), email("jperez@example.com"), false},
		{email("a@example.com"), phone("55123456"), false},
	} {
		if c.a.Same(c.b) != c.same || c.b.Same(c.a) != c.same {
			t.Errorf("Same(%v, %v) is not %v both ways", c.a, c.b, c.same)
		}
	}
}

func TestTail(t *testing.T) {
	for value, want := range map[string]string{"+50255123456": "tail:55123456", "55123456": "tail:55123456", "12345": "tail:12345"} {
		p, _ := contactpoint.Phone(value, "")
		if got := p.Tail(); got != want {
			t.Errorf("tail of %s: %q, want %q", value, got, want)
		}
	}
	if e, _ := contactpoint.Email("a@b.co"); e.Tail() != "" {
		t.Errorf("an e-mail has tail %q", e.Tail())
	}
}

func TestFiller(t *testing.T) {
	for value, want := range map[string]bool{"99999999": true, "12345678": true, "00000000": true, "87654321": true,
		"+50200000000": true, "55123456": false, "+50255123456": false, "11112222": false} {
		p, _ := contactpoint.Phone(value, "")
		if p.Filler() != want {
			t.Errorf("filler %s: %v", value, !want)
		}
	}
	for value, want := range map[string]bool{"sincorreo@example.com": true, "no-tiene@example.com": true,
		"N.A@example.com": true, "noelia@example.com": false, "xavi@example.com": false} {
		p, _ := contactpoint.Email(value)
		if p.Filler() != want {
			t.Errorf("filler %s: %v", value, !want)
		}
	}
}

func TestEmail(t *testing.T) {
	for value, want := range map[string]string{
		" MJ@Example.COM ":              "email:mj@example.com",
		`"Ana, Ruiz" <Ana@Example.com>`: "email:ana@example.com",
		"mailto:a@b.co?subject=x":       "email:a@b.co",
		"josé@correo.example":           "email:josé@correo.example",
		"a@b.co.":                       "email:a@b.co",
	} {
		if p, ok := contactpoint.Email(value); !ok || p.Key() != want {
			t.Errorf("Email(%q) = %q, %v; want %q", value, p.Key(), ok, want)
		}
	}
	for _, bad := range []string{"", "@", "a@", "@b.co", "a@b", "a b@c.co", "a@b..co", "a@-b.co", "a@b@c.co", "\xff@b.co", strings.Repeat("a", 300) + "@b.co"} {
		if p, ok := contactpoint.Email(bad); ok {
			t.Errorf("Email(%q) = %v, want none", bad, p)
		}
	}
}

func TestHandle(t *testing.T) {
	for _, c := range []struct{ handle, network, want string }{
		{"@Ana_Ruiz", "Twitter", "handle:ana_ruiz@x"},
		{"https://www.facebook.com/Ana.Ruiz/", "FB", "handle:ana.ruiz@facebook"},
		{"+502 5512 3456", "WhatsApp", "phone:+50255123456"},
		{"50255123456@s.whatsapp.net", "wa", "phone:+50255123456"},
		{"ana", "whatsapp", "handle:ana@whatsapp"},
	} {
		if p, ok := contactpoint.Handle(c.handle, c.network); !ok || p.Key() != c.want {
			t.Errorf("Handle(%q, %q) = %q, %v; want %q", c.handle, c.network, p.Key(), ok, c.want)
		}
	}
	for _, bad := range [][2]string{{"", "x"}, {"a", ""}, {"@", "x"}, {"\xff", "x"}} {
		if p, ok := contactpoint.Handle(bad[0], bad[1]); ok {
			t.Errorf("Handle(%q) = %v, want none", bad, p)
		}
	}
}

func TestAddress(t *testing.T) {
	a, _ := contactpoint.Address("6a. Avenida 3-21", "Zona 1")
	b, _ := contactpoint.Address("6A AVENIDA 3-21 ZONA 1")
	if a != b || a.Key() != "address:6a avenida 3 21 zona 1" {
		t.Errorf("%v and %v", a, b)
	}
	if _, ok := contactpoint.Address("", "—"); ok {
		t.Error("an empty address is a point")
	}
}

// The quick way for common numbering plans must say what the full parser says.
func TestQuickPlansAgreeWithFullParser(t *testing.T) {
	lengths := map[string]int{"GT": 8, "MX": 10, "ES": 9, "US": 10, "CO": 10, "PE": 9, "CL": 9, "SV": 8, "HN": 8, "NI": 8, "CR": 8, "CA": 10, "DO": 10, "PR": 10}
	codes := map[string]string{"GT": "502", "MX": "52", "ES": "34", "US": "1", "CO": "57", "PE": "51", "CL": "56", "SV": "503", "HN": "504", "NI": "505", "CR": "506", "CA": "1", "DO": "1", "PR": "1"}
	regions := []string{"GT", "MX", "ES", "US", "CO", "PE", "CL", "SV", "HN", "NI", "CR", "CA", "DO", "PR"}
	rapid.Check(t, func(t *rapid.T) {
		region := rapid.SampledFrom(regions).Draw(t, "region")
		n := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), lengths[region], lengths[region], -1).Draw(t, "national")
		if n[0] == '0' || n[0] == '1' {
			return
		}
		for _, value := range []string{n, "+" + codes[region] + n} {
			got, _ := contactpoint.Phone(value, region)
			want, err := phonenumbers.Parse(value, region)
			if err != nil || phonenumbers.IsPossibleNumberWithReason(want) != phonenumbers.IS_POSSIBLE {
				t.Fatalf("%s in %s: the full parser cannot read what the plan %v does", value, region, got)
			}
			if e := phonenumbers.Format(want, phonenumbers.E164); got.Value != e {
				t.Fatalf("Phone(%s, %s) = %s, full parser %s", value, region, got.Value, e)
			}
		}
	})
}

func checkPhone(t interface{ Fatalf(string, ...any) }, value, region string) {
	p, ok := contactpoint.Phone(value, region)
	if !ok {
		return
	}
	again, ok := contactpoint.Phone(p.Value, region)
	if p.Readable && (!ok || again != p) {
		t.Fatalf("Phone(%q, %q) = %v, read again %v", value, region, p, again)
	}
	if !p.Same(p) || p.Tail() == "" || strings.Trim(strings.TrimPrefix(p.Value, "+"), "0123456789") != "" {
		t.Fatalf("Phone(%q, %q) = %v: no clean number", value, region, p)
	}
}

func FuzzPhone(f *testing.F) {
	for _, s := range [][2]string{{"+502 5512 3456", ""}, {"044 55 1234 5678", "MX"}, {"(0xx11) 98765-4321", "BR"}, {"1-800-FLOWERS", "US"},
		{"+5491112345678;ext=3", ""}, {"00", "GT"}, {"٠١٢٣٤٥٦٧", "EG"}, {"+", ""}, {"tel:", "ZZ"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, value, region string) { checkPhone(t, value, region) })
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"a@b.co", "<a@b.co>", "mailto:", "İ@b.co", "a+b@gmail.com", "+@gmail.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := contactpoint.Email(s)
		if !ok {
			return
		}
		if again, ok := contactpoint.Email(p.Value); !ok || again != p {
			t.Fatalf("Email(%q) = %v, read again %v", s, p, again)
		}
		class, ok := contactpoint.Email(strings.TrimPrefix(p.Class(), "email:"))
		if !ok || class.Class() != p.Class() {
			t.Fatalf("class of %q: %q, again %q", s, p.Class(), class.Class())
		}
	})
}

func BenchmarkPhone(b *testing.B) {
	for name, c := range map[string][2]string{"e164": {"+50255123456", ""}, "national": {"5512-3456", "GT"}, "full parser": {"030 901820", "DE"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = contactpoint.Phone(c[0], c[1])
			}
		})
	}
}
