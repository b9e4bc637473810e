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

// table computes optimal string alignment for what is left after the common ends
// are off, and gives at most 3. Only the five diagonals that can hold two edits
// are filled.
func table(a, b string) int {
	const far = 3
	var rows [3][longestWord + 4]uint8 // column j of the table stands at j+1; the margins stay far
	prev2, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := range prev {
		prev[j], prev2[j], cur[j] = far, far, far
	}
	for j := 0; j <= min(2, len(b)); j++ {
		prev[j+1] = uint8(j)
	}
	for i := 1; i <= len(a); i++ {
		from, to := max(i-2, 1), min(i+2, len(b))
		cur[from] = uint8(far)
		if from == 1 {
			cur[1] = uint8(min(i, far))
		}
		best := cur[from]
		for j := from; j <= to; j++ {
			v := prev[j]
			if a[i-1] != b[j-1] {
				v = 1 + min(v, prev[j+1], cur[j])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					v = min(v, prev2[j-1]+1)
				}
			}
			cur[j+1] = min(v, far)
			best = min(best, v)
		}
		if to+2 < len(cur) {
			cur[to+2] = far
		}
		if best >= far {
			return far
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return int(prev[len(b)+1])
}
