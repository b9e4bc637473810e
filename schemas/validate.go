package schemas

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Violation is one place where data does not fit its schema. It quotes no value
// of the data, only names of fields.
type Violation struct {
	Pointer string // RFC 6901, into the event: /data/phones/0/value
	Code    string // the rule: required, type, enum, format, pattern, unknown_field, length, count, range, choice, unknown_type
	Detail  string // what is wrong, to be read after the pointer
	Remedy  string // what to do about it
}

// mostViolations bounds an answer; who has more has one mistake repeated.
const mostViolations = 50

// Validate says where data (map[string]any, []any, string, json.Number, bool,
// nil, as package strictjson or encoding/json with UseNumber read it) does not
// fit the type's schema, ordered by pointer, 50 at most. None means that it fits.
// Safe for concurrent use.
func (r *Registry) Validate(typ string, data any) []Violation {
	s := r.schemas[typ]
	if s == nil {
		return []Violation{r.unknownType(typ)}
	}
	if s.quick.fits(data) {
		return nil
	}
	err := s.compiled.Validate(data)
	if err == nil {
		return nil
	}
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return []Violation{{Pointer: "/data", Code: "type", Detail: "cannot be validated", Remedy: "Send a JSON object."}}
	}
	found := leaves(ve, nil)
	slices.SortFunc(found, func(a, b *jsonschema.ValidationError) int {
		return cmp.Or(strings.Compare(a.InstanceLocation, b.InstanceLocation), strings.Compare(a.KeywordLocation, b.KeywordLocation))
	})
	var out []Violation
	for _, leaf := range found[:min(len(found), mostViolations)] {
		out = append(out, s.explain(leaf, data)...)
	}
	slices.SortStableFunc(out, func(a, b Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	return out[:min(len(out), mostViolations)]
}

// leaves gathers the errors that say something by themselves. Of alternatives
// it keeps the choice and not why each alternative failed: the sender meant one.
func leaves(ve *jsonschema.ValidationError, into []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	keyword := ve.KeywordLocation[strings.LastIndexByte(ve.KeywordLocation, '/')+1:]
	if len(ve.Causes) == 0 || keyword == "anyOf" || keyword == "oneOf" {
		return append(into, ve)
	}
	for _, cause := range ve.Causes {
		into = leaves(cause, into)
	}
	return into
}

// Nearest gives the published type whose name is most like typ, false where none is.
func (r *Registry) Nearest(typ string) (string, bool) {
	return nearest(strings.ToLower(strings.TrimSpace(typ)), r.types, 3+len(typ)/4)
}

func (r *Registry) unknownType(typ string) Violation {
	v := Violation{Pointer: "/type", Code: "unknown_type", Detail: "is not a type that the hub knows"}
	if like, ok := r.Nearest(typ); ok {
		v.Remedy = "The nearest known type is " + like + "."
		return v
	}
	v.Remedy = "Use one of: " + strings.Join(r.types, ", ") + "."
	return v
}

// nearest gives the one of names with the fewest edits from name, if no more than most.
func nearest(name string, names []string, most int) (string, bool) {
	if len(name) > 100 {
		return "", false
	}
	best, fewest := "", most+1
	for _, n := range names {
		if d := edits(name, n); d < fewest {
			best, fewest = n, d
		}
	}
	return best, best != ""
}

// edits counts the insertions, deletions and replacements of bytes that turn a
// into b (Levenshtein 1965).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
