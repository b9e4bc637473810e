package schemas_test

import (
	"strings"
	"testing"
	"time"

	"ficha/internal/strictjson"
)

// An event made of nothing but mistakes must cost no more than time in
// proportion, and its answer stays short.
func TestHostileDataIsRefusedInTime(t *testing.T) {
	r := registry(t)
	texts := map[string]string{
		"wrong items":    `{"record":{"source":"/a","id":"1"},"kind":"person","tags":[` + strings.Repeat(`1,`, 49_000) + `1]}`,
		"empty points":   `{"contact_points":[` + strings.Repeat(`{},`, 49_000) + `{}]}`,
		"unknown fields": `{"names":[` + strings.Repeat(`{"x":{}},`, 20_000) + `{}]}`,
		"long names":     `{"` + strings.Repeat("x", 1_000_000) + `":1}`,
	}
	for name, text := range texts {
		doc, err := strictjson.NewReader(strictjson.Limits{}).Read([]byte(text), "")
		if err != nil {
			t.Fatal(name, err)
		}
		for _, typ := range r.Types() {
			start := time.Now()
			violations := r.Validate(typ, doc.Tree)
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("%s as %s: took %v", name, typ, took)
			}
			if len(violations) == 0 || len(violations) > 50 {
				t.Errorf("%s as %s: %d violations", name, typ, len(violations))
			}
		}
	}
}
