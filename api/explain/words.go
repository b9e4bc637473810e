package explain

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"ficha/events"
)

//go:embed story_es.json
var storyES []byte

//go:embed story_en.json
var storyEN []byte

// Words holds sentences with gaps, {like this}, in Spanish and English.
type Words struct {
	es, en map[string]string
}

// LoadWords reads the embedded sentences. An error: one that a language lacks.
func LoadWords() (Words, error) {
	var w Words
	for _, l := range []struct {
		raw  []byte
		into *map[string]string
	}{{storyES, &w.es}, {storyEN, &w.en}} {
		if err := json.Unmarshal(l.raw, l.into); err != nil {
			return w, fmt.Errorf("read sentences: %w", err)
		}
	}
	for key := range w.en {
		if w.es[key] == "" {
			return w, fmt.Errorf("read sentences: no Spanish for %s: %w", key, events.ErrInvalid)
		}
	}
	if len(w.es) != len(w.en) {
		return w, fmt.Errorf("read sentences: Spanish without English: %w", events.ErrInvalid)
	}
	return w, nil
}

// say fills the gaps of a sentence in a language ("es", else English); gaps and
// what goes into them take turns. A key without a sentence says itself, so that
// what a newer engine states is shown and not lost.
func (w Words) say(lang, key string, fill ...string) string {
	sentence, ok := w.en[key]
	if lang == "es" {
		sentence, ok = w.es[key]
	}
	if !ok {
		return key[strings.LastIndexByte(key, '.')+1:]
	}
	gaps := make([]string, len(fill))
	for i, f := range fill {
		if i%2 == 0 {
			f = "{" + f + "}"
		}
		gaps[i] = f
	}
	return strings.NewReplacer(gaps...).Replace(sentence)
}

// list joins with commas and a last "and".
func (w Words) list(lang string, items []string) string {
	switch n := len(items); n {
	case 0:
		return ""
	case 1:
		return items[0]
	default:
		return strings.Join(items[:n-1], ", ") + w.say(lang, "list.and") + items[n-1]
	}
}

// record names a source record as people read it.
func record(k events.RecordKey) string {
	k = k.Normal()
	if k.Stream == events.DefaultStream {
		return k.Source + " " + k.ID
	}
	return k.Source + " " + k.Stream + " " + k.ID
}

func records(ks []events.RecordKey) []string {
	out := make([]string, len(ks))
	for i, k := range ks {
		out[i] = record(k)
	}
	return out
}
