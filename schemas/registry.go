package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

//go:embed *.json
var files embed.FS

const (
	base   = "ficha:///schemas/"
	shapes = "shapes.json"
)

// Registry holds every schema, compiled. It never changes, so any number of
// goroutines may use it.
type Registry struct {
	schemas map[string]*schema
	types   []string // sorted, superseded ones left out
}

// schema is one type's schema in four forms: to serve, to explain by, to
// validate by, and to see quickly that data fits.
type schema struct {
	text     []byte
	document map[string]any
	compiled *jsonschema.Schema
	quick    *quick
}

// New reads and compiles the embedded schemas. It fails only if the binary was
// built from schemas that are no schemas.
func New() (*Registry, error) {
	shared, err := readSchema(shapes)
	if err != nil {
		return nil, err
	}
	names, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	r := &Registry{schemas: make(map[string]*schema)}
	for _, f := range names {
		typ := strings.TrimSuffix(f.Name(), ".json")
		if f.Name() == shapes {
			continue
		}
		if r.schemas[typ], err = compile(f.Name(), shared); err != nil {
			return nil, err
		}
		if !Superseded(typ) {
			r.types = append(r.types, typ)
		}
	}
	slices.Sort(r.types)
	return r, nil
}

func readSchema(name string) (map[string]any, error) {
	b, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read schema %s: %w", name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("read schema %s: %w", name, err)
	}
	return doc, nil
}

// compile reads one schema, puts the shapes that it refers to in their place
// (validating a reference costs about as much as validating what it refers to)
// and compiles the whole.
func compile(name string, shared map[string]any) (*schema, error) {
	doc, err := readSchema(name)
	if err != nil {
		return nil, err
	}
	whole, err := inline(doc, doc, shared)
	if err != nil {
		return nil, fmt.Errorf("read schema %s: %w", name, err)
	}
	doc = whole.(map[string]any)
	delete(doc, "$defs")
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write schema %s: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.Formats = formats()
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("load %s: schemas are not loaded from elsewhere", url)
	}
	if err := c.AddResource(base+name, bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("compile schema %s: %w", name, err)
	}
	compiled, err := c.Compile(base + name)
	if err != nil {
		return nil, fmt.Errorf("compile schema %s: %w", name, err)
	}
	q, err := newQuick(doc)
	if err != nil {
		return nil, fmt.Errorf("compile schema %s: %w", name, err)
	}
	return &schema{text: text, document: doc, compiled: compiled, quick: q}, nil
}

// inline copies v with every reference replaced by what it refers to, in the
// file itself (root) or in the shared shapes. References never form a circle:
// New would not end, and no test would pass.
func inline(v any, root, shared map[string]any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			return resolve(ref, root, shared)
		}
		out := make(map[string]any, len(v))
		for name, member := range v {
			in, err := inline(member, root, shared)
			if err != nil {
				return nil, err
			}
			out[name] = in
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			in, err := inline(item, root, shared)
			if err != nil {
				return nil, err
			}
			out[i] = in
		}
		return out, nil
	}
	return v, nil
}

func resolve(ref string, root, shared map[string]any) (any, error) {
	file, name, ok := strings.Cut(ref, "#/$defs/")
	if file == shapes {
		root = shared
	}
	defs, _ := root["$defs"].(map[string]any)
	def, found := defs[name]
	if !ok || !found {
		return nil, fmt.Errorf("no shape %q", ref)
	}
	return inline(def, root, shared)
}

// Types lists the types that may be published, sorted. The slice is the caller's.
func (r *Registry) Types() []string { return slices.Clone(r.types) }

// Knows says whether there is a schema of the type, be it superseded.
func (r *Registry) Knows(typ string) bool { return r.schemas[typ] != nil }

// ID is the dataschema attribute of events of the type.
func (r *Registry) ID(typ string) string { return base + typ + ".json" }

// Document gives the type's schema as JSON that needs no other file, for
// documentation and for validators elsewhere; false for an unknown type.
func (r *Registry) Document(typ string) ([]byte, bool) {
	s := r.schemas[typ]
	if s == nil {
		return nil, false
	}
	return bytes.Clone(s.text), true
}
