package schemas

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// quick sees that data fits a schema, about ten times faster than the library,
// which builds the path to each value before it knows whether it will need it.
// Nearly every event fits, so this is the gateway's speed.
//
// It is made from the same schema document, and its "no" only means that the
// library is asked, whose word counts and explains. So it must be right only
// where it says yes, and a fuzz test holds every yes against the library. A
// keyword that it does not know keeps the registry from being built.
type quick struct {
	types      typeSet
	words      map[string]bool // enum; nil: any
	null       bool            // null is one of the words
	format     func(any) bool
	pattern    *regexp.Regexp
	properties map[string]*quick
	additional *quick // of members that properties does not name; nil: none allowed
	required   []string
	items      *quick
	anyOf      []*quick
	length     bounded // characters of a string
	count      bounded // of an array
	members    bounded // of an object
	names      bounded // characters of a member's name
	low, high  *float64
}

// bounded is a range of counts; most is -1 where there is no end.
type bounded struct{ least, most int }

func (b bounded) holds(n int) bool { return n >= b.least && (b.most < 0 || n <= b.most) }

// typeSet is a set of JSON types; 0 allows all.
type typeSet uint8

const (
	typeNull typeSet = 1 << iota
	typeBoolean
	typeString
	typeNumber
	typeInteger
	typeArray
	typeObject
)

func (t typeSet) has(one typeSet) bool { return t == 0 || t&one != 0 }

// anything is the schema that all data fits.
func anything() *quick {
	open := bounded{0, -1}
	q := &quick{length: open, count: open, members: open, names: open}
	q.additional = q
	return q
}

// newQuick reads a schema document in which no reference is left.
func newQuick(doc map[string]any) (*quick, error) {
	q := anything()
	q.additional = anything()
	for keyword, v := range doc {
		var err error
		switch keyword {
		case "properties":
			q.properties, err = quickEach(v)
		case "additionalProperties":
			q.additional, err = quickAdditional(v)
		case "items":
			q.items, err = quickOne(v)
		case "anyOf":
			q.anyOf, err = quickAll(v)
		case "propertyNames":
			err = q.readNames(v)
		default:
			err = q.readKeyword(keyword, v)
		}
		if err != nil {
			return nil, fmt.Errorf("keyword %s: %w", keyword, err)
		}
	}
	return q, nil
}

// readKeyword takes the keywords that hold no schema.
func (q *quick) readKeyword(keyword string, v any) error {
	switch keyword {
	case "$schema", "$id", "title", "description", "deprecated", "remedy":
		return nil
	case "type":
		return q.readTypes(v)
	case "enum":
		return q.readWords(v)
	case "required":
		q.required = list(v)
		return nil
	case "format":
		return q.readFormat(v)
	case "pattern":
		var err error
		q.pattern, err = regexp.Compile(fmt.Sprint(v))
		return err
	case "minimum", "maximum":
		f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if keyword == "minimum" {
			q.low = &f
		} else {
			q.high = &f
		}
		return err
	}
	return q.readCount(keyword, v)
}

func (q *quick) readCount(keyword string, v any) error {
	n, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		return fmt.Errorf("want a whole number: %w", err)
	}
	bounds := map[string]*int{
		"minLength": &q.length.least, "maxLength": &q.length.most, "minItems": &q.count.least, "maxItems": &q.count.most,
		"minProperties": &q.members.least, "maxProperties": &q.members.most,
	}
	if bounds[keyword] == nil {
		return fmt.Errorf("is not known here")
	}
	*bounds[keyword] = n
	return nil
}

func (q *quick) readTypes(v any) error {
	names := list(v)
	if one, ok := v.(string); ok {
		names = []string{one}
	}
	bits := map[string]typeSet{
		"null": typeNull, "boolean": typeBoolean, "string": typeString, "number": typeNumber | typeInteger,
		"integer": typeInteger, "array": typeArray, "object": typeObject,
	}
	for _, name := range names {
		if bits[name] == 0 {
			return fmt.Errorf("type %q", name)
		}
		q.types |= bits[name]
	}
	return nil
}

func (q *quick) readWords(v any) error {
	q.words = make(map[string]bool)
	items, _ := v.([]any)
	for _, item := range items {
		switch item := item.(type) {
		case string:
			q.words[item] = true
		case nil:
			q.null = true
		default:
			return fmt.Errorf("a word of type %T", item)
		}
	}
	return nil
}

func (q *quick) readFormat(v any) error {
	name, _ := v.(string)
	if q.format = formats()[name]; q.format == nil {
		return fmt.Errorf("format %q", name)
	}
	return nil
}

func (q *quick) readNames(v any) error {
	of, err := quickOne(v)
	if err == nil {
		q.names = of.length
	}
	return err
}

func quickOne(v any) (*quick, error) {
	doc, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want a schema, got %T", v)
	}
	return newQuick(doc)
}

func quickAdditional(v any) (*quick, error) {
	if v == false {
		return nil, nil
	}
	return quickOne(v)
}

func quickEach(v any) (map[string]*quick, error) {
	docs, _ := v.(map[string]any)
	out := make(map[string]*quick, len(docs))
	for name, doc := range docs {
		q, err := quickOne(doc)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = q
	}
	return out, nil
}

func quickAll(v any) ([]*quick, error) {
	docs, _ := v.([]any)
	var out []*quick
	for _, doc := range docs {
		q, err := quickOne(doc)
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, nil
}

// fits says that v certainly fits; false means: ask the library.
func (q *quick) fits(v any) bool {
	if q.format != nil && !q.format(v) {
		return false
	}
	switch v := v.(type) {
	case nil:
		return q.types.has(typeNull) && (q.words == nil || q.null) && q.fitsOne(v)
	case bool:
		return q.types.has(typeBoolean) && q.words == nil && q.fitsOne(v)
	case string:
		return q.types.has(typeString) && q.fitsText(v) && q.fitsOne(v)
	case json.Number:
		return q.words == nil && q.fitsNumber(string(v)) && q.fitsOne(v)
	case []any:
		return q.types.has(typeArray) && q.words == nil && q.fitsArray(v) && q.fitsOne(v)
	case map[string]any:
		return q.types.has(typeObject) && q.words == nil && q.fitsObject(v) && q.fitsOne(v)
	}
	return false
}

func (q *quick) fitsOne(v any) bool {
	for _, one := range q.anyOf {
		if one.fits(v) {
			return true
		}
	}
	return len(q.anyOf) == 0
}

func (q *quick) fitsText(s string) bool {
	if q.words != nil && !q.words[s] {
		return false
	}
	return q.length.holdsText(s) && (q.pattern == nil || q.pattern.MatchString(s))
}

// holdsText counts characters only where bytes do not decide it.
func (b bounded) holdsText(s string) bool {
	if b.least == 0 && (b.most < 0 || len(s) <= b.most) {
		return true
	}
	return b.holds(utf8.RuneCountInString(s))
}

func (q *quick) fitsNumber(literal string) bool {
	kind := typeInteger
	if strings.ContainsAny(literal, ".eE") {
		kind = typeNumber
	}
	if q.types != 0 && q.types&kind == 0 {
		return false // 1.0 is an integer to the library
	}
	if q.low == nil && q.high == nil {
		return true
	}
	f, err := strconv.ParseFloat(literal, 64)
	// A fraction that rounds to the bound may lie beyond it: not for us to say.
	inside := func(bound *float64, sign float64) bool {
		return bound == nil || sign*(f-*bound) > 0 || f == *bound && kind == typeInteger
	}
	return err == nil && inside(q.low, 1) && inside(q.high, -1)
}

func (q *quick) fitsArray(items []any) bool {
	if !q.count.holds(len(items)) {
		return false
	}
	if q.items == nil {
		return true
	}
	for _, item := range items {
		if !q.items.fits(item) {
			return false
		}
	}
	return true
}

func (q *quick) fitsObject(members map[string]any) bool {
	if !q.members.holds(len(members)) {
		return false
	}
	for _, name := range q.required {
		if _, ok := members[name]; !ok {
			return false
		}
	}
	for name, v := range members {
		of := q.properties[name]
		if of == nil {
			of = q.additional
		}
		if of == nil || !q.names.holdsText(name) || !of.fits(v) {
			return false
		}
	}
	return true
}
