package insight

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/projections"
	"ficha/projections/rowcodec"
)

// The numbers of a tally of insight_surveys.
const (
	numAnswers = iota
	numScored
	numPromoters
	numDetractors
	numSum // of the scores, in thousandths
)

// answer is what an answer to a survey is counted as.
type answer struct {
	customer uuid.UUID // record that it names; Nil: none
	hour     int64     // of UTC, Unix time
	kind     string    // kind, survey and scale, with 0x00 between them
	n        [maxWidth]int64
}

// The scale that nps is counted on, and where its bounds are, in thousandths.
const (
	npsScale    = "0-10"
	npsPromotes = 9000
	npsPassive  = 7000
)

// answered counts an answer, in the place of what the same one said before.
func answered(w projections.Work, e events.Envelope, p *events.SurveyAnswered) error {
	own, err := ownKey(ofSurvey, p.Record.RecordKey)
	if err != nil {
		return err
	}
	var x record.Latest[answer]
	if v, ok := w.Get(counted, own); ok && !decodeAnswer(&x, v) {
		return damaged(counted)
	}
	was := x
	if !x.Take(events.StampOf(e, p.Record.Revision), readAnswer(e, p)) {
		return nil
	}
	w.Put(counted, own, encodeAnswer(&x))
	if !was.IsZero() {
		if err := leave(w, ownRecord(own), &was.Value); err != nil {
			return err
		}
	}
	return enter(w, ownRecord(own), &x.Value)
}

func readAnswer(e events.Envelope, p *events.SurveyAnswered) answer {
	at, err := time.Parse(time.RFC3339, p.AnsweredAt)
	if err != nil {
		at = e.Time
	}
	a := answer{hour: floorDiv(at.Unix(), 3600)}
	if p.Customer != nil && !p.Customer.IsZero() {
		a.customer = p.Customer.UUID()
	}
	kind := p.Kind
	if kind == "" {
		kind = "other"
	}
	scale, lo, hi := scaleOf(kind, p.Scale)
	a.kind = string(appendParts(make([]byte, 0, 48), kind, p.Survey, scale))
	a.n[numAnswers] = 1
	score, ok := thousandths(p.Score)
	if !ok || score < lo || score > hi || kind == "nps" && scale != npsScale {
		return a
	}
	a.n[numScored], a.n[numSum] = 1, score
	if kind == "nps" {
		a.n[numPromoters], a.n[numDetractors] = yes(score >= npsPromotes), yes(score < npsPassive)
	}
	return a
}

// scaleOf gives a scale as text and its bounds in thousandths.
func scaleOf(kind string, s *events.Scale) (text string, lo, hi int64) {
	if s == nil && kind == "nps" {
		return npsScale, 0, 10_000
	}
	if s == nil {
		return "", math.MinInt64, math.MaxInt64
	}
	lo, okLo := thousandths(&s.Min)
	hi, okHi := thousandths(&s.Max)
	if !okLo || !okHi {
		return "?", 1, 0 // nothing is on it
	}
	return decimal(lo) + "-" + decimal(hi), lo, hi
}

// maxScore bounds scores so that a billion of them can be added up.
const maxScore = 1_000_000

// thousandths reads a decimal number; false where there is none, or none that a
// score can be.
func thousandths(x *float64) (int64, bool) {
	if x == nil || !(math.Abs(*x) <= maxScore) {
		return 0, false
	}
	return int64(math.Round(*x * 1000)), true
}

// decimal writes thousandths as a decimal number.
func decimal(n int64) string { return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) }

func yes(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// count adds an answer to a segment's tallies.
func (a *answer) count(w projections.Work, segment string, sign int64) error {
	day := floorDiv(a.hour, 24)
	key := append(appendDay(make([]byte, 0, 5+len(a.kind)+len(segment)), Day(day)), a.kind...)
	return count(w, surveys, appendParts(append(key, 0), segment), maxWidth, byte(a.hour-24*day), a.n, sign)
}

// encodeAnswer writes the stamp, the customer record, the hour, the kind and the
// numbers.
func encodeAnswer(x *record.Latest[answer]) []byte {
	a := &x.Value
	b := rowcodec.AppendStamp(make([]byte, 0, 128), x.Stamp)
	b = append(b, a.customer[:]...)
	b = rowcodec.AppendText(binary.AppendVarint(b, a.hour), a.kind)
	for _, n := range a.n {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func decodeAnswer(x *record.Latest[answer], v []byte) bool {
	p := rowcodec.Parse(v)
	x.Stamp = p.Stamp()
	a := &x.Value
	copy(a.customer[:], p.Bytes(16))
	a.hour, a.kind = p.Signed(), p.Text()
	for i := range a.n {
		a.n[i] = p.Signed()
	}
	return !p.Failed()
}
