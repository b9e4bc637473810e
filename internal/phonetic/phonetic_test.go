package phonetic_test

import (
	"testing"
	"unicode/utf8"

	"ficha/internal/phonetic"
)

func TestSpanish(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"", ""},
		{"Jiménez", "jimenes"}, {"Gimenes", "jimenes"}, {"giménez", "jimenes"},
		{"Vázquez", "baskes"}, {"Basques", "baskes"},
		{"Hernández", "ernandes"}, {"Ernandes", "ernandes"},
		{"Llanos", "yanos"}, {"Yanos", "yanos"},
		{"Núñez", "nunes"}, {"Nuniez", "nunes"}, {"Nunyez", "nunes"}, {"Nunes", "nunes"},
		{"Echeverría", "eceberia"}, {"Etcheverria", "etceberia"},
		{"Quique", "kike"}, {"Kike", "kike"}, {"Enrique", "enrike"},
		{"Guerra", "gera"}, {"Guillermo", "giyermo"},
		{"Huamán", "uaman"}, {"Guamán", "uaman"}, {"Wamán", "uaman"},
		{"Hierro", "yero"}, {"Yerro", "yero"},
		{"Philip", "filip"}, {"Felipe", "felipe"},
		{"Envigado", "embigado"}, {"Embigado", "embigado"},
		{"Ximena", "ximena"}, {"Jimena", "jimena"},
		{"Ceballos", "sebayos"}, {"Zeballos", "sebayos"}, {"Sevallos", "sebayos"},
		{"Becker", "beker"}, {"Ruy", "rui"}, {"Rui", "rui"},
		{"1122", "1122"},
	} {
		if got := phonetic.Spanish(c.word); got != c.want {
			t.Errorf("Spanish(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestSpanishKeepsDifferentNamesApart(t *testing.T) {
	for _, p := range [][2]string{{"García", "Garza"}, {"Pérez", "Flores"}, {"Ana", "Ada"}, {"Castro", "Castaño"}, {"Rojas", "Rosas"}} {
		if a, b := phonetic.Spanish(p[0]), phonetic.Spanish(p[1]); a == b {
			t.Errorf("%s and %s both sound %q", p[0], p[1], a)
		}
	}
}

func FuzzSpanish(f *testing.F) {
	for _, s := range []string{"", "h", "gn", "qu", "ll", "ñ", "\xff", "각각"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if k := phonetic.Spanish(s); !utf8.ValidString(k) || k != phonetic.Spanish(s) {
			t.Fatalf("Spanish(%q) = %q", s, k)
		}
	})
}

func BenchmarkSpanish(b *testing.B) {
	for b.Loop() {
		_ = phonetic.Spanish("echeverria")
	}
}
