package contact

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ficha/events"
)

func TestStatementRowsReadBackWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := drawSaid(rt, "s")
		e := in.event(t, 0)
		d, err := events.Decode(events.Stored{Envelope: e, Position: events.Position(rapid.Uint64().Draw(rt, "position"))})
		if err != nil {
			rt.Fatal(err)
		}
		s, err := newStatement(d, d.Payload.(*events.ContactStated))
		if err != nil {
			rt.Fatal(err)
		}
		s.TextShown, s.Evidence, s.LegalBasis = rapid.String().Draw(rt, "text"), rapid.String().Draw(rt, "evidence"), "consent"
		s.EffectiveFrom = time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(rt, "sec"), rapid.Int64Range(0, 999_999_999).Draw(rt, "ns")).UTC()
		back, err := decodeStatement(s.Folio, encodeStatement(s))
		if err != nil || !reflect.DeepEqual(s, back) {
			rt.Fatalf("wrote %+v\nread  %+v, %v", s, back, err)
		}
	})
}

func TestRestrictionAndWithdrawalRowsReadBackWhole(t *testing.T) {
	rev := int64(-7)
	list := []Restriction{{Kind: "blocked", Stamp: events.Stamp{Time: hour(-1), Revision: &rev, Source: "s", Event: "e"}, Recorded: hour(0), Position: 9, Until: hour(4)},
		{Kind: "deceased", Stamp: events.Stamp{Time: hour(-2), Source: "s", Event: "f"}}}
	back, err := decodeRestrictions(list[0].Record, encodeRestrictions(list))
	if err != nil || !reflect.DeepEqual(list, back) {
		t.Errorf("wrote %+v\nread  %+v, %v", list, back, err)
	}
	x := Withdrawal{Stamp: list[0].Stamp, Recorded: hour(0), By: "a17", Reason: "typing error"}
	ys, err := decodeWithdrawals(encodeWithdrawals([]Withdrawal{x, {Stamp: list[1].Stamp}}))
	if err != nil || !reflect.DeepEqual(ys, []Withdrawal{x, {Stamp: list[1].Stamp}}) {
		t.Errorf("wrote %+v\nread  %+v, %v", x, ys, err)
	}
	c := []Confirmation{{Record: key("1").UUID(), Stamp: list[1].Stamp, Recorded: hour(0), Position: 7, By: "rosa", Reason: "another person"}}
	if cs, err := decodeConfirmations(key("1").UUID(), encodeConfirmations(c)); err != nil || !reflect.DeepEqual(c, cs) {
		t.Errorf("wrote %+v\nread  %+v, %v", c, cs, err)
	}
}

func FuzzRows(f *testing.F) {
	f.Add([]byte{rowVersion, 0, 1})
	f.Add([]byte{rowVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, row []byte) {
		if s, err := decodeStatement("f", row); err == nil && !reflect.DeepEqual(row, encodeStatement(s)) {
			// Only minimal encodings are written; others must at least read the same again.
			if again, err := decodeStatement("f", encodeStatement(s)); err != nil || !reflect.DeepEqual(s, again) {
				t.Fatalf("%x reads as %+v, then as %+v, %v", row, s, again, err)
			}
		}
		_, _ = decodeWithdrawals(row)
		_, _ = decodeConfirmations(key("1").UUID(), row)
		_, _ = decodeRestrictions(key("1").UUID(), row)
	})
}

func TestFoliosAreReadAsPeopleWriteThem(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		folio := events.StatementID(rapid.String().Draw(rt, "source"), rapid.String().Draw(rt, "id"))
		k, err := parseFolio(folio)
		if err != nil || k.String() != folio {
			rt.Fatalf("%s reads as %s, %v", folio, k, err)
		}
	})
	a, _ := parseFolio("0123456789ABCDEF")
	if b, err := parseFolio("o12 3456-789abcdef"); err != nil || a != b {
		t.Errorf("%v, %v", b, err)
	}
}

func TestChannelAndPurposeCodes(t *testing.T) {
	for _, c := range channels {
		if channelCode(c) != c || channelBit(c) == 0 || channelBit(c).name() != c {
			t.Errorf("channel %s is not its own code", c)
		}
	}
	for code, want := range map[string]string{" Telephone ": "voice", "E-Mail": "email", "Correo electrónico": "email", "WA": "whatsapp", "carta": "letter", "Pigeon": "pigeon"} {
		if got := channelCode(code); got != want {
			t.Errorf("channel %q is %q, want %q", code, got, want)
		}
	}
	for code, want := range map[string]Class{"Cobranza": ClassCollection, "encuesta": ClassSurvey, "soporte": ClassService, "Emergencia": ClassObligatory,
		"statutory-notice": ClassObligatory, "ventas": ClassMarketing, "cupones": ClassMarketing} {
		name, class, known := purposeCode(code)
		if class != want || known == (code == "cupones") {
			t.Errorf("purpose %q is %q of %s, known %v", code, name, class, known)
		}
		if again, c, k := purposeCode(name); again != name || c != class || k != known {
			t.Errorf("purpose %q is %q, and that is %q", code, name, again)
		}
	}
}
