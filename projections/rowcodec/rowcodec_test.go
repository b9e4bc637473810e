package rowcodec_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections/rowcodec"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-1e11, 1e11).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds")).UTC()
		s := events.Stamp{Time: at, Source: rapid.String().Draw(t, "source"), Event: rapid.String().Draw(t, "event")}
		if rapid.Bool().Draw(t, "revised") {
			rev := rapid.Int64().Draw(t, "revision")
			s.Revision = &rev
		}
		text := rapid.String().Draw(t, "text")
		row := rowcodec.AppendText(rowcodec.AppendStamp([]byte{7}, s), text)
		p := rowcodec.Parse(append(row, "rest"...))
		if b, got, said := p.Byte(), p.Stamp(), p.Text(); b != 7 || got.Compare(s) != 0 || said != text || p.Failed() || string(p.Rest()) != "rest" {
			t.Fatalf("read %d, %+v, %q, rest %q of %+v, %q", b, got, said, p.Rest(), s, text)
		}
		cut := rowcodec.Parse(row[:rapid.IntRange(0, len(row)-1).Draw(t, "cut")])
		_, _, _ = cut.Byte(), cut.Stamp(), cut.Text()
		if !cut.Failed() || len(cut.Rest()) != 0 {
			t.Fatal("a row that is cut short is read as if it were whole")
		}
	})
}

func FuzzParser(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, row []byte) {
		p := rowcodec.Parse(row)
		_, _, _, _ = p.Stamp(), p.Text(), p.Number(), p.Signed()
		if p.Failed() && len(p.Rest()) > 0 {
			t.Error("something is left after a failure")
		}
	})
}
