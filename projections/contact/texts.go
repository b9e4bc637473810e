package contact

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"ficha/events"
)

//go:embed texts_es.json
var textsES []byte

//go:embed texts_en.json
var textsEN []byte

// Catalogue holds the words for every code.
type Catalogue map[Code]Texts

// LoadCatalogue reads the embedded words. An error: a code without words in some
// language, or words without a code.
func LoadCatalogue() (Catalogue, error) {
	var es, en map[Code]string
	if err := json.Unmarshal(textsES, &es); err != nil {
		return nil, fmt.Errorf("read Spanish texts: %w", err)
	}
	if err := json.Unmarshal(textsEN, &en); err != nil {
		return nil, fmt.Errorf("read English texts: %w", err)
	}
	c := Catalogue{}
	for _, code := range Codes() {
		if es[code] == "" || en[code] == "" {
			return nil, fmt.Errorf("read texts: no words for %s: %w", code, events.ErrInvalid)
		}
		c[code] = Texts{ES: es[code], EN: en[code]}
	}
	if len(es) != len(c) || len(en) != len(c) {
		return nil, fmt.Errorf("read texts: words for a code that is none: %w", events.ErrInvalid)
	}
	return c, nil
}

// explain puts words to the reasons, English as the single text.
func (c Catalogue) explain(rs []Reason) {
	for i := range rs {
		rs[i].Texts = c[rs[i].Code]
		rs[i].Text = rs[i].Texts.EN
	}
}

// In gives the text in a language: "es", or English for any other.
func (t Texts) In(language string) string {
	if language == "es" {
		return t.ES
	}
	return t.EN
}
