package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// WriteCSV writes rows as RFC 4180 says, in UTF-8 with a byte order mark, without
// which Excel reads accents wrongly.
func WriteCSV(w io.Writer, rows []Row) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	n := widest(rows)
	lines := [][]string{header(n)}
	for i := range rows {
		lines = append(lines, rows[i].cells(n))
	}
	if err := out.WriteAll(lines); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

// Read reads a table: XLSX (its first sheet), or CSV in UTF-8 or, with a byte
// order mark, UTF-16, with comma, semicolon, tab or bar between the cells. Of each
// row it gives line, review, version, decision and reason. ErrFormat, ErrTooMany.
func Read(file []byte) ([]Row, error) {
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		return readXLSX(file)
	}
	return readCSV(file)
}

func readCSV(file []byte) ([]Row, error) {
	text, _, err := transform.Bytes(unicode.BOMOverride(unicode.UTF8.NewDecoder()), file)
	if err != nil {
		return nil, fmt.Errorf("its letters cannot be read: %w", ErrFormat)
	}
	in := csv.NewReader(bytes.NewReader(text))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = separatorOf(text), -1, true
	var lines [][]string
	var numbers []int
	for {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rowsOf(lines, numbers)
		}
		if syntax := (*csv.ParseError)(nil); errors.As(err, &syntax) {
			return nil, fmt.Errorf("line %d: %w: %w", syntax.Line, syntax.Err, ErrFormat)
		}
		if err != nil {
			return nil, fmt.Errorf("read csv: %w", err)
		}
		if len(lines) > 2*MaxRows { // empty ones count here
			return nil, ErrTooMany
		}
		at, _ := in.FieldPos(0)
		lines, numbers = append(lines, line), append(numbers, at)
	}
}

// separatorOf gives what stands between the cells of the header: the sign by which
// it has the columns that are needed, else a comma.
func separatorOf(text []byte) rune {
	first, _, _ := strings.Cut(strings.TrimLeft(string(text[:min(len(text), 64<<10)]), "\r\n"), "\n")
	for _, sign := range ",;\t|" {
		in := csv.NewReader(strings.NewReader(first))
		in.Comma, in.LazyQuotes = sign, true
		line, err := in.Read()
		if err != nil {
			continue
		}
		if _, err := columnsOf(line); err == nil {
			return sign
		}
	}
	return ','
}
