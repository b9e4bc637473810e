package explain

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
	"ficha/matching/resolver"
)

func pairWords(t *testing.T) PairWords {
	t.Helper()
	w, err := LoadPairWords()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestPairTextsAreComplete: everything that matching can say of a pair has a text in
// both languages, with the same gaps, and there is no text for anything else.
func TestPairTextsAreComplete(t *testing.T) {
	w := pairWords(t)
	want := []string{"row", "total", "pair", "link", "none", "key.count", "cause.one_customer.withdrawn"}
	for comparison, levels := range matching.LevelWords() {
		want = append(want, "comparison."+comparison)
		for _, l := range levels {
			want = append(want, "level."+comparison+"."+l)
		}
	}
	for _, k := range matching.KeyNames() {
		want = append(want, "key."+k)
	}
	for _, x := range matching.ExclusiveNames() {
		want = append(want, "attribute."+x)
	}
	for _, b := range []matching.Band{matching.BandMatch, matching.BandPotential, matching.BandNone} {
		want = append(want, "band."+string(b))
	}
	for _, r := range []string{matching.RuleScore, matching.RuleStated, matching.RuleVerdict} {
		want = append(want, "rule."+r)
	}
	for _, c := range resolver.Codes() {
		switch c {
		case resolver.CauseVerdict:
			want = append(want, "cause."+string(c)+".unsure", "cause."+string(c)+".same", "cause."+string(c)+".different")
		case resolver.CauseOverruled, resolver.CauseConflict:
			want = append(want, "cause."+string(c)+".same", "cause."+string(c)+".different")
		default:
			want = append(want, "cause."+string(c))
		}
	}
	gaps := regexp.MustCompile(`\{\w+\}`)
	for _, key := range want {
		en, es := w.words.en[key], w.words.es[key]
		if en == "" || es == "" {
			t.Errorf("%s has no text: %q, %q", key, en, es)
		}
		a, b := gaps.FindAllString(en, -1), gaps.FindAllString(es, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: gaps %v in English, %v in Spanish", key, a, b)
		}
	}
	for key := range w.words.en {
		if !slices.Contains(want, key) {
			t.Errorf("%s is a text for nothing", key)
		}
	}
}

func TestPairInWords(t *testing.T) {
	w := pairWords(t)
	x := matching.Explanation{Total: 2915, Probability: 0.883, Band: matching.BandMatch, Rows: []matching.Row{
		{Comparison: "prior", Level: "two records taken at random", Weight: -15000},
		{Comparison: "name", Level: "given lookalike, surname same, swapped", Weight: 18000},
		{Comparison: "phone", Level: "tail", Weight: -85},
	}}
	a, b := uuid.UUID{1}, uuid.UUID{2}
	key := func(id uuid.UUID) events.RecordKey {
		return events.RecordKey{Source: "/crm", ID: map[uuid.UUID]string{a: "7", b: "8"}[id]}
	}
	p := resolver.PairExplanation{A: a, B: b, Evidence: x, Causes: []resolver.Cause{
		{Code: resolver.CauseNoSharedKey, Decides: true, Keys: []resolver.Key{
			{Record: a, BlockingKey: matching.BlockingKey{Name: "phone", Holders: 3}}, {Record: a, BlockingKey: matching.BlockingKey{Name: "phone", Holders: 5}}}},
		{Code: resolver.CauseOverruled, Verdict: events.VerdictDifferent, Event: events.EventID{Source: "/d", ID: "1"}},
	}}
	for lang, want := range map[string]string{
		"en": "/crm 7 and /crm 8|Before any comparison: two records taken at random (-15.0 bits)|" +
			"Name: given name resembles the other, but is another name, surname the same, given name and surname swapped (18.0 bits)|" +
			"Telephone: the last eight digits agree (-0.1 bits)|Together 2.9 bits: 88.3 % probable, a match.|" +
			"They are not compared: they have nothing in common to look one up by. Keys of /crm 7: telephone ×5; of /crm 8: none.|" +
			"A person had decided that they are different; a newer decision says otherwise.",
		"es": "/crm 7 y /crm 8|Antes de comparar: dos registros tomados al azar (-15.0 bits)|" +
			"Nombre: nombre de pila parecido, pero es otro nombre, apellido igual, nombre y apellido intercambiados (18.0 bits)|" +
			"Teléfono: coinciden los últimos ocho dígitos (-0.1 bits)|En total 2.9 bits: 88.3 % de probabilidad, coincidencia.|" +
			"No se comparan: no tienen nada en común por lo que buscar uno. Claves de /crm 7: teléfono ×5; de /crm 8: ninguna.|" +
			"Una persona había decidido que son distintos; una decisión más nueva dice otra cosa.",
	} {
		lines := w.Lines(lang, p, w.Evidence(lang, x), w.Causes(lang, p, key), key)
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", lang, got, want)
		}
	}
	if got := w.Levels("es", []string{"name=same", "phone=tail"}); got != "Nombre: el mismo; Teléfono: coinciden los últimos ocho dígitos" {
		t.Errorf("levels: %s", got)
	}
}

func TestPercent(t *testing.T) {
	for p, want := range map[float64]string{0: "< 0.1", 0.0009: "< 0.1", 0.5: "50.0", 0.8831: "88.3", 0.9995: "> 99.9", 1: "> 99.9"} {
		if got := percent(p); got != want {
			t.Errorf("percent(%v) = %s, want %s", p, got, want)
		}
	}
}
