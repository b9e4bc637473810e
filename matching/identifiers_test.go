package matching

import "testing"

func TestIdentifiers(t *testing.T) {
	e := newEngine(t)
	c := &e.models.Person.c
	x := NewIndex(e)
	document := func(a, b Document) string {
		o, exclusive := compareDocuments(c, sharing{x, false}, e.documents([]Document{a}), e.documents([]Document{b}))
		switch {
		case o.level == absent:
			return ""
		case exclusive:
			return documentNames[o.level] + "!"
		}
		return documentNames[o.level]
	}
	dni := func(n string) Document { return Document{"dni", n, "ES"} }
	for _, k := range []struct {
		a, b Document
		want string
	}{
		{dni("12345678-Z"), dni("12.345.678 z"), "same"},
		{dni("12345678Z"), dni("12345687Z"), "close"},
		{dni("12345678Z"), dni("87654321X"), "different!"},
		{dni("12345678Z"), dni("87654321Z"), "different"}, // the second has a wrong letter: perhaps a typo
		{dni("12345678Z"), Document{"", "12345678Z", ""}, "same"},
		{dni("12345678Z"), Document{"passport", "XD99999", "ES"}, ""},
		{Document{"passport", "10251111", "US"}, Document{"passport", "20262222", "USA"}, "other"},
		{Document{"ssn", "446-25-5155", "US"}, Document{"ssn", "5155", "US"}, "tail"},
		{Document{"rfc", "XAXX010101000", "MX"}, Document{"rfc", "XAXX010101000", "MX"}, ""},
	} {
		if got := document(k.a, k.b); got != k.want {
			t.Errorf("%v and %v: %q, want %q", k.a, k.b, got, k.want)
		}
	}
	phone := func(a, b string) string {
		o := comparePhones(c, sharing{x, false}, phones([]Phone{{a, "MX"}}), phones([]Phone{{b, "MX"}}))
		if o.level == absent {
			return ""
		}
		return phoneNames[o.level]
	}
	for _, k := range [][3]string{
		{"+52 55 1234 5679", "55-1234-5679", "same"}, {"+521 55 1234 5679", "5512345679", "same"},
		{"+1 551 234 5679", "+52 55 1234 5679", "tail"}, {"5512345679", "5512346579", "close"},
		{"5512345679", "551234579", "close"}, {"5512345679", "8180274613", "different"}, {"0000000000", "0000000000", ""},
	} {
		if got := phone(k[0], k[1]); got != k[2] {
			t.Errorf("%s and %s: %q, want %q", k[0], k[1], got, k[2])
		}
	}
	mail := func(a, b string) string {
		names := e.names([]Name{{Given: "María", Family: "García"}})
		o := compareEmails(c, sharing{x, false}, e.emails([]string{a}, names), e.emails([]string{b}, names))
		if o.level == absent {
			return ""
		}
		return emailNames[o.level]
	}
	for _, k := range [][3]string{
		{"M.Garcia80@gmail.com", "mgarcia80+x@googlemail.com", "same"},
		{"maria.garcia@example.com", "MARIA.GARCIA@example.com", "named"},
		{"mgarcia8013@gmial.com", "mgarcia8013@gmail.com", "mailbox"},
		{"quixtanita8@example.com", "quixtannita8@example.com", "close"},
		{"quixtanita8@example.com", "quixtanita9@example.com", "different"},
		{"sincorreo@gmail.com", "sincorreo@gmail.com", ""},
		{"info@example.com", "info@example.org", "different"},
	} {
		if got := mail(k[0], k[1]); got != k[2] {
			t.Errorf("%s and %s: %q, want %q", k[0], k[1], got, k[2])
		}
	}
}

func TestBirthAndGenderInDocuments(t *testing.T) {
	e := newEngine(t)
	p := e.Prepare(Record{Documents: []Document{{"curp", "GOGM800213MDFRRR09", "MX"}}})
	if p.birth.year != 1980 || p.birth.month != 2 || p.birth.day != 13 || p.gender != 'f' {
		t.Errorf("read %+v %c", p.birth, p.gender)
	}
	p = e.Prepare(Record{BirthDate: "1979-01-31", Documents: []Document{{"curp", "GOGM800213MDFRRR09", "MX"}}})
	if p.birth.year != 1979 {
		t.Errorf("the stated date of birth gives way to the document's: %+v", p.birth)
	}
}
