package changes

import (
	"encoding/json"
	"testing"
)

// FuzzEachMember: whatever compact object it is, the members are those that a
// parser finds; and it survives what is none.
func FuzzEachMember(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":"\\","b":[{"c":"]}"}],"d":{}}`, `{"a":"\\\""}`, `{"a":1,}`, `{"a"}`, `{"a":[}`, `{,}`, `{"":""}`, `{"a":1`, `{"a":1}}`, `{"a\"b":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := map[string]string{}
		n := 0
		ok := eachMember(b, func(name, value []byte) bool {
			n++
			var key string
			if json.Unmarshal(append(append([]byte{'"'}, name...), '"'), &key) == nil {
				got[key] = string(value)
			}
			return true
		})
		var want map[string]json.RawMessage
		if json.Unmarshal(b, &want) != nil || want == nil || !compact(b) {
			return
		}
		if !ok || n < len(want) {
			t.Fatalf("%q: ok %v, %d members, want %d", b, ok, n, len(want))
		}
		for k, v := range want {
			if got[k] != string(v) {
				t.Fatalf("%q: %q is %q, want %q", b, k, got[k], v)
			}
		}
	})
}

// compact says whether there is no white space between tokens.
func compact(b []byte) bool {
	inside := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			inside = !inside
		case inside && b[i] == '\\':
			i++
		case !inside && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r'):
			return false
		}
	}
	return true
}
