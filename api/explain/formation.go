package explain

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// StepKind says what happened to a customer in one step of its forming.
type StepKind string

// The steps.
const (
	StepSeen      StepKind = "first_seen"        // a source record came in; it is a customer of its own
	StepJoined    StepKind = "joined"            // groups of records became one customer
	StepParted    StepKind = "parted"            // records went to other customers
	StepRegrouped StepKind = "regrouped"         // both at once
	StepJudged    StepKind = "judged"            // a person decided about records
	StepTakenBack StepKind = "verdict_withdrawn" // a person took a decision back
	StepPinned    StepKind = "pinned"            // a person set a value
	StepUnpinned  StepKind = "unpinned"          // a person freed a value
)

// Step is one step in the forming of a customer, from its oldest record on.
type Step struct {
	Position events.Position      `json:"position"`
	At       time.Time            `json:"at" doc:"When the hub took the event"`
	Kind     StepKind             `json:"kind"`
	Joined   [][]events.RecordKey `json:"joined,omitempty" doc:"The groups of records that became one"`
	Parted   [][]events.RecordKey `json:"parted,omitempty" doc:"The records that went away, by where they went"`
	Record   *events.RecordKey    `json:"record,omitempty" doc:"With first_seen and pins: which record"`
	Links    []Link               `json:"links,omitempty" doc:"The evidence that joined them"`
	Cause    *Cause               `json:"cause,omitempty" doc:"The event upon which matching decided"`
	Model    string               `json:"model,omitempty" doc:"Version of the match model"`
	Engine   string               `json:"engine,omitempty" doc:"Version of the matching engine"`
	Verdict  events.Verdict       `json:"verdict,omitempty"`
	By       string               `json:"by,omitempty" doc:"Who decided; nobody: the matching"`
	Reason   string               `json:"reason,omitempty"`
	Review   *uuid.UUID           `json:"review,omitempty" format:"uuid" doc:"With judged: what POST /v1/reviews/{id}:undo takes"`

	Attribute string `json:"attribute,omitempty" doc:"With pins: of which attribute"`
	Text      string `json:"text" doc:"The step in words"`
}

// Link is evidence between two records.
type Link struct {
	A      events.RecordKey `json:"a"`
	B      events.RecordKey `json:"b"`
	Weight int64            `json:"weight" doc:"log2 of the likelihood ratio, times 1000"`
	Rule   string           `json:"rule" doc:"score, stated by a source, or verdict of a person"`
	Levels []string         `json:"levels,omitempty" doc:"comparison=level"`
	Text   string           `json:"text" doc:"The levels in words"`
}

// Cause is the event upon which a decision was made.
type Cause struct {
	Position events.Position `json:"position"`
	Type     events.Type     `json:"type"`
	Source   string          `json:"source"`
}

// Tell puts a step and its links into words of a language ("es", else English).
// levels turns the levels of a link into words.
func (w Words) Tell(s *Step, lang string, levels func([]string) string) {
	for i := range s.Links {
		l := &s.Links[i]
		l.Text = w.say(lang, "link."+l.Rule, "a", record(l.A), "b", record(l.B), "bits", bits(l.Weight), "levels", levels(l.Levels))
	}
	var parts []string
	say := func(key string, fill ...string) { parts = append(parts, w.say(lang, key, fill...)) }
	switch s.Kind {
	case StepSeen:
		say("step.first_seen", "record", record(*s.Record))
	case StepPinned, StepUnpinned:
		say("step."+string(s.Kind), "attribute", w.attribute(lang, s.Attribute), "by", w.who(lang, s.By))
	case StepJudged:
		say("step.judged."+string(s.Verdict), "by", w.who(lang, s.By))
	case StepTakenBack:
		say("step.verdict_withdrawn", "by", w.who(lang, s.By))
	case StepJoined, StepParted, StepRegrouped:
		if len(s.Joined) > 0 {
			say("step.joined", "groups", w.groups(lang, s.Joined))
		}
		if len(s.Parted) > 0 {
			say("step.parted", "groups", w.groups(lang, s.Parted))
		}
		if s.By != "" {
			say("step.because_person", "by", s.By)
		}
	}
	if s.Reason != "" {
		say("step.reason", "reason", s.Reason)
	}
	for _, l := range s.Links {
		parts = append(parts, l.Text)
	}
	s.Text = strings.Join(parts, " ")
}

// groups writes groups of records, each with a plus between its records.
func (w Words) groups(lang string, groups [][]events.RecordKey) string {
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = strings.Join(records(g), " + ")
	}
	return w.list(lang, out)
}

func (w Words) who(lang, by string) string {
	if by == "" {
		return w.say(lang, "somebody")
	}
	return by
}

// attribute names an attribute in words; declared ones have only their own name.
func (w Words) attribute(lang, name string) string {
	if own, declared := strings.CutPrefix(name, "attributes."); declared {
		return own
	}
	return w.say(lang, "attribute."+name)
}

// bits writes millibits with one decimal.
func bits(millibits int64) string {
	return strconv.FormatFloat(float64(millibits)/1000, 'f', 1, 64)
}
