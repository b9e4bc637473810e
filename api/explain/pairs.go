package explain

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
	"ficha/matching/resolver"
)

//go:embed texts_es.json
var pairsES []byte

//go:embed texts_en.json
var pairsEN []byte

// PairWords puts what matching says of two records into words.
type PairWords struct{ words Words }

// LoadPairWords reads the embedded catalogue. An error: a language lacks a text.
func LoadPairWords() (PairWords, error) {
	var w Words
	for raw, into := range map[*[]byte]*map[string]string{&pairsES: &w.es, &pairsEN: &w.en} {
		if err := json.Unmarshal(*raw, into); err != nil {
			return PairWords{}, fmt.Errorf("read texts about pairs: %w", err)
		}
	}
	for _, of := range [][2]map[string]string{{w.es, w.en}, {w.en, w.es}} {
		for key := range of[0] {
			if of[1][key] == "" {
				return PairWords{}, fmt.Errorf("read texts about pairs: %s is in one language only: %w", key, events.ErrInvalid)
			}
		}
	}
	return PairWords{w}, nil
}

// Evidence is one line of what two records weigh together.
type Evidence struct {
	Comparison string `json:"comparison" doc:"prior, a comparison, or household" example:"birth_date"`
	Level      string `json:"level" doc:"How it came out" example:"swapped"`
	Weight     int64  `json:"weight" doc:"log2 of the likelihood ratio, times 1000; the lines sum up to the pair's weight"`
	Text       string `json:"text" example:"Date of birth: day and month swapped (7.2 bits)"`
}

// Evidence puts the rows of an explanation into words. It is never nil.
func (w PairWords) Evidence(lang string, x matching.Explanation) []Evidence {
	out := make([]Evidence, len(x.Rows))
	for i, r := range x.Rows {
		text := w.words.say(lang, "row", "comparison", w.words.say(lang, "comparison."+r.Comparison),
			"level", w.level(lang, r.Comparison, r.Level), "bits", bits(r.Weight))
		out[i] = Evidence{Comparison: r.Comparison, Level: r.Level, Weight: r.Weight, Text: text}
	}
	return out
}

// Levels puts the levels of a link ("phone=tail") into words.
func (w PairWords) Levels(lang string, levels []string) string {
	out := make([]string, len(levels))
	for i, l := range levels {
		comparison, level, _ := strings.Cut(l, "=")
		out[i] = w.words.say(lang, "comparison."+comparison) + ": " + w.level(lang, comparison, level)
	}
	return strings.Join(out, "; ")
}

// level puts one level into words: one of names is several, with ", " between them.
func (w PairWords) level(lang, comparison, level string) string {
	words := strings.Split(level, ", ")
	for i, word := range words {
		words[i] = w.words.say(lang, "level."+comparison+"."+word)
	}
	return strings.Join(words, ", ")
}

// PairCause is one reason why two records are, or are not, one customer.
type PairCause struct {
	Code      resolver.Code     `json:"code" doc:"Stable code" example:"review_band"`
	Decides   bool              `json:"decides" doc:"The two are together, or apart, because of it"`
	Record    *events.RecordKey `json:"record,omitempty" doc:"With withdrawn: which one"`
	Links     []Link            `json:"links,omitempty" doc:"With one_customer: the way from a to b"`
	Event     *events.EventID   `json:"event,omitempty" doc:"The verdict"`
	Verdict   events.Verdict    `json:"verdict,omitempty" enum:"same,different,unsure"`
	Attribute string            `json:"attribute,omitempty" doc:"With exclusive_attribute: in what one customer cannot differ"`
	Keys      []PairKey         `json:"keys,omitempty" doc:"What the two could be looked up by"`
	Text      string            `json:"text"`
}

// PairKey is what a record is looked up by when another one like it comes in.
type PairKey struct {
	Record  events.RecordKey `json:"record"`
	Name    string           `json:"name" example:"family_day"`
	Holders int              `json:"holders" doc:"How many records have the same"`
	Hot     bool             `json:"hot" doc:"More than the model allows: alone it makes no candidates"`
}

// Causes puts the causes of an explanation into words. key names records.
func (w PairWords) Causes(lang string, p resolver.PairExplanation, key func(uuid.UUID) events.RecordKey) []PairCause {
	out := make([]PairCause, len(p.Causes))
	for i, c := range p.Causes {
		out[i] = PairCause{Code: c.Code, Decides: c.Decides, Verdict: c.Verdict, Attribute: c.Attribute, Links: w.links(lang, p.A, c.Links, key)}
		if c.Record != uuid.Nil {
			named := key(c.Record)
			out[i].Record = &named
		}
		if c.Event != (events.EventID{}) {
			event := c.Event
			out[i].Event = &event
		}
		for _, k := range c.Keys {
			out[i].Keys = append(out[i].Keys, PairKey{Record: key(k.Record), Name: k.Name, Holders: k.Holders, Hot: k.Hot})
		}
		out[i].Text = w.cause(lang, &out[i], key(p.A), key(p.B))
	}
	return out
}

// links puts the steps of a way that begins at a record into words.
func (w PairWords) links(lang string, at uuid.UUID, links []events.IdentityLink, key func(uuid.UUID) events.RecordKey) []Link {
	var out []Link
	for _, l := range links {
		if l.B == at {
			l.A, l.B = l.B, l.A
		}
		at = l.B
		a, b := key(l.A), key(l.B)
		text := w.words.say(lang, "link", "a", record(a), "b", record(b), "rule", w.words.say(lang, "rule."+l.Rule), "bits", bits(l.Weight))
		out = append(out, Link{A: a, B: b, Weight: l.Weight, Rule: l.Rule, Levels: l.Levels, Text: text})
	}
	return out
}

// cause says one cause in a sentence.
func (w PairWords) cause(lang string, c *PairCause, a, b events.RecordKey) string {
	key := "cause." + string(c.Code)
	var fill []string
	switch c.Code {
	case resolver.CauseOneCustomer:
		if len(c.Links) == 0 {
			key += ".withdrawn"
		}
		texts := []string{}
		for _, l := range c.Links {
			texts = append(texts, l.Text)
		}
		fill = []string{"links", strings.Join(texts, ", ")}
	case resolver.CauseVerdict, resolver.CauseOverruled, resolver.CauseConflict:
		key += "." + string(c.Verdict)
	case resolver.CauseWithdrawn:
		fill = []string{"record", record(*c.Record)}
	case resolver.CauseAttribute:
		fill = []string{"attribute", w.words.say(lang, "attribute."+c.Attribute)}
	case resolver.CauseNoSharedKey:
		fill = []string{"a", record(a), "b", record(b), "keysA", w.keys(lang, c.Keys, a), "keysB", w.keys(lang, c.Keys, b)}
	case resolver.CauseHotKeys:
		fill = []string{"keys", w.keys(lang, c.Keys, a)}
	}
	return w.words.say(lang, key, fill...)
}

// keys lists the families of a record's keys, each once, with the most holders.
func (w PairWords) keys(lang string, keys []PairKey, of events.RecordKey) string {
	most, names := map[string]int{}, []string{}
	for _, k := range keys {
		if k.Record.Normal() != of.Normal() {
			continue
		}
		if most[k.Name] == 0 {
			names = append(names, k.Name)
		}
		most[k.Name] = max(most[k.Name], k.Holders)
	}
	if len(names) == 0 {
		return w.words.say(lang, "none")
	}
	for i, n := range names {
		names[i] = w.words.say(lang, "key.count", "key", w.words.say(lang, "key."+n), "holders", strconv.Itoa(most[n]))
	}
	return strings.Join(names, ", ")
}

// Lines says everything about a pair in lines to read: who, what weighs what, and
// what follows from it, the decisive causes first.
func (w PairWords) Lines(lang string, p resolver.PairExplanation, evidence []Evidence, causes []PairCause, key func(uuid.UUID) events.RecordKey) []string {
	lines := []string{w.words.say(lang, "pair", "a", record(key(p.A)), "b", record(key(p.B)))}
	for _, e := range evidence {
		lines = append(lines, e.Text)
	}
	if len(evidence) > 0 {
		lines = append(lines, w.words.say(lang, "total", "bits", bits(p.Evidence.Total), "percent", percent(p.Evidence.Probability), "band", w.words.say(lang, "band."+string(p.Evidence.Band))))
	}
	for _, c := range causes {
		lines = append(lines, c.Text)
	}
	return slices.Compact(lines)
}

// percent writes a probability. Evidence never makes certain: what would round to
// 0 or 100 says so.
func percent(p float64) string {
	switch {
	case p > 0.999:
		return "> 99.9"
	case p < 0.001:
		return "< 0.1"
	}
	return strconv.FormatFloat(math.Round(p*1000)/10, 'f', 1, 64)
}
