package matching

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestParseModelRefuses(t *testing.T) {
	raw, err := os.ReadFile("person.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, old, new, want string }{
		{"not yaml", "kind: person", "kind: [", "did not"},
		{"unknown field", "prior: -15", "prior: -15\npriors: 3", "priors"},
		{"unknown kind", "kind: person", "kind: ship", "ship"},
		{"two documents", "kind: person", "kind: person\n---\nkind: person", "more than one"},
		{"review above match", "review: -1", "review: 5", "review ≤ link_floor"},
		{"no limit", "max_block: 200", "max_block: 0", "max_block"},
		{"cluster too large", "max_cluster: 200", "max_cluster: 100000", "max_cluster"},
		{"probability above one", "m: 0.86,", "m: 1.86,", "birth_date: level same"},
		{"probability zero", "m: 0.86,", "m: 0,", "birth_date: level same"},
		{"levels out of order", "{level: swapped,   m: 0.015, u: 0.0001,", "{level: swapped,   m: 0.9, u: 0.00000001,", "swapped weighs more"},
		{"level missing", "    - {level: swapped,   m: 0.015, u: 0.0001, kin: 0.001}\n", "", "has 7 levels"},
		{"level unknown", "{level: swapped,   m: 0.015", "{level: turned, m: 0.015", `"turned", want "swapped"`},
		{"spread and u", "m: 0.70, spread: 1, ", "m: 0.70, spread: 1, u: 0.5,", "stand alone"},
		{"comparison unknown", "  gender:", "  shoe_size:", `"shoe_size" is not known`},
		{"key unknown", "{key: phone,", "{key: fax,", `key "fax"`},
		{"key twice", "{key: phone,", "{key: document,", "twice"},
		{"split unknown", "split: locality", "split: moon", `split "moon"`},
		{"exclusive unknown", "exclusive: [document", "exclusive: [shoe_size", "shoe_size"},
		{"sharing falls", "{people: 3, discount: 4}", "{people: 3, discount: 1}", "sharing: step 2"},
		{"absurd bits", "pair_cap: 12", "pair_cap: 5000", "−1000…1000"},
		{"not a number", "pair_cap: 12", "pair_cap: .nan", "−1000…1000"},
	}
	if _, err := ParseModel(raw); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(string(raw), c.old, c.new, 1)
			if changed == string(raw) {
				t.Fatalf("the default model does not hold %q", c.old)
			}
			_, err := ParseModel([]byte(changed))
			if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}

func TestVersionIsTheContent(t *testing.T) {
	raw, err := os.ReadFile("person.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseModel(raw)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseModel(append(raw, "# a remark\n"...))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Version()) != 16 || a.Version() == b.Version() {
		t.Errorf("versions %q and %q", a.Version(), b.Version())
	}
	m, err := DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	if m.Person.Version() != a.Version() || NewEngine(m).ModelVersion() != m.Version() || m.Version() == m.Person.Version() {
		t.Error("the engine's model version must cover both models")
	}
}

func FuzzParseModel(f *testing.F) {
	raw, err := os.ReadFile("organization.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("kind: person"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := ParseModel(raw); err == nil && m.Version() == "" {
			t.Error("a model without a version")
		} else if err != nil && !errors.Is(err, ErrModel) {
			t.Errorf("error %v does not wrap ErrModel", err)
		}
	})
}

// The weights of every level, as the scorer adds them, in millibits: a change here
// changes who is who, and needs a new engine version.
func TestWeightsAreFixed(t *testing.T) {
	m, err := DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	c := m.Person.c
	for _, k := range []struct {
		name string
		got  weight
		want weight
	}{
		{"given same", c.given[wordSame], weight{-515, 4544, true}},
		{"given distinct", c.given[wordDistinct], weight{-7381, -7381, false}},
		{"birth same", c.birth[birthSame], weight{14070, 6163, false}},
		{"document same", c.document[identSame], weight{23101, 10814, false}},
		{"phone different", c.phone[phoneDifferent], weight{-1474, -474, false}},
		{"home", c.place[placeHome], weight{15195, -152, false}},
	} {
		if k.got != k.want {
			t.Errorf("%s weighs %v, want %v", k.name, k.got, k.want)
		}
	}
}
