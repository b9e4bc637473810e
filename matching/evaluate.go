package matching

// Figures compare groups with the truth.
type Figures struct {
	Records                  int
	Precision, Recall, F1    float64 // of pairs, after clustering
	BPrecision, BRecall, BF1 float64 // B-cubed: per record
	Clusters, TrueClusters   int
	Largest                  int // records of the largest predicted group
	TruePairs, Pairs, Hits   int
	Exact                    int // predicted groups that are true clusters
}

// Evaluate compares predicted groups with true ones, both as record → group.
// Records without a prediction stand alone. Without any pair precision and recall
// are 1. (B-cubed: Bagga and Baldwin 1998.)
func Evaluate(truth, predicted map[string]string) Figures {
	f := Figures{Records: len(truth)}
	type cell struct{ truth, group string }
	cells, trueSize, size := map[cell]int{}, map[string]int{}, map[string]int{}
	for id, t := range truth {
		g, ok := predicted[id]
		if ok {
			g = "g" + g
		} else {
			g = "alone " + id
		}
		cells[cell{t, g}]++
		trueSize[t]++
		size[g]++
	}
	f.TrueClusters, f.Clusters = len(trueSize), len(size)
	f.TruePairs, f.Pairs = countPairs(trueSize), countPairs(size)
	f.Hits = countPairs(cells)
	var bp, br float64
	for c, n := range cells {
		bp += float64(n*n) / float64(size[c.group])
		br += float64(n*n) / float64(trueSize[c.truth])
		if n == size[c.group] && n == trueSize[c.truth] {
			f.Exact++
		}
		f.Largest = max(f.Largest, size[c.group])
	}
	n := float64(max(f.Records, 1))
	f.Precision, f.Recall = ratio(f.Hits, f.Pairs), ratio(f.Hits, f.TruePairs)
	f.BPrecision, f.BRecall = bp/n, br/n
	f.F1, f.BF1 = harmonic(f.Precision, f.Recall), harmonic(f.BPrecision, f.BRecall)
	return f
}

func countPairs[K comparable](sizes map[K]int) int {
	n := 0
	for _, s := range sizes {
		n += s * (s - 1) / 2
	}
	return n
}

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

func harmonic(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}
