package connect

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ficha/events"
)

func TestDates(t *testing.T) {
	for _, c := range []struct {
		value string
		order order
		want  string
		why   string
	}{
		{"1980-04-03", orderUnknown, "1980-04-03", ""},
		{"1980/4/3", orderUnknown, "1980-04-03", ""},
		{"19800403", orderUnknown, "1980-04-03", ""},
		{"1980", orderUnknown, "1980", ""},
		{"1980-04", orderUnknown, "1980-04", ""},
		{"25/12/1980", orderUnknown, "1980-12-25", ""},
		{"12/25/1980", orderUnknown, "1980-12-25", ""},
		{"03/04/1980", orderUnknown, "1980", "ambiguous_date"},
		{"03/04/1980", dayFirst, "1980-04-03", ""},
		{"03/04/1980", monthFirst, "1980-03-04", ""},
		{"25/12/1980", monthFirst, "1980-12-25", ""},
		{"3.4.1980", dayFirst, "1980-04-03", ""},
		{"3-4-80", dayFirst, "1980-04-03", ""},
		{"3-4-12", dayFirst, "", "ambiguous_year"},
		{"3 de abril de 1980", orderUnknown, "1980-04-03", ""},
		{"April 3, 1980", orderUnknown, "1980-04-03", ""},
		{"03-ABR-1980", orderUnknown, "1980-04-03", ""},
		{"3 dez 1980", orderUnknown, "1980-12-03", ""},
		{"1980-04-03T00:00:00Z", orderUnknown, "1980-04-03", ""},
		{"1980-04-03 00:00:00", orderUnknown, "1980-04-03", ""},
		{"3/4/1980 0:00:00", dayFirst, "1980-04-03", ""},
		{"1980-02-30", orderUnknown, "", "no_such_date"},
		{"31/02/1980", orderUnknown, "", "no_such_date"},
		{"29314", orderUnknown, "", "spreadsheet_date"},
		{"03041980", orderUnknown, "1980", "ambiguous_date"},
		{"soon", orderUnknown, "", "unreadable_date"},
		{"", orderUnknown, "", "unreadable_date"},
		{"1/2", orderUnknown, "", "unreadable_date"},
		{"99999999999999999999", orderUnknown, "", "unreadable_date"},
	} {
		if got, why := parseDate(c.value, c.order, testTime); got != c.want || why != c.why {
			t.Errorf("%q, %s: got %q %q, want %q %q", c.value, c.order, got, why, c.want, c.why)
		}
	}
}

func TestSniffOrder(t *testing.T) {
	for _, c := range []struct {
		dates []string
		want  order
	}{
		{[]string{"3/4/1980", "25/12/1980"}, dayFirst},
		{[]string{"3/4/1980", "12/25/1980"}, monthFirst},
		{[]string{"25/12/1980", "12/25/1980"}, orderUnknown},
		{[]string{"3/4/1980", "1980-12-25", "x", "99/99/9999"}, orderUnknown},
	} {
		if got := sniffOrder(c.dates); got != c.want {
			t.Errorf("%v: %s, want %s", c.dates, got, c.want)
		}
	}
}

func TestTimes(t *testing.T) {
	zone := time.FixedZone("", -6*3600)
	for value, want := range map[string]string{
		"2026-03-02T09:15:00Z": "2026-03-02T09:15:00Z", "2026-03-02T09:15:00-06:00": "2026-03-02T15:15:00Z", "2026-03-02 09:15:00": "2026-03-02T15:15:00Z", "2026-03-02 09:15:00.500 UTC": "2026-03-02T09:15:00.5Z",
		"1772442900": "2026-03-02T09:15:00Z", "1772442900000": "2026-03-02T09:15:00Z", "25/12/2025 17:30": "2025-12-25T23:30:00Z", "25/12/2025": "2025-12-25T06:00:00Z", "2026-03-02": "2026-03-02T06:00:00Z",
		"yesterday": "", "": "", "12": "",
	} {
		got, ok := parseTime(value, orderUnknown, zone)
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: got %s, %v, want %q", value, got.Format(time.RFC3339Nano), ok, want)
		}
	}
}

// Every line of the column table is read, no name stands in two lines, and
// targets are written as they are read.
func TestColumnTable(t *testing.T) {
	seen := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(columnNames)) {
		to, names, ok := strings.Cut(line, ":")
		target, err := parseTarget(to)
		if !ok || err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		if again, err := parseTarget(target.String()); err != nil || again != target {
			t.Errorf("target %s is written %s and read as %+v, %v", to, target, again, err)
		}
		for name := range strings.FieldsSeq(names) {
			if was, twice := seen[name]; twice {
				t.Errorf("%s is in the lines of %s and %s", name, was, to)
			}
			seen[name] = to
		}
	}
	for key, to := range senzingTargets {
		if _, err := parseTarget(to); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for name := range targetFields {
		target, err := parseTarget(name)
		if err != nil {
			t.Error(err)
		}
		if again, err := parseTarget(target.String()); err != nil || again != target {
			t.Errorf("%s is written %s and read as %+v, %v", name, target, again, err)
		}
	}
}

func TestColumnsByName(t *testing.T) {
	r := newRecogniser()
	for column, want := range map[string]string{
		"given_name": "names.given", "First Name": "names.given", "firstName": "names.given", "Nombre": "names.given", "NOMBRES": "names.given", "apellido1": "names.family", "Apellido Paterno": "names.family",
		"apellido_materno": "names.family2", "surname2": "names.family2", "sobrenome": "names.family", "Nombre completo": "names.full", "dob": "birth_date", "DateOfBirth": "birth_date", "Fecha de nacimiento": "birth_date", "data_nascimento": "birth_date",
		"Teléfono": "phones", "phone2": "phones", "Phone 3": "phones", "móvil": "phones.mobile", "home_phone": "phones.home", "Teléfono Celular": "phones.mobile", "correo": "emails", "E-mail": "emails", "email2": "emails",
		"DPI": "documents.dpi", "curp": "documents.curp", "RFC": "documents.rfc", "soc_sec_id": "documents.ssn", "national_id": "documents.national_id", "calle": "addresses.street", "street_number": "addresses.number",
		"billing_city": "addresses.billing.locality", "MailingPostalCode": "addresses.mailing.postal_code", "shipping address city": "addresses.delivery.locality", "address.city": "addresses.locality", "addresses.0.city": "addresses.locality",
		"c.p.": "addresses.postal_code", "ZIP": "addresses.postal_code", "suburb": "addresses.locality", "país": "addresses.country", "sexo": "gender", "ts": "time", "HasOptedOutOfEmail": "deny.email.marketing", "doNotPhone": "deny.voice",
		"customer_id": "id", "names.0.given": "names.given", "company": "organization", "razón social": "names.organization", "IsDeleted": "withdrawn",
	} {
		if got, ok := r.target(column); !ok || strings.ReplaceAll(got.String(), "..", ".") != want {
			t.Errorf("%q: %s, %v, want %s", column, got, ok, want)
		}
	}
	for _, column := range []string{"cluster", "truth", "score", "order_id", "orders.0.id", "default_address.id", "ignore", "", "source", "occupation", strings.Repeat("x", 500)} {
		if got, ok := r.target(column); ok {
			t.Errorf("%q: %s, want nothing", column, got)
		}
	}
	if a, _ := r.target("phone"); true {
		if b, _ := r.target("phone2"); a.group == b.group {
			t.Error("phone and phone2 are one phone")
		}
	}
}

// What encoding/csv writes is read back, whatever is in the fields.
func TestScanReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		delimiter := rapid.SampledFrom([]byte(",;\t|")).Draw(t, "delimiter")
		width := rapid.IntRange(1, 5).Draw(t, "width")
		want := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[a-zñ"',;|\t\n ]{0,8}`), width, width), 1, 8).Draw(t, "rows")
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma = rune(delimiter)
		if err := w.WriteAll(want); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		r := &csvRows{w: newWindow(iotestReader{strings.NewReader(text)}, 0, 1<<16), d: dialect{delimiter, '\n'}, limits: Limits{}.withDefaults(), columns: width}
		for i, row := range want {
			if strings.TrimSpace(strings.Join(row, "")) == "" {
				continue // a line without a value is no row
			}
			got, err := r.next()
			if err != nil || !slices.Equal(got.cells, row) {
				t.Fatalf("row %d: got %q, %v, want %q", i, got.cells, err, row)
			}
		}
		if got, err := r.next(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last row: %q, %v", got.cells, err)
		}
	})
}

// iotestReader gives three bytes at a time, so that rows are cut everywhere.
type iotestReader struct{ r io.Reader }

func (r iotestReader) Read(p []byte) (int, error) { return r.r.Read(p[:min(3, len(p))]) }

func TestFileCheckpoints(t *testing.T) {
	f := NewFileCheckpoints(t.TempDir() + "/below")
	ctx := t.Context()
	if _, err := f.Load(ctx, "a"); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	want := Checkpoint{Run: "r", Time: testTime, Offset: 7, Row: 3, Counts: Counts{Rows: 3, Appended: 3}, Saved: testTime}
	for range 2 {
		if err := f.Save(ctx, "a", want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := f.Load(ctx, "a")
	if err != nil || got.Run != want.Run || got.Offset != 7 || got.Counts != want.Counts {
		t.Errorf("%+v, %v", got, err)
	}
	if err := f.write("b", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(ctx, "b"); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("damaged: %v", err)
	}
}

// Ids hang on every part and on the key, and parts do not run together.
func TestHasher(t *testing.T) {
	h := newHasher(testKey)
	seen := map[string]bool{}
	for _, parts := range [][]string{{"a", "b"}, {"ab"}, {"ab", ""}, {"", "ab"}, {"b", "a"}} {
		id := h.id(parts...)
		if seen[id] || id != newHasher(testKey).id(parts...) || id == newHasher([]byte("another key of some length")).id(parts...) || len(id) != 22 {
			t.Errorf("%v: %s", parts, id)
		}
		seen[id] = true
	}
}

func TestCountries(t *testing.T) {
	g := &gazetteer{}
	for name, want := range map[string]string{"Guatemala": "GT", "gt": "GT", "MEX": "MX", "México": "MX", "España": "ES", "RUS": "RU", "Cambodia": "KH", "Camboya": "KH", "Alemania": "DE", "Estados Unidos": "US", "United Kingdom": "GB", "Costa do Marfim": "CI", "Narnia": "", "": "", "001": "", "World": ""} {
		if got := g.country(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestPersonalShapes(t *testing.T) {
	for id, want := range map[string]bool{
		"a@b.example": true, "+502 5512 3456": true, "12345678Z": true, "X1234567L": true, "GODE561231HDFRRN04": true, "12345678-5": true, "123-45-6789": true, "2365487190101": true, "LURE930814AB3": false,
		"77": false, "0012345": false, "C-2nnfirx009s3": false, "M-x4etse5g32a2": false, "CUST12345678Z": false, "A58818501": true, "A1234567": false, "1700000000000": false, "8f14e45f-ceea-467f-a34f-0d2b523f4833": false, "rec-1496-org": false, "": false,
	} {
		if got := personalShape(id); got != want {
			t.Errorf("%q: %v, want %v", id, got, want)
		}
	}
}
