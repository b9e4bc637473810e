package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"ficha/events"
)

const spanish = `id_cliente;Nombre;Apellido Paterno;Apellido Materno;Fecha de Nacimiento;Teléfono Celular;Correo Electrónico;DPI;Calle;Ciudad;País;Sexo;fecha_actualizacion
77;María José;Núñez;García;11/02/1980;5512-3456;mj@example.com;2365 48710 0101;6 avenida 1-20;Antigua;Guatemala;F;2026-03-02 09:15:00
78;José;Pérez;;25/12/1975;;;;;;México;M;2026-03-02 09:16:00
`

func TestSpanishColumns(t *testing.T) {
	h := newHub(t)
	s := importText(t, config(h), spanish)
	if s.Appended != 2 || s.Delimiter != ";" || s.DayFirst != "yes" || len(s.Ignored) > 0 {
		t.Errorf("summary %+v", s)
	}
	got := h.records(t)
	c := got[0]
	name, phone, doc, address := first(t, c.Names), first(t, c.Phones), first(t, c.Documents), first(t, c.Addresses)
	if c.Record.ID != "77" || name != (events.Name{Given: "María José", Family: "Núñez", Family2: "García"}) || c.BirthDate != "1980-02-11" || c.Gender != "female" {
		t.Errorf("record %+v", c)
	}
	if phone != (events.Phone{Value: "5512-3456", Use: "mobile", Region: "GT"}) || first(t, c.Emails).Value != "mj@example.com" {
		t.Errorf("phone %+v, emails %+v", phone, c.Emails)
	}
	if doc != (events.Document{Kind: "dpi", Number: "2365 48710 0101", Country: "GT"}) || address.Street != "6 avenida 1-20" || address.Locality != "Antigua" || address.Country != "GT" {
		t.Errorf("document %+v, address %+v", doc, address)
	}
	e := h.of(events.CustomerRecordedV1)[0]
	if !e.Time.Equal(time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)) || e.Subject != "customer:77" || e.CorrelationID != "run-1" || e.MapRev == "" {
		t.Errorf("envelope %+v", e)
	}
	if got[1].BirthDate != "1975-12-25" || got[1].Gender != "male" {
		t.Errorf("second record %+v", got[1])
	}
}

// The import says of itself when it began, how it ended, and nothing of the rows.
func TestImportEvents(t *testing.T) {
	h := newHub(t)
	importText(t, config(h), spanish)
	if len(h.of(events.ImportStartedV1)) != 1 {
		t.Error("no start")
	}
	var done events.ImportRun
	if err := json.Unmarshal(first(t, h.of(events.ImportCompletedV1)).Data, &done); err != nil {
		t.Fatal(err)
	}
	if done.Run != "run-1" || done.Rows != 2 || done.Appended != 2 || done.FileHash == "" {
		t.Errorf("completed: %+v", done)
	}
}

// The same file again appends nothing, whatever its modification time says now;
// neither do its unchanged rows in the next export. A changed row does, and a
// flag in an export without times, as of the export.
func TestSameFileAgain(t *testing.T) {
	const text = "id,given_name,surname,phone,do_not_call\n1,Ana,Ruiz,+50255123456,\n2,Eva,Paz,+50255123457,yes\n"
	h := newHub(t)
	cfg := config(h)
	cfg.Checkpoints = NewFileCheckpoints(t.TempDir())
	importText(t, cfg, text)
	held := len(h.log)
	cfg.Run, cfg.Time = "run-2", testTime.Add(72*time.Hour)
	if s := importText(t, cfg, text); s.Unchanged != 2 || s.Appended != 0 || s.Statements != 0 || s.Rejected != 0 {
		t.Errorf("again: %+v", s.Counts)
	}
	if added := h.log[held:]; len(added) != 0 {
		t.Errorf("again: %d events added", len(added))
	}
	cfg.Run = "run-3"
	if s := importText(t, cfg, strings.Replace(text, "Ruiz", "Ruíz", 1)+"3,Leo,Gil,,\n"); s.Unchanged != 1 || s.Appended != 2 || s.Statements != 1 {
		t.Errorf("next export: %+v", s.Counts)
	}
}

// Where rows have times, a flag that still stands is stated once.
func TestFlagThatStands(t *testing.T) {
	h := newHub(t)
	cfg := config(h)
	for i, extra := range []string{"", "2,Leo,,,2026-02-02\n"} {
		cfg.Run, cfg.Time = fmt.Sprint("run-", i), testTime.Add(time.Duration(i)*time.Hour)
		importText(t, cfg, "id,name,phone,do_not_call,updated_at\n1,Ana,+50255123456,1,2026-01-01\n"+extra)
	}
	if n := len(h.of(events.ContactStatedV1)); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
}

func TestRevisions(t *testing.T) {
	h := newHub(t)
	cfg := config(h)
	importText(t, cfg, "id,revision,name\n1,3,Ana Ruiz\n")
	if r := first(t, h.records(t)).Record.Revision; r == nil || *r != 3 {
		t.Errorf("revision %v", r)
	}
	cfg.Run = "run-2"
	if s := importText(t, cfg, "id,revision,name\n1,3,Ana Ruiz\n1,4,Ana Ruiz\n"); s.Duplicate != 1 || s.Appended != 1 {
		t.Errorf("again: %+v", s.Counts)
	}
	var out bytes.Buffer
	cfg.Run, cfg.Rejects = "run-3", &out
	s := importText(t, cfg, "id,revision,name\n1,3,Another Name\n")
	if s.Rejected != 1 {
		t.Errorf("a revision with another content: %+v", s.Counts)
	}
	equal(t, "rejects", rejected(t, &out), []string{"1 rejected id_reused /id"})
}

// Two rows about one record in a file without times: the later row holds.
func TestLaterRowHolds(t *testing.T) {
	h := newHub(t)
	importText(t, config(h), "id,name\n1,Ana Ruiz\n1,Ana Paz\n")
	e := h.of(events.CustomerRecordedV1)
	if events.StampOf(e[0], nil).Compare(events.StampOf(e[1], nil)) >= 0 {
		t.Error("the later row does not come after the earlier one")
	}
}

// A value that went back to what it was is stated anew where rows have times, or
// in another edition.
func TestValueGoesBack(t *testing.T) {
	h := newHub(t)
	cfg := config(h)
	for i, text := range []string{"id,name,updated_at\n1,Ana,2026-01-01\n", "id,name,updated_at\n1,Eva,2026-02-01\n", "id,name,updated_at\n1,Ana,2026-03-01\n"} {
		cfg.Run = fmt.Sprint("run-", i)
		if s := importText(t, cfg, text); s.Appended != 1 {
			t.Errorf("file %d: %+v", i, s.Counts)
		}
	}
	cfg.Run = "first"
	importText(t, cfg, "id,name\n1,Ana\n")
	cfg.Run, cfg.Edition = "third", "2026-03"
	if s := importText(t, cfg, "id,name\n1,Ana\n"); s.Appended != 1 {
		t.Errorf("another edition: %+v", s.Counts)
	}
}

// Rows without an id are records of their own, and the same ones when the same
// file comes again.
func TestRowsWithoutID(t *testing.T) {
	const text = "given_name,surname\nAna,Ruiz\nAna,Ruiz\n"
	h := newHub(t)
	cfg := config(h)
	if s := importText(t, cfg, text); s.Appended != 2 {
		t.Errorf("%+v", s.Counts)
	}
	got := h.records(t)
	if got[0].Record.ID == got[1].Record.ID || !strings.HasPrefix(got[0].Record.ID, "row-") {
		t.Errorf("ids %s, %s", got[0].Record.ID, got[1].Record.ID)
	}
	cfg.Run = "run-2"
	if s := importText(t, cfg, text); s.Unchanged != 2 {
		t.Errorf("again: %+v", s.Counts)
	}
}

func TestPersonalIDsAreHashed(t *testing.T) {
	for _, c := range []struct{ name, text, secret string }{
		{"e-mail", "id,name\nana@example.com,Ana\n", "ana@example.com"},
		{"international phone", "id,name\n+50255123456,Ana\n", "55123456"},
		{"own phone", "id,name,phone\n55123456,Ana,5512-3456\n", "55123456"},
		{"own document", "id,name,documento\n9876543,Ana,9.876.543\n", "9876543"},
		{"curp", "id,name\nGODE561231HDFRRN04,Ana\n", "GODE561231HDFRRN04"},
		{"dni", "id,name\n12345678Z,Ana\n", "12345678Z"},
		{"dpi", "id,name\n2365487190101,Ana\n", "2365487190101"},
		{"rut", "id,name\n12345678-5,Ana\n", "12345678-5"},
		{"ssn", "id,name\n123-45-6789,Ana\n", "123-45-6789"},
		{"column of phones", "telefono,name\n99,Ana\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t)
			cfg := config(h)
			if c.secret == "" {
				cfg.Mapping.Columns = map[string]string{"telefono": "id"}
			}
			importText(t, cfg, c.text)
			e := first(t, h.of(events.CustomerRecordedV1))
			id := h.records(t)[0].Record.ID
			if !strings.HasPrefix(id, "h-") {
				t.Errorf("id %q is not hashed", id)
			}
			if c.secret != "" && (strings.Contains(e.ID+e.Subject+id, c.secret)) {
				t.Error("the value is in an id")
			}
		})
	}
	for _, id := range []string{"77", "10023", "C-0001", "00155000001JmrF", "20240101123456", "8f14e45f-ceea-467f-a34f-0d2b523f4833"} {
		c, _ := one(t, Mapping{}, "id,name,phone\n"+id+",Ana,+50255123456\n")
		if c.Record.ID != id {
			t.Errorf("id %q became %q", id, c.Record.ID)
		}
	}
}

func TestEncodings(t *testing.T) {
	latin, err := charmap.Windows1252.NewEncoder().String(spanish)
	if err != nil {
		t.Fatal(err)
	}
	wide := func(bom bool, big bool) string {
		text := spanish
		if bom {
			text = "\ufeff" + text
		}
		var b []byte
		for _, u := range utf16.Encode([]rune(text)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"utf-8": spanish, "utf-8 with mark": "\ufeff" + spanish, "windows-1252": latin, "utf-16le": wide(true, false), "utf-16be": wide(true, true), "utf-16le bare": wide(false, false),
		"sep line": "sep=;\r\n" + spanish, "crlf": strings.ReplaceAll(spanish, "\n", "\r\n"), "cr": strings.ReplaceAll(spanish, "\n", "\r"), "tabs": strings.ReplaceAll(spanish, ";", "\t"), "bars": strings.ReplaceAll(spanish, ";", "|"),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			s := importText(t, config(h), text)
			c := first(t, h.records(t))
			if s.Appended != 2 || c.Names[0].Given != "María José" || c.Names[0].Family != "Núñez" || c.BirthDate != "1980-02-11" {
				t.Errorf("%+v: %+v", s, c)
			}
		})
	}
}

// A file whose head is ASCII and whose tail is not: the value is read, and said.
func TestLateWindows1252(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,name\n")
	for i := range 20000 {
		fmt.Fprintf(&b, "%d,Somebody Of Some Name\n", i)
	}
	b.WriteString("99999,Mu\xf1oz\n")
	h := newHub(t)
	s := importText(t, config(h), b.String())
	last := h.records(t)[20000]
	if last.Names[0].Full != "Muñoz" || s.Remarks["wrong_encoding"] != 1 || s.Warned != 1 {
		t.Errorf("%+v, %+v", last.Names, s)
	}
}

func TestBadRowsAloneAreRejected(t *testing.T) {
	const text = `id,name,notes
1,Ana,fine
2,Eva
3,Leo,a,b
4,"Luz "odd" Gil",x
5,"over
two lines",fine
6,"never closed,x
7,Sol,fine
8,,
,,
9,Mar,fine
`
	h := newHub(t)
	var out bytes.Buffer
	cfg := config(h)
	cfg.Rejects = &out
	s := importText(t, cfg, text)
	if s.Rows != 9 || s.Appended != 4 || s.Rejected != 5 {
		t.Errorf("%+v", s.Counts)
	}
	equal(t, "rejects", rejected(t, &out), []string{"2 rejected column_count ", "3 rejected column_count ", "4 rejected stray_quote ", "6 rejected unclosed_quote ", "8 rejected nothing_mapped "})
	var names []string
	for _, c := range h.records(t) {
		names = append(names, c.Names[0].Full)
	}
	equal(t, "names", names, []string{"Ana", "over two lines", "Sol", "Mar"})
}

// What the hub rejects is rejected row by row, with the hub's reason.
func TestHubRejects(t *testing.T) {
	h := newHub(t)
	var out bytes.Buffer
	cfg := config(h)
	cfg.Rejects = &out
	s := importText(t, cfg, "id,name,language\n1,Ana,es\n2,Eva,what is this\n3,Leo,\n")
	if s.Appended != 2 || s.Rejected != 1 {
		t.Errorf("%+v", s.Counts)
	}
	got := rejected(t, &out)
	if len(got) != 1 || !strings.HasPrefix(got[0], "2 rejected ") || !strings.HasSuffix(got[0], "/data/language") {
		t.Errorf("rejects %v", got)
	}
}

func TestSpreadsheetDamage(t *testing.T) {
	const text = "id,name,phone,dni,cp,pais,nacimiento\n1,Ana,5.02551E+11,12345678Z,08001,ES,31254\n2,Eva,600123456.0,,8001,España,1/2/2003\n3,Leo,600123457,1.2E+7,28001,Narnia,13/1/1990\n"
	h := newHub(t)
	var out bytes.Buffer
	cfg := config(h)
	cfg.Rejects = &out
	s := importText(t, cfg, text)
	if s.Appended != 3 || s.Warned != 3 {
		t.Errorf("%+v", s.Counts)
	}
	equal(t, "remarks", rejected(t, &out), []string{
		"1 kept spreadsheet_number phone", "1 kept spreadsheet_date nacimiento", "2 kept spreadsheet_decimal phone", "2 kept lost_zero ", "3 kept spreadsheet_number dni", "3 kept unknown_country pais",
	})
	got := h.records(t)
	if len(got[0].Phones) != 0 || string(got[0].Ext["phone_raw"]) != `"5.02551E+11"` || string(got[0].Ext["birth_date_raw"]) != `"31254"` || got[0].BirthDate != "" {
		t.Errorf("first: %+v", got[0])
	}
	if got[1].Phones[0].Value != "600123456" || got[1].Addresses[0].PostalCode != "8001" || got[1].BirthDate != "2003-02-01" {
		t.Errorf("second: %+v", got[1])
	}
}

// Where no date tells whether the day or the month comes first, only years are taken.
func TestAmbiguousDates(t *testing.T) {
	h := newHub(t)
	s := importText(t, config(h), "id,name,dob\n1,Ana,3/4/1980\n2,Eva,5/5/1981\n")
	got := h.records(t)
	if got[0].BirthDate != "1980" || string(got[0].Ext["birth_date_raw"]) != `"3/4/1980"` || got[1].BirthDate != "1981-05-05" || s.Remarks["ambiguous_date"] != 1 || s.DayFirst != "unknown" {
		t.Errorf("%+v %+v", got, s)
	}
	yes := true
	c, _ := one(t, Mapping{DayFirst: &yes}, "id,name,dob\n1,Ana,3/4/1980\n")
	if c.BirthDate != "1980-04-03" {
		t.Errorf("day first: %s", c.BirthDate)
	}
}

// M is a man, but a mujer where men are H.
func TestGenderLetters(t *testing.T) {
	h := newHub(t)
	importText(t, config(h), "id,name,sexo\n1,Ana,M\n2,Leo,H\n")
	got := h.records(t)
	if got[0].Gender != "female" || got[1].Gender != "male" {
		t.Errorf("%s, %s", got[0].Gender, got[1].Gender)
	}
}

// Columns that nobody mapped become nothing, least of all the truth.
func TestUnmappedColumns(t *testing.T) {
	const text = "id,name,cluster,favourite colour\n1,Ana,c7,red\n"
	c, h := one(t, Mapping{}, text)
	if len(c.Ext) != 0 || bytes.Contains(h.log[1].Data, []byte("c7")) {
		t.Errorf("%+v", c)
	}
	s := importText(t, config(newHub(t)), text)
	equal(t, "ignored", s.Ignored, []string{"cluster", "favourite colour"})
	if c, _ = one(t, Mapping{KeepUnmapped: true}, text); string(c.Ext["favourite colour"]) != `"red"` {
		t.Errorf("kept: %+v", c.Ext)
	}
	if _, err := Import(t.Context(), config(newHub(t)), strings.NewReader("cluster,colour\na,b\n")); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("no known column: %v", err)
	}
}

func TestMappedColumns(t *testing.T) {
	m, err := ReadMapping(strings.NewReader("name: bank\nkind: person\nregion: GT\ncolumns:\n  a: id\n  b: names.full\n  c: phones.mobile\n  d: documents.passport\n  e: addresses.billing.street\n  f: ext.colour\n  g: ignore\n  name: attributes.nick\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, h := one(t, m, "a,b,c,d,e,f,g,name\n1,Ana Ruiz,55123456,X123456,6a avenida,red,secret,Anita\n")
	if c.Record.ID != "1" || c.Names[0].Full != "Ana Ruiz" || c.Phones[0] != (events.Phone{Value: "55123456", Use: "mobile", Region: "GT"}) || c.Documents[0].Kind != "passport" ||
		c.Addresses[0].Street != "6a avenida" || c.Addresses[0].Use != "billing" || string(c.Ext["colour"]) != `"red"` || string(c.Attributes["nick"]) != `"Anita"` {
		t.Errorf("%+v", c)
	}
	if e := h.of(events.CustomerRecordedV1)[0]; e.MapName != "bank" || bytes.Contains(e.Data, []byte("secret")) {
		t.Errorf("%+v", e)
	}
}

func TestOptOuts(t *testing.T) {
	h := newHub(t)
	var out bytes.Buffer
	cfg := config(h)
	cfg.Rejects = &out
	s := importText(t, cfg, "id,name,phone,email,DoNotCall,HasOptedOutOfEmail,no_contactar\n"+
		"1,Ana,5512 3456,ana@example.com,TRUE,FALSE,\n2,Eva,+50255123457,eva@example.com,0,1,n\n3,Leo,+50255123458,,false,,no\n4,Luz,+50255123459,,,,asked on the phone\n")
	stated := h.of(events.ContactStatedV1)
	if s.Statements != 3 || len(stated) != 3 || s.Appended != 4 {
		t.Fatalf("%d statements, %+v", len(stated), s.Counts)
	}
	var got []events.ContactStated
	for _, e := range stated {
		var c events.ContactStated
		if err := json.Unmarshal(e.Data, &c); err != nil {
			t.Fatal(err)
		}
		if c.Choice != events.Deny || len(c.Records) != 1 {
			t.Errorf("%+v", c)
		}
		got = append(got, c)
	}
	equal(t, "scope of voice", got[0].Scope.Channels, []string{"voice"})
	if got[0].ContactPoints[0].Phone != "5512 3456" || len(got[0].ContactPoints) != 1 {
		t.Errorf("points of voice: %+v", got[0].ContactPoints)
	}
	equal(t, "scope of email", append(got[1].Scope.Channels, got[1].Scope.Purposes...), []string{"email", "marketing"})
	if len(got[2].Scope.Channels) != 0 || got[2].Reason != "asked on the phone" {
		t.Errorf("unclear: %+v", got[2])
	}
	equal(t, "remarks", rejected(t, &out), []string{"4 kept unclear_denial no_contactar"})
}

func TestDeletedRows(t *testing.T) {
	h := newHub(t)
	s := importText(t, config(h), "Id,Name,IsDeleted\n1,Ana,false\n2,Eva,true\n")
	gone := h.of(events.CustomerWithdrawnV1)
	if s.Appended != 2 || len(gone) != 1 || !strings.Contains(string(gone[0].Data), `"id":"2"`) {
		t.Errorf("%+v, %d withdrawn", s.Counts, len(gone))
	}
}
