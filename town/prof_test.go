package town

import "testing"

func BenchmarkUnit(b *testing.B) {
	t := generate(b, Config{})
	i := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		t.unit(i % t.households)
		i++
	}
}
