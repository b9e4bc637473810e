package explain

import (
	"regexp"
	"slices"
	"testing"

	"ficha/projections/golden"
)

// TestSentencesAreComplete: both languages have the same sentences with the same
// gaps, and every rule, step and attribute has one.
func TestSentencesAreComplete(t *testing.T) {
	w, err := LoadWords()
	if err != nil {
		t.Fatal(err)
	}
	gaps := regexp.MustCompile(`\{[a-z]+\}`)
	for key, en := range w.en {
		a, b := gaps.FindAllString(en, -1), gaps.FindAllString(w.es[key], -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: gaps %v in English, %v in Spanish", key, a, b)
		}
	}
	for _, r := range []golden.Rule{
		golden.RuleOnly, golden.RuleAgreed, golden.RuleVerified, golden.RuleComplete, golden.RuleRecent, golden.RuleFrequent, golden.RuleTie,
	} {
		if w.en["rule."+string(r)] == "" {
			t.Errorf("rule %s has no words", r)
		}
	}
	for _, k := range []StepKind{StepSeen, StepJoined, StepParted, StepTakenBack, StepPinned, StepUnpinned} {
		if w.en["step."+string(k)] == "" {
			t.Errorf("step %s has no words", k)
		}
	}
}
