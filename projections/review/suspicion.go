package review

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/document"
	"ficha/internal/text"
	"ficha/projections/golden"
)

// Codes of what makes a customer look like several people; [CodeVerdictConflict]
// is one more: a person said that two of the records are not one, and newer
// verdicts join them by way of others.
const (
	CodeConflictingDocuments  = "conflicting_documents"   // two valid numbers of one kind and country
	CodeConflictingBirthDates = "conflicting_birth_dates" // full dates that differ in at least two of year, month and day
	CodeConflictingNames      = "conflicting_names"       // two names without a word in common
	CodeWeakLink              = "weak_link"               // held together by evidence that only just sufficed
	CodeManyRecords           = "many_records"            // more live records than people have
	CodeSameSource            = "same_source"             // two live records of one source and stream
)

// What the codes add to a score, each once except where said.
const (
	scoreConflict   = 120
	scoreDocuments  = 100
	scoreBirthDates = 80
	scoreNames      = 60
	scoreWeakLink   = 40 // less, down to 10, the stronger the link is
	scoreManyRecord = 20 // and one for each record
	scoreSameSource = 5  // for each record beyond the first of its source and stream
)

const (
	// weakWeight: a link by score of less weighs within two bits of the weakest
	// that the default models accept; the odds are below eight to one.
	weakWeight = 3000
	// weakestAccepted is where those models begin to link.
	weakestAccepted = 1000
	// manyRecords is how many live records are suspicious by themselves.
	manyRecords = 10
)

// Suspect is a customer that looks over-merged.
type Suspect struct {
	Customer uuid.UUID       `json:"customer"`
	Score    int             `json:"score"` // sum over the reasons; highest first in lists
	Reasons  []SuspectReason `json:"reasons"`
	Records  []uuid.UUID     `json:"records"` // live, sorted
	// Weakest is the weakest link by score that holds the customer together; nil
	// where none does.
	Weakest *events.IdentityLink `json:"weakest,omitempty"`
	Since   time.Time            `json:"since"`   // recorded time of the event that raised the suspicion
	Version events.Position      `json:"version"` // of the event that changed it last
}

// SuspectReason is one thing that speaks against a customer.
type SuspectReason struct {
	Code    string      `json:"code"`
	Score   int         `json:"score"`
	Records []uuid.UUID `json:"records,omitempty"` // whose values conflict, sorted
}

// person is what of a golden record the suspicion looks at.
type person struct {
	Kind      events.Kind
	Names     []golden.Value[events.Name]
	BirthDate *golden.Value[string]
	Documents []golden.Value[events.Document]
	Records   []golden.Member
}

// readPerson reads it from a golden record's document. A single name or document
// conflicts with nothing, and is left unread.
func readPerson(doc []byte) (*person, error) {
	var raw struct {
		Kind      events.Kind           `json:"kind"`
		Names     []jsontext.Value      `json:"names"`
		BirthDate *golden.Value[string] `json:"birth_date"`
		Documents []jsontext.Value      `json:"documents"`
		Records   []golden.Member       `json:"records"`
	}
	if err := json.Unmarshal(doc, &raw); err != nil {
		return nil, err
	}
	p := &person{Kind: raw.Kind, BirthDate: raw.BirthDate, Records: raw.Records}
	var err error
	if p.Names, err = several[events.Name](raw.Names); err != nil {
		return nil, err
	}
	p.Documents, err = several[events.Document](raw.Documents)
	return p, err
}

// several reads values if there are two or more.
func several[T any](raw []jsontext.Value) ([]golden.Value[T], error) {
	if len(raw) < 2 {
		return nil, nil
	}
	out := make([]golden.Value[T], len(raw))
	for i := range raw {
		var v struct {
			Value  T                `json:"value"`
			Record events.RecordKey `json:"record"`
		}
		if err := json.Unmarshal(raw[i], &v); err != nil {
			return nil, err
		}
		out[i].Value, out[i].Record = v.Value, v.Record
	}
	return out, nil
}

// live gives the live records, sorted.
func (p *person) live() []uuid.UUID {
	var out []uuid.UUID
	for i := range p.Records {
		if p.Records[i].Live {
			out = append(out, p.Records[i].ID)
		}
	}
	return sorted(out)
}

// bonds is what holds a customer together, and the pairs inside it of which a left
// out verdict says that they are two.
type bonds struct {
	links     []events.IdentityLink
	conflicts []events.IdentityLink
}

// suspect says what speaks against a customer. It is pure, and does not depend on
// the order of arrival.
func suspect(customer uuid.UUID, p *person, b bonds) Suspect {
	s := Suspect{Customer: customer, Records: p.live(), Weakest: weakest(b.links)}
	if len(s.Records) < 2 {
		return s
	}
	var torn []uuid.UUID
	for i := range b.conflicts {
		torn = append(torn, b.conflicts[i].A, b.conflicts[i].B)
	}
	s.accuse(CodeVerdictConflict, scoreConflict, torn)
	s.accuse(CodeConflictingDocuments, scoreDocuments, documentConflict(p.Documents))
	s.accuse(CodeConflictingBirthDates, scoreBirthDates, birthConflict(p.BirthDate))
	if p.Kind != events.Organization {
		s.accuse(CodeConflictingNames, scoreNames, nameConflict(p.Names))
	}
	if w := s.Weakest; w != nil && w.Weight < weakWeight {
		s.accuse(CodeWeakLink, weakScore(w.Weight), []uuid.UUID{w.A, w.B})
	}
	if n := len(s.Records); n >= manyRecords {
		s.Reasons = append(s.Reasons, SuspectReason{Code: CodeManyRecords, Score: scoreManyRecord + n})
	}
	same, extra := sameSource(p.Records)
	s.accuse(CodeSameSource, extra*scoreSameSource, same)
	for _, r := range s.Reasons {
		s.Score += r.Score
	}
	return s
}

func (s *Suspect) accuse(code string, score int, records []uuid.UUID) {
	if len(records) > 0 {
		s.Reasons = append(s.Reasons, SuspectReason{Code: code, Score: score, Records: sorted(slices.Clone(records))})
	}
}

// weakest gives the weakest link that the machine made, the smaller record first;
// of equal ones the first by ids.
func weakest(links []events.IdentityLink) *events.IdentityLink {
	var found *events.IdentityLink
	for _, l := range links {
		if l.Rule != "score" {
			continue
		}
		pair := recordPairOf(l.A, l.B)
		l.A, l.B = pair[0], pair[1]
		if found == nil || cmp.Or(cmp.Compare(l.Weight, found.Weight), compareIDs(l.A, found.A), compareIDs(l.B, found.B)) < 0 {
			found = &l
		}
	}
	return found
}

// weakScore runs from 10 for a link that is just weak to 40 for one that was only
// just accepted, or less than that.
func weakScore(weight int64) int {
	lacking := min(weakWeight-weight, weakWeight-weakestAccepted)
	return 10 + int(lacking)*(scoreWeakLink-10)/(weakWeight-weakestAccepted)
}

// documentConflict gives records that state different valid numbers of one kind
// and country. Kinds without check digits (passports) are renewed under new
// numbers, and say nothing.
func documentConflict(docs []golden.Value[events.Document]) []uuid.UUID {
	for i := range docs {
		a, okA := document.Normalise(docs[i].Value.Kind, docs[i].Value.Number, docs[i].Value.Country)
		if !okA || a.Check != document.CheckValid {
			continue
		}
		for k := range docs[:i] {
			b, okB := document.Normalise(docs[k].Value.Kind, docs[k].Value.Number, docs[k].Value.Country)
			if okB && b.Check == document.CheckValid && a.Kind == b.Kind && a.Country == b.Country && a.Number != b.Number {
				return []uuid.UUID{docs[i].Record.UUID(), docs[k].Record.UUID()}
			}
		}
	}
	return nil
}

// birthConflict gives records whose full dates of birth are no slip of each other.
func birthConflict(v *golden.Value[string]) []uuid.UUID {
	if v == nil {
		return nil
	}
	all := append([]golden.Source[string]{{Value: v.Value, Record: v.Record}}, v.Also...)
	for i := range all {
		for k := range all[:i] {
			if datesConflict(all[i].Value, all[k].Value) {
				return []uuid.UUID{all[i].Record.UUID(), all[k].Record.UUID()}
			}
		}
	}
	return nil
}

// datesConflict: two of year, month and day differ, other than by day and month
// changing places.
func datesConflict(a, b string) bool {
	if len(a) != len("2006-01-02") || len(b) != len(a) {
		return false
	}
	year, month, day := a[:4] != b[:4], a[5:7] != b[5:7], a[8:] != b[8:]
	if !year {
		return month && day && (a[5:7] != b[8:] || a[8:] != b[5:7])
	}
	return month || day
}

// nameConflict gives records whose names have no word in common, nor a word with
// an initial.
func nameConflict(names []golden.Value[events.Name]) []uuid.UUID {
	for i := range names {
		a := text.Tokens(golden.FullName(names[i].Value))
		for k := range names[:i] {
			b := text.Tokens(golden.FullName(names[k].Value))
			if len(a) > 0 && len(b) > 0 && !shareWord(a, b) {
				return []uuid.UUID{names[i].Record.UUID(), names[k].Record.UUID()}
			}
		}
	}
	return nil
}

func shareWord(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool {
			return x == y || len(x) == 1 && y[0] == x[0] || len(y) == 1 && x[0] == y[0]
		})
	})
}

// sameSource gives the live records that another one of the same source and stream
// stands beside, and how many there are beyond the first of each.
func sameSource(members []golden.Member) (records []uuid.UUID, extra int) {
	type stream struct{ source, stream string }
	first := map[stream]uuid.UUID{}
	for i := range members {
		m := &members[i]
		if !m.Live {
			continue
		}
		s := stream{m.Source, m.Normal().Stream}
		if id, ok := first[s]; ok {
			records, extra = append(records, id, m.ID), extra+1
		} else {
			first[s] = m.ID
		}
	}
	return sorted(records), extra
}
