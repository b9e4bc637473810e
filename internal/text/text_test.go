package text_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"ficha/internal/text"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"  ", ""},
		{"María José  NÚÑEZ-García", "maria jose nunez garcia"},
		{"O'Brien", "o brien"},
		{"Mª Ángeles", "ma angeles"},
		{"Straße", "strasse"},
		{"Łukasz Øst Æro Þór", "lukasz ost aero thor"},
		{"İstanbul ıldız", "istanbul ildiz"},
		{"Ｆｕｌｌ １２３", "full 123"},
		{"ﬁn", "fin"},
		{"Достоевский", "dostoevskii"},
		{"Царёв Юрий", "tsarev iurii"},
		{"Σωκράτης Παπαδόπουλος", "sokratis papadopoulos"},
		{"北京", "bei jing"},
		{"٠١٢٣", "0123"},
		{"a\u200db\u0000c", "ab c"},
		{"bad\xffbytes", "bad bytes"},
		{"Zu\u0308rich", "zurich"},
	} {
		if got := text.Fold(c.in); got != c.want {
			t.Errorf("Fold(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestFoldGivesSameForComposedAndDecomposed(t *testing.T) {
	if a, b := text.Fold("Peña"), text.Fold("Pen\u0303a"); a != b {
		t.Errorf("composed %q, decomposed %q", a, b)
	}
}

func TestTokens(t *testing.T) {
	if got := strings.Join(text.Tokens(" de la  Cruz, Ana "), "|"); got != "de|la|cruz|ana" {
		t.Errorf("got %q", got)
	}
	if got := text.Tokens("—"); got != nil {
		t.Errorf("tokens of a dash: %q, want none", got)
	}
}

// Every rune alone: the whole table, not a sample.
func TestFoldOfEveryRuneIsFolded(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		once := text.Fold(string(r))
		if twice := text.Fold(once); twice != once {
			t.Errorf("Fold(%q %U) = %q, folded again %q", r, r, once, twice)
		}
	}
}

func TestFoldIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkFold(t, rapid.String().Draw(t, "s")) })
}

type failer interface{ Fatalf(string, ...any) }

func checkFold(t failer, s string) {
	once := text.Fold(s)
	if twice := text.Fold(once); twice != once {
		t.Fatalf("Fold(%q) = %q, folded again %q", s, once, twice)
	}
	if !utf8.ValidString(once) || strings.Contains(once, "  ") || strings.TrimSpace(once) != once {
		t.Fatalf("Fold(%q) = %q: not clean", s, once)
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Ñandú", "Ã±", "\xff\xfe", "가나다", "न\u094dम", "か\u3099", "\u0345Α"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkFold(t, s) })
}

// The time for long hostile input grows like its length; a quadratic fold
// would take minutes for these.
func TestFoldTakesLinearTime(t *testing.T) {
	begin := time.Now()
	for _, unit := range []string{"\u0301", "a\u0301", "\ufdfa", "Ã\u0083Â", "각", "\u0345\u0301"} {
		s := strings.Repeat(unit, 100_000/len(unit))
		_ = text.Fold(s)
		_ = text.RepairMojibake(s)
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestRepairMojibake(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"NuÃ±ez", "Nuñez"},
		{"NUÃ‘EZ", "NUÑEZ"},
		{"NUÃ\u0091EZ", "NUÑEZ"},
		{"JosÃ© MarÃ\u00ada", "José María"},
		{"NuÃƒÂ±ez", "Nuñez"},
		{"Â¿QuÃ©?", "¿Qué?"},
		{"Oâ€™Brien", "O’Brien"},
		{"Nuñez, José", "Nuñez, José"},
		{"JOÃO", "JOÃO"},
		{"CAFÉ»", "CAFÉ»"},
		{"Nuñez y NuÃ±ez", "Nuñez y Nuñez"},
		{"Ã", "Ã"},
		{"plain", "plain"},
	} {
		if got := text.RepairMojibake(c.in); got != c.want {
			t.Errorf("RepairMojibake(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestRepairMojibakeUndoesAMisreading(t *testing.T) {
	letters := []rune("áéíóúñüçÁÉÍÓÚÑÜÇ¿¡ abcXYZ")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom(letters)).Draw(t, "s")
		var misread strings.Builder
		for _, b := range []byte(s) {
			misread.WriteRune(rune(b)) // Latin-1
		}
		if got := text.RepairMojibake(misread.String()); got != s {
			t.Fatalf("RepairMojibake(%q) = %q, want %q", misread.String(), got, s)
		}
	})
}

func FuzzRepairMojibake(f *testing.F) {
	for _, s := range []string{"Ã±", "Ãƒ", "â€", "ÃƒÂƒÃ‚Â±", "\xc3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := text.RepairMojibake(s)
		if twice := text.RepairMojibake(once); twice != once {
			t.Fatalf("RepairMojibake(%q) = %q, again %q", s, once, twice)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for name, s := range map[string]string{"folded": "maria jose nunez", "ascii": "Maria Jose NUNEZ", "accents": "María José Núñez García"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = text.Fold(s)
			}
		})
	}
}
