package matching

import "math/bits"

// longestWord is how many bytes of a word are compared; real names are shorter.
const longestWord = 24

// letters is the set of letters and digits of a word, a bit each. Words within k
// edits differ in at most 2k bits, which refuses most pairs without looking closer.
func letters(s string) uint32 {
	var set uint32
	for i := range len(s) {
		set |= 1 << letterBit(s[i])
	}
	return set
}

func letterBit(c byte) uint32 {
	switch {
	case 'a' <= c && c <= 'z':
		return uint32(c - 'a')
	case '0' <= c && c <= '9':
		return 26 + uint32(c-'0')%5
	}
	return 31
}

// tooFar says that two words with these letter sets are more than k edits apart.
func tooFar(a, b uint32, k int) bool { return bits.OnesCount32(a^b) > 2*k }

// edits is the number of inserted, deleted, replaced or swapped neighbouring
// bytes between a and b (optimal string alignment), or 3 when there are more than
// two. It takes time linear in the length: 3 is found without a full table.
func edits(a, b string) int {
	a, b = a[:min(len(a), longestWord)], b[:min(len(b), longestWord)]
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	switch {
	case len(a)-len(b) > 2:
		return 3
	case len(b) == 0:
		return len(a)
	case len(a) == 1:
		return 1
	case len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]:
		return 1
	}
	return table(a, b)
}

// table computes optimal string alignment for what is left after
// the common ends are off, and gives at most 3.
func table(a, b string) int {
	var rows [3][longestWord + 1]uint8
	prev2, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		prev[j] = uint8(j)
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = uint8(i)
		best := cur[0]
		for j := 1; j <= len(b); j++ {
			v := prev[j-1]
			if a[i-1] != b[j-1] {
				v = 1 + min(v, prev[j], cur[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					v = min(v, prev2[j-2]+1)
				}
			}
			cur[j] = v
			best = min(best, v)
		}
		if best > 2 {
			return 3
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return min(3, int(prev[len(b)]))
}
