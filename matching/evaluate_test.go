package matching

import (
	"math"
	"testing"
)

func TestEvaluate(t *testing.T) {
	truth := map[string]string{"a": "1", "b": "1", "c": "1", "d": "2", "e": "2", "f": "3"}
	cases := []struct {
		name      string
		predicted map[string]string
		want      Figures
	}{
		{"perfect", map[string]string{"a": "x", "b": "x", "c": "x", "d": "y", "e": "y"},
			Figures{Records: 6, Precision: 1, Recall: 1, F1: 1, BPrecision: 1, BRecall: 1, BF1: 1, Clusters: 3, TrueClusters: 3, Largest: 3, TruePairs: 4, Pairs: 4, Hits: 4, Exact: 3}},
		{"nothing found", map[string]string{},
			Figures{Records: 6, Precision: 1, Recall: 0, F1: 0, BPrecision: 1, BRecall: .5, BF1: 2. / 3, Clusters: 6, TrueClusters: 3, Largest: 1, TruePairs: 4, Exact: 1}},
		{"one too many", map[string]string{"a": "x", "b": "x", "c": "x", "d": "x", "e": "y", "f": "z"},
			Figures{Records: 6, Precision: .5, Recall: .75, F1: .6, BPrecision: (3*.75 + .25 + 1 + 1) / 6, BRecall: (3 + .5 + .5 + 1) / 6, Clusters: 3, TrueClusters: 3, Largest: 4, TruePairs: 4, Pairs: 6, Hits: 3, Exact: 1}},
	}
	cases[2].want.BF1 = harmonic(cases[2].want.BPrecision, cases[2].want.BRecall)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Evaluate(truth, c.predicted)
			for _, p := range [][2]*float64{{&got.Precision, &c.want.Precision}, {&got.Recall, &c.want.Recall}, {&got.F1, &c.want.F1}, {&got.BPrecision, &c.want.BPrecision}, {&got.BRecall, &c.want.BRecall}, {&got.BF1, &c.want.BF1}} {
				if math.Abs(*p[0]-*p[1]) < 1e-9 {
					*p[0] = *p[1]
				}
			}
			if got != c.want {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
	if f := Evaluate(nil, nil); f.Precision != 1 || f.Recall != 1 || f.BF1 != 0 {
		t.Errorf("no records: %+v", f)
	}
}
