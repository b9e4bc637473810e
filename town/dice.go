package town

import (
	"math/bits"
	"strconv"
)

// dice is a small generator of pseudo-random numbers (SplitMix64, Steele,
// Lea and Flood 2014). It is our own so that a seed means the same town for
// ever; integers only, so that it does on every processor.
type dice struct{ state uint64 }

// roll starts dice for one purpose: equal parts give equal rolls.
func roll(parts ...uint64) *dice {
	h := uint64(0x9E3779B97F4A7C15)
	for _, p := range parts {
		h = mix(h ^ mix(p))
	}
	return &dice{state: h}
}

// mix is a bijection of 64 bits that looks like chance.
func mix(z uint64) uint64 {
	z += 0x9E3779B97F4A7C15
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

func (d *dice) next() uint64 {
	d.state += 0x9E3779B97F4A7C15
	z := d.state
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// below gives a number in [0, n); 0 where n is not positive.
func (d *dice) below(n int) int {
	if n <= 0 {
		return 0
	}
	hi, _ := bits.Mul64(d.next(), uint64(n))
	return int(hi)
}

// between gives a number in [lo, hi].
func (d *dice) between(lo, hi int) int { return lo + d.below(hi-lo+1) }

// chance is true in so many of a thousand throws.
func (d *dice) chance(permille int) bool { return d.below(1000) < permille }

// oneOf picks one of the list, all alike.
func oneOf[T any](d *dice, list []T) T { return list[d.below(len(list))] }

// permuted maps n to another number below span, no two alike while n < span;
// span is a product of twos, threes and fives.
func permuted(n, span, shift uint64) uint64 {
	const prime = 2654435761
	hi, lo := bits.Mul64(n%span, prime%span)
	_, rem := bits.Div64(hi%span, lo, span)
	return (rem + shift%span) % span
}

// opaque turns a number into an id that shows nothing of it; no two alike.
func opaque(n, seed uint64) string { return strconv.FormatUint(mix(mix(n)^seed), 36) }
