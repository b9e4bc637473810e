package strictjson

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// Many holds the values of a member that an object names more than once, in order.
type Many []any

// Lenient makes out what it can of raw, up to the first byte that is no JSON:
// members named twice become [Many], broken text has U+FFFD in place of what
// is broken, what is nested below the limit is left out. complete says that raw
// was one whole JSON text. The tree is nil where nothing could be read.
func Lenient(raw []byte, limits Limits) (tree any, complete bool) {
	l := lenient{limits: limits.withDefaults()}
	l.left = l.limits.Values
	l.dec = jsontext.NewDecoder(bytes.NewBuffer(bytes.TrimPrefix(raw, bom)),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	tree = l.value()
	return tree, !l.ended
}

type lenient struct {
	limits Limits
	dec    *jsontext.Decoder
	left   int
	ended  bool // nothing can be read any more
}

// value reads the next value as far as it goes; nil with ended set where none is whole.
func (l *lenient) value() any {
	if l.left--; l.left < 0 {
		l.ended = true
		return nil
	}
	kind := l.dec.PeekKind()
	if (kind == '{' || kind == '[') && l.dec.StackDepth() >= l.limits.Depth {
		l.ended = l.dec.SkipValue() != nil
		return nil
	}
	tok, err := l.dec.ReadToken()
	if err != nil {
		l.ended = true
		return nil
	}
	switch kind {
	case '{':
		return l.object()
	case '[':
		return l.array()
	case '"':
		return tok.String()
	case '0':
		return json.Number(tok.String())
	case 't', 'f':
		return tok.Bool()
	}
	return nil
}

func (l *lenient) object() any {
	members := map[string]any{}
	for !l.ended && l.dec.PeekKind() != '}' {
		tok, err := l.dec.ReadToken()
		if err != nil {
			l.ended = true
			break
		}
		name := tok.String()
		v := l.value()
		if l.ended && v == nil {
			break
		}
		members[name] = joined(members, name, v)
	}
	l.end()
	return members
}

func (l *lenient) array() any {
	items := []any{}
	for !l.ended && l.dec.PeekKind() != ']' {
		v := l.value()
		if l.ended && v == nil {
			break
		}
		items = append(items, v)
	}
	l.end()
	return items
}

// end reads the closing delimiter.
func (l *lenient) end() {
	if !l.ended {
		_, err := l.dec.ReadToken()
		l.ended = err != nil
	}
}

// joined is what a member holds when v is stated for it too.
func joined(members map[string]any, name string, v any) any {
	before, twice := members[name]
	if !twice {
		return v
	}
	if many, ok := before.(Many); ok {
		return append(many, v)
	}
	return Many{before, v}
}
