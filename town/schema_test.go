package town

import (
	"encoding/json"
	"testing"

	"ficha/schemas"
)

// Every event of a town is valid against its type's schema.
func TestEventsAreValid(t *testing.T) {
	reg, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	for e := range generate(t, Config{People: 700}).Events() {
		var v any
		if err := json.Unmarshal(e.Data, &v); err != nil {
			t.Fatal(err)
		}
		if bad := reg.Validate(string(e.Type), v); len(bad) > 0 {
			t.Fatalf("%s %s: %+v", e.Type, e.ID, bad)
		}
	}
}
