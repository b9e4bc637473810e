// Package wording says in English and Spanish what the stewards' queue says in
// codes: why an item waits, why a customer is suspect, what came between.
//
//	code ─▶ key in the catalogue of a language ─▶ text, with {places} filled in
package wording

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ficha/events"
)

//go:embed en.json es.json
var files embed.FS

// Catalogue holds the words of both languages. Safe for concurrent use.
type Catalogue struct{ texts map[string]map[string]string }

// Load reads the catalogues. An error: a text is in one language only.
func Load() (Catalogue, error) {
	c := Catalogue{texts: map[string]map[string]string{}}
	for _, lang := range []string{"en", "es"} {
		b, err := files.ReadFile(lang + ".json")
		if err != nil {
			return c, fmt.Errorf("load wording: %w", err)
		}
		texts := map[string]string{}
		if err := json.Unmarshal(b, &texts); err != nil {
			return c, fmt.Errorf("load wording of %s: %w", lang, err)
		}
		c.texts[lang] = texts
	}
	for key := range c.texts["en"] {
		if c.texts["es"][key] == "" || len(c.texts["en"]) != len(c.texts["es"]) {
			return c, fmt.Errorf("load wording: %s or another text is in one language only: %w", key, events.ErrInvalid)
		}
	}
	return c, nil
}

// Reason says why two records wait for a steward.
func (c Catalogue) Reason(lang, code string) string { return c.coded(lang, "reason.", code) }

// Suspect says what speaks against a customer.
func (c Catalogue) Suspect(lang, code string) string { return c.coded(lang, "suspect.", code) }

// Obstacle says why a verdict does not reach what it says.
func (c Catalogue) Obstacle(lang, code string) string {
	if text := c.text(lang, "obstacle."+code); text != "" {
		return text
	}
	return c.Reason(lang, code)
}

// Verdict says what somebody decided.
func (c Catalogue) Verdict(lang string, v events.Verdict) string {
	return c.text(lang, "verdict."+string(v))
}

// Conflict says what somebody did to an item, and when; what is decided, claimed,
// undone or changed.
func (c Catalogue) Conflict(lang, what, by string, at time.Time, v events.Verdict) string {
	if by == "" {
		by = c.text(lang, "somebody")
	}
	return strings.NewReplacer("{by}", by, "{at}", at.UTC().Format("2006-01-02 15:04:05 UTC"), "{verdict}", c.Verdict(lang, v)).
		Replace(c.text(lang, "conflict."+what))
}

// coded gives the text of a code, or one that names a code that has none.
func (c Catalogue) coded(lang, family, code string) string {
	if text := c.text(lang, family+code); text != "" && code != "other" {
		return text
	}
	return strings.ReplaceAll(c.text(lang, family+"other"), "{code}", code)
}

func (c Catalogue) text(lang, key string) string {
	if texts := c.texts[lang]; texts != nil {
		return texts[key]
	}
	return c.texts["en"][key]
}
