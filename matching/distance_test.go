package matching

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// naiveEdits is optimal string alignment by the book.
func naiveEdits(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return min(3, d[len(a)][len(b)])
}

func TestEditsAgreesWithTheTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 0, 10, -1)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if got, want := edits(a, b), naiveEdits(a, b); got != want {
			t.Fatalf("edits(%q, %q) = %d, want %d", a, b, got, want)
		}
		if edits(a, b) != edits(b, a) {
			t.Fatalf("edits(%q, %q) is not symmetric", a, b)
		}
	})
}

func TestLettersNeverRefuseWhatIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.SampledFrom([]rune("abcdxyz0189")), 0, 8, -1)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		for k := 1; k <= 2; k++ {
			if naiveEdits(a, b) <= k && tooFar(letters(a), letters(b), k) {
				t.Fatalf("%q and %q are %d edits apart, and refused at %d", a, b, naiveEdits(a, b), k)
			}
		}
	})
}

func FuzzEdits(f *testing.F) {
	for _, s := range [][2]string{{"martin", "matrin"}, {"", "x"}, {"quijote", "quixote"}, {"ñandú", "nandu"}, {strings.Repeat("a", 100), strings.Repeat("a", 99)}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		d := edits(a, b)
		if d < 0 || d > 3 || d != edits(b, a) {
			t.Fatalf("edits(%q, %q) = %d", a, b, d)
		}
		if len(a) <= longestWord && len(b) <= longestWord && d != naiveEdits(a, b) {
			t.Fatalf("edits(%q, %q) = %d, want %d", a, b, d, naiveEdits(a, b))
		}
	})
}
