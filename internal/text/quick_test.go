package text

import "testing"

func TestQuickWayAgreesWithFullWay(t *testing.T) {
	quick := 0
	for r := rune(0xa0); r < 0x250; r++ {
		s := "a" + string(r) + "b"
		got, ok := foldLatin(s)
		if !ok {
			continue
		}
		quick++
		if want := foldUnicode(s); got != want {
			t.Errorf("%q: quick %q, full %q", s, got, want)
		}
	}
	if quick < 170 {
		t.Errorf("only %d letters go the quick way", quick)
	}
}
