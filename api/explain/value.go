package explain

import (
	"encoding/json"
	"maps"
	"slices"

	"ficha/events"
	"ficha/projections/golden"
)

// Value says why one value of a customer is what it is.
type Value struct {
	Attribute string             `json:"attribute" doc:"Name in the golden record; lists have one entry a value, in order" example:"birth_date"`
	Rule      golden.Rule        `json:"rule" example:"recent"`
	Record    events.RecordKey   `json:"record" doc:"The source record that it comes from"`
	Also      []events.RecordKey `json:"also" doc:"The other records that say something about it"`
	Text      string             `json:"text" doc:"All of this in words"`
}

// Values explains every value of a customer, attribute by attribute, in the
// words of a language ("es", else English). The words quote no value.
func (w Words) Values(c *golden.Customer, lang string) []Value {
	e := explainer{words: w, lang: lang, out: []Value{}}
	several(&e, "names", c.Names)
	one(&e, "birth_date", c.BirthDate)
	one(&e, "death_date", c.DeathDate)
	one(&e, "gender", c.Gender)
	several(&e, "documents", c.Documents)
	for i := range c.Phones {
		one(&e, "phones", &c.Phones[i].Value)
	}
	for i := range c.Emails {
		one(&e, "emails", &c.Emails[i].Value)
	}
	several(&e, "addresses", c.Addresses)
	several(&e, "handles", c.Handles)
	one(&e, "language", c.Language)
	one(&e, "nationality", c.Nationality)
	one(&e, "preferences", c.Preferences)
	one(&e, "lifecycle", c.Lifecycle)
	one(&e, "segment", c.Segment)
	one(&e, "tier", c.Tier)
	one(&e, "vip", c.VIP)
	several(&e, "tags", c.Tags)
	one(&e, "organization", c.Organization)
	several(&e, "relations", c.Relations)
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		v := c.Attributes[name]
		add[json.RawMessage](&e, "attributes."+name, &v)
	}
	return e.out
}

// explainer collects what is said.
type explainer struct {
	words Words
	lang  string
	out   []Value
}

func one[T any](e *explainer, attribute string, v *golden.Value[T]) {
	if v != nil {
		add(e, attribute, v)
	}
}

func several[T any](e *explainer, attribute string, vs []golden.Value[T]) {
	for i := range vs {
		add(e, attribute, &vs[i])
	}
}

func add[T any](e *explainer, attribute string, v *golden.Value[T]) {
	also := make([]events.RecordKey, 0, len(v.Also))
	for _, s := range v.Also {
		if s.Record != v.Record && !slices.Contains(also, s.Record) {
			also = append(also, s.Record)
		}
	}
	text := e.words.say(e.lang, "value", "attribute", e.words.attribute(e.lang, attribute), "record", record(v.Record),
		"rule", e.words.say(e.lang, "rule."+string(v.Rule)))
	if len(also) > 0 {
		key := "value.also"
		if v.Rule == golden.RuleAgreed {
			key = "value.agreed"
		}
		if len(also) == 1 {
			key += ".one"
		}
		text += " " + e.words.say(e.lang, key, "records", e.words.list(e.lang, records(also)))
	}
	e.out = append(e.out, Value{Attribute: attribute, Rule: v.Rule, Record: v.Record, Also: also, Text: text})
}
