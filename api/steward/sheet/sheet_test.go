package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/unicode"

	"ficha/events"
)

func rowsToWrite() []Row {
	return []Row{
		{
			Review: "r-1", Version: 18_446_744_073_709_551_000, State: "open", Kind: "pair", Weight: -1.25, Probability: 0.5,
			Pattern: "name=same born=swapped", Reasons: []string{"review_band", "exclusive"},
			Customers: []Customer{{"=HYPERLINK(\"http://x\")", []string{"/crm:customer:1", "/shop:customer:77"}}, {"@María, \"la\" Núñez\nGarcía", []string{"/crm:customer:2"}}},
		},
		{
			Review: "r-2", Version: 7, State: "decided", Kind: "group", Weight: 4, Probability: 0.94,
			Customers: []Customer{{Name: "a"}, {Name: "b"}, {Name: "+50255123456"}},
			Decision:  "same", Reason: "-1+2", By: "ana", At: time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC),
		},
	}
}

var writers = map[string]func(io.Writer, []Row) error{"csv": WriteCSV, "xlsx": WriteXLSX}

// TestWhatIsWrittenIsRead: both formats come back, whatever is in them.
func TestWhatIsWrittenIsRead(t *testing.T) {
	for name, write := range writers {
		var file bytes.Buffer
		if err := write(&file, rowsToWrite()); err != nil {
			t.Fatal(name, err)
		}
		got, err := Read(file.Bytes())
		if err != nil {
			t.Fatal(name, err)
		}
		want := []string{"2 r-1 18446744073709551000  ", "4 r-2 7 same -1+2"}
		if name == "xlsx" {
			want[1] = "3 r-2 7 same -1+2" // a cell of two lines is one row there
		}
		for i, r := range got {
			if s := fmt.Sprint(r.Line, " ", r.Review, " ", r.Version, " ", r.Decision, " ", r.Reason); s != want[i] {
				t.Errorf("%s: row %d is %q, want %q", name, i, s, want[i])
			}
		}
	}
}

// TestNoCellRuns: nothing that a spreadsheet would take for a formula.
func TestNoCellRuns(t *testing.T) {
	for name, cells := range map[string][][]string{"csv": csvCells(t), "xlsx": xlsxCells(t)} {
		if want := header(3); !slices.Equal(cells[0], want) {
			t.Errorf("%s: header %q", name, cells[0])
		}
		for _, line := range cells[1:] {
			for _, c := range line {
				if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) && c != "-1.250" {
					t.Errorf("%s: cell %q", name, c)
				}
			}
		}
		if !slices.Contains(cells[1], `'=HYPERLINK("http://x")`) || !slices.Contains(cells[1], "/crm:customer:1 | /shop:customer:77") ||
			!slices.Contains(cells[2], "'+50255123456") || !slices.Contains(cells[2], "2026-03-02T09:15:00Z") {
			t.Errorf("%s: %q", name, cells)
		}
	}
}

func csvCells(t *testing.T) [][]string {
	var file bytes.Buffer
	if err := WriteCSV(&file, rowsToWrite()); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(file.String(), "\ufeff")
	if !ok {
		t.Error("no byte order mark")
	}
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func xlsxCells(t *testing.T) [][]string {
	var file bytes.Buffer
	if err := WriteXLSX(&file, rowsToWrite()); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.GetRows(sheetName)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestReadsWhatOfficesSave: signs between cells, byte order marks, languages.
func TestReadsWhatOfficesSave(t *testing.T) {
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("review_id\tdecisión\nx\tigual\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"comma":           "review_id,decision\nx,same\n",
		"semicolon, mark": "\ufeffdecision;reason;review_id\r\nsame;\"why; not\";x\r\n",
		"tab":             "review_id\tname_a\tdecision\nx\ta,b\tigual\n",
		"bar":             "ID|Decisión\nx|IGUAL \n\n",
		"utf-16":          utf16,
		"empty lines":     "\nreview_id,decision\n,\nx,same\n,,\n",
		"short lines":     "review_id,decision,reason\nx,same\n",
		"loose quotes":    "review_id,name_a,decision\nx,María \"la\" Núñez,same\n",
	} {
		rows, err := Read([]byte(file))
		if err != nil || len(rows) != 1 || rows[0].Review != "x" {
			t.Errorf("%s: %+v, %v", name, rows, err)
			continue
		}
		if v, ok := Word(rows[0].Decision); !ok || v != events.VerdictSame {
			t.Errorf("%s: %q is %q", name, rows[0].Decision, v)
		}
	}
}

func TestNoTable(t *testing.T) {
	many := "review_id,decision\n" + strings.Repeat("x,same\n", MaxRows+1)
	for name, c := range map[string]struct {
		file string
		want error
		says string
	}{
		"empty":       {"", ErrFormat, "empty"},
		"no columns":  {"a,b\n1,2\n", ErrFormat, "no column review_id"},
		"no decision": {"review_id\n1\n", ErrFormat, "no column decision"},
		"twice":       {"review_id,decision,decisión\n", ErrFormat, "column 3 says the same as column 2"},
		"no workbook": {"PK\x03\x04nonsense", ErrFormat, "cannot be opened"},
		"too many":    {many, ErrTooMany, ""},
	} {
		_, err := Read([]byte(c.file))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rows, err := Read([]byte("review_id,version,decision\nx,1e3,same")); err != nil || rows[0].Version != ^uint64(0) {
		t.Errorf("a version that is none: %+v, %v", rows, err)
	}
}

func TestWord(t *testing.T) {
	for word, want := range map[string]events.Verdict{"Same": "same", " distinto ": "different", "DUDA": "unsure", "": ""} {
		if v, ok := Word(word); !ok || v != want {
			t.Errorf("%q is %q, %v", word, v, ok)
		}
	}
	if _, ok := Word("perhaps"); ok {
		t.Error("perhaps is no decision")
	}
}

// FuzzRead: no file makes it panic, and what it reads has a line.
func FuzzRead(f *testing.F) {
	for _, write := range writers {
		var file bytes.Buffer
		if err := write(&file, rowsToWrite()); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes())
	}
	f.Add([]byte("review_id;decision\n\"x;same\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := Read(file)
		if err != nil && !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%v", err)
		}
		for _, r := range rows {
			if r.Line < 1 {
				t.Errorf("%+v", r)
			}
		}
	})
}

// FuzzSafe: what is written safely is read as it was, and is no formula.
func FuzzSafe(f *testing.F) {
	for _, s := range []string{"", "=1", "'=1", "'", "-1.5", "+x", "''=1", "'-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := safe(s)
		if c != "" && strings.ContainsRune("=+@\t\r", rune(c[0])) {
			t.Errorf("%q is written %q", s, c)
		}
		if plain(c) != s {
			t.Errorf("%q is written %q and read %q", s, c, plain(c))
		}
	})
}
