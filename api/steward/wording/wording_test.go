package wording

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ficha/events"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/projections/review"
)

// TestBothLanguagesAreComplete: same keys, same places to fill in.
func TestBothLanguagesAreComplete(t *testing.T) {
	c := load(t)
	if en, es := slices.Sorted(maps.Keys(c.texts["en"])), slices.Sorted(maps.Keys(c.texts["es"])); !slices.Equal(en, es) {
		t.Errorf("keys differ:\n%v\n%v", en, es)
	}
	places := regexp.MustCompile(`\{\w+\}`)
	for key, text := range c.texts["en"] {
		a, b := places.FindAllString(text, -1), places.FindAllString(c.texts["es"][key], -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: places %v in English, %v in Spanish", key, a, b)
		}
	}
}

// TestEveryCodeHasWords: those that the queue and the model in force can give.
func TestEveryCodeHasWords(t *testing.T) {
	c := load(t)
	models, err := matching.DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	reasons := []string{review.CodeReviewBand, review.CodeVerdictConflict, review.CodeHeldDeny,
		matching.RefusedVerdict, matching.RefusedSize, matching.RefusedMean, resolver.RefusedVerdictConflict}
	for _, m := range []*matching.Model{models.Person, models.Organization} {
		reasons = append(reasons, m.Exclusive...)
	}
	suspects := []string{review.CodeConflictingDocuments, review.CodeConflictingBirthDates, review.CodeConflictingNames,
		review.CodeWeakLink, review.CodeManyRecords, review.CodeSameSource}
	for _, lang := range []string{"en", "es"} {
		for _, code := range reasons {
			if text := c.Reason(lang, code); text == strings.ReplaceAll(c.text(lang, "reason.other"), "{code}", code) || text == "" {
				t.Errorf("%s: %s has no words: %q", lang, code, text)
			}
		}
		for _, code := range suspects {
			if text := c.Suspect(lang, code); text == strings.ReplaceAll(c.text(lang, "suspect.other"), "{code}", code) || text == "" {
				t.Errorf("%s: %s has no words: %q", lang, code, text)
			}
		}
		for _, v := range []events.Verdict{events.VerdictSame, events.VerdictDifferent, events.VerdictUnsure} {
			if c.Verdict(lang, v) == "" {
				t.Errorf("%s: %s has no words", lang, v)
			}
		}
	}
}

func TestTexts(t *testing.T) {
	c := load(t)
	at := time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)
	for got, want := range map[string]string{
		c.Conflict("en", "decided", "ana", at, events.VerdictSame): "ana decided this on 2026-03-02 09:15:00 UTC: one and the same.",
		c.Conflict("es", "decided", "", at, events.VerdictUnsure):  "Alguien lo decidió el 2026-03-02 09:15:00 UTC: no está claro.",
		c.Conflict("fr", "changed", "ana", at, ""):                 "The evidence, or who the customers are, has changed since you looked.",
		c.Reason("en", "new_rule"):                                 "The rule new_rule refuses to join them.",
		c.Reason("en", "other"):                                    "The rule other refuses to join them.",
		c.Obstacle("es", "together"):                               "Seguirían siendo un solo cliente.",
		c.Obstacle("en", "max_cluster"):                            "Together they would have more source records than one customer may have.",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func load(t *testing.T) Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
